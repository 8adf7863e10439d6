// What an operation does to the book of its slot, in its cycle 2: its order has been looked for, the map has told the slot.
// Everything that cannot be done is counted by its cause.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // of messages and rows, each block takes some fields

module book_decide
  import meltica_card_pkg::*;
  import book_pkg::*;
(
    input wire logic clk_i,

    input wire logic        op_i,
    input wire book_op_t    item_i,
    input wire logic        watched_i,
    input wire slot_t       slot_i,
    input wire price_t      halves_i,  // price / 50
    input wire logic        hit_i,
    input wire book_order_t order_i,
    input wire logic        room_i,
    input wire logic        full_i,
    input wire book_place_t place_i,   // where book_tops puts the new order

    output logic         ours_o,       // the order is one of the symbol
    output logic         step_o,
    output book_step_t   step_item_o,
    output logic         insert_o,
    output logic         change_o,
    output logic         remove_o,
    output book_order_t  order_o,
    output logic         fail_o,       // the symbol's book may be wrong from now on
    output book_events_t events_o
);

  logic adds, removes, mine, replaced_q, replaced_sell_q;

  always_comb begin
    step_o = 1'b0;
    step_item_o = '0;
    events_o = '0;
    adds = 1'b0;
    removes = 1'b0;
    mine = 1'b0;
    insert_o = 1'b0;
    change_o = 1'b0;
    remove_o = 1'b0;
    order_o = '0;
    if (op_i && (watched_i || item_i.op == OpInit)) begin
      adds = item_i.op == OpAdd || (item_i.op == OpReplaceIn && replaced_q);
      removes = item_i.op inside {OpReduce, OpDelete, OpReplaceOut};
      mine = hit_i && order_i.slot == slot_i;
      step_o = item_i.op inside {OpAdd, OpReduce, OpDelete, OpReplaceOut, OpReplaceIn, OpInit};
      step_item_o.late = removes;
      step_item_o.emit = item_i.op != OpReplaceOut && item_i.op != OpInit;
      step_item_o.slot = slot_i;
      step_item_o.is_sell = item_i.is_sell;
      step_item_o.price = item_i.price;
      step_item_o.halves = halves_i;
      step_item_o.locate = item_i.price[15:0];
      step_item_o.timestamp_ns = item_i.timestamp_ns;
      step_item_o.now_ns = item_i.now_ns;
      if (item_i.op == OpInit) step_item_o.what = StepReset;
      if (adds) begin
        if (item_i.op == OpReplaceIn) step_item_o.is_sell = replaced_sell_q;
        step_item_o.shares = item_i.shares[OrderSharesW-1:0];
        if (item_i.price == '0 || item_i.shares == '0) events_o.empty_order = 1'b1;
        else if (hit_i) events_o.duplicate = 1'b1;
        else if (|item_i.shares[31:OrderSharesW]) events_o.too_large = 1'b1;
        else if (full_i) events_o.table_full = 1'b1;
        else if (!room_i) events_o.set_full = 1'b1;
        else begin
          insert_o = 1'b1;
          step_item_o.what = StepAdd;
        end
        order_o.valid = 1'b1;
        order_o.order_ref = item_i.order_ref;
        order_o.slot = slot_i;
        order_o.is_sell = step_item_o.is_sell;
        order_o.windowed = place_i.windowed;
        order_o.window = place_i.window;
        order_o.rank = place_i.rank;
        order_o.price = item_i.price;
        order_o.shares = step_item_o.shares;
      end
      if (removes && !mine) events_o.unknown_order = 1'b1;
      if (removes && mine) begin
        step_item_o.what = StepRemove;
        step_item_o.is_sell = order_i.is_sell;
        step_item_o.windowed = order_i.windowed;
        step_item_o.window = order_i.window;
        step_item_o.rank = order_i.rank;
        step_item_o.shares = order_i.shares;
        step_item_o.gone = 1'b1;
        order_o = order_i;
        if (item_i.op == OpReduce && item_i.shares < 32'(order_i.shares)) begin
          step_item_o.shares = item_i.shares[OrderSharesW-1:0];
          step_item_o.gone = 1'b0;
          order_o.shares = order_i.shares - item_i.shares[OrderSharesW-1:0];
        end
        events_o.over_reduction = item_i.op == OpReduce && item_i.shares > 32'(order_i.shares);
        remove_o = step_item_o.gone;
        change_o = !step_item_o.gone;
      end
    end
  end

  assign ours_o = mine;

  assign fail_o = events_o.table_full || events_o.set_full || events_o.duplicate ||
      events_o.unknown_order || events_o.over_reduction || events_o.too_large;

  // The second half of U, two cycles later, needs to know the first.
  always_ff @(posedge clk_i) begin
    if (op_i && item_i.op == OpReplaceOut) begin
      replaced_q <= mine;
      replaced_sell_q <= order_i.is_sell;
    end
  end

endmodule

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
