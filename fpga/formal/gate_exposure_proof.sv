// An order that passes stays within every limit on open value and position, whatever the rows hold and whatever the
// order says: the gate's own stages, one after the other, with free rows, a free order and a free worth.
`default_nettype none

module gate_exposure_proof
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
(
  input wire logic              clk_i,
  input wire logic              keyed_i,
  input wire order_intent_t     order_i,
  input wire rows_t             rows_i,
  input wire states_t           states_i,
  input wire meterings_t        meterings_i,
  input wire worth_t            worth_i,
  input wire logic              working_saturated_i,
  input wire logic              killed_i,
  input wire logic              leased_i,
  input wire time_ns_t          lease_until_ns_i,
  input wire logic [5:0]        own_i,
  input wire logic [LotsW-1:0]  own_leaves_i,
  input wire logic [ValueW-1:0] sat_units_i
);

  judged_t judged;
  gate_stage1 u_stage1 (
    .valid_i(1'b1),
    .keyed_i,
    .order_i,
    .instrument_i(rows_i.instrument),
    .account_i(rows_i.account),
    .strategy_i(rows_i.strategy),
    .port_i(rows_i.port),
    .position_i(rows_i.position),
    .judged_o(judged)
  );

  logic passes, lists;
  logic [CheckCount-1:0] fired;
  gate_stage2 u_stage2 (
    .valid_i(1'b1),
    .order_i,
    .judged_i(judged),
    .worth_i,
    .working_saturated_i,
    .killed_i,
    .leased_i,
    .lease_until_ns_i,
    .rows_i,
    .meterings_i,
    .states_i,
    .own_hit_i(own_i[0]),
    .own_keys_equal_i(own_i[1]),
    .own_full_i(own_i[2]),
    .own_crossing_i(own_i[3]),
    .duplicate_i(own_i[4]),
    .fired_o(fired),
    .passes_o(passes),
    .lists_o(lists)
  );

  states_t next;
  writes_t writes;
  logic ok, own_put, own_lessen;
  logic [2:0] faults;
  logic [LotsW-1:0] own_leaves;
  gate_settle u_settle (
    .passes_i(passes),
    .order_i,
    .judged_i(judged),
    .worth_i,
    .meterings_i,
    .told_valid_i(1'b0),
    .told_i('0),
    .told_value_i('0),
    .sat_units_i,
    .sat_exact_i(own_i[5]),
    .rows_i,
    .own_hit_i(own_i[0]),
    .own_keys_equal_i(own_i[1]),
    .own_full_i(own_i[2]),
    .own_leaves_i,
    .states_i,
    .states_o(next),
    .writes_o(writes),
    .ok_o(ok),
    .faults_o(faults),
    .own_put_o(own_put),
    .own_lessen_o(own_lessen),
    .own_leaves_o(own_leaves)
  );

  // What the core and the told rows see to: a new order takes no other's place, lots stay within 48 bits.
  localparam logic signed [PositionW-1:0] Bound = 48'sd1 << 46;
  always_comb begin
    if (judged.opens) assume (worth_i.working == '0);
    assume (states_i.position.position_lots < Bound && states_i.position.position_lots > -Bound);
    assume (states_i.position.open_buy_lots >= 0 && states_i.position.open_sell_lots >= 0);
    assume (rows_i.position.max_long_lots <= LimitLotsBound);
    assume (rows_i.position.max_short_lots <= LimitLotsBound);
  end

  // Exactly the difference, never around the end; within the limit, or no more than before.
  function automatic logic stays(exposure_t was, exposure_t now);
    logic [66:0] sum;
    sum = 67'(was.open) + 67'(worth_i.value);
    return sum >= 67'(worth_i.working) && 67'(now.open) == sum - 67'(worth_i.working)
        && (now.open <= was.limit || now.open <= was.open);
  endfunction

  logic signed [PositionW+2:0] long_after, short_after;
  assign long_after  = 51'(states_i.position.position_lots) + 51'(next.position.open_buy_lots);
  assign short_after = 51'(next.position.open_sell_lots) - 51'(states_i.position.position_lots);

  always_ff @(posedge clk_i) begin
    if (passes) begin
      assert (!killed_i && keyed_i);
      assert (stays(states_i.firm.exposure, next.firm.exposure));
      assert (stays(states_i.account.exposure, next.account.exposure));
      assert (stays(states_i.strategy.exposure, next.strategy.exposure));
      assert (next.position.open_buy_lots >= 0 && next.position.open_sell_lots >= 0);
      if (judged.added_lots > 0 && order_i.side == SideBuy) begin
        assert (long_after <= $signed({4'd0, rows_i.position.max_long_lots}));
      end
      if (judged.added_lots > 0 && order_i.side == SideSell) begin
        assert (short_after <= $signed({4'd0, rows_i.position.max_short_lots}));
      end
    end else begin
      assert (writes == '0);
    end
    cover (passes && order_i.action == ActionReplace && worth_i.value < worth_i.working);
    cover (passes && next.account.exposure.open == states_i.account.exposure.limit &&
        worth_i.value != '0);
  end

endmodule

`default_nettype wire
