// The feed as a whole: two lanes and their merge. fpga/docs/feed_merge.md
`default_nettype none

module feed_pair
  import meltica_card_pkg::*;
#(
    parameter int unsigned ParkedMessages = 512,
    parameter int unsigned MaxFrameBytes = 9_624
) (
    input wire logic              clk_i,
    input wire logic              rst_ni,
    input wire logic       [63:0] now_ns_i,
    input wire logic              cfg_valid_i,
    input wire staged_row_t       cfg_row_i,
    input wire logic       [ 1:0] word_valid_i,
    input wire axis_word_t [ 1:0] word_i,

    output logic                   msg_valid_o,
    output market_message_t        msg_o,
    output logic                   early_valid_o,
    output logic            [15:0] early_locate_o,
    output logic            [ 7:0] early_kind_o,
    output logic                   gap_o,
    output logic                   waiting_o,
    output logic                   in_session_o,
    output logic            [79:0] session_o,
    output logic            [63:0] expected_o,
    output logic                   ended_o,
    output logic            [63:0] gap_begin_o,
    output logic            [63:0] gap_end_o,
    output logic            [63:0] lost_o,
    output logic            [ 1:0] ending_o,
    output feed_events_t    [ 1:0] events_o
);

  logic            [1:0]       lane_msg_valid, lane_msg_skip, lane_early_valid;
  market_message_t [1:0]       lane_msg;
  logic            [1:0][15:0] lane_early_locate;
  logic            [1:0][ 7:0] lane_early_kind;
  feed_packet_t    [1:0]       lane_packet;
  feed_events_t    [1:0]       lane_events, merge_events;

  for (genvar i = 0; i < 2; i++) begin : gen_lane
    feed_lane #(
        .Lane(1'(i)),
        .MaxFrameBytes(MaxFrameBytes)
    ) u_lane (
        .clk_i,
        .rst_ni,
        .cfg_valid_i,
        .cfg_row_i,
        .word_valid_i(word_valid_i[i]),
        .word_i(word_i[i]),
        .msg_valid_o(lane_msg_valid[i]),
        .msg_skip_o(lane_msg_skip[i]),
        .msg_o(lane_msg[i]),
        .early_valid_o(lane_early_valid[i]),
        .early_locate_o(lane_early_locate[i]),
        .early_kind_o(lane_early_kind[i]),
        .ending_o(ending_o[i]),
        .packet_o(lane_packet[i]),
        .events_o(lane_events[i])
    );
  end

  feed_merge #(
      .ParkedMessages(ParkedMessages)
  ) u_merge (
      .clk_i,
      .rst_ni,
      .now_ns_i,
      .cfg_valid_i,
      .cfg_row_i,
      .lane_msg_valid_i(lane_msg_valid),
      .lane_msg_skip_i(lane_msg_skip),
      .lane_msg_i(lane_msg),
      .lane_early_valid_i(lane_early_valid),
      .lane_early_locate_i(lane_early_locate),
      .lane_early_kind_i(lane_early_kind),
      .lane_packet_i(lane_packet),
      .msg_valid_o,
      .msg_o,
      .early_valid_o,
      .early_locate_o,
      .early_kind_o,
      .gap_o,
      .waiting_o,
      .in_session_o,
      .session_o,
      .expected_o,
      .ended_o,
      .gap_begin_o,
      .gap_end_o,
      .lost_o,
      .events_o(merge_events)
  );

  assign events_o = lane_events | merge_events;

endmodule

`default_nettype wire
