// One line of the feed: frames in, decoded messages out one cycle behind their last byte. fpga/docs/feed_lane.md
`default_nettype none

module feed_lane
  import meltica_card_pkg::*;
#(
    parameter bit Lane = 1'b0,
    parameter int unsigned MaxFrameBytes = 9_624
) (
    input wire logic        clk_i,
    input wire logic        rst_ni,
    input wire logic        cfg_valid_i,
    input wire staged_row_t cfg_row_i,     // takes the FeedFilter rows of its lane
    input wire logic        word_valid_i,  // there is no ready: every word is taken
    input wire axis_word_t  word_i,

    output logic                   msg_valid_o,
    output logic                   msg_skip_o,      // only its sequence number counts
    output market_message_t        msg_o,
    output logic                   early_valid_o,
    output logic            [15:0] early_locate_o,
    output logic            [ 7:0] early_kind_o,
    output logic                   ending_o,        // combinational: one cycle before msg_valid_o
    output feed_packet_t           packet_o,
    output feed_events_t           events_o
);

  logic starts, ends, live, too_short, unknown;
  logic [ 3:0] starts_lane;
  logic [15:0] length;
  feed_events_t frame_events;

  mold_rx #(
      .Lane(Lane),
      .MaxFrameBytes(MaxFrameBytes)
  ) u_mold_rx (
      .clk_i,
      .rst_ni,
      .cfg_valid_i,
      .cfg_row_i,
      .word_valid_i,
      .word_i,
      .starts_o(starts),
      .starts_lane_o(starts_lane),
      .ends_o(ends),
      .live_o(live),
      .length_o(length),
      .too_short_i(too_short),
      .packet_o,
      .events_o(frame_events)
  );

  itch_decode u_itch_decode (
      .clk_i,
      .rst_ni,
      .word_valid_i,
      .word_i,
      .starts_i(starts),
      .starts_lane_i(starts_lane),
      .ends_i(ends),
      .live_i(live),
      .length_i(length),
      .number_i(packet_o.next_number),
      .too_short_o(too_short),
      .msg_valid_o,
      .msg_skip_o,
      .msg_o,
      .msg_unknown_o(unknown),
      .early_valid_o,
      .early_locate_o,
      .early_kind_o
  );

  assign ending_o = ends;

  always_comb begin
    events_o = frame_events;
    events_o.message = msg_valid_o;
    events_o.unknown_type = unknown;
  end

endmodule

`default_nettype wire
