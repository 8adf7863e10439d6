// The quotient of every dividend is the floor, two steps later, also when the steps pause.
`default_nettype none

module divide_by_proof #(
  parameter int unsigned Width = 12,
  parameter int unsigned Divisor = 25
) (
  input wire logic             clk_i,
  input wire logic             step_i,
  input wire logic [Width-1:0] dividend_i
);

  logic [Width-1:0] quotient;

  divide_by #(
    .Width(Width),
    .Divisor(Divisor)
  ) dut (
    .clk_i, .step_i, .dividend_i, .quotient_o(quotient)
  );

  logic first_q, second_q;
  initial {first_q, second_q} = '0;
  logic [Width-1:0] was_q, then_q;  // what was divided one step ago, and two
  logic [31:0] product;

  always_comb product = 32'(quotient) * Divisor;

  always_ff @(posedge clk_i) begin
    if (step_i) begin
      first_q  <= 1'b1;
      second_q <= first_q;
      was_q    <= dividend_i;
      then_q   <= was_q;
    end
    if (second_q) begin
      assert (product <= 32'(then_q));
      assert (32'(then_q) - product < Divisor);
      cover (quotient == Width'(((1 << Width) - 1) / Divisor));
      cover (32'(then_q) - product == Divisor - 1 && quotient > 100);
    end
  end

endmodule

`default_nettype wire
