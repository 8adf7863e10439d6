// The keyed release: the key, and its complement in the very next access of the host.
`default_nettype none

module kill_release #(
    parameter logic [31:0] Key = 32'h5AFE_C0DE
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic access_i,  // pulse: an access begins, a read or a write, whatever its address
    input wire logic write_i,  // pulse, after that of its access: it wrote the release register
    input wire logic whole_i,  // with all four bytes
    input wire logic [31:0] value_i,

    output logic release_o,  // pulse, in the cycle of write_i
    output logic bad_o       // pulse: neither the key nor its complement in time
);

  logic armed_q;  // the last access wrote the key
  logic primed_q;  // the access before this one did
  logic is_key;

  always_comb begin
    is_key    = whole_i && value_i == Key;
    release_o = write_i && primed_q && whole_i && value_i == ~Key;
    bad_o     = write_i && !is_key && !release_o;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      armed_q  <= 1'b0;
      primed_q <= 1'b0;
    end else if (access_i) begin
      armed_q  <= 1'b0;
      primed_q <= armed_q;
    end else if (write_i) begin
      armed_q  <= is_key;
      primed_q <= 1'b0;
    end
  end

endmodule

`default_nettype wire
