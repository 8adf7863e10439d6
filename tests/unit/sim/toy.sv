// A block for tests of the runner: one word deep, keeps its word until it is taken.
`default_nettype none

module toy
  import meltica_card_pkg::*;
#(
  parameter bit          Withdraws = 1'b0,  // a mistake: takes back what it offered
  parameter int unsigned Forbidden = 666
) (
  input  wire logic       clk_i,
  input  wire logic       rst_ni,
  input  wire logic       valid_i,
  output logic            ready_o,
  input  wire axis_word_t word_i,
  output logic            valid_o,
  input  wire logic       ready_i,
  output axis_word_t      word_o
);

  assign ready_o = !valid_o || ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_o <= 1'b0;
    end else if (ready_o) begin
      valid_o <= valid_i;
      word_o  <= word_i;
    end else if (Withdraws) begin
      valid_o <= 1'b0;
    end
    if (rst_ni && valid_i) assert (word_i.data != 64'(Forbidden));
  end

endmodule

`default_nettype wire
