// Stage 2 of the risk gate: the own working orders and the last orders, searched for what is
// judged, then written.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of records and rows, each block takes some fields
module gate_own
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
#(
    parameter int unsigned Accounts = 4,
    parameter int unsigned WorkingOrders = 64,
    parameter int unsigned DuplicateDepth = 16,
    localparam int unsigned AccountW = Accounts > 1 ? $clog2(Accounts) : 1,
    localparam int unsigned OrderSlotW = WorkingOrders > 1 ? $clog2(WorkingOrders) : 1,
    localparam int unsigned RecentSlotW = DuplicateDepth > 1 ? $clog2(DuplicateDepth) : 1
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic             order_valid_i,
    input wire order_intent_t    order_i,
    input wire judged_t          judged_i,
    input wire account_row_t     account_i,
    input wire logic             passes_i,
    input wire logic             told_valid_i,
    input wire told_t            told_i,
    input wire logic             told_puts_i,
    input wire logic             told_lessens_i,
    input wire logic [LotsW-1:0] told_leaves_i,

    output logic                     hit_o,
    output logic                     hit_keys_equal_o,
    output logic [        LotsW-1:0] hit_leaves_o,
    output logic                     full_o,
    output logic [WorkingOrders-1:0] crossing_o,
    output logic                     any_crossing_o,
    output logic                     duplicate_o,

    input  wire query_key_t query_i,
    output own_order_t      own_order_o,  // one cycle later
    output recent_order_t   recent_o
);

  logic find2, told_settles;
  logic [Accounts*16-1:0] group_q;
  fill_t told_fill;
  account_limits_t limits;
  assign told_fill = told_i.row[$bits(fill_t)-1:0];
  assign limits    = account_limits_t'({448'd0, told_i.row});

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      group_q <= '0;
    end else if (told_valid_i && told_i.type_id == AccountLimitsTypeId) begin
      group_q[16*limits.account_id[AccountW-1:0]+:16] <= limits.self_match_group;
    end
  end

  assign told_settles = told_i.type_id == FillTypeId || told_i.type_id == ReleaseTypeId
      || told_i.type_id == ReserveTypeId;
  assign find2 = order_valid_i || (told_valid_i && told_settles);

`ifndef FORMAL  // In proofs they may find anything: their own proofs say what they do find.
  own_orders #(
      .WorkingOrders(WorkingOrders),
      .Accounts     (Accounts)
  ) u_own_orders (
      .clk_i,
      .rst_ni,
      .group_i(group_q),
      .find_valid_i(find2),
      .find_id_i(order_valid_i ? order_i.order_id : told_fill.order_id),
      .find_instrument_i(order_valid_i ? order_i.instrument_id : told_fill.instrument_id),
      .find_account_i(order_valid_i ? order_i.account_id : told_fill.account_id),
      .find_side_i(order_valid_i ? order_i.side : told_fill.side),
      .find_limit_i(order_i.price_ticks[TicksW-1:0]),
      .find_market_i(judged_i.market),
      .find_group_i(account_i.self_match_group),
      .hit_o(hit_o),
      .hit_keys_equal_o(hit_keys_equal_o),
      .hit_leaves_o(hit_leaves_o),
      .full_o(full_o),
      .crossing_o(crossing_o),
      .any_crossing_o(any_crossing_o),
      .put_i((passes_i && judged_i.rests) || told_puts_i),
      .put_price_i(passes_i ? judged_i.price_ticks : told_fill.reserved_price_ticks[TicksW-1:0]),
      .put_leaves_i(passes_i ? 32'(order_i.quantity_lots[OrderLotsW-1:0]) : told_leaves_i),
      .remove_i(passes_i && !judged_i.rests),
      .lessen_i(told_lessens_i),
      .lessen_lots_i(told_fill.quantity_lots[LotsW-1:0]),
      .lessen_closes_i(told_fill.closes[0]),
      .query_slot_i(query_i.row[OrderSlotW-1:0]),
      .query_o(own_order_o)
  );

  recent_orders #(
      .Accounts(Accounts),
      .Depth   (DuplicateDepth)
  ) u_recent_orders (
      .clk_i,
      .rst_ni,
      .find_valid_i     (order_valid_i && judged_i.fits),
      .find_account_i   (order_i.account_id),
      .find_instrument_i(order_i.instrument_id),
      .find_side_i      (order_i.side),
      .find_lots_i      (order_i.quantity_lots[OrderLotsW-1:0]),
      .find_price_i     (judged_i.market ? '0 : order_i.price_ticks[TicksW-1:0]),
      .find_time_i      (order_i.time_ns),
      .window_i         (account_i.duplicate_window_ns),
      .duplicate_o      (duplicate_o),
      .push_i           (passes_i && judged_i.is_new),
      .query_account_i  (query_i.row[31:16]),
      .query_slot_i     (query_i.row[RecentSlotW-1:0]),
      .query_o          (recent_o)
  );
`endif

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
