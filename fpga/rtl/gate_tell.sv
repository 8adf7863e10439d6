// What the host and the feed tell the risk gate: checked, in order, its slow arithmetic done
// before it reaches the gate's rows. fpga/docs/gate_tell.md has the contract; meltica/hot/tell_twin.py is the judge.
`default_nettype none

module gate_tell
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Accounts = 64,
    parameter int unsigned Strategies = 64,
    parameter int unsigned Ports = 16
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic [31:0] unit_nanos_i,  // the value of one tick * lot; 0: not yet known

    input  wire logic        told_valid_i,
    output logic             told_ready_o,
    input  wire staged_row_t told_row_i,
    output logic             answer_valid_o,  // one per told row, in order; nobody can hold it back
    output answer_t          answer_o,

    input  wire logic           market_valid_i,
    output logic                market_ready_o,
    input  wire market_update_t market_i,

    output logic           op_valid_o,
    input  wire logic      op_ready_i,
    output told_op_t       op_o,
    input  wire logic      op_done_i,   // of an op that is from_host, in or after its cycle
    input  wire logic      op_ok_i,

    output logic [63:0] sat_units_o,      // ceil(INT64_MAX / unit): too much to count. Unit 0: 0
    output logic        busy_o,           // a told row is inside
    output logic        init_done_o,
    output logic [31:0] market_dropped_o  // updates that no gate could take; stays at its highest
);

  localparam int unsigned Rows = 1 + Accounts + Strategies;
  localparam int unsigned RowW = $clog2(Rows);
  localparam logic signed [64:0] Int64Max = 65'sh0_7fff_ffff_ffff_ffff;
  localparam logic signed [64:0] Int64Min = -65'sh0_8000_0000_0000_0000;

  typedef enum logic [3:0] {
    StIdle,
    StUnit,
    StCheck,
    StRead,
    StCredit,
    StLimit,
    StDivide,
    StEnter,
    StDone,
    StAnswer
  } state_e;

  // Whose limit on open value a record moves.
  typedef struct packed {
    logic signed [63:0] max_open;
    logic signed [63:0] credit;
  } exposed_t;

  function automatic logic signed [63:0] saturated(input logic signed [64:0] amount);
    if (amount > Int64Max) return Int64Max[63:0];
    if (amount < Int64Min) return Int64Min[63:0];
    return amount[63:0];
  endfunction

  state_e state_q;
  staged_row_t row_q;
  logic [8*QuoteBytes-1:0] checked_row;
  logic known, ok;
  status_e status_q;
  logic [31:0] unit_q;
  logic unit_valid_q;
  logic pipe_ready, rows_ready;

  assign told_ready_o = state_q == StIdle && unit_valid_q && unit_q == unit_nanos_i && rows_ready
      && pipe_ready;
  assign busy_o = state_q != StIdle && state_q != StUnit;
  assign init_done_o = unit_valid_q && rows_ready && pipe_ready;

  told_check #(
      .Instruments(Instruments),
      .Accounts(Accounts),
      .Strategies(Strategies),
      .Ports(Ports)
  ) u_check (
      .check_i     (state_q == StCheck),
      .row_i       (row_q),
      .unit_nanos_i(unit_q),
      .known_o     (known),
      .ok_o        (ok),
      .row_o       (checked_row)
  );

  // --- max_open_value_nanos and credit of the firm, the accounts and the strategies ---

  exposed_t rows_memory[Rows];
  exposed_t row_read_q, row_next_q;
  logic [RowW-1:0] row_at, row_sweep_q;
  logic is_exposed, is_limits, has_tokens, rows_write;
  logic [31:0] burst;
  logic signed [63:0] amount;  // a new max_open_value_nanos, or the credit's delta

  /* verilator lint_off UNUSEDSIGNAL */ // of the records only what moves a limit
  always_comb begin
    row_at     = '0;
    is_exposed = 1'b0;
    has_tokens = 1'b0;
    is_limits  = 1'b0;
    burst      = '0;
    amount     = '0;
    if (busy_o) begin
      case (row_q[15:0])
        InstrumentLimitsTypeId: begin
          automatic instrument_limits_t told = row_q;
          is_limits  = 1'b1;
          has_tokens = 1'b1;
          burst      = told.message_burst;
          amount     = told.max_value_nanos;
        end
        FirmLimitsTypeId: begin
          automatic firm_limits_t told = row_q[8*FirmLimitsBytes-1:0];
          is_exposed = 1'b1;
          has_tokens = 1'b1;
          burst      = told.message_burst;
          amount     = told.max_open_value_nanos;
        end
        AccountLimitsTypeId: begin
          automatic account_limits_t told = row_q[8*AccountLimitsBytes-1:0];
          row_at     = RowW'(1) + RowW'(told.account_id);
          is_exposed = 1'b1;
          has_tokens = 1'b1;
          burst      = told.message_burst;
          amount     = told.max_open_value_nanos;
        end
        StrategyLimitsTypeId: begin
          automatic strategy_limits_t told = row_q[8*StrategyLimitsBytes-1:0];
          row_at     = RowW'(1 + Accounts) + RowW'(told.strategy_id);
          is_exposed = 1'b1;
          has_tokens = 1'b1;
          burst      = told.message_burst;
          amount     = told.max_open_value_nanos;
        end
        PortLimitsTypeId: begin
          automatic port_limits_t told = row_q[8*PortLimitsBytes-1:0];
          has_tokens = 1'b1;
          burst      = told.message_burst;
        end
        CreditTypeId: begin
          automatic credit_t told = row_q[8*CreditBytes-1:0];
          is_exposed = 1'b1;
          amount     = told.delta_nanos;
          if (told.scope == CreditScopeAccount) row_at = RowW'(1) + RowW'(told.id);
          if (told.scope == CreditScopeStrategy) row_at = RowW'(1 + Accounts) + RowW'(told.id);
        end
        default: ;
      endcase
    end
  end
  /* verilator lint_on UNUSEDSIGNAL */

  assign rows_write = state_q == StDone && op_done_i && op_ok_i && is_exposed;

  always_ff @(posedge clk_i) begin
    if (!rows_ready) rows_memory[row_sweep_q] <= '0;
    else if (rows_write) rows_memory[row_at] <= row_next_q;
    if (state_q == StRead) row_read_q <= rows_memory[row_at];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rows_ready  <= 1'b0;
      row_sweep_q <= '0;
    end else if (!rows_ready) begin
      row_sweep_q <= row_sweep_q + 1'b1;
      if (32'(row_sweep_q) == Rows - 1) rows_ready <= 1'b1;
    end
  end

  // --- the division: limits in units, and the unit's own bound ---

  logic divide_start_q, divide_busy, divide_done;
  logic [63:0] dividend_q, quotient, value_limit_q, full_tokens_q;

  divider #(
      .DividendW(64),
      .DivisorW (32)
  ) u_divider (
      .clk_i,
      .rst_ni,
      .start_i   (divide_start_q),
      .dividend_i(dividend_q),
      .divisor_i (unit_q),
      .busy_o    (divide_busy),
      .done_o    (divide_done),
      .quotient_o(quotient)
  );

  // --- one told row after the other ---

  logic enter_ready;

  always_ff @(posedge clk_i) begin
    divide_start_q <= 1'b0;
    answer_valid_o <= 1'b0;
    if (!rst_ni) begin
      state_q      <= StIdle;
      unit_valid_q <= 1'b0;
      unit_q       <= '0;
      sat_units_o  <= '0;
    end else begin
      case (state_q)
        StIdle: begin
          if (!unit_valid_q || unit_q != unit_nanos_i) begin
            // Until the new bound is there everything is worth too much.
            unit_q      <= unit_nanos_i;
            sat_units_o <= '0;
            if (unit_nanos_i == '0) begin
              unit_valid_q <= 1'b1;
            end else begin
              unit_valid_q   <= 1'b0;
              dividend_q     <= 64'h7fff_ffff_ffff_ffff + 64'(unit_nanos_i) - 64'd1;
              divide_start_q <= 1'b1;
              state_q        <= StUnit;
            end
          end else if (told_valid_i && told_ready_o) begin
            row_q         <= told_row_i;
            value_limit_q <= '0;
            full_tokens_q <= '0;
            state_q       <= StCheck;
          end
        end
        StUnit: begin
          if (divide_done) begin
            sat_units_o  <= quotient;
            unit_valid_q <= 1'b1;
            state_q      <= StIdle;
          end
        end
        StCheck: begin
          row_q[8*QuoteBytes-1:0] <= checked_row;
          if (!known) begin
            status_q <= StatusBadRecord;
            state_q  <= StAnswer;
          end else if (!ok) begin
            status_q <= StatusBadArgument;
            state_q  <= StAnswer;
          end else begin
            state_q <= is_exposed || is_limits || has_tokens ? StRead : StEnter;
          end
        end
        StRead: state_q <= StCredit;
        StCredit: begin
          row_next_q <= row_read_q;
          if (row_q[15:0] == CreditTypeId) begin
            row_next_q.credit <= saturated(65'(row_read_q.credit) + 65'(amount));
          end else begin
            row_next_q.max_open <= amount;
          end
          if (has_tokens) full_tokens_q <= 64'(burst) * NanoTokensPerMessage;
          state_q <= is_exposed || is_limits ? StLimit : StEnter;
        end
        StLimit: begin
          dividend_q <= amount;
          if (is_exposed) dividend_q <= open_limit(row_next_q);
          divide_start_q <= 1'b1;
          state_q        <= StDivide;
        end
        StDivide: begin
          if (divide_done) begin
            value_limit_q <= quotient;
            state_q       <= StEnter;
          end
        end
        StEnter: if (enter_ready) state_q <= StDone;
        StDone: begin
          if (op_done_i) begin
            status_q <= op_ok_i ? StatusOk : StatusBadArgument;
            state_q  <= StAnswer;
          end
        end
        StAnswer: begin
          answer_valid_o <= 1'b1;
          answer_o <= '{
              value: '0,
              reserved1: '0,
              reserved0: '0,
              status: status_q,
              answered_type_id: row_q[15:0],
              type_id: AnswerTypeId
          };
          state_q <= StIdle;
        end
        default: state_q <= StIdle;
      endcase
    end
  end

  // max(0, saturated(max_open + credit))
  function automatic logic [63:0] open_limit(input exposed_t row);
    automatic logic signed [63:0] limit = saturated(65'(row.max_open) + 65'(row.credit));
    return limit[63] ? '0 : unsigned'(limit);
  endfunction

  // --- the market ---

  logic queued, market_good, market_take;
  market_update_t update;

  market_fifo u_fifo (
      .clk_i,
      .rst_ni,
      .valid_i (market_valid_i),
      .ready_o (market_ready_o),
      .update_i(market_i),
      .valid_o (queued),
      .ready_i (market_take || (queued && !market_good)),
      .update_o(update)
  );

  always_comb begin
    market_good = 1'b0;
    if (queued && 32'(update.instrument) < Instruments) begin
      case (update.kind)
        MarketReference: market_good = 1'b1;
        MarketQuote:
        market_good = (update.bid_lots == '0 || update.bid_ticks != '0)
              && (update.ask_lots == '0 || update.ask_ticks != '0);
        MarketMark:
        market_good = update.mark == MarkHalted || update.mark == MarkShortRestricted
              || update.mark == MarkGapped;
        MarketBand: market_good = update.bid_ticks <= update.ask_ticks;
        default: market_good = 1'b0;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      market_dropped_o <= '0;
    end else if (queued && !market_good && market_dropped_o != '1) begin
      market_dropped_o <= market_dropped_o + 1'b1;
    end
  end

  // --- into the order of things ---

  logic pipe_market_ready;
  assign market_take = pipe_market_ready && queued && market_good;

  tell_pipe #(
      .Instruments(Instruments)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .host_valid_i      (state_q == StEnter),
      .host_ready_o      (enter_ready),
      .host_row_i        (row_q),
      .host_value_limit_i(value_limit_q),
      .host_full_tokens_i(full_tokens_q),
      .host_done_i       (state_q == StDone && op_done_i),
      .host_ok_i         (op_ok_i),
      .market_valid_i    (queued && market_good),
      .market_ready_o    (pipe_market_ready),
      .market_i          (update),
      .op_valid_o,
      .op_ready_i,
      .op_o,
      .init_done_o       (pipe_ready)
  );

`ifndef SYNTHESIS
  // At time 0 a simulation may see an edge before anybody has driven anything.
  always_ff @(posedge clk_i) begin
    if (rst_ni && $time != 0 && op_done_i) assert (state_q == StDone);  // no other is waited for
    if (rst_ni && $time != 0 && divide_start_q) assert (!divide_busy);
  end
`endif

endmodule

`default_nettype wire
