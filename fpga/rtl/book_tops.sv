// The best and the second level of each side of each slot, and where the window stands.
// A new order is judged in cycle 2, a removal in cycle 3, when the shares of the second level are there: it becomes the
// best at once, and the level after it becomes the second one cycle later. So nothing is ever searched while somebody
// waits, and consecutive operations on one slot find everything that came before them.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // of messages and rows, each block takes some fields

module book_tops
  import meltica_card_pkg::*;
  import book_pkg::*;
#(
    parameter int unsigned Slots = 256,
    parameter int unsigned WindowLevels = 4096
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic  clear_i,          // after reset: one slot a cycle
    input wire slot_t clear_slot_i,

    input wire logic  read_i,           // cycle 1
    input wire slot_t read_slot_i,

    input  wire logic        step_i,    // cycle 2
    input  wire book_step_t  step_item_i,
    output book_place_t      place_o,   // of StepAdd

    output logic             search_o,  // cycle 2: to book_levels, for a removal
    output slot_t            search_slot_o,
    output logic             search_is_sell_o,
    output rank_t            search_rank_o,
    input  wire logic [BookSharesW-1:0] search_shares_i,  // cycle 3
    input  wire logic        next_valid_i,                // cycle 4
    input  wire rank_t       next_rank_i,

    output logic             own_o,     // cycle 3: to book_levels
    output logic             own_wipe_o,
    output logic             own_level_o,
    output logic             own_add_o,
    output slot_t            own_slot_o,
    output logic             own_is_sell_o,
    output rank_t            own_rank_o,
    output logic [OrderSharesW-1:0] own_shares_o,
    input  wire logic        emptied_i, // cycle 4

    output logic             done_o,    // a new order: cycle 3; a removal: cycle 4
    output logic             done_emit_o,
    output slot_t            done_slot_o,
    output logic             done_changed_o,   // another best price, or other shares there
    output logic             done_known_o,     // whether the best is known has changed
    output logic             done_late_o,
    output logic             done_empty_o,     // the slot has no live order
    output logic             done_outside_o,   // a new order is outside its window
    output logic             done_moved_o,     // a window moved off live orders
    output book_top_t        done_top_o
);

  localparam int unsigned SlotW = $clog2(Slots);
  localparam price_t Dollar = 32'd10_000;
  localparam price_t Levels = price_t'(WindowLevels);

  typedef enum logic [1:0] {
    RefillNone,
    RefillAlways,  // the second level has become the best
    RefillEmptied  // the second level may have lost its last share
  } refill_e;

  book_row_t ram_row, row_now, row_q3, row_next_add, row_next_remove, row_q, row_final, row_last_q;
  book_step_t step_q3, step_q;
  logic remove_q3, done_q, own_q3;
  slot_t last_slot_q;
  refill_e refill, refill_q;

  book_ram #(
      .Width($bits(book_row_t)),
      .Depth(Slots)
  ) i_rows (
      .clk_i,
      .read_i,
      .read_address_i(read_slot_i[SlotW-1:0]),
      .read_data_o(ram_row),
      .write_i(clear_i || done_q),
      .write_address_i(clear_i ? clear_slot_i[SlotW-1:0] : done_slot_o[SlotW-1:0]),
      .write_data_i(clear_i ? '0 : row_final)
  );

  // --- cycle 2: the row as all earlier operations leave it ---

  always_comb begin
    row_now = ram_row;
    if (step_i) begin
      if (done_q && done_slot_o == step_item_i.slot) row_now = row_final;
      else if (last_slot_q == step_item_i.slot) row_now = row_last_q;
    end
  end

  // --- cycle 2: a new order ---

  book_side_t mine, theirs;
  price_t cents, point, offset, anchor, new_base, new_offset;
  logic on_half, on_cent, below_dollar, fits, in_window, take_window, is_better;
  book_grain_e new_grain;
  book_place_t place_q3;

  assign mine = step_item_i.is_sell ? row_now.ask : row_now.bid;
  assign theirs = step_item_i.is_sell ? row_now.bid : row_now.ask;

  function automatic rank_t rank_of(logic is_sell, price_t at);
    return rank_t'((is_sell ? at : ~at) & (Levels - 32'd1));
  endfunction

  always_comb begin
    cents = step_item_i.halves >> 1;
    on_half = 1'b0;
    on_cent = 1'b0;
    below_dollar = 1'b0;
    point = '0;
    fits = 1'b0;
    offset = '0;
    in_window = 1'b0;
    is_better = 1'b0;
    new_grain = GrainUnit;
    anchor = '0;
    new_base = '0;
    new_offset = '0;
    take_window = 1'b0;
    place_o = '0;
    if (step_i && step_item_i.what == StepAdd) begin
      on_half = step_item_i.halves * 32'd50 == step_item_i.price;
      on_cent = on_half && !step_item_i.halves[0];
      below_dollar = step_item_i.price < Dollar;
      unique case (mine.grain)
        GrainCent: begin
          point = cents;
          fits = on_cent;
        end
        GrainHalf: begin
          point = step_item_i.halves;
          fits = on_half;
        end
        default: begin
          point = step_item_i.price;
          fits = 1'b1;
        end
      endcase
      offset = point - mine.base;
      in_window = mine.windowed != '0 && fits && offset < Levels && !step_item_i.price[31];
      is_better = better(step_item_i.is_sell, step_item_i.price, mine.best_price);
      if (!below_dollar && on_cent && !row_now.halves) begin
        new_grain = GrainCent;
        anchor = cents;
      end else if (!below_dollar && on_half) begin
        new_grain = GrainHalf;
        anchor = step_item_i.halves;
      end else begin
        new_grain = GrainUnit;
        anchor = step_item_i.price;
      end
      new_base = anchor > Levels / 2 ? anchor - Levels / 2 : '0;
      new_offset = anchor - new_base;
      take_window = !step_item_i.price[31] && (mine.windowed == '0 ||
          (!in_window && is_better && mine.window != '1));
      place_o.windowed = in_window || take_window;
      place_o.wipe = take_window && mine.windowed != '0;
      place_o.window = mine.window + WindowW'(place_o.wipe);
      place_o.rank = rank_of(step_item_i.is_sell, take_window ? new_offset : offset);
    end
  end

  book_side_t mine_added;
  logic stands_out;  // among the orders outside none is better

  always_comb begin
    mine_added = mine;
    stands_out = 1'b0;
    if (step_i && step_item_i.what == StepAdd) begin
      if (place_o.wipe) begin
        if (mine.outside == '0 || better(step_item_i.is_sell, mine.best_price, mine.beyond))
          mine_added.beyond = mine.best_price;
        mine_added.outside = mine.outside + mine.windowed;
        mine_added.windowed = '0;
      end
      if (take_window) begin
        mine_added.window = place_o.window;
        mine_added.base = new_base;
        mine_added.grain = new_grain;
        mine_added.best_valid = 1'b0;
        mine_added.second_valid = 1'b0;
      end
      if (!place_o.windowed) begin
        stands_out = mine.outside == '0 ||
            better(step_item_i.is_sell, step_item_i.price, mine.beyond);
        if (stands_out) mine_added.beyond = step_item_i.price;
        mine_added.outside = mine.outside + 1'b1;
      end else begin
        mine_added.windowed = mine_added.windowed + 1'b1;
        if (!mine_added.best_valid || place_o.rank < mine.best_rank) begin
          mine_added.second_valid = mine_added.best_valid;
          mine_added.second_rank = mine.best_rank;
          mine_added.best_valid = 1'b1;
          mine_added.best_rank = place_o.rank;
          mine_added.best_price = step_item_i.price;
          mine_added.best_shares = BookSharesW'(step_item_i.shares);
        end else if (place_o.rank == mine.best_rank) begin
          mine_added.best_shares = mine.best_shares + BookSharesW'(step_item_i.shares);
        end else if (!mine.second_valid || place_o.rank < mine.second_rank) begin
          mine_added.second_valid = 1'b1;
          mine_added.second_rank = place_o.rank;
        end
      end
    end else if (step_i && step_item_i.what == StepReset) begin
      mine_added = '0;
    end
  end

  always_comb begin
    row_next_add = row_now;
    if (step_i) begin
      row_next_add.ask = step_item_i.is_sell ? mine_added : theirs;
      row_next_add.bid = step_item_i.is_sell ? theirs : mine_added;
      if (step_item_i.what == StepReset) begin
        row_next_add.halves = 1'b0;
        row_next_add.locate = step_item_i.locate;
      end else if (step_item_i.what == StepAdd && !below_dollar && on_half && !on_cent)
        row_next_add.halves = 1'b1;
    end
  end

  assign search_o = step_i && step_item_i.what == StepRemove;
  assign search_slot_o = step_item_i.slot;
  assign search_is_sell_o = step_item_i.is_sell;
  assign search_rank_o = mine.second_rank;

  // --- cycle 3: a removal ---

  book_side_t side_q3, side_removed;
  logic inside_q3, at_best;
  price_t second_point, second_price;

  assign side_q3 = step_q3.is_sell ? row_q3.ask : row_q3.bid;

  always_comb begin
    side_removed = side_q3;
    inside_q3 = 1'b0;
    at_best = 1'b0;
    second_point = '0;
    second_price = '0;
    refill = RefillNone;
    if (remove_q3 && step_q3.what == StepRemove) begin
      inside_q3 = step_q3.windowed && step_q3.window == side_q3.window;
      at_best = inside_q3 && side_q3.best_valid && step_q3.rank == side_q3.best_rank;
      second_point = side_q3.base +
          price_t'(rank_of(step_q3.is_sell, price_t'(side_q3.second_rank)));
      unique case (side_q3.grain)
        GrainCent: second_price = second_point * 32'd100;
        GrainHalf: second_price = second_point * 32'd50;
        default:   second_price = second_point;
      endcase
      if (step_q3.gone && inside_q3) side_removed.windowed = side_q3.windowed - 1'b1;
      if (step_q3.gone && !inside_q3) side_removed.outside = side_q3.outside - 1'b1;
      if (at_best && side_q3.best_shares <= BookSharesW'(step_q3.shares)) begin
        side_removed.best_valid = side_q3.second_valid;
        side_removed.best_rank = side_q3.second_rank;
        side_removed.best_price = second_price;
        side_removed.best_shares = search_shares_i;
        if (side_q3.second_valid) refill = RefillAlways;
      end else if (at_best) begin
        side_removed.best_shares = side_q3.best_shares - BookSharesW'(step_q3.shares);
      end else if (inside_q3 && side_q3.second_valid && step_q3.rank == side_q3.second_rank) begin
        refill = RefillEmptied;
      end
    end
  end

  always_comb begin
    row_next_remove = row_q3;
    if (remove_q3) begin
      if (step_q3.is_sell) row_next_remove.ask = side_removed;
      else row_next_remove.bid = side_removed;
    end
  end

  assign own_o = own_q3 &&
      (step_q3.what == StepRemove ? inside_q3 : place_q3.windowed || place_q3.wipe);
  assign own_wipe_o = step_q3.what != StepRemove && place_q3.wipe;
  assign own_level_o = step_q3.what != StepReset;
  assign own_add_o = step_q3.what == StepAdd;
  assign own_slot_o = step_q3.slot;
  assign own_is_sell_o = step_q3.is_sell;
  assign own_rank_o = step_q3.what == StepRemove ? step_q3.rank : place_q3.rank;
  assign own_shares_o = step_q3.shares;

  // --- the row is done ---

  logic changed_q, known_q, outside_q, moved_q;
  book_side_t refilled;

  function automatic logic same_top(book_side_t left, book_side_t right);
    return left.best_valid == right.best_valid && (!left.best_valid ||
        (left.best_price == right.best_price && left.best_shares == right.best_shares));
  endfunction

  always_comb begin
    row_final = row_q;
    refilled = step_q.is_sell ? row_q.ask : row_q.bid;
    if (done_q && (refill_q == RefillAlways || (refill_q == RefillEmptied && emptied_i))) begin
      refilled.second_valid = next_valid_i;
      refilled.second_rank = next_rank_i;
      if (step_q.is_sell) row_final.ask = refilled;
      else row_final.bid = refilled;
    end
  end

  assign done_o = done_q;
  assign done_slot_o = step_q.slot;
  assign done_emit_o = step_q.emit;
  assign done_changed_o = changed_q;
  assign done_known_o = known_q;
  assign done_late_o = step_q.late;
  assign done_outside_o = outside_q;
  assign done_moved_o = moved_q;

  always_comb begin
    done_top_o = '0;
    done_empty_o = 1'b0;
    if (done_q) begin
      done_top_o.known = side_known(1'b0, row_q.bid) && side_known(1'b1, row_q.ask);
      done_top_o.locate = row_q.locate;
      if (row_q.bid.best_valid) begin
        done_top_o.bid_ticks = ticks_t'(row_q.bid.best_price);
        done_top_o.bid_shares = row_q.bid.best_shares;
      end
      if (row_q.ask.best_valid) begin
        done_top_o.ask_ticks = ticks_t'(row_q.ask.best_price);
        done_top_o.ask_shares = row_q.ask.best_shares;
      end
      done_top_o.timestamp_ns = step_q.timestamp_ns;
      done_top_o.now_ns = step_q.now_ns;
      done_empty_o = row_q.bid.windowed == '0 && row_q.bid.outside == '0 &&
          row_q.ask.windowed == '0 && row_q.ask.outside == '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (step_i) begin
      row_q3 <= row_now;
      step_q3 <= step_item_i;
      place_q3 <= place_o;
      if (step_item_i.what == StepReset) place_q3.wipe <= 1'b1;
    end
    if (step_i && !step_item_i.late) begin
      row_q <= row_next_add;
      step_q <= step_item_i;
      refill_q <= RefillNone;
      changed_q <= !same_top(mine_added, mine);
      known_q <= side_known(step_item_i.is_sell, mine_added) !=
          side_known(step_item_i.is_sell, mine);
      outside_q <= step_item_i.what == StepAdd && !place_o.windowed;
      moved_q <= place_o.wipe;
    end else if (remove_q3) begin
      row_q <= row_next_remove;
      step_q <= step_q3;
      refill_q <= refill;
      changed_q <= !same_top(side_removed, side_q3);
      known_q <= side_known(step_q3.is_sell, side_removed) != side_known(step_q3.is_sell, side_q3);
      outside_q <= 1'b0;
      moved_q <= 1'b0;
    end
    if (done_q) begin
      row_last_q <= row_final;
      last_slot_q <= done_slot_o;
    end
    if (!rst_ni || clear_i) begin
      remove_q3 <= 1'b0;
      own_q3 <= 1'b0;
      done_q <= 1'b0;
      row_last_q <= '0;
      last_slot_q <= '0;
    end else begin
      remove_q3 <= step_i && step_item_i.late;
      own_q3 <= step_i && step_item_i.what != StepNone;
      done_q <= (step_i && !step_item_i.late) || remove_q3;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && done_q) begin
      assert (row_final.bid.best_valid == (row_final.bid.windowed != '0))
      else $error("bids miscounted");
      assert (row_final.ask.best_valid == (row_final.ask.windowed != '0))
      else $error("asks miscounted");
      assert (!row_final.bid.second_valid || row_final.bid.second_rank > row_final.bid.best_rank)
      else $error("the second bid is not after the first");
      assert (!row_final.ask.second_valid || row_final.ask.second_rank > row_final.ask.best_rank)
      else $error("the second ask is not after the first");
    end
    if (rst_ni) begin
      assert (!(remove_q3 && step_i && !step_item_i.late))
      else $error("two operations end at once");
    end
  end
`endif

endmodule

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
