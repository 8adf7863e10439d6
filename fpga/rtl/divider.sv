// Unsigned division, one bit of the quotient a cycle: DividendW cycles after start_i, done_o comes with the floor.
// Dividing by 0 gives all ones. fpga/docs/gate_tell.md has the contract.
`default_nettype none

module divider #(
    parameter int unsigned DividendW = 64,
    parameter int unsigned DivisorW  = 32
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input  wire logic                 start_i,     // while busy_o: ignored
    input  wire logic [DividendW-1:0] dividend_i,
    input  wire logic [ DivisorW-1:0] divisor_i,
    output logic                      busy_o,
    output logic                      done_o,      // for one cycle
    output logic      [DividendW-1:0] quotient_o   // from done_o until the next start
);

  if (DividendW < 2) $fatal(1, "DividendW is less than 2");
  if (DivisorW < 1) $fatal(1, "DivisorW is 0");

  localparam int unsigned CountW = $clog2(DividendW);

  // The dividend leaves at the top of shift_q while the quotient comes in at the bottom.
  logic [DividendW-1:0] shift_q;
  logic [ DivisorW-1:0] divisor_q;
  logic [ DivisorW-1:0] rest_q;     // always less than the divisor
  logic [   CountW-1:0] left_q;     // bits to come after this one
  logic [   DivisorW:0] trial;
  logic                 fits;

  always_comb begin
    trial = '0;
    fits  = 1'b0;
    if (busy_o) begin
      trial = {rest_q, shift_q[DividendW-1]};
      fits  = trial >= {1'b0, divisor_q};
    end
  end

  assign quotient_o = shift_q;

  always_ff @(posedge clk_i) begin
    done_o <= 1'b0;
    if (!rst_ni) begin
      busy_o <= 1'b0;
    end else if (busy_o) begin
      rest_q  <= fits ? DivisorW'(trial - {1'b0, divisor_q}) : trial[DivisorW-1:0];
      shift_q <= {shift_q[DividendW-2:0], fits};
      left_q  <= left_q - 1'b1;
      if (left_q == '0) begin
        busy_o <= 1'b0;
        done_o <= 1'b1;
      end
    end else if (start_i) begin
      busy_o    <= 1'b1;
      shift_q   <= dividend_i;
      divisor_q <= divisor_i;
      rest_q    <= '0;
      left_q    <= CountW'(DividendW - 1);
    end
  end

endmodule

`default_nettype wire
