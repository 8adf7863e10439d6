# The gate's own working limit orders. Each has a place, and by its id a seat in an open-addressed table, at most half
# full, of eight bytes: an order that comes touches no place but its own. Those of one instrument and side hang together
# in a list, and its InstrumentLine knows a bound of their prices, so that an order that cannot trade with any of them
# costs one comparison. Twin: meltica/hot/own_book_twin.py.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from cython_ext.gate_arithmetic cimport larger, smaller
from cython_ext.gate_bounds cimport tighten
from cython_ext.layout_gen cimport *
from cython_ext.tables cimport (
    Case,
    Crossing,
    InstrumentLine,
    MAX_CROSSING,
    NO_OWN_PRICE,
    OwnOrder,
    Tables,
    upwards,
)

cdef enum:
    SEATS_A_LINE = 8  # of 64 bytes: ids that follow one another share one


cdef inline uint64_t hash_of(uint64_t order_id) noexcept nogil:
    """32 bits: which line, then which seat of it."""
    cdef uint64_t line = (order_id // SEATS_A_LINE * <uint64_t>0x9E3779B97F4A7C15) >> 32
    return line // SEATS_A_LINE * SEATS_A_LINE | order_id % SEATS_A_LINE


cdef inline uint32_t home_of(const Tables* t, uint64_t hashed) noexcept nogil:
    return <uint32_t>((hashed >> t.seat_shift) * SEATS_A_LINE + hashed % SEATS_A_LINE)


cdef inline uint32_t place_at(const Tables* t, uint32_t seat) noexcept nogil:
    """0, where order_id is 0, when the seat is free."""
    return <uint32_t>t.seats[seat]


cdef inline uint32_t find(const Tables* t, uint64_t order_id) noexcept nogil:
    """The seat of the order, or the free one where it would be."""
    cdef uint64_t hashed = hash_of(order_id)
    cdef uint32_t at = home_of(t, hashed)
    while t.seats[at] != 0 and (t.seats[at] >> 32 != hashed or t.own[<uint32_t>t.seats[at]].order_id != order_id):
        at = (at + 1) & t.seat_mask
    return at


cdef inline void widen(InstrumentLine* line, uint32_t side, int64_t price_ticks) noexcept nogil:
    """The bounds of an instrument after an own order of this side came or got another price."""
    cdef int64_t price = upwards(side, price_ticks)
    line.own_best[side] = larger(line.own_best[side], price)
    # An order of the other side crosses from -price on, and ~price is -price - 1.
    line.highest[1 - side] = smaller(line.highest[1 - side], ~price)


cdef inline void insert(
    Tables* t, uint32_t seat, uint64_t order_id, uint32_t account_id, uint32_t instrument_id, uint32_t side,
    int64_t price_ticks, int64_t leaves_lots,
) noexcept nogil:
    """At the free seat that find() gave, while working < max_working_orders; side 0 is BUY."""
    cdef InstrumentLine* line = &t.lines[instrument_id]
    cdef uint32_t place = t.own_freed
    if place:
        t.own_freed = t.own[place].next
    else:
        t.own_used += 1
        place = t.own_used
    cdef OwnOrder* order = &t.own[place]
    t.seats[seat] = hash_of(order_id) << 32 | place
    order.order_id = order_id
    order.price_ticks = price_ticks
    order.leaves_lots = leaves_lots
    order.instrument_id = instrument_id
    order.account_id = <uint16_t>account_id
    order.side = <uint16_t>side
    order.previous = 0  # of the one behind it as well, until mend(): its cache line is not needed for this order
    order.next = line.own_first[side]
    line.own_first[side] = place
    t.working += 1
    widen(line, side, price_ticks)


cdef inline void mend(Tables* t, const OwnOrder* order) noexcept nogil:
    """Tells the newest orders of its list which one is before them: each once, so it costs no more than insert() would."""
    cdef uint32_t at = t.lines[order.instrument_id].own_first[order.side]
    cdef uint32_t behind = t.own[at].next
    while behind and t.own[behind].previous == 0:
        t.own[behind].previous = at
        at = behind
        behind = t.own[at].next


cdef inline void unhang(Tables* t, const OwnOrder* order) noexcept nogil:
    """Out of the list of its instrument and side."""
    mend(t, order)
    if order.previous:
        t.own[order.previous].next = order.next
    else:
        t.lines[order.instrument_id].own_first[order.side] = order.next
    if order.next:
        t.own[order.next].previous = order.previous


cdef inline void free_seat(Tables* t, uint32_t hole) noexcept nogil:
    """Orders that were put further on because of it move up, so that no seat is ever spoilt."""
    cdef uint32_t at = hole
    while True:
        at = (at + 1) & t.seat_mask
        if t.seats[at] == 0:
            break
        # It may move up unless its home lies behind the hole, up to where it is.
        if ((at - home_of(t, t.seats[at] >> 32)) & t.seat_mask) < ((at - hole) & t.seat_mask):
            continue
        t.seats[hole] = t.seats[at]
        hole = at
    t.seats[hole] = 0


cdef inline void remove(Tables* t, uint32_t seat) noexcept nogil:
    cdef uint32_t place = place_at(t, seat)
    cdef OwnOrder* gone = &t.own[place]
    unhang(t, gone)
    free_seat(t, seat)
    t.working -= 1
    gone.order_id = 0
    gone.next = t.own_freed
    t.own_freed = place
    if t.lines[gone.instrument_id].own_first[gone.side] == 0:
        t.lines[gone.instrument_id].own_best[gone.side] = NO_OWN_PRICE
        tighten(t, gone.instrument_id)


cdef inline void lessen(Tables* t, uint32_t seat, int64_t lots, bint closes) noexcept nogil:
    cdef OwnOrder* order = &t.own[place_at(t, seat)]
    order.leaves_lots = larger(0, order.leaves_lots - lots)
    if closes or order.leaves_lots == 0:
        remove(t, seat)


cdef inline bint is_better(uint32_t side, const Crossing* one, int64_t price_ticks, uint64_t order_id) noexcept nogil:
    """Whether `one` goes before an order with this price and id: best for an order of `side`, then the lower id."""
    if one.price_ticks != price_ticks:
        return one.price_ticks < price_ticks if side == 0 else one.price_ticks > price_ticks
    return one.order_id < order_id


cdef inline void sort_in(Tables* t, uint64_t count, uint32_t side, const OwnOrder* order) noexcept nogil:
    cdef uint64_t at = count
    while at > 0 and not is_better(side, &t.matches[at - 1], order.price_ticks, order.order_id):
        t.matches[at] = t.matches[at - 1]
        at -= 1
    t.matches[at].price_ticks = order.price_ticks
    t.matches[at].order_id = order.order_id
    t.matches[at].leaves_lots = order.leaves_lots


cdef inline uint64_t collect_crossing(Tables* t, const OrderIntentRecord* order, const Case* case) noexcept nogil:
    """Into t.matches, best first; more than MAX_CROSSING are not collected. Finds the true best price in passing."""
    cdef uint32_t side = order.side - SIDE_BUY
    cdef uint32_t other = 1 - side
    cdef uint32_t place = case.line.own_first[other]
    cdef int64_t best = NO_OWN_PRICE
    cdef uint64_t count = 0
    cdef const OwnOrder* own
    while place:
        own = &t.own[place]
        place = own.next
        best = larger(best, upwards(other, own.price_ticks))
        if order.order_type == ORDER_TYPE_LIMIT:
            if (own.price_ticks > order.price_ticks) if other else (own.price_ticks < order.price_ticks):
                continue
        if t.accounts[own.account_id].self_match_group != case.account.self_match_group:
            continue
        if count < MAX_CROSSING:
            sort_in(t, count, side, own)
        count += 1
    case.line.own_best[other] = best
    tighten(t, order.instrument_id)
    return count


cdef inline bint self_match(Tables* t, const OrderIntentRecord* order, Case* case) noexcept nogil:
    """Whether it is refused. Sets case.allowed_lots, and t.match_count and t.matches to what is to be listed."""
    cdef uint64_t count, at
    cdef int64_t left = order.quantity_lots, taken
    cdef uint8_t mode = case.account.self_match
    case.allowed_lots = order.quantity_lots
    if case.line.own_first[SIDE_SELL - order.side] == 0:
        return False
    count = collect_crossing(t, order, case)
    if count == 0:
        return False
    if count > MAX_CROSSING or mode == SELF_MATCH_CANCEL_NEWEST:
        case.allowed_lots = 0
        return True
    if mode == SELF_MATCH_DECREMENT:
        t.match_count = 0
        while t.match_count < count and left > 0:
            taken = smaller(left, t.matches[t.match_count].leaves_lots)
            left -= taken
            t.matches[t.match_count].leaves_lots -= taken
            t.match_count += 1
        case.allowed_lots = left
        return left == 0
    for at in range(count):
        t.matches[at].leaves_lots = 0
    t.match_count = count
    return mode == SELF_MATCH_CANCEL_BOTH
