// Tells the gate what the feed says, without ever holding the feed up: what waits is which symbols have changed, not how
// often. When the gate takes an update it gets the newest state. Watched symbols go first: Quote, and Mark GAPPED when
// it is not usable; then, in the order in which they changed, ReferencePrice and Mark of any symbol.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // of messages and rows, each block takes some fields

module market_out
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import book_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Slots = 256
) (
    input wire logic clk_i,
    input wire logic rst_ni,
    input wire logic ready_i,       // the tables are clear

    input wire time_ns_t        now_ns_i,
    input wire logic            gap_i,
    input wire logic [Slots-1:0] on_i,        // slots that watch a symbol
    input wire logic [Slots-1:0] trusted_i,

    input wire logic            quote_i,      // the best of this slot has changed
    input wire slot_t           quote_slot_i,
    input wire logic            known_i,      // of that slot, whether its best is known
    input wire logic            look_i,       // it may have become usable or not
    input wire slot_t           look_slot_i,
    // the slot watches another symbol: the gate knows nothing of it
    input wire logic            begin_i,
    input wire slot_t           begin_slot_i,
    input wire logic            look_all_i,

    input wire logic            push_i,       // from the symbol table
    input wire logic [15:0]     push_locate_i,

    output logic             aux_o,           // to the symbol table
    output symbol_aux_e      aux_what_o,
    output logic [15:0]      aux_locate_o,
    input  wire logic        aux_ready_i,
    input  wire logic        aux_done_i,      // for this module
    input  wire symbol_row_t aux_row_i,

    output logic             top_read_o,      // what was last published of a slot
    output slot_t            top_slot_o,
    input  wire book_top_t   top_i,           // one cycle later

    output logic             market_valid_o,
    input  wire logic        market_ready_i,
    output market_update_t   market_o
);

  localparam int unsigned LocateW = $clog2(Instruments);
  localparam int unsigned SlotW = $clog2(Slots);

  typedef enum logic [2:0] {
    Idle,
    TopRead,
    TopTell,
    RowRead,
    RowTell
  } state_e;

  state_e state_q;
  logic [Slots-1:0] quoted_q, looked_q, shown_q, fresh_q, waiting, turn;
  logic any_waits, slots_turn, line_turn_q, tell_mark;
  slot_t slot_q;
  logic [15:0] locate_q;
  logic quote_q, mark_q, gapped_now;
  book_top_t top_q;
  symbol_row_t row_q;

  // --- which symbols wait: each at most once, so the line can hold them all ---

  logic [LocateW:0] write_q, read_q;
  logic [LocateW-1:0] line_head;
  logic fetched_q, line_empty, take;

  assign line_empty = write_q == read_q;

  book_ram #(
      .Width(LocateW),
      .Depth(Instruments)
  ) i_line (
      .clk_i,
      .read_i(!line_empty && !fetched_q),
      .read_address_i(read_q[LocateW-1:0]),
      .read_data_o(line_head),
      .write_i(push_i),
      .write_address_i(write_q[LocateW-1:0]),
      .write_data_i(push_locate_i[LocateW-1:0])
  );

  // --- a gap begins or ends: everybody is told, in the order of the table ---

  logic gap_q, sweep_q;
  logic [LocateW-1:0] sweep_locate_q;

  assign take = state_q == Idle && fetched_q && !slots_turn;

  always_comb begin
    aux_o = 1'b0;
    aux_what_o = AuxGapped;
    aux_locate_o = 16'(sweep_locate_q);
    if (take) begin
      aux_o = 1'b1;
      aux_what_o = AuxPop;
      aux_locate_o = 16'(line_head);
    end else if (sweep_q && state_q != RowRead) begin
      aux_o = 1'b1;
    end
  end

  // --- watched symbols take turns ---

  assign waiting = quoted_q | looked_q;
  assign any_waits = waiting != '0;
  assign slots_turn = any_waits && !(line_turn_q && fetched_q);

  function automatic slot_t first(logic [Slots-1:0] bits);
    slot_t at = '0;
    for (int unsigned index = 0; index < Slots; index++) begin
      if (bits[Slots-1-index]) at = slot_t'(Slots - 1 - index);
    end
    return at;
  endfunction

  slot_t next_slot;
  always_comb begin
    next_slot = '0;
    turn = '0;
    if (any_waits) begin
      turn = waiting & ~(({{(Slots - 1) {1'b0}}, 1'b1} << slot_q[SlotW-1:0]) - 1'b1);
      next_slot = turn != '0 ? first(turn) : first(waiting);
    end
  end

  assign top_read_o = state_q == Idle && slots_turn;
  assign top_slot_o = next_slot;
  assign tell_mark = mark_q != shown_q[slot_q[SlotW-1:0]] || fresh_q[slot_q[SlotW-1:0]];
  assign gapped_now = gap_i || !trusted_i[slot_q[SlotW-1:0]] || !top_i.known;

  // --- one update at a time ---

  logic free;
  assign free = !market_valid_o || market_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Idle;
      quoted_q <= '0;
      looked_q <= '0;
      shown_q <= '0;
      fresh_q <= '0;
      line_turn_q <= 1'b0;
      slot_q <= '0;
      write_q <= '0;
      read_q <= '0;
      fetched_q <= 1'b0;
      gap_q <= 1'b0;
      sweep_q <= 1'b0;
      sweep_locate_q <= '0;
      market_valid_o <= 1'b0;
      market_o <= '0;
    end else begin
      if (free) market_valid_o <= 1'b0;

      if (push_i) write_q <= write_q + 1'b1;
      if (!line_empty && !fetched_q) begin
        fetched_q <= 1'b1;
        read_q <= read_q + 1'b1;
      end

      if (ready_i && gap_i != gap_q) begin
        gap_q <= gap_i;
        sweep_q <= 1'b1;
        sweep_locate_q <= '0;
        looked_q <= looked_q | on_i;
      end else if (sweep_q && aux_o && aux_what_o == AuxGapped && aux_ready_i) begin
        sweep_locate_q <= sweep_locate_q + 1'b1;
        sweep_q <= sweep_locate_q != '1;
      end

      unique case (state_q)
        Idle: begin
          if (slots_turn) begin
            slot_q <= next_slot;
            line_turn_q <= 1'b1;
            quote_q <= quoted_q[next_slot[SlotW-1:0]];
            quoted_q[next_slot[SlotW-1:0]] <= 1'b0;
            looked_q[next_slot[SlotW-1:0]] <= 1'b0;
            state_q <= TopRead;
          end else if (fetched_q && aux_ready_i) begin
            fetched_q <= 1'b0;
            line_turn_q <= 1'b0;
            locate_q <= 16'(line_head);
            state_q <= RowRead;
          end
        end
        TopRead: begin
          top_q <= top_i;
          mark_q <= gapped_now;
          if (!on_i[slot_q[SlotW-1:0]]) state_q <= Idle;
          else state_q <= TopTell;
        end
        TopTell: begin
          if (tell_mark && (mark_q || !quote_q)) begin
            if (free) begin
              market_valid_o <= 1'b1;
              market_o <= '0;
              market_o.kind <= MarketMark;
              market_o.instrument <= top_q.locate;
              market_o.mark <= MarkGapped;
              market_o.on <= mark_q;
              market_o.time_ns <= now_ns_i;
              shown_q[slot_q[SlotW-1:0]] <= mark_q;
              fresh_q[slot_q[SlotW-1:0]] <= 1'b0;
              if (!quote_q) state_q <= Idle;
            end
          end else if (quote_q) begin
            if (free) begin
              market_valid_o <= 1'b1;
              market_o <= '0;
              market_o.kind <= MarketQuote;
              market_o.instrument <= top_q.locate;
              market_o.bid_ticks <= top_q.bid_ticks;
              market_o.bid_lots <= lots(top_q.bid_shares);
              market_o.ask_ticks <= top_q.ask_ticks;
              market_o.ask_lots <= lots(top_q.ask_shares);
              market_o.time_ns <= top_q.now_ns;
              quote_q <= 1'b0;
              if (!tell_mark) state_q <= Idle;
            end
          end else begin
            state_q <= Idle;
          end
        end
        RowRead: begin
          row_q <= aux_row_i;
          if (aux_done_i) state_q <= RowTell;
        end
        RowTell: begin
          if (free) begin
            market_o <= '0;
            market_o.instrument <= locate_q;
            market_o.kind <= MarketMark;
            market_o.time_ns <= now_ns_i;
            if (row_q.dirty[DirtyHalted]) begin
              market_valid_o <= 1'b1;
              market_o.mark <= MarkHalted;
              market_o.on <= halted(row_q);
              row_q.dirty[DirtyHalted] <= 1'b0;
            end else if (row_q.dirty[DirtyRestricted]) begin
              market_valid_o <= 1'b1;
              market_o.mark <= MarkShortRestricted;
              market_o.on <= restricted(row_q);
              row_q.dirty[DirtyRestricted] <= 1'b0;
            end else if (row_q.dirty[DirtyGapped] && !row_q.watched) begin
              market_valid_o <= 1'b1;
              market_o.mark <= MarkGapped;
              market_o.on <= gap_i;
              row_q.dirty[DirtyGapped] <= 1'b0;
            end else begin
              if (row_q.dirty[DirtyTrade]) begin
                market_valid_o <= 1'b1;
                market_o.kind <= MarketReference;
                market_o.bid_ticks <= ticks_t'(row_q.trade_price);
                market_o.time_ns <= row_q.trade_ns;
              end
              state_q <= Idle;
            end
          end
        end
        default: state_q <= Idle;
      endcase

      // What happens in this very cycle is never lost to what was just taken.
      if (quote_i) quoted_q[quote_slot_i[SlotW-1:0]] <= 1'b1;
      if (known_i) looked_q[quote_slot_i[SlotW-1:0]] <= 1'b1;
      if (look_i) looked_q[look_slot_i[SlotW-1:0]] <= 1'b1;
      if (begin_i) begin
        quoted_q[begin_slot_i[SlotW-1:0]] <= 1'b1;
        fresh_q[begin_slot_i[SlotW-1:0]] <= 1'b1;
      end
      if (look_all_i) looked_q <= looked_q | on_i;
    end
  end

  // A quote has 32 bits for lots; more than that is told as the most.
  function automatic logic [LotsW-1:0] lots(logic [BookSharesW-1:0] shares);
    return |shares[BookSharesW-1:LotsW] ? '1 : shares[LotsW-1:0];
  endfunction

endmodule

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
