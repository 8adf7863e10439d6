// Ethernet, VLAN tags, IPv4, UDP and MoldUDP64 headers out of a stream of words. fpga/docs/mold_rx.md
//
// Behind the Ethernet addresses every field lies at an offset of 2 modulo 4, so a word holds two groups of four bytes:
// `first`, which began in the lanes 6 and 7 of the word before, and `second`, in the lanes 2 to 5.
`default_nettype none

module mold_headers
  import meltica_card_pkg::*;
  import meltica_feed_pkg::*;
(
    input wire logic       clk_i,
    input wire logic       rst_ni,
    input wire logic       word_valid_i,
    input wire axis_word_t word_i,
    input wire logic       advance_i,  // one message on: the number of the next

    output headers_t         headers_o,
    // Combinational: the last byte of the headers is in this word.
    output logic             ends_o,
    output logic       [2:0] ends_lane_o,   // what follows begins in this lane, 2 or 6
    output logic      [15:0] count_o,       // combinational, with ends_o
    output logic             zero_number_o, // combinational, with ends_o
    // Combinational: which 16-bit halves of this word, lowest lanes first, are of the IPv4 header, of UDP.
    output logic       [3:0] ip_halves_o,
    output logic       [3:0] udp_halves_o
);

  typedef enum logic [1:0] {
    LinkOther,
    LinkIp,
    LinkTag
  } link_e;

  headers_t headers_q, headers_d;
  link_e link_q, link_d;
  logic [1:0] word_q;  // 0, 1, 2, then 3
  logic [15:0] tail_q;
  logic in_ip_q, in_udp_q;  // ip_at_q and udp_at_q mean something
  logic signed [3:0] ip_at_q, ip_at, ip_at_d;  // number of `first` within IP, -2..7
  logic signed [5:0] udp_at_q, udp_at_d;  // the same within UDP
  logic in_ip, starts_ip;
  logic [31:0] first, second, start;

  logic [7:0] lane[8];
  for (genvar i = 0; i < 8; i++) begin : gen_lane
    assign lane[i] = word_i.data[8*i+:8];
  end

  assign first = {tail_q, lane[0], lane[1]};
  assign second = {lane[2], lane[3], lane[4], lane[5]};

  // Where IP begins is known in word 2 at the latest: behind no tag, one or two.
  always_comb begin
    in_ip = 1'b0;
    ip_at = ip_at_q;
    if (word_q == 2'd3) begin
      in_ip = in_ip_q;
    end else if (word_q == 2'd2) begin
      if (link_q == LinkIp) begin
        {in_ip, ip_at} = {1'b1, 4'sd0};
      end else if (link_q == LinkTag && first[15:0] == EtherIpv4) begin
        {in_ip, ip_at} = {1'b1, -4'sd1};
      end else if (link_q == LinkTag && is_tag(first[15:0]) && second[15:0] == EtherIpv4) begin
        {in_ip, ip_at} = {1'b1, -4'sd2};
      end
    end
  end

  assign starts_ip = in_ip && !in_udp_q && (ip_at == 4'sd0 || ip_at == -4'sd1);
  assign start = ip_at == 4'sd0 ? first : second;
  assign ip_at_d = ip_at > 4'sd5 ? ip_at : ip_at + 4'sd2;
  assign udp_at_d = (starts_ip ? 6'(ip_at) - $signed({2'b00, start[27:24]}) : udp_at_q) + 6'sd2;
  assign link_d = second[15:0] == EtherIpv4 ? LinkIp : is_tag(second[15:0]) ? LinkTag : LinkOther;

  assign ends_o = word_valid_i && in_udp_q && !headers_q.complete
      && (udp_at_q == 6'sd6 || udp_at_q == 6'sd5);
  assign ends_lane_o = udp_at_q[0] ? 3'd6 : 3'd2;
  assign count_o = udp_at_q[0] ? second[15:0] : first[15:0];
  assign zero_number_o = udp_at_q[0]
      ? {headers_q.number[63:48], first, second[31:16]} == '0
      : {headers_q.number[63:16], first[31:16]} == '0;

  // The halves of a word are of the groups at 0, 1, 1 and 2.
  function automatic logic of_ip(input logic signed [3:0] behind);
    return in_udp_q ? udp_at_q + 6'(behind) < 6'sd0 : in_ip && ip_at + behind >= 4'sd0;
  endfunction

  always_comb begin
    ip_halves_o  = {of_ip(4'sd2), {2{of_ip(4'sd1)}}, of_ip(4'sd0)};
    udp_halves_o = {4{in_udp_q}} & ~ip_halves_o;
    if (word_q == 2'd1) ip_halves_o[3] = link_d == LinkIp;
    if (word_q < 2'd2) udp_halves_o = '0;
    if (word_q == 2'd0) ip_halves_o = '0;
    if (headers_q.complete && word_q != 2'd0) {ip_halves_o, udp_halves_o} = 8'h0F;
  end

  // One group to its fields; `at` is its number within IP, `at_udp` within UDP.
  function automatic headers_t capture(input headers_t so_far, input logic [31:0] group,
                                       input logic signed [3:0] at,
                                       input logic signed [5:0] at_udp, input logic udp_known);
    capture = so_far;
    unique case (at)
      4'sd0: begin
        capture.version_ok = group[31:28] == 4'd4;
        capture.ip_words = group[27:24];
        capture.ip_bytes = group[15:0];
      end
      4'sd1: capture.fragment = group[13] || group[12:0] != '0;
      4'sd2: capture.udp = group[23:16] == ProtocolUdp;
      4'sd3: capture.source_ip = group;
      4'sd4: capture.destination_ip = group;
      default: ;
    endcase
    if (udp_known) begin
      unique case (at_udp)
        6'sd0: capture.destination_port = group[15:0];
        6'sd1: begin
          capture.udp_bytes = group[31:16];
          capture.udp_unsummed = group[15:0] == '0;
        end
        6'sd2: capture.session[31:0] = {group[7:0], group[15:8], group[23:16], group[31:24]};
        6'sd3: capture.session[63:32] = {group[7:0], group[15:8], group[23:16], group[31:24]};
        6'sd4: begin
          capture.session[79:64] = {group[23:16], group[31:24]};
          capture.number[63:48]  = group[15:0];
        end
        6'sd5: capture.number[47:16] = group;
        6'sd6: begin
          {capture.number[15:0], capture.count} = group;
          capture.complete = 1'b1;
        end
        default: ;
      endcase
    end
  endfunction

  always_comb begin
    headers_d = headers_q;
    if (word_valid_i && word_q >= 2'd2 && !headers_q.complete && (in_ip || in_udp_q)) begin
      headers_d.ip = 1'b1;
      headers_d = capture(headers_d, first, ip_at, udp_at_q, in_udp_q);
      headers_d = capture(headers_d, second, ip_at + 4'sd1, udp_at_q + 6'sd1, in_udp_q);
    end
    if (word_valid_i && word_q == 2'd2) begin
      headers_d.tags = link_q == LinkIp ? 2'd0 : ip_at == -4'sd1 ? 2'd1 : 2'd2;
    end
    if (word_valid_i && word_q == 2'd0) begin
      headers_d.ip = 1'b0;
      headers_d.complete = 1'b0;
    end
    if (advance_i) headers_d.number = headers_q.number + 64'd1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      word_q <= '0;
      headers_q <= '0;
      {in_ip_q, in_udp_q} <= '0;
    end else if (word_valid_i) begin
      headers_q <= headers_d;
      if (word_i.last) begin
        word_q <= '0;
        {in_ip_q, in_udp_q} <= '0;
      end else begin
        word_q <= word_q == 2'd3 ? 2'd3 : word_q + 2'd1;
        in_ip_q <= in_ip;
        in_udp_q <= in_udp_q || (starts_ip && start[27:24] >= 4'd5);
      end
    end
    if (word_valid_i && !headers_q.complete || word_valid_i && word_q != 2'd3) begin
      tail_q <= {lane[6], lane[7]};
      ip_at_q <= ip_at_d;
      udp_at_q <= udp_at_d;
      if (word_q == 2'd1) link_q <= link_d;
    end
  end

  assign headers_o = headers_q;

  logic unused;
  assign unused = &{1'b0, word_i.keep, word_i.error, start[31:28], start[23:0]};

endmodule

`default_nettype wire
