# The books of all locate codes as plain C: what each ITCH message does to them. No message is an error here: what does
# not fit is counted, and the books stay as they were.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from cython_ext.itch_levels cimport (
    Level, LevelMemory, Side, level_at, level_to_enter, make_room, remove_level,
)
from cython_ext.itch_memory cimport prefetch
from cython_ext.itch_orders cimport (
    Order, Orders, ask_slot, drop_order, far_ready, find_order, move_to_pool, place_of_ref, put_order,
)

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t meltica_book_big8(const uint8_t* p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }
    static inline uint32_t meltica_book_big4(const uint8_t* p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
    static inline uint16_t meltica_book_big2(const uint8_t* p) { uint16_t v; memcpy(&v, p, 2); return __builtin_bswap16(v); }
    """
    uint64_t big8 "meltica_book_big8"(const uint8_t* p) noexcept nogil
    uint32_t big4 "meltica_book_big4"(const uint8_t* p) noexcept nogil
    uint16_t big2 "meltica_book_big2"(const uint8_t* p) noexcept nogil

cdef enum:
    LOCATES = 65536
    # Why reading stops; the first six as in meltica/hot/itch.py
    MORE = 0
    END = 1
    END_OF_SESSION = 2
    TRUNCATED = 3
    UNKNOWN_TYPE = 4
    WRONG_LENGTH = 5
    BOOK_FULL = 6
    NO_MEMORY = 7
    # Book.flags
    LOCKED = 1
    CROSSED = 2
    NAMED = 128


# What moves with each message, one cache line per locate code.
cdef struct Book:
    Side[2] sides
    uint32_t[2] best         # prices, 0: none
    uint64_t last_ns         # of the last message, of any type; 0: there was none
    uint32_t messages
    uint32_t moves           # of the best bid or offer
    uint32_t moved           # 1: its best did, in this block
    uint8_t flags
    uint8_t state            # H; 0: unknown
    uint16_t unused


# What moves seldom.
cdef struct Status:
    uint64_t symbol          # as on the wire
    uint64_t received_ns     # when the block of that move came
    uint8_t[4] market_halts  # h: of Q, B, X
    uint8_t short_sale       # Y
    uint8_t quoting          # K
    uint16_t has             # bit 0: collar, bit 1: quotation
    uint32_t[4] collar       # J: reference, upper, lower price, extension
    uint32_t[2] quotation    # K: release time, price


cdef struct Market:
    Orders orders
    LevelMemory memory
    Book* books
    Status* status
    uint64_t* moved_ns       # exchange time of the last move of a locate code's best
    bint queues
    bint cached              # the orders are few enough to stay in a core's cache
    uint8_t event            # S
    uint64_t received_ns
    uint64_t now_ns          # of the message that is being applied
    uint16_t* touched
    uint32_t touched_count
    uint64_t applied
    uint64_t unknown_refs
    uint64_t duplicate_refs
    uint64_t over_reductions
    uint64_t bad_sides
    uint64_t empty_orders
    uint64_t locked
    uint64_t crossed


cdef inline uint32_t key_of(uint32_t where, uint32_t price) noexcept nogil:
    return ~price if where & 1 else price


cdef inline Side* side_of(Market* market, uint32_t where) noexcept nogil:
    return &market.books[where >> 1].sides[where & 1]


# --- the best prices ---

cdef inline void move_best(Market* market, uint32_t where) noexcept nogil:
    """The best level of a side has changed, or there is another."""
    cdef Book* book = &market.books[where >> 1]
    cdef Side* side = &book.sides[where & 1]
    cdef uint32_t price = 0
    cdef uint8_t flags
    if side.count:
        price = key_of(where, side.rows[side.count - 1].key)
    book.moves += 1
    if not book.moved:
        book.moved = 1
        market.touched[market.touched_count] = <uint16_t>(where >> 1)
        market.touched_count += 1
        market.status[where >> 1].received_ns = market.received_ns
    market.moved_ns[where >> 1] = market.now_ns
    if price == book.best[where & 1]:
        return
    book.best[where & 1] = price
    flags = 0
    if book.best[0] >= book.best[1] and book.best[1] and book.best[0]:
        flags = CROSSED if book.best[0] > book.best[1] else LOCKED
        market.crossed += flags == CROSSED and not book.flags & CROSSED
        market.locked += flags == LOCKED and not book.flags & LOCKED
    book.flags = flags | (book.flags & NAMED)


# --- orders ---

cdef inline int enter(
    Market* market, uint64_t ref, uint32_t where, uint32_t price, uint32_t shares
) noexcept nogil:
    """0, BOOK_FULL or NO_MEMORY; nothing is changed unless it is 0."""
    cdef Side* side
    cdef Level* level
    cdef Order* order
    cdef uint32_t handle
    if price == 0 or shares == 0:
        market.empty_orders += 1
        return 0
    if find_order(&market.orders, ref) != NULL:
        market.duplicate_refs += 1
        return 0
    if market.orders.live >= market.orders.bound:
        return BOOK_FULL
    side = side_of(market, where)
    if make_room(&market.memory, side):
        return NO_MEMORY
    if place_of_ref(&market.orders, ref).shares and make_way(market, place_of_ref(&market.orders, ref)):
        return NO_MEMORY
    level = level_to_enter(side, key_of(where, price), market.cached)
    order = put_order(&market.orders, ref)
    order.price = price
    order.shares = shares
    order.where = where
    level.shares += shares
    level.orders += 1
    if market.queues:
        handle = <uint32_t>(order - market.orders.rows)
        order.after = 0
        order.before = level.last
        if level.last:
            market.orders.rows[level.last].after = handle
        else:
            level.first = handle
        level.last = handle
    market.applied += 1
    if level == &side.rows[side.count - 1]:
        move_best(market, where)
    return 0


cdef inline int make_way(Market* market, Order* order) noexcept nogil:
    """Moves an old order out of the window: 0 or NO_MEMORY."""
    cdef uint32_t old = <uint32_t>(order - market.orders.rows)
    cdef uint32_t handle
    cdef Level* level
    if far_ready(&market.orders):
        return NO_MEMORY
    order = move_to_pool(&market.orders, order)
    if not market.queues:
        return 0
    handle = <uint32_t>(order - market.orders.rows)
    if order.before:
        market.orders.rows[order.before].after = handle
    if order.after:
        market.orders.rows[order.after].before = handle
    if not order.before or not order.after:
        level = level_at(side_of(market, order.where), key_of(order.where, order.price), market.cached)
        if level.first == old:
            level.first = handle
        if level.last == old:
            level.last = handle
    return 0


cdef inline void leave(Market* market, Order* order) noexcept nogil:
    """The order goes, with all that it has left."""
    cdef uint32_t where = order.where
    cdef Side* side = side_of(market, where)
    cdef Level* level = level_at(side, key_of(where, order.price), market.cached)
    cdef bint was_best = level == &side.rows[side.count - 1]
    level.orders -= 1
    level.shares -= order.shares
    if level.orders == 0:
        remove_level(&market.memory, side, level)
    elif market.queues:
        if order.before:
            market.orders.rows[order.before].after = order.after
        else:
            level.first = order.after
        if order.after:
            market.orders.rows[order.after].before = order.before
        else:
            level.last = order.before
    drop_order(&market.orders, order)
    if was_best:
        move_best(market, where)


cdef inline void remove(Market* market, uint64_t ref) noexcept nogil:
    cdef Order* order = find_order(&market.orders, ref)
    if order == NULL:
        market.unknown_refs += 1
        return
    leave(market, order)
    market.applied += 1


cdef inline void reduce(Market* market, uint64_t ref, uint64_t shares) noexcept nogil:
    cdef Order* order = find_order(&market.orders, ref)
    cdef Side* side
    cdef Level* level
    if order == NULL:
        market.unknown_refs += 1
        return
    market.applied += 1
    if shares >= order.shares:
        market.over_reductions += shares > order.shares
        leave(market, order)
        return
    side = side_of(market, order.where)
    level = level_at(side, key_of(order.where, order.price), market.cached)
    order.shares -= <uint32_t>shares
    level.shares -= shares
    if shares and level == &side.rows[side.count - 1]:
        move_best(market, order.where)


cdef inline int replace(
    Market* market, uint64_t ref, uint64_t new_ref, uint32_t price, uint32_t shares
) noexcept nogil:
    """The new order stands behind all others; 0 or NO_MEMORY, and nothing is changed unless it is 0."""
    cdef Order* order = find_order(&market.orders, ref)
    cdef uint32_t where
    if order == NULL:
        market.unknown_refs += 1
        return 0
    where = order.where
    if far_ready(&market.orders) or make_room(&market.memory, side_of(market, where)):
        return NO_MEMORY
    leave(market, order)
    return enter(market, new_ref, where, price, shares)


cdef inline int add(
    Market* market, uint64_t ref, uint16_t locate, uint8_t side, uint32_t price, uint32_t shares, uint64_t symbol
) noexcept nogil:
    if not market.books[locate].flags & NAMED:
        name(market, locate, symbol)
    if side != c"B" and side != c"S":
        market.bad_sides += 1
        return 0
    return enter(market, ref, 2 * <uint32_t>locate + (side == c"S"), price, shares)


cdef inline void name(Market* market, uint16_t locate, uint64_t symbol) noexcept nogil:
    if symbol and not market.books[locate].flags & NAMED:
        market.status[locate].symbol = symbol
        market.books[locate].flags |= NAMED


# --- what is said about a stock; fields as columns of meltica/hot/itch.py ---

cdef inline void halt_market(Market* market, uint16_t locate, uint8_t which, uint8_t action) noexcept nogil:
    cdef Status* status = &market.status[locate]
    if which == c"Q":
        status.market_halts[0] = action
    elif which == c"B":
        status.market_halts[1] = action
    elif which == c"X":
        status.market_halts[2] = action


cdef inline void set_collar(
    Market* market, uint16_t locate, uint32_t reference, uint32_t upper, uint32_t lower, uint32_t extension
) noexcept nogil:
    cdef Status* status = &market.status[locate]
    status.collar[0] = reference
    status.collar[1] = upper
    status.collar[2] = lower
    status.collar[3] = extension
    status.has |= 1


cdef inline void set_quotation(
    Market* market, uint16_t locate, uint32_t release, uint8_t qualifier, uint32_t price
) noexcept nogil:
    cdef Status* status = &market.status[locate]
    status.quotation[0] = release
    status.quotation[1] = price
    status.quoting = qualifier
    status.has |= 2


cdef inline void hear(Market* market, uint16_t locate) noexcept nogil:
    """Of each message that was applied."""
    market.books[locate].last_ns = market.now_ns
    market.books[locate].messages += 1


# --- asking memory for what a message some way ahead will need; reading wrongly here costs time and nothing else ---

cdef inline uint32_t ask_order(Market* market, uint64_t ref, uint32_t where, uint32_t named) noexcept nogil:
    """The neighbours of an order, and the best levels of its side, which is returned; `where` if no order is named."""
    cdef const Order* order = place_of_ref(&market.orders, ref)
    if order.ref != ref and market.orders.far_count:
        if named:
            order = find_order(&market.orders, ref)
            if order == NULL:
                return where
        else:  # a new one: who holds its place must go
            ask_slot(&market.orders, order.ref)
            prefetch(&market.books[order.where >> 1])
    where = (order.where & named) | (where & ~named)
    ask_levels(market, where)
    if market.queues:
        prefetch(&market.orders.rows[order.before])
        prefetch(&market.orders.rows[order.after])
    return where


cdef inline void ask_levels(Market* market, uint32_t where) noexcept nogil:
    cdef const Side* side = side_of(market, where)
    # Numbers, not pointers: a side without levels has no rows, and nothing lies before no address.
    cdef uint64_t end = <uint64_t>side.rows + side.count * sizeof(Level)
    prefetch(<const void*>(end - 1))
    prefetch(<const void*>(end - 64))
    prefetch(<const void*>(end - 128))


cdef inline void ask_last(Market* market, uint32_t where) noexcept nogil:
    """The order that a new one will stand behind, if it comes to the best level."""
    cdef const Side* side = side_of(market, where)
    if side.count:
        prefetch(&market.orders.rows[side.rows[side.count - 1].last])
