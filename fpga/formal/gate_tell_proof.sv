// The handshakes of gate_tell, for rows of any type, any updates and any core: one answer per row, nothing changes
// while it waits. All other fields are 0, which some records may be and some may not, and no unit is set: then no row
// needs the divider (which has a proof of its own), the products are 0, and a search reaches the answers.
`default_nettype none

module gate_tell_proof
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
(
  input wire logic           clk_i,
  input wire logic           rst_ni,
  input wire logic           told_valid_i,
  input wire logic    [15:0] type_i,
  input wire logic           market_valid_i,
  input wire market_kind_e   kind_i,
  input wire logic           instrument_i,
  input wire logic           op_ready_i,
  input wire logic           op_done_i,
  input wire logic           op_ok_i
);

  logic told_ready, answer_valid, market_ready, op_valid, busy, init_done;
  answer_t answer;
  told_op_t op;
  market_update_t update;

  always_comb begin
    update            = '0;
    update.kind       = kind_i;
    update.instrument = 16'(instrument_i);
    update.mark       = MarkHalted;
  end

  logic [63:0] sat_units;
  logic [31:0] dropped;

  gate_tell #(
    .Instruments(2),
    .Accounts(1),
    .Strategies(1),
    .Ports(1)
  ) dut (
    .clk_i, .rst_ni, .unit_nanos_i('0),
    .told_valid_i, .told_ready_o(told_ready), .told_row_i(1024'(type_i)),
    .answer_valid_o(answer_valid), .answer_o(answer),
    .market_valid_i, .market_ready_o(market_ready), .market_i(update),
    .op_valid_o(op_valid), .op_ready_i, .op_o(op), .op_done_i, .op_ok_i,
    .sat_units_o(sat_units), .busy_o(busy), .init_done_o(init_done), .market_dropped_o(dropped)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  logic inside_q;   // a row is taken and not answered
  logic offered_q;  // its op has been taken by the core
  logic done_q;     // which has said what it made of it
  logic ok_q;
  logic changes_q;  // and it may change what other ops of its instrument need
  logic [15:0] type_q;
  logic [4:0] updates_q;  // on their way, dropped ones not counted
  logic takes, op_taken;

  always_comb takes = told_valid_i && told_ready;
  always_comb op_taken = op_valid && op_ready_i;

  always_comb begin
    if (!started_q) assume (!rst_ni);
    // The core: done once, with or after the op of the host.
    if (op_done_i) assume ((offered_q && !done_q) || (op_taken && op.from_host));
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {inside_q, offered_q, done_q} <= '0;
      updates_q <= '0;
    end else begin
      if (answer_valid) {inside_q, offered_q, done_q} <= '0;
      if (takes) begin
        {inside_q, offered_q, done_q} <= 3'b100;
        type_q <= type_i;
      end
      if (op_taken && op.from_host) begin
        offered_q <= 1'b1;
        changes_q <= op.type_id == InstrumentLimitsTypeId || op.type_id == ReferencePriceTypeId
            || op.type_id == QuoteTypeId;
      end
      if (op_done_i) begin
        done_q <= 1'b1;
        ok_q   <= op_ok_i;
      end
      updates_q <= updates_q + 5'(market_valid_i && market_ready) - 5'(op_taken && !op.from_host);
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (sat_units == '0);
      assert (busy == inside_q && (!busy || !answer_valid) || answer_valid);
      if (takes) assert (init_done && (!inside_q || answer_valid));
      if (op_valid) assert (init_done);
      if (op_valid && op.from_host) begin
        assert (inside_q && !offered_q && op.type_id == type_q);
      end
      if (op_valid && offered_q && !done_q) assert (!changes_q);
      if (answer_valid) begin
        assert (inside_q && answer.answered_type_id == type_q && answer.type_id == AnswerTypeId);
        assert ((answer.status == StatusOk) == (offered_q && done_q && ok_q));
        assert (offered_q == done_q);
        assert (answer.value == '0);
        if (!offered_q) assert (answer.status == StatusBadRecord ||
            answer.status == StatusBadArgument);
      end
      if (op_valid && !op.from_host) assert (updates_q != '0);
      if ($past(rst_ni) && $past(op_valid && !op_ready_i)) begin
        assert (op_valid && op.type_id == $past(op.type_id) && op.from_host == $past(op.from_host));
      end
      cover (answer_valid && answer.status == StatusOk && updates_q != '0);
      cover (answer_valid && answer.status == StatusBadRecord);
      cover (answer_valid && offered_q && answer.status == StatusBadArgument);
    end
  end

endmodule

`default_nettype wire
