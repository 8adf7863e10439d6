// The keyed release, whatever the host does: accesses and writes of the register are free.
`default_nettype none

module kill_release_proof (
  input wire logic        clk_i,
  input wire logic        rst_ni,
  input wire logic        access_i,
  input wire logic        write_i,
  input wire logic        whole_i,
  input wire logic [31:0] value_i
);

  localparam logic [31:0] Key = 32'h5AFE_C0DE;

  logic released, bad;

  kill_release dut (
    .clk_i, .rst_ni, .access_i, .write_i, .whole_i, .value_i, .release_o(released), .bad_o(bad)
  );

  // What the last access did, and the one before it, told by themselves.
  typedef enum logic [1:0] {Other, WroteKey} did_e;
  did_e last_q, before_q;
  logic started_q;
  logic pair;

  initial started_q = 1'b0;
  always_comb if (!started_q) assume (!rst_ni);
  // A write is part of an access that has begun; the guard lets in one at a time.
  always_comb assume (!(access_i && write_i));

  always_comb pair = write_i && whole_i && value_i == ~Key && before_q == WroteKey
                     && last_q == Other;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (!rst_ni) begin
      last_q   <= Other;
      before_q <= Other;
    end else if (access_i) begin
      before_q <= last_q;
      last_q   <= Other;
    end else if (write_i) begin
      last_q   <= whole_i && value_i == Key ? WroteKey : Other;
      before_q <= Other;  // one access writes once
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      assert (released == pair);
      assert (bad == (write_i && !pair && !(whole_i && value_i == Key)));
      cover (released);
      cover (bad && before_q == WroteKey);
    end
  end

endmodule

`default_nettype wire
