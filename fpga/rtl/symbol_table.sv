// What is known of each of the feed's locate codes besides its orders: last trade, trading state, short sale restriction,
// when it was last heard of, and what of that the gate has not been told. Direct index, no search.
// Operations come in their cycle 2, at most every second cycle; upkeep and questions take the cycles between.
`default_nettype none
/* verilator lint_off UNUSEDSIGNAL */  // of messages and rows, each block takes some fields

module symbol_table
  import meltica_card_pkg::*;
  import book_pkg::*;
#(
    parameter int unsigned Instruments = 65536
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic        clear_i,        // after reset: one row a cycle
    input wire logic [15:0] clear_locate_i,

    input wire logic     op_i,              // cycle 2
    input wire book_op_t op_item_i,
    input wire logic     order_known_i,     // E: the order that trades is tracked
    input wire price_t   order_price_i,

    input  wire logic        aux_i,         // one row, when no operation is in its cycle 2
    input  wire symbol_aux_e aux_what_i,
    input  wire logic [15:0] aux_locate_i,
    input  wire logic        aux_on_i,
    output logic             aux_ready_o,
    output logic             aux_done_o,    // one cycle later, with the row as it was
    output symbol_row_t      aux_row_o,

    // the gate has to be told of this symbol, and does not know it yet
    output logic        push_o,
    output logic [15:0] push_locate_o,
    output logic        out_of_range_o      // a message for a locate code that is not in the table
);

  if (Instruments < 2 || Instruments > 65536 || (Instruments & (Instruments - 1)) != 0)
    $fatal(1, "Instruments is not a power of two within 2..65536");

  localparam int unsigned LocateW = $clog2(Instruments);

  logic op, op_q, aux, aux_q, order_known_q, aux_on_q;
  symbol_aux_e aux_what_q;
  book_op_t item_q;
  price_t order_price_q, trade_price;
  logic [15:0] locate, locate_q;
  symbol_row_t row, row_next;
  logic traded;

  function automatic logic in_range(logic [15:0] value);
    return 32'(value) < Instruments;
  endfunction

  assign op = op_i && in_range(op_item_i.locate);
  assign aux_ready_o = !op_i;
  assign aux = aux_i && !op_i;
  assign locate = op_i ? op_item_i.locate : aux_locate_i;

  book_ram #(
      .Width ($bits(symbol_row_t)),
      .Depth (Instruments),
      .Bypass(1'b1)
  ) i_rows (
      .clk_i,
      .read_i(op || aux),
      .read_address_i(locate[LocateW-1:0]),
      .read_data_o(row),
      .write_i(clear_i || op_q || aux_q),
      .write_address_i(clear_i ? clear_locate_i[LocateW-1:0] : locate_q[LocateW-1:0]),
      .write_data_i(clear_i ? '0 : row_next)
  );

  always_comb begin
    row_next = row;
    traded = 1'b0;
    trade_price = item_q.price;
    if (op_q) begin
      row_next.seen = 1'b1;
      row_next.seen_ns = item_q.now_ns;
      unique case (item_q.kind)
        "E": begin
          traded = order_known_q && item_q.shares != '0;
          trade_price = order_price_q;
        end
        "C": traded = item_q.printable && item_q.shares != '0;
        "P", "Q": traded = item_q.shares != '0;
        "H": row_next.state = item_q.state;
        "h": if (item_q.market inside {"Q", 8'd0}) row_next.stopped = item_q.state == "H";
        "Y": row_next.short_sale = item_q.state;
        default: ;
      endcase
      // A price that the gate's 31 bits cannot hold is refused, never cut.
      if (traded && trade_price != '0 && !trade_price[31]) begin
        row_next.trade_price = trade_price;
        row_next.trade_timestamp_ns = item_q.timestamp_ns;
        row_next.trade_ns = item_q.now_ns;
        row_next.dirty[DirtyTrade] = 1'b1;
      end
      if (halted(row_next) != halted(row)) row_next.dirty[DirtyHalted] = 1'b1;
      if (restricted(row_next) != restricted(row)) row_next.dirty[DirtyRestricted] = 1'b1;
    end else if (aux_q) begin
      unique case (aux_what_q)
        AuxPop: row_next.dirty = '0;
        AuxWatched: begin
          row_next.watched = aux_on_q;
          row_next.dirty[DirtyGapped] = 1'b1;
        end
        AuxGapped: row_next.dirty[DirtyGapped] = 1'b1;
        default: ;
      endcase
    end
  end

  assign aux_done_o = aux_q;
  assign aux_row_o = row;
  assign push_o = (op_q || aux_q) && row.dirty == '0 && row_next.dirty != '0;
  assign push_locate_o = locate_q;

  always_ff @(posedge clk_i) begin
    if (op_i) begin
      item_q <= op_item_i;
      order_known_q <= order_known_i;
      order_price_q <= order_price_i;
    end
    if (op_i || aux) locate_q <= locate;
    if (aux) begin
      aux_what_q <= aux_what_i;
      aux_on_q <= aux_on_i;
    end
    if (!rst_ni) begin
      op_q <= 1'b0;
      aux_q <= 1'b0;
      out_of_range_o <= 1'b0;
    end else begin
      op_q <= op;
      aux_q <= aux;
      out_of_range_o <= op_i && !op;
    end
  end

endmodule

/* verilator lint_on UNUSEDSIGNAL */
`default_nettype wire
