// The host's side of the card: the register block of regs.rdl and what its registers stand for.
// fpga/docs/regs.md has the contract, fpga/docs/registers.md every address.
`default_nettype none

module regs
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
#(
  parameter logic [31:0] RtlVersion    = 32'h0001_0000,
  parameter logic [63:0] Build         = '0,
  parameter int unsigned ClockKhz      = 156_250,
  parameter logic [7:0]  Features      = '1,
  parameter int unsigned Instruments   = 65536,
  parameter int unsigned Accounts      = 64,
  parameter int unsigned Strategies    = 64,
  parameter int unsigned Ports         = 8,
  parameter int unsigned WorkingOrders = 64,
  parameter int unsigned DuplicateDepth = 16,
  parameter int unsigned WatchSlots    = 256,
  parameter int unsigned TrackedOrders = 65536,
  parameter int unsigned TriggerSlots  = 16,
  parameter int unsigned EventCounters = 128,
  parameter int unsigned Segments      = 4,
  parameter int unsigned StatusWords   = 16,
  parameter int unsigned AuditDepth    = 4096,
  parameter logic [63:0] CounterStart  = '0,   // for benches: near a carry
  parameter logic [31:0] ErrorStart    = '0    // the same for the counts that stay at the top
) (
  input  wire logic                      clk_i,
  input  wire logic                      rst_ni,
  input  wire time_ns_t                  now_ns_i,

  input  wire logic                      s_axil_awvalid,
  output logic                           s_axil_awready,
  input  wire logic [15:0]               s_axil_awaddr,
  input  wire logic [2:0]                s_axil_awprot,
  input  wire logic                      s_axil_wvalid,
  output logic                           s_axil_wready,
  input  wire logic [31:0]               s_axil_wdata,
  input  wire logic [3:0]                s_axil_wstrb,
  output logic                           s_axil_bvalid,
  input  wire logic                      s_axil_bready,
  output logic [1:0]                     s_axil_bresp,
  input  wire logic                      s_axil_arvalid,
  output logic                           s_axil_arready,
  input  wire logic [15:0]               s_axil_araddr,
  input  wire logic [2:0]                s_axil_arprot,
  output logic                           s_axil_rvalid,
  input  wire logic                      s_axil_rready,
  output logic [31:0]                    s_axil_rdata,
  output logic [1:0]                     s_axil_rresp,

  input  wire logic                      kill_pin_i,
  input  wire logic                      gate_engage_i,   // not out of killed_o of this cycle
  input  wire logic                      gate_killed_i,
  output logic                           killed_o,
  output logic                           release_o,       // one cycle after this switch let go
  output logic                           leased_o,
  output logic [31:0]                    unit_nanos_o,

  output logic                           cfg_valid_o,
  output staged_row_t                    cfg_row_o,
  output logic                           told_valid_o,
  input  wire logic                      told_ready_i,
  output staged_row_t                    told_row_o,
  input  wire logic                      answer_valid_i,
  input  wire answer_t                   answer_i,

  output logic                           gate_query_valid_o,
  output logic [7:0]                     gate_query_table_o,
  output logic [31:0]                    gate_query_row_o,
  output logic [7:0]                     gate_query_column_o,
  input  wire logic                      gate_query_done_i,
  input  wire logic [63:0]               gate_query_value_i,
  output logic                           book_query_valid_o,
  output logic [15:0]                    book_query_locate_o,
  input  wire logic                      book_query_done_i,
  input  wire logic [511:0]              book_query_answer_i,

  input  wire logic                      verdict_valid_i,
  input  wire verdict_t                  verdict_i,
  input  wire order_intent_t             verdict_order_i,
  input  wire logic [63:0]               verdict_value_i,
  input  wire logic                      purged_valid_i,
  input  wire order_intent_t             purged_order_i,

  input  wire logic [EventCounters-1:0]  event_i,
  input  wire logic [Segments-1:0]       latency_valid_i,
  input  wire logic [16*Segments-1:0]    latency_cycles_i,
  input  wire logic [64*StatusWords-1:0] word_i,
  input  wire logic [15:0]               status_i,
  input  wire logic                      init_done_i
);

  localparam int unsigned EventW = $clog2(EventCounters);
  localparam int unsigned AuditLevelW = $clog2(AuditDepth) + 1;

  if (StatusWords < 1 || StatusWords > 64) begin : g_words
    $fatal(1, "regs: StatusWords must be 1..64");
  end
  if (EventCounters < 4 || EventCounters > 250) begin : g_events
    $fatal(1, "regs: EventCounters must be 4..250");
  end

  // --- the bus and the register block ---

  meltica_regs_pkg::meltica_regs__in_t  in;
  meltica_regs_pkg::meltica_regs__out_t out;

  logic        awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
  logic [15:0] awaddr, araddr;
  logic [31:0] wdata, rdata;
  logic [3:0]  wstrb;
  logic [1:0]  bresp, rresp;
  logic        access, whole, bad_access;

  axil_guard u_guard (
    .clk_i, .rst_ni,
    .s_axil_awvalid, .s_axil_awready, .s_axil_awaddr, .s_axil_wvalid, .s_axil_wready, .s_axil_wdata,
    .s_axil_wstrb,
    .s_axil_bvalid, .s_axil_bready, .s_axil_bresp, .s_axil_arvalid, .s_axil_arready, .s_axil_araddr,
    .s_axil_rvalid,
    .s_axil_rready, .s_axil_rdata, .s_axil_rresp,
    .m_axil_awvalid(awvalid), .m_axil_awready(awready), .m_axil_awaddr(awaddr),
    .m_axil_wvalid(wvalid),
    .m_axil_wready(wready), .m_axil_wdata(wdata), .m_axil_wstrb(wstrb), .m_axil_bvalid(bvalid),
    .m_axil_bready(bready), .m_axil_bresp(bresp), .m_axil_arvalid(arvalid),
    .m_axil_arready(arready),
    .m_axil_araddr(araddr), .m_axil_rvalid(rvalid), .m_axil_rready(rready), .m_axil_rdata(rdata),
    .m_axil_rresp(rresp),
    .access_o(access), .whole_o(whole), .error_o(bad_access)
  );

  meltica_regs u_block (
    .clk(clk_i), .rst_n(rst_ni),
    .s_axil_awready(awready), .s_axil_awvalid(awvalid), .s_axil_awaddr(awaddr),
    .s_axil_awprot(s_axil_awprot),
    .s_axil_wready(wready), .s_axil_wvalid(wvalid), .s_axil_wdata(wdata), .s_axil_wstrb(wstrb),
    .s_axil_bready(bready), .s_axil_bvalid(bvalid), .s_axil_bresp(bresp),
    .s_axil_arready(arready), .s_axil_arvalid(arvalid), .s_axil_araddr(araddr),
    .s_axil_arprot(s_axil_arprot),
    .s_axil_rready(rready), .s_axil_rvalid(rvalid), .s_axil_rdata(rdata), .s_axil_rresp(rresp),
    .hwif_in(in), .hwif_out(out)
  );

  // --- the kill switch, its keyed release, the watchdog ---

  logic       release_written_q, token_written_q;
  logic       release_key, bad_release;
  logic       engaged, released;
  logic [4:0] engage, cause, since;
  time_ns_t   kill_time;
  logic       tripped, trip, bad_token;
  logic       armed;
  logic       audit_losing;
  logic [2:0] locked;

  // Registers have their new value in the cycle after the pulse that tells of the write.
  always_ff @(posedge clk_i) begin
    release_written_q <= rst_ni && out.CONTROL.RELEASE.value.swmod;
    token_written_q   <= rst_ni && out.WATCHDOG.TOKEN.value.swmod;
    release_o         <= rst_ni && release_key && engage == '0;
  end

  always_comb begin
    engage[0] = kill_pin_i;
    engage[1] = out.CONTROL.KILL.value.swmod;
    engage[2] = tripped;
    engage[3] = gate_engage_i;
    engage[4] = out.CONTROL.CTRL.kill_on_audit_loss.value && audit_losing;
    armed     = !killed_o && !gate_killed_i;
    locked    = '0;
    if (armed) locked = 3'(out.CONTROL.CTRL.leased.swmod) + 3'(out.CONTROL.UNIT_NANOS.value.swmod);
  end

  kill_release u_release (
    .clk_i, .rst_ni, .access_i(access), .write_i(release_written_q), .whole_i(whole),
    .value_i(out.CONTROL.RELEASE.value.value), .release_o(release_key), .bad_o(bad_release)
  );

  kill_switch #(.Sources(5)) u_kill (
    .clk_i, .rst_ni, .now_ns_i, .engage_i(engage), .release_i(release_key), .killed_o,
    .cause_o(cause),
    .since_o(since), .time_o(kill_time), .engaged_o(engaged), .released_o(released)
  );

  watchdog #(.ClockKhz(ClockKhz)) u_watchdog (
    .clk_i, .rst_ni, .period_us_i(out.WATCHDOG.PERIOD_US.value.value),
    .token_valid_i(token_written_q && whole), .token_i(out.WATCHDOG.TOKEN.value.value),
    .tripped_o(tripped), .trip_o(trip), .bad_token_o(bad_token),
    .last_token_o(in.WATCHDOG.LAST_TOKEN.value.next), .age_us_o(in.WATCHDOG.AGE_US.value.next)
  );

  // --- rows and queries ---

  staged_row_t staged;
  logic        commit_busy, commit_refused, answered;
  logic [31:0] answers;
  logic [15:0] answered_type_id;
  logic [7:0]  answered_status;
  logic        gate_refused, book_refused;
  logic [511:0] book_answer;

  for (genvar n = 0; n < 32; n++) begin : g_staged
    assign staged[32*n+:32] = out.STAGING.ROW[n].value.value;
  end

  regs_commit u_commit (
    .clk_i, .rst_ni, .commit_i(out.STAGING.COMMIT.value.swmod), .row_i(staged),
    .busy_o(commit_busy),
    .refused_o(commit_refused), .commits_o(in.STAGING.COMMITS.value.next), .answers_o(answers),
    .type_id_o(answered_type_id), .status_o(answered_status), .answered_o(answered),
    .cfg_valid_o, .told_valid_o, .told_ready_i, .row_o(told_row_o), .answer_valid_i, .answer_i
  );

  regs_query #(.Width(64)) u_gate_query (
    .clk_i, .rst_ni, .ask_i(out.QUERY.ASK.gate.value), .valid_o(gate_query_valid_o),
    .refused_o(gate_refused),
    .busy_o(in.QUERY.STATUS.gate_busy.next), .done_i(gate_query_done_i),
    .value_i(gate_query_value_i),
    .value_o(in.QUERY.GATE_VALUE.value.next)
  );

  regs_query #(.Width(512)) u_book_query (
    .clk_i, .rst_ni, .ask_i(out.QUERY.ASK.book.value), .valid_o(book_query_valid_o),
    .refused_o(book_refused),
    .busy_o(in.QUERY.STATUS.book_busy.next), .done_i(book_query_done_i),
    .value_i(book_query_answer_i),
    .value_o(book_answer)
  );

  always_comb begin
    cfg_row_o           = told_row_o;
    gate_query_table_o  = out.QUERY.GATE_WHERE.gate_table.value;
    gate_query_column_o = out.QUERY.GATE_WHERE.gate_column.value;
    gate_query_row_o    = out.QUERY.GATE_ROW.value.value;
    book_query_locate_o = out.QUERY.BOOK_WHERE.locate.value;
    leased_o            = out.CONTROL.CTRL.leased.value;
    unit_nanos_o        = out.CONTROL.UNIT_NANOS.value.value;
  end

  for (genvar n = 0; n < 16; n++) begin : g_book
    assign in.QUERY.BOOK_WORD[n].value.next = book_answer[32*n+:32];
  end

  // --- audit ---

  audit_t                 record;
  logic [AuditLevelW-1:0] audit_level;

  audit #(.Depth(AuditDepth)) u_audit (
    .clk_i, .rst_ni, .now_ns_i, .verdict_valid_i, .verdict_i, .verdict_order_i, .verdict_value_i,
    .purged_valid_i,
    .purged_order_i, .killed_i(engaged), .killed_cause_i(8'(engage)), .released_i(released),
    .tripped_i(trip), .tripped_token_i(in.WATCHDOG.LAST_TOKEN.value.next),
    .answered_i(answered), .answered_type_id_i(answered_type_id),
    .answered_status_i(answered_status),
    .record_o(record), .level_o(audit_level), .pop_i(out.AUDIT.POP.value.swmod),
    .losing_o(audit_losing), .lost_o(in.AUDIT.LOST.value.next)
  );

  for (genvar n = 0; n < 20; n++) begin : g_record
    assign in.AUDIT.RECORD[n].value.next = record[32*n+:32];
  end

  // --- counters, histograms, words ---

  audit_t      last;
  logic [639:32] kept_q;   // words of the last reject beyond word 0, since word 0 was read
  logic        rejects_done, events_done;
  logic [63:0] rejects_value, events_value, events_read, latency_value, word_value;
  logic        events_inside_q;
  logic        clearing;
  logic [3:0]  dropped;

  reject_counters #(.StartValue(CounterStart)) u_rejects (
    .clk_i, .rst_ni, .now_ns_i, .verdict_valid_i, .verdict_i, .verdict_order_i, .verdict_value_i,
    .index_i(out.REJECT_COUNTS.addr[10:3]), .value_o(rejects_value), .last_o(last),
    .init_done_o(rejects_done)
  );

  event_counters #(.Counters(EventCounters), .StartValue(CounterStart)) u_events (
    .clk_i, .rst_ni, .pulse_i(event_i), .index_i(out.EVENT_COUNTS.addr[3+:EventW]),
    .value_o(events_read),
    .init_done_o(events_done)
  );

  latency #(.Segments(Segments)) u_latency (
    .clk_i, .rst_ni, .valid_i(latency_valid_i), .cycles_i(latency_cycles_i),
    .freeze_i(out.LATENCY.CTRL.freeze.value), .clear_i(out.LATENCY.CLEAR.value.swmod),
    .clearing_o(clearing), .dropped_o(dropped), .segment_i(out.LATENCY_COUNTS.addr[11:10]),
    .entry_i(out.LATENCY_COUNTS.addr[9:3]), .value_o(latency_value)
  );

  always_comb events_value = events_inside_q ? events_read : '0;

  always_ff @(posedge clk_i) begin
    events_inside_q <= 32'(out.EVENT_COUNTS.addr[10:3]) < EventCounters;
    if (out.WORD_VALUES.req) begin
      word_value <= '0;
      if (32'(out.WORD_VALUES.addr[8:3]) < StatusWords) begin
        word_value <= word_i[32'(out.WORD_VALUES.addr[8:3])*64+:64];
      end
    end
    if (!rst_ni) kept_q <= '0;
    else if (out.REJECTS.LAST[0].value.swacc) kept_q <= last[639:32];
  end

  assign in.REJECTS.LAST[0].value.next = last[31:0];
  for (genvar n = 1; n < 20; n++) begin : g_last
    assign in.REJECTS.LAST[n].value.next = kept_q[32*n+:32];
  end

  wide_read u_read_rejects (
    .clk_i, .rst_ni, .read_i(out.REJECT_COUNTS.req), .high_i(out.REJECT_COUNTS.addr[2]),
    .value_i(rejects_value),
    .ack_o(in.REJECT_COUNTS.rd_ack), .data_o(in.REJECT_COUNTS.rd_data)
  );
  wide_read u_read_events (
    .clk_i, .rst_ni, .read_i(out.EVENT_COUNTS.req), .high_i(out.EVENT_COUNTS.addr[2]),
    .value_i(events_value),
    .ack_o(in.EVENT_COUNTS.rd_ack), .data_o(in.EVENT_COUNTS.rd_data)
  );
  wide_read u_read_latency (
    .clk_i, .rst_ni, .read_i(out.LATENCY_COUNTS.req), .high_i(out.LATENCY_COUNTS.addr[2]),
    .value_i(latency_value),
    .ack_o(in.LATENCY_COUNTS.rd_ack), .data_o(in.LATENCY_COUNTS.rd_data)
  );
  wide_read u_read_words (
    .clk_i, .rst_ni, .read_i(out.WORD_VALUES.req), .high_i(out.WORD_VALUES.addr[2]),
    .value_i(word_value),
    .ack_o(in.WORD_VALUES.rd_ack), .data_o(in.WORD_VALUES.rd_data)
  );

  // The memories are read-only: the register block answers writes itself.
  assign in.REJECT_COUNTS.wr_ack = 1'b0;
  assign in.EVENT_COUNTS.wr_ack  = 1'b0;
  assign in.LATENCY_COUNTS.wr_ack = 1'b0;
  assign in.WORD_VALUES.wr_ack   = 1'b0;

  // --- what reads as it is ---

  assign in.ID.RTL_VERSION.value.next      = RtlVersion;
  assign in.ID.LAYOUT_VERSION.value.next   = LayoutVersion;
  assign in.ID.RULEBOOK_VERSION.value.next = RulebookVersion;
  assign in.ID.BUILD.value.next            = Build;
  assign in.ID.CLOCK_KHZ.value.next        = ClockKhz;
  assign in.ID.FEATURES.feed.next          = Features[0];
  assign in.ID.FEATURES.book.next          = Features[1];
  assign in.ID.FEATURES.gate.next          = Features[2];
  assign in.ID.FEATURES.trigger.next       = Features[3];
  assign in.ID.FEATURES.order_tx.next      = Features[4];
  assign in.ID.FEATURES.watchdog.next      = Features[5];
  assign in.ID.FEATURES.audit.next         = Features[6];
  assign in.ID.FEATURES.latency.next       = Features[7];
  assign in.ID.INSTRUMENTS.value.next      = Instruments;
  assign in.ID.ACCOUNTS.value.next         = Accounts;
  assign in.ID.STRATEGIES.value.next       = Strategies;
  assign in.ID.PORTS.value.next            = Ports;
  assign in.ID.WORKING_ORDERS.value.next   = WorkingOrders;
  assign in.ID.DUPLICATE_DEPTH.value.next  = DuplicateDepth;
  assign in.ID.WATCH_SLOTS.value.next      = WatchSlots;
  assign in.ID.TRACKED_ORDERS.value.next   = TrackedOrders;
  assign in.ID.TRIGGER_SLOTS.value.next    = TriggerSlots;
  assign in.ID.CHECKS.value.next           = CheckCount;
  assign in.ID.NOW_NS.value.next           = now_ns_i;

  assign in.CONTROL.CTRL.leased.swwe             = !armed;
  assign in.CONTROL.CTRL.kill_on_audit_loss.swwe = !armed;
  assign in.CONTROL.UNIT_NANOS.value.swwe        = !armed;

  assign in.CONTROL.STATUS.killed.next           = !armed;
  assign in.CONTROL.STATUS.kill_switch.next      = killed_o;
  assign in.CONTROL.STATUS.gate_killed.next      = gate_killed_i;
  assign in.CONTROL.STATUS.watchdog_tripped.next = tripped;
  assign in.CONTROL.STATUS.kill_pin.next         = kill_pin_i;
  assign in.CONTROL.STATUS.init_done.next        = init_done_i && rejects_done && events_done;
  assign in.CONTROL.STATUS.commit_busy.next      = commit_busy;
  assign in.CONTROL.STATUS.audit_losing.next     = audit_losing;
  assign in.CONTROL.STATUS.top.next              = status_i;

  assign in.CONTROL.KILL_CAUSE.first_pin.next      = cause[0];
  assign in.CONTROL.KILL_CAUSE.first_register.next = cause[1];
  assign in.CONTROL.KILL_CAUSE.first_watchdog.next = cause[2];
  assign in.CONTROL.KILL_CAUSE.first_gate.next     = cause[3];
  assign in.CONTROL.KILL_CAUSE.first_audit.next    = cause[4];
  assign in.CONTROL.KILL_CAUSE.since_pin.next      = since[0];
  assign in.CONTROL.KILL_CAUSE.since_register.next = since[1];
  assign in.CONTROL.KILL_CAUSE.since_watchdog.next = since[2];
  assign in.CONTROL.KILL_CAUSE.since_gate.next     = since[3];
  assign in.CONTROL.KILL_CAUSE.since_audit.next    = since[4];
  assign in.CONTROL.KILL_TIME_NS.value.next        = kill_time;

  assign in.STAGING.ANSWER.status.next          = answered_status;
  assign in.STAGING.ANSWER.sequence_number.next = answers[7:0];
  assign in.STAGING.ANSWER.type_id.next         = answered_type_id;
  assign in.STAGING.ANSWERS.value.next          = answers;

  assign in.AUDIT.DEPTH.value.next      = AuditDepth;
  assign in.AUDIT.LEVEL.value.next      = 32'(audit_level);
  assign in.EVENTS.ENTRIES.value.next   = EventCounters;
  assign in.WORDS.ENTRIES.value.next    = StatusWords;
  assign in.LATENCY.SEGMENTS.value.next = Segments;
  assign in.LATENCY.STATUS.clearing.next = clearing;

  // --- small counts ---

  saturating_count u_kills (
    .clk_i, .rst_ni, .step_i(engaged), .count_o(in.CONTROL.KILLS.value.next)
  );
  saturating_count u_releases (
    .clk_i, .rst_ni, .step_i(released), .count_o(in.CONTROL.RELEASES.value.next)
  );
  saturating_count u_bad_releases (
    .clk_i, .rst_ni, .step_i(bad_release), .count_o(in.CONTROL.BAD_RELEASES.value.next)
  );
  saturating_count #(.StepW(3)) u_locked (
    .clk_i, .rst_ni, .step_i(locked), .count_o(in.CONTROL.LOCKED_WRITES.value.next)
  );
  saturating_count #(.StartValue(ErrorStart)) u_bad_accesses (
    .clk_i, .rst_ni, .step_i(bad_access), .count_o(in.CONTROL.BAD_ACCESSES.value.next)
  );
  saturating_count u_trips (
    .clk_i, .rst_ni, .step_i(trip), .count_o(in.WATCHDOG.TRIPS.value.next)
  );
  saturating_count u_bad_tokens (
    .clk_i, .rst_ni, .step_i(bad_token || (token_written_q && !whole)),
    .count_o(in.WATCHDOG.BAD_TOKENS.value.next)
  );
  saturating_count u_refused_commits (
    .clk_i, .rst_ni, .step_i(commit_refused), .count_o(in.STAGING.REFUSED.value.next)
  );
  saturating_count #(.StepW(2)) u_refused_queries (
    .clk_i, .rst_ni, .step_i(2'(gate_refused) + 2'(book_refused)),
    .count_o(in.QUERY.REFUSED.value.next)
  );
  saturating_count #(.StepW(4)) u_dropped (
    .clk_i, .rst_ni, .step_i(dropped), .count_o(in.LATENCY.DROPPED.value.next)
  );

endmodule

`default_nettype wire
