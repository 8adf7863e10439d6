// Whatever two lanes show that keep to their contract: what passes is the expected number, which goes up one by one, or
// jumps with a gap that says from where to where, or begins anew with a session.
`default_nettype none

module feed_merge_proof
  import meltica_card_pkg::*;
(
  input wire logic                   clk_i,
  input wire logic                   rst_ni,
  input wire logic            [63:0] now_ns_i,
  input wire logic                   cfg_valid_i,
  input wire staged_row_t            cfg_row_i,
  input wire logic            [ 1:0] valid_i,
  input wire logic            [ 1:0] skip_i,
  input wire market_message_t [ 1:0] msg_i,
  input wire logic            [ 1:0] early_i,
  input wire feed_packet_t    [ 1:0] packet_i
);

  logic msg_valid, early_valid, gap, waiting, in_session, ended;
  market_message_t msg;
  logic [15:0] early_locate;
  logic [7:0] early_kind;
  logic [79:0] session;
  logic [63:0] expected, gap_begin, gap_end, lost;
  feed_events_t [1:0] events;

  feed_merge #(
    .ParkedMessages(16)
  ) dut (
    .clk_i, .rst_ni, .now_ns_i, .cfg_valid_i, .cfg_row_i,
    .lane_msg_valid_i(valid_i), .lane_msg_skip_i(skip_i), .lane_msg_i(msg_i),
    .lane_early_valid_i(early_i), .lane_early_locate_i('0), .lane_early_kind_i('0),
    .lane_packet_i(packet_i),
    .msg_valid_o(msg_valid), .msg_o(msg), .early_valid_o(early_valid),
    .early_locate_o(early_locate), .early_kind_o(early_kind),
    .gap_o(gap), .waiting_o(waiting), .in_session_o(in_session), .session_o(session),
    .expected_o(expected), .ended_o(ended), .gap_begin_o(gap_begin), .gap_end_o(gap_end),
    .lost_o(lost), .events_o(events)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  // A lane's message has the number that the lane said, a cycle before, that the next would have.
  logic [1:0][63:0] next_q;
  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < 2; i++) next_q[i] <= packet_i[i].next_number;
  end
  always_comb begin
    if (!started_q) assume (!rst_ni);
    for (int unsigned i = 0; i < 2; i++) begin
      if (valid_i[i]) assume (msg_i[i].sequence_number == next_q[i]);
    end
  end

  logic [63:0] expected_q, lost_q;
  logic        same_q, passed_q;
  logic [79:0] session_q;
  always_ff @(posedge clk_i) begin
    expected_q <= expected;
    lost_q <= lost;
    session_q <= session;
    same_q <= started_q && rst_ni && in_session;
    passed_q <= msg_valid;
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      if (msg_valid) assert (in_session && msg.sequence_number == expected);
      // events: registered with the state that they tell of.
      if (same_q && in_session && !events[0].session_change) begin
        assert (session == session_q);
        if (passed_q) assert (expected == expected_q + 64'd1);
        if (events[0].gap && gap_end == expected && expected != expected_q
            && expected != expected_q + 64'd1) begin
          assert (gap && expected > expected_q);
          assert (gap_begin == expected_q && lost == lost_q + expected - expected_q);
        end else begin
          assert (expected == expected_q || expected == expected_q + 64'd1);
        end
      end
      cover (same_q && passed_q && msg_valid);
      cover (same_q && in_session && expected > expected_q + 64'd1 && gap);
      cover (events[0].session_change);
    end
  end

endmodule

`default_nettype wire
