// Trips when the host has not shown for period_us_i that it lives: by a token larger than the last one.
`default_nettype none

module watchdog #(
    parameter int unsigned ClockKhz = 156_250
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic [31:0] period_us_i,    // 0: tripped
    input wire logic        token_valid_i,  // pulse
    input wire logic [31:0] token_i,

    output logic        tripped_o,     // level, in the first cycle that is late already
    output logic        trip_o,        // pulse: that cycle
    output logic        bad_token_o,   // pulse: not larger than the last
    output logic [31:0] last_token_o,
    output logic [31:0] age_us_o       // whole microseconds since the last good token
);

  localparam int unsigned PhaseW = $clog2(ClockKhz + 1000) + 1;

  if (ClockKhz < 1000) begin : g_clock
    $fatal(1, "watchdog: ClockKhz must be 1000 or more");
  end

  // phase counts 1000 a cycle, a microsecond has passed at ClockKhz: 156.25 cycles, without a drift.
  logic [PhaseW-1:0] phase_q;
  logic              tripped_q;
  logic              late;
  logic              good;
  logic              alive;
  logic              micro;
  logic [      31:0] step;

  always_comb begin
    step        = token_i - last_token_o;
    good        = token_valid_i && step != '0 && !step[31];
    bad_token_o = token_valid_i && !good;
    late        = age_us_o >= period_us_i;
    trip_o      = late && !tripped_q;
    tripped_o   = late || tripped_q;
    // A token in the first late cycle is late: the next one counts.
    alive       = good && !trip_o && period_us_i != '0;
    micro       = phase_q + PhaseW'(1000) >= PhaseW'(ClockKhz);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tripped_q    <= 1'b1;
      last_token_o <= '0;
      age_us_o     <= '1;
      phase_q      <= '0;
    end else begin
      tripped_q <= tripped_o && !alive;
      if (good) last_token_o <= token_i;
      if (alive) begin
        age_us_o <= '0;
        phase_q  <= '0;
      end else begin
        phase_q <= micro ? phase_q + PhaseW'(1000) - PhaseW'(ClockKhz) : phase_q + PhaseW'(1000);
        if (micro && age_us_o != '1) age_us_o <= age_us_o + 1'b1;
      end
    end
  end

endmodule

`default_nettype wire
