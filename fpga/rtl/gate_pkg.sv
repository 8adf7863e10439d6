// The rows of the risk gate's tables and the arithmetic on them. Each table has two halves: what is
// set (read with the key, changed by told rows as they enter) and what moves (changed at the end of
// stage 2).
`default_nettype none

/* verilator lint_off UNUSEDPARAM */
/* verilator lint_off UNUSEDSIGNAL */  // a function looks at some fields of a row
package gate_pkg;
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;

  localparam int unsigned ToldBytes = 40;  // of a told record that stage 2 looks at
  localparam logic [61:0] OneMessage = 62'(NanoTokensPerMessage);
  localparam logic signed [PositionW:0] PositionBound = (PositionW + 1)'((64'd1 << 46) - 64'd1);
  localparam logic [46:0] LimitLotsBound = 47'd1 << 46;

  // --- what takes a slot of the pipeline ---

  typedef enum logic [1:0] {
    SlotNone  = 2'd0,
    SlotOrder = 2'd1,
    SlotTold  = 2'd2,
    SlotQuery = 2'd3
  } slot_kind_e;

  typedef struct packed {
    logic [15:0]            type_id;
    logic                   from_host;
    logic                   probe;        // changes nothing: asks whether it may
    logic [8*ToldBytes-1:0] row;
    logic [31:0]            rate;         // limits only
    logic [60:0]            full;
    logic [ValueW-1:0]      value_limit;
  } told_t;

  typedef struct packed {
    logic [7:0]  table_id;
    logic [31:0] row;
    logic [7:0]  column;
  } query_key_t;

  typedef enum logic [7:0] {
    TableGate        = 8'd0,
    TableFirm        = 8'd1,
    TableInstruments = 8'd2,
    TableAccounts    = 8'd3,
    TableStrategies  = 8'd4,
    TablePorts       = 8'd5,
    TablePositions   = 8'd6,
    TableOrders      = 8'd7,
    TableRecent      = 8'd8
  } table_e;

  // --- token buckets ---
  // A bucket is kept as two points on the axis time * rate: what time has `reached`, and where it
  // would be `full_at`. Their distance is what the bucket lacks; time moves `reached`, a message
  // moves `full_at`: no product in the loop.

  typedef struct packed {
    logic [95:0] full_at;
    logic [95:0] reached;  // time_ns * rate
    time_ns_t    time_ns;
  } bucket_t;

  typedef struct packed {
    logic        known;
    logic [31:0] rate;
    logic [30:0] burst;
    logic [60:0] full;   // burst in nano-tokens
  } meter_t;

  // One bucket as one order sees it.
  typedef struct packed {
    logic        known;
    logic        blocked;  // no rate or no burst
    logic [60:0] slack;    // what may be lacking for a message to pass
    logic [95:0] now;      // the order's time * rate
  } metering_t;

  typedef struct packed {
    metering_t instrument;
    metering_t account;
    metering_t strategy;
    metering_t port;
    metering_t firm;
  } meterings_t;

  function automatic metering_t metering(meter_t meter, logic [95:0] now);
    metering_t m;
    m.known   = meter.known;
    m.blocked = meter.rate == '0 || meter.burst == '0;
    m.slack   = meter.full - 61'(OneMessage);
    m.now     = now;
    return m;
  endfunction

  function automatic logic bucket_empty(bucket_t bucket, metering_t m);
    logic [95:0] reached;
    reached = m.now > bucket.reached ? m.now : bucket.reached;
    return m.blocked || (bucket.full_at > reached && bucket.full_at - reached > 96'(m.slack));
  endfunction

  function automatic bucket_t bucket_taken(bucket_t bucket, metering_t m, time_ns_t time_ns);
    bucket_t next;
    next.reached = m.now > bucket.reached ? m.now : bucket.reached;
    next.full_at = bucket.full_at > next.reached ? bucket.full_at : next.reached;
    next.full_at = next.full_at + 96'(OneMessage);
    next.time_ns = time_ns > bucket.time_ns ? time_ns : bucket.time_ns;
    return next;
  endfunction

  function automatic logic [60:0] bucket_tokens(bucket_t bucket, meter_t meter);
    return meter.full - 61'(bucket.full_at - bucket.reached);
  endfunction

  // New limits: a new row starts full, a lowered burst takes tokens away.
  // `reached` is bucket.time_ns * the new rate.
  function automatic bucket_t bucket_limited(bucket_t bucket, meter_t was, logic [60:0] full,
                                             logic [95:0] reached);
    bucket_t next;
    logic [60:0] tokens;
    tokens = bucket_tokens(bucket, was);
    if (!was.known || tokens > full) tokens = full;
    next.reached = reached;
    next.full_at = reached + 96'(full - tokens);
    next.time_ns = bucket.time_ns;
    return next;
  endfunction

  // --- exposure, in ticks * lots ---

  typedef struct packed {
    logic signed [63:0] credit_nanos;
    logic [ValueW-1:0]  limit;         // with credit
    logic               limit_top;     // the limit is the largest number of nanos
    logic [ValueW-1:0]  open;
  } exposure_t;

  // What an order is worth: `value` takes the place of `working`.
  typedef struct packed {
    logic        saturated;  // more than can be said in nanos, or no price to value it at
    logic [62:0] value;
    logic [62:0] working;
  } worth_t;

  function automatic logic worth_grows(worth_t worth);
    return worth.saturated || worth.value > worth.working;
  endfunction

  function automatic logic exceeds(exposure_t exposure, worth_t worth);
    logic [65:0] after_it, allowed;
    after_it = 66'(exposure.open) + 66'(worth.value);
    allowed  = 66'(exposure.limit) + 66'(worth.working);
    // A saturated value is worth 2^63-1 nanos: a limit as large holds it, if nothing else is open.
    if (worth.saturated) return !exposure.limit_top || exposure.open != 64'(worth.working);
    return worth.value > worth.working && after_it > allowed;
  endfunction

  function automatic logic [63:0] added_credit(logic signed [63:0] credit,
                                               logic signed [63:0] delta);
    logic signed [64:0] sum;
    sum = 65'(credit) + 65'(delta);
    if (sum > 65'sh0_7FFF_FFFF_FFFF_FFFF) return 64'h7FFF_FFFF_FFFF_FFFF;
    if (sum < -65'sh0_8000_0000_0000_0000) return 64'h8000_0000_0000_0000;
    return sum[63:0];
  endfunction

  function automatic logic is_top(logic [62:0] max_open_value, logic signed [63:0] credit);
    logic signed [64:0] sum;
    sum = $signed({2'b00, max_open_value}) + 65'(credit);
    return sum >= 65'sh0_7FFF_FFFF_FFFF_FFFF;
  endfunction

  // --- rows: what is set ---

  typedef struct packed {
    meter_t            meter;
    logic              enabled;
    logic              restricted;
    logic [1:0]        short_sale;
    logic [16:0]       collar_bps;
    logic [62:0]       max_price_ticks;
    logic [62:0]       max_quantity_lots;
    logic [62:0]       max_value_nanos;
    logic [ValueW-1:0] value_limit;
    time_ns_t          reference_max_age_ns;
    time_ns_t          session_open_ns;
    time_ns_t          session_close_ns;
    logic [62:0]       max_day_lots;
    logic [31:0]       max_impact_percent;
  } instrument_limits_row_t;

  typedef struct packed {
    ticks_t   price_ticks;
    time_ns_t time_ns;
  } reference_row_t;

  typedef struct packed {
    ticks_t low;
    ticks_t high;
  } range_row_t;

  typedef struct packed {
    ticks_t           bid_ticks;
    logic [LotsW-1:0] bid_lots;
    ticks_t           ask_ticks;
    logic [LotsW-1:0] ask_lots;
  } best_row_t;

  typedef struct packed {
    logic                  on;
    logic [OrderLotsW-1:0] buy_lots;   // the largest quantity that passes
    logic [OrderLotsW-1:0] sell_lots;
  } impact_row_t;

  typedef struct packed {
    logic killed;
    logic gapped;
    logic short_restricted;
    logic halted;
  } marks_t;

  typedef struct packed {
    instrument_limits_row_t limits;
    reference_row_t         last_price;
    range_row_t             collar;
    best_row_t              best;
    impact_row_t            impact;
    range_row_t             band;
    marks_t                 marks;
  } instrument_row_t;

  typedef struct packed {
    meter_t      meter;
    logic        enabled;
    logic        market_orders_allowed;
    logic        iso_allowed;
    logic        short_exempt_allowed;
    logic [1:0]  self_match;
    logic [15:0] self_match_group;
    logic [31:0] max_open_orders;
    logic [31:0] max_consecutive_rejects;
    logic [62:0] max_open_value_nanos;
    logic [63:0] duplicate_window_ns;
    logic [62:0] max_daily_loss_nanos;
    logic [62:0] max_drawdown_nanos;
    logic [63:0] rearm_after_ns;
  } account_row_t;

  typedef struct packed {
    meter_t      meter;
    logic        enabled;
    logic [62:0] max_open_value_nanos;
    logic [63:0] max_executions;
  } strategy_row_t;

  typedef struct packed {
    meter_t meter;
    logic   enabled;
  } port_row_t;

  typedef struct packed {
    meter_t      meter;
    logic [31:0] max_open_orders;
    logic [62:0] max_open_value_nanos;
  } firm_row_t;

  typedef struct packed {
    logic [46:0] max_long_lots;
    logic [46:0] max_short_lots;
    logic [46:0] located_lots;
  } position_row_t;

  typedef struct packed {
    instrument_row_t instrument;
    account_row_t    account;
    strategy_row_t   strategy;
    port_row_t       port;
    firm_row_t       firm;
    position_row_t   position;
  } rows_t;

  // --- rows: what moves ---

  localparam int unsigned DayW = 32;  // DayReset counts days; what is of another day counts as 0
  localparam int unsigned CountW = 40;  // of open orders

  typedef struct packed {
    bucket_t         bucket;
    logic [62:0]     day_lots;
    logic [DayW-1:0] day;
    logic [16:0]     open_sides;  // of how many positions' sides lots are open
  } instrument_state_t;

  typedef struct packed {
    bucket_t            bucket;
    exposure_t          exposure;
    logic               killed;
    logic               mismatched;
    logic [CountW-1:0]  open_orders;
    logic signed [63:0] pnl_nanos;
    logic signed [63:0] high_water_nanos;
    logic [DayW-1:0]    day;
    logic [31:0]        rejects_in_a_row;
    logic [3:1]         latched;
    time_ns_t           daily_loss_tripped_ns;
    time_ns_t           drawdown_tripped_ns;
    time_ns_t           rejects_tripped_ns;
  } account_state_t;

  typedef struct packed {
    bucket_t     bucket;
    exposure_t   exposure;
    logic        killed;
    logic [63:0] executions;
    logic        latched;
  } strategy_state_t;

  typedef struct packed {
    bucket_t         bucket;
    logic            killed;
    logic            connected;
    logic [63:0]     last_order_id;
    logic [DayW-1:0] day;
  } port_state_t;

  typedef struct packed {
    bucket_t           bucket;
    exposure_t         exposure;
    logic [CountW-1:0] open_orders;
  } firm_state_t;

  typedef struct packed {
    logic signed [PositionW-1:0] position_lots;
    logic signed [PositionW-1:0] open_buy_lots;
    logic signed [PositionW-1:0] open_sell_lots;
  } position_state_t;

  typedef struct packed {
    instrument_state_t instrument;
    account_state_t    account;
    strategy_state_t   strategy;
    port_state_t       port;
    firm_state_t       firm;
    position_state_t   position;
  } states_t;

  // Which of them are written at the end of stage 2.
  typedef struct packed {
    logic instrument;
    logic account;
    logic strategy;
    logic port;
    logic firm;
    logic position;
  } writes_t;

  // --- breakers of an account ---

  function automatic logic loss_reached(account_row_t row, account_state_t state);
    return row.max_daily_loss_nanos != '0 &&
        -65'(state.pnl_nanos) >= $signed({2'b00, row.max_daily_loss_nanos});
  endfunction

  function automatic logic drawdown_reached(account_row_t row, account_state_t state);
    return row.max_drawdown_nanos != '0
        && 66'(state.high_water_nanos) - 66'(state.pnl_nanos) >= $signed({3'b000,
                                                                          row.max_drawdown_nanos});
  endfunction

  function automatic logic rejects_reached(account_row_t row, account_state_t state);
    return row.max_consecutive_rejects != '0
        && state.rejects_in_a_row >= row.max_consecutive_rejects;
  endfunction

  // Latched, and with rearm_after_ns not for longer than that.
  function automatic logic still_latched(time_ns_t rearm_after_ns, time_ns_t tripped_ns,
                                         time_ns_t now_ns);
    return rearm_after_ns == '0 || now_ns <= tripped_ns || now_ns - tripped_ns < rearm_after_ns;
  endfunction

  // --- an order between stage 1 and stage 2 ---

  typedef struct packed {
    logic malformed;
    logic cancels;
    logic is_new;
    logic sells;
    logic market;
    logic opens;  // NEW, or a REPLACE that reopens a filled order
    logic rests;  // may be traded with later
    logic fits;  // quantity and price are as narrow as those of recent orders
    logic reduces_only;
    logic bad_fields;  // FIELD_SANITY, the part without state
    logic [CheckCount-1:0] fired;  // of the checks that stage 1 judges
    logic signed [21:0] added_lots;
    ticks_t price_ticks;  // at which it is valued and reserved
    logic unvalued;
    logic short_rule;  // REG_SHO looks at the position
    logic [46:0] may_be_short;
    logic [46:0] limit_lots;
  } judged_t;

  // --- what a told row and a query name ---

  // Where a told row names its ids: most at one place, those that can name several kinds as `id`.
  function automatic order_key_t told_key(staged_row_t row);
    order_key_t key;
    key.instrument_id = row[63:32];
    key.account_id    = row[31:16];
    key.strategy_id   = row[31:16];
    key.port_id       = row[23:16];
    unique case (row[15:0])
      CreditTypeId, MarkTypeId, KillTypeId, RearmTypeId: begin
        key.account_id  = row[47:32];
        key.strategy_id = row[47:32];
        key.port_id     = row[39:32];
      end
      FillTypeId, ReleaseTypeId, ReserveTypeId: key.strategy_id = row[95:80];
      default: key.instrument_id = row[63:32];
    endcase
    return key;
  endfunction

  function automatic order_key_t query_rows(query_key_t query);
    order_key_t key;
    key.instrument_id = query.table_id == TablePositions ? 32'(query.row[15:0]) : query.row;
    key.account_id    = query.table_id == TablePositions ? query.row[31:16] : query.row[15:0];
    key.strategy_id   = query.row[15:0];
    key.port_id       = query.row[7:0];
    return key;
  endfunction

  function automatic logic [31:0] told_rate(staged_row_t row);
    unique case (row[15:0])
      InstrumentLimitsTypeId: return row[80*8+:32];
      AccountLimitsTypeId:    return row[12*8+:32];
      StrategyLimitsTypeId:   return row[8*8+:32];
      PortLimitsTypeId:       return row[4*8+:32];
      FirmLimitsTypeId:       return row[4*8+:32];
      default:                return '0;
    endcase
  endfunction

endpackage
/* verilator lint_on UNUSEDSIGNAL */
/* verilator lint_on UNUSEDPARAM */

`default_nettype wire
