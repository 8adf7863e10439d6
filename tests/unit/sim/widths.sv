// Ports of many widths, for the tests of sim.verilated.
`default_nettype none

module widths #(
    parameter int unsigned Depth = 2
) (
    input  wire logic          clk_i,
    input  wire logic          rst_ni,
    input  wire logic [   4:0] a_i,
    input  wire logic [  11:0] b_i,
    input  wire logic [  30:0] c_i,
    input  wire logic [  63:0] d_i,
    input  wire logic [  69:0] e_i,
    input  wire logic [1023:0] f_i,
    output logic      [   4:0] a_o,
    output logic      [  11:0] b_o,
    output logic      [  30:0] c_o,
    output logic      [  63:0] d_o,
    output logic      [  69:0] e_o,
    output logic      [1023:0] f_o,
    output logic      [  12:0] sum_o,
    output logic      [  31:0] depth_o,

    // A row is announced one cycle before it comes, and comes out some cycles later, `hold_i` of them.
    input  wire logic          key_valid_i,
    input  wire logic [   7:0] key_i,
    input  wire logic          row_valid_i,
    input  wire logic [   7:0] row_i,
    input  wire logic          word_valid_i,
    output logic               word_ready_o,
    input  wire logic [   7:0] word_i,
    output logic               row_valid_o,
    output logic      [   8:0] row_o,
    output logic               word_valid_o,
    input  wire logic          word_ready_i,
    output logic      [   7:0] word_o,

    input wire logic bad_i,
    input wire logic error_i,
    input wire logic finish_i
);

  logic [7:0] key_q;
  logic       keyed_q;

  assign sum_o        = 13'(a_i) + 13'(b_i);
  assign depth_o      = Depth;
  assign word_ready_o = !word_valid_o || word_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {a_o, b_o, c_o, d_o, e_o, f_o} <= '0;
      {keyed_q, row_valid_o, word_valid_o} <= '0;
    end else begin
      {a_o, b_o, c_o, d_o, e_o, f_o} <= {a_i, b_i, c_i, d_i, e_i, f_i};
      keyed_q     <= key_valid_i;
      key_q       <= key_i;
      row_valid_o <= row_valid_i;
      row_o       <= {keyed_q && key_q == row_i, row_i};
      if (word_ready_o) begin
        word_valid_o <= word_valid_i;
        word_o       <= word_i;
      end
      assert (!bad_i) else $error("bad is %0d", a_i);
      if (error_i) $error("error is %0d", b_i);
      if (finish_i) $finish;
    end
  end

endmodule

`default_nettype wire
