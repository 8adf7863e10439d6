// quotient * divisor + rest = dividend with rest < divisor, DividendW cycles after the start and not before.
`default_nettype none

module divider_proof #(
  parameter int unsigned DividendW = 7,
  parameter int unsigned DivisorW = 4
) (
  input wire logic                 clk_i,
  input wire logic                 rst_ni,
  input wire logic                 start_i,
  input wire logic [DividendW-1:0] dividend_i,
  input wire logic [ DivisorW-1:0] divisor_i
);

  logic busy, done;
  logic [DividendW-1:0] quotient;

  divider #(
    .DividendW(DividendW),
    .DivisorW(DivisorW)
  ) dut (
    .clk_i, .rst_ni, .start_i, .dividend_i, .divisor_i,
    .busy_o(busy), .done_o(done), .quotient_o(quotient)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb if (!started_q) assume (!rst_ni);

  logic asked_q;  // a division is under way, or its quotient still stands
  logic [3:0] age_q;  // cycles since its start
  logic [DividendW-1:0] dividend_q;
  logic [DivisorW-1:0] divisor_q;
  logic [DividendW+DivisorW-1:0] product;
  logic asks;

  always_comb asks = start_i && !busy;
  always_comb product = quotient * divisor_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      asked_q <= 1'b0;
      age_q   <= '0;
    end else if (asks) begin
      asked_q    <= 1'b1;
      age_q      <= 4'd1;
      dividend_q <= dividend_i;
      divisor_q  <= divisor_i;
    end else if (asked_q && age_q <= 4'(DividendW + 1)) begin
      age_q <= age_q + 4'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (done == (asked_q && age_q == 4'(DividendW + 1)));
      assert (busy == (asked_q && age_q <= 4'(DividendW)));
      if (asked_q && age_q > 4'(DividendW)) begin
        if (divisor_q == '0) begin
          assert (quotient == '1);
        end else begin
          assert (product <= (DividendW + DivisorW)'(dividend_q));
          assert ((DividendW + DivisorW)'(dividend_q) - product
                  < (DividendW + DivisorW)'(divisor_q));
        end
      end
      cover (done && quotient > 7'd9 && divisor_q > 4'd3);
      cover (done && asks);
    end
  end

endmodule

`default_nettype wire
