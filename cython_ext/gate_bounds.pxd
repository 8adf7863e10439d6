# What the rows say once and for all, worked out when a row changes, so that an ordinary order costs a few comparisons.
# Each bound is no wider than the checks behind it; an order outside of one is judged check by check in rules.pxd.
from libc.stdint cimport INT64_MAX, UINT64_MAX, int64_t, uint32_t, uint64_t

from cython_ext.gate_arithmetic cimport added, larger, percent_of, smaller
from cython_ext.layout_gen cimport *
from cython_ext.tables cimport (
    AccountRow,
    Exposure,
    InstrumentLine,
    InstrumentRow,
    PORTS,
    PortRow,
    StrategyRow,
    Tables,
    position_at,
)

cdef inline void set_collar(const Tables* t, InstrumentRow* row) noexcept nogil:
    cdef uint64_t reference = <uint64_t>row.reference_price_ticks
    cdef uint64_t collar = row.collar_bps
    cdef uint64_t highest = <uint64_t>t.bounds.ticks
    row.collar_low_ticks = 1
    row.collar_high_ticks = 0
    if reference == 0 or collar == 0:
        return
    # reference * collar / 10_000 within 64 bits: at most 10 * TICKS_BOUND < 2^64 (TICKS_BOUND, COLLAR_BPS_BOUND)
    cdef uint64_t width = reference // 10_000 * collar + reference % 10_000 * collar // 10_000
    row.collar_low_ticks = <int64_t>(reference - width) if width < reference else 1
    row.collar_high_ticks = <int64_t>(reference + width) if reference + width < highest else <int64_t>highest


cdef inline bint is_crossed(const InstrumentRow* row) noexcept nogil:
    return row.bid_lots > 0 and row.ask_lots > 0 and row.bid_ticks >= row.ask_ticks


cdef inline void tighten(Tables* t, uint32_t instrument_id) noexcept nogil:
    """After any change of the row, the market or the own orders' best prices."""
    cdef InstrumentRow* row = &t.instruments[instrument_id]
    cdef InstrumentLine* line = &t.lines[instrument_id]
    cdef int64_t top = smaller(row.collar_high_ticks, smaller(row.max_price_ticks, t.bounds.ticks))
    line.lowest[0] = row.collar_low_ticks
    line.highest[0] = smaller(top, ~line.own_best[1])
    line.lowest[1] = -top
    line.highest[1] = smaller(-row.collar_low_ticks, ~line.own_best[0])
    if row.high_ticks != 0:
        line.highest[0] = smaller(line.highest[0], row.high_ticks)
        line.highest[1] = smaller(line.highest[1], -row.low_ticks)
    line.max_value = smaller(row.max_value_nanos, INT64_MAX - 1)
    line.max_lots = smaller(row.max_quantity_lots, t.bounds.order_lots)
    if row.max_impact_percent != 0:
        line.max_lots = smaller(
            line.max_lots, percent_of(smaller(row.bid_lots, row.ask_lots), row.max_impact_percent)
        )
    set_window(t, row, line)


cdef inline void set_window(const Tables* t, const InstrumentRow* row, InstrumentLine* line) noexcept nogil:
    cdef uint64_t oldest_ns, newest_ns
    line.from_ns = UINT64_MAX
    line.until_ns = 0
    if not (row.known and row.enabled) or row.restricted or row.killed or row.halted or row.gapped or is_crossed(row):
        return
    if row.reference_price_ticks == 0 or row.reference_max_age_ns == 0 or row.session_close_ns == 0:
        return
    if line.bucket.per_second == 0 or line.unit == 0:
        return
    oldest_ns = row.reference_time_ns - t.tolerance_ns if row.reference_time_ns > t.tolerance_ns else 0
    newest_ns = row.reference_time_ns + row.reference_max_age_ns
    if newest_ns < row.reference_time_ns:
        newest_ns = UINT64_MAX
    line.from_ns = oldest_ns if oldest_ns > row.session_open_ns else row.session_open_ns
    line.until_ns = newest_ns if newest_ns < row.session_close_ns - 1 else row.session_close_ns - 1


cdef inline void set_plain_limits(Tables* t, uint32_t account_id, uint32_t instrument_id) noexcept nogil:
    """A SELL that is not marked short may not go below 0 under Reg SHO."""
    cdef size_t at = position_at(t, account_id, instrument_id)
    cdef bint marked = t.instruments[instrument_id].short_sale == SHORT_SALE_REG_SHO
    t.holdings[at].plain_limit[0] = t.positions[at].max_long_lots
    t.holdings[at].plain_limit[1] = 0 if marked else t.positions[at].max_short_lots


cdef inline void set_all_plain_limits(Tables* t, uint32_t instrument_id) noexcept nogil:
    cdef uint32_t account_id
    for account_id in range(t.max_accounts):
        set_plain_limits(t, account_id, instrument_id)


cdef inline void set_limit(Exposure* exposure) noexcept nogil:
    exposure.limit_nanos = larger(0, added(exposure.max_open_value_nanos, exposure.credit_nanos))


cdef inline int64_t limit_of(const AccountRow* row, int breaker) noexcept nogil:
    if breaker == BREAKER_DAILY_LOSS:
        return row.max_daily_loss_nanos
    if breaker == BREAKER_DRAWDOWN:
        return row.max_drawdown_nanos
    return row.max_consecutive_rejects


cdef inline bint violates(const AccountRow* row, int breaker) noexcept nogil:
    """A limit of 0 blocks by itself and trips nothing."""
    cdef int64_t limit = limit_of(row, breaker)
    if limit == 0:
        return False
    if breaker == BREAKER_DAILY_LOSS:
        return row.pnl_nanos <= -limit
    if breaker == BREAKER_DRAWDOWN:
        return <uint64_t>row.high_water_nanos - <uint64_t>row.pnl_nanos >= <uint64_t>limit  # high water >= PnL
    return row.rejects_in_a_row >= limit


cdef inline void set_account_blocked(AccountRow* row) noexcept nogil:
    cdef int breaker
    row.blocked = not (row.known and row.enabled) or row.killed or row.mismatched or row.latched != 0
    row.blocked |= row.bucket.per_second == 0
    for breaker in range(BREAKER_DAILY_LOSS, BREAKER_REPEATED_EXECUTION):
        row.blocked |= limit_of(row, breaker) == 0 or violates(row, breaker)


cdef inline void set_strategy_blocked(StrategyRow* row) noexcept nogil:
    row.blocked = not (row.known and row.enabled) or row.killed or row.latched or row.bucket.per_second == 0
    row.blocked |= row.executions >= row.max_executions


cdef inline void set_port_blocked(PortRow* row) noexcept nogil:
    row.blocked = not (row.known and row.enabled) or row.killed or not row.connected or row.bucket.per_second == 0


cdef inline void set_gate_blocked(Tables* t) noexcept nogil:
    t.passes_until_ns = t.lease_until_ns if t.leased else UINT64_MAX
    t.blocked = t.killed or (t.leased and t.lease_until_ns == 0)
    t.firm.blocked = not t.firm.known or t.firm.bucket.per_second == 0


cdef inline void set_all_bounds(Tables* t) noexcept nogil:
    """After the tables were filled by hand."""
    cdef uint32_t number
    set_gate_blocked(t)
    set_limit(&t.firm.exposure)
    for number in range(t.max_instruments):
        set_collar(t, &t.instruments[number])
        tighten(t, number)
    for number in range(t.max_accounts):
        set_limit(&t.accounts[number].exposure)
        set_account_blocked(&t.accounts[number])
    for number in range(t.max_strategies):
        set_limit(&t.strategies[number].exposure)
        set_strategy_blocked(&t.strategies[number])
    for number in range(<uint32_t>PORTS):
        set_port_blocked(&t.ports[number])
