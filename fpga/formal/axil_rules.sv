// The rules of AXI4-Lite at a slave: the host's side is assumed, ours is asserted.
`default_nettype none

module axil_rules #(
  parameter int unsigned AddrW   = 16,
  // Cycles until an access that the host does not delay is answered
  parameter int unsigned MaxWait = 16
) (
  input wire logic             clk_i,
  input wire logic             rst_ni,

  input wire logic             awvalid_i,
  input wire logic             awready_i,
  input wire logic [AddrW-1:0] awaddr_i,
  input wire logic             wvalid_i,
  input wire logic             wready_i,
  input wire logic [31:0]      wdata_i,
  input wire logic [3:0]       wstrb_i,
  input wire logic             bvalid_i,
  input wire logic             bready_i,
  input wire logic [1:0]       bresp_i,
  input wire logic             arvalid_i,
  input wire logic             arready_i,
  input wire logic [AddrW-1:0] araddr_i,
  input wire logic             rvalid_i,
  input wire logic             rready_i,
  input wire logic [31:0]      rdata_i,
  input wire logic [1:0]       rresp_i
);

  localparam int unsigned CountW = 5;
  localparam logic [1:0] ExOkay = 2'b01;

  // What was offered and not taken must stand there unchanged.
  logic aw_q, w_q, b_q, ar_q, r_q;
  logic [AddrW-1:0] awaddr_q, araddr_q;
  logic [31:0] wdata_q, rdata_q;
  logic [3:0] wstrb_q;
  logic [1:0] bresp_q, rresp_q;

  // Accesses that have been taken and not answered.
  logic [CountW-1:0] addresses_q, values_q, reads_q;
  // Cycles in which an answer was owed, and the host held nothing back.
  logic [31:0] write_wait_q, read_wait_q;
  logic write_owed, read_owed;

  always_comb begin
    write_owed = (addresses_q != '0 || awvalid_i) && (values_q != '0 || wvalid_i);
    read_owed  = reads_q != '0 || arvalid_i;
  end

  always_ff @(posedge clk_i) begin
    {aw_q, w_q, ar_q} <= {3{rst_ni}} & {awvalid_i && !awready_i, wvalid_i && !wready_i,
                                        arvalid_i && !arready_i};
    {b_q, r_q} <= {2{rst_ni}} & {bvalid_i && !bready_i, rvalid_i && !rready_i};
    {awaddr_q, araddr_q, wdata_q, wstrb_q} <= {awaddr_i, araddr_i, wdata_i, wstrb_i};
    {bresp_q, rdata_q, rresp_q} <= {bresp_i, rdata_i, rresp_i};
    if (!rst_ni) begin
      addresses_q  <= '0;
      values_q     <= '0;
      reads_q      <= '0;
      write_wait_q <= '0;
      read_wait_q  <= '0;
    end else begin
      addresses_q  <= addresses_q + CountW'(awvalid_i && awready_i) - CountW'(bvalid_i && bready_i);
      values_q     <= values_q + CountW'(wvalid_i && wready_i) - CountW'(bvalid_i && bready_i);
      reads_q      <= reads_q + CountW'(arvalid_i && arready_i) - CountW'(rvalid_i && rready_i);
      write_wait_q <= write_owed && !bvalid_i ? write_wait_q + 1 : '0;
      read_wait_q  <= read_owed && !rvalid_i ? read_wait_q + 1 : '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      if (aw_q) assume (awvalid_i && awaddr_i == awaddr_q);
      if (w_q) assume (wvalid_i && wdata_i == wdata_q && wstrb_i == wstrb_q);
      if (ar_q) assume (arvalid_i && araddr_i == araddr_q);
      if (b_q) assert (bvalid_i && bresp_i == bresp_q);
      if (r_q) assert (rvalid_i && rdata_i == rdata_q && rresp_i == rresp_q);
      if (bvalid_i) assert (addresses_q != '0 && values_q != '0 && bresp_i != ExOkay);
      if (rvalid_i) assert (reads_q != '0 && rresp_i != ExOkay);
      // The slave takes no more than it can hold
      assert (addresses_q != '1 && values_q != '1 && reads_q != '1);
      assert (write_wait_q < MaxWait);
      assert (read_wait_q < MaxWait);
      cover (bvalid_i && bready_i && bresp_i == 2'b00);
      cover (rvalid_i && rready_i && rresp_i == 2'b00);
      cover (b_q && bready_i);
      cover (r_q && rready_i);
    end
  end

endmodule

`default_nettype wire
