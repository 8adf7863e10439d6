# The rulebook, compiled: small pure functions that the gate inlines. Twin: meltica/hot/rules_twin.py.
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t

from cython_ext.layout_gen cimport *
from cython_ext.tables cimport AccountRow, Case, InstrumentRow, PositionRow, RecentOrder

cdef extern from *:
    """
    #ifndef MELTICA_GATE_ARITHMETIC
    #define MELTICA_GATE_ARITHMETIC
    #include <stdint.h>
    /* price * lots * unit, INT64_MAX when it is more; all three >= 0 */
    static inline int64_t meltica_product(int64_t price, int64_t lots, int64_t unit) {
        int64_t product;
        if (__builtin_mul_overflow(price, lots, &product) || __builtin_mul_overflow(product, unit, &product))
            return (price && lots && unit) ? INT64_MAX : 0;
        return product;
    }
    static inline uint64_t meltica_refill(uint64_t tokens, uint64_t elapsed_ns, uint64_t rate, uint64_t full) {
        uint64_t more;
        if (__builtin_mul_overflow(elapsed_ns, rate, &more) || __builtin_add_overflow(tokens, more, &more))
            return full;
        return more < full ? more : full;
    }
    /* 0..255: where AccountRow.seen counts an order with these fields */
    static inline uint64_t meltica_slot(uint32_t instrument_id, uint32_t side, int64_t lots, int64_t price) {
        uint64_t mixed = (uint64_t)price * 0x9E3779B97F4A7C15ULL + (uint64_t)lots * 0xC2B2AE3D27D4EB4FULL
                       + ((uint64_t)instrument_id * 2 + side) * 0x165667B19E3779F9ULL;
        return ((mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93ULL) >> 56;
    }
    #endif
    """
    int64_t product "meltica_product"(int64_t price, int64_t lots, int64_t unit) noexcept nogil
    uint64_t refill "meltica_refill"(uint64_t tokens, uint64_t elapsed, uint64_t rate, uint64_t full) noexcept nogil
    uint64_t slot_of "meltica_slot"(uint32_t instrument_id, uint32_t side, int64_t lots, int64_t price) noexcept nogil

cdef inline int64_t value_nanos(int64_t price_ticks, int64_t lots, int64_t unit) noexcept nogil:
    """What cannot be valued is worth INT64_MAX, which no limit lets pass."""
    if price_ticks <= 0 or lots <= 0 or unit <= 0:
        return INT64_MAX
    return product(price_ticks, lots, unit)


cdef inline void set_band(InstrumentRow* row) noexcept nogil:
    cdef uint64_t reference = <uint64_t>row.reference_price_ticks
    cdef uint64_t collar = row.collar_bps
    row.low_ticks = 1
    row.high_ticks = 0
    if reference == 0 or collar == 0:
        return
    # reference * collar / 10_000 within 64 bits: at most 10 * TICKS_BOUND < 2^64 (TICKS_BOUND, COLLAR_BPS_BOUND)
    cdef uint64_t width = reference // 10_000 * collar + reference % 10_000 * collar // 10_000
    row.low_ticks = <int64_t>(reference - width) if width < reference else 1
    row.high_ticks = <int64_t>(reference + width) if width < TICKS_BOUND - reference else TICKS_BOUND


cdef inline bint is_malformed(const OrderIntentRecord* order) noexcept nogil:
    if order.type_id != ORDER_INTENT_TYPE_ID or order.action < ACTION_NEW or order.action > ACTION_CANCEL:
        return True
    if order.action == ACTION_CANCEL:
        return False
    return (
        (order.side != SIDE_BUY and order.side != SIDE_SELL)
        or (order.order_type != ORDER_TYPE_MARKET and order.order_type != ORDER_TYPE_LIMIT)
        or (order.tif > TIME_IN_FORCE_FOK or order.tif == 2)
        or (order.flags & ~(FLAG_POST_ONLY | FLAG_REDUCE_ONLY)) != 0
    )


cdef inline bint opens_an_order(const OrderIntentRecord* order) noexcept nogil:
    """NEW, or a REPLACE of which nothing works any more: a filled order that a larger quantity reopens (FIX C.1.c)."""
    return order.action == ACTION_NEW or (order.working_lots == 0 and order.working_price_ticks == 0)


cdef inline bint has_senseless_fields(const OrderIntentRecord* order, Case* case) noexcept nogil:
    if order.quantity_lots < 1 or order.quantity_lots > LOTS_BOUND:
        return True
    if order.order_type == ORDER_TYPE_LIMIT:
        if order.price_ticks < 1 or order.price_ticks > case.instrument.max_price_ticks:
            return True
        if order.price_ticks > TICKS_BOUND:
            return True
    if order.action == ACTION_NEW:
        return order.working_lots != 0 or order.working_price_ticks != 0
    if opens_an_order(order):
        return False
    if order.working_lots < 1 or order.working_lots > case.position.open_lots[order.side - SIDE_BUY]:
        return True
    if order.working_lots > LOTS_BOUND or order.working_price_ticks < 1 or order.working_price_ticks > TICKS_BOUND:
        return True
    cdef int64_t value = value_nanos(
        order.working_price_ticks, order.working_lots, case.instrument.value_per_tick_lot_nanos
    )
    return value == INT64_MAX or value > case.account.open_value_nanos


cdef inline uint64_t fired_sizes(const OrderIntentRecord* order, Case* case) noexcept nogil:
    """MAX_QUANTITY, MAX_VALUE, PRICE_COLLAR, POSITION_LIMIT and OPEN_EXPOSURE of an order with sane fields."""
    cdef InstrumentRow* instrument = case.instrument
    cdef PositionRow* position = case.position
    cdef int64_t unit = instrument.value_per_tick_lot_nanos
    cdef int64_t value = value_nanos(case.price_ticks, order.quantity_lots, unit)
    cdef uint64_t fired = 0
    case.added_lots = order.quantity_lots
    case.added_value = value
    if not opens_an_order(order):
        case.added_lots -= order.working_lots
        case.added_value -= value_nanos(order.working_price_ticks, order.working_lots, unit)
    if case.added_lots > 0:
        fired |= <uint64_t>(order.quantity_lots > instrument.max_quantity_lots) << CHECK_MAX_QUANTITY
        fired |= <uint64_t>is_beyond_limit(order, case) << CHECK_POSITION_LIMIT
    if case.added_value > 0:
        fired |= <uint64_t>(value > instrument.max_value_nanos or value == INT64_MAX) << CHECK_MAX_VALUE
        fired |= <uint64_t>(
            case.added_value > case.account.max_open_value_nanos - case.account.open_value_nanos
        ) << CHECK_OPEN_EXPOSURE
    fired |= <uint64_t>(
        case.price_ticks < instrument.low_ticks or case.price_ticks > instrument.high_ticks
    ) << CHECK_PRICE_COLLAR
    return fired


cdef inline bint is_beyond_limit(const OrderIntentRecord* order, Case* case) noexcept nogil:
    """Worst case: everything open on this side trades. Each term is bounded by 2^61, so 63 bits hold the sum."""
    cdef PositionRow* row = case.position
    cdef int64_t worst_lots = case.added_lots + row.open_lots[order.side - SIDE_BUY]
    cdef int64_t limit_lots
    if order.side == SIDE_BUY:
        worst_lots += row.position_lots
        limit_lots = row.max_long_lots
    else:
        worst_lots -= row.position_lots
        limit_lots = row.max_short_lots
    if order.flags & FLAG_REDUCE_ONLY:
        limit_lots = 0  # to flat and never through it
    return worst_lots > limit_lots


cdef inline bint is_stale(const OrderIntentRecord* order, const InstrumentRow* row, uint64_t tolerance_ns) noexcept nogil:
    if row.reference_price_ticks == 0 or row.reference_max_age_ns == 0:
        return True
    if order.time_ns >= row.reference_time_ns:
        return order.time_ns - row.reference_time_ns > row.reference_max_age_ns
    return row.reference_time_ns - order.time_ns > tolerance_ns


cdef inline bint is_duplicate(const OrderIntentRecord* order, Case* case) noexcept nogil:
    cdef AccountRow* account = case.account
    cdef RecentOrder* before
    cdef uint64_t elapsed_ns
    cdef uint32_t at
    for at in range(account.recent_count):
        before = &account.recent[at]
        if (
            before.instrument_id == order.instrument_id
            and before.side == order.side
            and before.quantity_lots == order.quantity_lots
            and before.price_ticks == case.recent_price_ticks
        ):
            elapsed_ns = order.time_ns - before.time_ns if order.time_ns > before.time_ns else 0
            if elapsed_ns < account.duplicate_window_ns:
                return True
    return False


cdef inline uint64_t fired_account(const OrderIntentRecord* order, Case* case) noexcept nogil:
    """MESSAGE_RATE and, for NEW, DUPLICATE_ORDER, OPEN_ORDER_COUNT and ORDER_ID_NOT_INCREASING."""
    cdef AccountRow* account = case.account
    cdef uint64_t elapsed_ns = 0  # time that goes backwards brings no tokens
    cdef uint64_t fired = 0
    if order.time_ns > account.bucket_time_ns:
        elapsed_ns = order.time_ns - account.bucket_time_ns
    case.nano_tokens = refill(
        account.nano_tokens, elapsed_ns, account.messages_per_second, account.full_nano_tokens
    )
    fired |= <uint64_t>(
        account.messages_per_second == 0 or case.nano_tokens < <uint64_t>NANO_TOKENS_PER_MESSAGE
    ) << CHECK_MESSAGE_RATE
    if opens_an_order(order):
        fired |= <uint64_t>(account.open_orders >= account.max_open_orders) << CHECK_OPEN_ORDER_COUNT
    if order.action == ACTION_NEW:
        fired |= <uint64_t>(order.order_id <= account.last_order_id) << CHECK_ORDER_ID_NOT_INCREASING
        case.slot = slot_of(order.instrument_id, order.side, order.quantity_lots, case.recent_price_ticks)
        if account.seen[case.slot] != 0:
            fired |= <uint64_t>is_duplicate(order, case) << CHECK_DUPLICATE_ORDER
    return fired


cdef inline void remember(AccountRow* account, const RecentOrder* order, uint32_t depth) noexcept nogil:
    """The newest order takes the place of the oldest."""
    cdef RecentOrder* place = &account.recent[account.recent_next]
    if account.recent_count == depth:
        account.seen[place.slot] -= 1
    else:
        account.recent_count += 1
    place[0] = order[0]
    account.seen[place.slot] += 1
    account.recent_next = account.recent_next + 1 if account.recent_next + 1 < depth else 0
