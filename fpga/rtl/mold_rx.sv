// One lane's frames to the message blocks in them: headers judged, blocks walked, frames counted. Never not ready.
// fpga/docs/mold_rx.md has the contract.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // a row has more than a lane looks at
module mold_rx
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import meltica_feed_pkg::*;
#(
    parameter bit Lane = 1'b0,
    parameter int unsigned MaxFrameBytes = 9_624
) (
    input wire logic        clk_i,
    input wire logic        rst_ni,
    input wire logic        cfg_valid_i,
    input wire staged_row_t cfg_row_i,
    input wire logic        word_valid_i,
    input wire axis_word_t  word_i,

    // About the word on word_i, combinational: a message begins in a lane, one ends.
    output logic              starts_o,
    output logic        [3:0] starts_lane_o,  // 8: lane 0 of the next word
    output logic              ends_o,
    // About the message that is in progress.
    output logic              live_o,       // nothing has been found that forbids it
    output logic       [15:0] length_o,
    input  wire logic         too_short_i,  // for its type; never depends on word_i

    output feed_packet_t packet_o,
    output feed_events_t events_o
);

  if (MaxFrameBytes < 1_520 || MaxFrameBytes > 32_768) $fatal(1, "MaxFrameBytes: 1520..32768");
  if (MaxFrameBytes % 8 != 0) $fatal(1, "MaxFrameBytes is not whole words");

  // --- what the lane is told to take ---

  feed_filter_t row;
  logic cfg_mine, enabled_q, stale_q;
  logic [15:0] port_q;
  logic [31:0] destination_q, source_q;
  logic [79:0] session_q;
  logic [12:0] words_q;  // of this frame before this word; saturates
  logic begins;

  assign row = feed_filter_t'(cfg_row_i[$bits(feed_filter_t)-1:0]);
  assign cfg_mine = cfg_valid_i && row.type_id == FeedFilterTypeId && row.lane == 8'(Lane);
  assign begins = word_valid_i && words_q == '0;

  always_ff @(posedge clk_i) begin
    if (cfg_mine) begin
      enabled_q <= row.enabled != '0;
      port_q <= row.destination_port;
      destination_q <= row.destination_ip;
      source_q <= row.source_ip;
      session_q <= {row.session_high, row.session_low};
    end
    // The frame that is under way was judged by the old filter: none of its messages comes out any more.
    if (cfg_mine && (words_q != '0 || word_valid_i)) stale_q <= 1'b1;
    else if (begins) stale_q <= 1'b0;
    if (!rst_ni) {enabled_q, stale_q} <= '0;
  end

  // --- headers and sums ---

  headers_t headers;
  logic headers_end, zero_number;
  logic [2:0] headers_lane;
  logic [15:0] count;
  logic [3:0] ip_halves, udp_halves;
  logic [7:0] counted;  // bytes of this word that are of the UDP payload, or in front of it
  logic ip_ok, sum_taken;
  logic [31:0] udp_sum;

  mold_headers u_headers (
      .clk_i,
      .rst_ni,
      .word_valid_i,
      .word_i,
      .advance_i(ends_o),
      .headers_o(headers),
      .ends_o(headers_end),
      .ends_lane_o(headers_lane),
      .count_o(count),
      .zero_number_o(zero_number),
      .ip_halves_o(ip_halves),
      .udp_halves_o(udp_halves)
  );

  frame_sums u_sums (
      .clk_i,
      .rst_ni,
      .begins_i(begins),
      .word_valid_i,
      .data_i(word_i.data),
      .ip_halves_i(ip_halves),
      .udp_halves_i(udp_halves),
      .udp_bytes_i(counted & word_i.keep),
      .ip_ok_o(ip_ok),
      .restart_i(sum_taken),
      .udp_sum_o(udp_sum)
  );

  // --- is the packet for us, and do its lengths agree: settled before its first message can end ---

  logic good_q, wrong_address, wrong_session, bad_length, short_ip, giant_q;
  logic error_q, error;
  logic [15:0] udp_room, body_q;
  logic bad_sequence_q;

  assign udp_room = headers.ip_bytes - {10'b0, headers.ip_words, 2'b0};
  assign wrong_address = !enabled_q || stale_q || headers.destination_port != port_q
      || headers.destination_ip != destination_q
      || (source_q != '0 && headers.source_ip != source_q);
  assign wrong_session = session_q != '0 && headers.session != session_q;
  assign bad_length = headers.udp_bytes != udp_room || headers.udp_bytes < UdpMoldBytes;
  assign short_ip = headers.ip_words < 4'd5
      || headers.ip_bytes < {10'b0, headers.ip_words, 2'b0} + UdpHeaderBytes;
  assign error = word_valid_i && (word_i.last
      ? word_i.error || word_i.keep == '0 || (word_i.keep & (word_i.keep + 8'd1)) != '0
      : word_i.keep != '1);

  always_ff @(posedge clk_i) begin
    good_q <= headers.ip && headers.version_ok && headers.udp && !headers.fragment
        && !short_ip && ip_ok && !wrong_address && !bad_length && !wrong_session;
    if (headers_end) bad_sequence_q <= zero_number || headers.number[63];
    if (word_valid_i) begin
      body_q  <= bad_length ? '0 : headers.udp_bytes - UdpMoldBytes;
      error_q <= (error_q && !begins) || error;
      giant_q <= (giant_q && !begins) || words_q >= 13'(MaxFrameBytes / 8)
          || (headers.ip && words_q > 13'd3 && headers.ip_bytes > 16'(MaxFrameBytes - 14));
      if (word_i.last) words_q <= '0;
      else if (words_q != '1) words_q <= words_q + 13'd1;
    end
    if (!rst_ni) begin
      {good_q, error_q, giant_q} <= '0;
      words_q <= '0;
    end
  end

  // --- the walk from block to block ---

  typedef enum logic [2:0] {
    InHeaders,
    InMessage,
    AtLength,    // the length of the next block begins in lane 0
    AtLowLength, // it began in lane 7 of the word before
    Behind       // the last block, or what forbids to go on
  } walk_e;

  walk_e walk_q, walk;
  logic [16:0] left_q;  // InMessage: bytes from the first of this word to the last of the block
  logic [16:0] room_q, room;  // bytes from the first of this word to the end of the payload
  logic [15:0] length_q, length, blocks_q;
  logic [7:0] high_q;  // AtLowLength: the byte that came
  logic spent_q;       // there is a block to come, and nothing left for it
  logic bad_block_q, count_lies_q, passed_q;
  logic silent, lies, beyond, malformed, reads, message_ends, complete, trailing, further;
  logic [3:0] at;  // lane where a length begins; AtLowLength: -1

  logic [7:0] lane[8];
  for (genvar i = 0; i < 8; i++) begin : gen_lane
    assign lane[i] = word_i.data[8*i+:8];
  end

  assign walk = begins ? InHeaders : walk_q;
  assign silent = blocks_q == CountHeartbeat || blocks_q == CountEnd;
  assign beyond = left_q > room_q;
  assign malformed = beyond || length_q < MinMessageBytes || too_short_i;
  assign live_o = walk_q == InMessage && good_q && !stale_q && !bad_sequence_q && !giant_q
      && !error_q && !silent && !spent_q;
  assign message_ends = walk == InMessage && (left_q[16:3] == '0 || left_q == 17'd8)
      && !silent && !spent_q && !malformed;
  assign complete = word_i.keep[left_q[2:0]-3'd1];
  assign ends_o = word_valid_i && message_ends && complete && live_o;
  assign further = blocks_q != 16'd1;
  assign trailing = left_q != room_q;

  assign at = headers_end ? {1'b0, headers_lane}
      : walk == InMessage ? left_q[3:0] : walk == AtLength ? 4'd0 : 4'hF;
  assign reads = headers_end || (message_ends && further)
      || walk == AtLength || walk == AtLowLength;
  assign starts_o = word_valid_i && reads && (at < 4'd7 || at == 4'hF);
  assign starts_lane_o = at + 4'd2;
  assign room = headers_end ? {14'b0, headers_lane} + {1'b0, body_q} : room_q;

  always_comb begin
    unique case (at)
      4'd0: length = {lane[0], lane[1]};
      4'd1: length = {lane[1], lane[2]};
      4'd2: length = {lane[2], lane[3]};
      4'd3: length = {lane[3], lane[4]};
      4'd4: length = {lane[4], lane[5]};
      4'd5: length = {lane[5], lane[6]};
      4'd6: length = {lane[6], lane[7]};
      default: length = {high_q, lane[0]};
    endcase
    counted = '1;
    if ((headers_end || headers.complete) && room < 17'd8) counted = ~(8'hFF << room[2:0]);
  end

  always_ff @(posedge clk_i) begin
    if (word_valid_i) begin
      room_q <= room > 17'd8 ? room - 17'd8 : '0;
      walk_q <= walk;
      if (begins) {bad_block_q, count_lies_q, passed_q} <= '0;
      if (headers_end) blocks_q <= count;
      else if (message_ends) blocks_q <= blocks_q - 16'd1;
      if (reads) begin
        high_q   <= lane[7];
        length_q <= length;
        left_q   <= {1'b0, length} + {{13{at == 4'hF}}, at} - 17'd6;
        walk_q   <= at == 4'd7 ? AtLowLength : at == 4'd8 ? AtLength : InMessage;
        if (headers_end) spent_q <= body_q == '0;
        else if (message_ends) spent_q <= !trailing;
      end else if (walk == InMessage) begin
        left_q <= left_q - 17'd8;
        if (message_ends || silent || spent_q || malformed) walk_q <= Behind;
      end
      if (walk == InMessage) begin
        passed_q <= passed_q || ends_o;
        count_lies_q <= lies || (message_ends && !further && trailing);
        bad_block_q <= !silent && !spent_q && malformed;
      end
    end
    if (!rst_ni) walk_q <= InHeaders;
  end

  assign lies = silent ? body_q != '0 : spent_q;

  // --- the end of a frame: what was wrong with it, three cycles later ---

  logic ended_q, judging_q, summing_q, unfinished;
  logic [12:0] end_words_q;
  logic [7:0] end_keep_q;
  logic [16:0] end_bytes;
  frame_end_t found, found_q;
  logic [19:0] udp_fold_q;
  logic [16:0] udp_fold;
  logic [63:0] first_number_q;
  feed_events_t reason_d, reason_q, events_d;
  logic passed2_q, unsummed_q, silent_q, last_q, clean_q, failed_late;

  assign end_bytes = {1'b0, end_words_q, 3'b0} + {13'b0, 4'($countones(end_keep_q))};
  assign unfinished = walk_q == InMessage || walk_q == AtLength || walk_q == AtLowLength;

  always_comb begin
    found = '0;
    if (ended_q) begin
      found.error = error_q;
      found.runt = end_bytes < 17'(MinFrameBytes);
      found.giant = giant_q;
      found.not_udp = !headers.ip || !headers.version_ok || !headers.udp;
      found.truncated = end_bytes
          < {1'b0, headers.ip_bytes} + 17'd14 + {13'b0, headers.tags, 2'b0};
      found.short_ip = short_ip;
      found.fragment = headers.fragment;
      found.wrong_address = wrong_address;
      found.bad_length = bad_length;
      found.bad_sequence = bad_sequence_q;
      found.wrong_session = wrong_session;
      found.passed = passed_q;
      found.silent = headers.count == CountHeartbeat || headers.count == CountEnd;
      found.ends = headers.count == CountEnd;
      // A block that the frame ends in front of, or within, was never judged by a later word.
      found.count_lies = count_lies_q || (unfinished && lies);
      found.bad_block = bad_block_q || (unfinished && !silent && !spent_q);
      found.unsummed = headers.udp_unsummed;
      found.pseudo = {3'b0, headers.source_ip[31:16]} + {3'b0, headers.source_ip[15:0]}
          + {3'b0, headers.destination_ip[31:16]} + {3'b0, headers.destination_ip[15:0]}
          + {3'b0, headers.udp_bytes} + {11'b0, ProtocolUdp};
    end
  end

  // All reasons but the UDP checksum, which is known a cycle later and stands in the middle.
  always_comb begin
    reason_d = '0;
    if (judging_q) begin
      reason_d.frame = 1'b1;
      if (found_q.error) reason_d.bad_fcs = 1'b1;
      else if (found_q.runt) reason_d.runt = 1'b1;
      else if (found_q.giant) reason_d.giant = 1'b1;
      else if (found_q.not_udp) reason_d.not_udp = 1'b1;
      else if (found_q.truncated) reason_d.truncated = 1'b1;
      else if (found_q.short_ip) reason_d.bad_header = 1'b1;
      else if (!ip_ok) reason_d.bad_ip_checksum = 1'b1;
      else if (found_q.fragment) reason_d.fragment = 1'b1;
      else if (found_q.wrong_address) reason_d.wrong_address = 1'b1;
      else if (found_q.bad_length) reason_d.bad_length = 1'b1;
      else if (found_q.bad_sequence) reason_d.bad_sequence = 1'b1;
      else if (found_q.wrong_session) reason_d.wrong_session = 1'b1;
      else if (found_q.bad_block) reason_d.bad_block = 1'b1;
      else if (found_q.count_lies) reason_d.count_lies = 1'b1;
      else if (found_q.silent && found_q.ends) reason_d.end_of_session = 1'b1;
      else if (found_q.silent) reason_d.heartbeat = 1'b1;
      reason_d.poisoned = found_q.passed
          && (found_q.error || found_q.giant || found_q.truncated);
    end
  end

  assign udp_fold = {1'b0, udp_fold_q[15:0]} + {13'b0, udp_fold_q[19:16]};
  assign sum_taken = judging_q;

  // Only what got as far as a UDP length that agrees has a sum to be judged.
  assign failed_late = summing_q && !unsummed_q && udp_fold != 17'h0FFFF && (reason_q.bad_sequence
      || reason_q.wrong_session || reason_q.bad_block || reason_q.count_lies || clean_q);

  always_comb begin
    events_d = reason_q;
    if (failed_late) begin
      events_d = '0;
      events_d.frame = 1'b1;
      events_d.bad_udp_checksum = 1'b1;
      events_d.poisoned = passed2_q;
    end
  end

  always_ff @(posedge clk_i) begin
    ended_q   <= word_valid_i && word_i.last;
    judging_q <= ended_q;
    summing_q <= judging_q;
    if (word_valid_i && word_i.last) {end_words_q, end_keep_q} <= {words_q, word_i.keep};
    if (headers.complete && !passed_q) first_number_q <= headers.number;
    if (ended_q) found_q <= found;
    reason_q <= reason_d;
    if (judging_q) begin
      udp_fold_q <= {4'b0, udp_sum[15:0]} + {4'b0, udp_sum[31:16]} + {1'b0, found_q.pseudo};
      unsummed_q <= found_q.unsummed;
      passed2_q <= found_q.passed;
      silent_q <= found_q.silent;
      last_q <= found_q.ends;
    end
    clean_q <= judging_q && {reason_d.bad_fcs, reason_d.runt, reason_d.giant, reason_d.not_udp,
        reason_d.truncated, reason_d.bad_header, reason_d.bad_ip_checksum, reason_d.fragment,
        reason_d.wrong_address, reason_d.bad_length, reason_d.bad_sequence,
        reason_d.wrong_session} == '0;
    events_o <= events_d;
    if (!rst_ni) {ended_q, judging_q, summing_q, clean_q, reason_q, events_o} <= '0;
  end

  logic clean, done_q, done_clean_q, done_silent_q, done_ends_q;

  // A packet that was left in front of its first message says nothing.
  assign clean = clean_q && !failed_late
      && (passed2_q || !(reason_q.bad_block || reason_q.count_lies));

  always_ff @(posedge clk_i) begin
    done_q <= summing_q && (clean || passed2_q);
    done_clean_q <= clean;
    done_silent_q <= clean && silent_q;
    done_ends_q <= last_q;
    if (!rst_ni) done_q <= 1'b0;
  end

  assign packet_o = '{
          session: headers.session,
          first_number: first_number_q,
          next_number: headers.number,
          done: done_q,
          clean: done_clean_q,
          poisoned: events_o.poisoned,
          heartbeat: done_silent_q,
          ends: done_ends_q
      };
  assign length_o = length_q;

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
