// A queue in order whose head is visible, and whose entries can be doomed where they stand.
`default_nettype none

module order_fifo #(
    parameter int unsigned Width = 64,
    parameter int unsigned Depth = 16   // a power of two
) (
    input  wire                        clk_i,
    input  wire                        rst_ni,
    input  wire                        push_i,    // with full_o: only together with pop_i
    input  wire  [Width-1:0]           data_i,
    input  wire                        doomed_i,  // of the entry that is pushed
    input  wire                        doom_i,    // of all that are in
    input  wire                        pop_i,     // only without empty_o
    output logic [Width-1:0]           head_o,
    output logic                       head_doomed_o,
    output logic                       empty_o,
    output logic                       full_o,
    output logic [$clog2(Depth+1)-1:0] count_o
);

  localparam int unsigned IndexW = $clog2(Depth);
  localparam int unsigned CountW = $clog2(Depth + 1);

  if (Depth < 2 || (Depth & (Depth - 1)) != 0) $fatal(1, "Depth is not a power of two");

  logic [Width-1:0] mem [Depth];
  logic [Depth-1:0] doomed_q;
  logic [IndexW-1:0] read_q, write_q;
  logic [CountW-1:0] count_q;

  assign head_o = mem[read_q];
  assign head_doomed_o = doomed_q[read_q];
  assign empty_o = count_q == '0;
  assign full_o = count_q == CountW'(Depth);
  assign count_o = count_q;

  always_ff @(posedge clk_i) begin
    if (push_i) mem[write_q] <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      read_q <= '0;
      write_q <= '0;
      count_q <= '0;
      doomed_q <= '0;
    end else begin
      if (doom_i) doomed_q <= '1;
      if (push_i) begin
        doomed_q[write_q] <= doomed_i;
        write_q <= write_q + 1'b1;
      end
      if (pop_i) read_q <= read_q + 1'b1;
      count_q <= count_q + CountW'(push_i) - CountW'(pop_i);
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!(push_i && full_o && !pop_i)) else $error("push into a full queue");
      assert (!(pop_i && empty_o)) else $error("pop from an empty queue");
    end
  end
`endif

endmodule

`default_nettype wire
