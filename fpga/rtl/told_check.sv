// Whether a told record is one of the gate's, and whether its values are within their bounds: all
// of tell_twin.py's checks that look at nothing but the record and the card. Combinational.
`default_nettype none

module told_check
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Accounts = 64,
    parameter int unsigned Strategies = 64,
    parameter int unsigned Ports = 16
) (
    input  wire logic        check_i,       // while 0 nothing is looked at, and all outputs are 0
    input  wire staged_row_t row_i,
    input  wire logic [31:0] unit_nanos_i,  // 0: none yet, and what is counted in it is refused
    output logic             known_o,
    output logic             ok_o,
    // The first bytes of the record as the gate's rows take it: a side without lots has no price,
    // and no limit is larger than the card counts.
    output logic [8*QuoteBytes-1:0] row_o
);

  localparam logic [63:0] MostLimitLots = 64'd1 << 46;
  localparam logic signed [63:0] MostAdjustLots = (64'sd1 << LotsW) - 64'sd1;

  /* verilator lint_off UNUSEDSIGNAL */ // of each value and record only what is checked here
  function automatic logic is_instrument(input logic [31:0] id);
    return 33'(id) < 33'(Instruments);
  endfunction

  function automatic logic is_account(input logic [31:0] id);
    return 33'(id) < 33'(Accounts);
  endfunction

  function automatic logic is_strategy(input logic [31:0] id);
    return 33'(id) < 33'(Strategies);
  endfunction

  function automatic logic is_port(input logic [31:0] id);
    return 33'(id) < 33'(Ports);
  endfunction

  function automatic logic is_flag(input logic [7:0] value);
    return value <= 8'd1;
  endfunction

  function automatic logic is_side(input logic [7:0] value);
    return value == SideBuy || value == SideSell;
  endfunction

  function automatic logic is_burst(input logic [31:0] value);
    return 64'(value) <= BurstBound;
  endfunction

  function automatic logic is_natural(input logic signed [63:0] value);
    return !value[63];
  endfunction

  function automatic logic is_price(input logic signed [63:0] value);
    return value[63:TicksW] == '0;
  endfunction

  function automatic logic is_lots(input logic signed [63:0] value);
    return value[63:LotsW] == '0;
  endfunction

  function automatic logic is_limit_lots(input logic signed [63:0] value);
    return unsigned'(value) <= LotsBound;
  endfunction

  function automatic logic signed [63:0] clamped(input logic signed [63:0] value);
    return unsigned'(value) > MostLimitLots ? MostLimitLots : value;
  endfunction

  // One side of a quote: lots need a price.
  function automatic logic is_quoted(input logic signed [63:0] ticks,
                                     input logic signed [63:0] lots);
    return is_lots(lots) && is_price(ticks) && (lots == '0 || ticks != '0);
  endfunction

  logic has_unit;
  assign has_unit = unit_nanos_i != '0;

  always_comb begin
    known_o = 1'b0;
    ok_o    = 1'b0;
    row_o   = '0;
    if (check_i) begin
      known_o = 1'b1;
      row_o   = row_i[8*QuoteBytes-1:0];
      case (row_i[15:0])
        InstrumentLimitsTypeId: begin
          automatic instrument_limits_t told = row_i;
          ok_o = is_instrument(told.instrument_id) && is_flag(told.enabled)
              && is_flag(told.restricted) && told.short_sale <= ShortSaleRegSho
              && 64'(told.collar_bps) <= CollarBpsBound && is_burst(told.message_burst)
              && has_unit && told.value_per_tick_lot_nanos == 64'(unit_nanos_i)
              && is_natural(told.max_price_ticks) && is_natural(told.max_quantity_lots)
              && is_natural(told.max_value_nanos) && is_natural(told.max_day_lots);
        end
        AccountLimitsTypeId: begin
          automatic account_limits_t told = row_i[8*AccountLimitsBytes-1:0];
          // DECREMENT would shorten an order on its way through: this card does not offer it.
          ok_o = is_account(32'(told.account_id)) && is_flag(told.enabled)
              && is_flag(told.market_orders_allowed) && is_flag(told.iso_allowed)
              && is_flag(told.short_exempt_allowed) && told.self_match < SelfMatchDecrement
              && is_burst(told.message_burst) && has_unit && is_natural(told.max_open_value_nanos)
              && is_natural(told.max_daily_loss_nanos) && is_natural(told.max_drawdown_nanos);
        end
        PositionLimitsTypeId: begin
          automatic position_limits_t told = row_i[8*PositionLimitsBytes-1:0];
          ok_o = is_account(32'(told.account_id)) && is_instrument(told.instrument_id)
              && is_limit_lots(told.max_long_lots) && is_limit_lots(told.max_short_lots)
              && is_limit_lots(told.located_lots);
          told.max_long_lots  = clamped(told.max_long_lots);
          told.max_short_lots = clamped(told.max_short_lots);
          told.located_lots   = clamped(told.located_lots);
          row_o[8*PositionLimitsBytes-1:0] = told;
        end
        FirmLimitsTypeId: begin
          automatic firm_limits_t told = row_i[8*FirmLimitsBytes-1:0];
          ok_o = is_burst(told.message_burst) && has_unit && is_natural(told.max_open_value_nanos);
        end
        StrategyLimitsTypeId: begin
          automatic strategy_limits_t told = row_i[8*StrategyLimitsBytes-1:0];
          ok_o = is_strategy(32'(told.strategy_id)) && is_flag(told.enabled)
              && is_burst(told.message_burst) && has_unit && is_natural(told.max_open_value_nanos);
        end
        PortLimitsTypeId: begin
          automatic port_limits_t told = row_i[8*PortLimitsBytes-1:0];
          ok_o = is_port(32'(told.port_id)) && is_flag(told.enabled)
              && is_burst(told.message_burst);
        end
        CreditTypeId: begin
          automatic credit_t told = row_i[8*CreditBytes-1:0];
          case (told.scope)
            CreditScopeFirm:     ok_o = has_unit && told.id == '0;
            CreditScopeAccount:  ok_o = has_unit && is_account(told.id);
            CreditScopeStrategy: ok_o = has_unit && is_strategy(told.id);
            default:             ok_o = 1'b0;
          endcase
        end
        ReferencePriceTypeId: begin
          automatic reference_price_t told = row_i[8*ReferencePriceBytes-1:0];
          ok_o = is_instrument(told.instrument_id) && is_price(told.price_ticks);
        end
        QuoteTypeId: begin
          automatic quote_t told = row_i[8*QuoteBytes-1:0];
          ok_o = is_instrument(told.instrument_id) && is_quoted(told.bid_ticks, told.bid_lots)
              && is_quoted(told.ask_ticks, told.ask_lots);
          if (told.bid_lots == '0) told.bid_ticks = '0;
          if (told.ask_lots == '0) told.ask_ticks = '0;
          row_o = told;
        end
        PriceBandTypeId: begin
          automatic price_band_t told = row_i[8*PriceBandBytes-1:0];
          ok_o = is_instrument(told.instrument_id) && is_price(told.high_ticks)
              && is_price(told.low_ticks) && told.low_ticks <= told.high_ticks;
        end
        MarkTypeId: begin
          automatic mark_t told = row_i[8*MarkBytes-1:0];
          case (told.mark)
            MarkHalted, MarkShortRestricted, MarkGapped: ok_o = is_instrument(told.id);
            MarkMismatched: ok_o = is_account(told.id);
            MarkConnected: ok_o = is_port(told.id);
            default: ok_o = 1'b0;
          endcase
          if (!is_flag(told.on)) ok_o = 1'b0;
        end
        KillTypeId: begin
          automatic kill_t told = row_i[8*KillBytes-1:0];
          case (told.scope)
            KillScopeGlobal: ok_o = told.id == '0;
            KillScopeAccount: ok_o = is_account(told.id);
            KillScopeStrategy: ok_o = is_strategy(told.id);
            KillScopePort: ok_o = is_port(told.id);
            KillScopeInstrument: ok_o = is_instrument(told.id);
            default: ok_o = 1'b0;
          endcase
          if (!is_flag(told.engage)) ok_o = 1'b0;
        end
        LeaseTypeId, DayResetTypeId: ok_o = 1'b1;
        ProfitAndLossTypeId: begin
          automatic profit_and_loss_t told = row_i[8*ProfitAndLossBytes-1:0];
          ok_o = is_account(32'(told.account_id));
        end
        OutcomeTypeId: begin
          automatic outcome_t told = row_i[8*OutcomeBytes-1:0];
          ok_o = is_account(32'(told.account_id)) && is_flag(told.rejected);
        end
        RearmTypeId: begin
          automatic rearm_t told = row_i[8*RearmBytes-1:0];
          case (told.breaker)
            BreakerDailyLoss, BreakerDrawdown, BreakerConsecutiveRejects:
            ok_o = is_account(told.id);
            BreakerRepeatedExecution: ok_o = is_strategy(told.id);
            default: ok_o = 1'b0;
          endcase
        end
        FillTypeId, ReleaseTypeId, ReserveTypeId: begin
          // The three have the same fields; `closes` of the first two is `opens` of the last.
          automatic fill_t told = row_i[8*FillBytes-1:0];
          ok_o = is_account(32'(told.account_id)) && is_instrument(told.instrument_id)
              && is_strategy(32'(told.strategy_id)) && is_side(told.side) && is_flag(told.closes)
              && is_lots(told.quantity_lots) && is_price(told.reserved_price_ticks)
              && (row_i[15:0] != FillTypeId || told.quantity_lots != '0);
        end
        AdjustTypeId: begin
          automatic adjust_t told = row_i[8*AdjustBytes-1:0];
          ok_o = is_account(32'(told.account_id)) && is_instrument(told.instrument_id)
              && told.delta_lots >= -MostAdjustLots && told.delta_lots <= MostAdjustLots;
        end
        default: known_o = 1'b0;
      endcase
    end
  end
  /* verilator lint_on UNUSEDSIGNAL */

endmodule

`default_nettype wire
