// The kill switch, whatever its inputs do: reset, sources and release are free in every cycle.
`default_nettype none

module kill_switch_proof
  import meltica_card_pkg::*;
(
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire time_ns_t   now_ns_i,
  input wire logic [4:0] engage_i,
  input wire logic       release_i
);

  logic killed, engaged, released;
  logic [4:0] cause, since;
  time_ns_t engaged_at;

  kill_switch #(
    .Sources(5)
  ) dut (
    .clk_i, .rst_ni, .now_ns_i, .engage_i, .release_i,
    .killed_o(killed), .cause_o(cause), .since_o(since), .time_o(engaged_at),
    .engaged_o(engaged), .released_o(released)
  );

  // What the switch must be, told in the plainest way: on from the first engage to a release without an engage.
  logic     started_q;
  logic     on_q;
  logic     known_q;  // the reference has seen the engage that the time and cause belong to
  time_ns_t at_q;
  logic [4:0] sources_q;

  initial started_q = 1'b0;
  always_comb if (!started_q) assume (!rst_ni);

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (!rst_ni) begin
      on_q    <= 1'b0;
      known_q <= 1'b0;
    end else if (engage_i != '0) begin
      on_q <= 1'b1;
      if (!on_q) begin
        at_q      <= now_ns_i;
        sources_q <= engage_i;
        known_q   <= 1'b1;
      end
    end else if (release_i) begin
      on_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      if (engage_i != '0) assert (killed && !released);  // engage wins, in its own cycle
      assert (killed == (on_q || engage_i != '0));
      assert (engaged == (engage_i != '0 && !on_q));
      assert (released == (on_q && release_i && engage_i == '0));
      if (known_q) assert (engaged_at == at_q && cause == sources_q);
      if (on_q) assert ((since & cause) == cause && cause != '0);
      if (on_q) assert (known_q);
      cover (on_q && release_i && engage_i != '0);
      cover (released);
      cover (known_q && !on_q);
    end
  end

endmodule

`default_nettype wire
