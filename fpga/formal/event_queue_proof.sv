// One word is watched from the put to the take, whichever word that is: pick_i is free.
`default_nettype none

module event_queue_proof (
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic       put_i,
  input wire logic [1:0] data_i,
  input wire logic       take_i,
  input wire logic       pick_i
);

  localparam int unsigned Depth = 4;

  logic refused, valid;
  logic [1:0] data;

  event_queue #(
    .Width(2),
    .Depth(Depth)
  ) dut (
    .clk_i, .rst_ni, .put_i, .data_i, .refused_o(refused),
    .valid_o(valid), .data_o(data), .take_i
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (take_i) assume (valid);
  end

  logic [2:0] inside_q;  // words that went in less words that came out
  logic       watched_q;
  logic [2:0] ahead_q;
  logic [1:0] value_q;
  logic       goes_in;

  always_comb goes_in = put_i && !refused;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      inside_q  <= '0;
      watched_q <= 1'b0;
    end else begin
      inside_q <= inside_q + 3'(goes_in) - 3'(take_i);
      if (!watched_q) begin
        watched_q <= goes_in && pick_i;
        ahead_q   <= inside_q - 3'(take_i);
        value_q   <= data_i;
      end else if (take_i) begin
        ahead_q   <= ahead_q - 3'd1;
        watched_q <= ahead_q != '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (inside_q <= Depth);
      assert (valid == (inside_q != '0));
      assert (refused == (put_i && inside_q == Depth));
      if (watched_q) assert (ahead_q < inside_q);
      if (watched_q && ahead_q == '0) assert (data == value_q);
      cover (refused);
      cover (watched_q && ahead_q == '0 && inside_q == Depth);
    end
  end

endmodule

`default_nettype wire
