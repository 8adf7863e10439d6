// The sender as its neighbours see it: orders, rows, stalls and the kill switch are free in every cycle.
`default_nettype none

module order_tx_proof
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import order_tx_pkg::*;
(
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic       passed_i,
  input wire logic [1:0] action_i,
  input wire logic [1:0] id_i,
  input wire logic       good_i,       // something that OUCH has
  input wire logic       watch_i,      // this is the order that is watched
  input wire logic       killed_i,
  input wire logic       ready_i,
  input wire logic       row_i,
  input wire logic [1:0] row_kind_i,
  input wire logic       up_i,
  input wire logic [5:0] room_i
);

  // --- a few orders and rows out of all that there are ---

  order_intent_t order;
  verdict_t verdict;
  staged_row_t row;
  symbol_t symbol_row;
  frame_template_t template_row;
  tcp_state_t tcp_row;
  drop_copy_t drop_row;

  always_comb begin
    order = '0;
    order.type_id = OrderIntentTypeId;
    order.action = 8'(action_i);
    order.side = SideBuy;
    order.order_type = OrderTypeLimit;
    order.price_ticks = 64'sd5;
    order.quantity_lots = good_i ? 64'sd7 : 64'sd0;
    order.order_id = 64'(id_i);
    order.working_lots = 64'(watch_i);  // A mark that the sender carries and never looks at
    verdict = '0;
    verdict.reason = 8'd255;

    symbol_row = '0;
    symbol_row.type_id = SymbolTypeId;
    symbol_row.symbol = {8{8'h41}};
    symbol_row.wire_price_per_tick = 64'd1;
    symbol_row.shares_per_lot = 64'd1;
    template_row = '0;
    template_row.type_id = FrameTemplateTypeId;
    template_row.up = 8'(up_i);
    template_row.user_ref_num = 32'd1;
    template_row.capacity = 8'h50;
    template_row.display = 8'h59;
    template_row.cross_type = 8'h4E;
    tcp_row = '0;
    tcp_row.type_id = TcpStateTypeId;
    tcp_row.up = 8'(up_i);
    tcp_row.peer_window = 16'(room_i);
    drop_row = '0;
    drop_row.type_id = DropCopyTypeId;
    drop_row.kind = DropKindCanceled;
    drop_row.order_id = 64'(id_i);
    drop_row.leaves_lots = 64'(up_i);
    unique case (row_kind_i)
      2'd0: row = 1024'(symbol_row);
      2'd1: row = 1024'(template_row);
      2'd2: row = 1024'(tcp_row);
      default: row = 1024'(drop_row);
    endcase
  end

  logic word_valid, almost_full, init_done, sent_valid, purged_valid, bad_row, evicted;
  axis_word_t word;
  tx_sent_t sent;
  order_intent_t purged_order;
  tx_cause_e purged_cause;

  order_tx #(
    .Ports(1),
    .Instruments(2),
    .Orders(2),
    .Depth(2),
    .InFlight(1)
  ) dut (
    .clk_i, .rst_ni,
    .cfg_valid_i(row_i), .cfg_row_i(row), .bad_row_o(bad_row),
    .verdict_valid_i(passed_i), .verdict_i(verdict), .order_i(order), .killed_i,
    .almost_full_o(almost_full), .init_done_o(init_done),
    .word_valid_o(word_valid), .word_ready_i(ready_i), .word_o(word),
    .sent_valid_o(sent_valid), .sent_o(sent),
    .purged_valid_o(purged_valid), .purged_order_o(purged_order), .purged_cause_o(purged_cause),
    .evicted_o(evicted)
  );

  axis_rules u_rules (
    .clk_i, .rst_ni, .valid_i(word_valid), .ready_i, .word_i(word)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb if (!started_q) assume (!rst_ni);

  // --- the stream, seen from outside: a first word that was not offered before ---

  logic inside_q, offered_q, killed_q, first_q;
  logic first;
  assign first = word_valid && !inside_q && !offered_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      inside_q <= 1'b0;
      offered_q <= 1'b0;
      first_q <= 1'b0;
    end else begin
      first_q <= first;
      offered_q <= word_valid && !ready_i && !inside_q;
      if (word_valid && ready_i) inside_q <= !word.last;
    end
    killed_q <= killed_i;
  end

  // --- one order among all: passed once, and what became of it ---

  logic waits_q, gone_q, doomed_q;
  logic sent_it, purged_it;
  assign sent_it = sent_valid && sent.order.working_lots[0];
  assign purged_it = purged_valid && purged_order.working_lots[0];

  always_comb if (waits_q || gone_q) assume (!(passed_i && watch_i));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      waits_q <= 1'b0;
      gone_q <= 1'b0;
      doomed_q <= 1'b0;
    end else begin
      if (passed_i && watch_i) begin
        waits_q <= 1'b1;
        doomed_q <= killed_i;
      end else if (killed_i) begin
        doomed_q <= 1'b1;  // A first word in an earlier cycle has been reported by now
      end
      if (sent_it || purged_it) begin
        waits_q <= 1'b0;
        gone_q <= 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      // A first word is always told, and nothing else is.
      assert (sent_valid == first_q);
      // The rule: with the switch engaged, no first word of a NEW or REPLACE.
      if (sent_valid && killed_q) assert (sent.order.action == ActionCancel);
      // What waited when the switch was engaged never leaves, even if it is released at once; a cancel does.
      if (sent_it && sent.order.action != ActionCancel) assert (!doomed_q);
      // Once, and one way.
      assert (!(sent_it && purged_it));
      if (sent_it || purged_it) assert (waits_q && !gone_q);
      cover (sent_valid && killed_q);
      cover (purged_it && purged_cause == CauseKilled);
      cover (sent_it && sent.order.action == ActionReplace);
    end
  end

  logic unused_outputs;
  assign unused_outputs = &{1'b0, almost_full, init_done, bad_row, evicted, purged_order, sent, purged_cause};

endmodule

`default_nettype wire
