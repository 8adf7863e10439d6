// The host's record stream: orders and told records in, verdicts and answers out, in one order.
// Page: fpga/docs/host_port.md.
`default_nettype none

module host_port
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
#(
  parameter int unsigned VerdictDepth = 64  // records that wait for the host; a power of two
) (
  input  logic          clk_i,
  input  logic          rst_ni,

  // From the host: 64-byte slots of 8 words, a record at the beginning of each.
  input  logic          s_valid_i,
  output logic          s_ready_o,
  input  axis_word_t    s_word_i,
  // To the host: 32-byte slots of 4 words, a Verdict or an Answer in each.
  output logic          m_valid_o,
  input  logic          m_ready_i,
  output axis_word_t    m_word_o,

  // To the gate.
  input  logic          hold_i,           // no order goes in (the frames' queue is nearly full)
  output logic          order_valid_o,
  input  logic          order_ready_i,
  output order_intent_t order_o,
  output logic          told_valid_o,
  input  logic          told_ready_i,
  output staged_row_t   told_row_o,
  input  logic          answer_valid_i,
  input  answer_t       answer_i,
  input  logic          verdict_valid_i,
  input  verdict_t      verdict_i,

  // Rows that come through the registers share the way into the gate.
  input  logic          regs_told_valid_i,
  output logic          regs_told_ready_o,
  input  staged_row_t   regs_told_row_i,
  output logic          regs_answer_valid_o,
  output answer_t       regs_answer_o,

  output logic          bad_slot_o,       // pulse: a slot that did not have 8 whole words
  output logic          verdict_lost_o    // pulse: the host did not read; the audit has it
);

  localparam int unsigned Words = OrderIntentBytes / 8;
  localparam int unsigned OutWords = VerdictBytes / 8;
  localparam int unsigned PtrW = $clog2(VerdictDepth);

  if (VerdictDepth < 8 || (VerdictDepth & (VerdictDepth - 1)) != 0) begin : gen_bad_depth
    $fatal(1, "VerdictDepth must be a power of two, 8 or more");
  end

  // --- eight words become a slot ---

  logic [511:0] slot_q;
  logic [2:0]   at_q;
  logic         have_q, broken_q;
  logic         take, done, spoils, is_order;

  assign s_ready_o = !have_q || done;
  assign take      = s_valid_i && s_ready_o;
  // A word with a hole, or an end that is not that of the slot, spoils the slot up to its end.
  assign spoils    = s_word_i.keep != 8'hff || s_word_i.error
                     || s_word_i.last != (at_q == 3'(Words - 1));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      at_q       <= '0;
      have_q     <= 1'b0;
      broken_q   <= 1'b0;
      bad_slot_o <= 1'b0;
    end else begin
      bad_slot_o <= 1'b0;
      if (done) have_q <= 1'b0;
      if (take) begin
        slot_q[{at_q, 6'b0} +: 64] <= s_word_i.data;
        if (s_word_i.last || at_q == 3'(Words - 1)) begin
          // The end of the slot, or the end of the host's transfer, whichever comes first; a transfer that goes on
          // after eight words is thrown away up to its end.
          at_q       <= '0;
          broken_q   <= !s_word_i.last;
          have_q     <= !(spoils || broken_q);
          bad_slot_o <= spoils && !broken_q;
        end else begin
          at_q     <= at_q + 3'd1;
          broken_q <= broken_q || spoils;
          bad_slot_o <= spoils && !broken_q;
        end
      end
    end
  end

  // --- in one order: a record waits until those before it are answered ---

  logic busy_q;  // a told record of the stream is inside
  logic turn_q;  // whose told record the next answer is about: 1 the stream's
  logic wait_q;  // an answer is awaited
  logic answer_wait_q;  // one is there and has not gone out to the host yet

  assign is_order      = slot_q[15:0] == OrderIntentTypeId;
  assign order_o       = order_intent_t'(slot_q);
  assign order_valid_o = have_q && is_order && !busy_q && !hold_i;

  logic stream_told;
  assign stream_told       = have_q && !is_order && !busy_q && !answer_wait_q;
  assign told_valid_o      = !wait_q && (regs_told_valid_i || stream_told);
  assign told_row_o        = regs_told_valid_i ? regs_told_row_i : {512'b0, slot_q};
  assign regs_told_ready_o = !wait_q && told_ready_i;

  logic told_taken;
  assign told_taken = told_valid_o && told_ready_i;
  assign done = (order_valid_o && order_ready_i) || (told_taken && !regs_told_valid_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      turn_q <= 1'b0;
      wait_q <= 1'b0;
    end else begin
      if (answer_valid_i) begin
        wait_q <= 1'b0;
        if (turn_q) busy_q <= 1'b0;
      end
      if (told_taken) begin
        wait_q <= 1'b1;
        turn_q <= !regs_told_valid_i;
        if (!regs_told_valid_i) busy_q <= 1'b1;
      end
    end
  end

  assign regs_answer_valid_o = answer_valid_i && !turn_q;
  assign regs_answer_o       = answer_i;

  // --- verdicts and answers to the host ---

  logic [255:0]  out_mem [VerdictDepth];
  logic [PtrW:0] put_q, get_q;
  logic [PtrW:0] level;
  answer_t       answer_q;
  logic          put_verdict, put_answer, full, out_have_q;
  logic [255:0]  out_q;
  logic [1:0]    out_at_q;

  assign level       = put_q - get_q;
  assign full        = level == (PtrW + 1)'(VerdictDepth);
  assign put_verdict = verdict_valid_i && !full;
  // An answer waits for a cycle without a verdict and for room; the next told record waits for it.
  assign put_answer  = answer_wait_q && !verdict_valid_i && !full;
  assign verdict_lost_o = verdict_valid_i && full;

  always_ff @(posedge clk_i) begin
    if (put_verdict) out_mem[put_q[PtrW-1:0]] <= verdict_i;
    else if (put_answer) out_mem[put_q[PtrW-1:0]] <= 256'(answer_q);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      put_q         <= '0;
      get_q         <= '0;
      answer_wait_q <= 1'b0;
      out_have_q    <= 1'b0;
      out_at_q      <= '0;
    end else begin
      if (put_verdict || put_answer) put_q <= put_q + 1'b1;
      if (put_answer) answer_wait_q <= 1'b0;
      if (answer_valid_i && turn_q) begin
        answer_wait_q <= 1'b1;
        answer_q      <= answer_i;
      end
      if (m_valid_o && m_ready_i) begin
        out_at_q <= out_at_q + 2'd1;
        if (out_at_q == 2'(OutWords - 1)) out_have_q <= 1'b0;
      end
      if (level != 0 && (!out_have_q || (m_ready_i && out_at_q == 2'(OutWords - 1)))) begin
        out_q      <= out_mem[get_q[PtrW-1:0]];
        get_q      <= get_q + 1'b1;
        out_have_q <= 1'b1;
      end
    end
  end

  assign m_valid_o = out_have_q;
  assign m_word_o  = '{
    error: 1'b0,
    last:  out_at_q == 2'(OutWords - 1),
    keep:  8'hff,
    data:  out_q[{out_at_q, 6'b0} +: 64]
  };

endmodule

`default_nettype wire
