// The rules of a 64-bit stream. Assume = 0: asserted of an output; Assume = 1: what an input may do.
`default_nettype none

module axis_rules
  import meltica_card_pkg::*;
#(
  parameter bit          Assume     = 1'b0,
  parameter bit          WholeWords = 1'b0,  // every word has eight bytes (record streams)
  parameter int unsigned FrameWords = 0      // every frame has so many words; 0: any number
) (
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic       valid_i,
  input wire logic       ready_i,  // 1 where a stream has none
  input wire axis_word_t word_i
);

  logic       pending_q;  // a word was offered and not taken
  axis_word_t offered_q;
  logic [31:0] at_q;      // words of this frame that have been taken

  always_ff @(posedge clk_i) begin
    pending_q <= rst_ni && valid_i && !ready_i;
    offered_q <= word_i;
    if (!rst_ni) at_q <= '0;
    else if (valid_i && ready_i) at_q <= word_i.last ? '0 : at_q + 1;
  end

  logic [7:0] keep;
  logic stays, contiguous, whole, error_last, length;

  always_comb begin
    keep       = word_i.keep;
    stays      = !pending_q || (valid_i && word_i == offered_q);
    contiguous = !valid_i || (keep != '0 && (keep & (keep + 8'd1)) == '0);
    whole      = !valid_i || keep == '1 || (word_i.last && !WholeWords);
    error_last = !valid_i || !word_i.error || word_i.last;
    length     = !valid_i || FrameWords == 0 || word_i.last == (at_q + 1 == FrameWords);
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      if (Assume) begin
        assume (stays);
        assume (contiguous);
        assume (whole);
        assume (error_last);
        assume (length);
      end else begin
        assert (stays);
        assert (contiguous);
        assert (whole);
        assert (error_last);
        assert (length);
      end
    end
  end

endmodule

`default_nettype wire
