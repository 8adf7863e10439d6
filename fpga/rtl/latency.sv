// Latency histograms, one for each segment of the card: 64 buckets of one cycle, count, sum, smallest, largest.
`default_nettype none

module latency #(
    parameter int unsigned Segments = 4
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input  wire logic [   Segments-1:0] valid_i,     // a sample each, in any cycle
    input  wire logic [16*Segments-1:0] cycles_i,
    input  wire logic                   freeze_i,    // level: samples are left out
    input  wire logic                   clear_i,     // pulse: everything begins at 0
    output logic                        clearing_o,  // until it has; samples are left out, too
    output logic      [            3:0] dropped_o,   // how many were left out in this cycle

    input  wire logic [ 1:0] segment_i,
    input  wire logic [ 6:0] entry_i,    // 0..63 buckets, 64 count, 65 sum, 66 smallest, 67 largest
    output logic      [63:0] value_o     // of them in the cycle before; 0 where there is nothing
);

  localparam int unsigned Buckets = 64;

  if (Segments < 1 || Segments > 4) begin : g_segments
    $fatal(1, "latency: Segments must be 1..4");
  end

  logic [     5:0] sweep_q;
  logic            take;
  logic [4*64-1:0] value;  // of each segment; of those that there are not: 0
  logic [     1:0] segment_q;

  always_comb begin
    take      = !freeze_i && !clearing_o && !clear_i;
    dropped_o = '0;
    if (!take) begin
      for (int unsigned n = 0; n < Segments; n++) dropped_o += 4'(valid_i[n]);
    end
    value_o = value[segment_q*64+:64];
  end

  always_ff @(posedge clk_i) begin
    segment_q <= segment_i;
    if (!rst_ni) begin
      clearing_o <= 1'b1;  // memories begin with a sweep
      sweep_q    <= '0;
    end else if (clear_i) begin
      clearing_o <= 1'b1;
      sweep_q    <= '0;
    end else if (clearing_o) begin
      clearing_o <= sweep_q != 6'(Buckets - 1);
      sweep_q    <= sweep_q + 1'b1;
    end
  end

  for (genvar n = 0; n < 4; n++) begin : g_segment
    if (n < Segments) begin : g_there
      latency_segment u_segment (
          .clk_i,
          .rst_ni,
          .valid_i(valid_i[n] && take),
          .cycles_i(cycles_i[16*n+:16]),
          .clear_i(clearing_o),
          .clear_bucket_i(sweep_q),
          .entry_i,
          .value_o(value[64*n+:64])
      );
    end else begin : g_none
      assign value[64*n+:64] = '0;
    end
  end

endmodule

`default_nettype wire
