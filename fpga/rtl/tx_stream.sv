// The words of one frame, one a cycle; the checksums are put in as their words leave.
`default_nettype none

module tx_stream
  import meltica_card_pkg::*, order_tx_pkg::*;
(
    input  wire                  clk_i,
    input  wire                  go_i,            // frame_i begins; not while leaving_i
    input  wire                  leaving_i,       // from the next cycle until last_taken_o
    input  wire  [FrameW-1:0]    frame_i,         // with go_i
    input  wire  [6:0]           frame_bytes_i,
    input  wire                  has_tag_i,
    input  wire  [15:0]          ip_checksum_i,   // from the third cycle after go_i
    input  wire  [15:0]          tcp_checksum_i,  // from the fourth
    output logic [511:0]         payload_o,       // of the frame that leaves, 0 behind its end
    output logic                 last_taken_o,
    output logic                 word_valid_o,
    input  wire                  word_ready_i,
    output axis_word_t           word_o
);

  logic [FrameW-1:0] frame_q;
  logic has_tag_q, is_last;
  logic [3:0] word_q, last_word;
  logic [6:0] frame_bytes_q;

  always_ff @(posedge clk_i) begin
    if (go_i) begin
      frame_q <= frame_i;
      has_tag_q <= has_tag_i;
      word_q <= word_ready_i ? 4'd1 : 4'd0;
      frame_bytes_q <= frame_bytes_i;
    end else if (leaving_i && word_ready_i) begin
      word_q <= word_q + 4'd1;
    end
  end

  assign payload_o = frame_q[8*HeaderBytes+:512];
  assign last_word = 4'((frame_bytes_q - 7'd1) >> 3);
  assign is_last = word_q == last_word;
  assign last_taken_o = leaving_i && word_ready_i && is_last;
  assign word_valid_o = go_i || leaving_i;

  always_comb begin
    word_o.error = 1'b0;
    word_o.last = 1'b0;
    word_o.keep = '1;
    word_o.data = frame_i[63:0];
    if (leaving_i) begin
      word_o.data = frame_q[64*word_q+:64];
      if (word_q == 4'd3) begin
        if (has_tag_q) word_o.data[47:32] = ip_checksum_i;
        else word_o.data[15:0] = ip_checksum_i;
      end
      if (word_q == 4'd6) begin
        if (has_tag_q) word_o.data[63:48] = tcp_checksum_i;
        else word_o.data[31:16] = tcp_checksum_i;
      end
      if (is_last) begin
        word_o.last = 1'b1;
        word_o.keep = 8'hFF >> (3'd0 - frame_bytes_q[2:0]);
      end
    end
  end

endmodule

`default_nettype wire
