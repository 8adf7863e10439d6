// The live orders of all watched symbols by reference: two hash tables, eight places for each hash value.
// A new order goes into the emptier of its two sets. Read in cycle 0, compared in 1, told and written in 2.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // of messages and rows, each block takes some fields

module book_orders
  import book_pkg::*;
#(
    parameter int unsigned Orders = 65536,  // that may live at once
    parameter int unsigned Sets = 8192,     // of each table
    parameter int unsigned Ways = 8,
    localparam int unsigned SetW = $clog2(Sets)
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic            clear_i,      // after reset: one set a cycle
    input wire logic [SetW-1:0] clear_set_i,

    input wire logic        read_i,           // cycle 0
    input wire logic        scrub_i,
    input wire logic [63:0] order_ref_i,      // scrub_i: the set

    input wire logic [255:0] drain_i,         // slots whose orders a scrub forgets

    output logic        hit_o,                // cycle 2
    output book_order_t order_o,
    output logic        room_o,
    output logic        full_o,               // no room since `Orders` live

    input wire logic        insert_i,         // cycle 2, one at most
    input wire logic        change_i,         // the order that was hit becomes order_i
    input wire logic        remove_i,
    input wire book_order_t order_i,

    output logic [CountW-1:0] live_o
);

  if (Orders < 1 || Orders > 65536) $fatal(1, "Orders is not within 1..65536");
  if (Sets < 2 || (Sets & (Sets - 1)) != 0) $fatal(1, "Sets is not a power of two from 2");
  if (Ways < 1 || Ways > 16) $fatal(1, "Ways is not within 1..16");

  localparam int unsigned Width = $bits(book_order_t);

  typedef logic [SetW-1:0] set_t;

  // References are numbered upwards: the first hash spreads neighbours evenly, the second tears them apart.
  function automatic set_t hash_a(logic [63:0] value);
    set_t folded = '0;
    for (int unsigned bit_at = 0; bit_at < 64; bit_at++) begin
      folded[bit_at%SetW] = folded[bit_at%SetW] ^ value[bit_at];
    end
    return folded;
  endfunction

  function automatic set_t hash_b(logic [63:0] value);
    logic [31:0] low = value[31:0] ^ value[63:32];
    logic [31:0] product = low * 32'h9E3779B1;
    return product[31-:SetW];
  endfunction

  function automatic logic [4:0] ones(logic [Ways-1:0] bits);
    logic [4:0] count = '0;
    for (int unsigned way = 0; way < Ways; way++) count = count + 5'(bits[way]);
    return count;
  endfunction

  logic [Ways*Width-1:0] mem_a [Sets];
  logic [Ways*Width-1:0] mem_b [Sets];
  logic [Ways*Width-1:0] row_a_q, row_b_q;
  set_t set_a, set_b, set_a_q, set_b_q, set_a_q2, set_b_q2;
  logic read_q, scrub_q, scrub_q2, valid_q2;
  logic [63:0] ref_q;

  // What was written in the last cycle, for a row that was read in it.
  logic meets_a_q, meets_b_q;
  logic [Ways-1:0] written_a_q, written_b_q;
  book_order_t written_q;

  assign set_a = scrub_i ? order_ref_i[SetW-1:0] : hash_a(order_ref_i);
  assign set_b = scrub_i ? order_ref_i[SetW-1:0] : hash_b(order_ref_i);

  // --- cycle 1 ---

  logic [Ways-1:0] taken_a, taken_b, equal_a, equal_b, drained_a, drained_b;
  book_order_t found;

  always_comb begin
    book_order_t one;
    one = '0;
    taken_a = '0;
    taken_b = '0;
    equal_a = '0;
    equal_b = '0;
    drained_a = '0;
    drained_b = '0;
    found = '0;
    if (read_q) begin
      for (int unsigned way = 0; way < Ways; way++) begin
        one = meets_a_q && written_a_q[way] ? written_q : row_a_q[way*Width+:Width];
        taken_a[way] = one.valid;
        equal_a[way] = one.valid && one.order_ref == ref_q;
        drained_a[way] = one.valid && drain_i[one.slot];
        if (equal_a[way]) found |= one;
        one = meets_b_q && written_b_q[way] ? written_q : row_b_q[way*Width+:Width];
        taken_b[way] = one.valid;
        equal_b[way] = one.valid && one.order_ref == ref_q;
        drained_b[way] = one.valid && drain_i[one.slot];
        if (equal_b[way]) found |= one;
      end
    end
  end

  // --- cycle 2 ---

  logic [Ways-1:0] hit_a_q2, hit_b_q2, free_a_q2, free_b_q2, drained_a_q2, drained_b_q2;
  logic [Ways-1:0] write_a, write_b;
  book_order_t found_q2;
  logic        use_b_q2;
  logic        room_q2;
  book_order_t written;

  assign hit_o = |{hit_a_q2, hit_b_q2};
  assign order_o = found_q2;
  assign full_o = live_o >= CountW'(Orders);
  assign room_o = room_q2 && !full_o;

  always_comb begin
    write_a = '0;
    write_b = '0;
    written = insert_i || change_i ? order_i : '0;
    if (clear_i) begin
      write_a = '1;
      write_b = '1;
    end else if (valid_q2) begin
      if (insert_i && use_b_q2) write_b = free_b_q2;
      if (insert_i && !use_b_q2) write_a = free_a_q2;
      if (change_i || remove_i) write_a = hit_a_q2;
      if (change_i || remove_i) write_b = hit_b_q2;
      if (scrub_q2) write_a = drained_a_q2;
      if (scrub_q2) write_b = drained_b_q2;
    end
  end

  always_ff @(posedge clk_i) begin
    if (read_i) begin
      row_a_q <= mem_a[set_a];
      row_b_q <= mem_b[set_b];
      set_a_q <= set_a;
      set_b_q <= set_b;
      ref_q <= order_ref_i;
      scrub_q <= scrub_i;
      meets_a_q <= valid_q2 && set_a == set_a_q2;
      meets_b_q <= valid_q2 && set_b == set_b_q2;
      written_a_q <= write_a;
      written_b_q <= write_b;
      written_q <= written;
    end
    if (read_q) begin
      set_a_q2 <= set_a_q;
      set_b_q2 <= set_b_q;
      scrub_q2 <= scrub_q;
      hit_a_q2 <= equal_a;
      hit_b_q2 <= equal_b;
      found_q2 <= found;
      free_a_q2 <= ~taken_a & (taken_a + 1'b1);
      free_b_q2 <= ~taken_b & (taken_b + 1'b1);
      use_b_q2 <= ones(taken_b) < ones(taken_a);
      room_q2 <= !(&taken_a && &taken_b);
      drained_a_q2 <= drained_a;
      drained_b_q2 <= drained_b;
    end
    if (|write_a) begin
      for (int unsigned way = 0; way < Ways; way++) begin
        if (write_a[way]) mem_a[clear_i?clear_set_i : set_a_q2][way*Width+:Width] <= written;
      end
    end
    if (|write_b) begin
      for (int unsigned way = 0; way < Ways; way++) begin
        if (write_b[way]) mem_b[clear_i?clear_set_i : set_b_q2][way*Width+:Width] <= written;
      end
    end
    if (!rst_ni) begin
      read_q <= 1'b0;
      valid_q2 <= 1'b0;
      live_o <= '0;
    end else begin
      read_q <= read_i;
      valid_q2 <= read_q;
      if (valid_q2) begin
        if (insert_i) live_o <= live_o + 1'b1;
        if (remove_i) live_o <= live_o - 1'b1;
        if (scrub_q2) live_o <= live_o - CountW'(ones(drained_a_q2)) - CountW'(ones(drained_b_q2));
      end
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_q2) begin
      assert (!(insert_i && (!room_o || hit_o))) else $error("an order without a place");
      assert (!((change_i || remove_i) && !hit_o)) else $error("no order to change");
    end
  end
`endif

endmodule

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
