// What the blocks of the card hand to each other, and how wide the card counts.
// Records that cross between host and card are in the generated meltica_hot_pkg.
`default_nettype none

/* verilator lint_off UNUSEDPARAM */
package meltica_card_pkg;

  // --- how wide the card counts; wider numbers are refused, never cut ---

  // The card's instrument number is the feed's locate code
  localparam int unsigned InstrumentW = 16;
  localparam int unsigned OrderLotsW = 20;   // of one order; OUCH takes less than 1,000,000 shares
  localparam int unsigned LotsW = 32;        // of a quote, a fill, a reservation
  localparam int unsigned TicksW = 31;       // of every price; a tick is 1/10,000 dollar
  localparam int unsigned PositionW = 48;    // positions and open lots, signed
  localparam int unsigned ValueW = 64;       // ticks * lots: the card's unit of value, signed

  typedef logic [InstrumentW-1:0] instrument_t;
  typedef logic [TicksW-1:0] ticks_t;
  typedef logic [63:0] time_ns_t;  // Unix time

  // --- 64-bit AXI4-Stream at 156.25 MHz ---

  typedef struct packed {
    logic        error;  // tuser: bad frame check sequence, with the last word
    logic        last;
    logic [7:0]  keep;   // bit 0: the first byte on the wire, which is data[7:0]
    logic [63:0] data;
  } axis_word_t;

  // --- market data: one decoded message ---

  typedef struct packed {
    logic [7:0]  market;           // h: the market that halts, Q B or X; else 0
    logic [63:0] sequence_number;  // MoldUDP64
    logic [7:0]  kind;             // ITCH message type, ASCII
    logic [15:0] locate;
    logic [47:0] timestamp_ns;     // since midnight
    logic [63:0] order_ref;        // A F E C X D; U: the original
    logic [63:0] new_order_ref;    // U
    logic        is_sell;          // A F P
    logic [31:0] shares;           // A F E C X U P; Q: saturated
    logic [31:0] price;            // A F C U P Q, 1/10,000 dollar; E: 0
    logic        printable;        // C; else 1
    logic [63:0] match_number;     // E C P Q B
    // A F H Y R P Q h, J: eight ASCII bytes, the first in the lowest byte
    logic [63:0] stock;
    // H trading state, h market state, Y short sale state, S event code
    logic [7:0]  state;
    logic [31:0] upper_price;      // J
    logic [31:0] lower_price;      // J
  } market_message_t;

  // What a lane says about the MoldUDP64 packet that its messages come from. fpga/docs/feed_lane.md
  typedef struct packed {
    logic [79:0] session;       // the first ASCII byte in bits 7:0
    logic [63:0] first_number;  // of the packet's header
    logic [63:0] next_number;   // of the message on its way
    // Pulse: the frame has ended and was judged; the fields below go with it
    logic        done;
    logic        clean;         // its content can be trusted
    logic        poisoned;      // it can't, and messages of it were let through
    logic        heartbeat;     // clean, count 0 or 0xFFFF
    logic        ends;          // count 0xFFFF
  } feed_packet_t;

  // Pulses for counters. A frame has at most one of the reasons; they are in the order in which they are looked for.
  typedef struct packed {
    // a lane: frames
    logic frame;             // every frame
    logic bad_fcs;           // word.error with the last word, or a keep with a hole
    logic runt;              // less than 60 bytes
    logic giant;
    logic not_udp;           // another ethertype, IP version or protocol
    logic truncated;         // the frame ends before the IP packet does
    logic bad_header;        // IPv4 header length, or a total length that holds no UDP header
    logic bad_ip_checksum;
    logic fragment;
    logic wrong_address;     // or the lane is not enabled
    logic bad_length;        // UDP length and IP length differ, or no MoldUDP64 header fits
    logic bad_udp_checksum;
    logic bad_sequence;      // 0 or beyond 2^63-1
    logic wrong_session;     // another than the filter's
    logic bad_block;         // a length of 0..11, shorter than its type, or beyond the packet
    logic count_lies;        // fewer or more messages than the header says
    logic heartbeat;
    logic end_of_session;
    logic poisoned;
    // a lane: messages
    logic message;           // every message that was let through
    logic unknown_type;
    // the merge, about a lane
    logic duplicate;         // message that was there already
    logic out_of_order;      // message that was parked
    logic overflow;          // message that found its parking full: its number is missing now
    logic late_session;      // message of the session before
    // the merge, about the feed (with lane 0)
    logic gap;               // declared: messages are lost, or wrong ones were let through
    logic session_change;
  } feed_events_t;

  // --- what the feed tells the risk gate, in the terms of the records Quote, ReferencePrice and Mark ---

  typedef enum logic [1:0] {
    MarketReference = 2'd0,
    MarketQuote     = 2'd1,
    MarketMark      = 2'd2,
    MarketBand      = 2'd3
  } market_kind_e;

  typedef struct packed {
    market_kind_e     kind;
    instrument_t      instrument;
    ticks_t           bid_ticks;   // MarketReference: the price; MarketBand: the low edge
    logic [LotsW-1:0] bid_lots;
    ticks_t           ask_ticks;   // MarketBand: the high edge
    logic [LotsW-1:0] ask_lots;
    logic [7:0]       mark;        // MarketMark: Mark of the layout
    logic             on;
    time_ns_t         time_ns;
  } market_update_t;

  // --- the risk gate ---

  // Whose rows an order needs; comes one cycle before the order itself.
  typedef struct packed {
    logic [31:0] instrument_id;
    logic [15:0] account_id;
    logic [15:0] strategy_id;
    logic [7:0]  port_id;
  } order_key_t;

  // A row that the host committed: the bytes of a record, the type id in bits 15:0.
  typedef logic [1023:0] staged_row_t;

  // A told record on its way from gate_tell to risk_gate_core: valid by itself, its slow arithmetic done.
  typedef struct packed {
    logic             from_host;     // gate_tell waits for op_done
    logic [15:0]      type_id;
    staged_row_t      row;           // the record; market updates are written as one, too
    // Collar of the instrument after this record; no collar: low 1, high 0
    ticks_t           edge_low;
    ticks_t           edge_high;
    logic             impact_on;     // MARKET_IMPACT of the instrument after this record
    logic [OrderLotsW-1:0] impact_buy_lots;   // the largest quantity that passes
    logic [OrderLotsW-1:0] impact_sell_lots;
    // In ticks * lots. Instrument: max value; else: open value with credit, after it
    logic [ValueW-1:0] value_limit;
    logic [63:0]      full_tokens;   // burst in nano-tokens
  } told_op_t;

  // One own working limit order, as own_orders keeps it.
  typedef struct packed {
    logic             valid;
    logic [63:0]      id;
    logic [15:0]      account;
    instrument_t      instrument;
    logic [1:0]       side;        // side_e: 1 buys, 2 sells
    ticks_t           price;
    logic [LotsW-1:0] leaves;
  } own_order_t;

  // A NEW that passed lately, as recent_orders keeps it. MARKET: the price is 0.
  typedef struct packed {
    logic                  valid;
    instrument_t           instrument;
    logic [1:0]            side;
    logic [OrderLotsW-1:0] lots;
    ticks_t                price;
    time_ns_t              time_ns;
  } recent_order_t;

  // --- top of book ---

  localparam int unsigned BookSharesW = 36;  // of a level: 65,536 orders of less than 2^20 shares

  // What a message did to the best prices of a watched symbol. 0 shares: no order on that side.
  typedef struct packed {
    logic [7:0]             slot;
    instrument_t            instrument;
    ticks_t                 bid_ticks;
    logic [BookSharesW-1:0] bid_shares;
    ticks_t                 ask_ticks;
    logic [BookSharesW-1:0] ask_shares;
    logic                   locked;
    logic                   crossed;
    logic                   usable;        // else the prices may be wrong
    logic                   changed;       // the best of a side has changed
    logic [47:0]            timestamp_ns;  // of the message
  } book_update_t;

  // For counters: each is 1 for one cycle when it happened once. The first six cost a symbol its
  // trust, `lost` costs all of them theirs.
  typedef struct packed {
    logic table_full;      // an order more than the card has room for
    logic set_full;        // the same, of one hash value
    logic duplicate;       // a new order whose reference lives
    logic unknown_order;   // E C X D U of an order that a watched symbol does not have
    logic over_reduction;  // E C X of more shares than the order has
    logic too_large;       // a new order of 2^20 shares or more
    logic slot_taken;      // a slot was taken away while orders lived
    logic lost;            // a message for which the queue had no room
    logic empty_order;     // a new order without a price or without shares: not entered
    logic outside;         // an order outside the window of its side: the best may become unknown
    logic window_moved;    // a window moved off live orders
    logic bad_row;         // a Watch or ClearGap row that cannot be
    logic bad_locate;      // a message for a locate code that the card has no row for
  } book_events_t;

  // All that is known of a symbol.
  typedef struct packed {
    instrument_t            instrument;
    logic                   watched;
    logic [7:0]             slot;
    logic                   usable;
    logic                   gapped;
    logic                   stale;
    logic                   halted;
    logic                   short_restricted;
    logic                   crossed;
    logic                   locked;
    logic [7:0]             trading_state;       // H P Q T; 0: nothing was said
    logic [7:0]             short_sale_state;    // '0' '1' '2'; 0: nothing was said
    logic [7:0]             market_event;        // the last of the market: O S Q M E C; 0: none
    logic [31:0]            trade_price;         // 0: no trade yet
    logic [47:0]            trade_timestamp_ns;  // exchange time
    time_ns_t               seen_ns;             // card time of its last message; 0: none
    ticks_t                 bid_ticks;
    logic [BookSharesW-1:0] bid_shares;
    ticks_t                 ask_ticks;
    logic [BookSharesW-1:0] ask_shares;
    logic [47:0]            top_timestamp_ns;
  } symbol_status_t;

endpackage

`default_nettype wire
