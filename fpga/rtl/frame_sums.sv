// The Internet checksums of a frame: of its IPv4 header, and of its UDP datagram. fpga/docs/mold_rx.md
`default_nettype none

module frame_sums (
    input wire logic        clk_i,
    input wire logic        rst_ni,
    input wire logic        begins_i,      // the first word of a frame
    input wire logic        word_valid_i,
    input wire logic [63:0] data_i,
    input wire logic [ 3:0] ip_halves_i,   // which 16-bit halves count, lowest lanes first
    input wire logic [ 3:0] udp_halves_i,
    input wire logic [ 7:0] udp_bytes_i,   // which of their bytes count; the others count as zero

    output logic        ip_ok_o,     // three cycles after the last word of the header
    input  wire logic   restart_i,   // the UDP sum was taken
    output logic [31:0] udp_sum_o    // two cycles after the last word
);

  logic [17:0] ip_part, udp_part, ip_part_q, udp_part_q;
  logic ip_busy_q, udp_busy_q;
  logic [20:0] ip_sum_q;
  logic [31:0] udp_sum_q;
  logic [16:0] ip_fold;
  logic [7:0] high, low;

  always_comb begin
    ip_part  = '0;
    udp_part = '0;
    high = '0;
    low = '0;
    if (word_valid_i) begin
      for (int unsigned i = 0; i < 4; i++) begin
        high = data_i[16*i+:8];
        low  = data_i[16*i+8+:8];
        if (ip_halves_i[i]) ip_part += {2'b0, high, low};
        high &= {8{udp_bytes_i[2*i]}};
        low &= {8{udp_bytes_i[2*i+1]}};
        if (udp_halves_i[i]) udp_part += {2'b0, high, low};
      end
    end
  end

  assign ip_fold = {1'b0, ip_sum_q[15:0]} + {12'b0, ip_sum_q[20:16]};

  always_ff @(posedge clk_i) begin
    ip_busy_q  <= word_valid_i && ip_halves_i != '0;
    udp_busy_q <= word_valid_i && udp_halves_i != '0;
    ip_part_q  <= ip_part;
    udp_part_q <= udp_part;
    if (begins_i) ip_sum_q <= '0;
    else if (ip_busy_q) ip_sum_q <= ip_sum_q + {3'b0, ip_part_q};
    ip_ok_o <= ip_fold == 17'h0FFFF;  // so few carries never fold to it twice
    if (restart_i) udp_sum_q <= '0;
    else if (udp_busy_q) udp_sum_q <= udp_sum_q + {14'b0, udp_part_q};
    if (!rst_ni) begin
      {ip_busy_q, udp_busy_q, ip_ok_o} <= '0;
      {ip_sum_q, udp_sum_q} <= '0;
    end
  end

  assign udp_sum_o = udp_sum_q;

endmodule

`default_nettype wire
