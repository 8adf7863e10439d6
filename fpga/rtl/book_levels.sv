// Shares at each price of the window of each side of each slot, and which price comes next after another.
// A bitmap of two steps says which levels live: a bit of `top` for each word of `leaf`, a bit of `leaf` for each level.
// What a clear bit stands above is void, whatever the memories hold: so a window is forgotten by clearing one word.
// An operation of cycle 0 searches in its cycles 2 to 4 and changes its own level in 3 and 4; operations are two cycles
// apart, so that each memory reads once in a cycle, and only what is read in cycle 2 can meet a write.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // slots and ranks are wider than a small book needs

module book_levels
  import meltica_card_pkg::*;
  import book_pkg::*;
#(
    parameter int unsigned Slots = 256,
    parameter int unsigned WindowLevels = 4096
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic       clear_i,        // after reset: one slot a cycle, first bids, then asks
    input wire logic [8:0] clear_side_i,

    // cycle 2: what comes after this level, and its shares
    input  wire logic                    search_i,
    input  wire slot_t                   search_slot_i,
    input  wire logic                    search_is_sell_i,
    input  wire rank_t                   search_rank_i,
    output logic      [BookSharesW-1:0]  search_shares_o, // cycle 3
    output logic                         next_valid_o,    // cycle 4
    output rank_t                        next_rank_o,

    // cycle 3: shares come to a level or leave it
    input  wire logic                    own_i,
    // all other levels of the side are forgotten
    input  wire logic                    own_wipe_i,
    input  wire logic                    own_level_i,     // there is a level; else it only wipes
    input  wire logic                    own_add_i,
    input  wire slot_t                   own_slot_i,
    input  wire logic                    own_is_sell_i,
    input  wire rank_t                   own_rank_i,
    input  wire logic [OrderSharesW-1:0] own_shares_i,
    output logic                         emptied_o        // cycle 4
);

  if (Slots < 2 || Slots > 256 || (Slots & (Slots - 1)) != 0)
    $fatal(1, "Slots is not a power of two within 2..256");
  if (WindowLevels < 128 || WindowLevels > 4096 || (WindowLevels & (WindowLevels - 1)) != 0)
    $fatal(1, "WindowLevels is not a power of two within 128..4096");

  localparam int unsigned SlotW = $clog2(Slots);
  localparam int unsigned LevelW = $clog2(WindowLevels);
  localparam int unsigned TopW = LevelW - 6;
  localparam int unsigned Words = WindowLevels / 64;

  typedef logic [SlotW:0] side_t;  // slot and side

  function automatic logic [5:0] lowest(logic [63:0] bits);
    logic [5:0] at = '0;
    logic [63:0] rest = bits;
    for (int step = 5; step >= 0; step--) begin
      logic [63:0] low = rest & ((64'd1 << (7'd1 << step)) - 64'd1);
      if (low == '0) begin
        at[step] = 1'b1;
        rest = rest >> (7'd1 << step);
      end
    end
    return at;
  endfunction

  // --- cycle 2: the search reads ---

  side_t search_side, side_q3;
  logic search_q3, search_q4;
  rank_t rank_q3;
  logic [63:0] search_leaf;
  logic [Words-1:0] search_top;

  assign search_side = {search_slot_i[SlotW-1:0], search_is_sell_i};

  // --- cycle 3: the word itself, or which word is next; the own level reads ---

  side_t own_side;
  logic [63:0] above;
  logic [Words-1:0] words_above;
  logic [5:0] in_word, in_words;

  assign own_side = {own_slot_i[SlotW-1:0], own_is_sell_i};

  always_comb begin
    above = '0;
    words_above = '0;
    in_word = '0;
    in_words = '0;
    if (search_q3) begin
      above = search_leaf & ~(('1 >> (6'd63 - rank_q3[5:0])));
      words_above = search_top & ~({Words{1'b1}} >> (TopW'(Words - 1) - rank_q3[LevelW-1:6]));
      in_word = lowest(above);
      in_words = lowest(64'(words_above));
    end
  end

  // --- cycle 4 ---

  logic here_q4, there_q4;
  logic [LevelW-1:0] here_rank_q4;
  logic [TopW-1:0] there_word_q4;
  side_t own_side_q4;
  logic own_q4, wipe_q4, level_q4, add_q4;
  logic [LevelW-1:0] own_rank_q4;
  logic [OrderSharesW-1:0] shares_q4;
  logic [63:0] own_leaf, leaf_before, leaf_after;
  logic [Words-1:0] own_top, top_before, top_after;
  logic [BookSharesW-1:0] level_data, level_before, level_after;
  logic live;

  always_comb begin
    next_valid_o = here_q4 || there_q4;
    next_rank_o = rank_t'(here_rank_q4);
    if (search_q4 && !here_q4 && there_q4)
      next_rank_o = rank_t'({there_word_q4, lowest(search_leaf)});
  end

  always_comb begin
    top_before = '0;
    leaf_before = '0;
    live = 1'b0;
    level_before = '0;
    level_after = '0;
    leaf_after = '0;
    top_after = '0;
    emptied_o = 1'b0;
    if (own_q4) begin
      top_before = wipe_q4 ? '0 : own_top;
      leaf_before = top_before[own_rank_q4[LevelW-1:6]] ? own_leaf : '0;
      live = leaf_before[own_rank_q4[5:0]];
      level_before = live ? level_data : '0;
      if (add_q4) level_after = level_before + BookSharesW'(shares_q4);
      else if (level_before > BookSharesW'(shares_q4))
        level_after = level_before - BookSharesW'(shares_q4);
      emptied_o = level_q4 && level_after == '0;
      leaf_after = leaf_before;
      top_after = top_before;
      if (level_q4) begin
        leaf_after[own_rank_q4[5:0]] = level_after != '0;
        top_after[own_rank_q4[LevelW-1:6]] = leaf_after != '0;
      end
    end
  end

  // --- memories ---

  logic write_top;
  side_t write_side;

  assign write_top = clear_i || own_q4;
  assign write_side = clear_i ? side_t'(clear_side_i) : own_side_q4;

  book_ram #(
      .Width (BookSharesW),
      .Depth (2 * Slots * WindowLevels),
      .Bypass(1'b1)
  ) i_level (
      .clk_i,
      .read_i(search_i || own_i),
      .read_address_i(
          search_i ? {search_side, search_rank_i[LevelW-1:0]} : {own_side, own_rank_i[LevelW-1:0]}),
      .read_data_o(level_data),
      .write_i(own_q4 && level_q4),
      .write_address_i({own_side_q4, own_rank_q4}),
      .write_data_i(level_after)
  );
  assign search_shares_o = level_data;

  book_ram #(
      .Width (64),
      .Depth (2 * Slots * Words),
      .Bypass(1'b1)
  ) i_search_leaf (
      .clk_i,
      .read_i(search_i || search_q3),
      .read_address_i(
          search_i ? {search_side, search_rank_i[LevelW-1:6]} : {side_q3, in_words[TopW-1:0]}),
      .read_data_o(search_leaf),
      .write_i(own_q4 && level_q4),
      .write_address_i({own_side_q4, own_rank_q4[LevelW-1:6]}),
      .write_data_i(leaf_after)
  );

  book_ram #(
      .Width(64),
      .Depth(2 * Slots * Words)
  ) i_own_leaf (
      .clk_i,
      .read_i(own_i),
      .read_address_i({own_side, own_rank_i[LevelW-1:6]}),
      .read_data_o(own_leaf),
      .write_i(own_q4 && level_q4),
      .write_address_i({own_side_q4, own_rank_q4[LevelW-1:6]}),
      .write_data_i(leaf_after)
  );

  book_ram #(
      .Width (Words),
      .Depth (2 * Slots),
      .Bypass(1'b1)
  ) i_search_top (
      .clk_i,
      .read_i(search_i),
      .read_address_i(search_side),
      .read_data_o(search_top),
      .write_i(write_top),
      .write_address_i(write_side),
      .write_data_i(top_after)
  );

  book_ram #(
      .Width(Words),
      .Depth(2 * Slots)
  ) i_own_top (
      .clk_i,
      .read_i(own_i),
      .read_address_i(own_side),
      .read_data_o(own_top),
      .write_i(write_top),
      .write_address_i(write_side),
      .write_data_i(top_after)
  );

  always_ff @(posedge clk_i) begin
    if (search_i) begin
      side_q3 <= search_side;
      rank_q3 <= search_rank_i;
    end
    if (search_q3) begin
      here_q4 <= above != '0;
      there_q4 <= words_above != '0;
      here_rank_q4 <= {rank_q3[LevelW-1:6], in_word};
      there_word_q4 <= in_words[TopW-1:0];
    end
    if (own_i) begin
      own_side_q4 <= own_side;
      wipe_q4 <= own_wipe_i;
      level_q4 <= own_level_i;
      add_q4 <= own_add_i;
      own_rank_q4 <= own_rank_i[LevelW-1:0];
      shares_q4 <= own_shares_i;
    end
    if (!rst_ni) begin
      search_q3 <= 1'b0;
      search_q4 <= 1'b0;
      own_q4 <= 1'b0;
    end else begin
      search_q3 <= search_i;
      search_q4 <= search_q3;
      own_q4 <= own_i;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!(search_i && own_i)) else $error("two levels read in one cycle");
      assert (!(search_i && search_q3)) else $error("two words read in one cycle");
      assert (!(own_q4 && level_q4 && !add_q4 && level_before < BookSharesW'(shares_q4)))
      else $error("a level has fewer shares than an order at it");
    end
  end
`endif

endmodule

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
