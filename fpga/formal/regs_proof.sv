// The host's port of the card: the guard and the whole register block behind it. The host is free, within the rules.
`default_nettype none

module regs_proof (
  input wire logic        clk_i,
  input wire logic        rst_ni,
  input wire logic        awvalid_i,
  input wire logic [15:0] awaddr_i,
  input wire logic        wvalid_i,
  input wire logic [31:0] wdata_i,
  input wire logic [3:0]  wstrb_i,
  input wire logic        bready_i,
  input wire logic        arvalid_i,
  input wire logic [15:0] araddr_i,
  input wire logic        rready_i,
  input wire logic        kill_pin_i
);

  logic awready, wready, bvalid, arready, rvalid;
  logic [1:0] bresp, rresp;
  logic [31:0] rdata;
  logic killed;

  regs #(
    .AuditDepth(2), .EventCounters(4), .Segments(1), .StatusWords(1)
  ) dut (
    .clk_i, .rst_ni, .now_ns_i('0),
    .s_axil_awvalid(awvalid_i), .s_axil_awready(awready), .s_axil_awaddr(awaddr_i),
    .s_axil_awprot('0), .s_axil_wvalid(wvalid_i), .s_axil_wready(wready), .s_axil_wdata(wdata_i),
    .s_axil_wstrb(wstrb_i), .s_axil_bvalid(bvalid), .s_axil_bready(bready_i),
    .s_axil_bresp(bresp), .s_axil_arvalid(arvalid_i), .s_axil_arready(arready),
    .s_axil_araddr(araddr_i), .s_axil_arprot('0), .s_axil_rvalid(rvalid),
    .s_axil_rready(rready_i), .s_axil_rdata(rdata), .s_axil_rresp(rresp),
    .kill_pin_i, .gate_engage_i(1'b0), .gate_killed_i(1'b0), .killed_o(killed), .release_o(),
    .leased_o(), .unit_nanos_o(), .cfg_valid_o(), .cfg_row_o(), .told_valid_o(),
    .told_ready_i(1'b1), .told_row_o(), .answer_valid_i(1'b0), .answer_i('0),
    .gate_query_valid_o(), .gate_query_table_o(), .gate_query_row_o(), .gate_query_column_o(),
    .gate_query_done_i(1'b0), .gate_query_value_i('0), .book_query_valid_o(),
    .book_query_locate_o(), .book_query_done_i(1'b0), .book_query_answer_i('0),
    .verdict_valid_i(1'b0), .verdict_i('0), .verdict_order_i('0), .verdict_value_i('0),
    .purged_valid_i(1'b0), .purged_order_i('0), .event_i('0), .latency_valid_i('0),
    .latency_cycles_i('0), .word_i('0), .status_i('0), .init_done_i(1'b1)
  );

  axil_rules #(
    .AddrW(16), .MaxWait(8)
  ) rules (
    .clk_i, .rst_ni, .awvalid_i, .awready_i(awready), .awaddr_i, .wvalid_i, .wready_i(wready),
    .wdata_i, .wstrb_i, .bvalid_i(bvalid), .bready_i, .bresp_i(bresp), .arvalid_i,
    .arready_i(arready), .araddr_i, .rvalid_i(rvalid), .rready_i, .rdata_i(rdata), .rresp_i(rresp)
  );

  logic started_q;
  // The host has left an answer for a cycle: that holds up what comes after it
  logic stalled_q;
  logic [1:0] inside_q;  // accesses that have been taken and not answered

  initial started_q = 1'b0;
  always_comb if (!started_q) assume (!rst_ni);
  always_comb if (started_q) assume (rst_ni);
  always_comb if (started_q && stalled_q) assume (bready_i && rready_i);

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    stalled_q <= rst_ni && ((bvalid && !bready_i) || (rvalid && !rready_i));
    if (!rst_ni) begin
      inside_q <= '0;
    end else begin
      inside_q <= inside_q + 2'(awready && awvalid_i) + 2'(arready && arvalid_i)
                  - 2'(bvalid && bready_i) - 2'(rvalid && rready_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (inside_q <= 2'd1);
      // Within these cycles no token can come and no release: the watchdog holds it.
      assert (killed);
    end
  end

endmodule

`default_nettype wire
