// What is set of a table: one row read with the key, in use one cycle later; a told row that enters
// writes its own. Who entered before sees the row as it was, who enters after sees the new one.
// Starts swept, not reset.
`default_nettype none

module gate_table #(
    parameter int unsigned Width = 32,
    parameter int unsigned Depth = 256,
    localparam int unsigned AddressW = Depth > 1 ? $clog2(Depth) : 1
) (
    input wire logic clk_i,

    input wire logic        sweep_i,
    input wire logic [31:0] sweep_address_i,

    input  wire logic                enter_i,
    input  wire logic [AddressW-1:0] address_i,
    input  wire logic                exists_i,   // 0: a row of zeros, and nothing is written
    input  wire logic                write_i,
    input  wire logic [   Width-1:0] row_i,
    output logic      [   Width-1:0] row_o
);

  if (Width < 1 || Depth < 1) $fatal(1, "a table without rows");

  logic [   Width-1:0] mem           [Depth];
  logic [   Width-1:0] row_q;
  logic                exists_q;

  logic                write;
  logic [AddressW-1:0] write_address;
  logic [   Width-1:0] write_row;

  assign write         = sweep_i ? sweep_address_i < Depth : enter_i && write_i && exists_i;
  assign write_address = sweep_i ? sweep_address_i[AddressW-1:0] : address_i;
  assign write_row     = sweep_i ? '0 : row_i;

  always_ff @(posedge clk_i) begin
    if (write) mem[write_address] <= write_row;
    if (enter_i) row_q <= mem[address_i];
  end

  always_ff @(posedge clk_i) begin
    if (enter_i) exists_q <= exists_i;
  end

  assign row_o = exists_q ? row_q : '0;

endmodule

`default_nettype wire
