// The host's two streams: what comes in obeys the rules of a source and no others; what goes out must obey them.
`default_nettype none

module host_stream_proof
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
#(
  parameter int unsigned VerdictDepth = 8
) (
  input wire logic        clk_i,
  input wire logic        rst_ni,
  input wire logic        s_valid_i,
  input wire axis_word_t  s_word_i,
  input wire logic        m_ready_i,
  input wire logic        hold_i,
  input wire logic        order_ready_i,
  input wire logic        told_ready_i,
  input wire logic        answer_valid_i,
  input wire answer_t     answer_i,
  input wire logic        verdict_valid_i,
  input wire verdict_t    verdict_i,
  input wire logic        regs_told_valid_i,
  input wire staged_row_t regs_told_row_i
);

  logic s_ready, m_valid, lost;
  axis_word_t m_word;

  host_port #(
    .VerdictDepth(VerdictDepth)
  ) dut (
    .clk_i, .rst_ni, .s_valid_i, .s_ready_o(s_ready), .s_word_i,
    .m_valid_o(m_valid), .m_ready_i, .m_word_o(m_word),
    .hold_i, .order_valid_o(), .order_ready_i, .order_o(),
    .told_valid_o(), .told_ready_i, .told_row_o(), .answer_valid_i, .answer_i,
    .verdict_valid_i, .verdict_i,
    .regs_told_valid_i, .regs_told_ready_o(), .regs_told_row_i,
    .regs_answer_valid_o(), .regs_answer_o(), .bad_slot_o(), .verdict_lost_o(lost)
  );

  axis_rules #(
    .WholeWords(1'b1),
    .FrameWords(4)
  ) u_out (
    .clk_i, .rst_ni, .valid_i(m_valid), .ready_i(m_ready_i), .word_i(m_word)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb begin
    assume (rst_ni == started_q);
    assume (!answer_valid_i);  // verdicts alone: what goes out is then what went in, one for one
  end

  // A verdict that was not called lost comes out: so many went in, so many came out or are still inside.
  logic [5:0] in_q, out_q;
  logic ends;
  always_comb ends = m_valid && m_ready_i && m_word.last;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      in_q  <= '0;
      out_q <= '0;
    end else begin
      if (verdict_valid_i && !lost) in_q <= in_q + 6'd1;
      if (ends) out_q <= out_q + 6'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (in_q >= out_q && in_q - out_q <= 6'(VerdictDepth) + 6'd1);
      if (in_q == out_q) assert (!m_valid);
      if (lost) assert (verdict_valid_i && in_q - out_q >= 6'(VerdictDepth));
      cover (lost);
      cover (ends && out_q == 6'd1);
    end
  end

endmodule

`default_nettype wire
