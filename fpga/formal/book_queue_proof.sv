// The queue in front of the book, small, with messages and upkeep whenever they like. One message is watched from its
// arrival to the pipeline, whichever that is: pick_i is free. A message is told apart by its price.
`default_nettype none

module book_queue_proof
  import meltica_card_pkg::*;
  import book_pkg::*;
(
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic       ready_i,
  input wire logic       msg_valid_i,
  input wire logic       is_replace_i,
  input wire logic [1:0] mark_i,
  input wire logic       chore_valid_i,
  input wire logic       pick_i
);

  localparam int unsigned Depth = 4;

  market_message_t message;
  book_op_t chore, op;
  logic chore_ready, op_valid, overflow;

  always_comb begin
    message = '0;
    message.kind = is_replace_i ? "U" : "D";
    message.price = 32'(mark_i);
    message.order_ref = 64'd5;
    message.new_order_ref = 64'd9;
    chore = '0;
    chore.op = OpScrub;
  end

  book_queue #(.Depth(Depth)) dut (
    .clk_i, .rst_ni, .ready_i, .msg_valid_i, .msg_i(message), .now_ns_i('0), .chore_valid_i,
    .chore_i(chore), .chore_ready_o(chore_ready), .op_valid_o(op_valid), .op_o(op),
    .overflow_o(overflow)
  );

  logic started_q, issued_q, out_q, watched_q;
  logic [1:0] value_q;
  logic [3:0] waiting_q, ahead_q;
  logic first, overflow_due_q;

  initial started_q = 1'b0;
  always_comb if (!started_q) assume (!rst_ni);

  // An operation that takes a message; the second half of U is not one.
  assign first = op_valid && op.op != OpScrub && op.op != OpReplaceIn;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (!rst_ni) begin
      issued_q <= 1'b0;
      out_q <= 1'b0;
      watched_q <= 1'b0;
      waiting_q <= '0;
      overflow_due_q <= 1'b0;
    end else begin
      issued_q <= op_valid;
      overflow_due_q <= msg_valid_i && !dut.direct && dut.full;
      if (op_valid) out_q <= op.op == OpReplaceOut;
      waiting_q <= waiting_q + 4'(msg_valid_i && !(dut.full && !dut.direct)) - 4'(first);
      if (!watched_q) begin
        if (pick_i && msg_valid_i && !dut.direct && !dut.full) begin
          watched_q <= 1'b1;
          value_q <= mark_i;
          ahead_q <= waiting_q - 4'(first);
        end
      end else if (first) begin
        ahead_q <= ahead_q - 4'd1;
        watched_q <= ahead_q != '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (!(op_valid && issued_q));
      assert (waiting_q <= 4'(Depth) + 4'd1);
      assert (overflow == overflow_due_q);
      if (waiting_q == '0) assert (!(first && !msg_valid_i));
      if (op_valid) assert ((op.op == OpReplaceIn) == out_q);
      if (op_valid && op.op == OpReplaceIn) assert (op.order_ref == 64'd9);
      if (op_valid && op.op == OpScrub) assert (waiting_q == '0 && !msg_valid_i && chore_valid_i);
      if (watched_q) assert (ahead_q < waiting_q);
      if (watched_q && ahead_q == '0 && first) assert (op.price == 32'(value_q));
      if (ready_i && !issued_q) begin
        if (waiting_q == '0 && msg_valid_i && !out_q) assert (first && op.price == 32'(mark_i));
      end
      cover (overflow);
      cover (watched_q && ahead_q == '0 && waiting_q == 4'(Depth) && first);
      cover (op_valid && op.op == OpScrub);
    end
  end

endmodule

`default_nettype wire
