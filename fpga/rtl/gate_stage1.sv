// Stage 1 of the risk gate: all of an order's checks that look at no row that moves. Combinational.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of records and rows, each block takes some fields
module gate_stage1
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
#(
    parameter int unsigned FutureToleranceNs = 1_000_000
) (
    input wire logic          valid_i,
    input wire logic          keyed_i,  // its rows are those of its own ids
    input wire order_intent_t order_i,

    input wire instrument_row_t instrument_i,
    input wire account_row_t    account_i,
    input wire strategy_row_t   strategy_i,
    input wire port_row_t       port_i,
    input wire position_row_t   position_i,

    output judged_t judged_o
);

  localparam logic [7:0] KnownFlags =
      FlagPostOnly | FlagReduceOnly | FlagIso | FlagShort | FlagShortExempt;

  logic market, sells, is_new, replaces, is_short, exempt;
  logic signed [63:0] price, quantity, working_price, working_lots;
  logic market_data_age_bad, above_bid, senseless;

  function automatic logic is_malformed(order_intent_t order);
    if (order.type_id != OrderIntentTypeId) return 1'b1;
    if (order.action == ActionCancel) return 1'b0;
    if (order.action != ActionNew && order.action != ActionReplace) return 1'b1;
    if (order.side != SideBuy && order.side != SideSell) return 1'b1;
    if (order.order_type != OrderTypeMarket && order.order_type != OrderTypeLimit) return 1'b1;
    if (order.tif != TimeInForceDay && order.tif != TimeInForceGtc && order.tif != TimeInForceIoc
        && order.tif != TimeInForceFok)
      return 1'b1;
    if ((order.flags & ~KnownFlags) != '0) return 1'b1;
    if ((order.flags & FlagShort) != '0 && order.side != SideSell) return 1'b1;
    return (order.flags & FlagShortExempt) != '0 && (order.flags & FlagShort) == '0;
  endfunction

  function automatic logic in_lots(logic signed [63:0] lots);
    return lots > 0 && lots[63:OrderLotsW] == '0;
  endfunction

  function automatic logic in_ticks(logic signed [63:0] ticks);
    return ticks > 0 && ticks[63:TicksW] == '0;
  endfunction

  always_comb begin
    judged_o            = '0;
    market              = 1'b0;
    sells               = 1'b0;
    is_new              = 1'b0;
    replaces            = 1'b0;
    is_short            = 1'b0;
    exempt              = 1'b0;
    price               = '0;
    quantity            = '0;
    working_price       = '0;
    working_lots        = '0;
    market_data_age_bad = 1'b0;
    above_bid           = 1'b0;
    senseless           = 1'b0;
    if (valid_i) begin
      market = order_i.order_type == OrderTypeMarket;
      sells = order_i.side == SideSell;
      is_new = order_i.action == ActionNew;
      price = order_i.price_ticks;
      quantity = order_i.quantity_lots;
      working_price = order_i.working_price_ticks;
      working_lots = order_i.working_lots;
      replaces = !is_new && (working_lots != 0 || working_price != 0);
      is_short = (order_i.flags & FlagShort) != '0;
      exempt = (order_i.flags & FlagShortExempt) != '0;

      judged_o.malformed = is_malformed(order_i) || !keyed_i;
      judged_o.cancels = order_i.action == ActionCancel;
      judged_o.is_new = is_new;
      judged_o.sells = sells;
      judged_o.market = market;
      judged_o.opens = !replaces;
      judged_o.rests        = !market && order_i.tif != TimeInForceIoc
          && order_i.tif != TimeInForceFok && order_i.order_id != '0;
      judged_o.fits = in_lots(quantity) && (market || in_ticks(price));
      judged_o.reduces_only = (order_i.flags & FlagReduceOnly) != '0;
      judged_o.added_lots = $signed({2'b00, quantity[OrderLotsW-1:0]}) -
          (replaces ? $signed({2'b00, working_lots[OrderLotsW-1:0]}) : 22'sd0);
      judged_o.price_ticks = price[TicksW-1:0];
      if (market) begin
        // The collar's edge on the adverse side; without a collar there is no price, so no value.
        judged_o.price_ticks = instrument_i.collar.high == '0 ? '0
            : sells ? instrument_i.collar.low : instrument_i.collar.high;
      end
      judged_o.unvalued = judged_o.price_ticks == '0;

      senseless = !in_lots(quantity) ||
          (!market && (!in_ticks(price) || price[62:0] > instrument_i.limits.max_price_ticks));
      if (is_new) senseless |= working_lots != 0 || working_price != 0;
      else if (replaces) senseless |= !in_lots(working_lots) || !in_ticks(working_price);
      judged_o.bad_fields = senseless;

      judged_o.may_be_short = is_short ? position_i.located_lots : '0;
      judged_o.limit_lots   = judged_o.reduces_only ? '0
          : sells ? position_i.max_short_lots : position_i.max_long_lots;
      judged_o.short_rule = sells && instrument_i.limits.short_sale == 2'(ShortSaleRegSho);

      // --- the checks ---

      judged_o.fired[CheckAccountDisabled]   = !(account_i.meter.known && account_i.enabled
          && port_i.meter.known && port_i.enabled);
      judged_o.fired[CheckStrategyDisabled] = !(strategy_i.meter.known && strategy_i.enabled);
      judged_o.fired[CheckUnknownInstrument] = !(instrument_i.limits.meter.known
          && instrument_i.limits.enabled);
      judged_o.fired[CheckRestricted] = instrument_i.limits.restricted;
      judged_o.fired[CheckHalted] = instrument_i.marks.halted;
      judged_o.fired[CheckSessionWindow]     = order_i.time_ns < instrument_i.limits.session_open_ns
          || order_i.time_ns >= instrument_i.limits.session_close_ns;

      judged_o.fired[CheckMaxQuantity] = judged_o.added_lots > 0
          && 63'(quantity[OrderLotsW-1:0]) > instrument_i.limits.max_quantity_lots;
      judged_o.fired[CheckPriceCollar] = judged_o.price_ticks < instrument_i.collar.low
          || judged_o.price_ticks > instrument_i.collar.high;
      judged_o.fired[CheckPriceBand] = !market && instrument_i.band.high != '0
          && (sells ? price[TicksW-1:0] < instrument_i.band.low
                    : price[TicksW-1:0] > instrument_i.band.high);
      judged_o.fired[CheckMarketNotAllowed] = market && !account_i.market_orders_allowed;
      judged_o.fired[CheckIsoNotAllowed]    = (order_i.flags & FlagIso) != '0
          && !account_i.iso_allowed;

      above_bid = !market && instrument_i.best.bid_lots != '0
          && price[TicksW-1:0] > instrument_i.best.bid_ticks;
      // The rest of SHORT_SALE looks at the position.
      judged_o.fired[CheckShortSale] = sells
          && ((is_short && instrument_i.limits.short_sale == 2'(ShortSaleNotAllowed))
              || (exempt && !account_i.short_exempt_allowed)
              || (judged_o.short_rule && instrument_i.marks.short_restricted && is_short && !exempt
                  && !above_bid));

      judged_o.fired[CheckMarketImpact] = instrument_i.impact.on
          && quantity[OrderLotsW-1:0] > (sells ? instrument_i.impact.sell_lots
                                               : instrument_i.impact.buy_lots)
          && (judged_o.added_lots > 0 || price != working_price);

      if (order_i.time_ns >= instrument_i.last_price.time_ns) begin
        market_data_age_bad =
            order_i.time_ns - instrument_i.last_price.time_ns
            > instrument_i.limits.reference_max_age_ns;
      end else begin
        market_data_age_bad =
            instrument_i.last_price.time_ns - order_i.time_ns > 64'(FutureToleranceNs);
      end
      judged_o.fired[CheckStaleReference] = instrument_i.last_price.price_ticks == '0
          || instrument_i.limits.reference_max_age_ns == '0 || instrument_i.marks.gapped
          || market_data_age_bad;
      judged_o.fired[CheckCrossedBook] = instrument_i.best.bid_lots != '0
          && instrument_i.best.ask_lots != '0
          && instrument_i.best.bid_ticks >= instrument_i.best.ask_ticks;
    end
  end

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
