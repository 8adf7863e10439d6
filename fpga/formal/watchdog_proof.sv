// The watchdog beside a reference that counts cycles; period and tokens are free in every cycle.
`default_nettype none

module watchdog_proof #(
  parameter int unsigned ClockKhz = 2500
) (
  input wire logic        clk_i,
  input wire logic        rst_ni,
  input wire logic [31:0] period_us_i,
  input wire logic        token_valid_i,
  input wire logic [31:0] token_i
);

  logic tripped, trip, bad_token;
  logic [31:0] last_token, age_us;

  watchdog #(
    .ClockKhz(ClockKhz)
  ) dut (
    .clk_i, .rst_ni, .period_us_i, .token_valid_i, .token_i, .tripped_o(tripped), .trip_o(trip),
    .bad_token_o(bad_token), .last_token_o(last_token), .age_us_o(age_us)
  );

  logic        started_q;
  logic        was_q;    // tripped before this cycle
  logic [31:0] last_q;
  logic [31:0] step;
  logic        larger, late, alive;

  initial started_q = 1'b0;
  always_comb if (!started_q) assume (!rst_ni);

  always_comb begin
    step   = token_i - last_q;
    larger = token_valid_i && step >= 32'd1 && step <= 32'h7FFF_FFFF;
    late   = age_us >= period_us_i;
    alive  = larger && period_us_i != '0 && (was_q || !late);
  end

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (!rst_ni) begin
      was_q  <= 1'b1;
      last_q <= '0;
    end else begin
      was_q <= alive ? 1'b0 : was_q || late;
      if (larger) last_q <= token_i;
    end
  end

  // Age: whole microseconds since the last token that counted. 2.5 cycles are one: 0 0 0 1 1 2 2 2 3 3.
  logic        timed_q;  // a token has counted since reset
  logic [31:0] micros_q;
  logic [2:0]  cycle_q;  // of five, which are two microseconds

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      timed_q  <= 1'b0;
      micros_q <= '1;
      cycle_q  <= '0;
    end else if (alive) begin
      timed_q  <= 1'b1;
      micros_q <= '0;
      cycle_q  <= '0;
    end else begin
      cycle_q <= cycle_q == 3'd4 ? '0 : cycle_q + 3'd1;
      if ((cycle_q == 3'd2 || cycle_q == 3'd4) && micros_q != '1) micros_q <= micros_q + 1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (tripped == (was_q || late));
      assert (trip == (late && !was_q));
      assert (bad_token == (token_valid_i && !larger));
      assert (last_token == last_q);
      assert (age_us == micros_q);
      if (period_us_i == '0) assert (tripped);
      if (!timed_q) assert (tripped);
      // Where the block is in its microsecond, as the reference is.
      assert (dut.phase_q == (cycle_q == 3'd0 ? 13'd0 : cycle_q == 3'd1 ? 13'd1000
              : cycle_q == 3'd2 ? 13'd2000 : cycle_q == 3'd3 ? 13'd500 : 13'd1500));
      assert (cycle_q <= 3'd4);
      assert (timed_q || was_q);
      cover (!tripped && age_us == 32'd1);
      cover (trip && larger);
    end
  end

endmodule

`default_nettype wire
