// One pushed order is followed, whichever it is: it is found and read back until Depth younger ones have pushed it out.
`default_nettype none

module recent_orders_proof
  import meltica_card_pkg::*;
(
  input wire logic             clk_i,
  input wire logic             rst_ni,
  input wire logic             find_valid_i,
  input wire logic      [ 1:0] find_account_i,
  input wire logic             instrument_i,
  input wire logic      [ 1:0] find_side_i,
  input wire logic             lots_i,
  input wire logic             price_i,
  input wire logic      [ 2:0] time_i,
  input wire logic      [ 2:0] window_i,
  input wire logic             push_i,
  input wire logic      [ 1:0] query_slot_i,
  input wire logic             pick_i
);

  localparam int unsigned Accounts = 2;
  localparam int unsigned Depth = 3;

  // Few values of each: the ring does not count with them, and time is only subtracted.
  logic [15:0] instrument;
  logic [19:0] lots;
  ticks_t price;
  time_ns_t now, window;

  always_comb begin
    instrument = 16'(instrument_i);
    lots       = 20'(lots_i);
    price      = ticks_t'(price_i);
    now        = 64'(time_i);
    window     = 64'(window_i);
  end

  logic duplicate;
  recent_order_t answer;
  logic [15:0] account_q;  // whose order is followed

  recent_orders #(
    .Accounts(Accounts),
    .Depth(Depth)
  ) dut (
    .clk_i, .rst_ni, .find_valid_i, .find_account_i(16'(find_account_i)),
    .find_instrument_i(32'(instrument)), .find_side_i(8'(find_side_i)), .find_lots_i(lots),
    .find_price_i(price), .find_time_i(now), .window_i(window), .duplicate_o(duplicate), .push_i,
    .query_account_i(account_q), .query_slot_i, .query_o(answer)
  );

  logic started_q;
  initial started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (push_i) assume (find_account_i < 2'(Accounts));
  end

  logic [1:0] inside_q;  // orders that the account's ring holds
  logic watched_q;
  logic [1:0] older_q, younger_q;
  recent_order_t order_q, found;
  logic pushes;

  always_comb pushes = find_valid_i && push_i && 16'(find_account_i) == account_q;
  always_comb found = '{
    valid: 1'b1, instrument: instrument, side: find_side_i, lots: lots,
    price: price, time_ns: now
  };

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      account_q <= 16'(find_account_i[0]);
      inside_q  <= '0;
      watched_q <= 1'b0;
    end else if (pushes) begin
      if (inside_q != 2'(Depth)) inside_q <= inside_q + 2'd1;
      if (!watched_q && pick_i) begin
        watched_q <= 1'b1;
        younger_q <= '0;
        older_q   <= inside_q == 2'(Depth) ? inside_q - 2'd1 : inside_q;
        order_q   <= found;
      end else if (watched_q) begin
        younger_q <= younger_q + 2'd1;
        if (inside_q == 2'(Depth)) begin
          older_q   <= older_q - 2'd1;
          watched_q <= older_q != '0;
        end
      end
    end
  end

  logic same, asked_q;
  logic [1:0] inside_then_q;
  recent_order_t order_then_q;

  always_comb same = find_valid_i && 16'(find_account_i) == account_q
      && instrument == order_q.instrument && find_side_i == order_q.side
      && lots == order_q.lots && price == order_q.price && window != '0
      && (now <= order_q.time_ns || now - order_q.time_ns < window);

  always_ff @(posedge clk_i) begin
    asked_q       <= rst_ni && watched_q && query_slot_i == older_q;
    inside_then_q <= inside_q;
    order_then_q  <= order_q;
  end

  logic [1:0] slot_then_q;
  always_ff @(posedge clk_i) slot_then_q <= query_slot_i;

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      if (watched_q && same) assert (duplicate);
      if (duplicate) assert (find_valid_i && window != '0 && find_account_i < 2'(Accounts));
      if ($past(rst_ni)) assert (answer.valid == (slot_then_q < inside_then_q));
      if (asked_q) assert (answer == order_then_q);
      cover (watched_q && younger_q == 2'd2 && inside_q == 2'(Depth) && same);
      cover (asked_q && inside_then_q == 2'(Depth) && slot_then_q == 2'd1);
    end
  end

endmodule

`default_nettype wire
