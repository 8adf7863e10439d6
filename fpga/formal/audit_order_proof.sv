// The audit, small, with events of all kinds and pops whenever they like. Verdicts carry a number, so that one that
// was lost, swapped or made up would be seen.
`default_nettype none

module audit_order_proof
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
(
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic       verdict_valid_i,
  input wire logic       purged_valid_i,
  input wire logic       killed_i,
  input wire logic       released_i,
  input wire logic       tripped_i,
  input wire logic       answered_i,
  input wire logic       pop_i
);

  audit_t      told;
  logic [1:0]  level;
  logic        losing;
  logic [63:0] lost;
  logic [63:0] verdicts_q;
  verdict_t    verdict;

  always_comb begin
    verdict        = '0;
    verdict.reason = ReasonPass[7:0];
  end

  audit #(
    .Depth(2), .VerdictDepth(2), .EventDepth(2)
  ) dut (
    .clk_i, .rst_ni, .now_ns_i('0), .verdict_valid_i, .verdict_i(verdict), .verdict_order_i('0),
    .verdict_value_i(verdicts_q), .purged_valid_i, .purged_order_i('0), .killed_i,
    .killed_cause_i('0),
    .released_i, .tripped_i, .tripped_token_i('0), .answered_i, .answered_type_id_i('0),
    .answered_status_i(StatusOk), .record_o(told), .level_o(level), .pop_i, .losing_o(losing),
    .lost_o(lost)
  );

  logic        started_q;
  logic        pop, event_now;
  logic [7:0]  events_q, popped_q, sequence_q, overflowed_q;
  logic [63:0] next_verdict_q;  // the smallest number that may come
  logic [3:0]  quiet_q;         // cycles without an event

  initial started_q = 1'b0;
  always_comb if (!started_q) assume (!rst_ni);
  always_comb if (started_q) assume (rst_ni);

  always_comb begin
    pop       = pop_i && level != '0;
    event_now = verdict_valid_i || purged_valid_i || killed_i || released_i || tripped_i ||
        answered_i;
  end

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (!rst_ni) begin
      verdicts_q     <= 64'd0;
      events_q       <= '0;
      popped_q       <= '0;
      sequence_q     <= '0;
      overflowed_q   <= '0;
      next_verdict_q <= '0;
      quiet_q        <= '0;
    end else begin
      verdicts_q <= verdicts_q + 64'(verdict_valid_i);
      events_q   <= events_q + 8'(verdict_valid_i) + 8'(purged_valid_i) + 8'(killed_i)
                    + 8'(released_i) + 8'(tripped_i) + 8'(answered_i);
      quiet_q    <= event_now ? '0 : quiet_q == '1 ? '1 : quiet_q + 4'd1;
      if (pop) begin
        sequence_q <= sequence_q + 8'd1;
        if (told.kind == AuditKindOverflow) overflowed_q <= overflowed_q + told.value[7:0];
        else popped_q <= popped_q + 8'd1;
        if (told.kind == AuditKindPassed) next_verdict_q <= told.value + 64'd1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      if (level != '0) begin
        assert (told.type_id == AuditTypeId && told.kind >= AuditKindPassed);
        assert (told.sequence_number == 64'(sequence_q));
        if (told.kind == AuditKindPassed) begin
          assert (told.value >= next_verdict_q && told.value < verdicts_q);
        end
        if (told.kind == AuditKindOverflow) assert (told.value != '0);
      end else begin
        assert (told == '0);
      end
      assert (level <= 2'd2);
      assert (lost <= 64'(events_q));
      assert (popped_q + overflowed_q <= events_q);
      // Three cycles after the last event, nothing to read and nothing to tell: nothing is inside.
      if (quiet_q >= 4'd3 && level == '0 && !losing) begin
        assert (dut.waiting != '0 || dut.held_q != '0 || popped_q + overflowed_q == events_q);
        if (dut.waiting == '0 && dut.held_q == '0) assert (overflowed_q == lost[7:0]);
      end
      cover (pop && told.kind == AuditKindOverflow && told.value > 64'd1);
    end
  end

endmodule

`default_nettype wire
