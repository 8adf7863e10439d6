# What became of passed orders: Fill, Release, Reserve, Adjust. Fill and Release are laid out alike. Like gate_tell.pxd.
from libc.stdint cimport INT64_MAX, int64_t, uint16_t, uint32_t, uint64_t

from cython_ext.gate_arithmetic cimport product, set_rate
from cython_ext.gate_bounds cimport set_strategy_blocked
from cython_ext.gate_tell cimport *
from cython_ext.layout_gen cimport *
from cython_ext.own_book cimport find, insert, lessen, place_at, widen
from cython_ext.tables cimport (
    AccountRow,
    Exposure,
    OwnOrder,
    StrategyRow,
    Tables,
    open_lots,
    position_at,
)


cdef inline int64_t take(Tables* t, int64_t stock, int64_t amount) noexcept nogil:
    """Never below 0: taking more than is there is a fault of the books, and is counted."""
    if amount > stock:
        t.faults += 1
        return 0
    return stock - amount


cdef inline int complain_about_settlement(Tables* t, const ReleaseRecord* told, int64_t lowest) noexcept nogil:
    if needs_rows(t, told.account_id, told.instrument_id) != TAKEN:
        return STATUS_BAD_ARGUMENT
    if told.strategy_id >= t.max_strategies:
        return bad(t, "strategy_id is beyond the gate's strategies")
    if told.side < SIDE_BUY or told.side > SIDE_SELL or told.closes > 1:
        return bad(t, "side is 1 or 2, closes (opens) 0 or 1")
    if told.quantity_lots < lowest or told.quantity_lots > t.bounds.told_lots:
        return bad(t, "quantity_lots is out of range")
    if told.reserved_price_ticks < 0 or told.reserved_price_ticks > t.bounds.ticks:
        return bad(t, "reserved_price_ticks is beyond the gate's bounds")
    return TAKEN


cdef inline int settle(Tables* t, const ReleaseRecord* told) noexcept nogil:
    """Lots are open no longer."""
    cdef size_t position = position_at(t, told.account_id, told.instrument_id)
    cdef AccountRow* account = &t.accounts[told.account_id]
    cdef StrategyRow* strategy = &t.strategies[told.strategy_id]
    cdef int at = told.side - SIDE_BUY
    cdef int64_t value = product(told.reserved_price_ticks, told.quantity_lots, t.lines[told.instrument_id].unit)
    cdef int64_t lots = open_lots(t, position, at)
    cdef uint32_t seat
    cdef OwnOrder* own
    t.holdings[position].worst_lots[at] -= lots - take(t, lots, told.quantity_lots)
    account.exposure.open_value_nanos = take(t, account.exposure.open_value_nanos, value)
    t.firm.exposure.open_value_nanos = take(t, t.firm.exposure.open_value_nanos, value)
    strategy.exposure.open_value_nanos = take(t, strategy.exposure.open_value_nanos, value)
    account.open_orders = take(t, account.open_orders, told.closes)
    t.firm.open_orders = take(t, t.firm.open_orders, told.closes)
    seat = find(t, told.order_id)
    own = &t.own[place_at(t, seat)]
    if told.order_id == 0 or own.order_id == 0:
        return TAKEN
    if own.account_id == told.account_id and own.instrument_id == told.instrument_id and own.side == at:
        lessen(t, seat, told.quantity_lots, told.closes)
    else:
        t.faults += 1
    return TAKEN


cdef inline int take_release(Tables* t, const ReleaseRecord* told) noexcept nogil:
    if complain_about_settlement(t, told, 0) != TAKEN:
        return STATUS_BAD_ARGUMENT
    return settle(t, told)


cdef inline int take_adjust(Tables* t, const AdjustRecord* told) noexcept nogil:
    cdef int64_t position
    cdef size_t at
    if needs_rows(t, told.account_id, told.instrument_id) != TAKEN:
        return STATUS_BAD_ARGUMENT
    if told.delta_lots < -t.bounds.adjust_lots or told.delta_lots > t.bounds.adjust_lots:
        return bad(t, "delta_lots is beyond the gate's bounds")
    at = position_at(t, told.account_id, told.instrument_id)
    position = t.positions[at].position_lots + told.delta_lots
    if position < -t.bounds.position_lots or position > t.bounds.position_lots:
        return bad(t, "the position would be beyond the gate's bounds")
    t.positions[at].position_lots = position
    t.holdings[at].worst_lots[0] += told.delta_lots
    t.holdings[at].worst_lots[1] -= told.delta_lots
    return TAKEN


cdef inline int take_fill(Tables* t, const ReleaseRecord* told) noexcept nogil:
    cdef AdjustRecord adjust
    cdef StrategyRow* strategy
    if complain_about_settlement(t, told, 1) != TAKEN:
        return STATUS_BAD_ARGUMENT
    adjust.account_id = told.account_id
    adjust.instrument_id = told.instrument_id
    adjust.delta_lots = told.quantity_lots if told.side == SIDE_BUY else -told.quantity_lots
    if take_adjust(t, &adjust) != TAKEN:
        return STATUS_BAD_ARGUMENT
    strategy = &t.strategies[told.strategy_id]
    strategy.executions += 1
    if strategy.max_executions != 0 and strategy.executions >= strategy.max_executions:
        strategy.latched = 1
    set_strategy_blocked(strategy)
    return settle(t, told)


cdef inline bint has_room(const Exposure* exposure, int64_t value) noexcept nogil:
    return value <= INT64_MAX - exposure.open_value_nanos


cdef inline int take_reserve(Tables* t, const ReleaseRecord* told) noexcept nogil:
    """`closes` is the Reserve record's `opens`."""
    cdef AccountRow* account
    cdef StrategyRow* strategy
    cdef int64_t value
    cdef size_t position
    cdef int at = told.side - SIDE_BUY
    if complain_about_settlement(t, told, 0) != TAKEN:
        return STATUS_BAD_ARGUMENT
    position = position_at(t, told.account_id, told.instrument_id)
    account = &t.accounts[told.account_id]
    strategy = &t.strategies[told.strategy_id]
    value = product(told.reserved_price_ticks, told.quantity_lots, t.lines[told.instrument_id].unit)
    if value == INT64_MAX or not has_room(&account.exposure, value):
        return bad(t, "the account's open value would not fit 63 bits")
    if not has_room(&t.firm.exposure, value) or not has_room(&strategy.exposure, value):
        return bad(t, "the open value of the firm or the strategy would not fit 63 bits")
    if open_lots(t, position, at) + told.quantity_lots > t.bounds.open_lots:
        return bad(t, "open lots would be beyond the gate's bounds")
    if put_back(t, told) != TAKEN:
        return STATUS_BAD_ARGUMENT
    t.holdings[position].worst_lots[at] += told.quantity_lots
    account.exposure.open_value_nanos += value
    t.firm.exposure.open_value_nanos += value
    strategy.exposure.open_value_nanos += value
    account.open_orders += told.closes
    t.firm.open_orders += told.closes
    return TAKEN


cdef inline int put_back(Tables* t, const ReleaseRecord* told) noexcept nogil:
    """Among the own working orders, if it has an id, a price and lots."""
    cdef uint32_t side = told.side - SIDE_BUY
    cdef uint32_t seat = find(t, told.order_id)
    cdef OwnOrder* own = &t.own[place_at(t, seat)]
    if told.order_id == 0 or told.reserved_price_ticks == 0 or told.quantity_lots == 0:
        return TAKEN
    if own.order_id == 0:
        if t.working >= t.max_working_orders:
            return bad(t, "max_working_orders orders work already")
        insert(
            t, seat, told.order_id, told.account_id, told.instrument_id, side,
            told.reserved_price_ticks, told.quantity_lots,
        )
        return TAKEN
    if own.account_id != told.account_id or own.instrument_id != told.instrument_id or own.side != side:
        return bad(t, "order_id works for another account, instrument or side")
    if own.leaves_lots > t.bounds.told_lots - told.quantity_lots:
        return bad(t, "leaves would be beyond the gate's bounds")
    own.leaves_lots += told.quantity_lots
    own.price_ticks = told.reserved_price_ticks
    widen(&t.lines[told.instrument_id], side, told.reserved_price_ticks)
    return TAKEN


cdef inline size_t size_of(uint16_t type_id) noexcept nogil:
    """Bytes of a record that the gate takes; 0: it is none of them."""
    if type_id == INSTRUMENT_LIMITS_TYPE_ID:
        return sizeof(InstrumentLimitsRecord)
    if type_id == ACCOUNT_LIMITS_TYPE_ID:
        return sizeof(AccountLimitsRecord)
    if type_id == STRATEGY_LIMITS_TYPE_ID or type_id == QUOTE_TYPE_ID:
        return sizeof(QuoteRecord)
    if type_id == FILL_TYPE_ID or type_id == RELEASE_TYPE_ID or type_id == RESERVE_TYPE_ID:
        return sizeof(ReleaseRecord)
    if type_id == POSITION_LIMITS_TYPE_ID or type_id == FIRM_LIMITS_TYPE_ID:
        return sizeof(FirmLimitsRecord)
    if type_id == REFERENCE_PRICE_TYPE_ID or type_id == PRICE_BAND_TYPE_ID or type_id == PROFIT_AND_LOSS_TYPE_ID:
        return sizeof(PriceBandRecord)
    if PORT_LIMITS_TYPE_ID == type_id or type_id == MARK_TYPE_ID or type_id == KILL_TYPE_ID:
        return sizeof(KillRecord)
    if type_id == CREDIT_TYPE_ID or type_id == OUTCOME_TYPE_ID or type_id == REARM_TYPE_ID or type_id == ADJUST_TYPE_ID:
        return sizeof(AdjustRecord)
    if type_id == LEASE_TYPE_ID or type_id == DAY_RESET_TYPE_ID:
        return sizeof(LeaseRecord)
    return 0


cdef inline int take_record(Tables* t, const void* record) noexcept nogil:
    """0, or a Status. The caller has made sure that size_of() bytes are there."""
    cdef uint16_t type_id = (<const LeaseRecord*>record).type_id
    if type_id == FILL_TYPE_ID:
        return take_fill(t, <const ReleaseRecord*>record)
    if type_id == RELEASE_TYPE_ID:
        return take_release(t, <const ReleaseRecord*>record)
    if type_id == RESERVE_TYPE_ID:
        return take_reserve(t, <const ReleaseRecord*>record)
    if type_id == QUOTE_TYPE_ID:
        return take_quote(t, <const QuoteRecord*>record)
    if type_id == REFERENCE_PRICE_TYPE_ID:
        return take_reference(t, <const ReferencePriceRecord*>record)
    if type_id == OUTCOME_TYPE_ID:
        return take_outcome(t, <const OutcomeRecord*>record)
    if type_id == PROFIT_AND_LOSS_TYPE_ID:
        return take_profit_and_loss(t, <const ProfitAndLossRecord*>record)
    return take_rare(t, type_id, record)


cdef inline int take_rare(Tables* t, uint16_t type_id, const void* record) noexcept nogil:
    if type_id == INSTRUMENT_LIMITS_TYPE_ID:
        return take_instrument_limits(t, <const InstrumentLimitsRecord*>record)
    if type_id == ACCOUNT_LIMITS_TYPE_ID:
        return take_account_limits(t, <const AccountLimitsRecord*>record)
    if type_id == POSITION_LIMITS_TYPE_ID:
        return take_position_limits(t, <const PositionLimitsRecord*>record)
    if type_id == FIRM_LIMITS_TYPE_ID:
        return take_firm_limits(t, <const FirmLimitsRecord*>record)
    if type_id == STRATEGY_LIMITS_TYPE_ID:
        return take_strategy_limits(t, <const StrategyLimitsRecord*>record)
    if type_id == PORT_LIMITS_TYPE_ID:
        return take_port_limits(t, <const PortLimitsRecord*>record)
    if type_id == CREDIT_TYPE_ID:
        return take_credit(t, <const CreditRecord*>record)
    if type_id == PRICE_BAND_TYPE_ID:
        return take_price_band(t, <const PriceBandRecord*>record)
    if type_id == MARK_TYPE_ID:
        return take_mark(t, <const MarkRecord*>record)
    if type_id == KILL_TYPE_ID:
        return take_kill(t, <const KillRecord*>record)
    if type_id == LEASE_TYPE_ID:
        return take_lease(t, <const LeaseRecord*>record)
    if type_id == DAY_RESET_TYPE_ID:
        return take_day_reset(t)
    if type_id == REARM_TYPE_ID:
        return take_rearm(t, <const RearmRecord*>record)
    if type_id == ADJUST_TYPE_ID:
        return take_adjust(t, <const AdjustRecord*>record)
    t.complaint = "is no record of the gate's"
    return STATUS_BAD_RECORD
