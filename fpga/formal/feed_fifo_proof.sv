// One word is watched from its push to its pop, whichever word that is: pick_i is free.
`default_nettype none

module feed_fifo_proof (
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic       push_i,
  input wire logic [1:0] data_i,
  input wire logic       commit_i,
  input wire logic       rollback_i,
  input wire logic       drop_i,
  input wire logic       pop_i,
  input wire logic       pick_i
);

  localparam int unsigned Depth = 4;

  logic lost, almost_full, pending, head_valid;
  logic [1:0] head;

  msg_fifo #(
    .Width(2),
    .Depth(Depth),
    .Spare(1)
  ) dut (
    .clk_i, .rst_ni, .push_i, .data_i, .almost_full_o(almost_full), .lost_o(lost),
    .commit_i, .rollback_i, .drop_i,
    .pending_o(pending), .head_valid_o(head_valid), .head_o(head), .pop_i
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (pop_i) assume (head_valid);
  end

  // Words inside, and how many of them, the oldest, may come out.
  logic [3:0] held_q, sure_q, held, sure;
  logic goes_in, watched_q, watched;
  logic [3:0] ahead_q, ahead;
  logic [1:0] value_q;

  always_comb begin
    goes_in = push_i && !lost && !rollback_i;
    held  = held_q - 4'(pop_i);
    sure    = sure_q - 4'(pop_i);
    ahead   = ahead_q - 4'(pop_i);
    watched = watched_q && !(pop_i && ahead_q == '0);
    if (rollback_i) begin
      if (ahead >= sure) watched = 1'b0;
      held = sure;
    end
    if (drop_i) begin
      if (ahead < sure) watched = 1'b0;
      ahead  = ahead - sure;
      held = held - sure;
      sure   = '0;
    end
    if (commit_i && !rollback_i) sure = held;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {held_q, sure_q, watched_q} <= '0;
    end else begin
      held_q <= held + 4'(goes_in);
      sure_q <= sure;
      watched_q <= watched;
      ahead_q <= ahead;
      if (!watched && goes_in && pick_i) begin
        watched_q <= 1'b1;
        ahead_q <= held;
        value_q <= data_i;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (held_q <= 4'(Depth + 1) && sure_q <= held_q);
      assert ((head_valid || pending) == (sure_q != '0));
      assert (lost == (push_i && !rollback_i && held_q - 4'(head_valid) == 4'(Depth)));
      assert (almost_full == (held_q - 4'(head_valid) >= 4'(Depth - 1)));
      if (watched_q) assert (ahead_q < held_q);
      if (watched_q && ahead_q == '0 && head_valid) assert (head == value_q);
      cover (lost && sure_q == 4'd2);
      cover (watched_q && ahead_q == '0 && head_valid && held_q == 4'(Depth + 1));
      cover (drop_i && commit_i && watched_q && ahead_q == sure_q && held_q > sure_q);
    end
  end

endmodule

`default_nettype wire
