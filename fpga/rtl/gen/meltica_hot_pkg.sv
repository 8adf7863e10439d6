// Records and rules of the hot path. Generated from proto/hot/layout.toml and proto/hot/rulebook.toml by tools/gen_layout.py; change those, not this file.
// A packed struct puts its first member into the most significant bits, and byte 0 of a record is bits 7:0:
// so the members are listed from the last field to the first.
`default_nettype none

// A package offers names; which of them a design uses is the design's affair.
/* verilator lint_off UNUSEDPARAM */
package meltica_hot_pkg;

  localparam int unsigned LayoutVersion = 2;
  localparam int unsigned RulebookVersion = 2;
  localparam int unsigned CheckCount = 37;
  // 2^60: position + open + quantity then fits 63 bits; larger quantities are senseless
  localparam logic [63:0] LotsBound = 64'd1152921504606846976;
  // 2^60: the same for prices
  localparam logic [63:0] TicksBound = 64'd1152921504606846976;
  // a bucket counts nano-tokens: elapsed_ns * messages_per_second needs no division
  localparam logic [63:0] NanoTokensPerMessage = 64'd1000000000;
  // burst * 1e9 nano-tokens fits 63 bits
  localparam logic [63:0] BurstBound = 64'd2147483647;
  // ten times the reference; a wider collar is no collar
  localparam logic [63:0] CollarBpsBound = 64'd100000;
  // of a gate's exported state
  localparam logic [63:0] StateVersion = 64'd2;
  // Verdict.reason of an order that passed
  localparam logic [63:0] ReasonPass = 64'd255;

  // What an order intent asks for.
  typedef enum logic [7:0] {
    ActionNew = 8'd1,
    ActionReplace = 8'd2,
    ActionCancel = 8'd3
  } action_e;

  // FIX 54.
  typedef enum logic [7:0] {
    SideBuy = 8'd1,
    SideSell = 8'd2
  } side_e;

  // FIX 40.
  typedef enum logic [7:0] {
    OrderTypeMarket = 8'd1,
    OrderTypeLimit = 8'd2
  } order_type_e;

  // FIX 59.
  typedef enum logic [7:0] {
    TimeInForceDay = 8'd0,
    TimeInForceGtc = 8'd1,
    TimeInForceIoc = 8'd3,
    TimeInForceFok = 8'd4
  } time_in_force_e;

  // Bits of OrderIntent.flags. SHORT: FIX 54=5, SHORT_EXEMPT (with SHORT): FIX 54=6; SELL only.
  typedef enum logic [7:0] {
    FlagPostOnly = 8'd1,
    FlagReduceOnly = 8'd2,
    FlagIso = 8'd4,
    FlagShort = 8'd8,
    FlagShortExempt = 8'd16
  } flag_e;

  // What a Kill record stops or lets go. `id` names the account, strategy, port or instrument.
  typedef enum logic [7:0] {
    KillScopeGlobal = 8'd1,
    KillScopeAccount = 8'd2,
    KillScopeStrategy = 8'd3,
    KillScopePort = 8'd4,
    KillScopeInstrument = 8'd5
  } kill_scope_e;

  // What a Query asks for.
  typedef enum logic [7:0] {
    SubjectDigest = 8'd1,
    SubjectState = 8'd2,
    SubjectCounters = 8'd3,
    SubjectKilled = 8'd4
  } subject_e;

  // Which rule sells in an instrument follow. NOT_ALLOWED: sells marked SHORT are refused.
  typedef enum logic [7:0] {
    ShortSaleNotAllowed = 8'd0,
    ShortSaleFree = 8'd1,
    ShortSaleRegSho = 8'd2
  } short_sale_e;

  // What becomes of an order that would trade with a working one of the same group (FIX 2964 has similar values).
  typedef enum logic [7:0] {
    SelfMatchCancelNewest = 8'd0,
    SelfMatchCancelOldest = 8'd1,
    SelfMatchCancelBoth = 8'd2,
    SelfMatchDecrement = 8'd3
  } self_match_e;

  // What a Mark record switches. Instrument: HALTED, SHORT_RESTRICTED, GAPPED. Account: MISMATCHED. Port: CONNECTED.
  typedef enum logic [7:0] {
    MarkHalted = 8'd1,
    MarkShortRestricted = 8'd2,
    MarkGapped = 8'd3,
    MarkMismatched = 8'd4,
    MarkConnected = 8'd5
  } mark_e;

  // The latched breakers. The first three belong to an account, the last to a strategy.
  typedef enum logic [7:0] {
    BreakerDailyLoss = 8'd1,
    BreakerDrawdown = 8'd2,
    BreakerConsecutiveRejects = 8'd3,
    BreakerRepeatedExecution = 8'd4
  } breaker_e;

  // Whose open value a Credit record moves the limit of.
  typedef enum logic [7:0] {
    CreditScopeFirm = 8'd1,
    CreditScopeAccount = 8'd2,
    CreditScopeStrategy = 8'd3
  } credit_scope_e;

  // What a DropCopy record tells.
  typedef enum logic [7:0] {
    DropKindSent = 8'd1,
    DropKindRefused = 8'd2,
    DropKindAccepted = 8'd3,
    DropKindExecuted = 8'd4,
    DropKindCanceled = 8'd5,
    DropKindRejected = 8'd6,
    DropKindReplaced = 8'd7,
    DropKindCancelRejected = 8'd8,
    DropKindBroken = 8'd9,
    DropKindRestated = 8'd10,
    DropKindSelfMatchCancel = 8'd11,
    DropKindKilled = 8'd12,
    DropKindSessionUp = 8'd13,
    DropKindSessionDown = 8'd14
  } drop_kind_e;

  // Bits of Trigger.kinds: which market messages may pull it. ADD: ITCH A, F and U's new half. TRADE: E, C, P.
  typedef enum logic [7:0] {
    MessageKindAdd = 8'd1,
    MessageKindTrade = 8'd2
  } message_kind_e;

  // How a trigger compares the price of a message with its threshold.
  typedef enum logic [7:0] {
    CompareAtMost = 8'd1,
    CompareAtLeast = 8'd2
  } compare_e;

  // What an Audit record of the card tells.
  typedef enum logic [7:0] {
    AuditKindPassed = 8'd1,
    AuditKindRefused = 8'd2,
    AuditKindKilled = 8'd3,
    AuditKindReleased = 8'd4,
    AuditKindCommitted = 8'd5,
    AuditKindBadCommit = 8'd6,
    AuditKindWatchdog = 8'd7,
    AuditKindOverflow = 8'd8,
    AuditKindPurged = 8'd9
  } audit_kind_e;

  // How a gate answers a record that is no order.
  typedef enum logic [7:0] {
    StatusOk = 8'd1,
    StatusBadRecord = 8'd2,
    StatusBadArgument = 8'd3
  } status_e;

  // One order, replace or cancel on its way through the gate.
  localparam logic [15:0] OrderIntentTypeId = 16'd1;
  localparam int unsigned OrderIntentBytes = 64;
  typedef struct packed {
    logic signed [63:0] working_price_ticks;  // byte 56
    logic signed [63:0] working_lots;  // byte 48
    logic [63:0] time_ns;  // byte 40
    logic signed [63:0] quantity_lots;  // byte 32
    logic signed [63:0] price_ticks;  // byte 24
    logic [63:0] order_id;  // byte 16
    logic [15:0] strategy_id;  // byte 14
    logic [15:0] account_id;  // byte 12
    logic [31:0] instrument_id;  // byte 8
    logic [7:0] tif;  // byte 7
    logic [7:0] order_type;  // byte 6
    logic [7:0] port_id;  // byte 5
    logic [7:0] flags;  // byte 4
    logic [7:0] side;  // byte 3
    logic [7:0] action;  // byte 2
    logic [15:0] type_id;  // byte 0
  } order_intent_t;

  // The gate's answer to one OrderIntent.
  localparam logic [15:0] VerdictTypeId = 16'd2;
  localparam int unsigned VerdictBytes = 32;
  typedef struct packed {
    logic signed [63:0] reserved_price_ticks;  // byte 24
    logic [63:0] fired_mask;  // byte 16
    logic [63:0] order_id;  // byte 8
    logic [31:0] reserved0;  // byte 4
    logic [7:0] action;  // byte 3
    logic [7:0] reason;  // byte 2
    logic [15:0] type_id;  // byte 0
  } verdict_t;

  // The whole limit row of an instrument; 0 blocks, except max_impact_percent, where 0 turns the check off.
  localparam logic [15:0] InstrumentLimitsTypeId = 16'd16;
  localparam int unsigned InstrumentLimitsBytes = 128;
  typedef struct packed {
    logic [63:0] reserved6;  // byte 120
    logic [63:0] reserved5;  // byte 112
    logic [63:0] reserved4;  // byte 104
    logic [63:0] reserved3;  // byte 96
    logic [31:0] reserved2;  // byte 92
    logic [31:0] max_impact_percent;  // byte 88
    logic [31:0] message_burst;  // byte 84
    logic [31:0] messages_per_second;  // byte 80
    logic signed [63:0] max_day_lots;  // byte 72
    logic [63:0] session_close_ns;  // byte 64
    logic [63:0] session_open_ns;  // byte 56
    logic [63:0] reference_max_age_ns;  // byte 48
    logic signed [63:0] max_value_nanos;  // byte 40
    logic signed [63:0] max_quantity_lots;  // byte 32
    logic signed [63:0] max_price_ticks;  // byte 24
    logic signed [63:0] value_per_tick_lot_nanos;  // byte 16
    logic [31:0] collar_bps;  // byte 12
    logic [15:0] reserved1;  // byte 10
    logic [7:0] reserved0;  // byte 9
    logic [7:0] short_sale;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [7:0] restricted;  // byte 3
    logic [7:0] enabled;  // byte 2
    logic [15:0] type_id;  // byte 0
  } instrument_limits_t;

  // The whole limit row of an account; 0 blocks, except duplicate_window_ns and rearm_after_ns.
  localparam logic [15:0] AccountLimitsTypeId = 16'd17;
  localparam int unsigned AccountLimitsBytes = 96;
  typedef struct packed {
    logic [63:0] reserved4;  // byte 88
    logic [63:0] reserved3;  // byte 80
    logic [63:0] reserved2;  // byte 72
    logic [63:0] rearm_after_ns;  // byte 64
    logic signed [63:0] max_drawdown_nanos;  // byte 56
    logic signed [63:0] max_daily_loss_nanos;  // byte 48
    logic [63:0] duplicate_window_ns;  // byte 40
    logic signed [63:0] max_open_value_nanos;  // byte 32
    logic [31:0] reserved1;  // byte 28
    logic [31:0] max_consecutive_rejects;  // byte 24
    logic [31:0] max_open_orders;  // byte 20
    logic [31:0] message_burst;  // byte 16
    logic [31:0] messages_per_second;  // byte 12
    logic [15:0] self_match_group;  // byte 10
    logic [7:0] reserved0;  // byte 9
    logic [7:0] self_match;  // byte 8
    logic [7:0] short_exempt_allowed;  // byte 7
    logic [7:0] iso_allowed;  // byte 6
    logic [7:0] market_orders_allowed;  // byte 5
    logic [7:0] enabled;  // byte 4
    logic [15:0] account_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } account_limits_t;

  // How far an account may go in an instrument, and how many lots it has located to sell short (Reg SHO 203).
  localparam logic [15:0] PositionLimitsTypeId = 16'd18;
  localparam int unsigned PositionLimitsBytes = 32;
  typedef struct packed {
    logic signed [63:0] located_lots;  // byte 24
    logic signed [63:0] max_short_lots;  // byte 16
    logic signed [63:0] max_long_lots;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [15:0] account_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } position_limits_t;

  // Limits on everything that leaves through this gate; 0 blocks.
  localparam logic [15:0] FirmLimitsTypeId = 16'd19;
  localparam int unsigned FirmLimitsBytes = 32;
  typedef struct packed {
    logic [63:0] reserved1;  // byte 24
    logic signed [63:0] max_open_value_nanos;  // byte 16
    logic [31:0] max_open_orders;  // byte 12
    logic [31:0] message_burst;  // byte 8
    logic [31:0] messages_per_second;  // byte 4
    logic [15:0] reserved0;  // byte 2
    logic [15:0] type_id;  // byte 0
  } firm_limits_t;

  // The whole limit row of a strategy; 0 blocks.
  localparam logic [15:0] StrategyLimitsTypeId = 16'd20;
  localparam int unsigned StrategyLimitsBytes = 48;
  typedef struct packed {
    logic [63:0] reserved3;  // byte 40
    logic [63:0] reserved2;  // byte 32
    logic [63:0] max_executions;  // byte 24
    logic signed [63:0] max_open_value_nanos;  // byte 16
    logic [31:0] message_burst;  // byte 12
    logic [31:0] messages_per_second;  // byte 8
    logic [15:0] reserved1;  // byte 6
    logic [7:0] reserved0;  // byte 5
    logic [7:0] enabled;  // byte 4
    logic [15:0] strategy_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } strategy_limits_t;

  // The whole limit row of an order-entry session; 0 blocks.
  localparam logic [15:0] PortLimitsTypeId = 16'd21;
  localparam int unsigned PortLimitsBytes = 16;
  typedef struct packed {
    logic [31:0] reserved0;  // byte 12
    logic [31:0] message_burst;  // byte 8
    logic [31:0] messages_per_second;  // byte 4
    logic [7:0] enabled;  // byte 3
    logic [7:0] port_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } port_limits_t;

  // The price that the collar is measured from; 0 takes it away.
  localparam logic [15:0] ReferencePriceTypeId = 16'd6;
  localparam int unsigned ReferencePriceBytes = 24;
  typedef struct packed {
    logic [63:0] time_ns;  // byte 16
    logic signed [63:0] price_ticks;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [15:0] reserved0;  // byte 2
    logic [15:0] type_id;  // byte 0
  } reference_price_t;

  // Switches a fact about an instrument, an account or a port.
  localparam logic [15:0] MarkTypeId = 16'd7;
  localparam int unsigned MarkBytes = 16;
  typedef struct packed {
    logic [63:0] time_ns;  // byte 8
    logic [31:0] id;  // byte 4
    logic [7:0] on;  // byte 3
    logic [7:0] mark;  // byte 2
    logic [15:0] type_id;  // byte 0
  } mark_t;

  // Best bid and offer of an instrument; 0 lots: none on that side.
  localparam logic [15:0] QuoteTypeId = 16'd25;
  localparam int unsigned QuoteBytes = 48;
  typedef struct packed {
    logic [63:0] time_ns;  // byte 40
    logic signed [63:0] ask_lots;  // byte 32
    logic signed [63:0] ask_ticks;  // byte 24
    logic signed [63:0] bid_lots;  // byte 16
    logic signed [63:0] bid_ticks;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [15:0] reserved0;  // byte 2
    logic [15:0] type_id;  // byte 0
  } quote_t;

  // Limit-up limit-down or auction collar of an instrument; both 0: no band is in force.
  localparam logic [15:0] PriceBandTypeId = 16'd26;
  localparam int unsigned PriceBandBytes = 24;
  typedef struct packed {
    logic signed [63:0] high_ticks;  // byte 16
    logic signed [63:0] low_ticks;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [15:0] reserved0;  // byte 2
    logic [15:0] type_id;  // byte 0
  } price_band_t;

  // What an account has earned since DayReset, realised and not; moves its high-water mark, may trip its breakers.
  localparam logic [15:0] ProfitAndLossTypeId = 16'd27;
  localparam int unsigned ProfitAndLossBytes = 24;
  typedef struct packed {
    logic [63:0] time_ns;  // byte 16
    logic signed [63:0] pnl_nanos;  // byte 8
    logic [31:0] reserved0;  // byte 4
    logic [15:0] account_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } profit_and_loss_t;

  // Moves the limit on open value of the firm, an account or a strategy by a signed amount.
  localparam logic [15:0] CreditTypeId = 16'd28;
  localparam int unsigned CreditBytes = 16;
  typedef struct packed {
    logic signed [63:0] delta_nanos;  // byte 8
    logic [31:0] id;  // byte 4
    logic [7:0] reserved0;  // byte 3
    logic [7:0] scope;  // byte 2
    logic [15:0] type_id;  // byte 0
  } credit_t;

  // A venue accepted or rejected an order of an account; rejects in a row may trip its breaker.
  localparam logic [15:0] OutcomeTypeId = 16'd29;
  localparam int unsigned OutcomeBytes = 16;
  typedef struct packed {
    logic [63:0] time_ns;  // byte 8
    logic [15:0] reserved1;  // byte 6
    logic [7:0] reserved0;  // byte 5
    logic [7:0] rejected;  // byte 4
    logic [15:0] account_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } outcome_t;

  // Lets go of a latched breaker: the account's, or the strategy's (and its executions count from 0).
  localparam logic [15:0] RearmTypeId = 16'd30;
  localparam int unsigned RearmBytes = 16;
  typedef struct packed {
    logic [63:0] time_ns;  // byte 8
    logic [31:0] id;  // byte 4
    logic [7:0] reserved0;  // byte 3
    logic [7:0] breaker;  // byte 2
    logic [15:0] type_id;  // byte 0
  } rearm_t;

  // Orders of a leased gate pass up to this time; 0: none do.
  localparam logic [15:0] LeaseTypeId = 16'd31;
  localparam int unsigned LeaseBytes = 16;
  typedef struct packed {
    logic [63:0] until_ns;  // byte 8
    logic [31:0] reserved1;  // byte 4
    logic [15:0] reserved0;  // byte 2
    logic [15:0] type_id;  // byte 0
  } lease_t;

  // A new trading day: day quantities, PnL and high-water marks begin at 0; breakers stay as they are.
  localparam logic [15:0] DayResetTypeId = 16'd32;
  localparam int unsigned DayResetBytes = 16;
  typedef struct packed {
    logic [63:0] time_ns;  // byte 8
    logic [31:0] reserved1;  // byte 4
    logic [15:0] reserved0;  // byte 2
    logic [15:0] type_id;  // byte 0
  } day_reset_t;

  // How an instrument is called on the wire: locate code on the feed, symbol and price unit in orders.
  localparam logic [15:0] SymbolTypeId = 16'd33;
  localparam int unsigned SymbolBytes = 32;
  typedef struct packed {
    logic [63:0] shares_per_lot;  // byte 24
    logic [63:0] wire_price_per_tick;  // byte 16
    logic [63:0] symbol;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [15:0] locate;  // byte 2
    logic [15:0] type_id;  // byte 0
  } symbol_t;

  // Best bid and offer as published in shared memory and on the links.
  localparam logic [15:0] TopOfBookTypeId = 16'd34;
  localparam int unsigned TopOfBookBytes = 64;
  typedef struct packed {
    logic [63:0] update_count;  // byte 56
    logic [63:0] receive_time_ns;  // byte 48
    logic [63:0] exchange_time_ns;  // byte 40
    logic signed [63:0] ask_shares;  // byte 32
    logic signed [63:0] ask_price;  // byte 24
    logic signed [63:0] bid_shares;  // byte 16
    logic signed [63:0] bid_price;  // byte 8
    logic [15:0] reserved0;  // byte 6
    logic [7:0] condition;  // byte 5
    logic [7:0] trading_status;  // byte 4
    logic [15:0] locate;  // byte 2
    logic [15:0] type_id;  // byte 0
  } top_of_book_t;

  // What a gate let out, kept back, or heard from the venue. Each has the next sequence number; gaps are fetched again.
  localparam logic [15:0] DropCopyTypeId = 16'd35;
  localparam int unsigned DropCopyBytes = 128;
  typedef struct packed {
    logic [63:0] reserved2;  // byte 120
    logic [63:0] reserved1;  // byte 112
    logic [15:0] reserved0;  // byte 110
    logic [7:0] flags;  // byte 109
    logic [7:0] port_id;  // byte 108
    logic [31:0] user_ref_num;  // byte 104
    logic [63:0] fired_mask;  // byte 96
    logic [63:0] venue_order_id;  // byte 88
    logic [63:0] execution_id;  // byte 80
    logic signed [63:0] last_price_ticks;  // byte 72
    logic signed [63:0] last_lots;  // byte 64
    logic signed [63:0] leaves_lots;  // byte 56
    logic signed [63:0] quantity_lots;  // byte 48
    logic signed [63:0] price_ticks;  // byte 40
    logic [63:0] order_id;  // byte 32
    logic [63:0] time_ns;  // byte 24
    logic [63:0] sequence_number;  // byte 16
    logic [15:0] strategy_id;  // byte 14
    logic [15:0] account_id;  // byte 12
    logic [31:0] instrument_id;  // byte 8
    logic [7:0] tif;  // byte 7
    logic [7:0] order_type;  // byte 6
    logic [7:0] reason;  // byte 5
    logic [7:0] action;  // byte 4
    logic [7:0] side;  // byte 3
    logic [7:0] kind;  // byte 2
    logic [15:0] type_id;  // byte 0
  } drop_copy_t;

  // Lots of a working order have traded: open becomes position; an execution of the strategy.
  localparam logic [15:0] FillTypeId = 16'd22;
  localparam int unsigned FillBytes = 40;
  typedef struct packed {
    logic signed [63:0] reserved_price_ticks;  // byte 32
    logic signed [63:0] quantity_lots;  // byte 24
    logic [63:0] order_id;  // byte 16
    logic [31:0] reserved0;  // byte 12
    logic [15:0] strategy_id;  // byte 10
    logic [7:0] closes;  // byte 9
    logic [7:0] side;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [15:0] account_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } fill_t;

  // Lots of a working order will not trade: cancelled, rejected, expired.
  localparam logic [15:0] ReleaseTypeId = 16'd23;
  localparam int unsigned ReleaseBytes = 40;
  typedef struct packed {
    logic signed [63:0] reserved_price_ticks;  // byte 32
    logic signed [63:0] quantity_lots;  // byte 24
    logic [63:0] order_id;  // byte 16
    logic [31:0] reserved0;  // byte 12
    logic [15:0] strategy_id;  // byte 10
    logic [7:0] closes;  // byte 9
    logic [7:0] side;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [15:0] account_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } release_t;

  // Recovery and amendments: the exposure of an order that is already working, without checks.
  localparam logic [15:0] ReserveTypeId = 16'd24;
  localparam int unsigned ReserveBytes = 40;
  typedef struct packed {
    logic signed [63:0] reserved_price_ticks;  // byte 32
    logic signed [63:0] quantity_lots;  // byte 24
    logic [63:0] order_id;  // byte 16
    logic [31:0] reserved0;  // byte 12
    logic [15:0] strategy_id;  // byte 10
    logic [7:0] opens;  // byte 9
    logic [7:0] side;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [15:0] account_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } reserve_t;

  // A position moves without an order: late fill, bust, start-up.
  localparam logic [15:0] AdjustTypeId = 16'd11;
  localparam int unsigned AdjustBytes = 16;
  typedef struct packed {
    logic signed [63:0] delta_lots;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [15:0] account_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } adjust_t;

  // Engages or releases a kill switch.
  localparam logic [15:0] KillTypeId = 16'd12;
  localparam int unsigned KillBytes = 16;
  typedef struct packed {
    logic [63:0] time_ns;  // byte 8
    logic [31:0] id;  // byte 4
    logic [7:0] engage;  // byte 3
    logic [7:0] scope;  // byte 2
    logic [15:0] type_id;  // byte 0
  } kill_t;

  // The lease of a gate, renewed; both ends send it.
  localparam logic [15:0] HeartbeatTypeId = 16'd13;
  localparam int unsigned HeartbeatBytes = 24;
  typedef struct packed {
    logic [63:0] time_ns;  // byte 16
    logic [63:0] sequence_number;  // byte 8
    logic [31:0] lease_ms;  // byte 4
    logic [15:0] reserved0;  // byte 2
    logic [15:0] type_id;  // byte 0
  } heartbeat_t;

  // Asks a gate for something that is no verdict; DIGEST, STATE and COUNTERS are answered as text.
  localparam logic [15:0] QueryTypeId = 16'd14;
  localparam int unsigned QueryBytes = 8;
  typedef struct packed {
    logic [31:0] id;  // byte 4
    logic [7:0] scope;  // byte 3
    logic [7:0] subject;  // byte 2
    logic [15:0] type_id;  // byte 0
  } query_t;

  // How a gate answers a record that is no order.
  localparam logic [15:0] AnswerTypeId = 16'd15;
  localparam int unsigned AnswerBytes = 16;
  typedef struct packed {
    logic signed [63:0] value;  // byte 8
    logic [15:0] reserved1;  // byte 6
    logic [7:0] reserved0;  // byte 5
    logic [7:0] status;  // byte 4
    logic [15:0] answered_type_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } answer_t;

  // Puts an instrument (on the card: its locate code) on the list whose orders are tracked, or takes the slot away.
  localparam logic [15:0] WatchTypeId = 16'd36;
  localparam int unsigned WatchBytes = 16;
  typedef struct packed {
    logic [31:0] reserved2;  // byte 12
    logic [15:0] reserved1;  // byte 10
    logic [7:0] reserved0;  // byte 9
    logic [7:0] on;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [15:0] slot;  // byte 2
    logic [15:0] type_id;  // byte 0
  } watch_t;

  // A price-cross trigger and the order that it sends. Prices in ticks, quantities in lots.
  localparam logic [15:0] TriggerTypeId = 16'd37;
  localparam int unsigned TriggerBytes = 72;
  typedef struct packed {
    logic [63:0] reserved0;  // byte 64
    logic [63:0] first_order_id;  // byte 56
    logic signed [63:0] price_ticks;  // byte 48
    logic signed [63:0] quantity_lots;  // byte 40
    logic [31:0] cooldown_us;  // byte 36
    logic [7:0] port_id;  // byte 35
    logic [7:0] flags;  // byte 34
    logic [7:0] tif;  // byte 33
    logic [7:0] side;  // byte 32
    logic signed [63:0] min_lots;  // byte 24
    logic signed [63:0] threshold_ticks;  // byte 16
    logic [15:0] strategy_id;  // byte 14
    logic [15:0] account_id;  // byte 12
    logic [31:0] instrument_id;  // byte 8
    logic [7:0] one_shot;  // byte 7
    logic [7:0] compare;  // byte 6
    logic [7:0] message_side;  // byte 5
    logic [7:0] kinds;  // byte 4
    logic [7:0] enabled;  // byte 3
    logic [7:0] slot;  // byte 2
    logic [15:0] type_id;  // byte 0
  } trigger_t;

  // What every frame of an order-entry session begins with, and where its TCP and OUCH numbers go on.
  localparam logic [15:0] FrameTemplateTypeId = 16'd38;
  localparam int unsigned FrameTemplateBytes = 80;
  typedef struct packed {
    logic [63:0] reserved2;  // byte 72
    logic [63:0] reserved1;  // byte 64
    logic [7:0] reserved0;  // byte 63
    logic [7:0] cross_type;  // byte 62
    logic [7:0] display;  // byte 61
    logic [7:0] capacity;  // byte 60
    logic [31:0] firm;  // byte 56
    logic [63:0] client_order_prefix;  // byte 48
    logic [31:0] user_ref_num;  // byte 44
    logic [15:0] vlan;  // byte 42
    logic [15:0] window;  // byte 40
    logic [31:0] acknowledgment_number;  // byte 36
    logic [31:0] sequence_number;  // byte 32
    logic [31:0] destination_ip;  // byte 28
    logic [31:0] source_ip;  // byte 24
    logic [63:0] source_mac;  // byte 16
    logic [63:0] destination_mac;  // byte 8
    logic [15:0] destination_port;  // byte 6
    logic [15:0] source_port;  // byte 4
    logic [7:0] up;  // byte 3
    logic [7:0] port_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } frame_template_t;

  // What the host's TCP stack has heard from the venue on an order-entry session.
  localparam logic [15:0] TcpStateTypeId = 16'd39;
  localparam int unsigned TcpStateBytes = 16;
  typedef struct packed {
    logic [31:0] acknowledged;  // byte 12
    logic [15:0] peer_window;  // byte 10
    logic [15:0] window;  // byte 8
    logic [31:0] acknowledgment_number;  // byte 4
    logic [7:0] up;  // byte 3
    logic [7:0] port_id;  // byte 2
    logic [15:0] type_id;  // byte 0
  } tcp_state_t;

  // Which packets a lane takes, and where its sequence begins.
  localparam logic [15:0] FeedFilterTypeId = 16'd40;
  localparam int unsigned FeedFilterBytes = 48;
  typedef struct packed {
    logic [63:0] reserved2;  // byte 40
    logic [63:0] next_sequence_number;  // byte 32
    logic [31:0] gap_timeout_ns;  // byte 28
    logic [15:0] reserved1;  // byte 26
    logic [15:0] session_high;  // byte 24
    logic [63:0] session_low;  // byte 16
    logic [31:0] source_ip;  // byte 12
    logic [31:0] destination_ip;  // byte 8
    logic [15:0] reserved0;  // byte 6
    logic [15:0] destination_port;  // byte 4
    logic [7:0] enabled;  // byte 3
    logic [7:0] lane;  // byte 2
    logic [15:0] type_id;  // byte 0
  } feed_filter_t;

  // The host has seen to a gap: the feed, or one instrument, may be used again.
  localparam logic [15:0] ClearGapTypeId = 16'd41;
  localparam int unsigned ClearGapBytes = 16;
  typedef struct packed {
    logic [63:0] reserved1;  // byte 8
    logic [31:0] instrument_id;  // byte 4
    logic [7:0] reserved0;  // byte 3
    logic [7:0] all;  // byte 2
    logic [15:0] type_id;  // byte 0
  } clear_gap_t;

  // What the card did. The numbers have no holes: what the host did not fetch in time is told by an OVERFLOW record.
  localparam logic [15:0] AuditTypeId = 16'd42;
  localparam int unsigned AuditBytes = 80;
  typedef struct packed {
    logic [63:0] value;  // byte 72
    logic signed [63:0] reserved_price_ticks;  // byte 64
    logic [63:0] fired_mask;  // byte 56
    logic signed [63:0] quantity_lots;  // byte 48
    logic signed [63:0] price_ticks;  // byte 40
    logic [63:0] order_id;  // byte 32
    logic [63:0] time_ns;  // byte 24
    logic [63:0] sequence_number;  // byte 16
    logic [15:0] strategy_id;  // byte 14
    logic [15:0] account_id;  // byte 12
    logic [31:0] instrument_id;  // byte 8
    logic [7:0] order_type;  // byte 7
    logic [7:0] port_id;  // byte 6
    logic [7:0] side;  // byte 5
    logic [7:0] action;  // byte 4
    logic [7:0] reason;  // byte 3
    logic [7:0] kind;  // byte 2
    logic [15:0] type_id;  // byte 0
  } audit_t;

  // Bits of the fired mask.
  localparam int unsigned CheckMalformed = 0;  // Not a well-formed order
  localparam int unsigned CheckKillSwitch = 1;  // Kill switch engaged
  localparam int unsigned CheckLeaseExpired = 2;  // The gate's lease has run out
  localparam int unsigned CheckAccountDisabled = 3;  // Account or port not authorised
  localparam int unsigned CheckUnknownInstrument = 4;  // Instrument unknown or not enabled
  localparam int unsigned CheckRestricted = 5;  // Instrument on the restricted list
  localparam int unsigned CheckHalted = 6;  // Trading halted
  localparam int unsigned CheckSessionWindow = 7;  // Outside the trading session
  localparam int unsigned CheckFieldSanity = 8;  // Senseless quantity or price
  localparam int unsigned CheckMaxQuantity = 9;  // Order too large
  localparam int unsigned CheckMaxValue = 10;  // Order worth too much
  localparam int unsigned CheckPriceCollar = 11;  // Price too far from the reference
  localparam int unsigned CheckPriceBand = 12;  // Price outside the band in force
  localparam int unsigned CheckMarketNotAllowed = 13;  // Market orders not allowed
  localparam int unsigned CheckIsoNotAllowed = 14;  // Intermarket sweep orders not allowed
  localparam int unsigned CheckShortSale = 15;  // Short sale not allowed
  localparam int unsigned CheckPositionLimit = 16;  // Position limit
  localparam int unsigned CheckOpenExposure = 17;  // Open exposure of the account
  localparam int unsigned CheckFirmCredit = 18;  // Credit of the firm
  localparam int unsigned CheckDayQuantity = 19;  // Too much in one day
  localparam int unsigned CheckMarketImpact = 20;  // Too large for what is displayed
  localparam int unsigned CheckMessageRate = 21;  // Too many messages
  localparam int unsigned CheckInstrumentRate = 22;  // Too many messages in the instrument
  localparam int unsigned CheckDuplicateOrder = 23;  // Duplicate order
  localparam int unsigned CheckRepeatedExecution = 24;  // Too many executions of the strategy
  localparam int unsigned CheckSelfMatch = 25;  // Would trade with an own order
  localparam int unsigned CheckOpenOrderCount = 26;  // Too many open orders
  localparam int unsigned CheckStaleReference = 27;  // Market data missing, stale or with a gap
  localparam int unsigned CheckCrossedBook = 28;  // Book locked or crossed
  localparam int unsigned CheckOrderIdNotIncreasing = 29;  // Order id not increasing
  localparam int unsigned CheckDailyLoss = 30;  // Daily loss limit
  localparam int unsigned CheckPortDown = 31;  // Port not connected
  localparam int unsigned CheckPositionMismatch = 32;  // Positions do not reconcile
  localparam int unsigned CheckDrawdown = 33;  // Drawdown from the high-water mark
  localparam int unsigned CheckConsecutiveRejects = 34;  // Too many rejects in a row
  localparam int unsigned CheckStrategyDisabled = 35;  // Strategy not authorised
  localparam int unsigned CheckStrategyExposure = 36;  // Open exposure of the strategy
  localparam logic [63:0] JudgedWithoutAccount = 64'h19b97c1fff;
  localparam logic [63:0] JudgedWithoutStrategy = 64'hffeffffff;
  localparam logic [63:0] JudgedWithoutInstrument = 64'hfe5a0601f;
  localparam logic [63:0] JudgedWithoutFields = 64'hffde061ff;

endpackage
/* verilator lint_on UNUSEDPARAM */

`default_nettype wire
