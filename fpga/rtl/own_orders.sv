// The gate's own working limit orders: searched by id and for what an order would trade with, in one cycle.
// fpga/docs/own_orders.md has the contract; meltica/hot/own_book_twin.py is the judge.
`default_nettype none

module own_orders
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
#(
    parameter int unsigned WorkingOrders = 64,
    parameter int unsigned Accounts = 64,
    localparam int unsigned SlotW = WorkingOrders > 1 ? $clog2(WorkingOrders) : 1
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic [Accounts*16-1:0] group_i,  // self_match_group of each account

    // Search: combinational. Nothing else is compared while find_valid_i is 0.
    input  wire logic                     find_valid_i,
    input  wire logic [             63:0] find_id_i,
    input  wire logic [             31:0] find_instrument_i,
    input  wire logic [             15:0] find_account_i,
    input  wire logic [              7:0] find_side_i,
    input  wire ticks_t                   find_limit_i,
    input  wire logic                     find_market_i,      // crosses at any price
    input  wire logic [             15:0] find_group_i,
    output logic                          hit_o,              // an order with this id works
    output logic                          hit_keys_equal_o,   // for this account, instrument, side
    output logic      [        LotsW-1:0] hit_leaves_o,
    output logic                          full_o,             // whatever find_valid_i is
    output logic      [WorkingOrders-1:0] crossing_o,
    output logic                          any_crossing_o,

    // Write, at the end of a cycle with find_valid_i, about find_id_i. At most one of the three.
    input wire logic             put_i,           // insert, or replace the order of this id
    input wire ticks_t           put_price_i,
    input wire logic [LotsW-1:0] put_leaves_i,
    input wire logic             remove_i,
    input wire logic             lessen_i,
    input wire logic [LotsW-1:0] lessen_lots_i,
    input wire logic             lessen_closes_i,

    input  wire logic  [SlotW-1:0] query_slot_i,
    output own_order_t             query_o        // one cycle later
);

  if (WorkingOrders < 1 || WorkingOrders > 64) $fatal(1, "WorkingOrders is not within 1..64");
  if (Accounts < 1 || Accounts > 65536) $fatal(1, "Accounts is not within 1..65536");

  localparam int unsigned AccountW = Accounts > 1 ? $clog2(Accounts) : 1;

  logic [WorkingOrders-1:0] valid_q;
  own_order_t order_q[WorkingOrders];  // valid_q says which of them work

  // --- search ---

  logic [2**AccountW-1:0] group_equal;
  logic [      SlotW-1:0] hit_slot;

  assign full_o = &valid_q;

  always_comb begin
    group_equal      = '0;
    hit_o            = 1'b0;
    hit_slot         = '0;
    hit_keys_equal_o = 1'b0;
    hit_leaves_o     = '0;
    crossing_o       = '0;
    if (find_valid_i) begin
      for (int unsigned account = 0; account < Accounts; account++) begin
        group_equal[account] = group_i[16*account+:16] == find_group_i;
      end
      for (int unsigned slot = 0; slot < WorkingOrders; slot++) begin
        if (valid_q[slot]) begin
          if (order_q[slot].id == find_id_i) begin
            hit_o            = 1'b1;
            hit_slot         = SlotW'(slot);
            hit_leaves_o     = order_q[slot].leaves;
            hit_keys_equal_o = order_q[slot].account == find_account_i
                && 32'(order_q[slot].instrument) == find_instrument_i
                && 8'(order_q[slot].side) == find_side_i;
          end
          crossing_o[slot] = 32'(order_q[slot].instrument) == find_instrument_i
              && 8'(order_q[slot].side) != find_side_i
              && group_equal[AccountW'(order_q[slot].account)]
              && (find_market_i || (find_side_i == SideBuy ? order_q[slot].price <= find_limit_i
                                                           : order_q[slot].price >= find_limit_i));
        end
      end
    end
  end

  assign any_crossing_o = |crossing_o;

  // --- write ---

  logic [SlotW-1:0] free_slot;
  logic [SlotW-1:0] put_slot;

  always_comb begin
    free_slot = '0;
    if (find_valid_i && put_i) begin
      for (int unsigned slot = WorkingOrders; slot > 0; slot--) begin
        if (!valid_q[slot-1]) free_slot = SlotW'(slot - 1);
      end
    end
  end

  assign put_slot = hit_o ? hit_slot : free_slot;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
    end else if (find_valid_i) begin
      if (put_i && (hit_o || !full_o)) begin
        valid_q[put_slot] <= 1'b1;
        order_q[put_slot] <= '{
            valid: 1'b1,
            id: find_id_i,
            account: find_account_i,
            instrument: find_instrument_i[InstrumentW-1:0],
            side: find_side_i[1:0],
            price: put_price_i,
            leaves: put_leaves_i
        };
      end else if (remove_i && hit_o) begin
        valid_q[hit_slot] <= 1'b0;
      end else if (lessen_i && hit_o) begin
        if (lessen_closes_i || lessen_lots_i >= hit_leaves_o) valid_q[hit_slot] <= 1'b0;
        order_q[hit_slot].leaves <= hit_leaves_o - lessen_lots_i;
      end
    end
  end

  // --- query ---

  always_ff @(posedge clk_i) begin
    query_o       <= order_q[query_slot_i];
    query_o.valid <= 32'(query_slot_i) < WorkingOrders && valid_q[query_slot_i];
  end

`ifndef SYNTHESIS
  // At time 0 a simulation may see an edge before anybody has driven anything.
  always_ff @(posedge clk_i) begin
    if (rst_ni && $time != 0 && find_valid_i) begin
      assert (32'(put_i) + 32'(remove_i) + 32'(lessen_i) <= 1);
      if (put_i) begin
        assert (hit_o || !full_o);  // OPEN_ORDER_COUNT keeps such an order out
        assert (32'(find_account_i) < Accounts);
        assert (find_instrument_i[31:InstrumentW] == '0);
        assert (find_side_i == SideBuy || find_side_i == SideSell);
        assert (put_leaves_i != '0);
      end
    end
  end
`endif

endmodule

`default_nettype wire
