// A queue whose newest entries can be taken back: what is pushed comes out only after a commit, a rollback forgets it.
// fpga/docs/feed_merge.md has the contract.
`default_nettype none

module msg_fifo #(
    parameter int unsigned Width = 64,
    parameter int unsigned Depth = 512,
    parameter int unsigned Spare = 8  // almost_full_o: no more than so many places are left
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input  wire logic             push_i,      // when full: ignored, and lost_o
    input  wire logic [Width-1:0] data_i,
    output logic                  almost_full_o,
    output logic                  lost_o,      // combinational

    // About what was pushed before this cycle. drop_i forgets what was committed earlier;
    // rollback_i wins over commit_i.
    input wire logic commit_i,
    input wire logic rollback_i,
    input wire logic drop_i,

    output logic             pending_o,  // something is committed that has not come to the head yet
    output logic             head_valid_o,
    output logic [Width-1:0] head_o,
    input  wire logic        pop_i
);

  if (Depth < 4 || (Depth & (Depth - 1)) != 0) $fatal(1, "Depth is not a power of two from 4 on");
  if (Spare < 1 || Spare >= Depth) $fatal(1, "Spare is not within 1..Depth-1");

  localparam int unsigned AddressW = $clog2(Depth);

  typedef logic [AddressW:0] pointer_t;

  logic [Width-1:0] memory[Depth];  // only what was written is ever read
  pointer_t write_q, committed_q, read_q;
  logic head_valid_q, full, push, fetch;
  pointer_t used;

  assign used = write_q - read_q;
  assign full = used[AddressW];
  assign almost_full_o = used >= pointer_t'(Depth - Spare);
  assign push = push_i && !full && !rollback_i;
  assign lost_o = push_i && full && !rollback_i;
  assign pending_o = read_q != committed_q;
  assign fetch = pending_o && (!head_valid_q || pop_i) && !drop_i;

  always_ff @(posedge clk_i) begin
    if (push) memory[write_q[AddressW-1:0]] <= data_i;
    if (fetch) head_o <= memory[read_q[AddressW-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (rollback_i) write_q <= committed_q;
    else if (push) write_q <= write_q + 1'b1;
    if (commit_i && !rollback_i) committed_q <= write_q;
    if (drop_i) read_q <= committed_q;
    else if (fetch) read_q <= read_q + 1'b1;
    if (drop_i) head_valid_q <= 1'b0;
    else if (fetch) head_valid_q <= 1'b1;
    else if (pop_i) head_valid_q <= 1'b0;
    if (!rst_ni) begin
      {write_q, committed_q, read_q} <= '0;
      head_valid_q <= 1'b0;
    end
  end

  assign head_valid_o = head_valid_q;

endmodule

`default_nettype wire
