// What is set of the instruments, and what the market says of them. Told rows write what is theirs
// as they enter.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of records and rows, each block takes some fields
module gate_instruments
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    localparam int unsigned AddressW = Instruments > 1 ? $clog2(Instruments) : 1
) (
    input wire logic clk_i,

    input wire logic        sweep_i,
    input wire logic [31:0] sweep_address_i,

    input  wire logic                      enter_i,
    input  wire logic       [AddressW-1:0] address_i,
    input  wire logic                      exists_i,
    input  wire logic                      write_i,    // what enters is a told row, and no probe
    input  wire told_op_t                  op_i,
    output instrument_row_t                row_o       // one cycle later
);

  instrument_limits_t limits;
  reference_price_t   reference;
  quote_t             quote;
  price_band_t        band;
  mark_t              mark;
  kill_t              kill;
  assign limits    = op_i.row[$bits(instrument_limits_t)-1:0];
  assign reference = op_i.row[$bits(reference_price_t)-1:0];
  assign quote     = op_i.row[$bits(quote_t)-1:0];
  assign band      = op_i.row[$bits(price_band_t)-1:0];
  assign mark      = op_i.row[$bits(mark_t)-1:0];
  assign kill      = op_i.row[$bits(kill_t)-1:0];

  logic write_limits, write_reference, write_quote, write_band;
  marks_t write_mark, mark_value;

  always_comb begin
    write_limits    = 1'b0;
    write_reference = 1'b0;
    write_quote     = 1'b0;
    write_band      = 1'b0;
    write_mark      = '0;
    mark_value      = '0;
    if (write_i) begin
      unique case (op_i.type_id)
        InstrumentLimitsTypeId: write_limits = 1'b1;
        ReferencePriceTypeId:   write_reference = 1'b1;
        QuoteTypeId:            write_quote = 1'b1;
        PriceBandTypeId:        write_band = 1'b1;
        MarkTypeId: begin
          write_mark.halted           = mark.mark == MarkHalted;
          write_mark.short_restricted = mark.mark == MarkShortRestricted;
          write_mark.gapped           = mark.mark == MarkGapped;
          mark_value                  = {4{mark.on[0]}};
        end
        KillTypeId: begin
          write_mark.killed = kill.scope == KillScopeInstrument;
          mark_value        = {4{kill.engage[0]}};
        end
        default:                write_limits = 1'b0;
      endcase
    end
  end

  instrument_limits_row_t limits_row;
  reference_row_t         reference_row;
  best_row_t              best_row;
  range_row_t band_row, collar_row;
  impact_row_t impact_row;

  assign limits_row = '{
          meter: '{
              known: 1'b1,
              rate: limits.messages_per_second,
              burst: limits.message_burst[30:0],
              full: op_i.full_tokens[60:0]
          },
          enabled: limits.enabled[0],
          restricted: limits.restricted[0],
          short_sale: limits.short_sale[1:0],
          collar_bps: limits.collar_bps[16:0],
          max_price_ticks: limits.max_price_ticks[62:0],
          max_quantity_lots: limits.max_quantity_lots[62:0],
          max_value_nanos: limits.max_value_nanos[62:0],
          value_limit: op_i.value_limit,
          reference_max_age_ns: limits.reference_max_age_ns,
          session_open_ns: limits.session_open_ns,
          session_close_ns: limits.session_close_ns,
          max_day_lots: limits.max_day_lots[62:0],
          max_impact_percent: limits.max_impact_percent
      };
  assign reference_row = '{
          price_ticks: reference.price_ticks[TicksW-1:0],
          time_ns: reference.time_ns
      };
  assign collar_row = '{low: op_i.edge_low, high: op_i.edge_high};
  assign impact_row = '{
          on: op_i.impact_on,
          buy_lots: op_i.impact_buy_lots,
          sell_lots: op_i.impact_sell_lots
      };
  assign band_row = '{low: band.low_ticks[TicksW-1:0], high: band.high_ticks[TicksW-1:0]};
  // A price without lots is no price.
  assign best_row = '{
          bid_ticks: quote.bid_lots[LotsW-1:0] == '0 ? '0 : quote.bid_ticks[TicksW-1:0],
          bid_lots: quote.bid_lots[LotsW-1:0],
          ask_ticks: quote.ask_lots[LotsW-1:0] == '0 ? '0 : quote.ask_ticks[TicksW-1:0],
          ask_lots: quote.ask_lots[LotsW-1:0]
      };

  gate_table #(
      .Width($bits(instrument_limits_row_t)),
      .Depth(Instruments)
  ) u_limits (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i,
      .exists_i,
      .write_i(write_limits),
      .row_i  (limits_row),
      .row_o  (row_o.limits)
  );

  gate_table #(
      .Width($bits(reference_row_t)),
      .Depth(Instruments)
  ) u_reference (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i,
      .exists_i,
      .write_i(write_reference),
      .row_i  (reference_row),
      .row_o  (row_o.last_price)
  );

  gate_table #(
      .Width($bits(range_row_t)),
      .Depth(Instruments)
  ) u_collar (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i,
      .exists_i,
      .write_i(write_limits || write_reference),
      .row_i  (collar_row),
      .row_o  (row_o.collar)
  );

  gate_table #(
      .Width($bits(best_row_t)),
      .Depth(Instruments)
  ) u_best (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i,
      .exists_i,
      .write_i(write_quote),
      .row_i  (best_row),
      .row_o  (row_o.best)
  );

  gate_table #(
      .Width($bits(impact_row_t)),
      .Depth(Instruments)
  ) u_impact (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i,
      .exists_i,
      .write_i(write_limits || write_quote),
      .row_i  (impact_row),
      .row_o  (row_o.impact)
  );

  gate_table #(
      .Width($bits(range_row_t)),
      .Depth(Instruments)
  ) u_band (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i,
      .exists_i,
      .write_i(write_band),
      .row_i  (band_row),
      .row_o  (row_o.band)
  );

  for (genvar i = 0; i < $bits(marks_t); i++) begin : gen_mark
    gate_table #(
        .Width(1),
        .Depth(Instruments)
    ) u_mark (
        .clk_i,
        .sweep_i,
        .sweep_address_i,
        .enter_i,
        .address_i,
        .exists_i,
        .write_i(write_mark[i]),
        .row_i  (mark_value[i]),
        .row_o  (row_o.marks[i])
    );
  end

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
