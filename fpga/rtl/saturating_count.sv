// Counts to the top and stays there.
`default_nettype none

module saturating_count #(
    parameter int unsigned StepW = 1,
    parameter logic [31:0] StartValue = '0
) (
    input  wire logic             clk_i,
    input  wire logic             rst_ni,
    input  wire logic [StepW-1:0] step_i,
    output logic      [     31:0] count_o
);

  logic [32:0] next;

  always_comb next = {1'b0, count_o} + 33'(step_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_o <= StartValue;
    else if (step_i != '0) count_o <= next[32] ? '1 : next[31:0];
  end

endmodule

`default_nettype wire
