// The sticky kill switch. An engage wins over a release in the same cycle, and killed_o is high in
// that cycle already.
`default_nettype none

module kill_switch
  import meltica_card_pkg::*;
#(
  parameter int unsigned Sources = 5
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,
  input  wire time_ns_t           now_ns_i,

  input  wire logic [Sources-1:0] engage_i,    // pulses; a level keeps it engaged
  input  wire logic               release_i,   // pulse

  output logic                    killed_o,
  output logic [Sources-1:0]      cause_o,     // in the cycle that engaged it
  output logic [Sources-1:0]      since_o,     // in that cycle or later, until the release
  output time_ns_t                time_o,      // of that cycle
  output logic                    engaged_o,   // pulse: it was off before
  output logic                    released_o   // pulse: it is off from the next cycle on
);

  if (Sources < 1) begin : g_sources
    $fatal(1, "kill_switch: Sources must be 1 or more");
  end

  logic killed_q;
  logic any;

  always_comb begin
    any        = |engage_i;
    killed_o   = killed_q | any;
    engaged_o  = any & ~killed_q;
    released_o = killed_q & release_i & ~any;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      killed_q <= 1'b0;
      cause_o  <= '0;
      since_o  <= '0;
      time_o   <= '0;
    end else begin
      killed_q <= killed_o & ~released_o;
      if (engaged_o) begin
        cause_o <= engage_i;
        since_o <= engage_i;
        time_o  <= now_ns_i;
      end else if (any) begin
        since_o <= since_o | engage_i;
      end
    end
  end

endmodule

`default_nettype wire
