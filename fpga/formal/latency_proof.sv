// One bucket of a segment, any of them, and samples of any length in any cycle.
`default_nettype none

module latency_proof (
  input wire logic        clk_i,
  input wire logic        rst_ni,
  input wire logic        valid_i,
  input wire logic [15:0] cycles_i,
  input wire logic [5:0]  watched_i
);

  logic        started_q, cleared_q;
  logic [5:0]  watched_q;
  logic [63:0] value;
  logic [63:0] count_q;
  logic [1:0]  quiet_q;  // cycles since the last sample
  logic        clear, valid, mine;

  always_comb begin
    clear = rst_ni && !cleared_q;
    valid = rst_ni && cleared_q && valid_i;
    mine  = watched_q == 6'd63 ? cycles_i >= 16'd63 : cycles_i == 16'(watched_q);
  end

  latency_segment dut (
    .clk_i, .rst_ni, .valid_i(valid), .cycles_i, .clear_i(clear), .clear_bucket_i(watched_q),
    .entry_i({1'b0, watched_q}), .value_o(value)
  );

  initial started_q = 1'b0;
  always_comb if (!started_q) assume (!rst_ni);
  always_comb if (started_q) assume (rst_ni);

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (!rst_ni) begin
      cleared_q <= 1'b0;
      watched_q <= watched_i;
      count_q   <= '0;
      quiet_q   <= '0;
    end else begin
      cleared_q <= 1'b1;
      quiet_q   <= valid ? '0 : quiet_q == '1 ? '1 : quiet_q + 2'd1;
      count_q   <= count_q + 64'(valid && mine);
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni && cleared_q) begin
      if (quiet_q >= 2'd2) assert (value == count_q);
      cover (quiet_q >= 2'd2 && count_q == 64'd3);
    end
  end

endmodule

`default_nettype wire
