// One update is watched from the way in to the way out, whichever update that is: pick_i is free.
`default_nettype none

module market_fifo_proof
  import meltica_card_pkg::*;
(
  input wire logic           clk_i,
  input wire logic           rst_ni,
  input wire logic           valid_i,
  input wire logic [1:0]     data_i,
  input wire logic           ready_i,
  input wire logic           pick_i
);

  localparam int unsigned Depth = 4;

  // Two bits of an update stand for all of them: the queue does not look into it.
  logic ready, valid;
  market_update_t update_in, update;
  logic [1:0] data;

  always_comb update_in = market_update_t'(data_i);
  always_comb data = update[1:0];

  market_fifo #(
    .Depth(Depth)
  ) dut (
    .clk_i, .rst_ni, .valid_i, .ready_o(ready), .update_i(update_in),
    .valid_o(valid), .ready_i, .update_o(update)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb if (!started_q) assume (!rst_ni);

  logic [2:0] inside_q;  // went in less came out
  logic watched_q;
  logic [2:0] ahead_q;
  logic [1:0] value_q;
  logic goes_in, comes_out;

  always_comb goes_in = valid_i && ready;
  always_comb comes_out = valid && ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      inside_q  <= '0;
      watched_q <= 1'b0;
    end else begin
      inside_q <= inside_q + 3'(goes_in) - 3'(comes_out);
      if (!watched_q) begin
        watched_q <= goes_in && pick_i;
        ahead_q   <= inside_q - 3'(comes_out);
        value_q   <= data_i;
      end else if (comes_out) begin
        ahead_q   <= ahead_q - 3'd1;
        watched_q <= ahead_q != '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (inside_q <= Depth);
      assert (valid == (inside_q != '0));
      assert (ready == (inside_q != 3'(Depth)));
      if (watched_q) assert (ahead_q < inside_q);
      if (watched_q && ahead_q == '0) assert (data == value_q);
      cover (!ready && watched_q && ahead_q == '0);
    end
  end

endmodule

`default_nettype wire
