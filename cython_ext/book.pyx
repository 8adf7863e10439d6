"""A book of price levels with absolute quantities, as crypto venues send it. Twin: meltica/hot/book_twin.py."""

cimport cython
cimport numpy as cnp
from libc.stdint cimport int64_t, uint32_t, uint64_t

from cython_ext.layout_gen cimport LOTS_BOUND, SIDE_BUY, SIDE_SELL, TICKS_BOUND
from cython_ext.levels cimport Level, Levels, drop_level, free_levels, open_level, place_of

import numpy as np

cnp.import_array()


cdef inline cnp.ndarray column(numbers):
    """Any numbers as int64 side by side; an array that is so already is taken as it is, without a look by Python."""
    if not cnp.PyArray_CheckExact(numbers) or cnp.PyArray_TYPE(numbers) != cnp.NPY_INT64:
        numbers = np.asarray(numbers, dtype=np.int64)
    if cnp.PyArray_NDIM(numbers) != 1:
        raise ValueError(f"a column has one dimension, not {numbers.ndim}")
    return numbers if cnp.PyArray_IS_C_CONTIGUOUS(numbers) and cnp.PyArray_ISBEHAVED_RO(numbers) else numbers.copy()


cdef inline bint sensible(int64_t price, int64_t quantity) noexcept:
    return 1 <= price <= TICKS_BOUND and 0 <= quantity <= LOTS_BOUND


cdef inline bint all_sensible(
    const int64_t* sides, const int64_t* prices, const int64_t* quantities, Py_ssize_t count
) noexcept:
    """Looked at in one sweep without branches, so that the compiler takes several at once."""
    cdef uint64_t wrong = 0
    cdef Py_ssize_t at
    for at in range(count):
        wrong |= (
            (<uint64_t>sides[at] - SIDE_BUY > SIDE_SELL - SIDE_BUY)
            | (<uint64_t>prices[at] - 1 >= <uint64_t>TICKS_BOUND)
            | (<uint64_t>quantities[at] > <uint64_t>LOTS_BOUND)
        )
    return wrong == 0


@cython.final
cdef class LevelBook:
    cdef Levels[2] sides  # bids, asks
    cdef readonly Py_ssize_t max_levels

    def __cinit__(self, Py_ssize_t max_levels=100_000):
        if max_levels < 1:
            raise ValueError(f"max_levels {max_levels} is not positive")
        self.max_levels = max_levels

    def __dealloc__(self):
        free_levels(&self.sides[0])
        free_levels(&self.sides[1])

    def update(self, int side, int64_t price_ticks, int64_t quantity_lots):
        check_side(side)
        if price_ticks < 1 or price_ticks > TICKS_BOUND:
            raise ValueError(f"price_ticks {price_ticks} is not within 1..{TICKS_BOUND}")
        if quantity_lots < 0 or quantity_lots > LOTS_BOUND:
            raise ValueError(f"quantity_lots {quantity_lots} is not within 0..{LOTS_BOUND}")
        self.put(side, price_ticks, quantity_lots)

    def apply(self, int side, prices_ticks, quantities_lots):
        check_side(side)
        cdef const int64_t[:] prices = np.asarray(prices_ticks, dtype=np.int64)
        cdef const int64_t[:] quantities = np.asarray(quantities_lots, dtype=np.int64)
        cdef Py_ssize_t at
        if prices.shape[0] != quantities.shape[0]:
            raise ValueError(f"{prices.shape[0]} prices, {quantities.shape[0]} quantities")
        for at in range(prices.shape[0]):
            if prices[at] < 1 or prices[at] > TICKS_BOUND or quantities[at] < 0 or quantities[at] > LOTS_BOUND:
                raise ValueError(f"update {at} is senseless: price {prices[at]}, quantity {quantities[at]}")
        for at in range(prices.shape[0]):
            self.put(side, prices[at], quantities[at])

    def apply_both(self, sides, prices_ticks, quantities_lots):
        cdef cnp.ndarray of_sides = column(sides)
        cdef cnp.ndarray of_prices = column(prices_ticks)
        cdef cnp.ndarray of_quantities = column(quantities_lots)
        cdef const int64_t* side = <const int64_t*>cnp.PyArray_DATA(of_sides)
        cdef const int64_t* prices = <const int64_t*>cnp.PyArray_DATA(of_prices)
        cdef const int64_t* quantities = <const int64_t*>cnp.PyArray_DATA(of_quantities)
        cdef Py_ssize_t at, count = cnp.PyArray_SIZE(of_sides)
        if cnp.PyArray_SIZE(of_prices) != count or cnp.PyArray_SIZE(of_quantities) != count:
            raise ValueError(f"{count} sides, {len(of_prices)} prices, {len(of_quantities)} quantities")
        if not all_sensible(side, prices, quantities, count):
            self.refuse(side, prices, quantities, count)
        for at in range(count):
            self.put(<int>side[at], prices[at], quantities[at])

    cdef int refuse(
        self, const int64_t* side, const int64_t* prices, const int64_t* quantities, Py_ssize_t count
    ) except -1:
        """Says which update is the first that is senseless."""
        cdef Py_ssize_t at
        for at in range(count):
            if side[at] != SIDE_BUY and side[at] != SIDE_SELL:
                raise ValueError(f"update {at} is senseless: side {side[at]}")
            if not sensible(prices[at], quantities[at]):
                raise ValueError(f"update {at} is senseless: price {prices[at]}, quantity {quantities[at]}")
        return 0

    cdef inline int put(self, int side, int64_t price_ticks, int64_t quantity_lots) except -1:
        cdef Levels* levels = &self.sides[side - SIDE_BUY]
        cdef int64_t key = price_ticks * (SIDE_BUY + SIDE_SELL - 2 * side)
        cdef uint32_t place = place_of(levels, key)
        if place < levels.count and levels.rows[place].key == key and quantity_lots:
            levels.rows[place].quantity = quantity_lots
            return 0
        return self.come_or_go(levels, place, key, quantity_lots)

    cdef int come_or_go(self, Levels* levels, uint32_t place, int64_t key, int64_t quantity_lots) except -1:
        """A level that is not there yet, or one that has nothing left."""
        cdef Level* level
        if quantity_lots == 0:
            if place < levels.count and levels.rows[place].key == key:
                drop_level(levels, &levels.rows[place])
            return 0
        if levels.count >= self.max_levels:
            raise OverflowError(f"the book has {levels.count} levels on a side; max_levels is {self.max_levels}")
        level = open_level(levels, place, key)
        if level == NULL:
            raise MemoryError("no room for another level")
        level.quantity = quantity_lots
        return 0

    def clear(self):
        self.sides[0].count = 0
        self.sides[1].count = 0

    def best(self, int side):
        check_side(side)
        cdef Levels* levels = &self.sides[side - SIDE_BUY]
        if levels.count == 0:
            return None
        cdef Level* level = &levels.rows[levels.count - 1]
        return (level.key if side == SIDE_BUY else -level.key), level.quantity

    def depth(self, int side, Py_ssize_t count):
        check_side(side)
        cdef Levels* levels = &self.sides[side - SIDE_BUY]
        cdef Level* level
        cdef Py_ssize_t at
        found = []
        for at in range(min(count, <Py_ssize_t>levels.count)):
            level = &levels.rows[levels.count - 1 - at]
            found.append((level.key if side == SIDE_BUY else -level.key, level.quantity))
        return found

    def count(self, int side):
        check_side(side)
        return self.sides[side - SIDE_BUY].count

    @property
    def crossed(self):
        bid, ask = self.best(SIDE_BUY), self.best(SIDE_SELL)
        return bid is not None and ask is not None and bid[0] >= ask[0]


cdef int check_side(int side) except -1:
    if side != SIDE_BUY and side != SIDE_SELL:
        raise ValueError(f"side {side} is neither {SIDE_BUY} (buy) nor {SIDE_SELL} (sell)")
    return 0
