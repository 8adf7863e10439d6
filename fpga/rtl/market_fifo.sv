// A small first-in first-out queue for what the feed tells the gate, before what the host tells.
`default_nettype none

module market_fifo
  import meltica_card_pkg::*;
#(
    parameter int unsigned Depth = 16
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input  wire logic           valid_i,
    output logic                ready_o,
    input  wire market_update_t update_i,

    output logic           valid_o,
    input  wire logic      ready_i,
    output market_update_t update_o
);

  if (Depth < 2 || (Depth & (Depth - 1)) != 0) $fatal(1, "Depth is not a power of two");

  localparam int unsigned PointerW = $clog2(Depth);

  market_update_t memory[Depth];
  // One bit more than a place needs: equal when empty, Depth apart when full.
  logic [PointerW:0] in_q, out_q;

  assign ready_o  = (in_q - out_q) != (PointerW + 1)'(Depth);
  assign valid_o  = in_q != out_q;
  assign update_o = memory[out_q[PointerW-1:0]];

  always_ff @(posedge clk_i) begin
    if (valid_i && ready_o) memory[in_q[PointerW-1:0]] <= update_i;
    if (!rst_ni) begin
      in_q  <= '0;
      out_q <= '0;
    end else begin
      if (valid_i && ready_o) in_q <= in_q + 1'b1;
      if (valid_o && ready_i) out_q <= out_q + 1'b1;
    end
  end

endmodule

`default_nettype wire
