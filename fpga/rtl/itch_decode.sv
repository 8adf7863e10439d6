// ITCH 5.0: the message blocks that mold_rx finds in a stream of words to decoded messages, one cycle behind the word
// with the last byte. fpga/docs/itch_decode.md has the contract, meltica/venues/nasdaq/itch50.toml the offsets.
//
// Within a message byte k always comes in lane (k + lane of byte 0) mod 8. Turned by that much, the bytes of a word
// belong to two groups of eight: those that were in the lanes in front of byte 0's complete the group that the word
// before began, the others begin the next. Fields are taken out of the kept groups with the current word's put in.
`default_nettype none

module itch_decode
  import meltica_card_pkg::*;
(
    input wire logic       clk_i,
    input wire logic       rst_ni,
    input wire logic       word_valid_i,
    input wire axis_word_t word_i,

    input  wire logic        starts_i,       // as mold_rx has them
    input  wire logic [ 3:0] starts_lane_i,
    input  wire logic        ends_i,
    input  wire logic        live_i,
    input  wire logic [15:0] length_i,
    input  wire logic [63:0] number_i,
    output logic             too_short_o,

    output logic            msg_valid_o,
    output logic            msg_skip_o,      // its sequence number counts; nothing acts on it
    output market_message_t msg_o,
    output logic            msg_unknown_o,   // pulse with msg_valid_o: no known type
    output logic            early_valid_o,
    output logic     [15:0] early_locate_o,
    output logic     [ 7:0] early_kind_o
);

  localparam int unsigned Groups = 6;  // 48 bytes: the last field that is taken ends at 44

  typedef logic [7:0][7:0] group_t;  // [0]: the first byte

  group_t kept_q[Groups];
  group_t now, before_q, turned_now, turned_before, joined;
  group_t [Groups-1:0] whole;  // with what the current word adds
  logic [2:0] turn_q;  // lane of byte 0
  logic [2:0] at_q;  // words behind the one with byte 0; saturates
  logic open_q;  // a message has begun
  logic [7:0] kind_q;
  logic kind_known_q;

  assign now = group_t'(word_i.data);

  // --- where the bytes are ---

  always_comb begin
    turned_now = '0;
    turned_before = '0;
    joined = '0;
    whole = '0;
    if (word_valid_i && open_q) begin
      for (int unsigned j = 0; j < 8; j++) begin
        turned_now[j] = now[3'(j)+turn_q];
        turned_before[j] = before_q[3'(j)+turn_q];
        joined[j] = j + 32'(turn_q) < 8 ? turned_before[j] : turned_now[j];
      end
      for (int unsigned g = 0; g < Groups; g++) begin
        whole[g] = at_q == 3'(g) ? turned_now : at_q == 3'(g + 1) ? joined : kept_q[g];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (word_valid_i) begin
      before_q <= now;
      if (open_q) begin
        for (int unsigned g = 0; g < Groups; g++) begin
          if (at_q == 3'(g + 1)) kept_q[g] <= joined;
        end
        if (at_q != 3'd7) at_q <= at_q + 3'd1;
        if (at_q == 3'd0) {kind_q, kind_known_q} <= {now[0], 1'b1};
      end
      if (starts_i) begin
        open_q <= 1'b1;
        turn_q <= starts_lane_i[2:0];
        at_q <= starts_lane_i[3] ? 3'd0 : 3'd1;
        kind_q <= now[starts_lane_i[2:0]];
        kind_known_q <= !starts_lane_i[3];
      end
      if (word_i.last) open_q <= 1'b0;
    end
    if (!rst_ni) {open_q, kind_known_q} <= '0;
  end

  // --- types ---

  function automatic logic [5:0] least_length(input logic [7:0] kind);
    unique case (kind)
      "W": return 6'd12;
      "D", "B": return 6'd19;
      "Y", "N": return 6'd20;
      "h": return 6'd21;
      "X": return 6'd23;
      "H": return 6'd25;
      "L": return 6'd26;
      "K": return 6'd28;
      "E": return 6'd31;
      "V", "J", "U": return 6'd35;
      "A", "C": return 6'd36;
      "R": return 6'd39;
      "F", "Q": return 6'd40;
      "P": return 6'd44;
      "O": return 6'd48;
      "I": return 6'd50;
      default: return 6'd12;  // S, and what is not known
    endcase
  endfunction

  logic acts, known;

  always_comb begin
    unique case (kind_q)
      "S", "R", "H", "Y", "J", "h", "A", "F", "E", "C", "X", "D", "U", "P", "Q", "B": acts = 1'b1;
      default: acts = 1'b0;
    endcase
    unique case (kind_q)
      "V", "W", "L", "K", "I", "N", "O": known = 1'b1;
      default: known = acts;
    endcase
  end

  assign too_short_o = kind_known_q && length_i < {10'b0, least_length(kind_q)};

  // --- fields ---

  // The wire is big-endian: the first byte is the highest.
  function automatic logic [63:0] number(input group_t [Groups-1:0] bytes, input int unsigned first,
                                         input int unsigned length);
    number = '0;
    for (int unsigned i = 0; i < 8; i++) begin
      if (i < length) number = {number[55:0], bytes[(first+i)/8][(first+i)%8]};
    end
  endfunction

  function automatic logic [7:0] letter(input group_t [Groups-1:0] bytes, input int unsigned at);
    return bytes[at/8][at%8];
  endfunction

  function automatic logic [63:0] text(input group_t [Groups-1:0] bytes, input int unsigned first);
    for (int unsigned i = 0; i < 8; i++) text[8*i+:8] = bytes[(first+i)/8][(first+i)%8];
  endfunction

  market_message_t found;

  always_comb begin
    found = '0;
    found.printable = 1'b1;
    if (ends_i) begin
      found.sequence_number = number_i;
      found.kind = kind_q;
      found.locate = 16'(number(whole, 1, 2));
      found.timestamp_ns = 48'(number(whole, 5, 6));
      unique case (kind_q)
        "A", "F", "E", "C", "X", "D", "U", "P": found.order_ref = number(whole, 11, 8);
        default: ;
      endcase
      unique case (kind_q)
        "A", "F", "P": begin
          found.is_sell = letter(whole, 19) == "S";
          found.shares = 32'(number(whole, 20, 4));
          found.stock = text(whole, 24);
          found.price = 32'(number(whole, 32, 4));
          if (kind_q == "P") found.match_number = number(whole, 36, 8);
        end
        "E", "C": begin
          found.shares = 32'(number(whole, 19, 4));
          found.match_number = number(whole, 23, 8);
          if (kind_q == "C") begin
            found.printable = letter(whole, 31) == "Y";
            found.price = 32'(number(whole, 32, 4));
          end
        end
        "X": found.shares = 32'(number(whole, 19, 4));
        "U": begin
          found.new_order_ref = number(whole, 19, 8);
          found.shares = 32'(number(whole, 27, 4));
          found.price = 32'(number(whole, 31, 4));
        end
        "Q": begin
          found.shares = number(whole, 11, 4) != '0 ? '1 : 32'(number(whole, 15, 4));
          found.stock = text(whole, 19);
          found.price = 32'(number(whole, 27, 4));
          found.match_number = number(whole, 31, 8);
        end
        "B": found.match_number = number(whole, 11, 8);
        "S": found.state = letter(whole, 11);
        "R": found.stock = text(whole, 11);
        "H", "Y": begin
          found.stock = text(whole, 11);
          found.state = letter(whole, 19);
        end
        "h": begin
          found.stock = text(whole, 11);
          found.market = letter(whole, 19);
          found.state = letter(whole, 20);
        end
        "J": begin
          found.stock = text(whole, 11);
          found.upper_price = 32'(number(whole, 23, 4));
          found.lower_price = 32'(number(whole, 27, 4));
        end
        default: ;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    msg_valid_o   <= ends_i;
    msg_unknown_o <= ends_i && !known;
    if (ends_i) begin
      msg_o <= found;
      msg_skip_o <= !acts;
    end
    if (!rst_ni) {msg_valid_o, msg_unknown_o, msg_skip_o} <= '0;
  end

  // --- early: type and locate, one cycle behind the word with the third byte ---

  typedef enum logic [1:0] {
    HasAll,
    LacksLow,     // the second byte of the locate is in lane 0 of the next word
    LacksLocate,  // lanes 0 and 1
    LacksKind     // lanes 0 to 2
  } early_e;

  early_e early_q;
  logic early_valid_q;
  logic [2:0] lane;

  assign lane = starts_lane_i[2:0];

  always_ff @(posedge clk_i) begin
    early_valid_q <= 1'b0;
    if (word_valid_i) begin
      early_q <= HasAll;
      unique case (early_q)
        LacksLow: early_locate_o[7:0] <= now[0];
        LacksLocate: early_locate_o <= {now[0], now[1]};
        LacksKind: {early_kind_o, early_locate_o} <= {now[0], now[1], now[2]};
        default: ;
      endcase
      early_valid_q <= early_q != HasAll;
      if (starts_i) begin
        early_kind_o   <= now[lane];
        early_locate_o <= {now[lane+3'd1], now[lane+3'd2]};
        early_valid_q  <= starts_lane_i <= 4'd5;
        early_q <= starts_lane_i == 4'd8 ? LacksKind : starts_lane_i == 4'd7 ? LacksLocate
            : starts_lane_i == 4'd6 ? LacksLow : HasAll;
      end
      if (word_i.last) early_q <= HasAll;
    end
    if (!rst_ni) begin
      early_q <= HasAll;
      early_valid_q <= 1'b0;
    end
  end

  assign early_valid_o = early_valid_q && live_i;

  logic unused;
  assign unused = &{1'b0, word_i.keep, word_i.error};

endmodule

`default_nettype wire
