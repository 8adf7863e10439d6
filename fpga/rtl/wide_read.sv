// Answers reads of 64-bit entries in 32-bit halves: the low one keeps the high one, so the two belong together.
`default_nettype none

module wide_read (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic        read_i,  // pulse
    input wire logic        high_i,  // which half
    input wire logic [63:0] value_i, // of the entry, in the next cycle

    output logic        ack_o,  // in the next cycle
    output logic [31:0] data_o
);

  logic        high_q;
  logic [31:0] kept_q;

  always_comb data_o = high_q ? kept_q : value_i[31:0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ack_o  <= 1'b0;
      high_q <= 1'b0;
      kept_q <= '0;
    end else begin
      ack_o <= read_i;
      if (read_i) high_q <= high_i;
      if (ack_o && !high_q) kept_q <= value_i[63:32];
    end
  end

endmodule

`default_nettype wire
