// Two lanes of the feed to one sequence, message by message: the first that has the next number passes, in the cycle
// in which its lane shows it. fpga/docs/feed_merge.md has the contract.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of rows and packets, not all fields are looked at
module feed_merge
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
#(
    parameter int unsigned ParkedMessages = 512,  // of a lane
    parameter int unsigned DrainSpacing = 3       // cycles from any message to one that was parked
) (
    input wire logic        clk_i,
    input wire logic        rst_ni,
    input wire logic [63:0] now_ns_i,
    input wire logic        cfg_valid_i,
    input wire staged_row_t cfg_row_i,   // takes FeedFilter and ClearGap

    input wire logic            [1:0]       lane_msg_valid_i,
    input wire logic            [1:0]       lane_msg_skip_i,
    input wire market_message_t [1:0]       lane_msg_i,
    input wire logic            [1:0]       lane_early_valid_i,
    input wire logic            [1:0][15:0] lane_early_locate_i,
    input wire logic            [1:0][ 7:0] lane_early_kind_i,
    input wire feed_packet_t    [1:0]       lane_packet_i,

    output logic                   msg_valid_o,
    output market_message_t        msg_o,
    output logic                   early_valid_o,
    output logic            [15:0] early_locate_o,
    output logic            [ 7:0] early_kind_o,

    output logic               gap_o,         // messages are lost, or wrong ones were let through
    output logic               waiting_o,     // a number is missing, and may still come
    output logic               in_session_o,
    output logic        [79:0] session_o,
    output logic        [63:0] expected_o,
    output logic               ended_o,       // the session has ended, and nothing is missing
    output logic        [63:0] gap_begin_o,   // the last gap that was declared: its first number
    output logic        [63:0] gap_end_o,     // and the number behind it
    output logic        [63:0] lost_o,        // messages lost in all gaps
    output feed_events_t [1:0] events_o
);

  if (DrainSpacing < 2 || DrainSpacing > 15) $fatal(1, "DrainSpacing is not within 2..15");

  localparam int unsigned PatienceW = 11;  // 2,047 cycles: longer than the longest frame

  // --- configuration ---

  feed_filter_t row;
  clear_gap_t clear_row;
  logic cfg_filter, restart, clear_gap;
  logic [1:0] enabled_q, enabled_d;
  logic [31:0] timeout_q;
  logic [63:0] start_q;

  assign row = feed_filter_t'(cfg_row_i[$bits(feed_filter_t)-1:0]);
  assign clear_row = clear_gap_t'(cfg_row_i[$bits(clear_gap_t)-1:0]);
  assign cfg_filter = cfg_valid_i && row.type_id == FeedFilterTypeId && row.lane <= 8'd1;
  assign clear_gap = cfg_valid_i && clear_row.type_id == ClearGapTypeId && clear_row.all == 8'd1;
  // The first lane that is enabled begins anew.
  assign restart = cfg_filter && enabled_q == '0 && row.enabled != '0;

  always_comb begin
    enabled_d = enabled_q;
    if (cfg_filter) enabled_d[row.lane[0]] = row.enabled != '0;
  end

  always_ff @(posedge clk_i) begin
    enabled_q <= enabled_d;
    if (cfg_filter) timeout_q <= row.gap_timeout_ns;
    if (restart) start_q <= row.next_sequence_number;
    if (!rst_ni) enabled_q <= '0;
  end

  // --- state ---

  logic in_session_q, past_valid_q, ended_q, gap_q;
  logic [79:0] session_q, past_q;
  logic [63:0] expected_q, next_q;  // and the one behind it
  logic [63:0] known_q;             // all numbers below it exist
  logic passes;                     // a message passes in this cycle
  logic jump, settle;               // it changes in another way: nothing is judged by it yet
  logic change;                     // of the session

  // --- the lanes' messages: what is known of the one on its way is known before it comes ---

  logic [1:0] mine, mine_q, is_next, is_next_q, is_past, is_past_q, foreign_past_q;
  logic [1:0] live, duplicate, park, late;
  logic [1:0] pushed_lost, parked_almost, parked_pending, head_valid, pop;
  market_message_t [1:0] head;
  logic [1:0] head_skip, still;
  logic [1:0] head_is, head_is_q, head_below, head_below_q, head_above, head_above_q;
  logic [1:0] commit, rollback, drop, force_commit, used_q;

  for (genvar i = 0; i < 2; i++) begin : gen_lane
    assign mine[i] = in_session_q && enabled_q[i] && lane_packet_i[i].session == session_q;
    assign is_next[i] = mine[i] && !settle
        && lane_packet_i[i].next_number == (passes ? next_q : expected_q);
    assign is_past[i] = mine[i] && !settle
        && (lane_packet_i[i].next_number < expected_q
            || (passes && lane_packet_i[i].next_number == expected_q));

    assign live[i] = lane_msg_valid_i[i] && is_next_q[i];
    assign late[i] = lane_msg_valid_i[i] && !mine_q[i] && foreign_past_q[i];
    assign duplicate[i] = lane_msg_valid_i[i] && mine_q[i]
        && (is_past_q[i] || (i == 1 && live == 2'b11));
    assign park[i] = lane_msg_valid_i[i] && enabled_q[i]
        && !live[i] && !duplicate[i] && !late[i];

    msg_fifo #(
        .Width($bits(market_message_t) + 1),
        .Depth(ParkedMessages)
    ) u_parked (
        .clk_i,
        .rst_ni,
        .push_i(park[i]),
        .data_i({lane_msg_skip_i[i], lane_msg_i[i]}),
        .almost_full_o(parked_almost[i]),
        .lost_o(pushed_lost[i]),
        .commit_i(commit[i]),
        .rollback_i(rollback[i]),
        .drop_i(drop[i]),
        .pending_o(parked_pending[i]),
        .head_valid_o(head_valid[i]),
        .head_o({head_skip[i], head[i]}),
        .pop_i(pop[i])
    );

    // A head is judged in a cycle in which nothing moves, and acts in the next.
    assign still[i] = head_valid[i] && in_session_q && !pop[i] && !drop[i] && !settle;
    assign head_below[i] = still[i] && head[i].sequence_number < expected_q;
    assign head_is[i] = still[i] && !passes && head[i].sequence_number == expected_q;
    assign head_above[i] = still[i] && !passes && head[i].sequence_number > expected_q;
  end

  always_ff @(posedge clk_i) begin
    mine_q <= mine;
    is_next_q <= is_next;
    is_past_q <= is_past;
    head_is_q <= head_is;
    head_below_q <= head_below;
    head_above_q <= head_above;
    for (int unsigned i = 0; i < 2; i++) begin
      foreign_past_q[i] <= past_valid_q && lane_packet_i[i].session == past_q;
    end
    if (!rst_ni) begin
      {mine_q, is_next_q, is_past_q, foreign_past_q} <= '0;
      {head_is_q, head_below_q, head_above_q} <= '0;
    end
  end

  // --- what was parked follows when its number is next, with some room for those behind ---

  logic [3:0] since_q;  // cycles since a message passed; saturates
  logic [1:0] drain;

  assign drain[0] = head_is_q[0] && live == '0 && since_q >= 4'(DrainSpacing - 1);
  assign drain[1] = head_is_q[1] && !head_is_q[0] && live == '0 && since_q >= 4'(DrainSpacing - 1);
  assign pop = drain | head_below_q;
  assign passes = live != '0 || drain != '0;

  assign msg_valid_o = (live[0] && !lane_msg_skip_i[0])
      || (live[1] && !live[0] && !lane_msg_skip_i[1])
      || (drain[0] && !head_skip[0]) || (drain[1] && !head_skip[1]);

  always_comb begin
    if (live[0]) msg_o = lane_msg_i[0];
    else if (live[1]) msg_o = lane_msg_i[1];
    else msg_o = head_is_q[0] ? head[0] : head[1];
  end

  always_ff @(posedge clk_i) begin
    since_q <= passes ? '0 : since_q == '1 ? since_q : since_q + 4'd1;
    if (!rst_ni) since_q <= '0;
  end

  // --- early: of the message that is next, at the latest in the cycle before it passes ---

  logic [1:0] on_way_q, on_way, tells, head_tells;
  logic [1:0][15:0] on_way_locate_q;
  logic [1:0][7:0] on_way_kind_q;

  assign on_way = on_way_q & ~lane_msg_valid_i;
  assign tells = is_next & (lane_early_valid_i | (on_way & ~is_next_q));
  assign head_tells = head_is & ~head_is_q;
  assign early_valid_o = tells != '0 || head_tells != '0;

  always_comb begin
    if (tells[0]) begin
      early_locate_o = lane_early_valid_i[0] ? lane_early_locate_i[0] : on_way_locate_q[0];
      early_kind_o = lane_early_valid_i[0] ? lane_early_kind_i[0] : on_way_kind_q[0];
    end else if (tells[1]) begin
      early_locate_o = lane_early_valid_i[1] ? lane_early_locate_i[1] : on_way_locate_q[1];
      early_kind_o = lane_early_valid_i[1] ? lane_early_kind_i[1] : on_way_kind_q[1];
    end else begin
      early_locate_o = head_tells[0] ? head[0].locate : head[1].locate;
      early_kind_o = head_tells[0] ? head[0].kind : head[1].kind;
    end
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < 2; i++) begin
      on_way_q[i] <= lane_early_valid_i[i] || (on_way[i] && !lane_packet_i[i].done);
      if (lane_early_valid_i[i]) begin
        on_way_locate_q[i] <= lane_early_locate_i[i];
        on_way_kind_q[i] <= lane_early_kind_i[i];
      end
    end
    if (!rst_ni) on_way_q <= '0;
  end

  // --- a frame has ended: what was parked of it may come out, or is forgotten; one lane a cycle ---

  typedef struct packed {
    logic done;
    logic clean;
    logic poisoned;
    logic heartbeat;
    logic ends;
  } verdict_t;

  verdict_t [1:0] verdict_q;
  verdict_t judged;
  feed_packet_t packet;
  logic [1:0] take;
  logic adopt, hear, poison, twin;

  // What is parked of a frame that has not ended yet flows on as the lane itself would, once its first number is next.
  logic [1:0] open_q, open_next_q, flow_q;
  logic [1:0][63:0] open_number_q;

  assign take = {verdict_q[1].done && !verdict_q[0].done, verdict_q[0].done};
  assign judged = take[1] ? verdict_q[1] : verdict_q[0];
  assign packet = take[1] ? lane_packet_i[1] : lane_packet_i[0];
  assign twin = lane_packet_i[0].session == lane_packet_i[1].session;

  always_comb begin
    {adopt, change, hear, poison} = '0;
    {commit, drop} = '0;
    rollback = '0;
    if (take != '0) begin
      if (!judged.clean) begin
        rollback = take;
        poison = judged.poisoned && (take & used_q) != '0;
      end else if (!in_session_q) begin
        adopt  = 1'b1;
        commit = take;
      end else if (packet.session == session_q) begin
        commit = take;
        hear   = judged.heartbeat;
      end else if (past_valid_q && packet.session == past_q) begin
        rollback = take;
      end else begin
        change = 1'b1;
        drop = '1;
        commit = take;
        if (!twin) rollback = ~take;
      end
    end
    force_commit = ((flow_q & mine_q) | (parked_almost & mine_q)) & ~rollback & ~drop;
    commit |= force_commit;
    drop |= ~enabled_q;
    rollback |= ~enabled_q;
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < 2; i++) begin
      if (lane_packet_i[i].done) begin
        verdict_q[i] <= '{
            done: enabled_q[i],
            clean: lane_packet_i[i].clean,
            poisoned: lane_packet_i[i].poisoned,
            heartbeat: lane_packet_i[i].heartbeat,
            ends: lane_packet_i[i].ends
        };
      end else if (take[i]) begin
        verdict_q[i].done <= 1'b0;
      end
      used_q[i] <= !take[i] && (used_q[i] || live[i] || (force_commit[i] && open_q[i]));
      open_q[i] <= (open_q[i] && !commit[i] && !rollback[i]) || (park[i] && !rollback[i]);
      if (!open_q[i] || commit[i]) open_number_q[i] <= lane_msg_i[i].sequence_number;
      open_next_q[i] <= open_q[i] && mine_q[i] && !passes && !settle
          && open_number_q[i] == expected_q;
      flow_q[i] <= !take[i] && !rollback[i] && !drop[i] && (flow_q[i] || open_next_q[i]);
    end
    if (!rst_ni) {verdict_q, used_q, open_q, open_next_q, flow_q} <= '0;
  end

  // --- the sequence ---

  logic [63:0] first, target_q, since_ns_q;
  logic known_above_q, gap_seen, expired, declare, declare_q, moving;
  logic [PatienceW-1:0] patience_q;

  assign first = adopt && start_q != '0 ? start_q : change ? 64'd1 : packet.first_number;
  assign jump = declare_q && in_session_q && !passes && !adopt && !change && !restart;
  assign settle = jump || adopt || change || restart;
  assign gap_seen = known_above_q || head_above_q != '0;
  assign expired = now_ns_i - since_ns_q >= {32'b0, timeout_q} || parked_almost != '0;
  // A head that was not found to be above the gap may close it, or has not been looked at.
  assign moving = passes || settle || (head_valid & ~head_above_q) != '0
      || (parked_pending & ~head_valid) != '0 || (open_q != '0 && patience_q != '1);
  assign declare = in_session_q && gap_seen && expired && !moving && !declare_q;

  always_ff @(posedge clk_i) begin
    known_above_q <= in_session_q && !passes && !settle && known_q > expected_q;
    if (!gap_seen || passes) since_ns_q <= now_ns_i;
    // What is parked of a frame that goes on may fill the gap; a frame that never ends must not hide it.
    if (!gap_seen || !expired || open_q == '0) patience_q <= '0;
    else if (patience_q != '1) patience_q <= patience_q + 1'b1;
    declare_q <= declare;
    if (declare) begin
      if (head_above_q == 2'b11) begin
        target_q <= head[0].sequence_number < head[1].sequence_number
            ? head[0].sequence_number : head[1].sequence_number;
      end else if (head_above_q != '0) begin
        target_q <= head_above_q[0] ? head[0].sequence_number : head[1].sequence_number;
      end else begin
        target_q <= known_q;
      end
    end
    if (adopt || change) begin
      expected_q <= first;
      next_q <= first + 64'd1;
    end else if (jump) begin
      expected_q <= target_q;
      next_q <= target_q + 64'd1;
    end else if (passes) begin
      expected_q <= next_q;
      next_q <= next_q + 64'd1;
    end
    if (adopt || change) known_q <= judged.heartbeat ? packet.first_number : '0;
    else if (pushed_lost[0] && mine_q[0] && lane_packet_i[0].next_number > known_q) begin
      known_q <= lane_packet_i[0].next_number;
    end else if (pushed_lost[1] && mine_q[1] && lane_packet_i[1].next_number > known_q) begin
      known_q <= lane_packet_i[1].next_number;
    end else if (hear && packet.first_number > known_q) known_q <= packet.first_number;
    if (!rst_ni) {expected_q, next_q, known_q, known_above_q, declare_q, patience_q} <= '0;
  end

  always_ff @(posedge clk_i) begin
    if (adopt || change) begin
      in_session_q <= 1'b1;
      session_q <= packet.session;
      past_q <= session_q;
      past_valid_q <= change;
      ended_q <= judged.heartbeat && judged.ends;
    end else if (hear && judged.ends) begin
      ended_q <= 1'b1;
    end
    if (enabled_q == '0) {in_session_q, past_valid_q, ended_q} <= '0;
    if (jump || poison || change) gap_q <= 1'b1;
    else if (clear_gap) gap_q <= 1'b0;
    if (jump) begin
      gap_begin_o <= expected_q;
      gap_end_o <= target_q;
      lost_o <= lost_o + target_q - expected_q;
    end
    ended_o <= ended_q && in_session_q && known_q <= expected_q;
    if (!rst_ni) begin
      {in_session_q, past_valid_q, ended_q, ended_o, gap_q} <= '0;
      {gap_begin_o, gap_end_o, lost_o} <= '0;
    end
  end

  assign gap_o = gap_q;
  assign waiting_o = gap_seen;
  assign in_session_o = in_session_q;
  assign session_o = session_q;
  assign expected_o = expected_q;

  always_ff @(posedge clk_i) begin
    events_o <= '0;
    for (int unsigned i = 0; i < 2; i++) begin
      events_o[i].duplicate <= duplicate[i];
      events_o[i].out_of_order <= park[i];
      events_o[i].overflow <= pushed_lost[i];
      events_o[i].late_session <= late[i];
    end
    events_o[0].gap <= jump || poison;
    events_o[0].session_change <= change;
    if (!rst_ni) events_o <= '0;
  end

`ifdef FORMAL
  // What the registers mean that stand for comparisons of the cycle before; feed_merge_proof.sv builds on it.
  logic [1:0][63:0] was_next_q;
  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < 2; i++) was_next_q[i] <= lane_packet_i[i].next_number;
    if (rst_ni) begin
      if (in_session_q) assert (next_q == expected_q + 64'd1);
      if (declare_q && in_session_q) assert (target_q > expected_q);
      for (int unsigned i = 0; i < 2; i++) begin
        if (is_next_q[i]) assert (in_session_q && was_next_q[i] == expected_q);
        if (head_is_q[i]) assert (in_session_q && head_valid[i] && !head_above_q[i]);
        if (head_is_q[i]) assert (head[i].sequence_number == expected_q);
        if (head_above_q[i]) assert (head_valid[i] && head[i].sequence_number > expected_q);
      end
    end
  end
`endif

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
