// The least that a Verilated model can do: one register. The floor of bench.verilated.
`default_nettype none

module tick (
    input  wire logic        clk_i,
    input  wire logic        rst_ni,
    input  wire logic [63:0] step_i,
    output logic      [63:0] count_o
);
  always_ff @(posedge clk_i) count_o <= rst_ni ? count_o + step_i : '0;
endmodule

`default_nettype wire
