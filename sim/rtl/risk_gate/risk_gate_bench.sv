// The risk gate and what it saw at each clock edge, so that its bench need not look at wires between edges.
`default_nettype none

module risk_gate_bench
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
#(
    parameter int unsigned Instruments = 16,
    parameter int unsigned Accounts = 4,
    parameter int unsigned Strategies = 4,
    parameter int unsigned Ports = 4,
    parameter int unsigned WorkingOrders = 40,
    parameter int unsigned DuplicateDepth = 4,
    parameter int unsigned FutureToleranceNs = 1000
) (
    input wire logic clk_i,
    input wire logic rst_ni,
    input wire logic [31:0] unit_nanos_i,
    input wire logic leased_i,
    input wire logic [71:0] trig_key_i,
    input wire logic [511:0] trig_order_i,
    input wire logic [511:0] host_order_i,
    input wire logic [$bits(market_update_t)-1:0] market_i,
    input wire logic [1023:0] told_row_i,
    // trig_key_valid, trig_valid, host_valid, market_valid, told_valid, kill, release, query_valid
    input wire logic [7:0] valid_i,
    input wire logic [47:0] query_i,

    output logic [15:0] seen_o,  // at the last edge: see below
    output logic [3:0] now_o,  // verdict_valid, answer_valid, query_done, init_done
    output verdict_t verdict_o,
    output order_intent_t verdict_order_o,
    output logic [63:0] verdict_value_o,
    output logic [WorkingOrders-1:0] crossing_o,
    output answer_t answer_o,
    output logic [63:0] query_value_o
);

  logic host_ready, market_ready, told_ready, killed, verdict_valid, answer_valid, query_done;
  logic busy, init_done;

  risk_gate #(
      .Instruments(Instruments),
      .Accounts(Accounts),
      .Strategies(Strategies),
      .Ports(Ports),
      .WorkingOrders(WorkingOrders),
      .DuplicateDepth(DuplicateDepth),
      .FutureToleranceNs(FutureToleranceNs)
  ) u_gate (
      .clk_i,
      .rst_ni,
      .unit_nanos_i,
      .leased_i,
      .trig_key_valid_i(valid_i[7]),
      .trig_key_i,
      .trig_valid_i(valid_i[6]),
      .trig_order_i,
      .host_valid_i(valid_i[5]),
      .host_ready_o(host_ready),
      .host_order_i,
      .market_valid_i(valid_i[4]),
      .market_ready_o(market_ready),
      .market_i,
      .told_valid_i(valid_i[3]),
      .told_ready_o(told_ready),
      .told_row_i,
      .answer_valid_o(answer_valid),
      .answer_o,
      .kill_i(valid_i[2]),
      .release_i(valid_i[1]),
      .killed_o(killed),
      .verdict_valid_o(verdict_valid),
      .verdict_o,
      .verdict_order_o,
      .verdict_value_o,
      .crossing_o,
      .query_valid_i(valid_i[0]),
      .query_table_i(query_i[47:40]),
      .query_row_i(query_i[39:8]),
      .query_column_i(query_i[7:0]),
      .query_done_o(query_done),
      .query_value_o,
      .busy_o(busy),
      .init_done_o(init_done)
  );

  assign now_o = {verdict_valid, answer_valid, query_done, init_done};

  always_ff @(posedge clk_i) begin
    seen_o <= {
      2'b00,
      u_gate.kind,
      u_gate.op.from_host,
      u_gate.take_probe,
      valid_i[7],
      valid_i[5] && host_ready,
      valid_i[4] && market_ready,
      valid_i[3] && told_ready,
      killed,
      valid_i[2],
      valid_i[1],
      busy,
      u_gate.refused_q,
      1'b0
    };
  end

endmodule

`default_nettype wire
