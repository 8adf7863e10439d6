// Which UserRefNum an order id has: a direct index of its low bits, the whole id compared. The
// newest order wins a place.
//
// One port reads for the order at the head of the queue, every cycle. The other belongs to the
// sender's writes; when
// they leave it alone, a DropCopy row reads, changes and writes its entry, and begins again when
// the sender moved
// between its two steps.
`default_nettype none

module tx_orders
  import meltica_hot_pkg::*, order_tx_pkg::*;
#(
    parameter int unsigned Orders = 4096
) (
    input  wire                  clk_i,
    input  wire                  rst_ni,
    input  wire                  lookup_valid_i,
    input  wire  [63:0]          lookup_i,
    output table_entry_t         entry_o,  // one cycle later: what is in the place, whoever it is
    input  wire                  claim_i,  // the sender uses entry_o and writes in the next cycle
    input  wire                  write_valid_i,
    input  wire table_entry_t   write_i,
    input  wire                  drop_valid_i,   // a DropCopy row
    input  wire drop_copy_t     drop_i,
    output logic                 init_done_o,
    output logic                 bad_row_o       // a row came while one was in work
);

  localparam int unsigned IndexW = $clog2(Orders);

  if (Orders < 2 || (Orders & (Orders - 1)) != 0) $fatal(1, "Orders is not a power of two");

  logic [EntryW-1:0] mem [Orders];
  logic [EntryW-1:0] head_q, other_q, bypass_q;
  logic bypassed_q;
  logic [IndexW:0] sweep_q;

  assign init_done_o = sweep_q[IndexW];

  // --- the DropCopy row in work ---

  typedef struct packed {
    logic [7:0]  kind;
    logic [7:0]  action;
    logic [7:0]  port_id;
    logic [31:0] user_ref_num;
    logic [63:0] order_id;
    logic [19:0] last_lots;
    logic        over;        // nothing of the order is left
  } answer_t;

  typedef enum logic [1:0] { DropIdle, DropRead, DropWrite } drop_state_e;

  drop_state_e drop_q;
  answer_t answer_q;
  table_entry_t changed;
  logic is_ours;
  logic sender_busy;

  assign sender_busy = claim_i || write_valid_i || !init_done_o;

  table_entry_t found;
  assign found = table_entry_t'(other_q);
  assign is_ours = found.valid && found.order_id == answer_q.order_id
      && found.port_id == answer_q.port_id;

  always_comb begin
    changed = found;
    unique case (answer_q.kind)
      DropKindReplaced: begin
        changed.user_ref_num = answer_q.user_ref_num;
        changed.pending = '0;
      end
      DropKindCancelRejected: begin
        if (answer_q.action == ActionCancel) changed.canceling = 1'b0;
        else if (answer_q.user_ref_num == found.pending) changed.pending = '0;
      end
      DropKindExecuted, DropKindSelfMatchCancel: begin
        // More than a million shares of one order cannot be: it stays at the end, where no replace
        // fits any more.
        changed.executed_lots = found.executed_lots + answer_q.last_lots;
        if (changed.executed_lots < found.executed_lots) changed.executed_lots = '1;
      end
      default: changed = found;
    endcase
    if (answer_q.over) changed.valid = 1'b0;
  end

  logic drop_wanted;
  assign drop_wanted = drop_i.kind >= DropKindAccepted && drop_i.kind <= DropKindSelfMatchCancel;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      drop_q <= DropIdle;
      bad_row_o <= 1'b0;
    end else begin
      bad_row_o <= drop_valid_i && drop_q != DropIdle;
      unique case (drop_q)
        DropIdle: if (drop_valid_i && drop_wanted) drop_q <= DropRead;
        DropRead: if (!sender_busy) drop_q <= DropWrite;
        DropWrite: drop_q <= sender_busy ? DropRead : DropIdle;
        default: drop_q <= DropIdle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (drop_valid_i && drop_q == DropIdle) begin
      answer_q.kind <= drop_i.kind;
      answer_q.action <= drop_i.action;
      answer_q.port_id <= drop_i.port_id;
      answer_q.user_ref_num <= drop_i.user_ref_num;
      answer_q.order_id <= drop_i.order_id;
      answer_q.last_lots <= |drop_i.last_lots[63:20] ? '1 : drop_i.last_lots[19:0];
      answer_q.over <= drop_i.leaves_lots <= 64'sd0;
    end
  end

  // --- memory ---

  logic drop_write;
  logic other_write;
  logic [IndexW-1:0] other_index;
  logic [EntryW-1:0] other_data;
  assign drop_write = drop_q == DropWrite && !sender_busy && is_ours;
  assign other_write = !init_done_o || write_valid_i || drop_write;

  always_comb begin
    other_index = answer_q.order_id[IndexW-1:0];
    other_data = changed;
    if (!init_done_o) begin
      other_index = sweep_q[IndexW-1:0];
      other_data = '0;
    end else if (write_valid_i) begin
      other_index = write_i.order_id[IndexW-1:0];
      other_data = write_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (lookup_valid_i) head_q <= mem[lookup_i[IndexW-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (other_write) mem[other_index] <= other_data;
    else if (drop_q == DropRead) other_q <= mem[other_index];
  end

  // A read in the cycle of a write gets what is written.
  always_ff @(posedge clk_i) begin
    if (lookup_valid_i) begin
      bypassed_q <= other_write && other_index == lookup_i[IndexW-1:0];
      bypass_q <= other_data;
    end
  end

  assign entry_o = table_entry_t'(bypassed_q ? bypass_q : head_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) sweep_q <= '0;
    else if (!init_done_o) sweep_q <= sweep_q + 1'b1;
  end

  logic unused_row;
  assign unused_row = &{1'b0, drop_i, lookup_i};

endmodule

`default_nettype wire
