// Turns the beginning and the end of something into a sample of latency; several may be under way, in order.
`default_nettype none

module latency_timer #(
    parameter int unsigned Depth = 16
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic start_i,  // one begins
    input wire logic stop_i,   // the oldest ends; not in the cycle in which it begins
    input wire logic drop_i,   // the oldest will not end: no sample

    output logic valid_o,  // in the cycle of stop_i
    output logic [15:0] cycles_o,  // since its start; 65535: as many or more
    output logic stray_o  // pulse: an end without a beginning, or more than Depth are under way
);

  localparam int unsigned IndexW = $clog2(Depth);

  if (Depth < 2 || Depth != 2 ** IndexW) begin : g_depth
    $fatal(1, "latency_timer: Depth must be a power of two from 2 on");
  end

  logic [    31:0] mem                                                             [Depth];
  logic [    31:0] now_q;
  logic [    31:0] since;
  logic [IndexW:0] put_q;
  logic [IndexW:0] take_q;
  logic [    15:0] untimed_q;  // under way beyond Depth: they end without a sample
  logic            some;
  logic            full;
  logic            ends;
  logic            put;

  always_comb begin
    some     = put_q != take_q;
    full     = put_q[IndexW-1:0] == take_q[IndexW-1:0] && put_q[IndexW] != take_q[IndexW];
    ends     = stop_i || drop_i;
    put      = start_i && !full && untimed_q == '0;
    since    = now_q - mem[take_q[IndexW-1:0]];
    valid_o  = stop_i && !drop_i && some;
    cycles_o = since > 32'd65535 ? 16'hFFFF : since[15:0];
    stray_o  = (start_i && !put) || (ends && !some && untimed_q == '0);
  end

  always_ff @(posedge clk_i) begin
    if (put) mem[put_q[IndexW-1:0]] <= now_q;
    if (!rst_ni) begin
      now_q     <= '0;
      put_q     <= '0;
      take_q    <= '0;
      untimed_q <= '0;
    end else begin
      now_q <= now_q + 1'b1;
      if (put) put_q <= put_q + 1'b1;
      if (ends && some) take_q <= take_q + 1'b1;
      untimed_q <= untimed_q + 16'(start_i && !put) - 16'(ends && !some && untimed_q != '0);
    end
  end

endmodule

`default_nettype wire
