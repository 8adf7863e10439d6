// A short queue that never makes its source wait: what finds it full is refused, and refused_o says so.
`default_nettype none

module event_queue #(
    parameter int unsigned Width = 8,
    parameter int unsigned Depth = 2
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input  wire logic             put_i,
    input  wire logic [Width-1:0] data_i,
    output logic                  refused_o, // in the cycle of put_i

    output logic                  valid_o,
    output logic      [Width-1:0] data_o,
    input  wire logic             take_i    // only with valid_o
);

  localparam int unsigned IndexW = $clog2(Depth);

  if (Depth < 2 || Depth != 2 ** IndexW) begin : g_depth
    $fatal(1, "event_queue: Depth must be a power of two from 2 on");
  end

  logic [Width-1:0] mem    [Depth];
  logic [ IndexW:0] put_q;
  logic [ IndexW:0] take_q;
  logic             full;

  always_comb begin
    valid_o   = put_q != take_q;
    full      = put_q[IndexW-1:0] == take_q[IndexW-1:0] && put_q[IndexW] != take_q[IndexW];
    refused_o = put_i && full;
    data_o    = mem[take_q[IndexW-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      put_q  <= '0;
      take_q <= '0;
    end else begin
      if (put_i && !full) put_q <= put_q + 1'b1;
      if (take_i) take_q <= take_q + 1'b1;
    end
    if (put_i && !full) mem[put_q[IndexW-1:0]] <= data_i;
  end

endmodule

`default_nettype wire
