// Orders that a market message sends by itself: up to 16 conditions, all compared in the cycle of
// the message.
// fpga/docs/trigger.md has the contract.
`default_nettype none

module trigger
  import meltica_hot_pkg::*, meltica_card_pkg::*;
#(
    parameter int unsigned Slots = 16,
    parameter int unsigned KeyCycles = 64  // how long a key is shown when its message does not come
) (
    input  wire                     clk_i,
    input  wire                     rst_ni,
    input  wire  [63:0]             now_ns_i,

    input  wire                     cfg_valid_i,
    input  wire staged_row_t        cfg_row_i,        // Trigger; others pass by
    output logic                    bad_row_o,

    input  wire                     msg_valid_i,
    input  wire market_message_t    msg_i,
    input  wire                     early_valid_i,
    input  wire  [15:0]             early_locate_i,

    input  wire                     armed_i,
    input  wire                     tx_ready_i,

    output logic                    trig_key_valid_o,
    output order_key_t              trig_key_o,
    output logic                    trig_valid_o,     // combinational from msg_i
    output order_intent_t           trig_order_o,

    output logic [Slots-1:0]        armed_o,          // slots that may still fire
    output logic [Slots-1:0][31:0]  fired_o,
    output logic                    not_armed_o,      // a message pulled, and: armed_i was low
    output logic                    not_ready_o,      // tx_ready_i was low
    output logic                    resting_o,        // all slots that it pulled rest
    output logic                    no_key_o  // their rows were not asked for in the cycle before
);

  localparam int unsigned IndexW = Slots > 1 ? $clog2(Slots) : 1;
  localparam int unsigned KeyCountW = $clog2(KeyCycles + 1);

  if (Slots < 1 || Slots > 256) $fatal(1, "Slots is not 1 to 256");
  if (KeyCycles < 2) $fatal(1, "KeyCycles is less than 2");

  // What is compared, apart from what is sent.
  typedef struct packed {
    logic [15:0]       locate;
    logic [1:0]        kinds;
    logic [1:0]        message_side;
    logic              at_least;
    ticks_t            threshold;
    logic [LotsW-1:0]  min_lots;
  } condition_t;

  typedef struct packed {
    logic [15:0]           account_id;
    logic [15:0]           strategy_id;
    logic [7:0]            port_id;
    logic [7:0]            side;
    logic [7:0]            tif;
    logic [7:0]            flags;
    logic [OrderLotsW-1:0] lots;
    ticks_t                price;
    logic [41:0]           cooldown_ns;
    logic                  one_shot;
  } shot_t;

  condition_t condition_q [Slots];
  shot_t shot_q [Slots];
  logic [Slots-1:0] enabled_q, armed_q;
  logic [63:0] rests_until_q [Slots];
  logic [31:0] fired_q [Slots];
  logic [63:0] next_order_id_q;

  // --- rows: looked at one cycle after the commit ---

  logic row_q;
  trigger_t trigger_q;
  logic in_range, conflict, row_good;

  assign in_range = 32'(trigger_q.slot) < Slots && trigger_q.enabled <= 8'd1
      && trigger_q.kinds != '0 && trigger_q.kinds <= 8'd3 && trigger_q.message_side <= 8'd2
      && (trigger_q.compare == CompareAtMost || trigger_q.compare == CompareAtLeast)
      && trigger_q.one_shot <= 8'd1 && trigger_q.instrument_id <= 32'hFFFF
      && trigger_q.threshold_ticks[63:31] == '0 && trigger_q.min_lots[63:32] == '0
      && (trigger_q.side == SideBuy || trigger_q.side == SideSell)
      && trigger_q.quantity_lots[63:20] == '0 && trigger_q.quantity_lots[19:0] != '0
      && trigger_q.price_ticks[63:31] == '0 && trigger_q.price_ticks[30:0] != '0;

  // Before a message has a price the card asks for the rows of whoever would send: slots that watch
  // one instrument
  // must send for the same account, strategy and session.
  always_comb begin
    conflict = 1'b0;
    if (row_q) begin
      for (int unsigned n = 0; n < Slots; n++) begin
        if (enabled_q[n] && n != 32'(trigger_q.slot) && trigger_q.enabled[0]
            && condition_q[n].locate == trigger_q.instrument_id[15:0]
            && (shot_q[n].account_id != trigger_q.account_id
            || shot_q[n].strategy_id != trigger_q.strategy_id
            || shot_q[n].port_id != trigger_q.port_id))
          conflict = 1'b1;
      end
    end
  end
  assign row_good = row_q && in_range && !conflict;

  logic fire;
  logic [IndexW-1:0] row_slot, fire_slot;
  assign row_slot = trigger_q.slot[IndexW-1:0];

  always_ff @(posedge clk_i) begin
    if (cfg_valid_i) trigger_q <= trigger_t'(cfg_row_i[$bits(trigger_t)-1:0]);
    if (row_good) begin
      condition_q[row_slot] <= '{
        locate: trigger_q.instrument_id[15:0],
        kinds: trigger_q.kinds[1:0],
        message_side: trigger_q.message_side[1:0],
        at_least: trigger_q.compare == CompareAtLeast,
        threshold: trigger_q.threshold_ticks[30:0],
        min_lots: trigger_q.min_lots[31:0]
      };
      shot_q[row_slot] <= '{
        account_id: trigger_q.account_id,
        strategy_id: trigger_q.strategy_id,
        port_id: trigger_q.port_id,
        side: trigger_q.side,
        tif: trigger_q.tif,
        flags: trigger_q.flags,
        lots: trigger_q.quantity_lots[19:0],
        price: trigger_q.price_ticks[30:0],
        cooldown_ns: 42'(trigger_q.cooldown_us) * 42'd1000,
        one_shot: trigger_q.one_shot[0]
      };
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      row_q <= 1'b0;
      bad_row_o <= 1'b0;
    end else begin
      row_q <= cfg_valid_i && cfg_row_i[15:0] == TriggerTypeId;
      bad_row_o <= row_q && !row_good;
    end
  end

  // --- the key: from the cycle after locate is known until its message is there ---

  logic watched;
  order_key_t watched_key;
  always_comb begin
    watched = 1'b0;
    watched_key = '0;
    if (early_valid_i) begin
      for (int unsigned n = 0; n < Slots; n++) begin
        if (armed_q[n] && condition_q[n].locate == early_locate_i) begin
          watched = 1'b1;
          watched_key = '{
            instrument_id: 32'(early_locate_i),
            account_id: shot_q[n].account_id,
            strategy_id: shot_q[n].strategy_id,
            port_id: shot_q[n].port_id
          };
        end
      end
    end
  end

  logic [KeyCountW-1:0] key_left_q;
  logic key_fresh_q;  // first shown in this cycle: it is of the message after the one that ends now
  logic shown_q;              // in the cycle before
  order_key_t key_q, shown_key_q;

  assign trig_key_valid_o = key_left_q != '0;
  assign trig_key_o = key_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      key_left_q <= '0;
      key_fresh_q <= 1'b0;
      shown_q <= 1'b0;
    end else begin
      key_fresh_q <= early_valid_i;
      shown_q <= trig_key_valid_o && !row_q;
      if (row_q) key_left_q <= '0;   // a row changes whom the key should name
      else if (early_valid_i) key_left_q <= watched ? KeyCountW'(KeyCycles) : '0;
      else if (msg_valid_i && !key_fresh_q) key_left_q <= '0;
      else if (trig_key_valid_o) key_left_q <= key_left_q - 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (early_valid_i) key_q <= watched_key;
    shown_key_q <= key_q;
  end

  // --- the message ---

  logic is_add, is_trade, has_side;
  logic [Slots-1:0] pulled, rested;

  always_comb begin
    unique case (msg_i.kind)
      8'h41, 8'h46: {is_add, is_trade, has_side} = 3'b101;                  // A F
      8'h55: {is_add, is_trade, has_side} = 3'b100;  // U: its new price; no side
      8'h50: {is_add, is_trade, has_side} = 3'b011;                         // P
      8'h43: {is_add, is_trade, has_side} = {1'b0, msg_i.printable, 1'b0};  // C
      default: {is_add, is_trade, has_side} = 3'b000;
    endcase
  end

  always_comb begin
    pulled = '0;
    rested = '0;
    fire_slot = '0;
    if (msg_valid_i && (is_add || is_trade)) begin
      for (int unsigned n = 0; n < Slots; n++) begin
        pulled[n] = armed_q[n] && condition_q[n].locate == msg_i.locate
            && ((condition_q[n].kinds[0] && is_add) || (condition_q[n].kinds[1] && is_trade))
            && (condition_q[n].message_side == 2'd0
            || (has_side && (condition_q[n].message_side == 2'd2) == msg_i.is_sell))
            && msg_i.shares >= condition_q[n].min_lots
            && (condition_q[n].at_least ? msg_i.price >= 32'(condition_q[n].threshold)
            : msg_i.price <= 32'(condition_q[n].threshold));
        rested[n] = now_ns_i >= rests_until_q[n];
      end
      for (int unsigned n = 0; n < Slots; n++) begin
        if (pulled[Slots-1-n] && rested[Slots-1-n]) fire_slot = IndexW'(Slots - 1 - n);
      end
    end
  end

  logic key_shown;
  assign key_shown = shown_q && shown_key_q.instrument_id == 32'(msg_i.locate);
  assign fire = |(pulled & rested) && armed_i && tx_ready_i && key_shown && !row_q;

  assign trig_valid_o = fire;
  always_comb begin
    trig_order_o = '0;
    if (fire) begin
      trig_order_o.type_id = OrderIntentTypeId;
      trig_order_o.action = ActionNew;
      trig_order_o.side = shot_q[fire_slot].side;
      trig_order_o.flags = shot_q[fire_slot].flags;
      trig_order_o.port_id = shot_q[fire_slot].port_id;
      trig_order_o.order_type = OrderTypeLimit;
      trig_order_o.tif = shot_q[fire_slot].tif;
      trig_order_o.instrument_id = 32'(msg_i.locate);
      trig_order_o.account_id = shot_q[fire_slot].account_id;
      trig_order_o.strategy_id = shot_q[fire_slot].strategy_id;
      trig_order_o.order_id = next_order_id_q;
      trig_order_o.price_ticks = 64'(shot_q[fire_slot].price);
      trig_order_o.quantity_lots = 64'(shot_q[fire_slot].lots);
      trig_order_o.time_ns = now_ns_i;
    end
  end

  // --- what firing leaves behind ---

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      enabled_q <= '0;
      armed_q <= '0;
      next_order_id_q <= 64'd1;
      for (int unsigned n = 0; n < Slots; n++) fired_q[n] <= '0;
    end else begin
      if (fire) begin
        if (shot_q[fire_slot].one_shot) armed_q[fire_slot] <= 1'b0;
        fired_q[fire_slot] <= fired_q[fire_slot] + 32'd1;
        next_order_id_q <= next_order_id_q + 64'd1;
      end
      if (row_good) begin
        enabled_q[row_slot] <= trigger_q.enabled[0];
        armed_q[row_slot] <= trigger_q.enabled[0];
        if (trigger_q.first_order_id > next_order_id_q) next_order_id_q <= trigger_q.first_order_id;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (fire) rests_until_q[fire_slot] <= now_ns_i + 64'(shot_q[fire_slot].cooldown_ns);
    if (row_good) rests_until_q[row_slot] <= '0;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {not_armed_o, not_ready_o, resting_o, no_key_o} <= '0;
    end else begin
      not_armed_o <= |(pulled & rested) && !armed_i;
      not_ready_o <= |(pulled & rested) && armed_i && !tx_ready_i;
      no_key_o <= |(pulled & rested) && armed_i && tx_ready_i && !fire;
      resting_o <= |pulled && !(|(pulled & rested));
    end
  end

  assign armed_o = armed_q;
  for (genvar n = 0; n < int'(Slots); n++) begin : gen_fired
    assign fired_o[n] = fired_q[n];
  end

  logic unused_fields;
  assign unused_fields = &{1'b0, cfg_row_i, msg_i, trigger_q, shown_key_q};

endmodule

`default_nettype wire
