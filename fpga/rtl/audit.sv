// What the card did, in order, for the host to fetch. Records have sequence numbers without holes;
// what finds no room is counted, and one OVERFLOW record tells how much as soon as there is room.
`default_nettype none

module audit
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import audit_pkg::*;
#(
  parameter int unsigned Depth        = 4096,
  parameter int unsigned VerdictDepth = 16,    // wait while something else is written
  parameter int unsigned EventDepth   = 4,     // purged orders; of the rarer kinds: 2
  localparam int unsigned LevelW = $clog2(Depth) + 1
) (
  input  wire logic          clk_i,
  input  wire logic          rst_ni,
  input  wire time_ns_t      now_ns_i,

  // What happens: any of them in any cycle.
  input  wire logic          verdict_valid_i,
  input  wire verdict_t      verdict_i,
  input  wire order_intent_t verdict_order_i,
  input  wire logic [63:0]   verdict_value_i,
  input  wire logic          purged_valid_i,
  input  wire order_intent_t purged_order_i,
  input  wire logic          killed_i,
  input  wire logic [7:0]    killed_cause_i,
  input  wire logic          released_i,
  input  wire logic          tripped_i,         // the watchdog
  input  wire logic [31:0]   tripped_token_i,   // its last good token
  input  wire logic          answered_i,        // a commit
  input  wire logic [15:0]   answered_type_id_i,
  input  wire logic [7:0]    answered_status_i,

  // The oldest record, 0 while there is none.
  output audit_t             record_o,
  output logic [LevelW-1:0]  level_o,           // 0 until record_o has one; it counts
  input  wire logic          pop_i,             // takes it away; nothing when there is none

  output logic               losing_o,          // some were lost that no record has told yet
  output logic [63:0]        lost_o             // since reset
);

  localparam int unsigned IndexW = $clog2(Depth);
  localparam int unsigned Kinds = 6;

  if (Depth < 2 || Depth != 2 ** IndexW) begin : g_depth
    $fatal(1, "audit: Depth must be a power of two from 2 on");
  end

  // --- one queue for each kind, so that of several in one cycle none is lost ---

  typedef enum int unsigned {
    KindKilled,
    KindReleased,
    KindTripped,
    KindAnswered,
    KindPurged,
    KindVerdict
  } kind_e;

  typedef struct packed {
    time_ns_t    time_ns;
    logic [63:0] value;
    logic [7:0]  reason;
  } short_t;

  function automatic audit_t made(input audit_kind_e kind, input short_t what);
    return audit_of_event(kind, what.time_ns, what.reason, what.value);
  endfunction

  logic [Kinds-1:0] waiting;
  logic [Kinds-1:0] refused;
  logic [Kinds-1:0] taken;

  short_t killed_in, killed;
  short_t released_in, released;
  short_t tripped_in, tripped;
  short_t answered_in, answered;
  audit_t purged_in, purged;
  audit_t judged_in, judged;

  always_comb begin
    killed_in   = '{time_ns: now_ns_i, value: 64'(killed_cause_i), reason: '0};
    released_in = '{time_ns: now_ns_i, value: '0, reason: '0};
    tripped_in  = '{time_ns: now_ns_i, value: 64'(tripped_token_i), reason: '0};
    answered_in = '{time_ns: now_ns_i, value: 64'(answered_type_id_i), reason: answered_status_i};
    purged_in   = '0;
    judged_in   = '0;
    if (purged_valid_i) purged_in = audit_of_order(AuditKindPurged, now_ns_i, purged_order_i);
    if (verdict_valid_i) begin
      judged_in = audit_of_verdict(now_ns_i, verdict_i, verdict_order_i, verdict_value_i);
    end
  end

  event_queue #(.Width($bits(short_t))) u_killed (
    .clk_i, .rst_ni, .put_i(killed_i), .data_i(killed_in), .refused_o(refused[KindKilled]),
    .valid_o(waiting[KindKilled]), .data_o(killed), .take_i(taken[KindKilled])
  );
  event_queue #(.Width($bits(short_t))) u_released (
    .clk_i, .rst_ni, .put_i(released_i), .data_i(released_in), .refused_o(refused[KindReleased]),
    .valid_o(waiting[KindReleased]), .data_o(released), .take_i(taken[KindReleased])
  );
  event_queue #(.Width($bits(short_t))) u_tripped (
    .clk_i, .rst_ni, .put_i(tripped_i), .data_i(tripped_in), .refused_o(refused[KindTripped]),
    .valid_o(waiting[KindTripped]), .data_o(tripped), .take_i(taken[KindTripped])
  );
  event_queue #(.Width($bits(short_t))) u_answered (
    .clk_i, .rst_ni, .put_i(answered_i), .data_i(answered_in), .refused_o(refused[KindAnswered]),
    .valid_o(waiting[KindAnswered]), .data_o(answered), .take_i(taken[KindAnswered])
  );
  event_queue #(.Width($bits(audit_t)), .Depth(EventDepth)) u_purged (
    .clk_i, .rst_ni, .put_i(purged_valid_i), .data_i(purged_in), .refused_o(refused[KindPurged]),
    .valid_o(waiting[KindPurged]), .data_o(purged), .take_i(taken[KindPurged])
  );
  event_queue #(.Width($bits(audit_t)), .Depth(VerdictDepth)) u_verdicts (
    .clk_i, .rst_ni, .put_i(verdict_valid_i), .data_i(judged_in), .refused_o(refused[KindVerdict]),
    .valid_o(waiting[KindVerdict]), .data_o(judged), .take_i(taken[KindVerdict])
  );

  // --- which of them is next; what finds no room is lost here, or where its queue is full ---

  logic        any_waiting;
  logic        room;
  logic        tell_loss;
  logic        write;
  logic        loss;
  logic [3:0]  losses;
  logic [63:0] untold_q;      // lost, and no OVERFLOW record yet
  time_ns_t    loss_time_q;   // of the first of them
  logic [63:0] sequence_q;
  audit_t      next;

  always_comb begin
    any_waiting = |waiting;
    tell_loss   = room && losing_o;
    taken       = '0;
    if (any_waiting && !tell_loss) taken = waiting & -waiting;
    write  = tell_loss || (room && any_waiting);
    losses = '0;
    loss = (any_waiting && !room) || (|refused);
    if (loss) begin
      losses = 4'(any_waiting && !room);
      for (int unsigned kind = 0; kind < Kinds; kind++) losses += 4'(refused[kind]);
    end
  end

  always_comb begin
    next = '0;
    if (tell_loss) begin
      next = audit_of_event(AuditKindOverflow, loss_time_q, '0, untold_q);
    end else if (any_waiting) begin
      unique case (1'b1)
        taken[KindKilled]:   next = made(AuditKindKilled, killed);
        taken[KindReleased]: next = made(AuditKindReleased, released);
        taken[KindTripped]:  next = made(AuditKindWatchdog, tripped);
        taken[KindAnswered]: begin
          next = made(answered.reason == StatusOk ? AuditKindCommitted : AuditKindBadCommit,
                      answered);
        end
        taken[KindPurged]:   next = purged;
        default:             next = judged;
      endcase
    end
    next.sequence_number = sequence_q;
  end

  // --- the records; the oldest one waits in a register ---

  audit_t            mem[Depth];
  logic [IndexW-1:0] write_q;
  logic [IndexW-1:0] read_q;
  logic [LevelW-1:0] held_q;     // in memory, in flight and in record_o
  logic [LevelW-1:0] stored_q;   // in memory
  logic              head_valid_q;
  audit_t            head_q;
  logic              pop;
  logic              fetch;

  always_comb begin
    pop      = pop_i && head_valid_q;
    fetch    = stored_q != '0 && (!head_valid_q || pop);
    room     = held_q != LevelW'(Depth);
    losing_o = untold_q != '0;
    level_o  = head_valid_q ? held_q : '0;
    record_o = head_valid_q ? head_q : '0;
  end

  always_ff @(posedge clk_i) begin
    if (write) mem[write_q] <= next;
    if (fetch) head_q <= mem[read_q];
    if (!rst_ni) begin
      write_q      <= '0;
      read_q       <= '0;
      held_q       <= '0;
      stored_q     <= '0;
      head_valid_q <= 1'b0;
      untold_q     <= '0;
      loss_time_q  <= '0;
      sequence_q   <= '0;
      lost_o       <= '0;
    end else begin
      if (write) write_q <= write_q + 1'b1;
      if (write) sequence_q <= sequence_q + 1'b1;
      if (fetch) read_q <= read_q + 1'b1;
      if (fetch || pop) head_valid_q <= fetch;
      held_q   <= held_q + LevelW'(write) - LevelW'(pop);
      stored_q <= stored_q + LevelW'(write) - LevelW'(fetch);
      if (loss || tell_loss) begin
        untold_q <= (tell_loss ? '0 : untold_q) + 64'(losses);
        lost_o   <= lost_o + 64'(losses);
      end
      if (loss && (!losing_o || tell_loss)) loss_time_q <= now_ns_i;
    end
  end

endmodule

`default_nettype wire
