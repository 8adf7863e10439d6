// Answers what is known of a symbol, in the gaps between messages: some cycles after the question.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // of messages and rows, each block takes some fields

module book_query
  import meltica_card_pkg::*;
  import book_pkg::*;
#(
    parameter int unsigned Slots = 256,
    parameter longint unsigned StaleAfterNs = 1_000_000_000
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input  wire logic        query_valid_i,
    input  wire logic [15:0] query_locate_i,
    output logic             query_done_o,
    output symbol_status_t   query_status_o,

    input wire time_ns_t         now_ns_i,
    input wire logic             gap_i,
    input wire logic [7:0]       event_i,
    input wire logic [Slots-1:0] trusted_i,

    output logic        ask_o,              // to book_watch
    output logic [15:0] ask_locate_o,
    input  wire logic   ask_ready_i,
    input  wire logic   watched_i,
    input  wire slot_t  slot_i,

    output logic             aux_o,         // to symbol_table
    input  wire logic        aux_ready_i,
    input  wire logic        aux_done_i,
    input  wire symbol_row_t aux_row_i,

    output logic           top_read_o,      // what was last published of a slot
    output slot_t          top_slot_o,
    input  wire logic      top_ready_i,
    input  wire book_top_t top_i
);

  localparam int unsigned SlotW = $clog2(Slots);

  typedef enum logic [2:0] {
    Idle,
    AskSlot,
    HearSlot,
    AskRow,
    HearRow,
    AskTop,
    HearTop
  } state_e;

  state_e state_q;
  logic [15:0] locate_q;
  slot_t slot_q;
  logic watched_q, bid, ask, usable;
  symbol_row_t row_q;

  assign ask_o = state_q == AskSlot;
  assign ask_locate_o = locate_q;
  assign aux_o = state_q == AskRow;
  assign top_read_o = state_q == AskTop;
  assign top_slot_o = slot_q;
  assign bid = top_i.bid_shares != '0;
  assign usable = trusted_i[slot_q[SlotW-1:0]] && top_i.known;
  assign ask = top_i.ask_shares != '0;

  always_ff @(posedge clk_i) begin
    query_done_o <= 1'b0;
    if (!rst_ni) begin
      state_q <= Idle;
    end else begin
      unique case (state_q)
        Idle: begin
          if (query_valid_i) begin
            locate_q <= query_locate_i;
            state_q <= AskSlot;
          end
        end
        AskSlot: if (ask_ready_i) state_q <= HearSlot;
        HearSlot: begin
          watched_q <= watched_i;
          slot_q <= slot_i;
          state_q <= AskRow;
        end
        AskRow: if (aux_ready_i) state_q <= HearRow;
        HearRow: begin
          row_q <= aux_row_i;
          if (aux_done_i) state_q <= AskTop;
        end
        AskTop: if (top_ready_i) state_q <= HearTop;
        HearTop: begin
          query_done_o <= 1'b1;
          query_status_o <= '0;
          query_status_o.instrument <= locate_q;
          query_status_o.watched <= watched_q;
          query_status_o.gapped <= gap_i || (watched_q && !usable);
          query_status_o.stale <= !row_q.seen || (now_ns_i - row_q.seen_ns > StaleAfterNs &&
              row_q.state != "H" && row_q.state != "P" && (event_i == 8'd0 || event_i == "Q"));
          query_status_o.halted <= halted(row_q);
          query_status_o.short_restricted <= restricted(row_q);
          query_status_o.trading_state <= row_q.state;
          query_status_o.short_sale_state <= row_q.short_sale;
          query_status_o.market_event <= event_i;
          query_status_o.trade_price <= row_q.trade_price;
          query_status_o.trade_timestamp_ns <= row_q.trade_timestamp_ns;
          query_status_o.seen_ns <= row_q.seen ? row_q.seen_ns : '0;
          if (watched_q) begin
            query_status_o.slot <= slot_q;
            query_status_o.usable <= !gap_i && usable;
            query_status_o.locked <= bid && ask && top_i.bid_ticks == top_i.ask_ticks;
            query_status_o.crossed <= bid && ask && top_i.bid_ticks > top_i.ask_ticks;
            query_status_o.bid_ticks <= top_i.bid_ticks;
            query_status_o.bid_shares <= top_i.bid_shares;
            query_status_o.ask_ticks <= top_i.ask_ticks;
            query_status_o.ask_shares <= top_i.ask_shares;
            query_status_o.top_timestamp_ns <= top_i.timestamp_ns;
          end
          state_q <= Idle;
        end
        default: state_q <= Idle;
      endcase
    end
  end

endmodule

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
