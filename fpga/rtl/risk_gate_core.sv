// The pipeline of the risk gate: stage 0 reads rows by key, stage 1 multiplies and judges what does
// not move, stage 2 judges the rest and moves. One operation a cycle, never a stall.
// fpga/docs/risk_gate_core.md has the contract.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of records and rows, each block takes some fields
module risk_gate_core
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Accounts = 4,
    parameter int unsigned Strategies = 256,
    parameter int unsigned Ports = 8,
    parameter int unsigned WorkingOrders = 64,
    parameter int unsigned DuplicateDepth = 16,
    parameter int unsigned FutureToleranceNs = 1_000_000
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic [      31:0] unit_nanos_i,
    input wire logic [ValueW-1:0] sat_units_i,      // the least value whose nanos do not fit
    input wire logic              leased_i,
    input wire logic [      31:0] market_dropped_i, // for a query

    // Stage 0.
    input wire slot_kind_e kind_i,
    input wire order_key_t key_i,    // of an order
    input wire told_op_t   op_i,
    input wire logic       probe_i,  // the told row changes nothing: would it be taken?
    input wire query_key_t query_i,

    // Stage 1: the order of the key of the cycle before.
    input  wire logic          order_valid_i,
    input  wire order_intent_t order_i,
    output logic               stage1_order_o, // an order is in stage 1: limits must not enter now

    input  wire logic kill_i,
    input  wire logic release_i,
    output logic      killed_o,

    output logic                              verdict_valid_o,
    output verdict_t                          verdict_o,
    output order_intent_t                     verdict_order_o,
    output logic          [       ValueW-1:0] verdict_value_o,
    output logic          [WorkingOrders-1:0] crossing_o,

    output logic op_done_o,     // a told row of the host left stage 2
    output logic op_ok_o,
    output logic probe_done_o,
    output logic probe_ok_o,

    output logic        query_done_o,
    output logic [63:0] query_value_o,

    output logic init_done_o
);

  localparam int unsigned InstrumentAddressW = Instruments > 1 ? $clog2(Instruments) : 1;
  localparam int unsigned Positions = Accounts << InstrumentAddressW;

  function automatic int unsigned larger(int unsigned a, int unsigned b);
    return a > b ? a : b;
  endfunction
  localparam int unsigned SweepDepth = larger(larger(Positions, Strategies), Ports);

  if (Instruments < 1 || Instruments > 65536) $fatal(1, "Instruments is not within 1..65536");
  if (Accounts < 1 || Accounts > 256) $fatal(1, "Accounts is not within 1..256");
  if (Strategies < 1 || Strategies > 65536) $fatal(1, "Strategies is not within 1..65536");
  if (Ports < 1 || Ports > 256) $fatal(1, "Ports is not within 1..256");

  // --- the sweep: all tables are empty when it is through ---

  logic sweep_q;
  logic [31:0] sweep_address_q;
  assign init_done_o = !sweep_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sweep_q         <= 1'b1;
      sweep_address_q <= '0;
    end else if (sweep_q) begin
      sweep_address_q <= sweep_address_q + 1;
      if (sweep_address_q == SweepDepth - 1) sweep_q <= 1'b0;
    end
  end

  // --- stage 0: whose rows ---

  logic enter, enter_told;
  order_key_t key;

  always_comb begin
    enter      = kind_i != SlotNone && !sweep_q;
    enter_told = kind_i == SlotTold && !probe_i && !sweep_q;
    key        = '0;
    unique case (kind_i)
      SlotOrder: key = key_i;
      SlotTold:  key = told_key(op_i.row);
      SlotQuery: key = query_rows(query_i);
      default:   key = '0;
    endcase
  end

  rows_t rows1;
  gate_rows #(
      .Instruments(Instruments),
      .Accounts   (Accounts),
      .Strategies (Strategies),
      .Ports      (Ports)
  ) u_rows (
      .clk_i,
      .rst_ni,
      .sweep_i        (sweep_q),
      .sweep_address_i(sweep_address_q),
      .enter_i        (enter),
      .key_i          (key),
      .write_i        (enter_told),
      .op_i,
      .rows_o         (rows1)
  );

  // --- stage 1 ---

  slot_kind_e kind1_q;
  order_key_t key1_q;
  told_t told1_q;
  query_key_t query1_q;

  always_ff @(posedge clk_i) begin
    kind1_q <= enter ? kind_i : SlotNone;
    if (enter) key1_q <= key;
    if (kind_i == SlotTold) begin
      told1_q <= '{
          type_id: op_i.type_id,
          from_host: op_i.from_host,
          probe: probe_i,
          row: op_i.row[8*ToldBytes-1:0],
          rate: told_rate(op_i.row),
          full: op_i.full_tokens[60:0],
          value_limit: op_i.value_limit
      };
    end
    if (kind_i == SlotQuery) query1_q <= query_i;
    if (!rst_ni) kind1_q <= SlotNone;
  end

  // An order without its key, or with the key of another, has no rows to be judged by.
  logic order1, keyed1, told1;
  assign order1 = order_valid_i && kind1_q != SlotTold && kind1_q != SlotQuery;
  assign told1 = kind1_q == SlotTold;
  assign keyed1 = kind1_q == SlotOrder && key1_q.instrument_id == order_i.instrument_id
      && key1_q.account_id == order_i.account_id && key1_q.strategy_id == order_i.strategy_id
      && key1_q.port_id == order_i.port_id;
  assign stage1_order_o = order1 || kind1_q == SlotOrder;

  judged_t judged1;
  gate_stage1 #(
      .FutureToleranceNs(FutureToleranceNs)
  ) u_stage1 (
      .valid_i     (order1),
      .keyed_i     (keyed1),
      .order_i,
      .instrument_i(rows1.instrument),
      .account_i   (rows1.account),
      .strategy_i  (rows1.strategy),
      .port_i      (rows1.port),
      .position_i  (rows1.position),
      .judged_o    (judged1)
  );

  states_t states1, states2, states2_next;
  writes_t writes2;

  logic [62:0] product1, working1;
  meterings_t meterings1;
  gate_products u_products (
      .order_valid_i(order1),
      .order_i,
      .judged_i     (judged1),
      .told_valid_i (told1),
      .told_i       (told1_q),
      .rows_i       (rows1),
      .states_i     (states1),
      .product_o    (product1),
      .working_o    (working1),
      .meterings_o  (meterings1)
  );

  // --- stage 2: registers ---

  logic order2_q, told2_q, query2_q;
  order_intent_t order_q;
  judged_t judged_q;
  told_t told_q;
  query_key_t query_q;
  logic [62:0] product_q, working_q;
  meterings_t meterings_q;
  rows_t rows_q;

  always_ff @(posedge clk_i) begin
    order2_q <= order1;
    told2_q  <= told1;
    query2_q <= kind1_q == SlotQuery;
    if (order1 || kind1_q != SlotNone) begin
      product_q   <= product1;
      working_q   <= working1;
      meterings_q <= meterings1;
      rows_q      <= rows1;
    end
    if (order1) begin
      order_q  <= order_i;
      judged_q <= judged1;
    end
    if (told1) told_q <= told1_q;
    if (kind1_q == SlotQuery) query_q <= query1_q;
    if (!rst_ni) begin
      order2_q <= 1'b0;
      told2_q  <= 1'b0;
      query2_q <= 1'b0;
    end
  end

  // --- what moves: in order, what the operation before it left ---

  logic [DayW-1:0] day_q;
  time_ns_t lease_until_ns_q;
  logic [63:0] faults_q;

  gate_states #(
      .Instruments(Instruments),
      .Accounts   (Accounts),
      .Strategies (Strategies),
      .Ports      (Ports)
  ) u_states (
      .clk_i,
      .rst_ni,
      .sweep_i        (sweep_q),
      .sweep_address_i(sweep_address_q),
      .enter_i        (enter),
      .key_i          (key),
      .stage1_o       (states1),
      .valid2_i       (order2_q || told2_q || query2_q),
      .day_i          (day_q),
      .stage2_o       (states2),
      .writes_i       (writes2),
      .states_i       (states2_next)
  );

  // --- stage 2: verdict ---

  kill_t  told_kill;
  lease_t told_lease;
  logic told_switches, told_engages, told_releases, told_acts;
  assign told_kill = told_q.row[$bits(kill_t)-1:0];
  assign told_lease = told_q.row[$bits(lease_t)-1:0];
  assign told_acts = told2_q && !told_q.probe;
  assign told_switches = told_acts && told_q.type_id == KillTypeId
      && told_kill.scope == KillScopeGlobal;
  assign told_engages = told_switches && told_kill.engage[0];
  assign told_releases = told_switches && !told_kill.engage[0];

  logic unused_engaged, unused_released;
  logic [1:0] unused_cause, unused_since;
  time_ns_t unused_time;
  kill_switch #(
      .Sources(2)
  ) u_kill_switch (
      .clk_i,
      .rst_ni,
      .now_ns_i  ('0),
      .engage_i  ({told_engages, kill_i}),
      .release_i (release_i || told_releases),
      .killed_o,
      .cause_o   (unused_cause),
      .since_o   (unused_since),
      .time_o    (unused_time),
      .engaged_o (unused_engaged),
      .released_o(unused_released)
  );

  worth_t worth2;
  logic   working_saturated2;
  always_comb begin
    worth2             = '0;
    working_saturated2 = 1'b0;
    if (order2_q) begin
      worth2.value       = product_q;
      worth2.working     = working_q;
      worth2.saturated   = judged_q.unvalued || 64'(product_q) >= sat_units_i;
      working_saturated2 = 64'(working_q) >= sat_units_i;
    end
  end

  logic [CheckCount-1:0] fired2;
  logic passes2, lists2;
  own_order_t own_queried;
  recent_order_t recent_queried;
  logic own_hit, own_keys_equal, own_full, own_crosses, duplicate;
  logic [LotsW-1:0] own_leaves;
  logic [WorkingOrders-1:0] own_crossing;

  gate_stage2 u_stage2 (
      .rows_i             (rows_q),
      .meterings_i        (meterings_q),
      .valid_i            (order2_q),
      .order_i            (order_q),
      .judged_i           (judged_q),
      .worth_i            (worth2),
      .working_saturated_i(working_saturated2),
      .killed_i           (killed_o),
      .leased_i,
      .lease_until_ns_i   (lease_until_ns_q),
      .states_i           (states2),
      .own_hit_i          (own_hit),
      .own_keys_equal_i   (own_keys_equal),
      .own_full_i         (own_full),
      .own_crossing_i     (own_crosses),
      .duplicate_i        (duplicate),
      .fired_o            (fired2),
      .passes_o           (passes2),
      .lists_o            (lists2)
  );

  logic told_ok, told_puts, told_lessens, sat_exact_q;
  logic [2:0] told_faults;
  logic [LotsW-1:0] told_leaves;

  gate_settle u_settle (
      .rows_i          (rows_q),
      .meterings_i     (meterings_q),
      .passes_i        (passes2),
      .order_i         (order_q),
      .judged_i        (judged_q),
      .worth_i         (worth2),
      .told_valid_i    (told2_q),
      .told_i          (told_q),
      .told_value_i    (rows_q.instrument.limits.meter.known ? product_q : '0),
      .sat_units_i,
      .sat_exact_i     (sat_exact_q),
      .own_hit_i       (own_hit),
      .own_keys_equal_i(own_keys_equal),
      .own_full_i      (own_full),
      .own_leaves_i    (own_leaves),
      .states_i        (states2),
      .states_o        (states2_next),
      .writes_o        (writes2),
      .ok_o            (told_ok),
      .faults_o        (told_faults),
      .own_put_o       (told_puts),
      .own_lessen_o    (told_lessens),
      .own_leaves_o    (told_leaves)
  );

  gate_own #(
      .Accounts      (Accounts),
      .WorkingOrders (WorkingOrders),
      .DuplicateDepth(DuplicateDepth)
  ) u_own (
      .clk_i,
      .rst_ni,
      .order_valid_i   (order2_q),
      .order_i         (order_q),
      .judged_i        (judged_q),
      .account_i       (rows_q.account),
      .passes_i        (passes2),
      .told_valid_i    (told2_q),
      .told_i          (told_q),
      .told_puts_i     (told_puts),
      .told_lessens_i  (told_lessens),
      .told_leaves_i   (told_leaves),
      .hit_o           (own_hit),
      .hit_keys_equal_o(own_keys_equal),
      .hit_leaves_o    (own_leaves),
      .full_o          (own_full),
      .crossing_o      (own_crossing),
      .any_crossing_o  (own_crosses),
      .duplicate_o     (duplicate),
      .query_i         (query_q),
      .own_order_o     (own_queried),
      .recent_o        (recent_queried)
  );

  // --- at the end of stage 2 ---

  function automatic logic [7:0] lowest(logic [CheckCount-1:0] fired);
    for (int unsigned number = 0; number < CheckCount; number++) begin
      if (fired[number]) return 8'(number);
    end
    return 8'(ReasonPass);
  endfunction

  always_ff @(posedge clk_i) begin
    verdict_valid_o <= order2_q;
    if (order2_q) begin
      verdict_o <= '{
          reserved_price_ticks: passes2 ? 64'(judged_q.price_ticks) : '0,
          fired_mask: 64'(fired2),
          order_id: order_q.order_id,
          reserved0: '0,
          action: order_q.action,
          reason: lowest(fired2),
          type_id: VerdictTypeId
      };
      verdict_order_o <= order_q;
      verdict_value_o <= 64'(worth2.value);
      if (worth2.saturated || judged_q.malformed || judged_q.bad_fields) verdict_value_o <= '1;
      crossing_o <= lists2 ? own_crossing : '0;
    end
    if (!rst_ni) verdict_valid_o <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    op_done_o    <= told_acts && told_q.from_host;
    op_ok_o      <= told_ok;
    probe_done_o <= told2_q && told_q.probe;
    probe_ok_o   <= told_ok;
    if (told_acts) begin
      faults_q <= faults_q + 64'(told_faults);
      if (told_q.type_id == LeaseTypeId) lease_until_ns_q <= told_lease.until_ns;
      if (told_q.type_id == DayResetTypeId) day_q <= day_q + 1;
    end
    if (!rst_ni) begin
      op_done_o        <= 1'b0;
      probe_done_o     <= 1'b0;
      faults_q         <= '0;
      lease_until_ns_q <= '0;
      day_q            <= '0;
    end
  end

  // Whether the largest number of nanos is a whole number of units.
  logic [95:0] sat_nanos_q;
  logic [ValueW-1:0] sat_units_q;
  always_ff @(posedge clk_i) begin
    sat_units_q <= sat_units_i;
    if (sat_units_q != sat_units_i) sat_nanos_q <= 96'(sat_units_i) * 96'(unit_nanos_i);
    sat_exact_q <= sat_nanos_q == 96'h7FFF_FFFF_FFFF_FFFF;
    if (!rst_ni) begin
      sat_units_q <= '0;
      sat_nanos_q <= '0;
    end
  end

  gate_query #(
      .Instruments      (Instruments),
      .Accounts         (Accounts),
      .Strategies       (Strategies),
      .Ports            (Ports),
      .WorkingOrders    (WorkingOrders),
      .DuplicateDepth   (DuplicateDepth),
      .FutureToleranceNs(FutureToleranceNs)
  ) u_query (
      .rows1_i         (rows1),
      .rows2_i         (rows_q),
      .clk_i,
      .rst_ni,
      .valid1_i        (kind1_q == SlotQuery),
      .key1_i          (query1_q),
      .unit_nanos_i,
      .market_dropped_i,
      .valid2_i        (query2_q),
      .key2_i          (query_q),
      .states_i        (states2),
      .killed_i        (killed_o),
      .lease_until_ns_i(lease_until_ns_q),
      .faults_i        (faults_q),
      .day_i           (day_q),
      .sat_units_i,
      .own_order_i     (own_queried),
      .recent_i        (recent_queried),
      .done_o          (query_done_o),
      .value_o         (query_value_o)
  );

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && order_valid_i) assert (kind1_q == SlotOrder || kind1_q == SlotNone);
  end
`endif

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
