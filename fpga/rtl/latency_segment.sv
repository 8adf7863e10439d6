// The histogram of one segment. A sample is in it after two cycles.
`default_nettype none

module latency_segment (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic        valid_i,
    input wire logic [15:0] cycles_i,
    input wire logic        clear_i,        // clears one bucket, and all else; no samples meanwhile
    input wire logic [ 5:0] clear_bucket_i,

    input  wire logic [ 6:0] entry_i,
    output logic      [63:0] value_o   // of entry_i in the cycle before
);

  localparam logic [5:0] LastBucket = 6'd63;

  logic [63:0] mem[64];
  logic [5:0] bucket;
  logic add_q;
  logic [5:0] add_bucket_q;
  logic [63:0] found_q;  // what the memory had, unless the sample before went to the same bucket
  logic again_q;
  logic [63:0] last_q;
  logic [63:0] sum;
  logic [63:0] read_q;
  logic [63:0] stat_q;
  logic is_bucket_q;

  logic [63:0] count_q;
  logic [63:0] total_q;
  logic [15:0] least_q;
  logic [15:0] most_q;

  always_comb begin
    bucket  = cycles_i >= 16'(LastBucket) ? LastBucket : cycles_i[5:0];
    sum     = (again_q ? last_q : found_q) + 1'b1;
    value_o = is_bucket_q ? read_q : stat_q;
  end

  always_ff @(posedge clk_i) begin
    read_q <= mem[entry_i[5:0]];
    if (valid_i) found_q <= mem[bucket];
    if (clear_i) mem[clear_bucket_i] <= '0;
    else if (add_q) mem[add_bucket_q] <= sum;
  end

  always_ff @(posedge clk_i) begin
    is_bucket_q <= !entry_i[6];
    unique case (entry_i)
      7'd64:   stat_q <= count_q;
      7'd65:   stat_q <= total_q;
      7'd66:   stat_q <= 64'(least_q);
      7'd67:   stat_q <= 64'(most_q);
      default: stat_q <= '0;
    endcase
    if (!rst_ni || clear_i) begin
      add_q   <= 1'b0;
      again_q <= 1'b0;
      count_q <= '0;
      total_q <= '0;
      least_q <= '1;
      most_q  <= '0;
    end else begin
      add_q <= valid_i;
      if (add_q) last_q <= sum;
      if (valid_i) begin
        add_bucket_q <= bucket;
        again_q      <= add_q && add_bucket_q == bucket;
        count_q      <= count_q + 1'b1;
        total_q      <= total_q + 64'(cycles_i);
        if (cycles_i < least_q) least_q <= cycles_i;
        if (cycles_i > most_q) most_q <= cycles_i;
      end
    end
  end

endmodule

`default_nettype wire
