// The best bid and offer of watched symbols from the orders of the feed, and what is known of every symbol.
// fpga/docs/top_of_book.md has the contract and the cycles; meltica.hot's ItchBook is the judge.
//
// An operation enters in its cycle 0. 0: hash tables and map are read. 1: references are compared. 2: the order is known
// or has found its place, is written; a new order's effect on the best is known. 3: a removal's. 3 and 4: its level.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // of messages and rows, each block takes some fields

module top_of_book
  import meltica_card_pkg::*;
  import book_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Slots = 256,
    parameter int unsigned Orders = 65536,
    parameter int unsigned OrderSets = Orders < 32 ? 4 : Orders / 8,  // of each of two tables
    parameter int unsigned OrderWays = 8,
    parameter int unsigned WindowLevels = 4096,
    parameter int unsigned QueueDepth = 1024,
    parameter longint unsigned StaleAfterNs = 1_000_000_000
) (
    input  wire logic     clk_i,
    input  wire logic     rst_ni,
    input  wire time_ns_t now_ns_i,
    output logic          init_done_o,

    input wire logic        cfg_valid_i,
    input wire staged_row_t cfg_row_i,

    input wire logic            msg_valid_i,
    input wire market_message_t msg_i,
    input wire logic            gap_i,

    output logic         update_valid_o,
    output book_update_t update_o,

    output logic           market_valid_o,
    input  wire logic      market_ready_i,
    output market_update_t market_o,

    input  wire logic        query_valid_i,   // one at a time: the next after query_done_o
    input  wire logic [15:0] query_locate_i,
    output logic             query_done_o,
    output symbol_status_t   query_status_o,

    output book_events_t events_o,
    output logic [16:0]  live_orders_o,
    output logic         busy_o               // rows of the host are still at work
);

  localparam int unsigned SetW = $clog2(OrderSets);
  localparam int unsigned SlotW = $clog2(Slots);
  localparam int unsigned ClearSteps =
      Instruments > OrderSets ? (Instruments > 2 * Slots ? Instruments : 2 * Slots) :
      (OrderSets > 2 * Slots ? OrderSets : 2 * Slots);

  // --- after reset every table is cleared, all at once ---

  logic clear_q;
  logic [16:0] step_q;

  assign init_done_o = !clear_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      clear_q <= 1'b1;
      step_q  <= '0;
    end else if (clear_q) begin
      step_q  <= step_q + 1'b1;
      clear_q <= step_q != 17'(ClearSteps - 1);
    end
  end

  // --- the line of operations ---

  logic op0, op1_q, op2_q, chore_valid, chore_ready, lost;
  book_op_t item0, item1_q, item2_q, chore;

  book_queue #(
      .Depth(QueueDepth)
  ) i_queue (
      .clk_i, .rst_ni,
      .ready_i(!clear_q),
      .msg_valid_i,
      .msg_i,
      .now_ns_i,
      .chore_valid_i(chore_valid),
      .chore_i(chore),
      .chore_ready_o(chore_ready),
      .op_valid_o(op0),
      .op_o(item0),
      .overflow_o(lost)
  );

  logic watched1, watched2_q, message0, is_init1;
  slot_t mapped1, slot1, slot2_q;
  price_t halves2_q;

  assign message0 = op0 && item0.op != OpScrub && item0.op != OpInit;
  assign is_init1 = item1_q.op == OpInit;
  assign slot1 = is_init1 ? item1_q.locate[7:0] : mapped1;

  always_ff @(posedge clk_i) begin
    if (op0) item1_q <= item0;
    if (op1_q) begin
      item2_q <= item1_q;
      slot2_q <= slot1;
      watched2_q <= watched1;
      halves2_q <= halves_of(item1_q.price);
    end
    if (!rst_ni) begin
      op1_q <= 1'b0;
      op2_q <= 1'b0;
    end else begin
      op1_q <= op0;
      op2_q <= op1_q;
    end
  end

  // --- slots ---

  logic done, done_emit, done_changed, done_known, done_late, done_empty, done_outside, done_moved;
  slot_t done_slot;
  logic [Slots-1:0] slots_on, trusted;
  logic [255:0] drain;
  logic fail, day, watch_aux, watch_aux_on, watch_aux_ready, begin_watch, look, taken, bad_row;
  logic query_ask, query_ask_ready;
  slot_t begin_slot, look_slot;
  logic [15:0] watch_aux_locate, query_ask_locate;

  book_watch #(
      .Instruments(Instruments),
      .Slots(Slots),
      .Sets(OrderSets)
  ) i_watch (
      .clk_i, .rst_ni,
      .ready_i(!clear_q),
      .clear_i(clear_q),
      .clear_locate_i(step_q[15:0]),
      .cfg_valid_i,
      .cfg_row_i,
      .op_i(message0),
      .op_locate_i(item0.locate),
      .ask_i(query_ask),
      .ask_locate_i(query_ask_locate),
      .ask_ready_o(query_ask_ready),
      .watched_o(watched1),
      .slot_o(mapped1),
      .chore_valid_o(chore_valid),
      .chore_o(chore),
      .chore_ready_i(chore_ready),
      .aux_o(watch_aux),
      .aux_locate_o(watch_aux_locate),
      .aux_on_o(watch_aux_on),
      .aux_ready_i(watch_aux_ready),
      .fail_i(fail),
      .fail_slot_i(slot2_q),
      .fail_all_i(lost),
      .day_i(day),
      .done_i(done),
      .done_slot_i(done_slot),
      .done_empty_i(done_empty),
      .on_o(slots_on),
      .trusted_o(trusted),
      .drain_o(drain),
      .begin_o(begin_watch),
      .begin_slot_o(begin_slot),
      .look_o(look),
      .look_slot_o(look_slot),
      .busy_o,
      .taken_o(taken),
      .bad_row_o(bad_row)
  );

  // --- orders ---

  logic hit, room, full, insert, change, remove;
  book_order_t order, order_next;

  book_orders #(
      .Orders(Orders),
      .Sets(OrderSets),
      .Ways(OrderWays)
  ) i_orders (
      .clk_i, .rst_ni,
      .clear_i(clear_q),
      .clear_set_i(step_q[SetW-1:0]),
      .read_i(op0 && item0.op != OpOther && item0.op != OpInit),
      .scrub_i(item0.op == OpScrub),
      .order_ref_i(item0.order_ref),
      .drain_i(drain),
      .hit_o(hit),
      .order_o(order),
      .room_o(room),
      .full_o(full),
      .insert_i(insert),
      .change_i(change),
      .remove_i(remove),
      .order_i(order_next),
      .live_o(live_orders_o)
  );

  // --- cycle 2: what the operation does ---

  logic step, ours;
  book_step_t step_item;
  book_place_t place;
  book_events_t found;

  book_decide i_decide (
      .clk_i,
      .op_i(op2_q),
      .item_i(item2_q),
      .watched_i(watched2_q),
      .slot_i(slot2_q),
      .halves_i(halves2_q),
      .hit_i(hit),
      .order_i(order),
      .room_i(room),
      .full_i(full),
      .place_i(place),
      .ours_o(ours),
      .step_o(step),
      .step_item_o(step_item),
      .insert_o(insert),
      .change_o(change),
      .remove_o(remove),
      .order_o(order_next),
      .fail_o(fail),
      .events_o(found)
  );

  assign day = op2_q && item2_q.op == OpOther && item2_q.kind == "S" && item2_q.state == "O";

  logic [7:0] event_q;
  book_events_t events_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      event_q  <= '0;
      events_q <= '0;
    end else begin
      events_q <= found;
      if (op2_q && item2_q.op == OpOther && item2_q.kind == "S") event_q <= item2_q.state;
    end
  end

  // --- levels and tops ---

  logic search, search_is_sell, own, own_wipe, own_level, own_add, own_is_sell, emptied, next_valid;
  slot_t search_slot, own_slot;
  rank_t search_rank, next_rank, own_rank;
  logic [BookSharesW-1:0] search_shares;
  logic [OrderSharesW-1:0] own_shares;
  book_top_t done_top;

  book_tops #(
      .Slots(Slots),
      .WindowLevels(WindowLevels)
  ) i_tops (
      .clk_i, .rst_ni,
      .clear_i(clear_q),
      .clear_slot_i(step_q[7:0]),
      .read_i(op1_q),
      .read_slot_i(slot1),
      .step_i(step),
      .step_item_i(step_item),
      .place_o(place),
      .search_o(search),
      .search_slot_o(search_slot), .search_is_sell_o(search_is_sell),
      .search_rank_o(search_rank),
      .search_shares_i(search_shares),
      .next_valid_i(next_valid), .next_rank_i(next_rank),
      .own_o(own),
      .own_wipe_o(own_wipe),
      .own_level_o(own_level),
      .own_add_o(own_add),
      .own_slot_o(own_slot), .own_is_sell_o(own_is_sell),
      .own_rank_o(own_rank),
      .own_shares_o(own_shares),
      .emptied_i(emptied),
      .done_o(done),
      .done_emit_o(done_emit),
      .done_slot_o(done_slot),
      .done_changed_o(done_changed),
      .done_known_o(done_known),
      .done_late_o(done_late),
      .done_empty_o(done_empty),
      .done_outside_o(done_outside),
      .done_moved_o(done_moved),
      .done_top_o(done_top)
  );

  book_levels #(
      .Slots(Slots),
      .WindowLevels(WindowLevels)
  ) i_levels (
      .clk_i, .rst_ni,
      .clear_i(clear_q),
      .clear_side_i(step_q[8:0]),
      .search_i(search),
      .search_slot_i(search_slot), .search_is_sell_i(search_is_sell),
      .search_rank_i(search_rank),
      .search_shares_o(search_shares),
      .next_valid_o(next_valid), .next_rank_o(next_rank),
      .own_i(own),
      .own_wipe_i(own_wipe),
      .own_level_i(own_level),
      .own_add_i(own_add),
      .own_slot_i(own_slot), .own_is_sell_i(own_is_sell),
      .own_rank_i(own_rank),
      .own_shares_i(own_shares),
      .emptied_o(emptied)
  );

  // --- updates: U tells both its halves at once ---

  logic carry_changed_q, carry_known_q, changed, known_changed, has_both;

  assign changed = done_changed || carry_changed_q;
  assign known_changed = done_known || carry_known_q;
  assign has_both = done_top.bid_shares != '0 && done_top.ask_shares != '0;
  assign update_valid_o = done && done_emit;

  always_comb begin
    update_o = '0;
    if (update_valid_o) begin
      update_o.slot = done_slot;
      update_o.instrument = done_top.locate;
      update_o.bid_ticks = done_top.bid_ticks;
      update_o.bid_shares = done_top.bid_shares;
      update_o.ask_ticks = done_top.ask_ticks;
      update_o.ask_shares = done_top.ask_shares;
      update_o.locked = has_both && done_top.bid_ticks == done_top.ask_ticks;
      update_o.crossed = has_both && done_top.bid_ticks > done_top.ask_ticks;
      update_o.usable = done_top.known && trusted[done_slot[SlotW-1:0]] && !gap_i;
      update_o.changed = changed;
      update_o.timestamp_ns = done_top.timestamp_ns;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      carry_changed_q <= 1'b0;
      carry_known_q   <= 1'b0;
    end else if (done) begin
      carry_changed_q <= done_late && !done_emit && done_changed;
      carry_known_q   <= done_late && !done_emit && done_known;
    end
  end

  // --- what was last published of each slot ---

  book_top_t top;
  logic out_read, query_read;
  slot_t out_slot, query_slot;

  book_ram #(
      .Width($bits(book_top_t)),
      .Depth(Slots)
  ) i_published (
      .clk_i,
      .read_i(out_read || query_read),
      .read_address_i(out_read ? out_slot[SlotW-1:0] : query_slot[SlotW-1:0]),
      .read_data_o(top),
      .write_i(clear_q || (done && (done_emit || !done_late))),
      .write_address_i(clear_q ? step_q[SlotW-1:0] : done_slot[SlotW-1:0]),
      .write_data_i(clear_q ? '0 : done_top)
  );

  // --- every symbol, the gate, questions ---

  logic aux, aux_on, aux_ready, aux_done, query_aux, query_aux_ready, out_aux, out_aux_ready, push;
  logic bad_locate;
  symbol_aux_e aux_what, out_aux_what;
  logic [15:0] aux_locate, out_aux_locate, push_locate;
  symbol_row_t row;

  always_comb begin
    aux = 1'b0;
    aux_what = AuxRead;
    aux_locate = query_ask_locate;
    if (watch_aux) begin
      aux = 1'b1;
      aux_what = AuxWatched;
      aux_locate = watch_aux_locate;
    end else if (query_aux) begin
      aux = 1'b1;
    end else if (out_aux) begin
      aux = 1'b1;
      aux_what = out_aux_what;
      aux_locate = out_aux_locate;
    end
  end
  assign aux_on = watch_aux_on;
  assign watch_aux_ready = aux_ready;
  assign query_aux_ready = aux_ready && !watch_aux;
  assign out_aux_ready = aux_ready && !watch_aux && !query_aux;

  symbol_table #(
      .Instruments(Instruments)
  ) i_symbols (
      .clk_i, .rst_ni,
      .clear_i(clear_q),
      .clear_locate_i(step_q[15:0]),
      .op_i(op2_q && item2_q.op != OpScrub && item2_q.op != OpInit && item2_q.op != OpReplaceIn),
      .op_item_i(item2_q),
      .order_known_i(ours),
      .order_price_i(order.price),
      .aux_i(aux),
      .aux_what_i(aux_what),
      .aux_locate_i(aux_locate),
      .aux_on_i(aux_on),
      .aux_ready_o(aux_ready),
      .aux_done_o(aux_done),
      .aux_row_o(row),
      .push_o(push),
      .push_locate_o(push_locate),
      .out_of_range_o(bad_locate)
  );

  market_out #(
      .Instruments(Instruments),
      .Slots(Slots)
  ) i_market (
      .clk_i, .rst_ni,
      .ready_i(!clear_q),
      .now_ns_i,
      .gap_i,
      .on_i(slots_on),
      .trusted_i(trusted),
      .quote_i(update_valid_o && changed),
      .quote_slot_i(done_slot),
      .known_i(update_valid_o && known_changed),
      .look_i(look),
      .look_slot_i(look_slot),
      .begin_i(begin_watch),
      .begin_slot_i(begin_slot),
      .look_all_i(lost || day),
      .push_i(push),
      .push_locate_i(push_locate),
      .aux_o(out_aux),
      .aux_what_o(out_aux_what),
      .aux_locate_o(out_aux_locate),
      .aux_ready_i(out_aux_ready),
      .aux_done_i(aux_done),
      .aux_row_i(row),
      .top_read_o(out_read),
      .top_slot_o(out_slot),
      .top_i(top),
      .market_valid_o,
      .market_ready_i,
      .market_o
  );

  book_query #(
      .Slots(Slots),
      .StaleAfterNs(StaleAfterNs)
  ) i_query (
      .clk_i, .rst_ni,
      .query_valid_i(query_valid_i && init_done_o),
      .query_locate_i,
      .query_done_o,
      .query_status_o,
      .now_ns_i,
      .gap_i,
      .event_i(event_q),
      .trusted_i(trusted),
      .ask_o(query_ask),
      .ask_locate_o(query_ask_locate),
      .ask_ready_i(query_ask_ready),
      .watched_i(watched1),
      .slot_i(mapped1),
      .aux_o(query_aux),
      .aux_ready_i(query_aux_ready),
      .aux_done_i(aux_done),
      .aux_row_i(row),
      .top_read_o(query_read),
      .top_slot_o(query_slot),
      .top_ready_i(!out_read),
      .top_i(top)
  );

  // --- counters ---

  always_comb begin
    events_o = events_q;
    events_o.slot_taken = taken;
    events_o.lost = lost;
    events_o.outside = done && done_outside;
    events_o.window_moved = done && done_moved;
    events_o.bad_row = bad_row;
    events_o.bad_locate = bad_locate;
  end

endmodule

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
