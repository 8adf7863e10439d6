// The queue and its head, whatever comes: orders, refusals, stalls, the switch. One order is watched, whichever it is:
// watch_i is free, and rides along in its data.
`default_nettype none

module tx_head_proof (
  input wire logic clk_i,
  input wire logic rst_ni,
  input wire logic killed_i,
  input wire logic passed_i,
  input wire logic cancel_i,
  input wire logic watch_i,
  input wire logic judge_i,
  input wire logic refused_i,
  input wire logic no_room_i,
  input wire logic last_i
);

  logic look, load, killed, go, purge, leaving, overflow, almost_full;
  logic [1:0] looked, head;  // watched, cancel

  tx_head #(
    .Width(2),
    .Depth(4),
    .InFlight(1)
  ) dut (
    .clk_i, .rst_ni, .killed_i, .passed_i, .data_i({watch_i, cancel_i}),
    .look_o(look), .load_o(load), .looked_o(looked), .head_o(head),
    .judge_i, .risky_i(!head[0]), .refused_i, .no_room_i(no_room_i && head[0] && !refused_i),
    .killed_o(killed), .go_o(go), .purge_o(purge), .leaving_o(leaving), .last_taken_i(last_i &&
    leaving),
    .overflow_o(overflow), .almost_full_o(almost_full)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb if (!started_q) assume (!rst_ni);

  // The watched order: passed once; then it waits, until it leaves or is told to be purged.
  logic seen_q, waits_q, killed_since_q, is_cancel_q;
  logic [3:0] inside_q;  // passed, and neither gone nor told
  logic arrives, goes, told;
  assign arrives = passed_i && watch_i;
  assign goes = go && head[1];
  assign told = (purge && head[1]) || (overflow && watch_i);

  always_comb if (seen_q) assume (!arrives);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      seen_q <= 1'b0;
      waits_q <= 1'b0;
      killed_since_q <= 1'b0;
      inside_q <= '0;
    end else begin
      if (arrives) begin
        seen_q <= 1'b1;
        is_cancel_q <= cancel_i;
      end
      waits_q <= (waits_q || arrives) && !goes && !told;
      if (arrives) killed_since_q <= killed_i;
      else if (killed_i) killed_since_q <= 1'b1;
      inside_q <= inside_q + 4'(passed_i) - 4'(go) - 4'(purge) - 4'(overflow);
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      // The rule. head[0]: it is a cancel.
      if (go && killed_i) assert (head[0]);
      if (goes && !is_cancel_q) assert (!killed_since_q && !killed_i);
      // One way, once, and only of what came.
      assert (!(go && purge));
      if (goes) assert (waits_q && !told);
      if (told) assert (waits_q || arrives);
      if (goes) assert (head[0] == is_cancel_q);
      // As many wait as came and have not left; never more than there are places.
      assert (inside_q <= 4'd5);
      // Nobody is refused by the queue while the flag is obeyed: InFlight orders later it still has room.
      if (overflow) assert (almost_full);
      cover (goes && killed_i);
      cover (goes && !is_cancel_q && seen_q);
      cover (told && !is_cancel_q && killed_since_q && !killed_i);
      cover (overflow);
    end
  end

  // Nothing is lost: when everything is refused and nothing comes, all that wait have been told after as many cycles
  // as there are places.
  logic [2:0] draining_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || !judge_i || !refused_i || passed_i || leaving) draining_q <= '0;
    else if (draining_q != 3'd7) draining_q <= draining_q + 3'd1;
    if (started_q && rst_ni && draining_q >= 3'd6) assert (!waits_q && inside_q == '0);
  end

  logic unused_outputs;
  assign unused_outputs = &{1'b0, look, load, looked, killed};

endmodule

`default_nettype wire
