"""The books of the whole market from ITCH: by level (L2), and by order with queues (L3). Twin: meltica/hot/itch_book_twin.py.

What each message does is in itch_market.pxd, orders are in itch_orders.pxd, levels in itch_levels.pxd. Here is the loop
over messages, which asks for memory some messages ahead, and what can be looked at.

Memory: 32 bytes for each place of the window (2 ** window_log2 of them, 256 MiB; a place costs nothing until a reference
comes to it) and for each of max_orders orders that have left it, which cost 16 to 64 more in a hash table (reserve()
makes it for max_orders at once); 24 for each place of a level, at most eight places a level, in slabs of at most 64 MiB
and 192 bytes for each of max_orders; 8 MiB for the locate codes. At a bound a message is refused as a whole: OverflowError or MemoryError from Python, a negative
number from apply_block(); block_offset says which message it was, and all before it are applied.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from cython_ext.itch_levels cimport Level, Side, close_levels, level_at, reserve_levels
from cython_ext.itch_changes cimport Changes, bests, note_change
from cython_ext.itch_dispatch cimport take_message, take_row
from cython_ext.itch_market cimport (
    BOOK_FULL, CROSSED, END, END_OF_SESSION, LOCATES, LOCKED, MORE, NO_MEMORY, TRUNCATED, UNKNOWN_TYPE, WRONG_LENGTH,
    Book, Market, Status, ask_last, ask_order, big2, big8, hear, key_of,
)
from cython_ext.itch_memory cimport huge_free, huge_zeros, prefetch, touch_pages
from cython_ext.itch_orders cimport (
    Order, ask_pool, ask_slot, close_orders, find_order, open_orders, orders_memory, place_of_ref, reserve_orders,
)
from cython_ext.layout_gen cimport SIDE_BUY, SIDE_SELL, TOP_OF_BOOK_TYPE_ID, TopOfBookRecord

import numpy as np

cdef enum:
    # How many messages ahead memory is asked for: the order and the book, an order outside the window, the levels, the
    # queue's end.
    AHEAD = 16
    POOL_AHEAD = 13
    LEVELS_AHEAD = 10
    QUEUE_AHEAD = 5
    RING = 32
    CACHED_ORDERS = 1 << 16  # 2 MiB, window and pool: they stay in a core's cache, and looking ahead costs more than it saves
    LAST_LEVEL_SLAB = 1 << 26
    LEVEL_BYTES_AN_ORDER = 192
    CHANGES = 8192

# By type byte: the length (0: unknown), where to look ahead (in a message that has no order: anywhere), and a mask that
# is all ones when the message names an order, whose side and level are then the order's.
cdef struct Kind:
    uint8_t length
    uint8_t ref_at
    uint8_t second_ref_at
    uint8_t side_at
    uint32_t named

cdef struct Ahead:
    const uint8_t* message
    uint64_t ref
    uint32_t named
    uint32_t where

cdef Kind[256] KINDS
LENGTHS = {
    "S": 12, "R": 39, "H": 25, "Y": 20, "L": 26, "V": 35, "W": 12, "K": 28, "J": 35, "h": 21, "A": 36, "F": 40, "E": 31,
    "C": 36, "X": 23, "D": 19, "U": 35, "P": 44, "Q": 40, "B": 19, "I": 50, "N": 20, "O": 48,
}


def fill_kinds():
    for letter, length in LENGTHS.items():
        ref_at = 11 if letter in "AFECXDU" else 3
        KINDS[ord(letter)] = Kind(
            length, ref_at, 19 if letter == "U" else ref_at, 19 if letter in "AF" else 0, 0xFFFFFFFF if letter in "ECXDU" else 0
        )


fill_kinds()


@cython.final
cdef class ItchBook:
    def __cinit__(self, uint64_t max_orders=8_000_000, *, bint queues=True, uint32_t window_log2=23):
        cdef Market* market = &self.market
        if window_log2 < 4 or window_log2 > 30:
            raise ValueError(f"window_log2 {window_log2} is not within 4..30")
        if max_orders < 1 or max_orders >= 1 << 31:
            raise ValueError(f"max_orders {max_orders} is not within 1..{(1 << 31) - 1}")
        self.max_orders = max_orders
        market.queues = queues
        market.cached = (<uint64_t>1 << window_log2) + max_orders <= CACHED_ORDERS
        market.memory.bound = LAST_LEVEL_SLAB + LEVEL_BYTES_AN_ORDER * max_orders
        market.books = <Book*>huge_zeros(LOCATES * sizeof(Book))
        market.status = <Status*>calloc(LOCATES, sizeof(Status))
        market.moved_ns = <uint64_t*>calloc(LOCATES, sizeof(uint64_t))
        market.touched = <uint16_t*>calloc(LOCATES, sizeof(uint16_t))
        if (
            market.books == NULL or market.status == NULL or market.moved_ns == NULL or market.touched == NULL
            or open_orders(&market.orders, <uint32_t>max_orders, window_log2)
        ):
            raise MemoryError("no room for the book's tables")

    def __dealloc__(self):
        close_orders(&self.market.orders)
        close_levels(&self.market.memory)
        huge_free(self.market.books, LOCATES * sizeof(Book))
        free(self.market.status)
        free(self.market.moved_ns)
        free(self.market.touched)

    @property
    def queues(self):
        return self.market.queues

    @property
    def live_orders(self):
        return self.market.orders.live

    def reserve(self):
        if reserve_orders(&self.market.orders):
            raise MemoryError("no room for a hash table of max_orders orders")
        touch_pages(self.market.books, LOCATES * sizeof(Book))
        touch_pages(self.market.status, LOCATES * sizeof(Status))
        if reserve_levels(&self.market.memory, LEVEL_BYTES_AN_ORDER * self.max_orders // 8):
            raise MemoryError("no room for the levels of max_orders orders")

    def memory_bytes(self):
        cdef size_t fixed = LOCATES * (sizeof(Book) + sizeof(Status) + sizeof(uint64_t) + sizeof(uint16_t))
        return fixed + orders_memory(&self.market.orders) + self.market.memory.taken

    # --- blocks of messages ---

    cdef int apply_block(self, const uint8_t* data, size_t size, uint64_t receive_time_ns) noexcept nogil:
        cdef int stop
        self.begin_block(receive_time_ns)
        stop = self.read(data, size, False)
        return -stop if stop > END_OF_SESSION else <int>self.block_messages

    cdef const uint16_t* touched_locates(self, uint32_t* count) noexcept nogil:
        count[0] = self.market.touched_count
        return self.market.touched

    cdef void begin_block(self, uint64_t receive_time_ns) noexcept nogil:
        cdef uint32_t at
        for at in range(self.market.touched_count):
            self.market.books[self.market.touched[at]].moved = 0
        self.market.touched_count = 0
        self.market.received_ns = receive_time_ns

    def apply_bytes(self, buffer, Py_ssize_t offset=0, uint64_t receive_time_ns=0):
        cdef int stop = self.read_buffer(buffer, offset, receive_time_ns, False)
        self.raise_bounds(stop)
        return self.block_messages, self.block_offset, stop

    def take_changes(self, buffer, Py_ssize_t offset=0, uint64_t receive_time_ns=0):
        cdef int stop
        if self.rows.capacity == 0:
            self.make_changes()
        self.rows.count = 0
        stop = self.read_buffer(buffer, offset, receive_time_ns, True)
        if self.block_messages == 0:
            self.raise_bounds(stop)
        return self.rows.count, self.block_offset, MORE if stop >= BOOK_FULL else stop

    cdef int read_buffer(self, buffer, Py_ssize_t offset, uint64_t receive_time_ns, bint changes) except -1:
        cdef Py_buffer view
        cdef int stop
        PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
        try:
            if offset < 0 or offset > view.len:
                raise ValueError(f"offset {offset} is not within 0..{view.len}")
            with nogil:
                self.begin_block(receive_time_ns)
                stop = self.read(<const uint8_t*>view.buf + offset, view.len - offset, changes)
        finally:
            PyBuffer_Release(&view)
        self.block_offset += offset
        return stop

    cdef int raise_bounds(self, int stop) except -1:
        if stop == BOOK_FULL:
            raise OverflowError(
                f"the book has {self.live_orders} live orders; max_orders is {self.max_orders};"
                f" message {self.block_messages} was not applied"
            )
        if stop == NO_MEMORY:
            raise MemoryError(f"no room for another order or level; message {self.block_messages} was not applied")
        return 0

    cdef make_changes(self):
        cdef uint16_t[::1] u2
        cdef uint32_t[::1] u4
        cdef uint64_t[::1] u8
        cdef Changes* rows = &self.rows
        self.changes = {
            name: np.zeros(CHANGES, code)
            for name, code in (
                ("locate", "u2"), ("timestamp_ns", "u8"), ("bid_price", "u4"), ("bid_shares", "u8"), ("ask_price", "u4"),
                ("ask_shares", "u8"),
            )
        }
        u2 = self.changes["locate"]
        rows.locates = &u2[0]
        u8 = self.changes["timestamp_ns"]
        rows.times = &u8[0]
        u4 = self.changes["bid_price"]
        rows.bids = &u4[0]
        u8 = self.changes["bid_shares"]
        rows.bid_shares = &u8[0]
        u4 = self.changes["ask_price"]
        rows.asks = &u4[0]
        u8 = self.changes["ask_shares"]
        rows.ask_shares = &u8[0]
        rows.capacity = CHANGES

    cdef int read(self, const uint8_t* data, size_t size, bint changes) noexcept nogil:
        """Messages from framed bytes; block_offset and block_messages say how far, the result why no further."""
        cdef Ahead ring[RING]
        cdef Ahead* ahead
        cdef const uint8_t* next = data
        cdef const uint8_t* end = data + size
        cdef const uint8_t* message
        cdef const Kind* kind
        cdef Market* market = &self.market
        cdef bint far = not market.cached
        cdef uint64_t seen = 0      # messages whose frame has been read
        cdef uint64_t done = 0      # messages applied
        cdef uint64_t moves = 0
        cdef uint64_t[4] before
        cdef uint16_t locate
        cdef int stop = MORE        # of the frames: what is read already is applied first
        cdef int failure = 0
        memset(before, 0, sizeof(before))
        while True:
            if stop == MORE:
                if end - next < 3:
                    stop = END if next == end else TRUNCATED
                    if end - next == 2 and big2(next) == 0:
                        stop = END_OF_SESSION
                else:
                    message = next + 2
                    kind = &KINDS[message[0]]
                    if kind.length == 0 or big2(next) != kind.length or end - message < kind.length:
                        stop = self.why(next, end)
                    else:
                        next = message + kind.length
                        ahead = &ring[seen & (RING - 1)]
                        seen += 1
                        ahead.message = message
                        ahead.named = kind.named
                        ahead.ref = big8(message + kind.ref_at)
                        ahead.where = 2 * <uint32_t>big2(message + 1) + (message[kind.side_at] == c"S")
                        if far:
                            prefetch(&market.books[ahead.where >> 1])
                            prefetch(place_of_ref(&market.orders, ahead.ref))
                            prefetch(place_of_ref(&market.orders, big8(message + kind.second_ref_at)))
                            if market.orders.far_count:
                                ask_slot(&market.orders, ahead.ref)
                                ask_slot(&market.orders, big8(message + kind.second_ref_at))
            if stop != MORE and done == seen:
                break
            # No branch on the type of a message here: it would be mispredicted each time it is looked at.
            if far and seen > AHEAD - QUEUE_AHEAD:
                ahead = &ring[(seen - 1 - (AHEAD - LEVELS_AHEAD)) & (RING - 1)]
                ahead.where = ask_order(market, ahead.ref, ahead.where, ahead.named)
                if market.orders.far_count:
                    ask_pool(&market.orders, ring[(seen - 1 - (AHEAD - POOL_AHEAD)) & (RING - 1)].ref)
                if market.queues:
                    ask_last(market, ring[(seen - 1 - (AHEAD - QUEUE_AHEAD)) & (RING - 1)].where)
            if stop == MORE and far and seen - done < AHEAD:
                continue
            message = ring[done & (RING - 1)].message
            locate = big2(message + 1)
            market.now_ns = big8(message + 3) & <uint64_t>0xFFFFFFFFFFFF
            if changes:
                if self.rows.count == self.rows.capacity:
                    stop = MORE
                    next = message - 2
                    break
                moves = market.books[locate].moves
                bests(market, locate, before)
            failure = take_message(market, message)
            if failure:
                next = message - 2
                break
            done += 1
            hear(market, locate)
            if changes and market.books[locate].moves != moves:
                note_change(market, &self.rows, before, locate)
        self.block_messages = done
        self.block_offset = next - data
        if stop == END_OF_SESSION and not failure:
            self.block_offset += 2
        return failure if failure else stop

    cdef int why(self, const uint8_t* next, const uint8_t* end) noexcept nogil:
        """Why there is no message at `next`, three bytes at least before the end."""
        cdef const Kind* kind = &KINDS[next[2]]
        if big2(next) == 0:
            return END_OF_SESSION
        if kind.length == 0:
            return UNKNOWN_TYPE
        return WRONG_LENGTH if big2(next) != kind.length else TRUNCATED

    # --- columns ---

    def apply(self, batch):
        cdef const uint8_t[::1] types = batch.type
        cdef const uint8_t[::1] sides = batch.side
        cdef const uint8_t[::1] codes = batch.code
        cdef const uint16_t[::1] locates = batch.locate
        cdef const uint32_t[::1] prices = batch.price
        cdef const uint64_t[::1] times = batch.timestamp_ns
        cdef const uint64_t[::1] refs = batch.order_ref
        cdef const uint64_t[::1] second_refs = batch.second_ref
        cdef const uint64_t[::1] shares = batch.shares
        cdef const uint64_t[::1] symbols = batch.stock.view(np.uint64)
        cdef Py_ssize_t at = 0, ahead, count = types.shape[0]
        cdef int failure = 0
        cdef Market* market = &self.market
        with nogil:
            self.begin_block(0)
            while at < count:
                ahead = at + AHEAD
                if ahead < count:
                    prefetch(&market.books[locates[ahead]])
                    prefetch(place_of_ref(&market.orders, refs[ahead]))
                    prefetch(place_of_ref(&market.orders, second_refs[ahead]))
                    if market.orders.far_count:
                        ask_slot(&market.orders, refs[ahead])
                        ask_slot(&market.orders, second_refs[ahead])
                ahead = at + LEVELS_AHEAD
                if ahead < count:
                    ask_order(
                        market, refs[ahead], 2 * <uint32_t>locates[ahead] + (sides[ahead] == c"S"),
                        KINDS[types[ahead]].named,
                    )
                failure = take_row(
                    market, types[at], locates[at], sides[at], codes[at], prices[at], times[at], refs[at], second_refs[at],
                    shares[at], symbols[at],
                )
                if failure:
                    break
                at += 1
        self.block_messages = at
        self.block_offset = 0
        self.raise_bounds(failure)

    # --- looking inside ---

    cdef void fill_top(self, uint16_t locate, TopOfBookRecord* out) noexcept nogil:
        cdef uint64_t[4] found
        cdef const Book* book = &self.market.books[locate]
        bests(&self.market, locate, found)
        memset(out, 0, sizeof(TopOfBookRecord))
        out.type_id = TOP_OF_BOOK_TYPE_ID
        out.locate = locate
        out.trading_status = book.state
        out.condition = 1 if book.flags & (LOCKED | CROSSED) else 0
        out.bid_price = <int64_t>found[0]
        out.bid_shares = <int64_t>found[1]
        out.ask_price = <int64_t>found[2]
        out.ask_shares = <int64_t>found[3]
        out.exchange_time_ns = self.market.moved_ns[locate]
        out.receive_time_ns = self.market.status[locate].received_ns
        out.update_count = book.moves

    def top(self, uint16_t locate):
        cdef TopOfBookRecord record
        self.fill_top(locate, &record)
        return (<char*>&record)[:sizeof(TopOfBookRecord)]

    def touched(self):
        return [self.market.touched[at] for at in range(self.market.touched_count)]

    def best(self, uint16_t locate):
        cdef uint64_t[4] found
        bests(&self.market, locate, found)
        return found[0], found[1], found[2], found[3]

    def depth(self, uint16_t locate, int side, Py_ssize_t count):
        cdef Side* levels = self.side(locate, side)
        cdef const Level* level
        cdef Py_ssize_t at
        found = []
        for at in range(min(count, <Py_ssize_t>levels.count)):
            level = &levels.rows[levels.count - 1 - at]
            found.append((key_of(side - SIDE_BUY, level.key), level.shares, level.orders))
        return found

    cdef Side* side(self, uint16_t locate, int side) except NULL:
        if side != SIDE_BUY and side != SIDE_SELL:
            raise ValueError(f"side {side} is neither {SIDE_BUY} (buy) nor {SIDE_SELL} (sell)")
        return &self.market.books[locate].sides[side - SIDE_BUY]

    def level_counts(self, uint16_t locate):
        return self.market.books[locate].sides[0].count, self.market.books[locate].sides[1].count

    def order(self, uint64_t ref):
        cdef const Order* order = find_order(&self.market.orders, ref)
        if order == NULL:
            return None
        return order.where >> 1, SIDE_BUY + (order.where & 1), order.price, order.shares

    def queue(self, uint16_t locate, int side, uint32_t price):
        cdef Side* levels = self.side(locate, side)
        cdef const Level* level = level_at(levels, key_of(side - SIDE_BUY, price), self.market.cached)
        cdef const Order* order
        cdef uint32_t handle = 0 if level == NULL else level.first
        self.need_queues()
        found = []
        while handle:
            order = &self.market.orders.rows[handle]
            found.append((order.ref, order.shares))
            handle = order.after
        return found

    def queue_ahead(self, uint64_t ref):
        cdef const Order* order = find_order(&self.market.orders, ref)
        cdef const Order* rows = self.market.orders.rows
        cdef uint64_t count = 0, shares = 0
        cdef uint32_t handle
        self.need_queues()
        if order == NULL:
            return None
        handle = order.before
        while handle:
            count += 1
            shares += rows[handle].shares
            handle = rows[handle].before
        return count, shares

    cdef int need_queues(self) except -1:
        if not self.market.queues:
            raise ValueError("this book keeps no queues: make it with queues=True")
        return 0

    def locates(self):
        cdef int locate
        return [
            locate for locate in range(LOCATES)
            if self.market.books[locate].sides[0].count or self.market.books[locate].sides[1].count
        ]

    def condition(self, uint16_t locate):
        cdef uint8_t flags = self.market.books[locate].flags
        return "crossed" if flags & CROSSED else "locked" if flags & LOCKED else ""

    def stale(self, uint64_t now_ns, uint64_t max_age_ns):
        cdef int locate
        cdef const Book* book
        found = []
        if self.market.event not in b"\0Q":
            return found
        for locate in range(LOCATES):
            book = &self.market.books[locate]
            if not book.sides[0].count and not book.sides[1].count:
                continue
            if book.state not in b"HP" and now_ns > book.last_ns and now_ns - book.last_ns > max_age_ns:
                found.append(locate)
        return found

    def messages(self, uint16_t locate):
        return self.market.books[locate].messages

    def last_time_ns(self, uint16_t locate):
        return self.market.books[locate].last_ns

    def symbol(self, uint16_t locate):
        return (<char*>&self.market.status[locate].symbol)[:8].rstrip(b"\0").decode("latin-1").rstrip(" ")

    def trading_state(self, uint16_t locate):
        return letter(self.market.books[locate].state)

    def market_event(self):
        return letter(self.market.event)

    def status(self, uint16_t locate):
        cdef const Status* status = &self.market.status[locate]
        return {
            "trading_state": self.trading_state(locate),
            "market_halts": {
                market: letter(status.market_halts[at]) for at, market in enumerate("QBX") if status.market_halts[at]
            },
            "short_sale": letter(status.short_sale),
            "collar": [status.collar[at] for at in range(4)] if status.has & 1 else None,
            "quotation": (
                (status.quotation[0], letter(status.quoting), status.quotation[1]) if status.has & 2 else None
            ),
        }

    def counters(self):
        return {
            "applied": self.market.applied,
            "unknown_refs": self.market.unknown_refs,
            "duplicate_refs": self.market.duplicate_refs,
            "over_reductions": self.market.over_reductions,
            "bad_sides": self.market.bad_sides,
            "empty_orders": self.market.empty_orders,
            "locked": self.market.locked,
            "crossed": self.market.crossed,
        }


cdef letter(uint8_t code):
    return chr(code) if code else ""
