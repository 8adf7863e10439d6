// The last orders of each account that passed, for DUPLICATE_ORDER: compared with one order in one cycle.
// fpga/docs/recent_orders.md has the contract; duplicate_order in meltica/hot/rules_twin.py is the judge.
`default_nettype none

module recent_orders
  import meltica_card_pkg::*;
#(
    parameter int unsigned Accounts = 64,
    parameter int unsigned Depth = 16,
    localparam int unsigned SlotW = Depth > 1 ? $clog2(Depth) : 1
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    // Search: combinational. An order whose lots or price do not fit is no duplicate: leave
    // find_valid_i at 0.
    input  wire logic                  find_valid_i,
    input  wire logic [          15:0] find_account_i,
    input  wire logic [          31:0] find_instrument_i,
    input  wire logic [           7:0] find_side_i,
    input  wire logic [OrderLotsW-1:0] find_lots_i,
    input  wire ticks_t                find_price_i,       // MARKET: 0
    input  wire time_ns_t              find_time_i,
    input  wire logic [          63:0] window_i,           // ns; 0: nothing is a duplicate
    output logic                       duplicate_o,

    // At the end of a cycle with find_valid_i: the order above is one of the last; the oldest
    // falls out.
    input wire logic push_i,

    // Slot 0 is the oldest order that is still held.
    input  wire logic     [     15:0] query_account_i,
    input  wire logic     [SlotW-1:0] query_slot_i,
    output recent_order_t             query_o           // one cycle later
);

  if (Accounts < 1 || Accounts > 65536) $fatal(1, "Accounts is not within 1..65536");
  if (Depth < 1 || Depth > 64) $fatal(1, "Depth is not within 1..64");

  localparam int unsigned AccountW = Accounts > 1 ? $clog2(Accounts) : 1;
  localparam int unsigned CountW = $clog2(Depth + 1);

  // An account's orders lie side by side, so that one read finds them all. What is beyond its
  // count was never written.
  recent_order_t [Depth-1:0] ring_q[Accounts];
  logic [CountW-1:0] count_q[Accounts];
  logic [SlotW-1:0] next_q[Accounts];  // where the next order goes: with a full ring, the oldest

  // --- search ---

  logic                known;
  logic [AccountW-1:0] account;

  assign known   = 32'(find_account_i) < Accounts;
  assign account = AccountW'(find_account_i);

  always_comb begin
    duplicate_o = 1'b0;
    if (find_valid_i && known) begin
      automatic recent_order_t [Depth-1:0] ring = ring_q[account];
      for (int unsigned slot = 0; slot < Depth; slot++) begin
        if (slot < 32'(count_q[account])
            && 32'(ring[slot].instrument) == find_instrument_i
            && 8'(ring[slot].side) == find_side_i
            && ring[slot].lots == find_lots_i
            && ring[slot].price == find_price_i
            && window_i != '0
            && (find_time_i <= ring[slot].time_ns
                || find_time_i - ring[slot].time_ns < window_i)) begin
          duplicate_o = 1'b1;
        end
      end
    end
  end

  // --- write ---

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      for (int unsigned i = 0; i < Accounts; i++) begin
        count_q[i] <= '0;
        next_q[i]  <= '0;
      end
    end else if (find_valid_i && push_i && known) begin
      ring_q[account][next_q[account]] <= '{
          valid: 1'b1,
          instrument: find_instrument_i[InstrumentW-1:0],
          side: find_side_i[1:0],
          lots: find_lots_i,
          price: find_price_i,
          time_ns: find_time_i
      };
      next_q[account] <= 32'(next_q[account]) == Depth - 1 ? '0 : next_q[account] + 1'b1;
      if (32'(count_q[account]) != Depth) begin
        count_q[account] <= count_q[account] + 1'b1;
      end
    end
  end

  // --- query ---

  logic [AccountW-1:0] query_account;
  logic  [CountW-1:0] query_count;
  logic         [7:0] query_at;

  assign query_account = AccountW'(query_account_i);
  assign query_count   = count_q[query_account];

  // The oldest lies at 0 until the ring is full, then where the next order goes.
  always_comb begin
    query_at = 8'(query_slot_i);
    if (32'(query_count) == Depth) query_at = query_at + 8'(next_q[query_account]);
    if (32'(query_at) >= Depth) query_at = query_at - 8'(Depth);
  end

  always_ff @(posedge clk_i) begin
    query_o <= ring_q[query_account][query_at[SlotW-1:0]];
    query_o.valid <= 32'(query_account_i) < Accounts && 32'(query_slot_i) < 32'(query_count);
  end

`ifndef SYNTHESIS
  // At time 0 a simulation may see an edge before anybody has driven anything.
  always_ff @(posedge clk_i) begin
    if (rst_ni && $time != 0 && find_valid_i && push_i) begin
      assert (known);
      assert (find_instrument_i[31:InstrumentW] == '0);
      assert (find_side_i[7:2] == '0);
    end
  end
`endif

endmodule

`default_nettype wire
