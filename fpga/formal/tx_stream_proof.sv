// The words of frames, whatever is in them. The checksums are still from the cycle on that tx_stream asks for.
`default_nettype none

module tx_stream_proof
  import meltica_card_pkg::*;
  import order_tx_pkg::*;
(
  input wire logic              clk_i,
  input wire logic              rst_ni,
  input wire logic              go_i,
  input wire logic              ready_i,
  input wire logic [FrameW-1:0] frame_i,
  input wire logic [6:0]        bytes_i,
  input wire logic              has_tag_i,
  input wire logic [15:0]       ip_i,
  input wire logic [15:0]       tcp_i
);

  logic leaving_q, last_taken, word_valid;
  logic [511:0] payload;
  axis_word_t word;

  // As tx_head does it.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) leaving_q <= 1'b0;
    else if (go_i) leaving_q <= 1'b1;
    else if (last_taken) leaving_q <= 1'b0;
  end

  tx_stream dut (
    .clk_i, .go_i, .leaving_i(leaving_q), .frame_i, .frame_bytes_i(bytes_i), .has_tag_i,
    .ip_checksum_i(ip_i), .tcp_checksum_i(tcp_i), .payload_o(payload), .last_taken_o(last_taken),
    .word_valid_o(word_valid), .word_ready_i(ready_i), .word_o(word)
  );

  axis_rules u_rules (
    .clk_i, .rst_ni, .valid_i(word_valid), .ready_i, .word_i(word)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  logic [2:0] since_go_q;
  logic [15:0] ip_q, tcp_q;
  always_ff @(posedge clk_i) begin
    if (go_i) since_go_q <= 3'd1;
    else if (since_go_q != 3'd7) since_go_q <= since_go_q + 3'd1;
    ip_q <= ip_i;
    tcp_q <= tcp_i;
  end

  // Sizes of frames: a cancel without a tag to an order with a tag and all appendages.
  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (!rst_ni || leaving_q) assume (!go_i);
    assume (bytes_i >= 7'd66 && bytes_i <= 7'd117);
    if (leaving_q && since_go_q > 3'd3) assume (ip_i == ip_q);
    if (leaving_q && since_go_q > 3'd4) assume (tcp_i == tcp_q);
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      if (leaving_q) assert (word_valid);
      if (go_i) assert (word_valid && !word.last);
      cover (word_valid && word.last && word.keep == 8'h03);
    end
  end

endmodule

`default_nettype wire
