// One word is watched from the push to the pop, whichever word that is: pick_i is free.
`default_nettype none

module order_fifo_proof (
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic       push_i,
  input wire logic [1:0] data_i,
  input wire logic       doomed_i,
  input wire logic       doom_i,
  input wire logic       pop_i,
  input wire logic       pick_i
);

  localparam int unsigned Depth = 4;

  logic [1:0] head;
  logic head_doomed, empty, full;
  logic [2:0] count;

  order_fifo #(
    .Width(2),
    .Depth(Depth)
  ) dut (
    .clk_i, .rst_ni, .push_i, .data_i, .doomed_i, .doom_i, .pop_i,
    .head_o(head), .head_doomed_o(head_doomed), .empty_o(empty), .full_o(full), .count_o(count)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb begin
    if (!started_q) assume (!rst_ni);
    // The contract of the users.
    if (pop_i) assume (!empty);
    if (push_i) assume (!full || pop_i);
  end

  logic [2:0] inside_q;  // pushes less pops
  logic       watched_q;
  logic [2:0] ahead_q;   // words in front of the watched one
  logic [1:0] value_q;
  logic       lost_q;    // the watched word is doomed

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      inside_q  <= '0;
      watched_q <= 1'b0;
    end else begin
      inside_q <= inside_q + 3'(push_i) - 3'(pop_i);
      if (!watched_q) begin
        watched_q <= push_i && pick_i;
        ahead_q   <= inside_q - 3'(pop_i);
        value_q   <= data_i;
        lost_q    <= doomed_i;
      end else begin
        if (doom_i) lost_q <= 1'b1;
        if (pop_i) begin
          ahead_q   <= ahead_q - 3'd1;
          watched_q <= ahead_q != '0;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (inside_q <= Depth);
      assert (count == inside_q);
      assert (empty == (inside_q == '0));
      assert (full == (inside_q == Depth));
      assert (!watched_q || ahead_q < inside_q);
      if (watched_q && ahead_q == '0) assert (head == value_q && head_doomed == lost_q);
      cover (watched_q && ahead_q == '0 && lost_q);
      cover (full && push_i && pop_i);
    end
  end

endmodule

`default_nettype wire
