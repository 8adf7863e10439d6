// Division by a constant as multiplication with its reciprocal: exact, one a cycle, two steps.
//
// With M = ceil(2^K / D) = (2^K + e) / D:  n * M / 2^K = n / D + n * e / (D * 2^K).
// n / D is at most (D - 1) / D above its floor, so the floor is right as long as n * e < 2^K; checked below for all n.
`default_nettype none

module divide_by #(
    parameter int unsigned Width   = 44,
    parameter int unsigned Divisor = 625
) (
    input wire logic clk_i,

    input  wire logic             step_i,      // both registers take over
    input  wire logic [Width-1:0] dividend_i,
    output logic      [Width-1:0] quotient_o   // two steps later
);

  localparam int unsigned DivisorBits = $clog2(Divisor);
  localparam int unsigned K = Width + DivisorBits;
  localparam int unsigned ReciprocalW = Width + 1;
  localparam int unsigned LowW = Width / 2;
  localparam int unsigned HighW = Width - LowW;
  localparam logic [127:0] TwoToK = 128'd1 << K;
  localparam logic [127:0] Reciprocal = (TwoToK + 128'(Divisor) - 1) / 128'(Divisor);
  localparam logic [127:0] Error = Reciprocal * 128'(Divisor) - TwoToK;
  localparam logic [127:0] Largest = (128'd1 << Width) - 1;

  if (Width < 2 || Width > 52) $fatal(1, "Width is not within 2..52");
  if (Divisor < 2 || DivisorBits >= Width) $fatal(1, "Divisor is not within 2..2^(Width-1)");
  if (Reciprocal >> ReciprocalW != '0) $fatal(1, "the reciprocal does not fit");
  if (Largest * Error >= TwoToK) $fatal(1, "the reciprocal is not exact over all dividends");

  logic [LowW+ReciprocalW-1:0] low_q;
  logic [HighW+ReciprocalW-1:0] high_q;
  logic [Width+ReciprocalW-1:0] product;

  assign product = (Width + ReciprocalW)'(low_q) + {high_q, LowW'(0)};

  always_ff @(posedge clk_i) begin
    if (step_i) begin
      low_q <= dividend_i[LowW-1:0] * Reciprocal[ReciprocalW-1:0];
      high_q <= dividend_i[Width-1:LowW] * Reciprocal[ReciprocalW-1:0];
      quotient_o <= Width'(product >> K);
    end
  end

endmodule

`default_nettype wire
