# The rulebook, compiled, check by check: the exact answer for every order that is not plainly within all bounds.
# Small functions that the gate inlines. Twin: meltica/hot/rules_twin.py.
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t

from cython_ext.gate_arithmetic cimport is_empty, percent_of, slot_of, value_nanos
from cython_ext.gate_bounds cimport is_crossed, limit_of, violates
from cython_ext.layout_gen cimport *
from cython_ext.own_book cimport self_match
from cython_ext.tables cimport AccountRow, Case, Exposure, InstrumentRow, RecentOrder, RecentRing, Tables, open_lots

cdef enum:
    FLAGS = FLAG_POST_ONLY | FLAG_REDUCE_ONLY | FLAG_ISO | FLAG_SHORT | FLAG_SHORT_EXEMPT


cdef inline bint is_malformed(const OrderIntentRecord* order) noexcept nogil:
    if order.type_id != ORDER_INTENT_TYPE_ID or order.action < ACTION_NEW or order.action > ACTION_CANCEL:
        return True
    if order.action == ACTION_CANCEL:
        return False
    return (
        (order.side != SIDE_BUY and order.side != SIDE_SELL)
        or (order.order_type != ORDER_TYPE_MARKET and order.order_type != ORDER_TYPE_LIMIT)
        or (order.tif > TIME_IN_FORCE_FOK or order.tif == 2)
        or (order.flags & ~FLAGS) != 0
        or (order.flags & FLAG_SHORT and order.side != SIDE_SELL)
        or (order.flags & FLAG_SHORT_EXEMPT and not order.flags & FLAG_SHORT)
    )


cdef inline bint opens_an_order(const OrderIntentRecord* order) noexcept nogil:
    """NEW, or a REPLACE of which nothing works any more: a filled order that a larger quantity reopens (FIX C.1.c)."""
    return order.action == ACTION_NEW or (order.working_lots == 0 and order.working_price_ticks == 0)


cdef inline bint may_rest(const OrderIntentRecord* order) noexcept nogil:
    """Whether it may work at the venue under its own id: only such an order can be traded with later."""
    if order.order_type != ORDER_TYPE_LIMIT or order.order_id == 0:
        return False
    return order.tif != TIME_IN_FORCE_IOC and order.tif != TIME_IN_FORCE_FOK


cdef inline uint64_t bit(bint fires, int check) noexcept nogil:
    return <uint64_t>(fires != 0) << check


cdef inline uint64_t fired_control(const Tables* t, const OrderIntentRecord* order, const Case* case) noexcept nogil:
    cdef const AccountRow* account = case.account
    cdef bint killed = (
        t.killed or account.killed or case.strategy.killed or case.port.killed or case.instrument.killed
    )
    cdef bint disabled = not (account.known and account.enabled and case.port.known and case.port.enabled)
    return (
        bit(killed, CHECK_KILL_SWITCH)
        | bit(t.leased and (t.lease_until_ns == 0 or order.time_ns > t.lease_until_ns), CHECK_LEASE_EXPIRED)
        | bit(disabled, CHECK_ACCOUNT_DISABLED)
        | bit(not case.port.connected, CHECK_PORT_DOWN)
        | bit(account.mismatched, CHECK_POSITION_MISMATCH)
        | bit(not (case.strategy.known and case.strategy.enabled), CHECK_STRATEGY_DISABLED)
        | bit(order.order_type == ORDER_TYPE_MARKET and not account.market_orders_allowed, CHECK_MARKET_NOT_ALLOWED)
        | bit(order.flags & FLAG_ISO and not account.iso_allowed, CHECK_ISO_NOT_ALLOWED)
    )


cdef inline bint is_stale(const OrderIntentRecord* order, const InstrumentRow* row, uint64_t tolerance_ns) noexcept nogil:
    if row.reference_price_ticks == 0 or row.reference_max_age_ns == 0 or row.gapped:
        return True
    if order.time_ns >= row.reference_time_ns:
        return order.time_ns - row.reference_time_ns > row.reference_max_age_ns
    return row.reference_time_ns - order.time_ns > tolerance_ns


cdef inline uint64_t fired_market(const Tables* t, const OrderIntentRecord* order, const Case* case) noexcept nogil:
    cdef const InstrumentRow* row = case.instrument
    cdef bint in_session = row.session_open_ns <= order.time_ns and order.time_ns < row.session_close_ns
    return (
        bit(not (row.known and row.enabled), CHECK_UNKNOWN_INSTRUMENT)
        | bit(row.restricted, CHECK_RESTRICTED)
        | bit(row.halted, CHECK_HALTED)
        | bit(not in_session, CHECK_SESSION_WINDOW)
        | bit(is_stale(order, row, t.tolerance_ns), CHECK_STALE_REFERENCE)
        | bit(is_crossed(row), CHECK_CROSSED_BOOK)
        | bit(is_empty(&case.line.bucket, order.time_ns), CHECK_INSTRUMENT_RATE)
    )


cdef inline bint has_senseless_fields(const Tables* t, const OrderIntentRecord* order, const Case* case) noexcept nogil:
    if order.quantity_lots < 1 or order.quantity_lots > t.bounds.order_lots:
        return True
    if order.order_type == ORDER_TYPE_LIMIT:
        if order.price_ticks < 1 or order.price_ticks > case.instrument.max_price_ticks:
            return True
        if order.price_ticks > t.bounds.ticks:
            return True
    if order.action == ACTION_NEW:
        return order.working_lots != 0 or order.working_price_ticks != 0
    if case.works and is_of_another(t, order, case):
        return True
    if case.opens:
        return False
    if order.working_lots < 1 or order.working_lots > open_lots(t, case.at, order.side - SIDE_BUY):
        return True
    if order.working_lots > t.bounds.order_lots:
        return True
    if order.working_price_ticks < 1 or order.working_price_ticks > t.bounds.ticks:
        return True
    return (
        case.working_value == INT64_MAX
        or case.working_value > case.account.exposure.open_value_nanos
        or case.working_value > case.strategy.exposure.open_value_nanos
        or case.working_value > t.firm.exposure.open_value_nanos
    )


cdef inline bint is_of_another(const Tables* t, const OrderIntentRecord* order, const Case* case) noexcept nogil:
    return (
        t.own[case.place].account_id != order.account_id
        or t.own[case.place].instrument_id != order.instrument_id
        or t.own[case.place].side != order.side - SIDE_BUY
    )


cdef inline bint exceeds(const Exposure* exposure, int64_t added_value) noexcept nogil:
    return added_value > 0 and added_value > exposure.limit_nanos - exposure.open_value_nanos


cdef inline int64_t worst_lots(const OrderIntentRecord* order, const Case* case) noexcept nogil:
    """Everything open on this side trades, and what is added. Each term is bounded by 2^61, so 63 bits hold the sum."""
    return case.holding.worst_lots[order.side - SIDE_BUY] + case.added_lots


cdef inline bint is_beyond_limit(const OrderIntentRecord* order, const Case* case) noexcept nogil:
    cdef int64_t limit = case.position.max_long_lots if order.side == SIDE_BUY else case.position.max_short_lots
    if order.flags & FLAG_REDUCE_ONLY:
        limit = 0  # to flat and never through it
    return case.added_lots > 0 and worst_lots(order, case) > limit


cdef inline bint is_outside_band(const OrderIntentRecord* order, const InstrumentRow* row) noexcept nogil:
    if order.order_type == ORDER_TYPE_MARKET or row.high_ticks == 0:
        return False
    return order.price_ticks > row.high_ticks if order.side == SIDE_BUY else order.price_ticks < row.low_ticks


cdef inline bint is_bad_short_sale(const OrderIntentRecord* order, const Case* case) noexcept nogil:
    cdef const InstrumentRow* row = case.instrument
    cdef bint is_short = order.flags & FLAG_SHORT != 0
    cdef bint exempt = order.flags & FLAG_SHORT_EXEMPT != 0
    if order.side != SIDE_SELL:
        return False
    if (is_short and row.short_sale == SHORT_SALE_NOT_ALLOWED) or (exempt and not case.account.short_exempt_allowed):
        return True
    if row.short_sale != SHORT_SALE_REG_SHO:
        return False
    if case.added_lots > 0 and worst_lots(order, case) > (case.position.located_lots if is_short else 0):
        return True
    if not row.short_restricted or not is_short or exempt:
        return False
    return order.order_type == ORDER_TYPE_MARKET or row.bid_lots == 0 or order.price_ticks <= row.bid_ticks


cdef inline bint moves_the_market(const OrderIntentRecord* order, const Case* case) noexcept nogil:
    cdef const InstrumentRow* row = case.instrument
    cdef int64_t displayed = row.ask_lots if order.side == SIDE_BUY else row.bid_lots
    if row.max_impact_percent == 0 or (case.added_lots <= 0 and order.price_ticks == order.working_price_ticks):
        return False
    return order.quantity_lots > percent_of(displayed, row.max_impact_percent)


cdef inline uint64_t fired_sizes(const Tables* t, const OrderIntentRecord* order, const Case* case) noexcept nogil:
    """Everything that needs sane fields, but SELF_MATCH."""
    cdef const InstrumentRow* row = case.instrument
    cdef bint grows = case.added_lots > 0
    cdef bint too_large = order.quantity_lots > row.max_quantity_lots
    cdef bint too_much = case.value > row.max_value_nanos or case.value == INT64_MAX
    cdef bint off_collar = case.price_ticks < row.collar_low_ticks or case.price_ticks > row.collar_high_ticks
    cdef bint firm = not t.firm.known or exceeds(&t.firm.exposure, case.added_value)
    if case.opens and t.firm.open_orders >= t.firm.max_open_orders:
        firm = True
    return (
        bit(grows and too_large, CHECK_MAX_QUANTITY)
        | bit(case.added_value > 0 and too_much, CHECK_MAX_VALUE)
        | bit(off_collar, CHECK_PRICE_COLLAR)
        | bit(is_outside_band(order, row), CHECK_PRICE_BAND)
        | bit(is_bad_short_sale(order, case), CHECK_SHORT_SALE)
        | bit(is_beyond_limit(order, case), CHECK_POSITION_LIMIT)
        | bit(exceeds(&case.account.exposure, case.added_value), CHECK_OPEN_EXPOSURE)
        | bit(firm, CHECK_FIRM_CREDIT)
        | bit(grows and case.added_lots > case.line.day_left, CHECK_DAY_QUANTITY)
        | bit(moves_the_market(order, case), CHECK_MARKET_IMPACT)
        | bit(exceeds(&case.strategy.exposure, case.added_value), CHECK_STRATEGY_EXPOSURE)
    )


cdef inline bint stops(const AccountRow* row, int breaker, uint64_t time_ns) noexcept nogil:
    cdef uint64_t elapsed_ns
    if limit_of(row, breaker) == 0:
        return True
    if not row.latched >> breaker & 1:
        return violates(row, breaker)
    elapsed_ns = time_ns - row.tripped_ns[breaker] if time_ns > row.tripped_ns[breaker] else 0
    return row.rearm_after_ns == 0 or elapsed_ns < row.rearm_after_ns


cdef inline uint64_t fired_breakers(const OrderIntentRecord* order, const Case* case, bint senseless) noexcept nogil:
    """REPEATED_EXECUTION and the breakers of the account; those on losses leave the way out open."""
    cdef const AccountRow* row = case.account
    cdef uint64_t fired = bit(stops(row, BREAKER_CONSECUTIVE_REJECTS, order.time_ns), CHECK_CONSECUTIVE_REJECTS)
    cdef bint reduces = order.flags & FLAG_REDUCE_ONLY and row.known and case.instrument.known and not senseless
    fired |= bit(
        case.strategy.latched or case.strategy.executions >= case.strategy.max_executions, CHECK_REPEATED_EXECUTION
    )
    if reduces and not is_beyond_limit(order, case):
        return fired
    fired |= bit(stops(row, BREAKER_DAILY_LOSS, order.time_ns), CHECK_DAILY_LOSS)
    return fired | bit(stops(row, BREAKER_DRAWDOWN, order.time_ns), CHECK_DRAWDOWN)


cdef inline bint is_duplicate(
    const OrderIntentRecord* order, const RecentRing* ring, int64_t price_ticks, uint64_t window_ns
) noexcept nogil:
    cdef const RecentOrder* before
    cdef uint64_t elapsed_ns
    cdef uint32_t at
    for at in range(ring.count):
        before = &ring.orders[at]
        if (
            before.instrument_id == order.instrument_id
            and before.side == order.side
            and before.quantity_lots == order.quantity_lots
            and before.price_ticks == price_ticks
        ):
            elapsed_ns = order.time_ns - before.time_ns if order.time_ns > before.time_ns else 0
            if elapsed_ns < window_ns:
                return True
    return False


cdef inline uint64_t fired_repetition(const Tables* t, const OrderIntentRecord* order, Case* case) noexcept nogil:
    """MESSAGE_RATE, DUPLICATE_ORDER, OPEN_ORDER_COUNT and ORDER_ID_NOT_INCREASING."""
    cdef const AccountRow* account = case.account
    cdef uint64_t now = order.time_ns
    cdef bint empty = (
        (t.firm.known and is_empty(&t.firm.bucket, now))
        or (account.known and is_empty(&account.bucket, now))
        or (case.strategy.known and is_empty(&case.strategy.bucket, now))
        or (case.port.known and is_empty(&case.port.bucket, now))
    )
    cdef bint no_place = case.rests and not case.works and t.working >= t.max_working_orders
    cdef bint too_many = no_place or (case.opens and account.open_orders >= account.max_open_orders)
    cdef uint64_t fired = bit(empty, CHECK_MESSAGE_RATE) | bit(too_many, CHECK_OPEN_ORDER_COUNT)
    if order.action == ACTION_NEW:
        fired |= bit(order.order_id <= case.port.last_order_id or case.works, CHECK_ORDER_ID_NOT_INCREASING)
        case.slot = slot_of(order.instrument_id, order.side, order.quantity_lots, case.recent_price_ticks)
        if case.ring.seen[case.slot] != 0:
            fired |= bit(
                is_duplicate(order, case.ring, case.recent_price_ticks, account.duplicate_window_ns),
                CHECK_DUPLICATE_ORDER,
            )
    return fired


cdef inline uint64_t fired_checks(Tables* t, const OrderIntentRecord* order, Case* case) noexcept nogil:
    """The mask of a well-formed NEW or REPLACE, each check judged only where its facts are there."""
    cdef bint senseless = has_senseless_fields(t, order, case)
    cdef uint64_t fired = (
        fired_control(t, order, case)
        | fired_market(t, order, case)
        | bit(senseless, CHECK_FIELD_SANITY)
        | fired_breakers(order, case, senseless)
        | fired_repetition(t, order, case)
    )
    if not senseless:
        fired |= fired_sizes(t, order, case)
    if not case.instrument.known:
        fired &= JUDGED_WITHOUT_INSTRUMENT
    if not case.account.known:
        fired &= JUDGED_WITHOUT_ACCOUNT
    if not case.strategy.known:
        fired &= JUDGED_WITHOUT_STRATEGY
    if not senseless and case.instrument.known and case.account.known:
        if self_match(t, order, case):
            return fired | bit(True, CHECK_SELF_MATCH)
    return fired


cdef inline RecentOrder* next_place(RecentRing* ring, uint32_t depth) noexcept nogil:
    """For the newest order, where the oldest was."""
    cdef RecentOrder* place = &ring.orders[ring.next]
    if ring.count == depth:
        ring.seen[place.slot] -= 1
    else:
        ring.count += 1
    ring.next = ring.next + 1 if ring.next + 1 < depth else 0
    return place
