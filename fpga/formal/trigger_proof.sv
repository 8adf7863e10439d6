// One slot; rows, messages, announcements and the two permissions are free in every cycle.
`default_nettype none

module trigger_proof
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
(
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic       row_i,
  input wire logic       enabled_i,
  input wire logic       one_shot_i,
  input wire logic       account_i,
  input wire logic       msg_i,
  input wire logic       early_i,
  input wire logic       locate_i,
  input wire logic [1:0] price_i,
  input wire logic       armed_i,
  input wire logic       ready_i
);

  trigger_t row;
  market_message_t msg;
  always_comb begin
    row = '0;
    row.type_id = TriggerTypeId;
    row.enabled = 8'(enabled_i);
    row.one_shot = 8'(one_shot_i);
    row.kinds = 8'd1;
    row.compare = CompareAtMost;
    row.threshold_ticks = 64'sd1;
    row.account_id = 16'(account_i);
    row.side = SideBuy;
    row.quantity_lots = 64'sd1;
    row.price_ticks = 64'sd1;
    msg = '0;
    msg.kind = 8'h41;
    msg.locate = 16'(locate_i);
    msg.price = 32'(price_i);
  end

  logic key_valid, valid, bad_row, not_armed, not_ready, resting, no_key;
  order_key_t key;
  order_intent_t order;
  logic [0:0] armed;
  logic [0:0][31:0] fired;

  trigger #(
    .Slots(1),
    .KeyCycles(4)
  ) dut (
    .clk_i, .rst_ni, .now_ns_i(64'd0),
    .cfg_valid_i(row_i), .cfg_row_i(1024'(row)), .bad_row_o(bad_row),
    .msg_valid_i(msg_i), .msg_i(msg), .early_valid_i(early_i), .early_locate_i(16'(locate_i)),
    .armed_i, .tx_ready_i(ready_i),
    .trig_key_valid_o(key_valid), .trig_key_o(key), .trig_valid_o(valid), .trig_order_o(order),
    .armed_o(armed), .fired_o(fired),
    .not_armed_o(not_armed), .not_ready_o(not_ready), .resting_o(resting), .no_key_o(no_key)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb if (!started_q) assume (!rst_ni);

  logic spent_q;       // it fired as a one-shot, and no row came since
  logic shot_q;        // the row that counts is a one-shot
  logic row_q, row_shot_q;
  logic shown_q;
  order_key_t shown_key_q;

  always_ff @(posedge clk_i) begin
    row_q <= rst_ni && row_i;
    row_shot_q <= one_shot_i;
    shown_q <= rst_ni && key_valid;
    shown_key_q <= key;
    if (!rst_ni) begin
      spent_q <= 1'b0;
      shot_q <= 1'b0;
    end else begin
      if (valid && shot_q) spent_q <= 1'b1;
      if (row_q) spent_q <= 1'b0;
      if (row_q) shot_q <= row_shot_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      if (valid) begin
        assert (msg_i && armed_i && ready_i);
        assert (shown_q && shown_key_q.instrument_id == order.instrument_id);
        assert (shown_key_q.account_id == order.account_id);
        assert (order.action == ActionNew && order.quantity_lots == 64'sd1);
        assert (msg.price <= 32'd1);
      end
      if (spent_q) assert (!valid);
      if (spent_q) assert (!armed);
      cover (valid && shot_q);
      cover (spent_q && row_q);
    end
  end

  logic unused_outputs;
  assign unused_outputs = &{1'b0, bad_row, not_armed, not_ready, resting, no_key, armed, fired,
      order, shown_key_q};

endmodule

`default_nettype wire
