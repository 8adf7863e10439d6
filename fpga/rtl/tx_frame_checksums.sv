// The two checksums of a frame from what its port keeps summed and the terms of this order, while
// its first words leave.
// start_i: the frame's words are there. The IP checksum is ready two cycles later, that of TCP
// three: words 3 and 6
// cannot leave before.
`default_nettype none

module tx_frame_checksums
  import order_tx_pkg::*;
(
    input  wire                  clk_i,
    input  wire                  rst_ni,
    input  wire                  start_i,
    input  wire port_template_t  template_i,
    input  wire port_state_t     state_i,
    input  wire  [5:0]           payload_bytes_i,
    input  wire  [511:0]         payload_i,       // 0 behind its end
    output logic [15:0]          ip_o,
    output logic [15:0]          tcp_o
);

  logic start_q, start_q2;
  logic [21:0] ip_q, head_q, total_q;
  logic [21:0] part_q [4];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      start_q <= 1'b0;
      start_q2 <= 1'b0;
    end else begin
      start_q <= start_i;
      start_q2 <= start_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      ip_q <= 22'(template_i.ip_sum) + 22'(swap16(16'd40 + 16'(payload_bytes_i)))
          + 22'(swap16(state_i.identification));
      head_q <= 22'(template_i.tcp_sum) + 22'(swap16(16'd20 + 16'(payload_bytes_i)))
          + pair(swap32(state_i.sequence_number)) + pair(swap32(state_i.acknowledgment_number))
          + 22'(swap16(state_i.window));
      for (int unsigned n = 0; n < 4; n++)
        part_q[n] <= pair(payload_i[128*n+:32]) + pair(payload_i[128*n+32+:32])
            + pair(payload_i[128*n+64+:32]) + pair(payload_i[128*n+96+:32]);
    end
    if (start_q) begin
      ip_o <= ~fold(ip_q);
      total_q <= (part_q[0] + part_q[1]) + (part_q[2] + part_q[3]) + head_q;
    end
    if (start_q2) tcp_o <= ~fold(total_q);
  end

  logic unused_fields;
  assign unused_fields = &{1'b0, template_i, state_i};

endmodule

`default_nettype wire
