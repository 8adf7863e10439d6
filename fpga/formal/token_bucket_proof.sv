// The bucket's arithmetic against the plain one: tokens, and the point of time up to which they were filled.
// Orders and new limits come in any order, with any time; both count on the axis time * rate.
`default_nettype none

module token_bucket_proof
  import gate_pkg::*;
(
  input wire logic        clk_i,
  input wire logic        rst_ni,
  input wire logic        order_i,    // an order of this bucket, at time * rate
  input wire logic [95:0] now_i,
  input wire logic        others_i,   // all other checks let it pass
  input wire logic        limits_i,   // new limits
  input wire logic [31:0] rate_i,
  input wire logic [30:0] burst_i,
  input wire logic [60:0] full_i,     // burst * one message, multiplied elsewhere
  input wire logic [95:0] reached_i   // where the bucket's time stands at the new rate
);

  // The end of the axis. The card's is at 2^96 and a message is a billion; small numbers have the same corners, and
  // the solver comes to an end.
  localparam logic [95:0] End = 96'hFF;
  localparam logic [61:0] One = OneMessage;

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb begin
    if (!started_q) assume (!rst_ni);
    assume (now_i <= End && reached_i <= End);
    // All that the arithmetic needs of that product.
    assume ((burst_i == '0) == (full_i == '0) && (full_i == '0 || full_i >= 61'(One)));
    assume (full_i < 61'h40);
  end

  // --- the gate's way ---

  meter_t    meter_q;
  bucket_t   bucket_q;
  metering_t metering_now;
  logic      empty, passes;

  always_comb begin
    metering_now = metering(meter_q, now_i);
    empty        = bucket_empty(bucket_q, metering_now);
    passes       = order_i && others_i && meter_q.known && !empty && !limits_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      meter_q  <= '0;
      bucket_q <= '0;
    end else if (limits_i) begin
      meter_q  <= '{known: 1'b1, rate: rate_i, burst: burst_i, full: full_i};
      bucket_q <= bucket_limited(bucket_q, meter_q, full_i, reached_i);
    end else if (passes) begin
      bucket_q <= bucket_taken(bucket_q, metering_now, '0);
    end
  end

  // --- the plain way ---

  logic        known_q;
  logic [31:0] rate_q;
  logic [96:0] tokens_q, full_q, filled;
  logic [95:0] last_q, latest;
  logic [96:0] new_full;

  always_comb begin
    latest   = now_i > last_q ? now_i : last_q;
    filled   = tokens_q + 97'(latest - last_q);
    if (filled > full_q) filled = full_q;
    new_full = 97'(full_i);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      known_q  <= 1'b0;
      tokens_q <= '0;
      full_q   <= '0;
      last_q   <= '0;
      rate_q   <= '0;
    end else if (limits_i) begin
      known_q  <= 1'b1;
      full_q   <= new_full;
      rate_q   <= rate_i;
      tokens_q <= !known_q || tokens_q > new_full ? new_full : tokens_q;
      last_q   <= reached_i;
    end else if (passes) begin
      tokens_q <= filled - 97'(One);
      last_q   <= latest;
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (known_q == meter_q.known && full_q == 97'(meter_q.full) && rate_q == meter_q.rate);
      assert ((meter_q.burst == '0) == (full_q == '0) && (full_q == '0 || full_q >= 97'(One)));
      assert (tokens_q <= full_q && full_q < 97'h40);
      assert (last_q == bucket_q.reached && last_q <= End);
      assert (bucket_q.full_at >= bucket_q.reached);
      assert (97'(bucket_q.full_at - bucket_q.reached) == full_q - tokens_q);
      if (known_q) begin
        assert (97'(bucket_tokens(bucket_q, meter_q)) == tokens_q);
        assert (empty == (rate_q == '0 || full_q == '0 || filled < 97'(One)));
      end
      if (passes) assert (filled >= 97'(One));
      cover (passes && filled == 97'(One));
      cover (known_q && order_i && empty && rate_q != '0 && full_q != '0);
      cover (passes && now_i < last_q);
    end
  end

endmodule

`default_nettype wire
