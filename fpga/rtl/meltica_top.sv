// The card between the MACs and the host's bus: market data in, orders out, every order through the risk gate.
// Page: fpga/docs/meltica_top.md.
`default_nettype none

module meltica_top
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import order_tx_pkg::*;
#(
  parameter int unsigned Instruments       = 65536,  // locate codes, directly indexed
  parameter int unsigned Accounts          = 4,
  parameter int unsigned Strategies        = 256,
  parameter int unsigned Ports             = 8,
  parameter int unsigned WorkingOrders     = 64,
  parameter int unsigned DuplicateDepth    = 16,
  parameter longint unsigned FutureToleranceNs = 1_000_000,
  parameter int unsigned WatchSlots        = 256,
  parameter int unsigned TrackedOrders     = 65536,
  parameter int unsigned TriggerSlots      = 16,
  parameter int unsigned AuditDepth        = 4096,
  parameter int unsigned ClockKhz          = 156_250,
  parameter logic [63:0] Build             = '0     // first 16 hex digits of the commit
) (
  input  wire logic        clk_i,
  input  wire logic        rst_ni,
  input  wire logic [63:0] now_ns_i,    // Unix time, of the PTP clock
  input  wire logic        kill_pin_i,  // engages while high

  // Market data, two lines; there is always room.
  input  wire logic        s_axis_a_tvalid,
  output logic             s_axis_a_tready,
  input  wire logic [63:0] s_axis_a_tdata,
  input  wire logic [7:0]  s_axis_a_tkeep,
  input  wire logic        s_axis_a_tlast,
  input  wire logic        s_axis_a_tuser,  // bad frame check sequence, with the last word
  input  wire logic        s_axis_b_tvalid,
  output logic             s_axis_b_tready,
  input  wire logic [63:0] s_axis_b_tdata,
  input  wire logic [7:0]  s_axis_b_tkeep,
  input  wire logic        s_axis_b_tlast,
  input  wire logic        s_axis_b_tuser,

  // Order frames.
  output logic             m_axis_tx_tvalid,
  input  wire logic        m_axis_tx_tready,
  output logic [63:0]      m_axis_tx_tdata,
  output logic [7:0]       m_axis_tx_tkeep,
  output logic             m_axis_tx_tlast,

  // The host's record stream.
  input  wire logic        s_axis_host_tvalid,
  output logic             s_axis_host_tready,
  input  wire logic [63:0] s_axis_host_tdata,
  input  wire logic [7:0]  s_axis_host_tkeep,
  input  wire logic        s_axis_host_tlast,
  input  wire logic        s_axis_host_tuser,
  output logic             m_axis_host_tvalid,
  input  wire logic        m_axis_host_tready,
  output logic [63:0]      m_axis_host_tdata,
  output logic [7:0]       m_axis_host_tkeep,
  output logic             m_axis_host_tlast,

  // Registers.
  input  wire logic        s_axil_awvalid,
  output logic             s_axil_awready,
  input  wire logic [15:0] s_axil_awaddr,
  input  wire logic [2:0]  s_axil_awprot,
  input  wire logic        s_axil_wvalid,
  output logic             s_axil_wready,
  input  wire logic [31:0] s_axil_wdata,
  input  wire logic [3:0]  s_axil_wstrb,
  output logic             s_axil_bvalid,
  input  wire logic        s_axil_bready,
  output logic [1:0]       s_axil_bresp,
  input  wire logic        s_axil_arvalid,
  output logic             s_axil_arready,
  input  wire logic [15:0] s_axil_araddr,
  input  wire logic [2:0]  s_axil_arprot,
  output logic             s_axil_rvalid,
  input  wire logic        s_axil_rready,
  output logic [31:0]      s_axil_rdata,
  output logic [1:0]       s_axil_rresp
);

  localparam int unsigned Segments      = 4;
  localparam int unsigned StatusWords   = 16;
  localparam int unsigned EventCounters = 96;
  localparam int unsigned GapHoldCycles = 4 * Instruments;

  logic        cfg_valid;
  staged_row_t cfg_row;
  logic        killed;

  // --- the feed: two lines become one stream of messages ---

  localparam int unsigned FeedEvents = $bits(feed_events_t);

  axis_word_t      word_a, word_b;
  logic            msg_valid, early_valid, ending, gap;
  market_message_t msg;
  logic [15:0]     early_locate;
  feed_events_t [1:0] feed_events;
  logic [63:0]     feed_expected, feed_lost;

  assign word_a = '{error: s_axis_a_tuser, last: s_axis_a_tlast, keep: s_axis_a_tkeep,
      data: s_axis_a_tdata};
  assign word_b = '{error: s_axis_b_tuser, last: s_axis_b_tlast, keep: s_axis_b_tkeep,
      data: s_axis_b_tdata};
  assign s_axis_a_tready = 1'b1;
  assign s_axis_b_tready = 1'b1;

  logic            [1:0]       lane_valid, lane_skip, lane_early, lane_ending;
  market_message_t [1:0]       lane_msg;
  logic            [1:0][15:0] lane_locate;
  logic            [1:0][7:0]  lane_kind;
  feed_packet_t    [1:0]       lane_packet;
  feed_events_t    [1:0]       lane_events, merge_events;

  feed_lane #(.Lane(1'b0)) u_lane_a (
    .clk_i, .rst_ni, .cfg_valid_i(cfg_valid), .cfg_row_i(cfg_row),
    .word_valid_i(s_axis_a_tvalid), .word_i(word_a),
    .msg_valid_o(lane_valid[0]), .msg_skip_o(lane_skip[0]), .msg_o(lane_msg[0]),
    .early_valid_o(lane_early[0]), .early_locate_o(lane_locate[0]), .early_kind_o(lane_kind[0]),
    .ending_o(lane_ending[0]), .packet_o(lane_packet[0]), .events_o(lane_events[0])
  );

  feed_lane #(.Lane(1'b1)) u_lane_b (
    .clk_i, .rst_ni, .cfg_valid_i(cfg_valid), .cfg_row_i(cfg_row),
    .word_valid_i(s_axis_b_tvalid), .word_i(word_b),
    .msg_valid_o(lane_valid[1]), .msg_skip_o(lane_skip[1]), .msg_o(lane_msg[1]),
    .early_valid_o(lane_early[1]), .early_locate_o(lane_locate[1]), .early_kind_o(lane_kind[1]),
    .ending_o(lane_ending[1]), .packet_o(lane_packet[1]), .events_o(lane_events[1])
  );

  /* verilator lint_off UNUSEDSIGNAL */
  logic        feed_in_session, feed_ended;
  logic [79:0] feed_session;
  logic [7:0]  early_kind;
  /* verilator lint_on UNUSEDSIGNAL */
  logic        feed_waiting;
  logic [63:0] gap_begin, gap_end;

  feed_merge u_merge (
    .clk_i, .rst_ni, .now_ns_i, .cfg_valid_i(cfg_valid), .cfg_row_i(cfg_row),
    .lane_msg_valid_i(lane_valid), .lane_msg_skip_i(lane_skip), .lane_msg_i(lane_msg),
    .lane_early_valid_i(lane_early), .lane_early_locate_i(lane_locate),
    .lane_early_kind_i(lane_kind),
    .lane_packet_i(lane_packet),
    .msg_valid_o(msg_valid), .msg_o(msg),
    .early_valid_o(early_valid), .early_locate_o(early_locate), .early_kind_o(early_kind),
    .gap_o(gap), .waiting_o(feed_waiting), .in_session_o(feed_in_session), .session_o(feed_session),
    .expected_o(feed_expected), .ended_o(feed_ended), .gap_begin_o(gap_begin), .gap_end_o(gap_end),
    .lost_o(feed_lost), .events_o(merge_events)
  );

  assign feed_events = lane_events | merge_events;
  assign ending      = |lane_ending;

  // --- the books ---

  localparam int unsigned BookEvents = $bits(book_events_t);

  logic           book_init_done, market_valid, market_ready, book_query, book_query_done;
  market_update_t market;
  logic [15:0]    book_query_locate;
  symbol_status_t book_status;
  book_events_t   book_events;
  logic [16:0]    live_orders;
  logic           book_busy;
  /* verilator lint_off UNUSEDSIGNAL */
  logic           update_valid;  // for strategies of one's own beside the trigger
  book_update_t   update;
  /* verilator lint_on UNUSEDSIGNAL */

  top_of_book #(
    .Instruments(Instruments), .Slots(WatchSlots), .Orders(TrackedOrders)
  ) u_top_of_book (
    .clk_i, .rst_ni, .now_ns_i, .init_done_o(book_init_done),
    .cfg_valid_i(cfg_valid), .cfg_row_i(cfg_row),
    .msg_valid_i(msg_valid), .msg_i(msg), .gap_i(gap),
    .update_valid_o(update_valid), .update_o(update),
    .market_valid_o(market_valid), .market_ready_i(market_ready), .market_o(market),
    .query_valid_i(book_query), .query_locate_i(book_query_locate),
    .query_done_o(book_query_done), .query_status_o(book_status),
    .events_o(book_events), .live_orders_o(live_orders), .busy_o(book_busy)
  );

  // --- orders that the feed pulls ---

  logic                         trig_key_valid, trig_valid, tx_almost_full, trigger_bad_row;
  order_key_t                   trig_key;
  order_intent_t                trig_order;
  logic [TriggerSlots-1:0]      slots_armed;
  logic [TriggerSlots-1:0][31:0] slots_fired;
  logic                         trig_not_armed, trig_not_ready, trig_resting, trig_no_key;

  trigger #(.Slots(TriggerSlots)) u_trigger (
    .clk_i, .rst_ni, .now_ns_i,
    .cfg_valid_i(cfg_valid), .cfg_row_i(cfg_row), .bad_row_o(trigger_bad_row),
    .msg_valid_i(msg_valid), .msg_i(msg),
    .early_valid_i(early_valid), .early_locate_i(early_locate),
    .armed_i(!gap && !killed), .tx_ready_i(!tx_almost_full),
    .trig_key_valid_o(trig_key_valid), .trig_key_o(trig_key),
    .trig_valid_o(trig_valid), .trig_order_o(trig_order),
    .armed_o(slots_armed), .fired_o(slots_fired),
    .not_armed_o(trig_not_armed), .not_ready_o(trig_not_ready), .resting_o(trig_resting),
    .no_key_o(trig_no_key)
  );

  // --- the gate ---

  logic                     host_valid, host_ready, told_valid, told_ready, answer_valid;
  order_intent_t            host_order;
  staged_row_t              told_row;
  answer_t                  answer;
  logic                     regs_killed, release_gate, leased;
  logic [31:0]              unit_nanos;
  logic                     verdict_valid;
  verdict_t                 verdict;
  order_intent_t            verdict_order;
  logic [ValueW-1:0]        verdict_value;
  logic [WorkingOrders-1:0] crossing;
  logic                     gate_query, gate_query_q, gate_query_done, gate_busy, gate_init_done,
      gate_engage;
  logic [7:0]               gate_query_table, gate_query_column;
  logic [31:0]              gate_query_row;
  logic [63:0]              gate_query_value;

  risk_gate #(
    .Instruments(Instruments), .Accounts(Accounts), .Strategies(Strategies), .Ports(Ports),
    .WorkingOrders(WorkingOrders), .DuplicateDepth(DuplicateDepth),
    .FutureToleranceNs(32'(FutureToleranceNs))
  ) u_risk_gate (
    .clk_i, .rst_ni,
    .unit_nanos_i(unit_nanos), .leased_i(leased),
    .trig_key_valid_i(trig_key_valid && ending), .trig_key_i(trig_key),
    .trig_valid_i(trig_valid), .trig_order_i(trig_order),
    .host_valid_i(host_valid), .host_ready_o(host_ready), .host_order_i(host_order),
    .market_valid_i(market_valid), .market_ready_o(market_ready), .market_i(market),
    .told_valid_i(told_valid), .told_ready_o(told_ready), .told_row_i(told_row),
    .answer_valid_o(answer_valid), .answer_o(answer),
    .kill_i(regs_killed), .release_i(release_gate), .killed_o(killed),
    .verdict_valid_o(verdict_valid), .verdict_o(verdict), .verdict_order_o(verdict_order),
    .verdict_value_o(verdict_value), .crossing_o(crossing),
    .query_valid_i(gate_query || gate_query_q), .query_table_i(gate_query_table),
    .query_row_i(gate_query_row), .query_column_i(gate_query_column),
    .query_done_o(gate_query_done), .query_value_o(gate_query_value),
    .busy_o(gate_busy), .init_done_o(gate_init_done)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) gate_query_q <= 1'b0;
    else gate_query_q <= (gate_query || gate_query_q) && !gate_query_done;
  end

  // A Kill record that moves the gate's switch engages that of the registers a cycle later, so that neither lets go alone.
  logic killed_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      killed_q    <= 1'b1;
      gate_engage <= 1'b0;
    end else begin
      killed_q    <= killed;
      gate_engage <= killed && !killed_q;
    end
  end

  // --- frames ---

  logic          tx_bad_row, tx_init_done, sent_valid, purged_valid, evicted, tx_valid;
  /* verilator lint_off UNUSEDSIGNAL */
  axis_word_t    tx_word;  // error: no frame of ours is one
  tx_sent_t      sent;
  /* verilator lint_on UNUSEDSIGNAL */
  order_intent_t purged_order;
  tx_cause_e     purged_cause;

  order_tx #(.Ports(Ports), .Instruments(Instruments)) u_order_tx (
    .clk_i, .rst_ni,
    .cfg_valid_i(cfg_valid), .cfg_row_i(cfg_row), .bad_row_o(tx_bad_row),
    .verdict_valid_i(verdict_valid), .verdict_i(verdict), .order_i(verdict_order),
    .killed_i(killed),
    .almost_full_o(tx_almost_full), .init_done_o(tx_init_done),
    .word_valid_o(tx_valid), .word_ready_i(m_axis_tx_tready), .word_o(tx_word),
    .sent_valid_o(sent_valid), .sent_o(sent),
    .purged_valid_o(purged_valid), .purged_order_o(purged_order), .purged_cause_o(purged_cause),
    .evicted_o(evicted)
  );

  assign m_axis_tx_tvalid = tx_valid;
  assign m_axis_tx_tdata  = tx_word.data;
  assign m_axis_tx_tkeep  = tx_word.keep;
  assign m_axis_tx_tlast  = tx_word.last;

  // --- a gap in the feed: the gate hears of it symbol by symbol; until then the host's orders wait ---

  localparam int unsigned GapHoldW = $clog2(GapHoldCycles + 1);

  logic                gap_q;
  logic [GapHoldW-1:0] gap_hold_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      gap_q      <= 1'b0;
      gap_hold_q <= '0;
    end else begin
      gap_q <= gap;
      if (gap && !gap_q) gap_hold_q <= GapHoldW'(GapHoldCycles);
      else if (gap_hold_q != '0) gap_hold_q <= gap_hold_q - 1'b1;
    end
  end

  // --- the host's records ---

  axis_word_t  host_word;
  /* verilator lint_off UNUSEDSIGNAL */
  axis_word_t  back_word;
  /* verilator lint_on UNUSEDSIGNAL */
  logic        regs_told_valid, regs_told_ready, regs_answer_valid, bad_slot, verdict_lost;
  staged_row_t regs_told_row;
  answer_t     regs_answer;

  assign host_word = '{error: s_axis_host_tuser, last: s_axis_host_tlast,
                       keep: s_axis_host_tkeep, data: s_axis_host_tdata};
  assign m_axis_host_tdata = back_word.data;
  assign m_axis_host_tkeep = back_word.keep;
  assign m_axis_host_tlast = back_word.last;

  host_port u_host_port (
    .clk_i, .rst_ni,
    .s_valid_i(s_axis_host_tvalid), .s_ready_o(s_axis_host_tready), .s_word_i(host_word),
    .m_valid_o(m_axis_host_tvalid), .m_ready_i(m_axis_host_tready), .m_word_o(back_word),
    .hold_i(tx_almost_full || (gap && !gap_q) || gap_hold_q != '0),
    .order_valid_o(host_valid), .order_ready_i(host_ready), .order_o(host_order),
    .told_valid_o(told_valid), .told_ready_i(told_ready), .told_row_o(told_row),
    .answer_valid_i(answer_valid), .answer_i(answer),
    .verdict_valid_i(verdict_valid), .verdict_i(verdict),
    .regs_told_valid_i(regs_told_valid), .regs_told_ready_o(regs_told_ready),
    .regs_told_row_i(regs_told_row),
    .regs_answer_valid_o(regs_answer_valid), .regs_answer_o(regs_answer),
    .bad_slot_o(bad_slot), .verdict_lost_o(verdict_lost)
  );

  // --- how long each part took, in cycles ---

  logic [Segments-1:0]    latency_valid, latency_start, latency_stop, latency_drop, latency_stray;
  logic [Segments*16-1:0] latency_cycles;
  logic [1:0]             trig_q;     // the trigger's orders on their way through the gate
  logic                   passed;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) trig_q <= '0;
    else trig_q <= {trig_q[0], trig_valid};
  end

  assign passed = verdict_valid && verdict.reason == ReasonPass[7:0];
  assign latency_start = {host_valid && host_ready, passed, trig_valid, ending};
  assign latency_stop  = {verdict_valid && !trig_q[1], sent_valid, verdict_valid && trig_q[1],
      msg_valid};
  assign latency_drop  = {1'b0, purged_valid, 2'b0};

  for (genvar i = 0; i < Segments; i++) begin : gen_latency
    latency_timer #(.Depth(32)) u_timer (
      .clk_i, .rst_ni,
      .start_i(latency_start[i]), .stop_i(latency_stop[i]), .drop_i(latency_drop[i]),
      .valid_o(latency_valid[i]), .cycles_o(latency_cycles[16*i +: 16]), .stray_o(latency_stray[i])
    );
  end

  // --- what the registers count and show ---

  localparam int unsigned CauseCount = 8;

  logic [CauseCount-1:0]       purge_cause;
  logic [EventCounters-1:0]    event_bits;
  logic [64*StatusWords-1:0]   words;

  always_comb begin
    purge_cause = '0;
    if (purged_valid) begin
      unique case (purged_cause)
        CauseKilled:        purge_cause[0] = 1'b1;
        CauseSessionDown:   purge_cause[1] = 1'b1;
        CauseWindow:        purge_cause[2] = 1'b1;
        CauseUnknownPort:   purge_cause[3] = 1'b1;
        CauseOverflow:      purge_cause[4] = 1'b1;
        CauseUnknownSymbol: purge_cause[5] = 1'b1;
        CauseUnknownOrder:  purge_cause[6] = 1'b1;
        default:            purge_cause[7] = 1'b1;
      endcase
    end

    // meltica_top.md numbers them; the last field of a struct has the lowest number.
    event_bits = '0;
    event_bits[0 +: FeedEvents]  = feed_events[0];
    event_bits[32 +: FeedEvents] = feed_events[1];
    event_bits[64 +: BookEvents] = book_events;
    event_bits[80 +: CauseCount] = purge_cause;
    event_bits[88] = sent_valid;
    event_bits[89] = bad_slot;
    event_bits[90] = verdict_lost;
    event_bits[91] = trig_valid;
    event_bits[92] = trig_not_armed || trig_not_ready || trig_resting || trig_no_key;
    event_bits[93] = trigger_bad_row || tx_bad_row;
    event_bits[94] = evicted;
    event_bits[95] = |latency_stray;

    words = '0;
    words[64*0 +: 64] = feed_expected;
    words[64*1 +: 64] = feed_lost;
    words[64*2 +: 64] = {47'b0, live_orders};
    words[64*3 +: 64] = 64'(slots_armed);
    words[64*4 +: 64] = {sent.user_ref_num, sent.sequence_number};
    words[64*5 +: 64] = 64'(crossing);
    words[64*6 +: 64] = gap_begin;
    words[64*7 +: 64] = gap_end;
    for (int unsigned i = 0; i < 8; i++) begin
      if (i < TriggerSlots) words[64*(8+i) +: 64] = 64'(slots_fired[i]);
    end
  end

  if (FeedEvents > 32 || BookEvents > 16) begin : gen_too_many_events
    $fatal(1, "the counters' numbers overlap");
  end

  regs #(
    .Build(Build), .ClockKhz(ClockKhz), .Instruments(Instruments), .Accounts(Accounts),
    .Strategies(Strategies),
    .Ports(Ports), .WorkingOrders(WorkingOrders), .DuplicateDepth(DuplicateDepth),
    .WatchSlots(WatchSlots),
    .TrackedOrders(TrackedOrders), .TriggerSlots(TriggerSlots), .EventCounters(EventCounters),
    .Segments(Segments),
    .StatusWords(StatusWords), .AuditDepth(AuditDepth)
  ) u_regs (
    .clk_i, .rst_ni, .now_ns_i,
    .s_axil_awvalid, .s_axil_awready, .s_axil_awaddr, .s_axil_awprot, .s_axil_wvalid,
    .s_axil_wready, .s_axil_wdata,
    .s_axil_wstrb, .s_axil_bvalid, .s_axil_bready, .s_axil_bresp, .s_axil_arvalid, .s_axil_arready,
    .s_axil_araddr,
    .s_axil_arprot, .s_axil_rvalid, .s_axil_rready, .s_axil_rdata, .s_axil_rresp,
    .kill_pin_i, .gate_engage_i(gate_engage), .gate_killed_i(killed), .killed_o(regs_killed),
    .release_o(release_gate), .leased_o(leased), .unit_nanos_o(unit_nanos),
    .cfg_valid_o(cfg_valid), .cfg_row_o(cfg_row),
    .told_valid_o(regs_told_valid), .told_ready_i(regs_told_ready), .told_row_o(regs_told_row),
    .answer_valid_i(regs_answer_valid), .answer_i(regs_answer),
    .gate_query_valid_o(gate_query), .gate_query_table_o(gate_query_table),
    .gate_query_row_o(gate_query_row),
    .gate_query_column_o(gate_query_column), .gate_query_done_i(gate_query_done),
    .gate_query_value_i(gate_query_value),
    .book_query_valid_o(book_query), .book_query_locate_o(book_query_locate),
    .book_query_done_i(book_query_done), .book_query_answer_i(512'(book_status)),
    .verdict_valid_i(verdict_valid), .verdict_i(verdict), .verdict_order_i(verdict_order),
    .verdict_value_i(verdict_value), .purged_valid_i(purged_valid), .purged_order_i(purged_order),
    .event_i(event_bits), .latency_valid_i(latency_valid), .latency_cycles_i(latency_cycles),
    .word_i(words),
    .status_i({11'b0, feed_waiting, gate_busy, book_busy, gap, tx_almost_full}),
    .init_done_i(gate_init_done && book_init_done && tx_init_done)
  );

endmodule

`default_nettype wire
