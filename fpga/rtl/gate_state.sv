// What moves of a table: read with the key, changed at the end of stage 2, one operation a cycle on
// any row. An operation behind another one on the same row gets what that one left: from the last
// write, one or two cycles old; what is older is in the memory already. Starts swept, not reset.
`default_nettype none

module gate_state #(
    parameter int unsigned Width = 32,
    parameter int unsigned Depth = 256,
    localparam int unsigned AddressW = Depth > 1 ? $clog2(Depth) : 1
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic        sweep_i,
    input wire logic [31:0] sweep_address_i,

    input wire logic                enter_i,    // stage 0
    input wire logic [AddressW-1:0] address_i,
    input wire logic                exists_i,   // 0: a row of zeros

    output logic [Width-1:0] stage1_o,  // without what stage 2 does in this cycle
    output logic [Width-1:0] stage2_o,

    input wire logic             write_i,  // at the end of stage 2, to its row
    input wire logic [Width-1:0] row_i
);

  if (Width < 1 || Depth < 1) $fatal(1, "a table without rows");

  logic [Width-1:0] mem[Depth];
  logic [Width-1:0] read_q, stage2_q, last_q;
  logic valid1_q, exists1_q, exists2_q, valid2_q, follows_q, last_valid_q;
  logic [AddressW-1:0] address1_q, address2_q, last_address_q;

  logic                write;
  logic [AddressW-1:0] write_address;
  logic [   Width-1:0] write_row;

  assign write         = sweep_i ? sweep_address_i < Depth : write_i && exists2_q;
  assign write_address = sweep_i ? sweep_address_i[AddressW-1:0] : address2_q;
  assign write_row     = sweep_i ? '0 : row_i;

  always_ff @(posedge clk_i) begin
    if (write) mem[write_address] <= write_row;
    if (enter_i) read_q <= mem[address_i];
  end

  // A write at the end of the cycle of the read is not in what was read.
  always_comb begin
    stage1_o = '0;
    if (valid1_q && exists1_q) begin
      stage1_o = last_valid_q && last_address_q == address1_q ? last_q : read_q;
    end
  end

  // A write at the end of the cycle in which this operation was in stage 1.
  always_comb begin
    stage2_o = '0;
    if (valid2_q && exists2_q) stage2_o = follows_q && last_valid_q ? last_q : stage2_q;
  end

  always_ff @(posedge clk_i) begin
    valid1_q     <= enter_i;
    valid2_q     <= valid1_q;
    last_valid_q <= write_i && exists2_q && valid2_q;
    if (enter_i) begin
      address1_q <= address_i;
      exists1_q  <= exists_i;
    end
    if (valid1_q) begin
      address2_q <= address1_q;
      exists2_q  <= exists1_q;
      stage2_q   <= stage1_o;
      follows_q  <= valid2_q && address2_q == address1_q;
    end
    if (write_i) begin
      last_q         <= row_i;
      last_address_q <= address2_q;
    end
    if (!rst_ni) begin
      valid1_q     <= 1'b0;
      valid2_q     <= 1'b0;
      last_valid_q <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && write_i) assert (valid2_q);
  end
`endif

endmodule

`default_nettype wire
