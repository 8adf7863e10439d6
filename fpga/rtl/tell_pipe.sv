// The order in which the gate's rows change: told records and market updates, one after the other,
// through one pipe. On their way the collar and the impact limits of their instrument are worked
// out, which need what earlier ones told.
`default_nettype none

module tell_pipe
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
#(
    parameter int unsigned Instruments = 65536
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    // A checked record of the host: stays as it is from host_valid_i to host_done_i. Goes before the market.
    input  wire logic               host_valid_i,
    output logic                    host_ready_o,
    input  wire staged_row_t        host_row_i,
    input  wire logic        [63:0] host_value_limit_i,
    input  wire logic        [63:0] host_full_tokens_i,
    input  wire logic               host_done_i,
    input  wire logic               host_ok_i,

    // Checked market updates.
    input  wire logic           market_valid_i,
    output logic                market_ready_o,
    input  wire market_update_t market_i,

    output logic           op_valid_o,
    input  wire logic      op_ready_i,
    output told_op_t       op_o,

    output logic init_done_o
);

  if (Instruments < 1 || Instruments > 65536) $fatal(1, "Instruments is not within 1..65536");

  localparam int unsigned IndexW = Instruments > 1 ? $clog2(Instruments) : 1;

  // Displayed lots and percent beyond this allow any order: 1 % of it is more than the largest.
  localparam int unsigned ImpactW = 27;
  localparam logic [ImpactW-1:0] ImpactMost = '1;
  localparam logic [OrderLotsW-1:0] OrderLotsMost = '1;
  localparam logic [2*ImpactW-1:0] ImpactFull = 100 * (2 * ImpactW)'(OrderLotsMost);
  localparam int unsigned CollarW = 17;
  localparam int unsigned CollarProductW = CollarW + TicksW;
  // 10,000 = 16 * 625: the lowest four bits of the product do not count.
  localparam int unsigned WidthW = CollarProductW - 4;
  localparam logic [31:0] TicksMost = 32'h7fff_ffff;

  typedef struct packed {
    logic [CollarW-1:0] collar_bps;
    logic [ImpactW-1:0] percent;
    ticks_t             ref_ticks;
    logic [ImpactW-1:0] bid_lots;
    logic [ImpactW-1:0] ask_lots;
  } shadow_t;

  // What changes the shadow of an instrument.
  typedef enum logic [1:0] {
    ChangeNothing,
    ChangeLimits,
    ChangeReference,
    ChangeQuote
  } change_e;

  typedef struct packed {
    logic           from_host;
    change_e        change;
    market_update_t market;     // of the host: only what changes the shadow
  } entry_t;

  function automatic logic [ImpactW-1:0] impact_lots(input logic [63:0] lots);
    return lots > 64'(ImpactMost) ? ImpactMost : lots[ImpactW-1:0];
  endfunction

  // --- who enters ---

  // A record of the host that changes the shadow is under way: it may still be refused.
  logic hold_q;
  logic step;  // the pipe moves on
  logic enter_host, enter_market;
  entry_t entry;

  assign step           = !op_valid_o || op_ready_i;
  assign host_ready_o   = init_done_o && step && !hold_q;
  assign enter_host     = host_valid_i && host_ready_o;
  assign market_ready_o = init_done_o && step && !hold_q && !host_valid_i;
  assign enter_market   = market_valid_i && market_ready_o;

  /* verilator lint_off UNUSEDSIGNAL */ // of the records only what changes the shadow
  always_comb begin
    entry = '0;
    if (enter_host) begin
      entry.from_host = 1'b1;
      case (host_row_i[15:0])
        InstrumentLimitsTypeId: begin
          automatic instrument_limits_t told = host_row_i;
          entry.change = ChangeLimits;
          entry.market.instrument = instrument_t'(told.instrument_id);
          entry.market.bid_lots = told.max_impact_percent;
          entry.market.ask_lots = told.collar_bps;
        end
        ReferencePriceTypeId: begin
          automatic reference_price_t told = host_row_i[8*ReferencePriceBytes-1:0];
          entry.change = ChangeReference;
          entry.market.instrument = instrument_t'(told.instrument_id);
          entry.market.bid_ticks = ticks_t'(told.price_ticks);
        end
        QuoteTypeId: begin
          automatic quote_t told = host_row_i[8*QuoteBytes-1:0];
          entry.change = ChangeQuote;
          entry.market.instrument = instrument_t'(told.instrument_id);
          entry.market.bid_lots = told.bid_lots[LotsW-1:0];
          entry.market.ask_lots = told.ask_lots[LotsW-1:0];
        end
        default: entry.change = ChangeNothing;
      endcase
    end else if (enter_market) begin
      entry.market = market_i;
      case (market_i.kind)
        MarketReference: entry.change = ChangeReference;
        MarketQuote:     entry.change = ChangeQuote;
        default:         entry.change = ChangeNothing;
      endcase
    end
  end
  /* verilator lint_on UNUSEDSIGNAL */

  always_ff @(posedge clk_i) begin
    if (!rst_ni) hold_q <= 1'b0;
    else if (enter_host && entry.change != ChangeNothing) hold_q <= 1'b1;
    else if (host_done_i) hold_q <= 1'b0;
  end

  // --- the shadow: cleared by a sweep after reset ---

  shadow_t shadow_memory[Instruments];
  shadow_t read_q, bypass_q, old, changed, pending_q;
  logic bypass_valid_q;
  logic [IndexW-1:0] sweep_q, write_at, pending_at_q;
  logic sweeping_q, write, write_market, write_host;
  shadow_t write_data;

  entry_t a_q;
  logic   a_valid_q;

  assign init_done_o  = !sweeping_q;
  assign write_market = step && a_valid_q && !a_q.from_host && a_q.change != ChangeNothing;
  assign write_host   = hold_q && host_done_i && host_ok_i;
  assign write        = sweeping_q || write_market || write_host;

  always_comb begin
    write_at   = sweep_q;
    write_data = '0;
    if (write_market) begin
      write_at   = IndexW'(a_q.market.instrument);
      write_data = changed;
    end else if (write_host) begin
      write_at   = pending_at_q;
      write_data = pending_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (write) shadow_memory[write_at] <= write_data;
    if (enter_host || enter_market) begin
      read_q <= shadow_memory[IndexW'(entry.market.instrument)];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sweeping_q <= 1'b1;
      sweep_q    <= '0;
    end else if (sweeping_q) begin
      sweep_q <= sweep_q + 1'b1;
      if (32'(sweep_q) == Instruments - 1) sweeping_q <= 1'b0;
    end
  end

  // --- A: the shadow after this one ---

  // What is written in the cycle of the read is not in what was read.
  assign old = bypass_valid_q ? bypass_q : read_q;

  always_comb begin
    changed = '0;
    if (a_valid_q) begin
      changed = old;
      case (a_q.change)
        ChangeLimits: begin
          changed.percent    = impact_lots(64'(a_q.market.bid_lots));
          changed.collar_bps = CollarW'(a_q.market.ask_lots);
        end
        ChangeReference: changed.ref_ticks = a_q.market.bid_ticks;
        ChangeQuote: begin
          changed.bid_lots = impact_lots(64'(a_q.market.bid_lots));
          changed.ask_lots = impact_lots(64'(a_q.market.ask_lots));
        end
        default: ;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      a_valid_q <= 1'b0;
    end else if (step) begin
      a_valid_q <= enter_host || enter_market;
      if (enter_host || enter_market) begin
        a_q            <= entry;
        bypass_valid_q <= write && write_at == IndexW'(entry.market.instrument);
        bypass_q       <= write_data;
      end
    end
    if (step && a_valid_q && a_q.from_host && a_q.change != ChangeNothing) begin
      pending_q    <= changed;
      pending_at_q <= IndexW'(a_q.market.instrument);
    end
  end

  // --- B: factors; C: products; D, E: quotients ---

  entry_t b_q, c_q, d_q, e_q;
  logic b_valid_q, c_valid_q, d_valid_q, e_valid_q;
  shadow_t b_shadow_q;
  ticks_t c_reference_q, d_reference_q, e_reference_q;
  logic c_collared_q, d_collared_q, e_collared_q;
  logic c_impact_q, d_impact_q, e_impact_q;
  logic [2*ImpactW-1:0] c_buy_q, c_sell_q;
  logic d_buy_full_q, d_sell_full_q, e_buy_full_q, e_sell_full_q;
  logic [WidthW-1:0] e_width;
  /* verilator lint_off UNUSEDSIGNAL */  // what is larger than an order is known by e_*_full_q
  logic [CollarProductW-1:0] c_collar_q;
  logic [ImpactW-1:0] e_buy, e_sell;
  /* verilator lint_on UNUSEDSIGNAL */

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {b_valid_q, c_valid_q, d_valid_q, e_valid_q} <= '0;
    end else if (step) begin
      b_valid_q <= a_valid_q;
      c_valid_q <= b_valid_q;
      d_valid_q <= c_valid_q;
      e_valid_q <= d_valid_q;
      if (a_valid_q) begin
        b_q        <= a_q;
        b_shadow_q <= changed;
      end
      if (b_valid_q) begin
        c_q           <= b_q;
        c_reference_q <= b_shadow_q.ref_ticks;
        c_collared_q  <= b_shadow_q.ref_ticks != '0 && b_shadow_q.collar_bps != '0;
        c_impact_q    <= b_shadow_q.percent != '0;
        c_collar_q    <= b_shadow_q.ref_ticks * b_shadow_q.collar_bps;
        c_buy_q       <= b_shadow_q.percent * b_shadow_q.ask_lots;
        c_sell_q      <= b_shadow_q.percent * b_shadow_q.bid_lots;
      end
      if (c_valid_q) begin
        d_q           <= c_q;
        d_reference_q <= c_reference_q;
        d_collared_q  <= c_collared_q;
        d_impact_q    <= c_impact_q;
        d_buy_full_q  <= c_buy_q >= ImpactFull;
        d_sell_full_q <= c_sell_q >= ImpactFull;
      end
      if (d_valid_q) begin
        e_q           <= d_q;
        e_reference_q <= d_reference_q;
        e_collared_q  <= d_collared_q;
        e_impact_q    <= d_impact_q;
        e_buy_full_q  <= d_buy_full_q;
        e_sell_full_q <= d_sell_full_q;
      end
    end
  end

  divide_by #(
      .Width  (WidthW),
      .Divisor(625)
  ) u_collar (
      .clk_i,
      .step_i    (step && (c_valid_q || d_valid_q)),
      .dividend_i(c_collar_q[CollarProductW-1:4]),
      .quotient_o(e_width)
  );

  divide_by #(
      .Width  (ImpactW),
      .Divisor(100)
  ) u_buy (
      .clk_i,
      .step_i    (step && (c_valid_q || d_valid_q)),
      .dividend_i(c_buy_q[ImpactW-1:0]),
      .quotient_o(e_buy)
  );

  divide_by #(
      .Width  (ImpactW),
      .Divisor(100)
  ) u_sell (
      .clk_i,
      .step_i    (step && (c_valid_q || d_valid_q)),
      .dividend_i(c_sell_q[ImpactW-1:0]),
      .quotient_o(e_sell)
  );

  // --- out ---

  logic   e_changes;
  ticks_t edge_low, edge_high;

  assign e_changes = e_q.change != ChangeNothing;

  always_comb begin
    edge_low  = ticks_t'(1);
    edge_high = '0;
    if (e_valid_q && e_changes && e_collared_q) begin
      automatic logic [WidthW-1:0] high = WidthW'(e_reference_q) + e_width;
      if (WidthW'(e_reference_q) > e_width) edge_low = e_reference_q - e_width[TicksW-1:0];
      edge_high = high > WidthW'(TicksMost) ? ticks_t'(TicksMost) : high[TicksW-1:0];
    end
  end

  function automatic logic [OrderLotsW-1:0] order_lots(input logic full,
                                                       input logic [OrderLotsW-1:0] lots);
    return full ? OrderLotsMost : lots;
  endfunction

  function automatic logic [15:0] market_type(input market_kind_e kind);
    case (kind)
      MarketReference: return ReferencePriceTypeId;
      MarketQuote:     return QuoteTypeId;
      MarketMark:      return MarkTypeId;
      default:         return PriceBandTypeId;
    endcase
  endfunction

  // As the record that a host would have told.
  function automatic staged_row_t market_row(input market_update_t market);
    automatic staged_row_t row = '0;
    case (market.kind)
      MarketReference: begin
        automatic reference_price_t told = '0;
        told.type_id       = ReferencePriceTypeId;
        told.instrument_id = 32'(market.instrument);
        told.price_ticks   = 64'(market.bid_ticks);
        told.time_ns       = market.time_ns;
        row[8*ReferencePriceBytes-1:0] = told;
      end
      MarketQuote: begin
        automatic quote_t told = '0;
        told.type_id       = QuoteTypeId;
        told.instrument_id = 32'(market.instrument);
        told.bid_ticks     = market.bid_lots == '0 ? '0 : 64'(market.bid_ticks);
        told.bid_lots      = 64'(market.bid_lots);
        told.ask_ticks     = market.ask_lots == '0 ? '0 : 64'(market.ask_ticks);
        told.ask_lots      = 64'(market.ask_lots);
        told.time_ns       = market.time_ns;
        row[8*QuoteBytes-1:0] = told;
      end
      MarketMark: begin
        automatic mark_t told = '0;
        told.type_id = MarkTypeId;
        told.mark    = market.mark;
        told.on      = 8'(market.on);
        told.id      = 32'(market.instrument);
        told.time_ns = market.time_ns;
        row[8*MarkBytes-1:0] = told;
      end
      default: begin
        automatic price_band_t told = '0;
        told.type_id       = PriceBandTypeId;
        told.instrument_id = 32'(market.instrument);
        told.low_ticks     = 64'(market.bid_ticks);
        told.high_ticks    = 64'(market.ask_ticks);
        row[8*PriceBandBytes-1:0] = told;
      end
    endcase
    return row;
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      op_valid_o <= 1'b0;
    end else if (step) begin
      op_valid_o <= e_valid_q;
      if (e_valid_q) begin
        op_o.from_host <= e_q.from_host;
        if (e_q.from_host) begin
          op_o.type_id     <= host_row_i[15:0];
          op_o.row         <= host_row_i;
          op_o.value_limit <= host_value_limit_i;
          op_o.full_tokens <= host_full_tokens_i;
        end else begin
          op_o.type_id     <= market_type(e_q.market.kind);
          op_o.row         <= market_row(e_q.market);
          op_o.value_limit <= '0;
          op_o.full_tokens <= '0;
        end
        op_o.edge_low         <= edge_low;
        op_o.edge_high        <= edge_high;
        op_o.impact_on        <= e_changes && e_impact_q;
        op_o.impact_buy_lots  <= e_changes ? order_lots(e_buy_full_q, OrderLotsW'(e_buy)) : '0;
        op_o.impact_sell_lots <= e_changes ? order_lots(e_sell_full_q, OrderLotsW'(e_sell)) : '0;
      end
    end
  end

endmodule

`default_nettype wire
