// Stands before the register block: one access at a time, so that "the next access" means something;
// an address that is not aligned becomes one where nothing is.
`default_nettype none

module axil_guard #(
  parameter logic [15:0] Nowhere = 16'hFFFC
) (
  input  wire logic        clk_i,
  input  wire logic        rst_ni,

  input  wire logic        s_axil_awvalid,
  output logic             s_axil_awready,
  input  wire logic [15:0] s_axil_awaddr,
  input  wire logic        s_axil_wvalid,
  output logic             s_axil_wready,
  input  wire logic [31:0] s_axil_wdata,
  input  wire logic [3:0]  s_axil_wstrb,
  output logic             s_axil_bvalid,
  input  wire logic        s_axil_bready,
  output logic [1:0]       s_axil_bresp,
  input  wire logic        s_axil_arvalid,
  output logic             s_axil_arready,
  input  wire logic [15:0] s_axil_araddr,
  output logic             s_axil_rvalid,
  input  wire logic        s_axil_rready,
  output logic [31:0]      s_axil_rdata,
  output logic [1:0]       s_axil_rresp,

  output logic             m_axil_awvalid,
  input  wire logic        m_axil_awready,
  output logic [15:0]      m_axil_awaddr,
  output logic             m_axil_wvalid,
  input  wire logic        m_axil_wready,
  output logic [31:0]      m_axil_wdata,
  output logic [3:0]       m_axil_wstrb,
  input  wire logic        m_axil_bvalid,
  output logic             m_axil_bready,
  input  wire logic [1:0]  m_axil_bresp,
  output logic             m_axil_arvalid,
  input  wire logic        m_axil_arready,
  output logic [15:0]      m_axil_araddr,
  input  wire logic        m_axil_rvalid,
  output logic             m_axil_rready,
  input  wire logic [31:0] m_axil_rdata,
  input  wire logic [1:0]  m_axil_rresp,

  output logic             access_o,  // pulse: an access begins
  output logic             whole_o,   // the last write had all four bytes
  output logic             error_o    // pulse: an access was answered with an error
);

  logic busy_q;        // from the cycle after its beginning to that of its answer
  logic was_write_q;   // reads and writes take turns
  logic write;
  logic read;
  logic answered;

  always_comb begin
    write = !busy_q && s_axil_awvalid && s_axil_wvalid && m_axil_awready && m_axil_wready
            && !(was_write_q && s_axil_arvalid);
    read  = !busy_q && s_axil_arvalid && m_axil_arready && !write;

    m_axil_awvalid = write;
    m_axil_wvalid  = write;
    m_axil_arvalid = read;
    s_axil_awready = write;
    s_axil_wready  = write;
    s_axil_arready = read;
    m_axil_awaddr  = s_axil_awaddr[1:0] == '0 ? s_axil_awaddr : Nowhere;
    m_axil_araddr  = s_axil_araddr[1:0] == '0 ? s_axil_araddr : Nowhere;
    m_axil_wdata   = s_axil_wdata;
    m_axil_wstrb   = s_axil_wstrb;

    s_axil_bvalid = m_axil_bvalid;
    s_axil_bresp  = m_axil_bresp;
    m_axil_bready = s_axil_bready;
    s_axil_rvalid = m_axil_rvalid;
    s_axil_rdata  = m_axil_rdata;
    s_axil_rresp  = m_axil_rresp;
    m_axil_rready = s_axil_rready;

    answered = (m_axil_bvalid && s_axil_bready) || (m_axil_rvalid && s_axil_rready);
    error_o  = (m_axil_bvalid && s_axil_bready && m_axil_bresp != '0)
               || (m_axil_rvalid && s_axil_rready && m_axil_rresp != '0);
    access_o = write || read;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q      <= 1'b0;
      was_write_q <= 1'b0;
      whole_o     <= 1'b0;
    end else begin
      if (access_o) busy_q <= 1'b1;
      else if (answered) busy_q <= 1'b0;
      if (write) begin
        was_write_q <= 1'b1;
        whole_o     <= &s_axil_wstrb;
      end else if (read) begin
        was_write_q <= 1'b0;
      end
    end
  end

endmodule

`default_nettype wire
