// Stage 2 of the risk gate: the checks that look at rows that move, and the verdict. Combinational.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of records and rows, each block takes some fields
module gate_stage2
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
(
    input wire logic          valid_i,
    input wire order_intent_t order_i,
    input wire judged_t       judged_i,            // by stage 1
    input wire worth_t        worth_i,
    input wire logic          working_saturated_i,

    input wire logic     killed_i,         // the gate's switch, or that of the instrument
    input wire logic     leased_i,
    input wire time_ns_t lease_until_ns_i,

    input wire rows_t      rows_i,
    input wire meterings_t meterings_i,
    input wire states_t    states_i,

    input wire logic own_hit_i,
    input wire logic own_keys_equal_i,
    input wire logic own_full_i,
    input wire logic own_crossing_i,
    input wire logic duplicate_i,

    output logic [CheckCount-1:0] fired_o,
    output logic                  passes_o,  // and takes its share of the limits: no cancel
    output logic                  lists_o    // own orders that it crosses are to be cancelled
);

  account_state_t  account;
  strategy_state_t strategy;
  position_state_t position;
  assign account  = states_i.account;
  assign strategy = states_i.strategy;
  assign position = states_i.position;

  logic [CheckCount-1:0] fired;
  logic senseless, beyond_limit, reduces, too_many;
  logic signed [PositionW+2:0] open_lots, worst_lots;
  logic [63:0] working_lots;

  always_comb begin
    fired        = '0;
    senseless    = 1'b0;
    beyond_limit = 1'b0;
    reduces      = 1'b0;
    too_many     = 1'b0;
    open_lots    = '0;
    worst_lots   = '0;
    working_lots = '0;
    fired_o      = '0;
    passes_o     = 1'b0;
    lists_o      = 1'b0;
    if (valid_i) begin
      fired = judged_i.fired;
      working_lots = order_i.working_lots;
      open_lots = 51'(judged_i.sells ? position.open_sell_lots : position.open_buy_lots);
      worst_lots   = open_lots + 51'(judged_i.added_lots)
          + (judged_i.sells ? -51'(position.position_lots) : 51'(position.position_lots));

      fired[CheckKillSwitch] = killed_i || rows_i.instrument.marks.killed || account.killed
          || strategy.killed || states_i.port.killed;
      fired[CheckLeaseExpired] = leased_i
          && (lease_until_ns_i == '0 || order_i.time_ns > lease_until_ns_i);
      fired[CheckPortDown] = !states_i.port.connected;
      fired[CheckPositionMismatch] = account.mismatched;

      senseless = judged_i.bad_fields;
      if (!judged_i.is_new) senseless |= own_hit_i && !own_keys_equal_i;
      if (!judged_i.opens) begin
        senseless |= $signed({31'd0, working_lots[OrderLotsW-1:0]}) > open_lots ||
            working_saturated_i || 64'(worth_i.working) > states_i.firm.exposure.open ||
            64'(worth_i.working) > account.exposure.open ||
            64'(worth_i.working) > strategy.exposure.open;
      end
      fired[CheckFieldSanity] = senseless;

      fired[CheckMaxValue] = worth_grows(worth_i)
          && (worth_i.saturated || 64'(worth_i.value) > rows_i.instrument.limits.value_limit);
      if (judged_i.short_rule && judged_i.added_lots > 0 && worst_lots > $signed(
              {4'd0, judged_i.may_be_short}
          )) begin
        fired[CheckShortSale] = 1'b1;
      end
      beyond_limit = judged_i.added_lots > 0 && worst_lots > $signed({4'd0, judged_i.limit_lots});
      fired[CheckPositionLimit] = beyond_limit;
      fired[CheckOpenExposure] = exceeds(account.exposure, worth_i);
      fired[CheckStrategyExposure] = exceeds(strategy.exposure, worth_i);
      fired[CheckFirmCredit] = !rows_i.firm.meter.known || exceeds(states_i.firm.exposure, worth_i)
          || (judged_i.opens && states_i.firm.open_orders >= CountW'(rows_i.firm.max_open_orders));
      fired[CheckDayQuantity] = judged_i.added_lots > 0
          && 64'(states_i.instrument.day_lots) + 64'(judged_i.added_lots)
          > 64'(rows_i.instrument.limits.max_day_lots);

      fired[CheckMessageRate] = (meterings_i.firm.known &&
                                 bucket_empty(states_i.firm.bucket, meterings_i.firm)) ||
          (meterings_i.account.known && bucket_empty(account.bucket, meterings_i.account)) ||
          (meterings_i.strategy.known && bucket_empty(strategy.bucket, meterings_i.strategy)) ||
          (meterings_i.port.known && bucket_empty(states_i.port.bucket, meterings_i.port));
      fired[CheckInstrumentRate] = bucket_empty(states_i.instrument.bucket, meterings_i.instrument);
      fired[CheckDuplicateOrder] = judged_i.is_new && duplicate_i;
      fired[CheckRepeatedExecution] = strategy.latched
          || strategy.executions >= rows_i.strategy.max_executions;
      fired[CheckSelfMatch] = own_crossing_i
          && rows_i.account.self_match != 2'(SelfMatchCancelOldest);
      too_many = judged_i.opens && account.open_orders >= CountW'(rows_i.account.max_open_orders);
      fired[CheckOpenOrderCount] = too_many || (judged_i.rests && !own_hit_i && own_full_i);
      fired[CheckOrderIdNotIncreasing] = judged_i.is_new
          && (order_i.order_id <= states_i.port.last_order_id || own_hit_i);

      reduces = judged_i.reduces_only && rows_i.account.meter.known
          && rows_i.instrument.limits.meter.known && !senseless && !beyond_limit;
      fired[CheckDailyLoss] = !reduces && (rows_i.account.max_daily_loss_nanos == '0
          || (account.latched[BreakerDailyLoss]
              ? still_latched(rows_i.account.rearm_after_ns, account.daily_loss_tripped_ns,
                              order_i.time_ns) : loss_reached(rows_i.account, account)));
      fired[CheckDrawdown] = !reduces && (rows_i.account.max_drawdown_nanos == '0
          || (account.latched[BreakerDrawdown]
              ? still_latched(rows_i.account.rearm_after_ns, account.drawdown_tripped_ns,
                              order_i.time_ns) : drawdown_reached(rows_i.account, account)));
      fired[CheckConsecutiveRejects] = rows_i.account.max_consecutive_rejects == '0
          || (account.latched[BreakerConsecutiveRejects]
              ? still_latched(rows_i.account.rearm_after_ns, account.rejects_tripped_ns,
                              order_i.time_ns) : rejects_reached(rows_i.account, account));

      // Each check only where the facts that it rests on are there.
      if (!rows_i.instrument.limits.meter.known) fired &= JudgedWithoutInstrument[CheckCount-1:0];
      if (!rows_i.account.meter.known) fired &= JudgedWithoutAccount[CheckCount-1:0];
      if (!rows_i.strategy.meter.known) fired &= JudgedWithoutStrategy[CheckCount-1:0];
      if (fired[CheckFieldSanity]) fired &= JudgedWithoutFields[CheckCount-1:0];

      if (judged_i.malformed) begin
        fired_o[CheckMalformed] = 1'b1;
      end else if (!judged_i.cancels) begin
        fired_o = fired;
        passes_o = fired == '0;
        lists_o  = (fired & ~(CheckCount'(1) << CheckSelfMatch)) == '0
            && rows_i.account.self_match != 2'(SelfMatchCancelNewest);
      end
    end
  end

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
