# What each record that is no order changes in the gate's tables, compiled. Each handler looks at everything before it
# moves anything, and gives 0 or a Status; t.complaint then says what was wrong. Twin: meltica/hot/tell_twin.py.
from libc.stdint cimport INT64_MAX, UINT32_MAX, int64_t, uint16_t, uint32_t, uint64_t

from cython_ext.gate_arithmetic cimport added, larger, product, set_rate, smaller
from cython_ext.gate_bounds cimport *
from cython_ext.layout_gen cimport *
from cython_ext.own_book cimport find, insert, lessen, widen
from cython_ext.tables cimport (
    AccountRow,
    Bounds,
    Bucket,
    InstrumentLine,
    InstrumentRow,
    OwnOrder,
    PORTS,
    PositionRow,
    StrategyRow,
    Tables,
    open_lots,
    position_at,
)

cdef enum:
    TAKEN = 0


cdef inline int bad(Tables* t, const char* complaint) noexcept nogil:
    t.complaint = complaint
    return STATUS_BAD_ARGUMENT


cdef inline int needs_rows(Tables* t, uint32_t account_id, uint32_t instrument_id) noexcept nogil:
    if account_id >= t.max_accounts:
        return bad(t, "account_id is beyond the gate's accounts")
    if instrument_id >= t.max_instruments:
        return bad(t, "instrument_id is beyond the gate's instruments")
    return TAKEN


cdef inline bint has_open_lots(const Tables* t, uint32_t instrument_id) noexcept nogil:
    cdef size_t account_id, at
    for account_id in range(t.max_accounts):
        at = position_at(t, account_id, instrument_id)
        if open_lots(t, at, 0) or open_lots(t, at, 1):
            return True
    return False


cdef inline int complain_about_instrument(Tables* t, const InstrumentLimitsRecord* told) noexcept nogil:
    if told.instrument_id >= t.max_instruments:
        return bad(t, "instrument_id is beyond the gate's instruments")
    if told.enabled > 1 or told.restricted > 1 or told.short_sale > SHORT_SALE_REG_SHO:
        return bad(t, "enabled and restricted are 0 or 1, short_sale 0 to 2")
    if told.collar_bps > COLLAR_BPS_BOUND or told.message_burst > BURST_BOUND:
        return bad(t, "collar_bps or message_burst is out of range")
    if told.value_per_tick_lot_nanos < 0 or told.max_price_ticks < 0 or told.max_quantity_lots < 0:
        return bad(t, "value_per_tick_lot_nanos, max_price_ticks and max_quantity_lots are not below 0")
    if told.max_value_nanos < 0 or told.max_day_lots < 0:
        return bad(t, "max_value_nanos and max_day_lots are not below 0")
    if t.bounds.unit != 0 and told.value_per_tick_lot_nanos != t.bounds.unit:
        return bad(t, "value_per_tick_lot_nanos is not the gate's")
    if told.value_per_tick_lot_nanos != t.lines[told.instrument_id].unit and has_open_lots(t, told.instrument_id):
        return bad(t, "value_per_tick_lot_nanos cannot change while lots are open in the instrument")
    return TAKEN


cdef inline int take_instrument_limits(Tables* t, const InstrumentLimitsRecord* told) noexcept nogil:
    cdef InstrumentRow* row
    cdef InstrumentLine* line
    cdef bint other_rule
    if complain_about_instrument(t, told) != TAKEN:
        return STATUS_BAD_ARGUMENT
    row = &t.instruments[told.instrument_id]
    line = &t.lines[told.instrument_id]
    other_rule = row.short_sale != told.short_sale
    set_rate(&line.bucket, row.known, told.messages_per_second, told.message_burst)
    line.unit = told.value_per_tick_lot_nanos
    line.day_left = told.max_day_lots - (row.max_day_lots - line.day_left)
    row.known = 1
    row.enabled = told.enabled
    row.restricted = told.restricted
    row.short_sale = told.short_sale
    row.collar_bps = told.collar_bps
    row.max_price_ticks = told.max_price_ticks
    row.max_quantity_lots = told.max_quantity_lots
    row.max_value_nanos = told.max_value_nanos
    row.reference_max_age_ns = told.reference_max_age_ns
    row.session_open_ns = told.session_open_ns
    row.session_close_ns = told.session_close_ns
    row.max_day_lots = told.max_day_lots
    row.max_impact_percent = told.max_impact_percent
    set_collar(t, row)
    tighten(t, told.instrument_id)
    if other_rule:
        set_all_plain_limits(t, told.instrument_id)
    return TAKEN


cdef inline int take_account_limits(Tables* t, const AccountLimitsRecord* told) noexcept nogil:
    cdef AccountRow* row
    if told.account_id >= t.max_accounts:
        return bad(t, "account_id is beyond the gate's accounts")
    if told.enabled > 1 or told.market_orders_allowed > 1 or told.iso_allowed > 1 or told.short_exempt_allowed > 1:
        return bad(t, "enabled, market_orders_allowed, iso_allowed and short_exempt_allowed are 0 or 1")
    if told.self_match > (SELF_MATCH_DECREMENT if t.bounds.decrement else SELF_MATCH_CANCEL_BOTH) or told.message_burst > BURST_BOUND:
        return bad(t, "self_match or message_burst is out of range")
    if told.max_open_value_nanos < 0 or told.max_daily_loss_nanos < 0 or told.max_drawdown_nanos < 0:
        return bad(t, "max_open_value_nanos, max_daily_loss_nanos and max_drawdown_nanos are not below 0")
    row = &t.accounts[told.account_id]
    set_rate(&row.bucket, row.known, told.messages_per_second, told.message_burst)
    row.known = 1
    row.enabled = told.enabled
    row.market_orders_allowed = told.market_orders_allowed
    row.iso_allowed = told.iso_allowed
    row.short_exempt_allowed = told.short_exempt_allowed
    row.self_match = told.self_match
    row.self_match_group = told.self_match_group
    row.max_open_orders = told.max_open_orders
    row.max_consecutive_rejects = told.max_consecutive_rejects
    row.exposure.max_open_value_nanos = told.max_open_value_nanos
    row.duplicate_window_ns = told.duplicate_window_ns
    row.max_daily_loss_nanos = told.max_daily_loss_nanos
    row.max_drawdown_nanos = told.max_drawdown_nanos
    row.rearm_after_ns = told.rearm_after_ns
    set_limit(&row.exposure)
    set_account_blocked(row)
    return TAKEN


cdef inline int take_position_limits(Tables* t, const PositionLimitsRecord* told) noexcept nogil:
    cdef PositionRow* row
    if needs_rows(t, told.account_id, told.instrument_id) != TAKEN:
        return STATUS_BAD_ARGUMENT
    if told.max_long_lots < 0 or told.max_short_lots < 0 or told.located_lots < 0:
        return bad(t, "max_long_lots, max_short_lots and located_lots are not below 0")
    if told.max_long_lots > LOTS_BOUND or told.max_short_lots > LOTS_BOUND or told.located_lots > LOTS_BOUND:
        return bad(t, "max_long_lots, max_short_lots and located_lots are at most 2^60")
    row = &t.positions[position_at(t, told.account_id, told.instrument_id)]
    row.max_long_lots = smaller(told.max_long_lots, t.bounds.limit_lots)
    row.max_short_lots = smaller(told.max_short_lots, t.bounds.limit_lots)
    row.located_lots = smaller(told.located_lots, t.bounds.limit_lots)
    set_plain_limits(t, told.account_id, told.instrument_id)
    return TAKEN


cdef inline int take_firm_limits(Tables* t, const FirmLimitsRecord* told) noexcept nogil:
    if told.message_burst > BURST_BOUND or told.max_open_value_nanos < 0:
        return bad(t, "message_burst or max_open_value_nanos is out of range")
    set_rate(&t.firm.bucket, t.firm.known, told.messages_per_second, told.message_burst)
    t.firm.known = 1
    t.firm.max_open_orders = told.max_open_orders
    t.firm.exposure.max_open_value_nanos = told.max_open_value_nanos
    set_limit(&t.firm.exposure)
    set_gate_blocked(t)
    return TAKEN


cdef inline int take_strategy_limits(Tables* t, const StrategyLimitsRecord* told) noexcept nogil:
    cdef StrategyRow* row
    if told.strategy_id >= t.max_strategies:
        return bad(t, "strategy_id is beyond the gate's strategies")
    if told.enabled > 1 or told.message_burst > BURST_BOUND or told.max_open_value_nanos < 0:
        return bad(t, "enabled, message_burst or max_open_value_nanos is out of range")
    row = &t.strategies[told.strategy_id]
    set_rate(&row.bucket, row.known, told.messages_per_second, told.message_burst)
    row.known = 1
    row.enabled = told.enabled
    row.exposure.max_open_value_nanos = told.max_open_value_nanos
    row.max_executions = told.max_executions
    set_limit(&row.exposure)
    set_strategy_blocked(row)
    return TAKEN


cdef inline int take_port_limits(Tables* t, const PortLimitsRecord* told) noexcept nogil:
    if told.port_id >= t.bounds.ports:
        return bad(t, "port_id is beyond the gate's ports")
    if told.enabled > 1 or told.message_burst > BURST_BOUND:
        return bad(t, "enabled or message_burst is out of range")
    set_rate(
        &t.ports[told.port_id].bucket, t.ports[told.port_id].known, told.messages_per_second, told.message_burst
    )
    t.ports[told.port_id].known = 1
    t.ports[told.port_id].enabled = told.enabled
    set_port_blocked(&t.ports[told.port_id])
    return TAKEN


cdef inline int take_credit(Tables* t, const CreditRecord* told) noexcept nogil:
    cdef Exposure* exposure = &t.firm.exposure
    if told.scope == CREDIT_SCOPE_ACCOUNT:
        if told.id >= t.max_accounts:
            return bad(t, "id is beyond the gate's accounts")
        exposure = &t.accounts[told.id].exposure
    elif told.scope == CREDIT_SCOPE_STRATEGY:
        if told.id >= t.max_strategies:
            return bad(t, "id is beyond the gate's strategies")
        exposure = &t.strategies[told.id].exposure
    elif told.scope != CREDIT_SCOPE_FIRM or told.id != 0:
        return bad(t, "scope is unknown, or the firm's id is not 0")
    exposure.credit_nanos = added(exposure.credit_nanos, told.delta_nanos)
    set_limit(exposure)
    return TAKEN


cdef inline int take_reference(Tables* t, const ReferencePriceRecord* told) noexcept nogil:
    cdef InstrumentRow* row
    if told.instrument_id >= t.max_instruments:
        return bad(t, "instrument_id is beyond the gate's instruments")
    if told.price_ticks < 0 or told.price_ticks > t.bounds.ticks:
        return bad(t, "price_ticks is not within the gate's bounds")
    row = &t.instruments[told.instrument_id]
    row.reference_price_ticks = told.price_ticks
    row.reference_time_ns = told.time_ns
    set_collar(t, row)
    tighten(t, told.instrument_id)
    return TAKEN


cdef inline bint is_bad_quote(const Bounds* bounds, int64_t price_ticks, int64_t lots) noexcept nogil:
    return lots < 0 or lots > bounds.told_lots or price_ticks < (lots > 0) or price_ticks > bounds.ticks


cdef inline int take_quote(Tables* t, const QuoteRecord* told) noexcept nogil:
    cdef InstrumentRow* row
    if told.instrument_id >= t.max_instruments:
        return bad(t, "instrument_id is beyond the gate's instruments")
    cdef const Bounds* bounds = &t.bounds
    if is_bad_quote(bounds, told.bid_ticks, told.bid_lots) or is_bad_quote(bounds, told.ask_ticks, told.ask_lots):
        return bad(t, "bid or ask is beyond the gate's bounds: lots from 0, ticks from 1 when there are lots")
    row = &t.instruments[told.instrument_id]
    row.bid_lots = told.bid_lots
    row.bid_ticks = told.bid_ticks if told.bid_lots else 0
    row.ask_lots = told.ask_lots
    row.ask_ticks = told.ask_ticks if told.ask_lots else 0
    tighten(t, told.instrument_id)
    return TAKEN


cdef inline int take_price_band(Tables* t, const PriceBandRecord* told) noexcept nogil:
    if told.instrument_id >= t.max_instruments:
        return bad(t, "instrument_id is beyond the gate's instruments")
    if told.low_ticks < 0 or told.low_ticks > told.high_ticks or told.high_ticks > t.bounds.ticks:
        return bad(t, "low_ticks or high_ticks is beyond the gate's bounds: 0 <= low <= high")
    t.instruments[told.instrument_id].low_ticks = told.low_ticks
    t.instruments[told.instrument_id].high_ticks = told.high_ticks
    tighten(t, told.instrument_id)
    return TAKEN


cdef inline int take_mark(Tables* t, const MarkRecord* told) noexcept nogil:
    if told.on > 1:
        return bad(t, "on is 0 or 1")
    if told.mark == MARK_MISMATCHED and told.id < t.max_accounts:
        t.accounts[told.id].mismatched = told.on
        set_account_blocked(&t.accounts[told.id])
    elif told.mark == MARK_CONNECTED and told.id < t.bounds.ports:
        t.ports[told.id].connected = told.on
        set_port_blocked(&t.ports[told.id])
    elif MARK_HALTED <= told.mark <= MARK_GAPPED and told.id < t.max_instruments:
        if told.mark == MARK_HALTED:
            t.instruments[told.id].halted = told.on
        elif told.mark == MARK_SHORT_RESTRICTED:
            t.instruments[told.id].short_restricted = told.on
        else:
            t.instruments[told.id].gapped = told.on
        tighten(t, told.id)
    else:
        return bad(t, "mark is unknown, or id is beyond the gate's tables")
    return TAKEN


cdef inline int take_kill(Tables* t, const KillRecord* told) noexcept nogil:
    if told.engage > 1:
        return bad(t, "engage is 0 or 1")
    if told.scope == KILL_SCOPE_GLOBAL and told.id == 0:
        t.killed = told.engage
        set_gate_blocked(t)
    elif told.scope == KILL_SCOPE_ACCOUNT and told.id < t.max_accounts:
        t.accounts[told.id].killed = told.engage
        set_account_blocked(&t.accounts[told.id])
    elif told.scope == KILL_SCOPE_STRATEGY and told.id < t.max_strategies:
        t.strategies[told.id].killed = told.engage
        set_strategy_blocked(&t.strategies[told.id])
    elif told.scope == KILL_SCOPE_PORT and told.id < t.bounds.ports:
        t.ports[told.id].killed = told.engage
        set_port_blocked(&t.ports[told.id])
    elif told.scope == KILL_SCOPE_INSTRUMENT and told.id < t.max_instruments:
        t.instruments[told.id].killed = told.engage
        tighten(t, told.id)
    else:
        return bad(t, "scope is unknown, or id is beyond the gate's tables (GLOBAL: 0)")
    return TAKEN


cdef inline int take_lease(Tables* t, const LeaseRecord* told) noexcept nogil:
    t.lease_until_ns = told.until_ns
    set_gate_blocked(t)
    return TAKEN


cdef inline int take_day_reset(Tables* t) noexcept nogil:
    cdef uint32_t number
    for number in range(t.max_instruments):
        t.lines[number].day_left = t.instruments[number].max_day_lots
    for number in range(t.max_accounts):
        t.accounts[number].pnl_nanos = 0
        t.accounts[number].high_water_nanos = 0
        set_account_blocked(&t.accounts[number])
    for number in range(<uint32_t>PORTS):
        t.ports[number].last_order_id = 0
    return TAKEN


cdef inline void trip_if_violated(AccountRow* row, int breaker, uint64_t time_ns) noexcept nogil:
    """Each record that violates stamps the time anew."""
    if violates(row, breaker):
        row.latched |= 1 << breaker
        row.tripped_ns[breaker] = time_ns


cdef inline int take_profit_and_loss(Tables* t, const ProfitAndLossRecord* told) noexcept nogil:
    cdef AccountRow* row
    if told.account_id >= t.max_accounts:
        return bad(t, "account_id is beyond the gate's accounts")
    row = &t.accounts[told.account_id]
    row.pnl_nanos = told.pnl_nanos
    row.high_water_nanos = larger(row.high_water_nanos, told.pnl_nanos)
    trip_if_violated(row, BREAKER_DAILY_LOSS, told.time_ns)
    trip_if_violated(row, BREAKER_DRAWDOWN, told.time_ns)
    set_account_blocked(row)
    return TAKEN


cdef inline int take_outcome(Tables* t, const OutcomeRecord* told) noexcept nogil:
    cdef AccountRow* row
    if told.account_id >= t.max_accounts or told.rejected > 1:
        return bad(t, "account_id is beyond the gate's accounts, or rejected is not 0 or 1")
    row = &t.accounts[told.account_id]
    if not told.rejected:
        row.rejects_in_a_row = 0
    elif row.rejects_in_a_row < UINT32_MAX:
        row.rejects_in_a_row += 1
    trip_if_violated(row, BREAKER_CONSECUTIVE_REJECTS, told.time_ns)
    set_account_blocked(row)
    return TAKEN


cdef inline int take_rearm(Tables* t, const RearmRecord* told) noexcept nogil:
    cdef AccountRow* row
    if told.breaker == BREAKER_REPEATED_EXECUTION and told.id < t.max_strategies:
        t.strategies[told.id].latched = 0
        t.strategies[told.id].executions = 0
        set_strategy_blocked(&t.strategies[told.id])
        return TAKEN
    if told.breaker < BREAKER_DAILY_LOSS or told.breaker > BREAKER_CONSECUTIVE_REJECTS or told.id >= t.max_accounts:
        return bad(t, "breaker is unknown, or id is beyond the gate's tables")
    row = &t.accounts[told.id]
    row.latched &= ~(1 << told.breaker)
    if told.breaker == BREAKER_DRAWDOWN:
        row.high_water_nanos = row.pnl_nanos
    elif told.breaker == BREAKER_CONSECUTIVE_REJECTS:
        row.rejects_in_a_row = 0
    trip_if_violated(row, told.breaker, told.time_ns)
    set_account_blocked(row)
    return TAKEN
