// Every order counts: each check that fired for it, the one that was the reason, or the action that passed.
`default_nettype none

module reject_counters
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import audit_pkg::*;
#(
    parameter logic [63:0] StartValue = '0,
    localparam int unsigned Entries = 132
) (
    input wire logic     clk_i,
    input wire logic     rst_ni,
    input wire time_ns_t now_ns_i,

    input wire logic                 verdict_valid_i,
    input wire verdict_t             verdict_i,
    input wire order_intent_t        verdict_order_i,
    input wire logic          [63:0] verdict_value_i,

    input wire logic [7:0] index_i,  // 0..63 reason, 64..127 fired, 128 + action passed; beyond: 0
    output logic [63:0] value_o,  // of index_i in the cycle before
    output audit_t last_o,  // the last refused order; its sequence number counts them from 1
    output logic init_done_o
);

  logic [Entries-1:0] pulse;
  logic               passed;
  logic               inside_q;
  logic [       63:0] value;
  logic [       63:0] refused_q;

  always_comb begin
    pulse  = '0;
    passed = verdict_i.reason == ReasonPass[7:0];
    if (verdict_valid_i) begin
      for (int unsigned check = 0; check < CheckCount; check++) begin
        pulse[check]    = verdict_i.reason == 8'(check);
        pulse[64+check] = verdict_i.fired_mask[check];
      end
      for (int unsigned action = 0; action < 4; action++) begin
        pulse[128+action] = passed && verdict_i.action == 8'(action);
      end
    end
    value_o = inside_q ? value : '0;
  end

  event_counters #(
      .Counters  (Entries),
      .StartValue(StartValue)
  ) u_counters (
      .clk_i,
      .rst_ni,
      .pulse_i(pulse),
      .index_i,
      .value_o(value),
      .init_done_o
  );

  always_ff @(posedge clk_i) begin
    inside_q <= index_i < 8'(Entries);
    if (!rst_ni) begin
      refused_q <= '0;
      last_o    <= '0;
    end else if (verdict_valid_i && !passed) begin
      refused_q <= refused_q + 1'b1;
      last_o <= audit_of_verdict(now_ns_i, verdict_i, verdict_order_i, verdict_value_i);
      last_o.sequence_number <= refused_q + 1'b1;
    end
  end

endmodule

`default_nettype wire
