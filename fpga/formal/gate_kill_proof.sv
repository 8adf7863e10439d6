// The whole pipeline of the gate, with small tables and free inputs: nothing that was judged in or after the cycle in
// which the switch is engaged passes, except cancels.
`default_nettype none

module gate_kill_proof
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
(
  input wire logic              clk_i,
  input wire logic              rst_ni,
  input wire logic [31:0]       unit_nanos_i,
  input wire logic [ValueW-1:0] sat_units_i,
  input wire logic              leased_i,
  input wire slot_kind_e        kind_i,
  input wire order_key_t        key_i,
  input wire told_op_t          op_i,
  input wire logic              probe_i,
  input wire query_key_t        query_i,
  input wire logic              order_valid_i,
  input wire order_intent_t     order_i,
  input wire logic              kill_i,
  input wire logic              release_i
);

  logic stage1_order, killed, verdict_valid, op_done, op_ok, probe_done, probe_ok, query_done;
  logic init_done;
  verdict_t verdict;
  order_intent_t verdict_order;
  logic [ValueW-1:0] verdict_value;
  logic [1:0] crossing;
  logic [63:0] query_value;

  risk_gate_core #(
    .Instruments(2),
    .Accounts(1),
    .Strategies(1),
    .Ports(1),
    .WorkingOrders(2),
    .DuplicateDepth(1)
  ) u_core (
    .clk_i,
    .rst_ni,
    .unit_nanos_i,
    .sat_units_i,
    .leased_i,
    .market_dropped_i('0),
    .kind_i,
    .key_i,
    .op_i,
    .probe_i,
    .query_i,
    .order_valid_i,
    .order_i,
    .stage1_order_o(stage1_order),
    .kill_i,
    .release_i,
    .killed_o(killed),
    .verdict_valid_o(verdict_valid),
    .verdict_o(verdict),
    .verdict_order_o(verdict_order),
    .verdict_value_o(verdict_value),
    .crossing_o(crossing),
    .op_done_o(op_done),
    .op_ok_o(op_ok),
    .probe_done_o(probe_done),
    .probe_ok_o(probe_ok),
    .query_done_o(query_done),
    .query_value_o(query_value),
    .init_done_o(init_done)
  );

  logic started_q, killed_q, kill_q;
  initial started_q = 1'b0;
  always_comb if (!started_q) assume (!rst_ni);

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    killed_q  <= killed && rst_ni;
    kill_q    <= kill_i && rst_ni;
  end

  logic passed;
  assign passed = verdict_valid && verdict.reason == 8'(ReasonPass)
      && verdict_order.action != ActionCancel;

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      if (killed_q || kill_q) assert (!passed);
      if (kill_i) assert (killed);
      if (passed) assert (verdict.fired_mask == '0);
      if (verdict_valid && verdict.fired_mask != '0) assert (verdict.reason != 8'(ReasonPass));
    end
    cover (started_q && rst_ni && verdict_valid && killed_q && verdict.fired_mask[CheckKillSwitch]);
  end

endmodule

`default_nettype wire
