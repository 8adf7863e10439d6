// Orders that passed the gate, as OUCH 5.0 on the wire. fpga/docs/order_tx.md has the contract.
// One order is at the head (being judged, or leaving); those behind it wait in the queue.
`default_nettype none

module order_tx
  import meltica_hot_pkg::*, meltica_card_pkg::*, order_tx_pkg::*;
#(
    parameter int unsigned Ports = 4,
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Orders = 4096,
    parameter int unsigned Depth = 16,
    parameter int unsigned InFlight = 4    // orders that may still come after almost_full_o
) (
    input  wire                  clk_i,
    input  wire                  rst_ni,

    input  wire                  cfg_valid_i,
    // Symbol, DropCopy, FrameTemplate, TcpState; others pass by
    input  wire staged_row_t     cfg_row_i,
    output logic                 bad_row_o,

    input  wire                  verdict_valid_i,
    input  wire verdict_t        verdict_i,
    input  wire order_intent_t   order_i,
    input  wire                  killed_i,
    output logic                 almost_full_o,
    output logic                 init_done_o,

    output logic                 word_valid_o,
    input  wire                  word_ready_i,
    output axis_word_t           word_o,

    output logic                 sent_valid_o,    // one cycle after the first word was offered
    output tx_sent_t             sent_o,
    output logic                 purged_valid_o,
    output order_intent_t        purged_order_o,
    output tx_cause_e            purged_cause_o,
    output logic                 evicted_o  // a new order took the table's place of another one
);

  // --- rows ---

  logic [15:0] row_type;
  logic symbol_row, drop_row, port_row;
  logic symbol_bad, drop_bad, port_bad;
  assign row_type = cfg_row_i[15:0];
  assign symbol_row = cfg_valid_i && row_type == SymbolTypeId;
  assign drop_row = cfg_valid_i && row_type == DropCopyTypeId;
  assign port_row = cfg_valid_i && (row_type == FrameTemplateTypeId || row_type == TcpStateTypeId);
  assign bad_row_o = symbol_bad || drop_bad || port_bad;

  // --- the head ---

  order_intent_t order_q, looked;
  logic bad_lots_q, bad_price_q, bad_side_q, bad_tif_q;
  logic passed, load, look, judge, go, purge, leaving, overflow, killed, queue_almost_full;
  logic risky, no_room, last_taken;
  tx_cause_e cause;
  logic symbols_ready, table_ready;

  assign passed = verdict_valid_i && verdict_i.reason == ReasonPass[7:0];
  assign init_done_o = symbols_ready && table_ready;
  assign judge = init_done_o;
  assign almost_full_o = !init_done_o || queue_almost_full;

  tx_head #(
      .Width($bits(order_intent_t)),
      .Depth(Depth),
      .InFlight(InFlight)
  ) u_head (
      .clk_i,
      .rst_ni,
      .killed_i,
      .passed_i(passed),
      .data_i(order_i),
      .look_o(look),
      .load_o(load),
      .looked_o(looked),
      .head_o(order_q),
      .judge_i(judge),
      .risky_i(risky),
      .refused_i(cause != CauseNone),
      .no_room_i(no_room),
      .killed_o(killed),
      .go_o(go),
      .purge_o(purge),
      .leaving_o(leaving),
      .last_taken_i(last_taken),
      .overflow_o(overflow),
      .almost_full_o(queue_almost_full)
  );

  always_ff @(posedge clk_i) begin
    if (load) begin
      bad_lots_q <= |looked.quantity_lots[63:20] || looked.quantity_lots[19:0] == '0
          || looked.quantity_lots[19:0] > MaxShares;
      bad_price_q <= looked.order_type != OrderTypeMarket && (looked.order_type != OrderTypeLimit
          || |looked.price_ticks[63:31] || looked.price_ticks[30:0] == '0
          || looked.price_ticks[30:0] > MaxPrice);
      bad_side_q <= !(looked.side == SideSell
          || (looked.side == SideBuy && (looked.flags & (FlagShort | FlagShortExempt)) == '0));
      bad_tif_q <= looked.tif != TimeInForceDay && looked.tif != TimeInForceIoc;
    end
  end

  // --- what the card knows of the head's session, instrument and order: asked again in every cycle
  // of waiting ---

  logic port_known, symbol_known;
  port_template_t port_template;
  port_state_t port_state;
  logic [15:0] room;
  logic [63:0] symbol;
  table_entry_t entry, write_q;
  logic write_valid_q;
  logic [5:0] payload_bytes;
  logic uses_number;

  tx_ports #(
      .Ports(Ports)
  ) u_ports (
      .clk_i,
      .rst_ni,
      .row_valid_i(port_row),
      .row_i(cfg_row_i),
      .bad_row_o(port_bad),
      .select_valid_i(look),
      .select_port_i(looked.port_id),
      .known_o(port_known),
      .template_o(port_template),
      .state_o(port_state),
      .room_o(room),
      .sent_valid_i(go),
      .sent_bytes_i(payload_bytes),
      .sent_number_i(uses_number)
  );

  tx_symbols #(
      .Instruments(Instruments)
  ) u_symbols (
      .clk_i,
      .rst_ni,
      .row_valid_i(symbol_row),
      .row_i(symbol_t'(cfg_row_i[$bits(symbol_t)-1:0])),
      .lookup_valid_i(look),
      .lookup_i(looked.instrument_id),
      .known_o(symbol_known),
      .symbol_o(symbol),
      .init_done_o(symbols_ready),
      .bad_row_o(symbol_bad)
  );

  tx_orders #(
      .Orders(Orders)
  ) u_table (
      .clk_i,
      .rst_ni,
      .lookup_valid_i(look),
      .lookup_i(looked.order_id),
      .entry_o(entry),
      .claim_i(go),
      .write_valid_i(write_valid_q),
      .write_i(write_q),
      .drop_valid_i(drop_row),
      .drop_i(drop_copy_t'(cfg_row_i[$bits(drop_copy_t)-1:0])),
      .init_done_o(table_ready),
      .bad_row_o(drop_bad)
  );

  // --- the judgement ---

  logic is_new, is_replace, is_cancel, found;
  logic [20:0] shares;
  logic [6:0] frame_bytes;
  logic [FrameW-1:0] frame;

  assign is_new = order_q.action == ActionNew;
  assign is_replace = order_q.action == ActionReplace;
  assign is_cancel = order_q.action == ActionCancel;
  assign risky = !is_cancel;
  assign uses_number = !is_cancel;
  assign found = entry.valid && entry.order_id == order_q.order_id
      && entry.port_id == order_q.port_id && entry.epoch == port_state.epoch;

  always_comb begin
    cause = CauseNone;
    if (!port_known) cause = CauseUnknownPort;
    else if (!port_state.up) cause = CauseSessionDown;
    else if (is_new) begin
      if (!symbol_known) cause = CauseUnknownSymbol;
      else if (bad_lots_q) cause = CauseBadQuantity;
      else if (bad_price_q) cause = CauseBadPrice;
      else if (bad_side_q) cause = CauseBadSide;
      else if (bad_tif_q) cause = CauseBadTif;
      else if (found) cause = CauseDuplicateOrder;
    end else if (is_replace) begin
      if (!found || entry.canceling) cause = CauseUnknownOrder;
      else if (entry.pending != '0) cause = CauseReplacePending;
      else if (bad_lots_q || shares > 21'(MaxShares)) cause = CauseBadQuantity;
      else if (bad_price_q) cause = CauseBadPrice;
    end else if (is_cancel) begin
      if (!found) cause = CauseUnknownOrder;
    end else cause = CauseBadAction;
    if (cause == CauseNone && risky) begin
      if (port_state.user_ref_num == '0) cause = CauseExhausted;
      else if (room < 16'(payload_bytes)) cause = CauseWindow;
    end
  end

  assign no_room = is_cancel && cause == CauseNone && room < 16'(payload_bytes);

  // --- the frame ---

  tx_frame_words u_words (
      .order_i(order_q),
      .template_i(port_template),
      .state_i(port_state),
      .entry_i(entry),
      .symbol_i(symbol),
      .shares_o(shares),
      .payload_bytes_o(payload_bytes),
      .frame_bytes_o(frame_bytes),
      .frame_o(frame)
  );

  logic start_q;
  logic [5:0] payload_bytes_q;
  logic [511:0] payload;
  logic [15:0] ip_checksum, tcp_checksum;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) start_q <= 1'b0;
    else start_q <= go;
  end

  always_ff @(posedge clk_i) begin
    if (go) payload_bytes_q <= payload_bytes;
  end

  tx_frame_checksums u_checksums (
      .clk_i,
      .rst_ni,
      .start_i(start_q),
      .template_i(port_template),
      .state_i(port_state),
      .payload_bytes_i(payload_bytes_q),
      .payload_i(payload),
      .ip_o(ip_checksum),
      .tcp_o(tcp_checksum)
  );

  tx_stream u_stream (
      .clk_i,
      .go_i(go),
      .leaving_i(leaving),
      .frame_i(frame),
      .frame_bytes_i(frame_bytes),
      .has_tag_i(port_template.vlan != '0),
      .ip_checksum_i(ip_checksum),
      .tcp_checksum_i(tcp_checksum),
      .payload_o(payload),
      .last_taken_o(last_taken),
      .word_valid_o,
      .word_ready_i,
      .word_o
  );

  // --- what the table knows from now on, and what is told ---

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_valid_q <= 1'b0;
      sent_valid_o <= 1'b0;
      purged_valid_o <= 1'b0;
      evicted_o <= 1'b0;
    end else begin
      write_valid_q <= go;
      sent_valid_o <= go;
      purged_valid_o <= purge || overflow;
      evicted_o <= go && is_new && entry.valid;
    end
  end

  always_ff @(posedge clk_i) begin
    if (go) begin
      write_q <= entry;
      if (is_new) begin
        write_q <= '0;
        write_q.valid <= 1'b1;
        write_q.ioc <= order_q.tif == TimeInForceIoc;
        write_q.iso <= |(order_q.flags & FlagIso);
        write_q.user_ref_num <= port_state.user_ref_num;
        write_q.epoch <= port_state.epoch;
        write_q.port_id <= order_q.port_id;
        write_q.order_id <= order_q.order_id;
      end
      if (is_replace) write_q.pending <= port_state.user_ref_num;
      if (is_cancel) write_q.canceling <= 1'b1;
      sent_o.order <= order_q;
      sent_o.user_ref_num <= is_cancel ? entry.user_ref_num : port_state.user_ref_num;
      sent_o.sequence_number <= port_state.sequence_number;
      sent_o.payload_bytes <= payload_bytes;
    end
    if (purge || overflow) begin
      purged_order_o <= overflow ? order_i : order_q;
      purged_cause_o <= overflow ? CauseOverflow : killed ? CauseKilled : cause;
    end
  end

  logic unused_fields;
  assign unused_fields = &{1'b0, cfg_row_i, verdict_i, looked};

endmodule

`default_nettype wire
