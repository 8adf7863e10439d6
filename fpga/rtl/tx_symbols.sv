// The eight letters of every instrument, from Symbol rows. The card's tick and lot are those of the
// venue.
`default_nettype none

module tx_symbols
  import meltica_hot_pkg::*, meltica_card_pkg::*, order_tx_pkg::*;
#(
    parameter int unsigned Instruments = 65536
) (
    input  wire                clk_i,
    input  wire                rst_ni,
    input  wire                row_valid_i,     // a Symbol row
    input  wire symbol_t       row_i,
    input  wire                lookup_valid_i,
    input  wire  [31:0]        lookup_i,
    output logic               known_o,         // one cycle later
    output logic [63:0]        symbol_o,
    output logic               init_done_o,
    output logic               bad_row_o
);

  localparam int unsigned IndexW = $clog2(Instruments);

  if (Instruments < 2 || (Instruments & (Instruments - 1)) != 0 || Instruments > 65536)
    $fatal(1, "Instruments is not a power of two up to 65536");

  logic [64:0] mem [Instruments];
  logic [64:0] read_q;
  logic inside_q;
  logic write;
  logic [IndexW-1:0] write_index;
  logic [64:0] write_data;
  logic [IndexW:0] sweep_q;

  logic row_good;
  logic row_taken;
  assign row_good = row_i.instrument_id < 32'(Instruments)
      && row_i.locate == row_i.instrument_id[15:0]
      && row_i.wire_price_per_tick == 64'd1 && row_i.shares_per_lot == 64'd1
      && (row_i.symbol == '0 || (printable4(row_i.symbol[31:0]) && printable4(row_i.symbol[63:32])
      && row_i.symbol != {8{8'h20}}));
  assign row_taken = row_valid_i && init_done_o && row_good;

  // The sweep after reset empties the rows; until then nobody asks.
  assign init_done_o = sweep_q[IndexW];
  assign write = !init_done_o || row_taken;
  assign write_index = init_done_o ? row_i.instrument_id[IndexW-1:0] : sweep_q[IndexW-1:0];
  assign write_data = init_done_o ? {row_i.symbol != '0, row_i.symbol} : '0;

  always_ff @(posedge clk_i) begin
    if (write) mem[write_index] <= write_data;
  end

  always_ff @(posedge clk_i) begin
    if (lookup_valid_i) read_q <= mem[lookup_i[IndexW-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sweep_q <= '0;
      bad_row_o <= 1'b0;
      inside_q <= 1'b0;
    end else begin
      if (!init_done_o) sweep_q <= sweep_q + 1'b1;
      bad_row_o <= row_valid_i && !row_taken;
      if (lookup_valid_i) inside_q <= lookup_i < 32'(Instruments);
    end
  end

  assign known_o = inside_q && read_q[64];
  assign symbol_o = read_q[63:0];

  logic unused_row;
  assign unused_row = &{1'b0, row_i.type_id};

endmodule

`default_nettype wire
