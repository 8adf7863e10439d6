// The staging row's way in: one commit at a time, told to the gate or broadcast to the card by its
// type id.
`default_nettype none

module regs_commit
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
(
  input  wire logic        clk_i,
  input  wire logic        rst_ni,

  input  wire logic        commit_i,        // pulse
  input  wire staged_row_t row_i,           // in its cycle
  output logic             busy_o,
  output logic             refused_o,       // pulse: a commit while busy
  output logic [31:0]      commits_o,       // taken
  output logic [31:0]      answers_o,       // the number of the last answered one
  output logic [15:0]      type_id_o,       // of that one
  output logic [7:0]       status_o,
  output logic             answered_o,      // pulse, when these three are new

  output logic             cfg_valid_o,     // one cycle
  output logic             told_valid_o,    // until ready
  input  wire logic        told_ready_i,
  output staged_row_t      row_o,           // of both
  input  wire logic        answer_valid_i,
  /* verilator lint_off UNUSEDSIGNAL */
  input  wire answer_t     answer_i         // its status; the rest is known here
  /* verilator lint_on UNUSEDSIGNAL */
);

  typedef enum logic [1:0] {
    Idle,
    Route,   // by the type id
    Tell,
    Await
  } state_e;

  state_e      state_q;
  logic [15:0] type_id;
  logic        for_card;
  logic        for_gate;
  logic        answer;
  logic [7:0]  status;

  always_comb begin
    type_id  = row_o[15:0];
    for_card = type_id inside {WatchTypeId, TriggerTypeId, FrameTemplateTypeId, TcpStateTypeId,
                               FeedFilterTypeId, ClearGapTypeId, SymbolTypeId, DropCopyTypeId};
    for_gate = type_id inside {InstrumentLimitsTypeId, AccountLimitsTypeId, PositionLimitsTypeId,
                               FirmLimitsTypeId, StrategyLimitsTypeId, PortLimitsTypeId,
                               CreditTypeId, ReferencePriceTypeId, QuoteTypeId, PriceBandTypeId,
                               MarkTypeId, KillTypeId, LeaseTypeId, DayResetTypeId,
                               ProfitAndLossTypeId, OutcomeTypeId, RearmTypeId, FillTypeId,
                               ReleaseTypeId, ReserveTypeId, AdjustTypeId};

    busy_o       = state_q != Idle;
    refused_o    = commit_i && busy_o;
    cfg_valid_o  = state_q == Route && for_card;
    told_valid_o = state_q == Tell;

    answer = 1'b0;
    status = answer_i.status;
    unique case (state_q)
      Route: begin
        answer = !for_gate;
        status = for_card ? StatusOk : StatusBadRecord;
      end
      Tell:    answer = told_ready_i && answer_valid_i;
      Await:   answer = answer_valid_i;
      default: answer = 1'b0;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q    <= Idle;
      row_o      <= '0;
      commits_o  <= '0;
      answers_o  <= '0;
      type_id_o  <= '0;
      status_o   <= '0;
      answered_o <= 1'b0;
    end else begin
      answered_o <= answer;
      if (answer) begin
        answers_o <= commits_o;
        type_id_o <= type_id;
        status_o  <= status;
      end
      unique case (state_q)
        Idle: begin
          if (commit_i) begin
            state_q   <= Route;
            row_o     <= row_i;
            commits_o <= commits_o + 1'b1;
          end
        end
        Route:   state_q <= for_gate ? Tell : Idle;
        Tell:    if (told_ready_i) state_q <= answer_valid_i ? Idle : Await;
        Await:   if (answer_valid_i) state_q <= Idle;
        default: state_q <= Idle;
      endcase
      assert (!answer_valid_i || state_q == Await || (state_q == Tell && told_ready_i))
      else $error("regs_commit: an answer that nobody waits for");
    end
  end

endmodule

`default_nettype wire
