// The risk gate: every order that leaves the card is judged here, in two cycles, one order a cycle.
// fpga/docs/risk_gate.md has the contract; meltica/hot/gate_twin.py is the judge.
`default_nettype none

module risk_gate
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Accounts = 4,
    parameter int unsigned Strategies = 256,
    parameter int unsigned Ports = 8,
    parameter int unsigned WorkingOrders = 64,
    parameter int unsigned DuplicateDepth = 16,
    parameter int unsigned FutureToleranceNs = 1_000_000
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    // Set once: constant while orders flow.
    input wire logic [31:0] unit_nanos_i,  // what one tick * lot is worth
    input wire logic        leased_i,

    // The trigger: never waits. The key comes in the cycle before its order.
    input wire logic          trig_key_valid_i,
    input wire order_key_t    trig_key_i,
    input wire logic          trig_valid_i,
    input wire order_intent_t trig_order_i,

    // The host's orders.
    input  wire logic          host_valid_i,
    output logic               host_ready_o,
    input  wire order_intent_t host_order_i,

    // What the feed and the host tell.
    input  wire logic           market_valid_i,
    output logic                market_ready_o,
    input  wire market_update_t market_i,
    input  wire logic           told_valid_i,
    output logic                told_ready_o,
    input  wire staged_row_t    told_row_i,
    output logic                answer_valid_o,
    output answer_t             answer_o,

    // The kill switch.
    input  wire logic kill_i,     // engages, for good
    input  wire logic release_i,  // pulse; loses against an engage
    output logic      killed_o,   // in the cycle of an engage already

    // Verdicts, two cycles after the order was there.
    output logic verdict_valid_o,
    output verdict_t verdict_o,
    output order_intent_t verdict_order_o,
    output logic [ValueW-1:0] verdict_value_o,  // ticks * lots; all ones: cannot be valued
    output logic [WorkingOrders-1:0] crossing_o,  // own orders to cancel, as slots

    // Reading back.
    input  wire logic        query_valid_i,   // a pulse, or held until query_done_o
    input  wire logic [ 7:0] query_table_i,
    input  wire logic [31:0] query_row_i,
    input  wire logic [ 7:0] query_column_i,
    output logic             query_done_o,
    output logic      [63:0] query_value_o,

    output logic busy_o,      // told rows are still inside
    output logic init_done_o  // the tables are empty; until then nothing is ready
);

  // --- what the host and the feed tell, checked and in order ---

  logic [ValueW-1:0] sat_units;
  logic op_valid, op_ready, op_done, op_ok, tell_busy, tell_ready;
  logic [31:0] market_dropped;
  logic tell_told_ready, tell_market_ready, core_ready, core_ready_q;
  told_op_t op;

  gate_tell #(
      .Instruments(Instruments),
      .Accounts   (Accounts),
      .Strategies (Strategies),
      .Ports      (Ports)
  ) u_tell (
      .clk_i,
      .rst_ni,
      .unit_nanos_i,
      .told_valid_i    (told_valid_i && init_done_o),
      .told_ready_o    (tell_told_ready),
      .told_row_i,
      .answer_valid_o,
      .answer_o,
      .market_valid_i  (market_valid_i && init_done_o),
      .market_ready_o  (tell_market_ready),
      .market_i,
      .op_valid_o      (op_valid),
      .op_ready_i      (op_ready),
      .op_o            (op),
      .op_done_i       (op_done),
      .op_ok_i         (op_ok),
      .sat_units_o     (sat_units),
      .busy_o          (tell_busy),
      .init_done_o     (tell_ready),
      .market_dropped_o(market_dropped)
  );

  assign init_done_o    = core_ready_q;  // and gate_tell's tables are smaller, or as large
  assign told_ready_o   = init_done_o && tell_told_ready;
  assign market_ready_o = init_done_o && tell_market_ready;
  assign busy_o         = tell_busy;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) core_ready_q <= 1'b0;
    else if (core_ready && tell_ready) core_ready_q <= 1'b1;
  end

  // --- the arbiter: who has the slot of this cycle ---
  // The trigger never waits. The others take turns: nobody waits for more than two slots of others,
  // beside the trigger's. A row of limits moves a bucket to its new rate in stage 1, so no order may
  // be one stage ahead of it.

  typedef enum logic [1:0] {
    TurnTold,
    TurnHost,
    TurnQuery
  } turn_e;

  typedef enum logic [1:0] {
    ProbeNone,
    ProbeAsked,
    ProbeYes,
    ProbeNo
  } probe_e;

  turn_e  turn_q;
  probe_e probe_q;
  logic stage1_order, is_limits, wants_probe, told_wants, told_can, query_wants;
  logic take_told, take_host, take_query, take_probe;
  logic query_pending_q, query_inside_q;
  query_key_t query_key_q;
  slot_kind_e kind;
  order_key_t key;

  always_comb begin
    unique case (op.type_id)
      InstrumentLimitsTypeId, AccountLimitsTypeId, StrategyLimitsTypeId, PortLimitsTypeId,
      FirmLimitsTypeId:
      is_limits = op_valid;
      default: is_limits = 1'b0;
    endcase
  end

  // Limits of an instrument write what is set as they enter, so it must be known before whether they
  // are taken.
  assign wants_probe = op_valid && op.type_id == InstrumentLimitsTypeId && probe_q == ProbeNone;
  assign told_wants  = op_valid && probe_q != ProbeAsked && probe_q != ProbeNo;
  assign told_can    = wants_probe || !is_limits || !stage1_order;
  assign query_wants = query_pending_q && !query_inside_q;

  always_comb begin
    take_told    = 1'b0;
    take_query   = 1'b0;
    host_ready_o = 1'b0;
    if (init_done_o && !trig_key_valid_i) begin
      unique case (turn_q)
        TurnTold: begin
          take_told    = told_wants && told_can;
          host_ready_o = !told_wants;
          take_query   = !told_wants && !host_valid_i && query_wants;
        end
        TurnHost: begin
          host_ready_o = 1'b1;
          take_query   = !host_valid_i && query_wants;
          take_told    = !host_valid_i && !query_wants && told_wants && told_can;
        end
        default: begin
          take_query   = query_wants;
          take_told    = !query_wants && told_wants && told_can;
          host_ready_o = !query_wants && !told_wants;
        end
      endcase
    end
  end

  assign take_host  = host_ready_o && host_valid_i;
  assign take_probe = take_told && wants_probe;
  assign op_ready   = (take_told && !wants_probe) || probe_q == ProbeNo;

  always_comb begin
    kind = SlotNone;
    if (trig_key_valid_i || take_host) kind = SlotOrder;
    else if (take_told) kind = SlotTold;
    else if (take_query) kind = SlotQuery;
    key = trig_key_i;
    if (take_host) begin
      key = '{
          instrument_id: host_order_i.instrument_id,
          account_id: host_order_i.account_id,
          strategy_id: host_order_i.strategy_id,
          port_id: host_order_i.port_id
      };
    end
  end

  logic refused_q;  // the limits of an instrument that the probe found impossible
  logic host_taken_q, probe_done, probe_ok, core_op_done, core_op_ok;
  order_intent_t host_order_q;

  always_ff @(posedge clk_i) begin
    host_taken_q <= take_host;
    refused_q    <= probe_q == ProbeNo;
    if (take_host) host_order_q <= host_order_i;
    if (take_told) turn_q <= TurnHost;
    else if (take_host) turn_q <= TurnQuery;
    else if (take_query) turn_q <= TurnTold;
    else if (turn_q == TurnHost && !host_valid_i) turn_q <= query_wants ? TurnQuery : TurnTold;
    else if (turn_q == TurnQuery && !query_wants) turn_q <= TurnTold;
    unique case (probe_q)
      ProbeNone:  if (take_probe) probe_q <= ProbeAsked;
      ProbeAsked: if (probe_done) probe_q <= probe_ok ? ProbeYes : ProbeNo;
      ProbeYes:   if (op_ready) probe_q <= ProbeNone;
      default:    probe_q <= ProbeNone;
    endcase
    if (!rst_ni) begin
      host_taken_q <= 1'b0;
      refused_q    <= 1'b0;
      turn_q       <= TurnTold;
      probe_q      <= ProbeNone;
    end
  end

  assign op_done = core_op_done || refused_q;
  assign op_ok   = core_op_done && core_op_ok;

  // --- one query at a time ---

  always_ff @(posedge clk_i) begin
    if (query_valid_i && !query_pending_q && !query_done_o) begin
      query_pending_q <= 1'b1;
      query_key_q     <= '{table_id: query_table_i, row: query_row_i, column: query_column_i};
    end
    if (take_query) query_inside_q <= 1'b1;
    if (query_done_o) begin
      query_pending_q <= 1'b0;
      query_inside_q  <= 1'b0;
    end
    if (!rst_ni) begin
      query_pending_q <= 1'b0;
      query_inside_q  <= 1'b0;
    end
  end

  risk_gate_core #(
      .Instruments      (Instruments),
      .Accounts         (Accounts),
      .Strategies       (Strategies),
      .Ports            (Ports),
      .WorkingOrders    (WorkingOrders),
      .DuplicateDepth   (DuplicateDepth),
      .FutureToleranceNs(FutureToleranceNs)
  ) u_core (
      .clk_i,
      .rst_ni,
      .unit_nanos_i,
      .sat_units_i     (sat_units),
      .leased_i,
      .market_dropped_i(market_dropped),
      .kind_i          (kind),
      .key_i           (key),
      .op_i            (op),
      .probe_i         (take_probe),
      .query_i         (query_key_q),
      .order_valid_i   (trig_valid_i || host_taken_q),
      .order_i         (trig_valid_i ? trig_order_i : host_order_q),
      .stage1_order_o  (stage1_order),
      .kill_i,
      .release_i,
      .killed_o,
      .verdict_valid_o,
      .verdict_o,
      .verdict_order_o,
      .verdict_value_o,
      .crossing_o,
      .op_done_o       (core_op_done),
      .op_ok_o         (core_op_ok),
      .probe_done_o    (probe_done),
      .probe_ok_o      (probe_ok),
      .query_done_o,
      .query_value_o,
      .init_done_o     (core_ready)
  );

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni)
      assert (!(trig_valid_i && host_taken_q));  // the trigger's key took the slot of its order
  end
`endif

endmodule

`default_nettype wire
