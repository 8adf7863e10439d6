// The risk gate: every order that leaves the card is judged here, in two cycles, one order a cycle.
// fpga/docs/risk_gate.md has the contract; meltica/hot/gate_twin.py is the judge.
`default_nettype none

module risk_gate
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
#(
    /* verilator lint_off UNUSEDPARAM */
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Accounts = 4,
    parameter int unsigned Strategies = 256,
    parameter int unsigned Ports = 8,
    parameter int unsigned WorkingOrders = 64,
    parameter int unsigned DuplicateDepth = 16,
    parameter longint unsigned FutureToleranceNs = 1_000_000
    /* verilator lint_on UNUSEDPARAM */
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
    output logic                     verdict_valid_o,
    output verdict_t                 verdict_o,
    output order_intent_t            verdict_order_o,
    output logic [       ValueW-1:0] verdict_value_o,  // ticks * lots; all ones: cannot be valued
    output logic [WorkingOrders-1:0] crossing_o,       // own orders to cancel, as slots

    // Reading back.
    input  wire logic        query_valid_i,  // held until query_done_o
    input  wire logic [ 7:0] query_table_i,
    input  wire logic [31:0] query_row_i,
    input  wire logic [ 7:0] query_column_i,
    output logic             query_done_o,
    output logic [63:0]      query_value_o,

    output logic busy_o,      // told rows are still inside
    output logic init_done_o  // the tables are empty; until then nothing is ready
);

  // A first version: judges MALFORMED and KILL_SWITCH; nothing passes but cancels.
  logic killed_q;
  assign killed_o = killed_q || kill_i;
  assign host_ready_o = !trig_key_valid_i;
  assign market_ready_o = 1'b1;
  assign told_ready_o = 1'b1;
  assign crossing_o = '0;
  assign busy_o = 1'b0;

  logic order_valid_q, host_taken_q;
  order_intent_t order_q, host_q, order;
  assign order = trig_valid_i ? trig_order_i : host_q;

  always_ff @(posedge clk_i) begin
    host_taken_q  <= host_valid_i && host_ready_o;
    host_q        <= host_order_i;
    order_valid_q <= trig_valid_i || host_taken_q;
    order_q       <= order;
    verdict_valid_o <= order_valid_q;
    verdict_order_o <= order_q;
    verdict_value_o <= '1;
    verdict_o <= '0;
    verdict_o.type_id <= VerdictTypeId;
    verdict_o.action <= order_q.action;
    verdict_o.order_id <= order_q.order_id;
    if (order_q.type_id != OrderIntentTypeId) begin
      verdict_o.reason <= 8'(CheckMalformed);
      verdict_o.fired_mask <= 64'd1 << CheckMalformed;
    end else if (order_q.action == ActionCancel) begin
      verdict_o.reason <= 8'(ReasonPass);
    end else begin
      verdict_o.reason <= 8'(CheckKillSwitch);
      verdict_o.fired_mask <= 64'd1 << CheckKillSwitch;
    end
    if (kill_i) killed_q <= 1'b1;
    else if (release_i) killed_q <= 1'b0;
    answer_valid_o <= told_valid_i;
    answer_o <= '0;
    answer_o.type_id <= AnswerTypeId;
    answer_o.answered_type_id <= told_row_i[15:0];
    answer_o.status <= StatusBadRecord;
    query_done_o <= query_valid_i && !query_done_o;
    query_value_o <= '0;
    init_done_o <= 1'b1;
    if (!rst_ni) begin
      killed_q <= 1'b0;
      host_taken_q <= 1'b0;
      order_valid_q <= 1'b0;
      verdict_valid_o <= 1'b0;
      answer_valid_o <= 1'b0;
      query_done_o <= 1'b0;
      init_done_o <= 1'b0;
    end
  end

  logic unused;
  assign unused = ^{unit_nanos_i, leased_i, trig_key_i, market_valid_i, market_i, told_row_i, query_table_i,
      query_row_i, query_column_i};

endmodule

`default_nettype wire
