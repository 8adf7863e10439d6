// Many 64-bit counters of pulses in one memory: each pulse counts in a small counter at once, and one small counter
// a cycle is added to the memory. They count up from StartValue and are never cleared.
`default_nettype none

module event_counters #(
    parameter int unsigned Counters = 128,
    parameter logic [63:0] StartValue = '0,
    localparam int unsigned IndexW = $clog2(Counters)
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input  wire logic [Counters-1:0] pulse_i,
    input  wire logic [  IndexW-1:0] index_i,
    output logic      [        63:0] value_o,     // of index_i in the cycle before
    output logic                     init_done_o  // the memory has been filled
);

  // A small counter is visited at least every Counters cycles, but for the first time after 2 * Counters.
  localparam int unsigned SmallW = $clog2(2 * Counters + 4);

  if (Counters < 4 || Counters > 256) begin : g_counters
    $fatal(1, "event_counters: Counters must be 4..256");
  end

  logic [63:0] mem[Counters];
  logic [Counters-1:0][SmallW-1:0] small_q;
  logic [IndexW-1:0] fill_q;
  logic [IndexW-1:0] scan_q;
  logic [IndexW:0] left_q;  // small counters to visit: a whole round after the last pulse
  logic add_q;
  logic [IndexW-1:0] add_index_q;
  logic [SmallW-1:0] add_small_q;
  logic [63:0] add_value_q;
  logic scan;

  always_comb scan = init_done_o && left_q != '0;

  always_ff @(posedge clk_i) begin
    value_o <= mem[index_i];
    if (scan) add_value_q <= mem[scan_q];
    if (!init_done_o) mem[fill_q] <= StartValue;
    else if (add_q) mem[add_index_q] <= add_value_q + 64'(add_small_q);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      init_done_o <= 1'b0;
      fill_q      <= '0;
      scan_q      <= '0;
      left_q      <= '0;
      add_q       <= 1'b0;
      add_index_q <= '0;
      add_small_q <= '0;
      small_q     <= '0;
    end else begin
      if (!init_done_o) begin
        fill_q      <= fill_q + 1'b1;
        init_done_o <= fill_q == IndexW'(Counters - 1);
      end
      if (|pulse_i) begin
        for (int unsigned n = 0; n < Counters; n++) begin
          if (pulse_i[n]) small_q[n] <= small_q[n] + 1'b1;
        end
      end
      add_q <= scan;
      if (scan) begin
        add_index_q     <= scan_q;
        add_small_q     <= small_q[scan_q];
        small_q[scan_q] <= SmallW'(pulse_i[scan_q]);
        scan_q          <= scan_q == IndexW'(Counters - 1) ? '0 : scan_q + 1'b1;
      end
      if (|pulse_i) left_q <= (IndexW + 1)'(Counters);
      else if (scan) left_q <= left_q - 1'b1;
    end
  end

endmodule

`default_nettype wire
