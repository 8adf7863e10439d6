// Stage 2 of the risk gate: what an order that passed, or a told row, leaves in the rows that move.
// Combinational.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of records and rows, each block takes some fields
module gate_settle
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
(
    // An order that passed.
    input wire logic          passes_i,
    input wire order_intent_t order_i,
    input wire judged_t       judged_i,
    input wire worth_t        worth_i,
    input wire meterings_t    meterings_i,

    // A told row.
    input wire logic told_valid_i,
    input wire told_t told_i,
    input wire logic [62:0] told_value_i,  // price * lots; 0 where the instrument has no value yet
    input wire logic [ValueW-1:0] sat_units_i,  // the least value that cannot be said in nanos
    input wire logic sat_exact_i,  // it is the largest number of nanos exactly
    input wire rows_t rows_i,
    input wire logic own_hit_i,
    input wire logic own_keys_equal_i,
    input wire logic own_full_i,
    input wire logic [LotsW-1:0] own_leaves_i,

    input  wire states_t             states_i,
    output states_t                  states_o,
    output writes_t                  writes_o,
    output logic                     ok_o,          // of the told row: 0 changes nothing
    output logic         [      2:0] faults_o,      // books that were taken below 0
    output logic                     own_put_o,
    output logic                     own_lessen_o,
    output logic         [LotsW-1:0] own_leaves_o
);

  // One cell of open lots changes; the instrument counts how many are not 0.
  function automatic logic [16:0] open_sides_after(
      logic [16:0] count, logic signed [PositionW-1:0] was, logic signed [PositionW-1:0] is);
    if (was == '0 && is != '0) return count + 17'd1;
    if (was != '0 && is == '0) return count - 17'd1;
    return count;
  endfunction

  fill_t            fill;
  adjust_t          adjust;
  mark_t            mark;
  kill_t            kill;
  credit_t          credit;
  rearm_t           rearm;
  outcome_t         outcome;
  profit_and_loss_t pnl;
  account_limits_t  account_limits;
  firm_limits_t     firm_limits;
  strategy_limits_t strategy_limits;
  assign fill = told_i.row[$bits(fill_t)-1:0];  // Release and Reserve have the same fields there
  assign adjust = told_i.row[$bits(adjust_t)-1:0];
  assign mark = told_i.row[$bits(mark_t)-1:0];
  assign kill = told_i.row[$bits(kill_t)-1:0];
  assign credit = told_i.row[$bits(credit_t)-1:0];
  assign rearm = told_i.row[$bits(rearm_t)-1:0];
  assign outcome = told_i.row[$bits(outcome_t)-1:0];
  assign pnl = told_i.row[$bits(profit_and_loss_t)-1:0];
  assign account_limits = account_limits_t'({448'd0, told_i.row});
  assign firm_limits = told_i.row[$bits(firm_limits_t)-1:0];
  assign strategy_limits = strategy_limits_t'({64'd0, told_i.row});

  logic told_buys, breaks_bound, own_keep;
  logic [LotsW-1:0] lots;
  logic signed [PositionW-1:0] held, left;
  logic signed [PositionW:0] moved, signed_lots;
  logic signed [PositionW:0] raised;
  logic [ValueW-1:0] value;
  logic [LotsW:0] leaves;

  always_comb begin
    states_o     = states_i;
    writes_o     = '0;
    ok_o         = 1'b1;
    faults_o     = '0;
    own_put_o    = 1'b0;
    own_lessen_o = 1'b0;
    own_leaves_o = '0;
    told_buys    = 1'b0;
    breaks_bound = 1'b0;
    own_keep     = 1'b0;
    lots         = '0;
    held         = '0;
    left         = '0;
    moved        = '0;
    signed_lots  = '0;
    raised       = '0;
    value        = '0;
    leaves       = '0;
    if (passes_i) begin
      writes_o = '1;
      held = judged_i.sells ? states_i.position.open_sell_lots : states_i.position.open_buy_lots;
      left = held + PositionW'(judged_i.added_lots);
      if (judged_i.sells) states_o.position.open_sell_lots = left;
      else states_o.position.open_buy_lots = left;
      states_o.instrument.open_sides = open_sides_after(states_i.instrument.open_sides, held, left);
      if (judged_i.added_lots > 0) begin
        states_o.instrument.day_lots = states_i.instrument.day_lots + 63'(judged_i.added_lots);
      end
      value = 64'(worth_i.value) - 64'(worth_i.working);
      states_o.firm.exposure.open = states_i.firm.exposure.open + value;
      states_o.account.exposure.open = states_i.account.exposure.open + value;
      states_o.strategy.exposure.open = states_i.strategy.exposure.open + value;
      states_o.firm.bucket = bucket_taken(states_i.firm.bucket, meterings_i.firm, order_i.time_ns);
      states_o.account.bucket =
          bucket_taken(states_i.account.bucket, meterings_i.account, order_i.time_ns);
      states_o.strategy.bucket =
          bucket_taken(states_i.strategy.bucket, meterings_i.strategy, order_i.time_ns);
      states_o.port.bucket = bucket_taken(states_i.port.bucket, meterings_i.port, order_i.time_ns);
      states_o.instrument.bucket =
          bucket_taken(states_i.instrument.bucket, meterings_i.instrument, order_i.time_ns);
      if (judged_i.opens) begin
        states_o.account.open_orders = states_i.account.open_orders + 1'b1;
        states_o.firm.open_orders    = states_i.firm.open_orders + 1'b1;
      end
      if (judged_i.is_new) states_o.port.last_order_id = order_i.order_id;
    end else if (told_valid_i) begin
      told_buys = fill.side == SideBuy;
      lots      = fill.quantity_lots[LotsW-1:0];
      held      = told_buys ? states_i.position.open_buy_lots : states_i.position.open_sell_lots;
      value     = {1'b0, told_value_i};
      if (value > sat_units_i) value = sat_units_i;
      signed_lots = told_buys ? $signed({17'd0, lots}) : -$signed({17'd0, lots});
      unique case (told_i.type_id)
        FillTypeId, ReleaseTypeId: begin
          moved = (PositionW + 1)'(states_i.position.position_lots) + signed_lots;
          breaks_bound = told_i.type_id == FillTypeId
              && (moved > PositionBound || moved < -PositionBound);
          ok_o = !breaks_bound;
          if (ok_o) begin
            writes_o = '{
                position: 1'b1,
                instrument: 1'b1,
                account: 1'b1,
                strategy: 1'b1,
                firm: 1'b1,
                default: 1'b0
            };
            if (told_i.type_id == FillTypeId) begin
              states_o.position.position_lots = moved[PositionW-1:0];
              states_o.strategy.executions    = states_i.strategy.executions + 1'b1;
              if (rows_i.strategy.max_executions != '0
                  && states_o.strategy.executions >= rows_i.strategy.max_executions) begin
                states_o.strategy.latched = 1'b1;
              end
            end
            left = held - $signed({16'd0, lots});
            if (left < 0) begin
              left     = '0;
              faults_o = faults_o + 3'd1;
            end
            if (told_buys) states_o.position.open_buy_lots = left;
            else states_o.position.open_sell_lots = left;
            states_o.instrument.open_sides =
                open_sides_after(states_i.instrument.open_sides, held, left);

            states_o.account.exposure.open = states_i.account.exposure.open - value;
            states_o.firm.exposure.open = states_i.firm.exposure.open - value;
            states_o.strategy.exposure.open = states_i.strategy.exposure.open - value;
            if (value > states_i.account.exposure.open) begin
              states_o.account.exposure.open = '0;
              faults_o                       = faults_o + 3'd1;
            end
            if (value > states_i.firm.exposure.open) begin
              states_o.firm.exposure.open = '0;
              faults_o                    = faults_o + 3'd1;
            end
            if (value > states_i.strategy.exposure.open) begin
              states_o.strategy.exposure.open = '0;
              faults_o                        = faults_o + 3'd1;
            end
            if (fill.closes[0]) begin
              if (states_i.account.open_orders == '0) faults_o = faults_o + 3'd1;
              else states_o.account.open_orders = states_i.account.open_orders - 1'b1;
              if (states_i.firm.open_orders == '0) faults_o = faults_o + 3'd1;
              else states_o.firm.open_orders = states_i.firm.open_orders - 1'b1;
            end
            own_lessen_o = own_hit_i && own_keys_equal_i;
            if (own_hit_i && !own_keys_equal_i) faults_o = faults_o + 3'd1;
          end
        end
        ReserveTypeId: begin
          raised = (PositionW + 1)'(held) + $signed({17'd0, lots});
          leaves = {1'b0, lots} + (own_hit_i ? {1'b0, own_leaves_i} : '0);
          own_keep = fill.order_id != '0 && fill.reserved_price_ticks != '0 && lots != '0;
          breaks_bound = raised > PositionBound;
          if (value != '0) begin
            breaks_bound |= value >= sat_units_i ||
                no_room(states_i.account.exposure.open, value, sat_units_i, sat_exact_i) ||
                no_room(states_i.firm.exposure.open, value, sat_units_i, sat_exact_i) ||
                no_room(states_i.strategy.exposure.open, value, sat_units_i, sat_exact_i);
          end
          if (own_keep) begin
            breaks_bound |= (own_hit_i ? !own_keys_equal_i : own_full_i) || leaves[LotsW];
          end
          ok_o = !breaks_bound;
          if (ok_o) begin
            writes_o = '{
                position: 1'b1,
                instrument: 1'b1,
                account: 1'b1,
                strategy: 1'b1,
                firm: 1'b1,
                default: 1'b0
            };
            left = raised[PositionW-1:0];
            if (told_buys) states_o.position.open_buy_lots = left;
            else states_o.position.open_sell_lots = left;
            states_o.instrument.open_sides =
                open_sides_after(states_i.instrument.open_sides, held, left);
            states_o.account.exposure.open = states_i.account.exposure.open + value;
            states_o.firm.exposure.open = states_i.firm.exposure.open + value;
            states_o.strategy.exposure.open = states_i.strategy.exposure.open + value;
            states_o.account.open_orders = states_i.account.open_orders + CountW'(fill.closes[0]);
            states_o.firm.open_orders = states_i.firm.open_orders + CountW'(fill.closes[0]);
            own_put_o = own_keep;
            own_leaves_o = leaves[LotsW-1:0];
          end
        end
        AdjustTypeId: begin
          moved = (PositionW + 1)'(states_i.position.position_lots) +
              $signed(adjust.delta_lots[PositionW:0]);
          ok_o = moved <= PositionBound && moved >= -PositionBound;
          states_o.position.position_lots = moved[PositionW-1:0];
          writes_o.position = ok_o;
        end
        MarkTypeId: begin
          writes_o.account            = mark.mark == MarkMismatched;
          writes_o.port               = mark.mark == MarkConnected;
          states_o.account.mismatched = mark.on[0];
          states_o.port.connected     = mark.on[0];
        end
        KillTypeId: begin
          writes_o.account         = kill.scope == KillScopeAccount;
          writes_o.strategy        = kill.scope == KillScopeStrategy;
          writes_o.port            = kill.scope == KillScopePort;
          states_o.account.killed  = kill.engage[0];
          states_o.strategy.killed = kill.engage[0];
          states_o.port.killed     = kill.engage[0];
        end
        ProfitAndLossTypeId: begin
          writes_o.account           = 1'b1;
          states_o.account.pnl_nanos = pnl.pnl_nanos;
          if (pnl.pnl_nanos > states_i.account.high_water_nanos) begin
            states_o.account.high_water_nanos = pnl.pnl_nanos;
          end
          if (loss_reached(rows_i.account, states_o.account)) begin
            states_o.account.latched[BreakerDailyLoss] = 1'b1;
            states_o.account.daily_loss_tripped_ns     = pnl.time_ns;
          end
          if (drawdown_reached(rows_i.account, states_o.account)) begin
            states_o.account.latched[BreakerDrawdown] = 1'b1;
            states_o.account.drawdown_tripped_ns      = pnl.time_ns;
          end
        end
        OutcomeTypeId: begin
          writes_o.account = 1'b1;
          if (!outcome.rejected[0]) states_o.account.rejects_in_a_row = '0;
          else if (states_i.account.rejects_in_a_row != '1) begin
            states_o.account.rejects_in_a_row = states_i.account.rejects_in_a_row + 1'b1;
          end
          if (rejects_reached(rows_i.account, states_o.account)) begin
            states_o.account.latched[BreakerConsecutiveRejects] = 1'b1;
            states_o.account.rejects_tripped_ns                 = outcome.time_ns;
          end
        end
        RearmTypeId: begin
          writes_o.account  = rearm.breaker != BreakerRepeatedExecution;
          writes_o.strategy = rearm.breaker == BreakerRepeatedExecution;
          states_o.strategy.executions = '0;
          states_o.strategy.latched    = 1'b0;
          if (rearm.breaker == BreakerDailyLoss) begin
            states_o.account.latched[BreakerDailyLoss] =
                loss_reached(rows_i.account, states_i.account);
            if (states_o.account.latched[BreakerDailyLoss])
              states_o.account.daily_loss_tripped_ns = rearm.time_ns;
          end
          // From here on the drawdown is 0 and no reject was in a row: they cannot trip at once.
          if (rearm.breaker == BreakerDrawdown) begin
            states_o.account.latched[BreakerDrawdown] = 1'b0;
            states_o.account.high_water_nanos         = states_i.account.pnl_nanos;
          end
          if (rearm.breaker == BreakerConsecutiveRejects) begin
            states_o.account.latched[BreakerConsecutiveRejects] = 1'b0;
            states_o.account.rejects_in_a_row                   = '0;
          end
        end
        CreditTypeId: begin
          writes_o.firm = credit.scope == CreditScopeFirm;
          writes_o.account = credit.scope == CreditScopeAccount;
          writes_o.strategy = credit.scope == CreditScopeStrategy;
          states_o.firm.exposure =
              credited(states_i.firm.exposure, rows_i.firm.max_open_value_nanos);
          states_o.account.exposure =
              credited(states_i.account.exposure, rows_i.account.max_open_value_nanos);
          states_o.strategy.exposure =
              credited(states_i.strategy.exposure, rows_i.strategy.max_open_value_nanos);
        end
        InstrumentLimitsTypeId: begin
          // Lots that were reserved before the instrument had a value: the books would not fit.
          ok_o = rows_i.instrument.limits.meter.known || states_i.instrument.open_sides == '0;
          writes_o.instrument = ok_o;
          states_o.instrument.bucket = bucket_limited(
            states_i.instrument.bucket,
            rows_i.instrument.limits.meter
            , told_i.full,
            meterings_i.instrument.now
          );
        end
        AccountLimitsTypeId: begin
          writes_o.account = 1'b1;
          states_o.account.bucket = bucket_limited(states_i.account.bucket, rows_i.account.meter,
                                                   told_i.full, meterings_i.account.now);
          states_o.account.exposure.limit = told_i.value_limit;
          states_o.account.exposure.limit_top = is_top(account_limits.max_open_value_nanos[62:0],
                                                       states_i.account.exposure.credit_nanos);
        end
        StrategyLimitsTypeId: begin
          writes_o.strategy = 1'b1;
          states_o.strategy.bucket = bucket_limited(states_i.strategy.bucket, rows_i.strategy.meter,
                                                    told_i.full, meterings_i.strategy.now);
          states_o.strategy.exposure.limit = told_i.value_limit;
          states_o.strategy.exposure.limit_top = is_top(strategy_limits.max_open_value_nanos[62:0],
                                                        states_i.strategy.exposure.credit_nanos);
        end
        PortLimitsTypeId: begin
          writes_o.port = 1'b1;
          states_o.port.bucket = bucket_limited(states_i.port.bucket, rows_i.port.meter,
                                                told_i.full, meterings_i.port.now);
        end
        FirmLimitsTypeId: begin
          writes_o.firm = 1'b1;
          states_o.firm.bucket = bucket_limited(states_i.firm.bucket, rows_i.firm.meter,
                                                told_i.full, meterings_i.firm.now);
          states_o.firm.exposure.limit = told_i.value_limit;
          states_o.firm.exposure.limit_top =
              is_top(firm_limits.max_open_value_nanos[62:0], states_i.firm.exposure.credit_nanos);
        end
        default: writes_o = '0;
      endcase
      if (told_i.probe) writes_o = '0;
    end
  end

  // More than the largest number of nanos would be open.
  function automatic logic no_room(logic [ValueW-1:0] open, logic [ValueW-1:0] more,
                                   logic [ValueW-1:0] sat_units, logic sat_exact);
    logic [ValueW:0] sum;
    sum = {1'b0, open} + {1'b0, more};
    return sat_exact ? sum > {1'b0, sat_units} : sum >= {1'b0, sat_units};
  endfunction

  function automatic exposure_t credited(exposure_t exposure, logic [62:0] max_open_value);
    exposure_t next;
    next              = exposure;
    next.credit_nanos = added_credit(exposure.credit_nanos, credit.delta_nanos);
    next.limit        = told_i.value_limit;
    next.limit_top    = is_top(max_open_value, next.credit_nanos);
    return next;
  endfunction

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
