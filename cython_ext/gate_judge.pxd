# One order: plainly within all bounds, which is a few dozen comparisons, or judged check by check.
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t

from cython_ext.gate_arithmetic cimport (
    forget,
    has_none,
    head_of,
    lowest_bit,
    prefetch,
    product,
    slot_of,
    take_token,
    unlikely,
    value_nanos,
)
from cython_ext.layout_gen cimport *
from cython_ext.own_book cimport find, hash_of, home_of, insert, place_at, remove, widen
from cython_ext.rules cimport fired_checks, is_duplicate, is_malformed, may_rest, next_place, opens_an_order
from cython_ext.tables cimport (
    AccountRow,
    Case,
    Holding,
    InstrumentLine,
    PORTS,
    PortRow,
    RecentOrder,
    RecentRing,
    StrategyRow,
    Tables,
    position_at,
    upwards,
)

cdef enum:
    PASS = -1
    TIMES_IN_FORCE = 0x1B  # bit n: n is a time in force

cdef extern from *:
    """
    /* An ordinary order's first eight bytes: NEW, LIMIT, no flag but POST_ONLY; side, port, time in force are open. */
    #define MELTICA_ORDINARY_BITS 0xF8FF00FEFCFFFFFFULL
    #define MELTICA_ORDINARY 0x0002000000010001ULL
    """
    const uint64_t ORDINARY_BITS "MELTICA_ORDINARY_BITS"
    const uint64_t ORDINARY "MELTICA_ORDINARY"


cdef inline bint passes_plainly(Tables* t, const OrderIntentRecord* order) noexcept nogil:
    """Whether a NEW LIMIT is within all bounds, and so passes; if not, nothing has moved.

    One comparison and one branch that is never taken for each bound: that is the least, and waits for no other.
    """
    cdef uint32_t side = <uint32_t>order.side - SIDE_BUY
    if unlikely(
        (head_of(order) & ORDINARY_BITS) != ORDINARY
        or side > 1
        or not (TIMES_IN_FORCE >> order.tif & 1)
        or order.instrument_id >= t.max_instruments
        or order.account_id >= t.max_accounts
        or order.strategy_id >= t.max_strategies
        or t.blocked
        or order.working_lots != 0
        or order.working_price_ticks != 0,
        0,
    ):
        return False
    cdef InstrumentLine* line = &t.lines[order.instrument_id]
    cdef Holding* holding = &t.holdings[position_at(t, order.account_id, order.instrument_id)]
    prefetch(holding)
    prefetch(&t.seats[home_of(t, hash_of(order.order_id))])
    cdef AccountRow* account = &t.accounts[order.account_id]
    cdef uint64_t order_id = order.order_id
    cdef StrategyRow* strategy = &t.strategies[order.strategy_id]
    cdef PortRow* port = &t.ports[order.port_id]
    cdef uint64_t now = order.time_ns
    cdef int64_t lots = order.quantity_lots, price = order.price_ticks
    cdef int64_t value = product(price, lots, line.unit)
    if unlikely(
        is_outside(t, line, side, now, lots, price)
        or lots > holding.plain_limit[side] - holding.worst_lots[side]
        or value > line.max_value,
        0,
    ):
        return False
    if unlikely(
        account.blocked
        or strategy.blocked
        or port.blocked
        or t.firm.blocked
        or value > account.exposure.limit_nanos - account.exposure.open_value_nanos
        or value > strategy.exposure.limit_nanos - strategy.exposure.open_value_nanos
        or value > t.firm.exposure.limit_nanos - t.firm.exposure.open_value_nanos
        or account.open_orders >= account.max_open_orders
        or t.firm.open_orders >= t.firm.max_open_orders
        or order_id <= port.last_order_id
        or t.working >= t.max_working_orders
        or has_none(&t.firm.bucket, now)
        or has_none(&account.bucket, now)
        or has_none(&strategy.bucket, now)
        or has_none(&port.bucket, now)
        or has_none(&line.bucket, now),
        0,
    ):
        return False
    cdef RecentRing* ring = &t.rings[order.account_id]
    cdef uint64_t slot = slot_of(order.instrument_id, order.side, lots, price)
    if unlikely(ring.seen[slot] != 0, 0) and is_duplicate(order, ring, price, account.duplicate_window_ns):
        return False
    cdef uint32_t seat = find(t, order_id)
    if unlikely(t.seats[seat] != 0, 0):
        return False
    forget()
    holding.worst_lots[side] += lots
    line.day_left -= lots
    account.exposure.open_value_nanos += value
    strategy.exposure.open_value_nanos += value
    t.firm.exposure.open_value_nanos += value
    account.open_orders += 1
    t.firm.open_orders += 1
    port.last_order_id = order_id
    take_tokens(t, line, account, strategy, port, now)
    note(t, ring, order, price, slot)
    t.reserved_price_ticks = price
    t.allowed_lots = lots
    t.fired_mask = 0
    t.match_count = 0
    t.passed[ACTION_NEW] += 1
    if order.tif <= TIME_IN_FORCE_GTC:
        insert(t, seat, order_id, order.account_id, order.instrument_id, side, price, lots)
    return True


cdef inline bint is_outside(
    const Tables* t, const InstrumentLine* line, uint32_t side, uint64_t now, int64_t lots, int64_t price
) noexcept nogil:
    """Of a bound of the instrument or of the lease."""
    cdef int64_t level = upwards(side, price)
    return (
        level > line.highest[side]
        or level < line.lowest[side]
        or now < line.from_ns
        or now > line.until_ns
        or now > t.passes_until_ns
        or lots < 1
        or lots > line.max_lots
        or lots > line.day_left
    )


cdef inline void take_tokens(
    Tables* t, InstrumentLine* line, AccountRow* account, StrategyRow* strategy, PortRow* port, uint64_t now
) noexcept nogil:
    take_token(&t.firm.bucket, now)
    take_token(&account.bucket, now)
    take_token(&strategy.bucket, now)
    take_token(&port.bucket, now)
    take_token(&line.bucket, now)


cdef inline void note(
    Tables* t, RecentRing* ring, const OrderIntentRecord* order, int64_t price_ticks, uint64_t slot
) noexcept nogil:
    cdef RecentOrder* recent = next_place(ring, t.duplicate_depth)
    recent.instrument_id = order.instrument_id
    recent.side = order.side
    recent.quantity_lots = order.quantity_lots
    recent.price_ticks = price_ticks
    recent.time_ns = order.time_ns
    recent.slot = <uint16_t>slot
    ring.seen[slot] += 1


cdef inline void open_case(const Tables* t, const OrderIntentRecord* order, Case* case) noexcept nogil:
    """Rows that do not exist are the one of zeros behind the last."""
    cdef size_t instrument_id = order.instrument_id if order.instrument_id < t.max_instruments else t.max_instruments
    cdef size_t account_id = order.account_id if order.account_id < t.max_accounts else t.max_accounts
    cdef size_t strategy_id = order.strategy_id if order.strategy_id < t.max_strategies else t.max_strategies
    case.line = &t.lines[instrument_id]
    case.instrument = &t.instruments[instrument_id]
    case.account = &t.accounts[account_id]
    case.ring = &t.rings[account_id]
    case.strategy = &t.strategies[strategy_id]
    case.port = &t.ports[order.port_id]
    case.at = position_at(t, t.max_accounts, 0)
    if instrument_id < t.max_instruments and account_id < t.max_accounts:
        case.at = position_at(t, account_id, instrument_id)
    case.position = &t.positions[case.at]
    case.holding = &t.holdings[case.at]
    case.allowed_lots = 0
    case.slot = 0
    case.opens = opens_an_order(order)
    case.rests = may_rest(order)
    case.seat = find(t, order.order_id)
    case.place = place_at(t, case.seat)
    case.works = case.place != 0
    value_case(order, case)


cdef inline void value_case(const OrderIntentRecord* order, Case* case) noexcept nogil:
    cdef int64_t unit = case.line.unit
    case.price_ticks = order.price_ticks
    case.recent_price_ticks = order.price_ticks
    if order.order_type == ORDER_TYPE_MARKET:
        case.recent_price_ticks = 0
        # The collar's edge on the adverse side; without a collar there is no price (0) and so no value.
        case.price_ticks = 0
        if case.instrument.collar_high_ticks != 0:
            case.price_ticks = (
                case.instrument.collar_high_ticks if order.side == SIDE_BUY else case.instrument.collar_low_ticks
            )
    case.value = value_nanos(case.price_ticks, order.quantity_lots, unit)
    case.working_value = 0
    case.added_lots = order.quantity_lots
    if not case.opens:
        case.working_value = value_nanos(order.working_price_ticks, order.working_lots, unit)
        case.added_lots = <int64_t>(<uint64_t>order.quantity_lots - <uint64_t>order.working_lots)
    case.added_value = case.value - case.working_value


cdef inline int refuse(Tables* t, uint64_t fired) noexcept nogil:
    cdef int reason = lowest_bit(fired)
    t.fired_mask = fired
    t.rejected[reason] += 1
    while fired:
        t.fired[lowest_bit(fired)] += 1
        fired &= fired - 1
    return reason


cdef inline int judge_fully(Tables* t, const OrderIntentRecord* order) noexcept nogil:
    cdef Case case
    cdef uint64_t fired
    t.fired_mask = 0
    t.reserved_price_ticks = 0
    t.allowed_lots = 0
    t.match_count = 0
    if is_malformed(order):
        return refuse(t, <uint64_t>1 << CHECK_MALFORMED)
    if order.action == ACTION_CANCEL:
        t.passed[ACTION_CANCEL] += 1
        return PASS
    open_case(t, order, &case)
    fired = fired_checks(t, order, &case)
    if fired & ~(<uint64_t>1 << CHECK_SELF_MATCH):
        t.match_count = 0  # another check refuses it: nothing is to be cancelled
    if fired:
        return refuse(t, fired)
    accept(t, order, &case)
    return PASS


cdef inline void accept(Tables* t, const OrderIntentRecord* order, Case* case) noexcept nogil:
    cdef uint64_t now = order.time_ns
    if case.allowed_lots != order.quantity_lots:
        case.added_lots -= order.quantity_lots - case.allowed_lots
        case.added_value = value_nanos(case.price_ticks, case.allowed_lots, case.line.unit) - case.working_value
    case.holding.worst_lots[order.side - SIDE_BUY] += case.added_lots
    if case.added_lots > 0:
        case.line.day_left -= case.added_lots
    case.account.exposure.open_value_nanos += case.added_value
    case.strategy.exposure.open_value_nanos += case.added_value
    t.firm.exposure.open_value_nanos += case.added_value
    take_tokens(t, case.line, case.account, case.strategy, case.port, now)
    case.account.open_orders += case.opens
    t.firm.open_orders += case.opens
    if order.action == ACTION_NEW:
        case.port.last_order_id = order.order_id
        note(t, case.ring, order, case.recent_price_ticks, case.slot)
    keep(t, order, case)
    t.reserved_price_ticks = case.price_ticks
    t.allowed_lots = case.allowed_lots
    t.passed[order.action] += 1


cdef inline void keep(Tables* t, const OrderIntentRecord* order, const Case* case) noexcept nogil:
    """Among the own working orders, or not among them any more (a REPLACE that does not rest)."""
    if not case.works:
        if case.rests:
            insert(
                t, case.seat, order.order_id, order.account_id, order.instrument_id, order.side - SIDE_BUY,
                order.price_ticks, case.allowed_lots,
            )
    elif case.rests:
        t.own[case.place].price_ticks = order.price_ticks
        t.own[case.place].leaves_lots = case.allowed_lots
        widen(case.line, order.side - SIDE_BUY, order.price_ticks)
    else:
        remove(t, case.seat)


cdef inline void ask_for_rows(const Tables* t, const OrderIntentRecord* order) noexcept nogil:
    """What an order will look at, soon."""
    if order.instrument_id < t.max_instruments and order.account_id < t.max_accounts:
        prefetch(&t.lines[order.instrument_id])
        prefetch(&t.lines[order.instrument_id].max_lots)
        prefetch(&t.holdings[position_at(t, order.account_id, order.instrument_id)])
        prefetch(&t.seats[home_of(t, hash_of(order.order_id))])
