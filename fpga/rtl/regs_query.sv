// One question at a time to a block that answers later.
`default_nettype none

module regs_query #(
    parameter int unsigned Width = 64
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input  wire logic             ask_i,      // pulse
    output logic                  valid_o,    // pulse, in its cycle; not while an answer is awaited
    output logic                  refused_o,  // pulse instead
    output logic                  busy_o,
    input  wire logic             done_i,     // the answer is there
    input  wire logic [Width-1:0] value_i,
    output logic      [Width-1:0] value_o     // the last answer
);

  always_comb begin
    valid_o   = ask_i && !busy_o;
    refused_o = ask_i && busy_o;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_o  <= 1'b0;
      value_o <= '0;
    end else begin
      if (done_i && (busy_o || valid_o)) begin
        busy_o  <= 1'b0;
        value_o <= value_i;
      end else if (valid_o) begin
        busy_o <= 1'b1;
      end
    end
  end

endmodule

`default_nettype wire
