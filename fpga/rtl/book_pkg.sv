// What the parts of top_of_book hand to each other.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // of messages and rows, each block takes some fields

/* verilator lint_off UNUSEDPARAM */
package book_pkg;

  import meltica_card_pkg::*;

  localparam int unsigned RankW = 12;
  localparam int unsigned OrderSharesW = OrderLotsW;
  localparam int unsigned WindowW = 8;  // how often a side's window may move off live orders
  localparam int unsigned CountW = 17;  // of live orders

  typedef logic [7:0] slot_t;
  typedef logic [RankW-1:0] rank_t;  // 0: the best price that the window of a side has
  typedef logic [31:0] price_t;

  typedef enum logic [2:0] {
    OpOther      = 3'd0,  // no order of a book is concerned
    OpAdd        = 3'd1,  // A F
    OpReduce     = 3'd2,  // E C X
    OpDelete     = 3'd3,  // D
    OpReplaceOut = 3'd4,  // U: the old order goes
    OpReplaceIn  = 3'd5,  // U: the new one comes, two cycles later
    OpScrub      = 3'd6,  // forgets the orders of slots that were taken away, one set of the table
    OpInit       = 3'd7   // empties one side of a slot
  } book_op_e;

  // An operation at the door of the pipeline.
  typedef struct packed {
    book_op_e    op;
    logic [7:0]  kind;
    logic [15:0] locate;        // OpInit: the slot
    logic [47:0] timestamp_ns;
    logic [63:0] order_ref;     // OpReplaceIn: the new one; OpScrub: the set
    logic [63:0] new_ref;
    logic        is_sell;
    logic [31:0] shares;
    price_t      price;         // OpInit: the locate code
    logic        printable;
    logic [7:0]  state;
    logic [7:0]  market;
    time_ns_t    now_ns;
  } book_op_t;

  // One live order. Inside: its level is in the window of its side that bore the number `window`.
  typedef struct packed {
    logic                    valid;
    logic [63:0]             order_ref;
    slot_t                   slot;
    logic                    is_sell;
    logic                    windowed;
    logic [WindowW-1:0]      window;
    rank_t                   rank;
    price_t                  price;
    logic [OrderSharesW-1:0] shares;
  } book_order_t;

  typedef enum logic [1:0] {
    GrainUnit = 2'd0,  // 1/10,000 dollar
    GrainHalf = 2'd1,  // half a cent
    GrainCent = 2'd2
  } book_grain_e;

  // One side of a watched symbol. windowed counts the orders whose levels the window has, outside all others; no price
  // outside is better than `beyond`.
  typedef struct packed {
    logic                   best_valid;
    rank_t                  best_rank;
    price_t                 best_price;
    logic [BookSharesW-1:0] best_shares;
    logic                   second_valid;
    rank_t                  second_rank;
    price_t                 base;          // the lowest price of the window, in grains
    book_grain_e            grain;
    logic [WindowW-1:0]     window;
    logic [CountW-1:0]      windowed;
    logic [CountW-1:0]      outside;
    price_t                 beyond;
  } book_side_t;

  typedef struct packed {
    logic        halves;  // half cents have been seen
    logic [15:0] locate;
    book_side_t  ask;
    book_side_t  bid;
  } book_row_t;

  typedef enum logic [1:0] {
    StepNone   = 2'd0,  // the book stays as it is; an update is sent all the same
    StepAdd    = 2'd1,
    StepRemove = 2'd2,
    StepReset  = 2'd3
  } book_step_e;

  // What an operation does to its book, known in its cycle 2.
  typedef struct packed {
    book_step_e              what;
    logic                    late;          // judged in cycle 3: E C X D and the first half of U
    logic                    emit;          // an update follows
    slot_t                   slot;
    logic                    is_sell;
    logic [OrderSharesW-1:0] shares;        // that come or go
    price_t                  price;
    price_t                  halves;        // price / 50
    logic                    gone;          // StepRemove: no share of the order is left
    logic                    windowed;      // StepRemove: as the order says
    logic [WindowW-1:0]      window;
    rank_t                   rank;
    logic [15:0]             locate;
    logic [47:0]             timestamp_ns;
    time_ns_t                now_ns;
  } book_step_t;

  // Where a new order stands.
  typedef struct packed {
    logic               windowed;
    logic               wipe;      // the window moved off live orders: its levels are forgotten
    logic [WindowW-1:0] window;
    rank_t              rank;
  } book_place_t;

  // What was last published of a slot.
  typedef struct packed {
    logic                   known;
    logic [15:0]            locate;
    ticks_t                 bid_ticks;
    logic [BookSharesW-1:0] bid_shares;
    ticks_t                 ask_ticks;
    logic [BookSharesW-1:0] ask_shares;
    logic [47:0]            timestamp_ns;
    time_ns_t               now_ns;
  } book_top_t;

  // What is known of any symbol besides its orders.
  typedef struct packed {
    logic watched;
    logic seen;
    time_ns_t seen_ns;  // the card's time of its last message
    price_t trade_price;  // 0: none yet
    logic [47:0] trade_timestamp_ns;
    time_ns_t trade_ns;
    logic [7:0] state;  // H P Q T; 0: nothing was said
    logic stopped;  // operational halt of this market
    logic [7:0] short_sale;  // '0' '1' '2'; 0: nothing was said
    logic [3:0] dirty;  // what the gate has not been told: trade, halted, restricted, gapped
  } symbol_row_t;

  localparam int unsigned DirtyTrade = 0;
  localparam int unsigned DirtyHalted = 1;
  localparam int unsigned DirtyRestricted = 2;
  localparam int unsigned DirtyGapped = 3;

  typedef enum logic [1:0] {
    AuxRead    = 2'd0,
    AuxPop     = 2'd1,  // read, and the gate is told: nothing is dirty any more
    AuxWatched = 2'd2,  // `on` says whether the symbol has a slot
    AuxGapped  = 2'd3   // the gate must be told about a gap
  } symbol_aux_e;

  function automatic logic halted(symbol_row_t row);
    return row.stopped || (row.state != 8'd0 && row.state != "T");
  endfunction

  function automatic logic restricted(symbol_row_t row);
    return row.short_sale != 8'd0 && row.short_sale != "0";
  endfunction

  function automatic logic better(logic is_sell, price_t price, price_t than);
    return is_sell ? price < than : price > than;
  endfunction

  // price / 50
  function automatic price_t halves_of(price_t price);
    logic [63:0] product = 64'(price) * 64'h51EB851F;
    return price_t'(product >> 36);
  endfunction

  // Nothing outside the window may be the best price of the side, or share it.
  function automatic logic side_known(logic is_sell, book_side_t side);
    return side.outside == '0 || (side.best_valid && better(is_sell, side.best_price, side.beyond));
  endfunction

endpackage
/* verilator lint_on UNUSEDPARAM */

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
