// Stage 1 of the risk gate: what has to be multiplied. Combinational.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of records and rows, each block takes some fields
module gate_products
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
(
    input wire logic          order_valid_i,
    input wire order_intent_t order_i,
    input wire judged_t       judged_i,
    input wire logic          told_valid_i,
    input wire told_t         told_i,
    input wire rows_t         rows_i,
    input wire states_t       states_i,

    output logic [62:0] product_o,   // price * lots
    output logic [62:0] working_o,   // of what an order takes the place of
    output meterings_t  meterings_o
);

  // Value: price * lots, of the order and of what works already; or of the lots of a told row.
  fill_t fill;
  logic [30:0] price;
  logic [31:0] lots;
    assign fill = told_i.row[$bits(fill_t)-1:0];

  always_comb begin
    price     = '0;
    lots      = '0;
    product_o = '0;
    working_o = '0;
    if (order_valid_i || told_valid_i) begin
      price = told_valid_i ? fill.reserved_price_ticks[TicksW-1:0] : judged_i.price_ticks;
      lots = told_valid_i ? fill.quantity_lots[LotsW-1:0]
          : 32'(order_i.quantity_lots[OrderLotsW-1:0]);
      product_o = 63'(price) * 63'(lots);
      if (order_valid_i && !judged_i.opens) begin
        working_o = 63'(order_i.working_price_ticks[TicksW-1:0])
            * 63'(order_i.working_lots[OrderLotsW-1:0]);
      end
    end
  end

  // Time * rate: of the order, or where a bucket stands at its new rate.
  function automatic logic [95:0] on_axis(time_ns_t time_ns, logic [31:0] rate);
    return 96'(time_ns) * 96'(rate);
  endfunction

  always_comb begin
    meterings_o = '0;
    if (order_valid_i) begin
      meterings_o.instrument = metering_of(rows_i.instrument.limits.meter);
      meterings_o.account    = metering_of(rows_i.account.meter);
      meterings_o.strategy   = metering_of(rows_i.strategy.meter);
      meterings_o.port       = metering_of(rows_i.port.meter);
      meterings_o.firm       = metering_of(rows_i.firm.meter);
    end else if (told_valid_i) begin
      meterings_o.instrument.now = on_axis(states_i.instrument.bucket.time_ns, told_i.rate);
      meterings_o.account.now    = on_axis(states_i.account.bucket.time_ns, told_i.rate);
      meterings_o.strategy.now   = on_axis(states_i.strategy.bucket.time_ns, told_i.rate);
      meterings_o.port.now       = on_axis(states_i.port.bucket.time_ns, told_i.rate);
      meterings_o.firm.now       = on_axis(states_i.firm.bucket.time_ns, told_i.rate);
    end
  end

  function automatic metering_t metering_of(meter_t meter);
    return metering(meter, on_axis(order_i.time_ns, meter.rate));
  endfunction

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
