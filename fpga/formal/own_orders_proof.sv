// One id is followed, whichever it is, from its put to its remove or its last lot, beside everything else that happens.
`default_nettype none

module own_orders_proof
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
(
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic [1:0] groups_i,
  input wire logic       find_valid_i,
  input wire logic [2:0] id_i,
  input wire logic       instrument_i,
  input wire logic       find_account_i,
  input wire logic       find_sell_i,
  input wire logic [1:0] limit_i,
  input wire logic       find_market_i,
  input wire logic       group_i,
  input wire logic       put_i,
  input wire logic [1:0] price_i,
  input wire logic [1:0] leaves_i,
  input wire logic       remove_i,
  input wire logic       lessen_i,
  input wire logic [1:0] lots_i,
  input wire logic       lessen_closes_i,
  input wire logic [1:0] query_slot_i,
  input wire logic [2:0] watch_i
);

  localparam int unsigned Slots = 3;

  // Few values of each: the block compares and subtracts them, and no more.
  logic [31:0] groups, put_leaves_i, lessen_lots_i;
  logic [63:0] find_id_i;
  logic [15:0] find_instrument_i, find_group_i;
  ticks_t find_limit_i, put_price_i;

  always_comb begin
    groups            = {15'd0, groups_i[1], 15'd0, groups_i[0]};
    find_id_i         = 64'(id_i);
    find_instrument_i = 16'(instrument_i);
    find_group_i      = 16'(group_i);
    find_limit_i      = ticks_t'(limit_i);
    put_price_i       = ticks_t'(price_i);
    put_leaves_i      = 32'(leaves_i);
    lessen_lots_i     = 32'(lots_i);
  end

  logic hit, keys_equal, full, any_crossing;
  logic [31:0] leaves;
  logic [Slots-1:0] crossing;
  own_order_t answer;
  logic [7:0] side;

  always_comb side = find_sell_i ? SideSell : SideBuy;

  own_orders #(
    .WorkingOrders(Slots),
    .Accounts(2)
  ) dut (
    .clk_i, .rst_ni, .group_i(groups), .find_valid_i, .find_id_i,
    .find_instrument_i(32'(find_instrument_i)), .find_account_i(16'(find_account_i)),
    .find_side_i(side), .find_limit_i, .find_market_i, .find_group_i,
    .hit_o(hit), .hit_keys_equal_o(keys_equal), .hit_leaves_o(leaves), .full_o(full),
    .crossing_o(crossing), .any_crossing_o(any_crossing),
    .put_i, .put_price_i, .put_leaves_i, .remove_i, .lessen_i, .lessen_lots_i, .lessen_closes_i,
    .query_slot_i, .query_o(answer)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb begin
    if (!started_q) assume (!rst_ni);
    assume (2'(put_i) + 2'(remove_i) + 2'(lessen_i) <= 2'd1);
    if (put_i) assume (put_leaves_i != '0);
  end

  // --- what must be known about the id that is followed ---

  logic [63:0] watch_q;
  logic present_q;
  own_order_t order_q;
  logic ours, goes;

  always_comb ours = find_valid_i && find_id_i == watch_q;
  always_comb goes = lessen_closes_i || lessen_lots_i >= order_q.leaves;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      watch_q   <= 64'(watch_i);
      present_q <= 1'b0;
    end else if (ours) begin
      if (put_i && (present_q || !full)) begin
        present_q <= 1'b1;
        order_q <= '{
          valid: 1'b1, id: watch_q, account: 16'(find_account_i), instrument: find_instrument_i,
          side: side[1:0], price: put_price_i, leaves: put_leaves_i
        };
      end
      if (remove_i || (lessen_i && goes)) present_q <= 1'b0;
      else if (lessen_i) order_q.leaves <= order_q.leaves - lessen_lots_i;
    end
  end

  // --- in which slots it is; a slot is asked for by the query port one cycle before ---

  logic [Slots-1:0] here;
  logic [1:0] asked_q;
  logic present_then_q, asked_valid_q;
  own_order_t order_then_q;

  always_comb begin
    for (int unsigned i = 0; i < Slots; i++) begin
      here[i] = dut.valid_q[i] && dut.order_q[i].id == watch_q;
    end
  end

  always_ff @(posedge clk_i) begin
    asked_q        <= query_slot_i;
    asked_valid_q  <= rst_ni;
    present_then_q <= present_q;
    order_then_q   <= order_q;
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert ((here & (here - Slots'(1))) == '0);  // never in two slots
      assert ((here != '0) == present_q);
      for (int unsigned i = 0; i < Slots; i++) begin
        if (here[i]) begin
          assert (dut.order_q[i].account == order_q.account);
          assert (dut.order_q[i].instrument == order_q.instrument);
          assert (dut.order_q[i].side == order_q.side);
          assert (dut.order_q[i].price == order_q.price);
          assert (dut.order_q[i].leaves == order_q.leaves);
        end
      end
      if (present_q) assert (order_q.leaves != '0);
      if (ours) begin
        assert (hit == present_q);
        if (present_q) begin
          assert (leaves == order_q.leaves);
          assert (keys_equal == (order_q.account == 16'(find_account_i)
              && order_q.instrument == find_instrument_i && order_q.side == side[1:0]));
        end
      end
      // Whatever is searched for: the order followed is among those that cross when it crosses.
      if (find_valid_i && present_q) begin
        assert (((crossing & here) != '0) == (order_q.instrument == find_instrument_i
            && order_q.side != side[1:0]
            && groups[16*order_q.account[0]+:16] == find_group_i
            && (find_market_i || (find_sell_i ? order_q.price >= find_limit_i
                                              : order_q.price <= find_limit_i))));
      end
      assert ((crossing & ~dut.valid_q) == '0);
      assert (any_crossing == (crossing != '0));
      if (!find_valid_i) assert (!hit && !any_crossing);
      assert (full == (dut.valid_q == '1));
      if (asked_valid_q && answer.valid && answer.id == watch_q && present_then_q) begin
        assert (answer == order_then_q);
      end
      cover (full && present_q && ours && lessen_i && !goes);
      cover (full && $past(full) && !hit && put_i && find_valid_i);
    end
  end

  // A followed order never has to be valid in account 2 and above: the harness puts none there.
  always_ff @(posedge clk_i) if (started_q && rst_ni && present_q) begin
    assert (order_q.account[15:1] == '0);
    assert (order_q.valid && order_q.id == watch_q);
  end

endmodule

`default_nettype wire
