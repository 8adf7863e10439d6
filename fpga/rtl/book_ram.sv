// A memory with one reading and one writing port; what it reads is there one cycle later.
// Bypass: a word that is read and written in the same cycle is read as it is written.
`default_nettype none

module book_ram #(
    parameter int unsigned Width = 8,
    parameter int unsigned Depth = 16,
    parameter bit Bypass = 1'b0,
    localparam int unsigned AddressW = Depth > 1 ? $clog2(Depth) : 1
) (
    input wire logic clk_i,

    input  wire logic                read_i,
    input  wire logic [AddressW-1:0] read_address_i,
    output logic      [   Width-1:0] read_data_o,

    input wire logic                write_i,
    input wire logic [AddressW-1:0] write_address_i,
    input wire logic [   Width-1:0] write_data_i
);

  logic [Width-1:0] mem[Depth];
  logic [Width-1:0] data_q;

  always_ff @(posedge clk_i) begin
    if (read_i) data_q <= mem[read_address_i];
    if (write_i) mem[write_address_i] <= write_data_i;
  end

  if (Bypass) begin : gen_bypass
    logic             hit_q;
    logic [Width-1:0] written_q;
    always_ff @(posedge clk_i) begin
      if (read_i) begin
        hit_q <= write_i && write_address_i == read_address_i;
        if (write_i) written_q <= write_data_i;
      end
    end
    assign read_data_o = hit_q ? written_q : data_q;
  end else begin : gen_plain
    assign read_data_o = data_q;
  end

endmodule

`default_nettype wire
