"""The order-tracked market book of ITCH. Twin: meltica/hot/itch_book_twin.py.

Orders are in one open-addressed table (linear probing, deletion by shifting back, so no tombstones), levels in one
array per locate code and side. A batch is applied without the GIL; the table's places are asked for some messages ahead.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from cython_ext.layout_gen cimport SIDE_BUY, SIDE_SELL
from cython_ext.levels cimport Level, Levels, drop_level, free_levels, level_of, level_to_fill

import numpy as np

cdef extern from *:
    """
    static inline uint64_t meltica_spread(uint64_t ref) { return ref * 0x9E3779B97F4A7C15ULL; }
    """
    uint64_t spread "meltica_spread"(uint64_t ref) noexcept nogil
    void prefetch_write "__builtin_prefetch"(const void* address) noexcept nogil

cdef enum:
    LOCATES = 65536
    FIRST_SLOTS_LOG2 = 16
    LOOK_AHEAD = 12   # messages: about one memory latency
    FULL = 1          # max_orders
    NO_MEMORY = 2

cdef struct Order:
    uint64_t ref
    int64_t shares
    uint32_t price
    uint16_t locate
    uint8_t side      # 0: the slot is free


@cython.final
cdef class ItchBook:
    cdef readonly uint64_t max_orders
    cdef readonly uint64_t live_orders
    cdef Order* slots
    cdef int slots_log2
    cdef Levels* sides         # 2 * locate + (0 bids, 1 asks)
    cdef uint64_t* symbols     # by locate; 0 = unknown
    cdef uint8_t* states
    cdef uint64_t applied
    cdef uint64_t unknown_refs
    cdef uint64_t duplicate_refs
    cdef uint64_t over_reductions
    cdef uint64_t bad_sides

    def __cinit__(self, uint64_t max_orders=8_000_000):
        if max_orders < 1:
            raise ValueError(f"max_orders {max_orders} is not positive")
        self.max_orders = max_orders
        self.slots_log2 = FIRST_SLOTS_LOG2
        self.slots = <Order*>calloc(<size_t>1 << self.slots_log2, sizeof(Order))
        self.sides = <Levels*>calloc(2 * LOCATES, sizeof(Levels))
        self.symbols = <uint64_t*>calloc(LOCATES, sizeof(uint64_t))
        self.states = <uint8_t*>calloc(LOCATES, 1)
        if self.slots == NULL or self.sides == NULL or self.symbols == NULL or self.states == NULL:
            raise MemoryError("no room for the book's tables")

    def __dealloc__(self):
        cdef Py_ssize_t at
        if self.sides != NULL:
            for at in range(2 * LOCATES):
                free_levels(&self.sides[at])
        free(self.sides)
        free(self.slots)
        free(self.symbols)
        free(self.states)

    def apply(self, batch):
        cdef const uint8_t[::1] types = batch.type
        cdef const uint8_t[::1] sides = batch.side
        cdef const uint8_t[::1] codes = batch.code
        cdef const uint16_t[::1] locates = batch.locate
        cdef const uint32_t[::1] prices = batch.price
        cdef const uint64_t[::1] refs = batch.order_ref
        cdef const uint64_t[::1] second_refs = batch.second_ref
        cdef const uint64_t[::1] shares = batch.shares
        cdef const uint64_t[::1] stocks = batch.stock.view(np.uint64)
        cdef Py_ssize_t at, count = types.shape[0]
        cdef uint8_t kind
        cdef int failure = 0
        with nogil:
            for at in range(count):
                if at + LOOK_AHEAD < count:
                    prefetch_write(&self.slots[self.home(refs[at + LOOK_AHEAD])])
                kind = types[at]
                if kind == c"A" or kind == c"F":
                    self.name(locates[at], stocks[at])
                    if sides[at] == c"B":
                        failure = self.add(refs[at], locates[at], SIDE_BUY, prices[at], shares[at])
                    elif sides[at] == c"S":
                        failure = self.add(refs[at], locates[at], SIDE_SELL, prices[at], shares[at])
                    else:
                        self.bad_sides += 1
                elif kind == c"D":
                    self.remove(refs[at])
                elif kind == c"U":
                    failure = self.replace(refs[at], second_refs[at], prices[at], shares[at])
                elif kind == c"E" or kind == c"X" or kind == c"C":
                    self.reduce(refs[at], shares[at])
                elif kind == c"R":
                    self.name(locates[at], stocks[at])
                elif kind == c"H":
                    self.states[locates[at]] = codes[at]
                if failure:
                    break
        if failure == FULL:
            raise OverflowError(f"the book has {self.live_orders} live orders; max_orders is {self.max_orders}")
        if failure:
            raise MemoryError("no room for another order or level")

    # --- orders ---

    cdef inline size_t home(self, uint64_t ref) noexcept nogil:
        return spread(ref) >> (64 - self.slots_log2)

    cdef inline Order* find(self, uint64_t ref) noexcept nogil:
        """The order's slot, or the free slot where it would go."""
        cdef size_t mask = (<size_t>1 << self.slots_log2) - 1
        cdef size_t at = self.home(ref)
        while self.slots[at].side != 0 and self.slots[at].ref != ref:
            at = (at + 1) & mask
        return &self.slots[at]

    cdef void vacate(self, Order* order) noexcept nogil:
        """Frees a slot and moves later ones of the run back, so that each stays reachable from its home."""
        cdef size_t mask = (<size_t>1 << self.slots_log2) - 1
        cdef size_t gap = order - self.slots
        cdef size_t at = gap
        cdef size_t home
        while True:
            at = (at + 1) & mask
            if self.slots[at].side == 0:
                break
            home = self.home(self.slots[at].ref)
            if ((at - home) & mask) >= ((at - gap) & mask):
                self.slots[gap] = self.slots[at]
                gap = at
        self.slots[gap].side = 0
        self.live_orders -= 1

    cdef int grow(self) noexcept nogil:
        cdef Order* old = self.slots
        cdef size_t at, count = <size_t>1 << self.slots_log2
        cdef Order* grown = <Order*>calloc(count * 2, sizeof(Order))
        if grown == NULL:
            return NO_MEMORY
        self.slots = grown
        self.slots_log2 += 1
        for at in range(count):
            if old[at].side != 0:
                self.find(old[at].ref)[0] = old[at]
        free(old)
        return 0

    # --- messages ---

    cdef inline void name(self, uint16_t locate, uint64_t stock) noexcept nogil:
        if self.symbols[locate] == 0:
            self.symbols[locate] = stock

    cdef int add(self, uint64_t ref, uint16_t locate, uint8_t side, uint32_t price, int64_t shares) noexcept nogil:
        cdef Level* level
        cdef Order* order = self.find(ref)
        if order.side != 0:
            self.duplicate_refs += 1
            return 0
        if self.live_orders >= self.max_orders:
            return FULL
        if self.live_orders >= <uint64_t>1 << (self.slots_log2 - 1):  # half full: probes stay short
            if self.grow():
                return NO_MEMORY
            order = self.find(ref)
        level = level_to_fill(&self.sides[2 * <size_t>locate + side - SIDE_BUY], key_of(side, price))
        if level == NULL:
            return NO_MEMORY
        level.quantity += shares
        level.orders += 1
        order.ref = ref
        order.shares = shares
        order.price = price
        order.locate = locate
        order.side = side
        self.live_orders += 1
        self.applied += 1
        return 0

    cdef void shrink(self, const Order* order, int64_t shares, int64_t orders) noexcept nogil:
        cdef Levels* levels = &self.sides[2 * <size_t>order.locate + order.side - SIDE_BUY]
        cdef Level* level = level_of(levels, key_of(order.side, order.price))
        level.quantity -= shares
        level.orders -= orders
        if level.orders == 0:
            drop_level(levels, level)

    cdef void reduce(self, uint64_t ref, int64_t shares) noexcept nogil:
        cdef Order* order = self.find(ref)
        if order.side != 0 and shares < order.shares:
            order.shares -= shares
            self.shrink(order, shares, 0)
            self.applied += 1
            return
        if order.side != 0 and shares > order.shares:
            self.over_reductions += 1
        self.remove(ref)

    cdef void remove(self, uint64_t ref) noexcept nogil:
        cdef Order* order = self.find(ref)
        if order.side == 0:
            self.unknown_refs += 1
            return
        self.shrink(order, order.shares, 1)
        self.vacate(order)
        self.applied += 1

    cdef int replace(self, uint64_t ref, uint64_t new_ref, uint32_t price, int64_t shares) noexcept nogil:
        cdef Order* order = self.find(ref)
        cdef Order old = order[0]
        if old.side == 0:
            self.unknown_refs += 1
            return 0
        self.shrink(order, order.shares, 1)
        self.vacate(order)
        return self.add(new_ref, old.locate, old.side, price, shares)

    # --- looking inside ---

    def best(self, uint16_t locate):
        bid, ask = self.depth(locate, SIDE_BUY, 1), self.depth(locate, SIDE_SELL, 1)
        return (*(bid[0][:2] if bid else (0, 0)), *(ask[0][:2] if ask else (0, 0)))

    def depth(self, uint16_t locate, int side, Py_ssize_t count):
        if side != SIDE_BUY and side != SIDE_SELL:
            raise ValueError(f"side {side} is neither {SIDE_BUY} (buy) nor {SIDE_SELL} (sell)")
        cdef Levels* levels = &self.sides[2 * <size_t>locate + side - SIDE_BUY]
        cdef Level* level
        cdef Py_ssize_t at
        found = []
        for at in range(min(count, <Py_ssize_t>levels.count)):
            level = &levels.rows[levels.count - 1 - at]
            found.append((level.key if side == SIDE_BUY else -level.key, level.quantity, level.orders))
        return found

    def level_counts(self, uint16_t locate):
        return self.sides[2 * <size_t>locate].count, self.sides[2 * <size_t>locate + 1].count

    def order(self, uint64_t ref):
        cdef Order* order = self.find(ref)
        return None if order.side == 0 else (order.locate, order.side, order.price, order.shares)

    def locates(self):
        cdef int locate
        return [
            locate for locate in range(LOCATES) if self.sides[2 * locate].count or self.sides[2 * locate + 1].count
        ]

    def symbol(self, uint16_t locate):
        return (<char*>&self.symbols[locate])[:8].rstrip(b"\0").decode("latin-1").rstrip(" ")

    def trading_state(self, uint16_t locate):
        return chr(self.states[locate]) if self.states[locate] else ""

    def counters(self):
        return {
            "applied": self.applied,
            "unknown_refs": self.unknown_refs,
            "duplicate_refs": self.duplicate_refs,
            "over_reductions": self.over_reductions,
            "bad_sides": self.bad_sides,
        }


cdef inline int64_t key_of(uint8_t side, uint32_t price) noexcept nogil:
    return <int64_t>price if side == SIDE_BUY else -<int64_t>price
