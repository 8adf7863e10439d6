// Which symbols have a slot, and which slots can be trusted. Takes the rows Watch and ClearGap, one at a time.
// A slot that is taken away stops at once; its orders are then forgotten in the gaps between messages, and only when all
// of them are gone may the slot serve another symbol.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // of messages and rows, each block takes some fields

module book_watch
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import book_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Slots = 256,
    parameter int unsigned Sets = 8192
) (
    input wire logic clk_i,
    input wire logic rst_ni,
    input wire logic ready_i,

    input wire logic        clear_i,        // after reset: one locate code a cycle
    input wire logic [15:0] clear_locate_i,

    input wire logic        cfg_valid_i,
    input wire staged_row_t cfg_row_i,

    input  wire logic        op_i,          // cycle 0: which slot has a locate code
    input  wire logic [15:0] op_locate_i,
    // the same for a question, when no operation is in its cycle 0
    input  wire logic        ask_i,
    input  wire logic [15:0] ask_locate_i,
    output logic             ask_ready_o,
    output logic             watched_o,     // one cycle later
    output slot_t            slot_o,

    output logic     chore_valid_o,         // to the queue
    output book_op_t chore_o,
    input  wire logic chore_ready_i,

    output logic        aux_o,              // to the symbol table
    output logic [15:0] aux_locate_o,
    output logic        aux_on_o,
    input  wire logic   aux_ready_i,

    input wire logic  fail_i,               // a slot's book may be wrong from now on
    input wire slot_t fail_slot_i,
    input wire logic  fail_all_i,
    input wire logic  day_i,                // the feed's day begins
    input wire logic  done_i,
    input wire slot_t done_slot_i,
    input wire logic  done_empty_i,

    output logic [Slots-1:0] on_o,
    output logic [Slots-1:0] trusted_o,
    output logic [    255:0] drain_o,
    output logic             begin_o,
    output slot_t            begin_slot_o,
    output logic             look_o,
    output slot_t            look_slot_o,
    output logic             busy_o,
    output logic             taken_o,       // a slot was taken away while orders lived
    output logic             bad_row_o
);

  localparam int unsigned LocateW = $clog2(Instruments);
  localparam int unsigned SlotW = $clog2(Slots);
  localparam int unsigned SetW = $clog2(Sets);
  // a host commits a row in some 30 cycles, and one takes about 20
  localparam int unsigned RowDepth = 8;
  // until the last operation that knew the old state has ended
  localparam logic [3:0] Settle = 4'd8;

  typedef struct packed {
    logic        watch;
    logic        on;
    logic [15:0] slot;
    logic [31:0] instrument;
  } row_t;

  typedef enum logic [3:0] {
    Idle,
    Unmap,
    Want,
    ClearAsk,
    ClearDo,
    BeginAsk,
    BeginCheck,
    BeginBids,
    BeginAsks,
    BeginWait,
    BeginMap,
    BeginTell
  } state_e;

  // --- rows ---

  row_t rows_q[RowDepth];
  logic [3:0] row_write_q, row_read_q;
  row_t row;
  logic row_waits, row_bad, row_full;
  watch_t watch;
  clear_gap_t clear_gap;
  logic is_watch, is_clear;

  assign watch = cfg_row_i[$bits(watch_t)-1:0];
  assign clear_gap = cfg_row_i[$bits(clear_gap_t)-1:0];
  assign is_watch = cfg_valid_i && cfg_row_i[15:0] == WatchTypeId;
  assign is_clear = cfg_valid_i && cfg_row_i[15:0] == ClearGapTypeId && clear_gap.all == 8'd0;
  assign row_waits = row_write_q != row_read_q;
  assign row_full = row_write_q == {~row_read_q[3], row_read_q[2:0]};
  assign row = rows_q[row_read_q[2:0]];
  assign row_bad = row.instrument >= Instruments || (row.watch && 32'(row.slot) >= Slots);

  // --- slots ---

  state_e state_q;
  logic [Slots-1:0] on_q, wanted_q, dirty_q, drain_q, trusted_q, empty_q, ready_slots;
  logic [15:0] locates_q[Slots];
  logic [SlotW-1:0] slot, begin_slot_q, first_ready;
  logic [3:0] wait_q;
  logic todo_q, scrub_q;
  logic [SetW-1:0] set_q;

  assign on_o = on_q;
  assign trusted_o = trusted_q;
  assign drain_o = 256'(drain_q);
  assign slot = row.slot[SlotW-1:0];

  always_comb begin
    ready_slots = '0;
    first_ready = '0;
    if (todo_q) begin
      ready_slots = wanted_q & ~on_q & ~dirty_q;
      for (int unsigned index = 0; index < Slots; index++) begin
        if (ready_slots[Slots-1-index]) first_ready = SlotW'(Slots - 1 - index);
      end
    end
  end

  // --- the map from locate codes to slots ---

  logic map_ask, map_write, mapped;
  logic [15:0] map_locate, map_write_locate;
  logic [8:0] map_row, map_data;

  assign map_ask = !op_i && (state_q == ClearAsk || state_q == BeginAsk);
  assign ask_ready_o = !op_i && !map_ask;
  assign map_locate = op_i ? op_locate_i :
      state_q == ClearAsk ? row.instrument[15:0] :
      state_q == BeginAsk ? locates_q[begin_slot_q] : ask_locate_i;
  assign watched_o = mapped && map_row[8];
  assign slot_o = map_row[7:0];

  always_comb begin
    map_write = clear_i;
    map_write_locate = clear_locate_i;
    map_data = '0;
    if (!clear_i && state_q == Unmap) begin
      map_write = 1'b1;
      map_write_locate = locates_q[slot];
    end else if (!clear_i && state_q == BeginMap) begin
      map_write = 1'b1;
      map_write_locate = locates_q[begin_slot_q];
      map_data = {1'b1, 8'(begin_slot_q)};
    end
  end

  book_ram #(
      .Width(9),
      .Depth(Instruments)
  ) i_map (
      .clk_i,
      .read_i(op_i || map_ask || ask_i),
      .read_address_i(map_locate[LocateW-1:0]),
      .read_data_o(map_row),
      .write_i(map_write),
      .write_address_i(map_write_locate[LocateW-1:0]),
      .write_data_i(map_data)
  );

  // --- what the rows ask of the others ---

  always_comb begin
    chore_o = '0;
    chore_valid_o = 1'b0;
    if (state_q == BeginBids || state_q == BeginAsks) begin
      chore_valid_o = 1'b1;
      chore_o.op = OpInit;
      chore_o.locate = 16'(begin_slot_q);
      chore_o.is_sell = state_q == BeginAsks;
      chore_o.price = price_t'(locates_q[begin_slot_q]);
    end else if (scrub_q) begin
      chore_valid_o = 1'b1;
      chore_o.op = OpScrub;
      chore_o.order_ref = 64'(set_q);
    end
  end

  assign aux_o = state_q == Unmap || state_q == BeginTell;
  assign aux_on_o = state_q == BeginTell;
  assign aux_locate_o = state_q == Unmap ? locates_q[slot] : locates_q[begin_slot_q];
  assign busy_o = state_q != Idle || row_waits || todo_q || scrub_q;

  always_ff @(posedge clk_i) begin
    begin_o <= 1'b0;
    look_o <= 1'b0;
    taken_o <= 1'b0;
    bad_row_o <= 1'b0;
    if (op_i || map_ask || ask_i) mapped <= 32'(map_locate) < Instruments;
    if (!rst_ni) begin
      state_q <= Idle;
      row_write_q <= '0;
      row_read_q <= '0;
      on_q <= '0;
      wanted_q <= '0;
      dirty_q <= '0;
      drain_q <= '0;
      trusted_q <= '0;
      empty_q <= '0;
      todo_q <= 1'b0;
      scrub_q <= 1'b0;
      set_q <= '0;
    end else begin
      if (is_watch || is_clear) begin
        if (row_full) bad_row_o <= 1'b1;
        else begin
          rows_q[row_write_q[2:0]] <= is_watch ?
              {1'b1, watch.on != 8'd0, watch.slot, watch.instrument_id} :
              {1'b0, 1'b0, 16'd0, clear_gap.instrument_id};
          row_write_q <= row_write_q + 1'b1;
        end
      end

      if (done_i) empty_q[done_slot_i[SlotW-1:0]] <= done_empty_i;
      if (day_i) trusted_q <= trusted_q | (empty_q & on_q);

      unique case (state_q)
        Idle: begin
          if (ready_i && row_waits) begin
            if (row_bad) begin
              bad_row_o <= 1'b1;
              row_read_q <= row_read_q + 1'b1;
            end else if (!row.watch) state_q <= ClearAsk;
            else state_q <= on_q[slot] ? Unmap : Want;
          end else if (todo_q) begin
            begin_slot_q <= first_ready;
            if (ready_slots != '0) state_q <= BeginAsk;
            else begin
              todo_q <= 1'b0;
              if (dirty_q != '0 && !scrub_q) begin
                drain_q <= dirty_q;
                scrub_q <= 1'b1;
                set_q <= '0;
              end
            end
          end
        end
        Unmap: begin
          if (aux_ready_i) begin
            on_q[slot] <= 1'b0;
            dirty_q[slot] <= 1'b1;
            trusted_q[slot] <= 1'b0;
            taken_o <= !empty_q[slot];
            state_q <= Want;
          end
        end
        Want: begin
          wanted_q[slot] <= row.on;
          locates_q[slot] <= row.instrument[15:0];
          row_read_q <= row_read_q + 1'b1;
          todo_q <= 1'b1;
          state_q <= Idle;
        end
        ClearAsk: if (!op_i) state_q <= ClearDo;
        ClearDo: begin
          row_read_q <= row_read_q + 1'b1;
          state_q <= Idle;
          if (watched_o) begin
            trusted_q[slot_o[SlotW-1:0]] <= 1'b1;
            look_o <= 1'b1;
            look_slot_o <= slot_o;
          end else bad_row_o <= 1'b1;
        end
        BeginAsk: if (!op_i) state_q <= BeginCheck;
        BeginCheck: begin
          state_q <= BeginBids;
          if (watched_o) begin
            wanted_q[begin_slot_q] <= 1'b0;
            bad_row_o <= 1'b1;
            state_q <= Idle;
          end
        end
        BeginBids: if (chore_ready_i) state_q <= BeginAsks;
        BeginAsks: begin
          wait_q <= Settle;
          if (chore_ready_i) state_q <= BeginWait;
        end
        BeginWait: begin
          wait_q <= wait_q - 1'b1;
          if (wait_q == '0) state_q <= BeginMap;
        end
        BeginMap: begin
          on_q[begin_slot_q] <= 1'b1;
          empty_q[begin_slot_q] <= 1'b1;
          begin_o <= 1'b1;
          begin_slot_o <= 8'(begin_slot_q);
          state_q <= BeginTell;
        end
        BeginTell: if (aux_ready_i) state_q <= Idle;
        default: state_q <= Idle;
      endcase

      if (scrub_q && chore_ready_i && state_q != BeginBids && state_q != BeginAsks) begin
        set_q <= set_q + 1'b1;
        if (set_q == '1) begin
          scrub_q <= 1'b0;
          drain_q <= '0;
          dirty_q <= dirty_q & ~drain_q;
          if (state_q == Unmap && aux_ready_i) dirty_q[slot] <= 1'b1;
          todo_q <= 1'b1;
        end
      end

      // Distrust wins over everything that happens in the same cycle.
      if (fail_i) trusted_q[fail_slot_i[SlotW-1:0]] <= 1'b0;
      if (fail_i) begin
        look_o <= 1'b1;
        look_slot_o <= fail_slot_i;
      end
      if (fail_all_i) trusted_q <= '0;
    end
  end

endmodule

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
