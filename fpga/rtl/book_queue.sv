// Lines messages up for the book: one operation at most every second cycle, U as two. A message that finds the queue
// empty and the pipeline ready goes through without a cycle's delay.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // of messages and rows, each block takes some fields

module book_queue
  import meltica_card_pkg::*;
  import book_pkg::*;
#(
    parameter int unsigned Depth = 1024
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic            ready_i,      // the tables are clear
    input wire logic            msg_valid_i,
    input wire market_message_t msg_i,
    input wire time_ns_t        now_ns_i,

    input  wire logic     chore_valid_i,      // upkeep: whenever no message wants to go
    input  wire book_op_t chore_i,
    output logic          chore_ready_o,

    output logic     op_valid_o,
    output book_op_t op_o,
    output logic     overflow_o               // a message was lost
);

  if (Depth < 4 || (Depth & (Depth - 1)) != 0) $fatal(1, "Depth is not a power of two from 4");

  localparam int unsigned PointerW = $clog2(Depth);

  function automatic book_op_e op_of(logic [7:0] kind);
    unique case (kind)
      "A", "F":      return OpAdd;
      "E", "C", "X": return OpReduce;
      "D":           return OpDelete;
      "U":           return OpReplaceOut;
      default:       return OpOther;
    endcase
  endfunction

  logic [PointerW:0] write_q, read_q;
  logic head_valid_q, cool_q, second_q;
  book_op_t message, head, second;
  logic stored, empty, may, direct, pop, push, full, fetch;

  always_comb begin
    message = '0;
    if (msg_valid_i) begin
      message.op = op_of(msg_i.kind);
      message.kind = msg_i.kind;
      message.locate = msg_i.locate;
      message.timestamp_ns = msg_i.timestamp_ns;
      message.order_ref = msg_i.order_ref;
      message.new_ref = msg_i.new_order_ref;
      message.is_sell = msg_i.is_sell;
      message.shares = msg_i.shares;
      message.price = msg_i.price;
      message.printable = msg_i.printable;
      message.state = msg_i.state;
      message.market = msg_i.market;
      message.now_ns = now_ns_i;
    end
  end

  assign stored = write_q != read_q;
  assign empty = !stored && !head_valid_q;
  assign full = write_q == {~read_q[PointerW], read_q[PointerW-1:0]};
  assign may = ready_i && !cool_q;
  assign direct = may && !second_q && empty && msg_valid_i;
  assign pop = may && !second_q && head_valid_q;
  assign push = msg_valid_i && !direct && !full;
  assign fetch = stored && (!head_valid_q || pop);
  assign chore_ready_o = may && !second_q && empty && !msg_valid_i;

  assign op_valid_o = (may && second_q) || pop || direct || (chore_ready_o && chore_valid_i);
  always_comb begin
    op_o = message;
    if (second_q) op_o = second;
    else if (head_valid_q) op_o = head;
    else if (!msg_valid_i) op_o = chore_i;
  end

  book_ram #(
      .Width($bits(book_op_t)),
      .Depth(Depth)
  ) i_ram (
      .clk_i,
      .read_i(fetch),
      .read_address_i(read_q[PointerW-1:0]),
      .read_data_o(head),
      .write_i(push),
      .write_address_i(write_q[PointerW-1:0]),
      .write_data_i(message)
  );

  always_ff @(posedge clk_i) begin
    overflow_o <= 1'b0;
    if (!rst_ni) begin
      write_q <= '0;
      read_q <= '0;
      head_valid_q <= 1'b0;
      cool_q <= 1'b0;
      second_q <= 1'b0;
    end else begin
      cool_q <= op_valid_o;
      if (push) write_q <= write_q + 1'b1;
      if (fetch) read_q <= read_q + 1'b1;
      if (fetch) head_valid_q <= 1'b1;
      else if (pop) head_valid_q <= 1'b0;
      if (msg_valid_i && !direct && full) overflow_o <= 1'b1;
      if (op_valid_o) begin
        second_q <= op_o.op == OpReplaceOut;
        if (op_o.op == OpReplaceOut) begin
          second <= op_o;
          second.op <= OpReplaceIn;
          second.order_ref <= op_o.new_ref;
        end
      end
    end
  end

endmodule

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
