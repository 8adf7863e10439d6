// What the parts of a feed lane hand to each other.
`default_nettype none

/* verilator lint_off UNUSEDPARAM */
package meltica_feed_pkg;

  localparam int unsigned MinFrameBytes = 60;    // without the frame check sequence
  localparam logic [15:0] EtherIpv4 = 16'h0800;
  localparam logic [7:0] ProtocolUdp = 8'd17;
  localparam logic [15:0] UdpHeaderBytes = 16'd8;
  localparam logic [15:0] UdpMoldBytes = 16'd28;  // UDP and MoldUDP64 headers
  localparam logic [15:0] MinMessageBytes = 16'd12;
  localparam logic [15:0] CountHeartbeat = 16'd0;
  localparam logic [15:0] CountEnd = 16'hFFFF;

  function automatic logic is_tag(input logic [15:0] ethertype);
    return ethertype == 16'h8100 || ethertype == 16'h88A8 || ethertype == 16'h9100;
  endfunction

  // The headers of a frame, as far as they have come; all registered.
  typedef struct packed {
    logic [1:0]  tags;
    logic        ip;            // the ethertype behind the tags
    logic        version_ok;
    logic [3:0]  ip_words;      // header length
    logic [15:0] ip_bytes;      // total length
    logic        fragment;
    logic        udp;
    logic [31:0] source_ip;
    logic [31:0] destination_ip;
    logic [15:0] destination_port;
    logic [15:0] udp_bytes;
    logic        udp_unsummed;  // checksum 0: none
    logic [79:0] session;       // the first byte in bits 7:0
    logic [63:0] number;
    logic [15:0] count;
    logic        complete;
  } headers_t;

  // What a frame's end finds; judged in the cycles behind it.
  typedef struct packed {
    logic        error;
    logic        giant;
    logic        wrong_address;
    logic        wrong_session;
    logic        bad_sequence;
    logic        bad_block;
    logic        count_lies;
    logic        passed;        // messages were let through
    logic        silent;        // count 0 or 0xFFFF
    logic        ends;
    logic        not_udp;
    logic        short_ip;      // header or total length senseless
    logic        fragment;
    logic        bad_length;
    logic        truncated;
    logic        runt;
    logic        unsummed;
    logic [18:0] pseudo;        // sum of the UDP pseudo header
  } frame_end_t;

endpackage

`default_nettype wire
