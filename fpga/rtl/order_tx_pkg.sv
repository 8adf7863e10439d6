// What the parts of order_tx hand to each other, and how OUCH 5.0, SoupBinTCP, TCP and IP lay out
// their bytes.
// A frame is a vector whose byte n is bits 8n+7:8n, as it is on the AXI-Stream: big-endian numbers
// go through swap.
// One's complement sums do not care about the byte order (RFC 1071): they add the bytes as they lie
// in the vector.
`default_nettype none

/* verilator lint_off UNUSEDPARAM */
package order_tx_pkg;

  import meltica_hot_pkg::*;

  // Why an order that passed the gate did not leave. 2 to 12: the refusals of the software's OUCH
  // port, negated.
  typedef enum logic [5:0] {
    CauseNone           = 6'd0,
    CauseUnknownSymbol  = 6'd2,
    CauseUnknownOrder   = 6'd3,
    CauseBadQuantity    = 6'd5,
    CauseBadPrice       = 6'd6,
    CauseBadTif         = 6'd7,
    CauseDuplicateOrder = 6'd8,
    CauseReplacePending = 6'd9,
    CauseBadAction      = 6'd10,
    CauseBadSide        = 6'd11,
    CauseExhausted      = 6'd12,
    CauseKilled         = 6'd32,
    CauseSessionDown    = 6'd33,
    CauseWindow         = 6'd34,
    CauseUnknownPort    = 6'd35,
    CauseOverflow       = 6'd36
  } tx_cause_e;

  // An order of which the first word is on the stream.
  typedef struct packed {
    order_intent_t order;
    logic [31:0]   user_ref_num;     // CANCEL: the number that it cancels
    logic [31:0]   sequence_number;  // TCP, of its first byte
    logic [5:0]    payload_bytes;
  } tx_sent_t;

  // A port between two FrameTemplate rows, with what its checksums begin from.
  typedef struct packed {
    logic [47:0] destination_mac;
    logic [47:0] source_mac;
    logic [31:0] source_ip;
    logic [31:0] destination_ip;
    logic [15:0] source_port;
    logic [15:0] destination_port;
    logic [15:0] vlan;
    logic [63:0] client_order_prefix;
    logic [31:0] firm;
    logic [7:0]  capacity;
    logic [7:0]  display;
    logic [7:0]  cross_type;
    logic [15:0] ip_sum;             // of the IP header without length, identification and checksum
    logic [15:0] tcp_sum;            // of addresses, protocol, ports and flags
  } port_template_t;

  // What moves with every frame and with every TcpState row.
  typedef struct packed {
    logic        up;
    logic [31:0] acknowledgment_number;
    logic [15:0] window;
    logic [15:0] peer_window;
    logic [31:0] acknowledged;
    logic [31:0] sequence_number;
    logic [15:0] identification;
    logic [31:0] user_ref_num;       // 0: there are none left
    logic [15:0] epoch;  // moves when the numbers begin again; an older order is unknown
  } port_state_t;

  // An order that left and may still work.
  typedef struct packed {
    logic        valid;
    logic        canceling;
    logic        ioc;
    logic        iso;
    logic [19:0] executed_lots;  // of the chain; OUCH counts them into the quantity of a replace
    logic [31:0] pending;            // the number of a replace without an answer; 0: none
    logic [31:0] user_ref_num;
    logic [15:0] epoch;
    logic [7:0]  port_id;
    logic [63:0] order_id;
  } table_entry_t;

  localparam int unsigned EntryW = $bits(table_entry_t);

  localparam logic [19:0] MaxShares = 20'd999_999;
  localparam logic [30:0] MaxPrice = 31'd1_999_999_900;
  localparam logic [63:0] MarketPrice = 64'h7FFF_FFFF;

  localparam int unsigned HeaderBytes = 54;   // Ethernet 14, IPv4 20, TCP 20
  localparam int unsigned TagBytes = 4;
  localparam int unsigned PayloadBytes = 59;  // Enter Order with firm and post-only
  localparam int unsigned FrameWords = 16;    // 15 are used
  localparam int unsigned FrameW = 64 * FrameWords;

  localparam logic [5:0] EnterBytes = 6'd50;
  localparam logic [5:0] FirmBytes = 6'd6;
  localparam logic [5:0] PostOnlyBytes = 6'd3;
  localparam logic [5:0] ReplaceBytes = 6'd43;
  localparam logic [5:0] CancelBytes = 6'd12;

  function automatic logic [15:0] swap16(logic [15:0] x);
    return {x[7:0], x[15:8]};
  endfunction

  function automatic logic [31:0] swap32(logic [31:0] x);
    return {swap16(x[15:0]), swap16(x[31:16])};
  endfunction

  function automatic logic [47:0] swap48(logic [47:0] x);
    return {swap16(x[15:0]), swap32(x[47:16])};
  endfunction

  function automatic logic [63:0] swap64(logic [63:0] x);
    return {swap32(x[31:0]), swap32(x[63:32])};
  endfunction

  // Any sum of up to 64 sixteen-bit words. Twice: the first carry may make another one.
  function automatic logic [15:0] fold(logic [21:0] sum);
    logic [16:0] once;
    once = {1'b0, sum[15:0]} + {11'd0, sum[21:16]};
    return once[15:0] + {15'd0, once[16]};
  endfunction

  function automatic logic [21:0] pair(logic [31:0] x);
    return {6'd0, x[15:0]} + {6'd0, x[31:16]};
  endfunction

  function automatic logic [7:0] digit32(logic [4:0] x);
    return x < 5'd10 ? 8'h30 + {3'd0, x} : 8'h37 + {3'd0, x};
  endfunction

  // Without a prefix as the software has it: M and thirteen digits of base 32, so that the number
  // can be read back.
  // With one: the prefix and six digits, the lowest 30 bits.
  function automatic logic [111:0] cl_ord_id(logic [63:0] order_id, logic [63:0] prefix);
    logic [64:0] digits;
    logic [111:0] text;
    digits = {1'b0, order_id};
    for (int unsigned n = 0; n < 13; n++) text[8*(13-n)+:8] = digit32(digits[5*n+:5]);
    text[7:0] = 8'h4D;
    if (prefix != '0) text[63:0] = prefix;
    return text;
  endfunction

  function automatic logic printable(logic [7:0] x);
    return x >= 8'h20 && x <= 8'h7E;
  endfunction

  function automatic logic printable4(logic [31:0] x);
    return printable(x[7:0]) && printable(x[15:8]) && printable(x[23:16]) && printable(x[31:24]);
  endfunction

endpackage

`default_nettype wire
