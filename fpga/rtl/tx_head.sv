// The queue of passed orders and its head, which is judged, leaves, or is purged. Here is the kill
// rule, and here it is
// proved: what is in an order, and why it might be refused, is left to order_tx.
`default_nettype none

module tx_head #(
    parameter int unsigned Width = 64,
    parameter int unsigned Depth = 16,
    parameter int unsigned InFlight = 4
) (
    input  wire               clk_i,
    input  wire               rst_ni,
    input  wire               killed_i,
    input  wire               passed_i,        // an order comes
    input  wire  [Width-1:0]  data_i,

    // looked_o is what will be, or still is, judged in the next cycle
    output logic              look_o,
    output logic              load_o,          // it is a new one
    output logic [Width-1:0]  looked_o,
    output logic [Width-1:0]  head_o,

    // Of head_o, in the cycles in which it is judged.
    input  wire               judge_i,         // all that is asked about it is there
    input  wire               risky_i,         // no cancel: the switch stops it
    input  wire               refused_i,
    input  wire               no_room_i,  // only of what is neither risky nor refused: it waits
    output logic              killed_o,        // why it is purged
    output logic              go_o,  // its first word is on the stream, for the first time
    output logic              purge_o,
    output logic              leaving_o,
    input  wire               last_taken_i,    // its last word has been taken

    output logic              overflow_o,      // the order that comes finds no place
    output logic              almost_full_o
);

  localparam int unsigned CountW = $clog2(Depth + 1);

  if (InFlight >= Depth) $fatal(1, "InFlight orders do not fit the queue");

  typedef enum logic [1:0] { HeadEmpty, HeadJudged, HeadLeaving } head_state_e;

  head_state_e state_q;
  logic doomed_q;             // the switch was engaged while it waited
  logic freed, rotate, load_new, judged;
  logic queue_empty, queue_full, queue_doomed;
  logic [CountW-1:0] queue_count;
  logic [Width-1:0] queue_head;

  assign leaving_o = state_q == HeadLeaving;
  assign judged = state_q == HeadJudged && judge_i;
  assign killed_o = risky_i && (killed_i || doomed_q);
  assign go_o = judged && !killed_o && !refused_i && !no_room_i;
  // A queue that runs over has its word first: there is one report a cycle.
  assign purge_o = judged && (killed_o || refused_i) && !(passed_i && queue_full);

  assign freed = state_q == HeadEmpty || purge_o || (leaving_o && last_taken_i);
  assign load_new = freed && queue_empty && passed_i;
  // A cancel that waits for the venue's window goes behind the others, which may belong to other
  // sessions.
  assign rotate = judged && !killed_o && !refused_i && no_room_i && !queue_empty && !passed_i;
  assign overflow_o = passed_i && queue_full && !freed;

  assign load_o = load_new || ((freed || rotate) && !queue_empty);
  assign look_o = load_o || (state_q == HeadJudged && !go_o);
  assign looked_o = !load_o ? head_o : queue_empty ? data_i : queue_head;
  assign almost_full_o = queue_count >= CountW'(Depth - InFlight);

  order_fifo #(
      .Width(Width),
      .Depth(Depth)
  ) u_queue (
      .clk_i,
      .rst_ni,
      .push_i((passed_i && !load_new && !overflow_o) || rotate),
      .data_i(rotate ? head_o : data_i),
      .doomed_i(killed_i || (rotate && doomed_q)),
      .doom_i(killed_i),
      .pop_i((freed || rotate) && !queue_empty),
      .head_o(queue_head),
      .head_doomed_o(queue_doomed),
      .empty_o(queue_empty),
      .full_o(queue_full),
      .count_o(queue_count)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= HeadEmpty;
      doomed_q <= 1'b0;
    end else begin
      if (load_o) state_q <= HeadJudged;
      else if (go_o) state_q <= HeadLeaving;
      else if (freed) state_q <= HeadEmpty;
      // What is not on the stream when the switch is engaged never gets there, even if it is
      // released at once.
      if (load_o) doomed_q <= killed_i || (!queue_empty && queue_doomed);
      else if (killed_i) doomed_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (load_o) head_o <= looked_o;
  end

endmodule

`default_nettype wire
