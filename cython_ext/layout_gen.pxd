# Records and rules of the hot path for Cython. Generated from proto/hot/layout.toml and proto/hot/rulebook.toml by tools/gen_layout.py; change those, not this file.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #ifndef MELTICA_HOT_LAYOUT
    #define MELTICA_HOT_LAYOUT
    #include <stddef.h>
    #include <stdint.h>
    #define MELTICA_LOTS_BOUND 1152921504606846976LL
    #define MELTICA_TICKS_BOUND 1152921504606846976LL
    #define MELTICA_NANO_TOKENS_PER_MESSAGE 1000000000LL
    #define MELTICA_BURST_BOUND 2147483647LL
    #define MELTICA_COLLAR_BPS_BOUND 100000LL
    #define MELTICA_STATE_VERSION 2LL
    #define MELTICA_REASON_PASS 255LL
    #define MELTICA_JUDGED_WITHOUT_ACCOUNT 0x19b97c1fffULL
    #define MELTICA_JUDGED_WITHOUT_STRATEGY 0xffeffffffULL
    #define MELTICA_JUDGED_WITHOUT_INSTRUMENT 0xfe5a0601fULL
    #define MELTICA_JUDGED_WITHOUT_FIELDS 0xffde061ffULL
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t action;
        uint8_t side;
        uint8_t flags;
        uint8_t port_id;
        uint8_t order_type;
        uint8_t tif;
        uint32_t instrument_id;
        uint16_t account_id;
        uint16_t strategy_id;
        uint64_t order_id;
        int64_t price_ticks;
        int64_t quantity_lots;
        uint64_t time_ns;
        int64_t working_lots;
        int64_t working_price_ticks;
    } meltica_order_intent_t;
    _Static_assert(sizeof(meltica_order_intent_t) == 64, "size of OrderIntent");
    _Static_assert(offsetof(meltica_order_intent_t, type_id) == 0, "OrderIntent.type_id");
    _Static_assert(offsetof(meltica_order_intent_t, action) == 2, "OrderIntent.action");
    _Static_assert(offsetof(meltica_order_intent_t, side) == 3, "OrderIntent.side");
    _Static_assert(offsetof(meltica_order_intent_t, flags) == 4, "OrderIntent.flags");
    _Static_assert(offsetof(meltica_order_intent_t, port_id) == 5, "OrderIntent.port_id");
    _Static_assert(offsetof(meltica_order_intent_t, order_type) == 6, "OrderIntent.order_type");
    _Static_assert(offsetof(meltica_order_intent_t, tif) == 7, "OrderIntent.tif");
    _Static_assert(offsetof(meltica_order_intent_t, instrument_id) == 8, "OrderIntent.instrument_id");
    _Static_assert(offsetof(meltica_order_intent_t, account_id) == 12, "OrderIntent.account_id");
    _Static_assert(offsetof(meltica_order_intent_t, strategy_id) == 14, "OrderIntent.strategy_id");
    _Static_assert(offsetof(meltica_order_intent_t, order_id) == 16, "OrderIntent.order_id");
    _Static_assert(offsetof(meltica_order_intent_t, price_ticks) == 24, "OrderIntent.price_ticks");
    _Static_assert(offsetof(meltica_order_intent_t, quantity_lots) == 32, "OrderIntent.quantity_lots");
    _Static_assert(offsetof(meltica_order_intent_t, time_ns) == 40, "OrderIntent.time_ns");
    _Static_assert(offsetof(meltica_order_intent_t, working_lots) == 48, "OrderIntent.working_lots");
    _Static_assert(offsetof(meltica_order_intent_t, working_price_ticks) == 56, "OrderIntent.working_price_ticks");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t reason;
        uint8_t action;
        uint32_t reserved0;
        uint64_t order_id;
        uint64_t fired_mask;
        int64_t reserved_price_ticks;
    } meltica_verdict_t;
    _Static_assert(sizeof(meltica_verdict_t) == 32, "size of Verdict");
    _Static_assert(offsetof(meltica_verdict_t, type_id) == 0, "Verdict.type_id");
    _Static_assert(offsetof(meltica_verdict_t, reason) == 2, "Verdict.reason");
    _Static_assert(offsetof(meltica_verdict_t, action) == 3, "Verdict.action");
    _Static_assert(offsetof(meltica_verdict_t, reserved0) == 4, "Verdict.reserved0");
    _Static_assert(offsetof(meltica_verdict_t, order_id) == 8, "Verdict.order_id");
    _Static_assert(offsetof(meltica_verdict_t, fired_mask) == 16, "Verdict.fired_mask");
    _Static_assert(offsetof(meltica_verdict_t, reserved_price_ticks) == 24, "Verdict.reserved_price_ticks");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t enabled;
        uint8_t restricted;
        uint32_t instrument_id;
        uint8_t short_sale;
        uint8_t reserved0;
        uint16_t reserved1;
        uint32_t collar_bps;
        int64_t value_per_tick_lot_nanos;
        int64_t max_price_ticks;
        int64_t max_quantity_lots;
        int64_t max_value_nanos;
        uint64_t reference_max_age_ns;
        uint64_t session_open_ns;
        uint64_t session_close_ns;
        int64_t max_day_lots;
        uint32_t messages_per_second;
        uint32_t message_burst;
        uint32_t max_impact_percent;
        uint32_t reserved2;
        uint64_t reserved3;
        uint64_t reserved4;
        uint64_t reserved5;
        uint64_t reserved6;
    } meltica_instrument_limits_t;
    _Static_assert(sizeof(meltica_instrument_limits_t) == 128, "size of InstrumentLimits");
    _Static_assert(offsetof(meltica_instrument_limits_t, type_id) == 0, "InstrumentLimits.type_id");
    _Static_assert(offsetof(meltica_instrument_limits_t, enabled) == 2, "InstrumentLimits.enabled");
    _Static_assert(offsetof(meltica_instrument_limits_t, restricted) == 3, "InstrumentLimits.restricted");
    _Static_assert(offsetof(meltica_instrument_limits_t, instrument_id) == 4, "InstrumentLimits.instrument_id");
    _Static_assert(offsetof(meltica_instrument_limits_t, short_sale) == 8, "InstrumentLimits.short_sale");
    _Static_assert(offsetof(meltica_instrument_limits_t, reserved0) == 9, "InstrumentLimits.reserved0");
    _Static_assert(offsetof(meltica_instrument_limits_t, reserved1) == 10, "InstrumentLimits.reserved1");
    _Static_assert(offsetof(meltica_instrument_limits_t, collar_bps) == 12, "InstrumentLimits.collar_bps");
    _Static_assert(offsetof(meltica_instrument_limits_t, value_per_tick_lot_nanos) == 16, "InstrumentLimits.value_per_tick_lot_nanos");
    _Static_assert(offsetof(meltica_instrument_limits_t, max_price_ticks) == 24, "InstrumentLimits.max_price_ticks");
    _Static_assert(offsetof(meltica_instrument_limits_t, max_quantity_lots) == 32, "InstrumentLimits.max_quantity_lots");
    _Static_assert(offsetof(meltica_instrument_limits_t, max_value_nanos) == 40, "InstrumentLimits.max_value_nanos");
    _Static_assert(offsetof(meltica_instrument_limits_t, reference_max_age_ns) == 48, "InstrumentLimits.reference_max_age_ns");
    _Static_assert(offsetof(meltica_instrument_limits_t, session_open_ns) == 56, "InstrumentLimits.session_open_ns");
    _Static_assert(offsetof(meltica_instrument_limits_t, session_close_ns) == 64, "InstrumentLimits.session_close_ns");
    _Static_assert(offsetof(meltica_instrument_limits_t, max_day_lots) == 72, "InstrumentLimits.max_day_lots");
    _Static_assert(offsetof(meltica_instrument_limits_t, messages_per_second) == 80, "InstrumentLimits.messages_per_second");
    _Static_assert(offsetof(meltica_instrument_limits_t, message_burst) == 84, "InstrumentLimits.message_burst");
    _Static_assert(offsetof(meltica_instrument_limits_t, max_impact_percent) == 88, "InstrumentLimits.max_impact_percent");
    _Static_assert(offsetof(meltica_instrument_limits_t, reserved2) == 92, "InstrumentLimits.reserved2");
    _Static_assert(offsetof(meltica_instrument_limits_t, reserved3) == 96, "InstrumentLimits.reserved3");
    _Static_assert(offsetof(meltica_instrument_limits_t, reserved4) == 104, "InstrumentLimits.reserved4");
    _Static_assert(offsetof(meltica_instrument_limits_t, reserved5) == 112, "InstrumentLimits.reserved5");
    _Static_assert(offsetof(meltica_instrument_limits_t, reserved6) == 120, "InstrumentLimits.reserved6");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t account_id;
        uint8_t enabled;
        uint8_t market_orders_allowed;
        uint8_t iso_allowed;
        uint8_t short_exempt_allowed;
        uint8_t self_match;
        uint8_t reserved0;
        uint16_t self_match_group;
        uint32_t messages_per_second;
        uint32_t message_burst;
        uint32_t max_open_orders;
        uint32_t max_consecutive_rejects;
        uint32_t reserved1;
        int64_t max_open_value_nanos;
        uint64_t duplicate_window_ns;
        int64_t max_daily_loss_nanos;
        int64_t max_drawdown_nanos;
        uint64_t rearm_after_ns;
        uint64_t reserved2;
        uint64_t reserved3;
        uint64_t reserved4;
    } meltica_account_limits_t;
    _Static_assert(sizeof(meltica_account_limits_t) == 96, "size of AccountLimits");
    _Static_assert(offsetof(meltica_account_limits_t, type_id) == 0, "AccountLimits.type_id");
    _Static_assert(offsetof(meltica_account_limits_t, account_id) == 2, "AccountLimits.account_id");
    _Static_assert(offsetof(meltica_account_limits_t, enabled) == 4, "AccountLimits.enabled");
    _Static_assert(offsetof(meltica_account_limits_t, market_orders_allowed) == 5, "AccountLimits.market_orders_allowed");
    _Static_assert(offsetof(meltica_account_limits_t, iso_allowed) == 6, "AccountLimits.iso_allowed");
    _Static_assert(offsetof(meltica_account_limits_t, short_exempt_allowed) == 7, "AccountLimits.short_exempt_allowed");
    _Static_assert(offsetof(meltica_account_limits_t, self_match) == 8, "AccountLimits.self_match");
    _Static_assert(offsetof(meltica_account_limits_t, reserved0) == 9, "AccountLimits.reserved0");
    _Static_assert(offsetof(meltica_account_limits_t, self_match_group) == 10, "AccountLimits.self_match_group");
    _Static_assert(offsetof(meltica_account_limits_t, messages_per_second) == 12, "AccountLimits.messages_per_second");
    _Static_assert(offsetof(meltica_account_limits_t, message_burst) == 16, "AccountLimits.message_burst");
    _Static_assert(offsetof(meltica_account_limits_t, max_open_orders) == 20, "AccountLimits.max_open_orders");
    _Static_assert(offsetof(meltica_account_limits_t, max_consecutive_rejects) == 24, "AccountLimits.max_consecutive_rejects");
    _Static_assert(offsetof(meltica_account_limits_t, reserved1) == 28, "AccountLimits.reserved1");
    _Static_assert(offsetof(meltica_account_limits_t, max_open_value_nanos) == 32, "AccountLimits.max_open_value_nanos");
    _Static_assert(offsetof(meltica_account_limits_t, duplicate_window_ns) == 40, "AccountLimits.duplicate_window_ns");
    _Static_assert(offsetof(meltica_account_limits_t, max_daily_loss_nanos) == 48, "AccountLimits.max_daily_loss_nanos");
    _Static_assert(offsetof(meltica_account_limits_t, max_drawdown_nanos) == 56, "AccountLimits.max_drawdown_nanos");
    _Static_assert(offsetof(meltica_account_limits_t, rearm_after_ns) == 64, "AccountLimits.rearm_after_ns");
    _Static_assert(offsetof(meltica_account_limits_t, reserved2) == 72, "AccountLimits.reserved2");
    _Static_assert(offsetof(meltica_account_limits_t, reserved3) == 80, "AccountLimits.reserved3");
    _Static_assert(offsetof(meltica_account_limits_t, reserved4) == 88, "AccountLimits.reserved4");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t account_id;
        uint32_t instrument_id;
        int64_t max_long_lots;
        int64_t max_short_lots;
        int64_t located_lots;
    } meltica_position_limits_t;
    _Static_assert(sizeof(meltica_position_limits_t) == 32, "size of PositionLimits");
    _Static_assert(offsetof(meltica_position_limits_t, type_id) == 0, "PositionLimits.type_id");
    _Static_assert(offsetof(meltica_position_limits_t, account_id) == 2, "PositionLimits.account_id");
    _Static_assert(offsetof(meltica_position_limits_t, instrument_id) == 4, "PositionLimits.instrument_id");
    _Static_assert(offsetof(meltica_position_limits_t, max_long_lots) == 8, "PositionLimits.max_long_lots");
    _Static_assert(offsetof(meltica_position_limits_t, max_short_lots) == 16, "PositionLimits.max_short_lots");
    _Static_assert(offsetof(meltica_position_limits_t, located_lots) == 24, "PositionLimits.located_lots");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t reserved0;
        uint32_t messages_per_second;
        uint32_t message_burst;
        uint32_t max_open_orders;
        int64_t max_open_value_nanos;
        uint64_t reserved1;
    } meltica_firm_limits_t;
    _Static_assert(sizeof(meltica_firm_limits_t) == 32, "size of FirmLimits");
    _Static_assert(offsetof(meltica_firm_limits_t, type_id) == 0, "FirmLimits.type_id");
    _Static_assert(offsetof(meltica_firm_limits_t, reserved0) == 2, "FirmLimits.reserved0");
    _Static_assert(offsetof(meltica_firm_limits_t, messages_per_second) == 4, "FirmLimits.messages_per_second");
    _Static_assert(offsetof(meltica_firm_limits_t, message_burst) == 8, "FirmLimits.message_burst");
    _Static_assert(offsetof(meltica_firm_limits_t, max_open_orders) == 12, "FirmLimits.max_open_orders");
    _Static_assert(offsetof(meltica_firm_limits_t, max_open_value_nanos) == 16, "FirmLimits.max_open_value_nanos");
    _Static_assert(offsetof(meltica_firm_limits_t, reserved1) == 24, "FirmLimits.reserved1");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t strategy_id;
        uint8_t enabled;
        uint8_t reserved0;
        uint16_t reserved1;
        uint32_t messages_per_second;
        uint32_t message_burst;
        int64_t max_open_value_nanos;
        uint64_t max_executions;
        uint64_t reserved2;
        uint64_t reserved3;
    } meltica_strategy_limits_t;
    _Static_assert(sizeof(meltica_strategy_limits_t) == 48, "size of StrategyLimits");
    _Static_assert(offsetof(meltica_strategy_limits_t, type_id) == 0, "StrategyLimits.type_id");
    _Static_assert(offsetof(meltica_strategy_limits_t, strategy_id) == 2, "StrategyLimits.strategy_id");
    _Static_assert(offsetof(meltica_strategy_limits_t, enabled) == 4, "StrategyLimits.enabled");
    _Static_assert(offsetof(meltica_strategy_limits_t, reserved0) == 5, "StrategyLimits.reserved0");
    _Static_assert(offsetof(meltica_strategy_limits_t, reserved1) == 6, "StrategyLimits.reserved1");
    _Static_assert(offsetof(meltica_strategy_limits_t, messages_per_second) == 8, "StrategyLimits.messages_per_second");
    _Static_assert(offsetof(meltica_strategy_limits_t, message_burst) == 12, "StrategyLimits.message_burst");
    _Static_assert(offsetof(meltica_strategy_limits_t, max_open_value_nanos) == 16, "StrategyLimits.max_open_value_nanos");
    _Static_assert(offsetof(meltica_strategy_limits_t, max_executions) == 24, "StrategyLimits.max_executions");
    _Static_assert(offsetof(meltica_strategy_limits_t, reserved2) == 32, "StrategyLimits.reserved2");
    _Static_assert(offsetof(meltica_strategy_limits_t, reserved3) == 40, "StrategyLimits.reserved3");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t port_id;
        uint8_t enabled;
        uint32_t messages_per_second;
        uint32_t message_burst;
        uint32_t reserved0;
    } meltica_port_limits_t;
    _Static_assert(sizeof(meltica_port_limits_t) == 16, "size of PortLimits");
    _Static_assert(offsetof(meltica_port_limits_t, type_id) == 0, "PortLimits.type_id");
    _Static_assert(offsetof(meltica_port_limits_t, port_id) == 2, "PortLimits.port_id");
    _Static_assert(offsetof(meltica_port_limits_t, enabled) == 3, "PortLimits.enabled");
    _Static_assert(offsetof(meltica_port_limits_t, messages_per_second) == 4, "PortLimits.messages_per_second");
    _Static_assert(offsetof(meltica_port_limits_t, message_burst) == 8, "PortLimits.message_burst");
    _Static_assert(offsetof(meltica_port_limits_t, reserved0) == 12, "PortLimits.reserved0");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t reserved0;
        uint32_t instrument_id;
        int64_t price_ticks;
        uint64_t time_ns;
    } meltica_reference_price_t;
    _Static_assert(sizeof(meltica_reference_price_t) == 24, "size of ReferencePrice");
    _Static_assert(offsetof(meltica_reference_price_t, type_id) == 0, "ReferencePrice.type_id");
    _Static_assert(offsetof(meltica_reference_price_t, reserved0) == 2, "ReferencePrice.reserved0");
    _Static_assert(offsetof(meltica_reference_price_t, instrument_id) == 4, "ReferencePrice.instrument_id");
    _Static_assert(offsetof(meltica_reference_price_t, price_ticks) == 8, "ReferencePrice.price_ticks");
    _Static_assert(offsetof(meltica_reference_price_t, time_ns) == 16, "ReferencePrice.time_ns");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t mark;
        uint8_t on;
        uint32_t id;
        uint64_t time_ns;
    } meltica_mark_t;
    _Static_assert(sizeof(meltica_mark_t) == 16, "size of Mark");
    _Static_assert(offsetof(meltica_mark_t, type_id) == 0, "Mark.type_id");
    _Static_assert(offsetof(meltica_mark_t, mark) == 2, "Mark.mark");
    _Static_assert(offsetof(meltica_mark_t, on) == 3, "Mark.on");
    _Static_assert(offsetof(meltica_mark_t, id) == 4, "Mark.id");
    _Static_assert(offsetof(meltica_mark_t, time_ns) == 8, "Mark.time_ns");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t reserved0;
        uint32_t instrument_id;
        int64_t bid_ticks;
        int64_t bid_lots;
        int64_t ask_ticks;
        int64_t ask_lots;
        uint64_t time_ns;
    } meltica_quote_t;
    _Static_assert(sizeof(meltica_quote_t) == 48, "size of Quote");
    _Static_assert(offsetof(meltica_quote_t, type_id) == 0, "Quote.type_id");
    _Static_assert(offsetof(meltica_quote_t, reserved0) == 2, "Quote.reserved0");
    _Static_assert(offsetof(meltica_quote_t, instrument_id) == 4, "Quote.instrument_id");
    _Static_assert(offsetof(meltica_quote_t, bid_ticks) == 8, "Quote.bid_ticks");
    _Static_assert(offsetof(meltica_quote_t, bid_lots) == 16, "Quote.bid_lots");
    _Static_assert(offsetof(meltica_quote_t, ask_ticks) == 24, "Quote.ask_ticks");
    _Static_assert(offsetof(meltica_quote_t, ask_lots) == 32, "Quote.ask_lots");
    _Static_assert(offsetof(meltica_quote_t, time_ns) == 40, "Quote.time_ns");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t reserved0;
        uint32_t instrument_id;
        int64_t low_ticks;
        int64_t high_ticks;
    } meltica_price_band_t;
    _Static_assert(sizeof(meltica_price_band_t) == 24, "size of PriceBand");
    _Static_assert(offsetof(meltica_price_band_t, type_id) == 0, "PriceBand.type_id");
    _Static_assert(offsetof(meltica_price_band_t, reserved0) == 2, "PriceBand.reserved0");
    _Static_assert(offsetof(meltica_price_band_t, instrument_id) == 4, "PriceBand.instrument_id");
    _Static_assert(offsetof(meltica_price_band_t, low_ticks) == 8, "PriceBand.low_ticks");
    _Static_assert(offsetof(meltica_price_band_t, high_ticks) == 16, "PriceBand.high_ticks");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t account_id;
        uint32_t reserved0;
        int64_t pnl_nanos;
        uint64_t time_ns;
    } meltica_profit_and_loss_t;
    _Static_assert(sizeof(meltica_profit_and_loss_t) == 24, "size of ProfitAndLoss");
    _Static_assert(offsetof(meltica_profit_and_loss_t, type_id) == 0, "ProfitAndLoss.type_id");
    _Static_assert(offsetof(meltica_profit_and_loss_t, account_id) == 2, "ProfitAndLoss.account_id");
    _Static_assert(offsetof(meltica_profit_and_loss_t, reserved0) == 4, "ProfitAndLoss.reserved0");
    _Static_assert(offsetof(meltica_profit_and_loss_t, pnl_nanos) == 8, "ProfitAndLoss.pnl_nanos");
    _Static_assert(offsetof(meltica_profit_and_loss_t, time_ns) == 16, "ProfitAndLoss.time_ns");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t scope;
        uint8_t reserved0;
        uint32_t id;
        int64_t delta_nanos;
    } meltica_credit_t;
    _Static_assert(sizeof(meltica_credit_t) == 16, "size of Credit");
    _Static_assert(offsetof(meltica_credit_t, type_id) == 0, "Credit.type_id");
    _Static_assert(offsetof(meltica_credit_t, scope) == 2, "Credit.scope");
    _Static_assert(offsetof(meltica_credit_t, reserved0) == 3, "Credit.reserved0");
    _Static_assert(offsetof(meltica_credit_t, id) == 4, "Credit.id");
    _Static_assert(offsetof(meltica_credit_t, delta_nanos) == 8, "Credit.delta_nanos");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t account_id;
        uint8_t rejected;
        uint8_t reserved0;
        uint16_t reserved1;
        uint64_t time_ns;
    } meltica_outcome_t;
    _Static_assert(sizeof(meltica_outcome_t) == 16, "size of Outcome");
    _Static_assert(offsetof(meltica_outcome_t, type_id) == 0, "Outcome.type_id");
    _Static_assert(offsetof(meltica_outcome_t, account_id) == 2, "Outcome.account_id");
    _Static_assert(offsetof(meltica_outcome_t, rejected) == 4, "Outcome.rejected");
    _Static_assert(offsetof(meltica_outcome_t, reserved0) == 5, "Outcome.reserved0");
    _Static_assert(offsetof(meltica_outcome_t, reserved1) == 6, "Outcome.reserved1");
    _Static_assert(offsetof(meltica_outcome_t, time_ns) == 8, "Outcome.time_ns");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t breaker;
        uint8_t reserved0;
        uint32_t id;
        uint64_t time_ns;
    } meltica_rearm_t;
    _Static_assert(sizeof(meltica_rearm_t) == 16, "size of Rearm");
    _Static_assert(offsetof(meltica_rearm_t, type_id) == 0, "Rearm.type_id");
    _Static_assert(offsetof(meltica_rearm_t, breaker) == 2, "Rearm.breaker");
    _Static_assert(offsetof(meltica_rearm_t, reserved0) == 3, "Rearm.reserved0");
    _Static_assert(offsetof(meltica_rearm_t, id) == 4, "Rearm.id");
    _Static_assert(offsetof(meltica_rearm_t, time_ns) == 8, "Rearm.time_ns");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t reserved0;
        uint32_t reserved1;
        uint64_t until_ns;
    } meltica_lease_t;
    _Static_assert(sizeof(meltica_lease_t) == 16, "size of Lease");
    _Static_assert(offsetof(meltica_lease_t, type_id) == 0, "Lease.type_id");
    _Static_assert(offsetof(meltica_lease_t, reserved0) == 2, "Lease.reserved0");
    _Static_assert(offsetof(meltica_lease_t, reserved1) == 4, "Lease.reserved1");
    _Static_assert(offsetof(meltica_lease_t, until_ns) == 8, "Lease.until_ns");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t reserved0;
        uint32_t reserved1;
        uint64_t time_ns;
    } meltica_day_reset_t;
    _Static_assert(sizeof(meltica_day_reset_t) == 16, "size of DayReset");
    _Static_assert(offsetof(meltica_day_reset_t, type_id) == 0, "DayReset.type_id");
    _Static_assert(offsetof(meltica_day_reset_t, reserved0) == 2, "DayReset.reserved0");
    _Static_assert(offsetof(meltica_day_reset_t, reserved1) == 4, "DayReset.reserved1");
    _Static_assert(offsetof(meltica_day_reset_t, time_ns) == 8, "DayReset.time_ns");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t locate;
        uint32_t instrument_id;
        uint64_t symbol;
        uint64_t wire_price_per_tick;
        uint64_t shares_per_lot;
    } meltica_symbol_t;
    _Static_assert(sizeof(meltica_symbol_t) == 32, "size of Symbol");
    _Static_assert(offsetof(meltica_symbol_t, type_id) == 0, "Symbol.type_id");
    _Static_assert(offsetof(meltica_symbol_t, locate) == 2, "Symbol.locate");
    _Static_assert(offsetof(meltica_symbol_t, instrument_id) == 4, "Symbol.instrument_id");
    _Static_assert(offsetof(meltica_symbol_t, symbol) == 8, "Symbol.symbol");
    _Static_assert(offsetof(meltica_symbol_t, wire_price_per_tick) == 16, "Symbol.wire_price_per_tick");
    _Static_assert(offsetof(meltica_symbol_t, shares_per_lot) == 24, "Symbol.shares_per_lot");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t locate;
        uint8_t trading_status;
        uint8_t condition;
        uint16_t reserved0;
        int64_t bid_price;
        int64_t bid_shares;
        int64_t ask_price;
        int64_t ask_shares;
        uint64_t exchange_time_ns;
        uint64_t receive_time_ns;
        uint64_t update_count;
    } meltica_top_of_book_t;
    _Static_assert(sizeof(meltica_top_of_book_t) == 64, "size of TopOfBook");
    _Static_assert(offsetof(meltica_top_of_book_t, type_id) == 0, "TopOfBook.type_id");
    _Static_assert(offsetof(meltica_top_of_book_t, locate) == 2, "TopOfBook.locate");
    _Static_assert(offsetof(meltica_top_of_book_t, trading_status) == 4, "TopOfBook.trading_status");
    _Static_assert(offsetof(meltica_top_of_book_t, condition) == 5, "TopOfBook.condition");
    _Static_assert(offsetof(meltica_top_of_book_t, reserved0) == 6, "TopOfBook.reserved0");
    _Static_assert(offsetof(meltica_top_of_book_t, bid_price) == 8, "TopOfBook.bid_price");
    _Static_assert(offsetof(meltica_top_of_book_t, bid_shares) == 16, "TopOfBook.bid_shares");
    _Static_assert(offsetof(meltica_top_of_book_t, ask_price) == 24, "TopOfBook.ask_price");
    _Static_assert(offsetof(meltica_top_of_book_t, ask_shares) == 32, "TopOfBook.ask_shares");
    _Static_assert(offsetof(meltica_top_of_book_t, exchange_time_ns) == 40, "TopOfBook.exchange_time_ns");
    _Static_assert(offsetof(meltica_top_of_book_t, receive_time_ns) == 48, "TopOfBook.receive_time_ns");
    _Static_assert(offsetof(meltica_top_of_book_t, update_count) == 56, "TopOfBook.update_count");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t kind;
        uint8_t side;
        uint8_t action;
        uint8_t reason;
        uint8_t order_type;
        uint8_t tif;
        uint32_t instrument_id;
        uint16_t account_id;
        uint16_t strategy_id;
        uint64_t sequence_number;
        uint64_t time_ns;
        uint64_t order_id;
        int64_t price_ticks;
        int64_t quantity_lots;
        int64_t leaves_lots;
        int64_t last_lots;
        int64_t last_price_ticks;
        uint64_t execution_id;
        uint64_t venue_order_id;
        uint64_t fired_mask;
        uint32_t user_ref_num;
        uint8_t port_id;
        uint8_t flags;
        uint16_t reserved0;
        uint64_t reserved1;
        uint64_t reserved2;
    } meltica_drop_copy_t;
    _Static_assert(sizeof(meltica_drop_copy_t) == 128, "size of DropCopy");
    _Static_assert(offsetof(meltica_drop_copy_t, type_id) == 0, "DropCopy.type_id");
    _Static_assert(offsetof(meltica_drop_copy_t, kind) == 2, "DropCopy.kind");
    _Static_assert(offsetof(meltica_drop_copy_t, side) == 3, "DropCopy.side");
    _Static_assert(offsetof(meltica_drop_copy_t, action) == 4, "DropCopy.action");
    _Static_assert(offsetof(meltica_drop_copy_t, reason) == 5, "DropCopy.reason");
    _Static_assert(offsetof(meltica_drop_copy_t, order_type) == 6, "DropCopy.order_type");
    _Static_assert(offsetof(meltica_drop_copy_t, tif) == 7, "DropCopy.tif");
    _Static_assert(offsetof(meltica_drop_copy_t, instrument_id) == 8, "DropCopy.instrument_id");
    _Static_assert(offsetof(meltica_drop_copy_t, account_id) == 12, "DropCopy.account_id");
    _Static_assert(offsetof(meltica_drop_copy_t, strategy_id) == 14, "DropCopy.strategy_id");
    _Static_assert(offsetof(meltica_drop_copy_t, sequence_number) == 16, "DropCopy.sequence_number");
    _Static_assert(offsetof(meltica_drop_copy_t, time_ns) == 24, "DropCopy.time_ns");
    _Static_assert(offsetof(meltica_drop_copy_t, order_id) == 32, "DropCopy.order_id");
    _Static_assert(offsetof(meltica_drop_copy_t, price_ticks) == 40, "DropCopy.price_ticks");
    _Static_assert(offsetof(meltica_drop_copy_t, quantity_lots) == 48, "DropCopy.quantity_lots");
    _Static_assert(offsetof(meltica_drop_copy_t, leaves_lots) == 56, "DropCopy.leaves_lots");
    _Static_assert(offsetof(meltica_drop_copy_t, last_lots) == 64, "DropCopy.last_lots");
    _Static_assert(offsetof(meltica_drop_copy_t, last_price_ticks) == 72, "DropCopy.last_price_ticks");
    _Static_assert(offsetof(meltica_drop_copy_t, execution_id) == 80, "DropCopy.execution_id");
    _Static_assert(offsetof(meltica_drop_copy_t, venue_order_id) == 88, "DropCopy.venue_order_id");
    _Static_assert(offsetof(meltica_drop_copy_t, fired_mask) == 96, "DropCopy.fired_mask");
    _Static_assert(offsetof(meltica_drop_copy_t, user_ref_num) == 104, "DropCopy.user_ref_num");
    _Static_assert(offsetof(meltica_drop_copy_t, port_id) == 108, "DropCopy.port_id");
    _Static_assert(offsetof(meltica_drop_copy_t, flags) == 109, "DropCopy.flags");
    _Static_assert(offsetof(meltica_drop_copy_t, reserved0) == 110, "DropCopy.reserved0");
    _Static_assert(offsetof(meltica_drop_copy_t, reserved1) == 112, "DropCopy.reserved1");
    _Static_assert(offsetof(meltica_drop_copy_t, reserved2) == 120, "DropCopy.reserved2");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t account_id;
        uint32_t instrument_id;
        uint8_t side;
        uint8_t closes;
        uint16_t strategy_id;
        uint32_t reserved0;
        uint64_t order_id;
        int64_t quantity_lots;
        int64_t reserved_price_ticks;
    } meltica_fill_t;
    _Static_assert(sizeof(meltica_fill_t) == 40, "size of Fill");
    _Static_assert(offsetof(meltica_fill_t, type_id) == 0, "Fill.type_id");
    _Static_assert(offsetof(meltica_fill_t, account_id) == 2, "Fill.account_id");
    _Static_assert(offsetof(meltica_fill_t, instrument_id) == 4, "Fill.instrument_id");
    _Static_assert(offsetof(meltica_fill_t, side) == 8, "Fill.side");
    _Static_assert(offsetof(meltica_fill_t, closes) == 9, "Fill.closes");
    _Static_assert(offsetof(meltica_fill_t, strategy_id) == 10, "Fill.strategy_id");
    _Static_assert(offsetof(meltica_fill_t, reserved0) == 12, "Fill.reserved0");
    _Static_assert(offsetof(meltica_fill_t, order_id) == 16, "Fill.order_id");
    _Static_assert(offsetof(meltica_fill_t, quantity_lots) == 24, "Fill.quantity_lots");
    _Static_assert(offsetof(meltica_fill_t, reserved_price_ticks) == 32, "Fill.reserved_price_ticks");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t account_id;
        uint32_t instrument_id;
        uint8_t side;
        uint8_t closes;
        uint16_t strategy_id;
        uint32_t reserved0;
        uint64_t order_id;
        int64_t quantity_lots;
        int64_t reserved_price_ticks;
    } meltica_release_t;
    _Static_assert(sizeof(meltica_release_t) == 40, "size of Release");
    _Static_assert(offsetof(meltica_release_t, type_id) == 0, "Release.type_id");
    _Static_assert(offsetof(meltica_release_t, account_id) == 2, "Release.account_id");
    _Static_assert(offsetof(meltica_release_t, instrument_id) == 4, "Release.instrument_id");
    _Static_assert(offsetof(meltica_release_t, side) == 8, "Release.side");
    _Static_assert(offsetof(meltica_release_t, closes) == 9, "Release.closes");
    _Static_assert(offsetof(meltica_release_t, strategy_id) == 10, "Release.strategy_id");
    _Static_assert(offsetof(meltica_release_t, reserved0) == 12, "Release.reserved0");
    _Static_assert(offsetof(meltica_release_t, order_id) == 16, "Release.order_id");
    _Static_assert(offsetof(meltica_release_t, quantity_lots) == 24, "Release.quantity_lots");
    _Static_assert(offsetof(meltica_release_t, reserved_price_ticks) == 32, "Release.reserved_price_ticks");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t account_id;
        uint32_t instrument_id;
        uint8_t side;
        uint8_t opens;
        uint16_t strategy_id;
        uint32_t reserved0;
        uint64_t order_id;
        int64_t quantity_lots;
        int64_t reserved_price_ticks;
    } meltica_reserve_t;
    _Static_assert(sizeof(meltica_reserve_t) == 40, "size of Reserve");
    _Static_assert(offsetof(meltica_reserve_t, type_id) == 0, "Reserve.type_id");
    _Static_assert(offsetof(meltica_reserve_t, account_id) == 2, "Reserve.account_id");
    _Static_assert(offsetof(meltica_reserve_t, instrument_id) == 4, "Reserve.instrument_id");
    _Static_assert(offsetof(meltica_reserve_t, side) == 8, "Reserve.side");
    _Static_assert(offsetof(meltica_reserve_t, opens) == 9, "Reserve.opens");
    _Static_assert(offsetof(meltica_reserve_t, strategy_id) == 10, "Reserve.strategy_id");
    _Static_assert(offsetof(meltica_reserve_t, reserved0) == 12, "Reserve.reserved0");
    _Static_assert(offsetof(meltica_reserve_t, order_id) == 16, "Reserve.order_id");
    _Static_assert(offsetof(meltica_reserve_t, quantity_lots) == 24, "Reserve.quantity_lots");
    _Static_assert(offsetof(meltica_reserve_t, reserved_price_ticks) == 32, "Reserve.reserved_price_ticks");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t account_id;
        uint32_t instrument_id;
        int64_t delta_lots;
    } meltica_adjust_t;
    _Static_assert(sizeof(meltica_adjust_t) == 16, "size of Adjust");
    _Static_assert(offsetof(meltica_adjust_t, type_id) == 0, "Adjust.type_id");
    _Static_assert(offsetof(meltica_adjust_t, account_id) == 2, "Adjust.account_id");
    _Static_assert(offsetof(meltica_adjust_t, instrument_id) == 4, "Adjust.instrument_id");
    _Static_assert(offsetof(meltica_adjust_t, delta_lots) == 8, "Adjust.delta_lots");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t scope;
        uint8_t engage;
        uint32_t id;
        uint64_t time_ns;
    } meltica_kill_t;
    _Static_assert(sizeof(meltica_kill_t) == 16, "size of Kill");
    _Static_assert(offsetof(meltica_kill_t, type_id) == 0, "Kill.type_id");
    _Static_assert(offsetof(meltica_kill_t, scope) == 2, "Kill.scope");
    _Static_assert(offsetof(meltica_kill_t, engage) == 3, "Kill.engage");
    _Static_assert(offsetof(meltica_kill_t, id) == 4, "Kill.id");
    _Static_assert(offsetof(meltica_kill_t, time_ns) == 8, "Kill.time_ns");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t reserved0;
        uint32_t lease_ms;
        uint64_t sequence_number;
        uint64_t time_ns;
    } meltica_heartbeat_t;
    _Static_assert(sizeof(meltica_heartbeat_t) == 24, "size of Heartbeat");
    _Static_assert(offsetof(meltica_heartbeat_t, type_id) == 0, "Heartbeat.type_id");
    _Static_assert(offsetof(meltica_heartbeat_t, reserved0) == 2, "Heartbeat.reserved0");
    _Static_assert(offsetof(meltica_heartbeat_t, lease_ms) == 4, "Heartbeat.lease_ms");
    _Static_assert(offsetof(meltica_heartbeat_t, sequence_number) == 8, "Heartbeat.sequence_number");
    _Static_assert(offsetof(meltica_heartbeat_t, time_ns) == 16, "Heartbeat.time_ns");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t subject;
        uint8_t scope;
        uint32_t id;
    } meltica_query_t;
    _Static_assert(sizeof(meltica_query_t) == 8, "size of Query");
    _Static_assert(offsetof(meltica_query_t, type_id) == 0, "Query.type_id");
    _Static_assert(offsetof(meltica_query_t, subject) == 2, "Query.subject");
    _Static_assert(offsetof(meltica_query_t, scope) == 3, "Query.scope");
    _Static_assert(offsetof(meltica_query_t, id) == 4, "Query.id");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t answered_type_id;
        uint8_t status;
        uint8_t reserved0;
        uint16_t reserved1;
        int64_t value;
    } meltica_answer_t;
    _Static_assert(sizeof(meltica_answer_t) == 16, "size of Answer");
    _Static_assert(offsetof(meltica_answer_t, type_id) == 0, "Answer.type_id");
    _Static_assert(offsetof(meltica_answer_t, answered_type_id) == 2, "Answer.answered_type_id");
    _Static_assert(offsetof(meltica_answer_t, status) == 4, "Answer.status");
    _Static_assert(offsetof(meltica_answer_t, reserved0) == 5, "Answer.reserved0");
    _Static_assert(offsetof(meltica_answer_t, reserved1) == 6, "Answer.reserved1");
    _Static_assert(offsetof(meltica_answer_t, value) == 8, "Answer.value");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint16_t slot;
        uint32_t instrument_id;
        uint8_t on;
        uint8_t reserved0;
        uint16_t reserved1;
        uint32_t reserved2;
    } meltica_watch_t;
    _Static_assert(sizeof(meltica_watch_t) == 16, "size of Watch");
    _Static_assert(offsetof(meltica_watch_t, type_id) == 0, "Watch.type_id");
    _Static_assert(offsetof(meltica_watch_t, slot) == 2, "Watch.slot");
    _Static_assert(offsetof(meltica_watch_t, instrument_id) == 4, "Watch.instrument_id");
    _Static_assert(offsetof(meltica_watch_t, on) == 8, "Watch.on");
    _Static_assert(offsetof(meltica_watch_t, reserved0) == 9, "Watch.reserved0");
    _Static_assert(offsetof(meltica_watch_t, reserved1) == 10, "Watch.reserved1");
    _Static_assert(offsetof(meltica_watch_t, reserved2) == 12, "Watch.reserved2");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t slot;
        uint8_t enabled;
        uint8_t kinds;
        uint8_t message_side;
        uint8_t compare;
        uint8_t one_shot;
        uint32_t instrument_id;
        uint16_t account_id;
        uint16_t strategy_id;
        int64_t threshold_ticks;
        int64_t min_lots;
        uint8_t side;
        uint8_t tif;
        uint8_t flags;
        uint8_t port_id;
        uint32_t cooldown_us;
        int64_t quantity_lots;
        int64_t price_ticks;
        uint64_t first_order_id;
        uint64_t reserved0;
    } meltica_trigger_t;
    _Static_assert(sizeof(meltica_trigger_t) == 72, "size of Trigger");
    _Static_assert(offsetof(meltica_trigger_t, type_id) == 0, "Trigger.type_id");
    _Static_assert(offsetof(meltica_trigger_t, slot) == 2, "Trigger.slot");
    _Static_assert(offsetof(meltica_trigger_t, enabled) == 3, "Trigger.enabled");
    _Static_assert(offsetof(meltica_trigger_t, kinds) == 4, "Trigger.kinds");
    _Static_assert(offsetof(meltica_trigger_t, message_side) == 5, "Trigger.message_side");
    _Static_assert(offsetof(meltica_trigger_t, compare) == 6, "Trigger.compare");
    _Static_assert(offsetof(meltica_trigger_t, one_shot) == 7, "Trigger.one_shot");
    _Static_assert(offsetof(meltica_trigger_t, instrument_id) == 8, "Trigger.instrument_id");
    _Static_assert(offsetof(meltica_trigger_t, account_id) == 12, "Trigger.account_id");
    _Static_assert(offsetof(meltica_trigger_t, strategy_id) == 14, "Trigger.strategy_id");
    _Static_assert(offsetof(meltica_trigger_t, threshold_ticks) == 16, "Trigger.threshold_ticks");
    _Static_assert(offsetof(meltica_trigger_t, min_lots) == 24, "Trigger.min_lots");
    _Static_assert(offsetof(meltica_trigger_t, side) == 32, "Trigger.side");
    _Static_assert(offsetof(meltica_trigger_t, tif) == 33, "Trigger.tif");
    _Static_assert(offsetof(meltica_trigger_t, flags) == 34, "Trigger.flags");
    _Static_assert(offsetof(meltica_trigger_t, port_id) == 35, "Trigger.port_id");
    _Static_assert(offsetof(meltica_trigger_t, cooldown_us) == 36, "Trigger.cooldown_us");
    _Static_assert(offsetof(meltica_trigger_t, quantity_lots) == 40, "Trigger.quantity_lots");
    _Static_assert(offsetof(meltica_trigger_t, price_ticks) == 48, "Trigger.price_ticks");
    _Static_assert(offsetof(meltica_trigger_t, first_order_id) == 56, "Trigger.first_order_id");
    _Static_assert(offsetof(meltica_trigger_t, reserved0) == 64, "Trigger.reserved0");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t port_id;
        uint8_t up;
        uint16_t source_port;
        uint16_t destination_port;
        uint64_t destination_mac;
        uint64_t source_mac;
        uint32_t source_ip;
        uint32_t destination_ip;
        uint32_t sequence_number;
        uint32_t acknowledgment_number;
        uint16_t window;
        uint16_t vlan;
        uint32_t user_ref_num;
        uint64_t client_order_prefix;
        uint32_t firm;
        uint8_t capacity;
        uint8_t display;
        uint8_t cross_type;
        uint8_t reserved0;
        uint64_t reserved1;
        uint64_t reserved2;
    } meltica_frame_template_t;
    _Static_assert(sizeof(meltica_frame_template_t) == 80, "size of FrameTemplate");
    _Static_assert(offsetof(meltica_frame_template_t, type_id) == 0, "FrameTemplate.type_id");
    _Static_assert(offsetof(meltica_frame_template_t, port_id) == 2, "FrameTemplate.port_id");
    _Static_assert(offsetof(meltica_frame_template_t, up) == 3, "FrameTemplate.up");
    _Static_assert(offsetof(meltica_frame_template_t, source_port) == 4, "FrameTemplate.source_port");
    _Static_assert(offsetof(meltica_frame_template_t, destination_port) == 6, "FrameTemplate.destination_port");
    _Static_assert(offsetof(meltica_frame_template_t, destination_mac) == 8, "FrameTemplate.destination_mac");
    _Static_assert(offsetof(meltica_frame_template_t, source_mac) == 16, "FrameTemplate.source_mac");
    _Static_assert(offsetof(meltica_frame_template_t, source_ip) == 24, "FrameTemplate.source_ip");
    _Static_assert(offsetof(meltica_frame_template_t, destination_ip) == 28, "FrameTemplate.destination_ip");
    _Static_assert(offsetof(meltica_frame_template_t, sequence_number) == 32, "FrameTemplate.sequence_number");
    _Static_assert(offsetof(meltica_frame_template_t, acknowledgment_number) == 36, "FrameTemplate.acknowledgment_number");
    _Static_assert(offsetof(meltica_frame_template_t, window) == 40, "FrameTemplate.window");
    _Static_assert(offsetof(meltica_frame_template_t, vlan) == 42, "FrameTemplate.vlan");
    _Static_assert(offsetof(meltica_frame_template_t, user_ref_num) == 44, "FrameTemplate.user_ref_num");
    _Static_assert(offsetof(meltica_frame_template_t, client_order_prefix) == 48, "FrameTemplate.client_order_prefix");
    _Static_assert(offsetof(meltica_frame_template_t, firm) == 56, "FrameTemplate.firm");
    _Static_assert(offsetof(meltica_frame_template_t, capacity) == 60, "FrameTemplate.capacity");
    _Static_assert(offsetof(meltica_frame_template_t, display) == 61, "FrameTemplate.display");
    _Static_assert(offsetof(meltica_frame_template_t, cross_type) == 62, "FrameTemplate.cross_type");
    _Static_assert(offsetof(meltica_frame_template_t, reserved0) == 63, "FrameTemplate.reserved0");
    _Static_assert(offsetof(meltica_frame_template_t, reserved1) == 64, "FrameTemplate.reserved1");
    _Static_assert(offsetof(meltica_frame_template_t, reserved2) == 72, "FrameTemplate.reserved2");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t port_id;
        uint8_t up;
        uint32_t acknowledgment_number;
        uint16_t window;
        uint16_t peer_window;
        uint32_t acknowledged;
    } meltica_tcp_state_t;
    _Static_assert(sizeof(meltica_tcp_state_t) == 16, "size of TcpState");
    _Static_assert(offsetof(meltica_tcp_state_t, type_id) == 0, "TcpState.type_id");
    _Static_assert(offsetof(meltica_tcp_state_t, port_id) == 2, "TcpState.port_id");
    _Static_assert(offsetof(meltica_tcp_state_t, up) == 3, "TcpState.up");
    _Static_assert(offsetof(meltica_tcp_state_t, acknowledgment_number) == 4, "TcpState.acknowledgment_number");
    _Static_assert(offsetof(meltica_tcp_state_t, window) == 8, "TcpState.window");
    _Static_assert(offsetof(meltica_tcp_state_t, peer_window) == 10, "TcpState.peer_window");
    _Static_assert(offsetof(meltica_tcp_state_t, acknowledged) == 12, "TcpState.acknowledged");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t lane;
        uint8_t enabled;
        uint16_t destination_port;
        uint16_t reserved0;
        uint32_t destination_ip;
        uint32_t source_ip;
        uint64_t session_low;
        uint16_t session_high;
        uint16_t reserved1;
        uint32_t gap_timeout_ns;
        uint64_t next_sequence_number;
        uint64_t reserved2;
    } meltica_feed_filter_t;
    _Static_assert(sizeof(meltica_feed_filter_t) == 48, "size of FeedFilter");
    _Static_assert(offsetof(meltica_feed_filter_t, type_id) == 0, "FeedFilter.type_id");
    _Static_assert(offsetof(meltica_feed_filter_t, lane) == 2, "FeedFilter.lane");
    _Static_assert(offsetof(meltica_feed_filter_t, enabled) == 3, "FeedFilter.enabled");
    _Static_assert(offsetof(meltica_feed_filter_t, destination_port) == 4, "FeedFilter.destination_port");
    _Static_assert(offsetof(meltica_feed_filter_t, reserved0) == 6, "FeedFilter.reserved0");
    _Static_assert(offsetof(meltica_feed_filter_t, destination_ip) == 8, "FeedFilter.destination_ip");
    _Static_assert(offsetof(meltica_feed_filter_t, source_ip) == 12, "FeedFilter.source_ip");
    _Static_assert(offsetof(meltica_feed_filter_t, session_low) == 16, "FeedFilter.session_low");
    _Static_assert(offsetof(meltica_feed_filter_t, session_high) == 24, "FeedFilter.session_high");
    _Static_assert(offsetof(meltica_feed_filter_t, reserved1) == 26, "FeedFilter.reserved1");
    _Static_assert(offsetof(meltica_feed_filter_t, gap_timeout_ns) == 28, "FeedFilter.gap_timeout_ns");
    _Static_assert(offsetof(meltica_feed_filter_t, next_sequence_number) == 32, "FeedFilter.next_sequence_number");
    _Static_assert(offsetof(meltica_feed_filter_t, reserved2) == 40, "FeedFilter.reserved2");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t all;
        uint8_t reserved0;
        uint32_t instrument_id;
        uint64_t reserved1;
    } meltica_clear_gap_t;
    _Static_assert(sizeof(meltica_clear_gap_t) == 16, "size of ClearGap");
    _Static_assert(offsetof(meltica_clear_gap_t, type_id) == 0, "ClearGap.type_id");
    _Static_assert(offsetof(meltica_clear_gap_t, all) == 2, "ClearGap.all");
    _Static_assert(offsetof(meltica_clear_gap_t, reserved0) == 3, "ClearGap.reserved0");
    _Static_assert(offsetof(meltica_clear_gap_t, instrument_id) == 4, "ClearGap.instrument_id");
    _Static_assert(offsetof(meltica_clear_gap_t, reserved1) == 8, "ClearGap.reserved1");
    typedef struct __attribute__((packed)) {
        uint16_t type_id;
        uint8_t kind;
        uint8_t reason;
        uint8_t action;
        uint8_t side;
        uint8_t port_id;
        uint8_t order_type;
        uint32_t instrument_id;
        uint16_t account_id;
        uint16_t strategy_id;
        uint64_t sequence_number;
        uint64_t time_ns;
        uint64_t order_id;
        int64_t price_ticks;
        int64_t quantity_lots;
        uint64_t fired_mask;
        int64_t reserved_price_ticks;
        uint64_t value;
    } meltica_audit_t;
    _Static_assert(sizeof(meltica_audit_t) == 80, "size of Audit");
    _Static_assert(offsetof(meltica_audit_t, type_id) == 0, "Audit.type_id");
    _Static_assert(offsetof(meltica_audit_t, kind) == 2, "Audit.kind");
    _Static_assert(offsetof(meltica_audit_t, reason) == 3, "Audit.reason");
    _Static_assert(offsetof(meltica_audit_t, action) == 4, "Audit.action");
    _Static_assert(offsetof(meltica_audit_t, side) == 5, "Audit.side");
    _Static_assert(offsetof(meltica_audit_t, port_id) == 6, "Audit.port_id");
    _Static_assert(offsetof(meltica_audit_t, order_type) == 7, "Audit.order_type");
    _Static_assert(offsetof(meltica_audit_t, instrument_id) == 8, "Audit.instrument_id");
    _Static_assert(offsetof(meltica_audit_t, account_id) == 12, "Audit.account_id");
    _Static_assert(offsetof(meltica_audit_t, strategy_id) == 14, "Audit.strategy_id");
    _Static_assert(offsetof(meltica_audit_t, sequence_number) == 16, "Audit.sequence_number");
    _Static_assert(offsetof(meltica_audit_t, time_ns) == 24, "Audit.time_ns");
    _Static_assert(offsetof(meltica_audit_t, order_id) == 32, "Audit.order_id");
    _Static_assert(offsetof(meltica_audit_t, price_ticks) == 40, "Audit.price_ticks");
    _Static_assert(offsetof(meltica_audit_t, quantity_lots) == 48, "Audit.quantity_lots");
    _Static_assert(offsetof(meltica_audit_t, fired_mask) == 56, "Audit.fired_mask");
    _Static_assert(offsetof(meltica_audit_t, reserved_price_ticks) == 64, "Audit.reserved_price_ticks");
    _Static_assert(offsetof(meltica_audit_t, value) == 72, "Audit.value");
    #endif
    """
    const int64_t LOTS_BOUND "MELTICA_LOTS_BOUND"
    const int64_t TICKS_BOUND "MELTICA_TICKS_BOUND"
    const int64_t NANO_TOKENS_PER_MESSAGE "MELTICA_NANO_TOKENS_PER_MESSAGE"
    const int64_t BURST_BOUND "MELTICA_BURST_BOUND"
    const int64_t COLLAR_BPS_BOUND "MELTICA_COLLAR_BPS_BOUND"
    const int64_t STATE_VERSION "MELTICA_STATE_VERSION"
    const int64_t REASON_PASS "MELTICA_REASON_PASS"
    const uint64_t JUDGED_WITHOUT_ACCOUNT "MELTICA_JUDGED_WITHOUT_ACCOUNT"
    const uint64_t JUDGED_WITHOUT_STRATEGY "MELTICA_JUDGED_WITHOUT_STRATEGY"
    const uint64_t JUDGED_WITHOUT_INSTRUMENT "MELTICA_JUDGED_WITHOUT_INSTRUMENT"
    const uint64_t JUDGED_WITHOUT_FIELDS "MELTICA_JUDGED_WITHOUT_FIELDS"
    ctypedef struct OrderIntentRecord "meltica_order_intent_t":
        uint16_t type_id
        uint8_t action
        uint8_t side
        uint8_t flags
        uint8_t port_id
        uint8_t order_type
        uint8_t tif
        uint32_t instrument_id
        uint16_t account_id
        uint16_t strategy_id
        uint64_t order_id
        int64_t price_ticks
        int64_t quantity_lots
        uint64_t time_ns
        int64_t working_lots
        int64_t working_price_ticks
    ctypedef struct VerdictRecord "meltica_verdict_t":
        uint16_t type_id
        uint8_t reason
        uint8_t action
        uint32_t reserved0
        uint64_t order_id
        uint64_t fired_mask
        int64_t reserved_price_ticks
    ctypedef struct InstrumentLimitsRecord "meltica_instrument_limits_t":
        uint16_t type_id
        uint8_t enabled
        uint8_t restricted
        uint32_t instrument_id
        uint8_t short_sale
        uint8_t reserved0
        uint16_t reserved1
        uint32_t collar_bps
        int64_t value_per_tick_lot_nanos
        int64_t max_price_ticks
        int64_t max_quantity_lots
        int64_t max_value_nanos
        uint64_t reference_max_age_ns
        uint64_t session_open_ns
        uint64_t session_close_ns
        int64_t max_day_lots
        uint32_t messages_per_second
        uint32_t message_burst
        uint32_t max_impact_percent
        uint32_t reserved2
        uint64_t reserved3
        uint64_t reserved4
        uint64_t reserved5
        uint64_t reserved6
    ctypedef struct AccountLimitsRecord "meltica_account_limits_t":
        uint16_t type_id
        uint16_t account_id
        uint8_t enabled
        uint8_t market_orders_allowed
        uint8_t iso_allowed
        uint8_t short_exempt_allowed
        uint8_t self_match
        uint8_t reserved0
        uint16_t self_match_group
        uint32_t messages_per_second
        uint32_t message_burst
        uint32_t max_open_orders
        uint32_t max_consecutive_rejects
        uint32_t reserved1
        int64_t max_open_value_nanos
        uint64_t duplicate_window_ns
        int64_t max_daily_loss_nanos
        int64_t max_drawdown_nanos
        uint64_t rearm_after_ns
        uint64_t reserved2
        uint64_t reserved3
        uint64_t reserved4
    ctypedef struct PositionLimitsRecord "meltica_position_limits_t":
        uint16_t type_id
        uint16_t account_id
        uint32_t instrument_id
        int64_t max_long_lots
        int64_t max_short_lots
        int64_t located_lots
    ctypedef struct FirmLimitsRecord "meltica_firm_limits_t":
        uint16_t type_id
        uint16_t reserved0
        uint32_t messages_per_second
        uint32_t message_burst
        uint32_t max_open_orders
        int64_t max_open_value_nanos
        uint64_t reserved1
    ctypedef struct StrategyLimitsRecord "meltica_strategy_limits_t":
        uint16_t type_id
        uint16_t strategy_id
        uint8_t enabled
        uint8_t reserved0
        uint16_t reserved1
        uint32_t messages_per_second
        uint32_t message_burst
        int64_t max_open_value_nanos
        uint64_t max_executions
        uint64_t reserved2
        uint64_t reserved3
    ctypedef struct PortLimitsRecord "meltica_port_limits_t":
        uint16_t type_id
        uint8_t port_id
        uint8_t enabled
        uint32_t messages_per_second
        uint32_t message_burst
        uint32_t reserved0
    ctypedef struct ReferencePriceRecord "meltica_reference_price_t":
        uint16_t type_id
        uint16_t reserved0
        uint32_t instrument_id
        int64_t price_ticks
        uint64_t time_ns
    ctypedef struct MarkRecord "meltica_mark_t":
        uint16_t type_id
        uint8_t mark
        uint8_t on
        uint32_t id
        uint64_t time_ns
    ctypedef struct QuoteRecord "meltica_quote_t":
        uint16_t type_id
        uint16_t reserved0
        uint32_t instrument_id
        int64_t bid_ticks
        int64_t bid_lots
        int64_t ask_ticks
        int64_t ask_lots
        uint64_t time_ns
    ctypedef struct PriceBandRecord "meltica_price_band_t":
        uint16_t type_id
        uint16_t reserved0
        uint32_t instrument_id
        int64_t low_ticks
        int64_t high_ticks
    ctypedef struct ProfitAndLossRecord "meltica_profit_and_loss_t":
        uint16_t type_id
        uint16_t account_id
        uint32_t reserved0
        int64_t pnl_nanos
        uint64_t time_ns
    ctypedef struct CreditRecord "meltica_credit_t":
        uint16_t type_id
        uint8_t scope
        uint8_t reserved0
        uint32_t id
        int64_t delta_nanos
    ctypedef struct OutcomeRecord "meltica_outcome_t":
        uint16_t type_id
        uint16_t account_id
        uint8_t rejected
        uint8_t reserved0
        uint16_t reserved1
        uint64_t time_ns
    ctypedef struct RearmRecord "meltica_rearm_t":
        uint16_t type_id
        uint8_t breaker
        uint8_t reserved0
        uint32_t id
        uint64_t time_ns
    ctypedef struct LeaseRecord "meltica_lease_t":
        uint16_t type_id
        uint16_t reserved0
        uint32_t reserved1
        uint64_t until_ns
    ctypedef struct DayResetRecord "meltica_day_reset_t":
        uint16_t type_id
        uint16_t reserved0
        uint32_t reserved1
        uint64_t time_ns
    ctypedef struct SymbolRecord "meltica_symbol_t":
        uint16_t type_id
        uint16_t locate
        uint32_t instrument_id
        uint64_t symbol
        uint64_t wire_price_per_tick
        uint64_t shares_per_lot
    ctypedef struct TopOfBookRecord "meltica_top_of_book_t":
        uint16_t type_id
        uint16_t locate
        uint8_t trading_status
        uint8_t condition
        uint16_t reserved0
        int64_t bid_price
        int64_t bid_shares
        int64_t ask_price
        int64_t ask_shares
        uint64_t exchange_time_ns
        uint64_t receive_time_ns
        uint64_t update_count
    ctypedef struct DropCopyRecord "meltica_drop_copy_t":
        uint16_t type_id
        uint8_t kind
        uint8_t side
        uint8_t action
        uint8_t reason
        uint8_t order_type
        uint8_t tif
        uint32_t instrument_id
        uint16_t account_id
        uint16_t strategy_id
        uint64_t sequence_number
        uint64_t time_ns
        uint64_t order_id
        int64_t price_ticks
        int64_t quantity_lots
        int64_t leaves_lots
        int64_t last_lots
        int64_t last_price_ticks
        uint64_t execution_id
        uint64_t venue_order_id
        uint64_t fired_mask
        uint32_t user_ref_num
        uint8_t port_id
        uint8_t flags
        uint16_t reserved0
        uint64_t reserved1
        uint64_t reserved2
    ctypedef struct FillRecord "meltica_fill_t":
        uint16_t type_id
        uint16_t account_id
        uint32_t instrument_id
        uint8_t side
        uint8_t closes
        uint16_t strategy_id
        uint32_t reserved0
        uint64_t order_id
        int64_t quantity_lots
        int64_t reserved_price_ticks
    ctypedef struct ReleaseRecord "meltica_release_t":
        uint16_t type_id
        uint16_t account_id
        uint32_t instrument_id
        uint8_t side
        uint8_t closes
        uint16_t strategy_id
        uint32_t reserved0
        uint64_t order_id
        int64_t quantity_lots
        int64_t reserved_price_ticks
    ctypedef struct ReserveRecord "meltica_reserve_t":
        uint16_t type_id
        uint16_t account_id
        uint32_t instrument_id
        uint8_t side
        uint8_t opens
        uint16_t strategy_id
        uint32_t reserved0
        uint64_t order_id
        int64_t quantity_lots
        int64_t reserved_price_ticks
    ctypedef struct AdjustRecord "meltica_adjust_t":
        uint16_t type_id
        uint16_t account_id
        uint32_t instrument_id
        int64_t delta_lots
    ctypedef struct KillRecord "meltica_kill_t":
        uint16_t type_id
        uint8_t scope
        uint8_t engage
        uint32_t id
        uint64_t time_ns
    ctypedef struct HeartbeatRecord "meltica_heartbeat_t":
        uint16_t type_id
        uint16_t reserved0
        uint32_t lease_ms
        uint64_t sequence_number
        uint64_t time_ns
    ctypedef struct QueryRecord "meltica_query_t":
        uint16_t type_id
        uint8_t subject
        uint8_t scope
        uint32_t id
    ctypedef struct AnswerRecord "meltica_answer_t":
        uint16_t type_id
        uint16_t answered_type_id
        uint8_t status
        uint8_t reserved0
        uint16_t reserved1
        int64_t value
    ctypedef struct WatchRecord "meltica_watch_t":
        uint16_t type_id
        uint16_t slot
        uint32_t instrument_id
        uint8_t on
        uint8_t reserved0
        uint16_t reserved1
        uint32_t reserved2
    ctypedef struct TriggerRecord "meltica_trigger_t":
        uint16_t type_id
        uint8_t slot
        uint8_t enabled
        uint8_t kinds
        uint8_t message_side
        uint8_t compare
        uint8_t one_shot
        uint32_t instrument_id
        uint16_t account_id
        uint16_t strategy_id
        int64_t threshold_ticks
        int64_t min_lots
        uint8_t side
        uint8_t tif
        uint8_t flags
        uint8_t port_id
        uint32_t cooldown_us
        int64_t quantity_lots
        int64_t price_ticks
        uint64_t first_order_id
        uint64_t reserved0
    ctypedef struct FrameTemplateRecord "meltica_frame_template_t":
        uint16_t type_id
        uint8_t port_id
        uint8_t up
        uint16_t source_port
        uint16_t destination_port
        uint64_t destination_mac
        uint64_t source_mac
        uint32_t source_ip
        uint32_t destination_ip
        uint32_t sequence_number
        uint32_t acknowledgment_number
        uint16_t window
        uint16_t vlan
        uint32_t user_ref_num
        uint64_t client_order_prefix
        uint32_t firm
        uint8_t capacity
        uint8_t display
        uint8_t cross_type
        uint8_t reserved0
        uint64_t reserved1
        uint64_t reserved2
    ctypedef struct TcpStateRecord "meltica_tcp_state_t":
        uint16_t type_id
        uint8_t port_id
        uint8_t up
        uint32_t acknowledgment_number
        uint16_t window
        uint16_t peer_window
        uint32_t acknowledged
    ctypedef struct FeedFilterRecord "meltica_feed_filter_t":
        uint16_t type_id
        uint8_t lane
        uint8_t enabled
        uint16_t destination_port
        uint16_t reserved0
        uint32_t destination_ip
        uint32_t source_ip
        uint64_t session_low
        uint16_t session_high
        uint16_t reserved1
        uint32_t gap_timeout_ns
        uint64_t next_sequence_number
        uint64_t reserved2
    ctypedef struct ClearGapRecord "meltica_clear_gap_t":
        uint16_t type_id
        uint8_t all
        uint8_t reserved0
        uint32_t instrument_id
        uint64_t reserved1
    ctypedef struct AuditRecord "meltica_audit_t":
        uint16_t type_id
        uint8_t kind
        uint8_t reason
        uint8_t action
        uint8_t side
        uint8_t port_id
        uint8_t order_type
        uint32_t instrument_id
        uint16_t account_id
        uint16_t strategy_id
        uint64_t sequence_number
        uint64_t time_ns
        uint64_t order_id
        int64_t price_ticks
        int64_t quantity_lots
        uint64_t fired_mask
        int64_t reserved_price_ticks
        uint64_t value

cdef enum:
    LAYOUT_VERSION = 2
    ORDER_INTENT_TYPE_ID = 1
    VERDICT_TYPE_ID = 2
    INSTRUMENT_LIMITS_TYPE_ID = 16
    ACCOUNT_LIMITS_TYPE_ID = 17
    POSITION_LIMITS_TYPE_ID = 18
    FIRM_LIMITS_TYPE_ID = 19
    STRATEGY_LIMITS_TYPE_ID = 20
    PORT_LIMITS_TYPE_ID = 21
    REFERENCE_PRICE_TYPE_ID = 6
    MARK_TYPE_ID = 7
    QUOTE_TYPE_ID = 25
    PRICE_BAND_TYPE_ID = 26
    PROFIT_AND_LOSS_TYPE_ID = 27
    CREDIT_TYPE_ID = 28
    OUTCOME_TYPE_ID = 29
    REARM_TYPE_ID = 30
    LEASE_TYPE_ID = 31
    DAY_RESET_TYPE_ID = 32
    SYMBOL_TYPE_ID = 33
    TOP_OF_BOOK_TYPE_ID = 34
    DROP_COPY_TYPE_ID = 35
    FILL_TYPE_ID = 22
    RELEASE_TYPE_ID = 23
    RESERVE_TYPE_ID = 24
    ADJUST_TYPE_ID = 11
    KILL_TYPE_ID = 12
    HEARTBEAT_TYPE_ID = 13
    QUERY_TYPE_ID = 14
    ANSWER_TYPE_ID = 15
    WATCH_TYPE_ID = 36
    TRIGGER_TYPE_ID = 37
    FRAME_TEMPLATE_TYPE_ID = 38
    TCP_STATE_TYPE_ID = 39
    FEED_FILTER_TYPE_ID = 40
    CLEAR_GAP_TYPE_ID = 41
    AUDIT_TYPE_ID = 42
    ACTION_NEW = 1
    ACTION_REPLACE = 2
    ACTION_CANCEL = 3
    SIDE_BUY = 1
    SIDE_SELL = 2
    ORDER_TYPE_MARKET = 1
    ORDER_TYPE_LIMIT = 2
    TIME_IN_FORCE_DAY = 0
    TIME_IN_FORCE_GTC = 1
    TIME_IN_FORCE_IOC = 3
    TIME_IN_FORCE_FOK = 4
    FLAG_POST_ONLY = 1
    FLAG_REDUCE_ONLY = 2
    FLAG_ISO = 4
    FLAG_SHORT = 8
    FLAG_SHORT_EXEMPT = 16
    KILL_SCOPE_GLOBAL = 1
    KILL_SCOPE_ACCOUNT = 2
    KILL_SCOPE_STRATEGY = 3
    KILL_SCOPE_PORT = 4
    KILL_SCOPE_INSTRUMENT = 5
    SUBJECT_DIGEST = 1
    SUBJECT_STATE = 2
    SUBJECT_COUNTERS = 3
    SUBJECT_KILLED = 4
    SHORT_SALE_NOT_ALLOWED = 0
    SHORT_SALE_FREE = 1
    SHORT_SALE_REG_SHO = 2
    SELF_MATCH_CANCEL_NEWEST = 0
    SELF_MATCH_CANCEL_OLDEST = 1
    SELF_MATCH_CANCEL_BOTH = 2
    SELF_MATCH_DECREMENT = 3
    MARK_HALTED = 1
    MARK_SHORT_RESTRICTED = 2
    MARK_GAPPED = 3
    MARK_MISMATCHED = 4
    MARK_CONNECTED = 5
    BREAKER_DAILY_LOSS = 1
    BREAKER_DRAWDOWN = 2
    BREAKER_CONSECUTIVE_REJECTS = 3
    BREAKER_REPEATED_EXECUTION = 4
    CREDIT_SCOPE_FIRM = 1
    CREDIT_SCOPE_ACCOUNT = 2
    CREDIT_SCOPE_STRATEGY = 3
    DROP_KIND_SENT = 1
    DROP_KIND_REFUSED = 2
    DROP_KIND_ACCEPTED = 3
    DROP_KIND_EXECUTED = 4
    DROP_KIND_CANCELED = 5
    DROP_KIND_REJECTED = 6
    DROP_KIND_REPLACED = 7
    DROP_KIND_CANCEL_REJECTED = 8
    DROP_KIND_BROKEN = 9
    DROP_KIND_RESTATED = 10
    DROP_KIND_SELF_MATCH_CANCEL = 11
    DROP_KIND_KILLED = 12
    DROP_KIND_SESSION_UP = 13
    DROP_KIND_SESSION_DOWN = 14
    MESSAGE_KIND_ADD = 1
    MESSAGE_KIND_TRADE = 2
    COMPARE_AT_MOST = 1
    COMPARE_AT_LEAST = 2
    AUDIT_KIND_PASSED = 1
    AUDIT_KIND_REFUSED = 2
    AUDIT_KIND_KILLED = 3
    AUDIT_KIND_RELEASED = 4
    AUDIT_KIND_COMMITTED = 5
    AUDIT_KIND_BAD_COMMIT = 6
    AUDIT_KIND_WATCHDOG = 7
    AUDIT_KIND_OVERFLOW = 8
    AUDIT_KIND_PURGED = 9
    STATUS_OK = 1
    STATUS_BAD_RECORD = 2
    STATUS_BAD_ARGUMENT = 3
    CHECK_MALFORMED = 0
    CHECK_KILL_SWITCH = 1
    CHECK_LEASE_EXPIRED = 2
    CHECK_ACCOUNT_DISABLED = 3
    CHECK_UNKNOWN_INSTRUMENT = 4
    CHECK_RESTRICTED = 5
    CHECK_HALTED = 6
    CHECK_SESSION_WINDOW = 7
    CHECK_FIELD_SANITY = 8
    CHECK_MAX_QUANTITY = 9
    CHECK_MAX_VALUE = 10
    CHECK_PRICE_COLLAR = 11
    CHECK_PRICE_BAND = 12
    CHECK_MARKET_NOT_ALLOWED = 13
    CHECK_ISO_NOT_ALLOWED = 14
    CHECK_SHORT_SALE = 15
    CHECK_POSITION_LIMIT = 16
    CHECK_OPEN_EXPOSURE = 17
    CHECK_FIRM_CREDIT = 18
    CHECK_DAY_QUANTITY = 19
    CHECK_MARKET_IMPACT = 20
    CHECK_MESSAGE_RATE = 21
    CHECK_INSTRUMENT_RATE = 22
    CHECK_DUPLICATE_ORDER = 23
    CHECK_REPEATED_EXECUTION = 24
    CHECK_SELF_MATCH = 25
    CHECK_OPEN_ORDER_COUNT = 26
    CHECK_STALE_REFERENCE = 27
    CHECK_CROSSED_BOOK = 28
    CHECK_ORDER_ID_NOT_INCREASING = 29
    CHECK_DAILY_LOSS = 30
    CHECK_PORT_DOWN = 31
    CHECK_POSITION_MISMATCH = 32
    CHECK_DRAWDOWN = 33
    CHECK_CONSECUTIVE_REJECTS = 34
    CHECK_STRATEGY_DISABLED = 35
    CHECK_STRATEGY_EXPOSURE = 36
