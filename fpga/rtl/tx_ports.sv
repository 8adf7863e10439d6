// The order-entry sessions: a template row each, and the numbers of TCP, IP and OUCH that go on
// with every frame.
// A row counts from the third cycle after its commit; a frame that has begun keeps what it began
// with.
`default_nettype none

module tx_ports
  import meltica_hot_pkg::*, meltica_card_pkg::*, order_tx_pkg::*;
#(
    parameter int unsigned Ports = 4
) (
    input  wire                  clk_i,
    input  wire                  rst_ni,
    input  wire                  row_valid_i,
    input  wire staged_row_t     row_i,  // FrameTemplate and TcpState; others are not looked at
    output logic                 bad_row_o,

    input  wire                  select_valid_i,   // never in the cycle of sent_valid_i
    input  wire  [7:0]           select_port_i,
    output logic                 known_o,  // from here on: of the port that was selected last
    output port_template_t       template_o,
    output port_state_t          state_o,
    output logic [15:0]          room_o,           // bytes that the venue still takes

    input  wire                  sent_valid_i,     // a frame of the selected port begins
    input  wire  [5:0]           sent_bytes_i,
    input  wire                  sent_number_i     // it used a UserRefNum
);

  localparam int unsigned IndexW = Ports > 1 ? $clog2(Ports) : 1;

  if (Ports < 1 || Ports > 256) $fatal(1, "Ports is not 1 to 256");

  // --- rows: looked at in the first cycle, summed in the second, written at its end ---

  logic look_q;
  frame_template_t row_q;
  tcp_state_t tcp_row;
  assign tcp_row = tcp_state_t'(row_q[$bits(tcp_state_t)-1:0]);

  logic is_template, is_tcp;
  logic template_good, tcp_good;
  assign is_template = row_q.type_id == FrameTemplateTypeId;
  assign is_tcp = row_q.type_id == TcpStateTypeId;
  assign template_good = 32'(row_q.port_id) < Ports && row_q.up <= 8'd1
      && row_q.destination_mac[63:48] == '0 && row_q.source_mac[63:48] == '0
      && printable(row_q.capacity) && printable(row_q.display) && printable(row_q.cross_type)
      && (row_q.firm == '0 || printable4(row_q.firm))
      && (row_q.client_order_prefix == '0 || (printable4(row_q.client_order_prefix[31:0])
      && printable4(row_q.client_order_prefix[63:32])));
  assign tcp_good = 32'(tcp_row.port_id) < Ports && tcp_row.up <= 8'd1;

  logic write_template_q, write_tcp_q;
  logic [IndexW-1:0] write_port_q;
  port_template_t write_q;
  port_state_t start_q;       // epoch: of the port until now

  logic [21:0] ip_terms, tcp_terms;
  assign ip_terms = 22'(16'h0045) + 22'(16'h0040) + 22'(16'h0640)
      + pair(swap32(row_q.source_ip)) + pair(swap32(row_q.destination_ip));
  assign tcp_terms = 22'(16'h0600) + 22'(16'h1850)
      + pair(swap32(row_q.source_ip)) + pair(swap32(row_q.destination_ip))
      + 22'(swap16(row_q.source_port)) + 22'(swap16(row_q.destination_port));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      look_q <= 1'b0;
      write_template_q <= 1'b0;
      write_tcp_q <= 1'b0;
      bad_row_o <= 1'b0;
    end else begin
      look_q <= row_valid_i;
      write_template_q <= look_q && is_template && template_good;
      write_tcp_q <= look_q && is_tcp && tcp_good;
      bad_row_o <= look_q && ((is_template && !template_good) || (is_tcp && !tcp_good));
    end
  end

  always_ff @(posedge clk_i) begin
    if (row_valid_i) row_q <= frame_template_t'(row_i[$bits(frame_template_t)-1:0]);
    if (look_q) begin
      write_port_q <= row_q.port_id[IndexW-1:0];
      write_q.destination_mac <= row_q.destination_mac[47:0];
      write_q.source_mac <= row_q.source_mac[47:0];
      write_q.source_ip <= row_q.source_ip;
      write_q.destination_ip <= row_q.destination_ip;
      write_q.source_port <= row_q.source_port;
      write_q.destination_port <= row_q.destination_port;
      write_q.vlan <= row_q.vlan;
      write_q.client_order_prefix <= row_q.client_order_prefix;
      write_q.firm <= row_q.firm;
      write_q.capacity <= row_q.capacity;
      write_q.display <= row_q.display;
      write_q.cross_type <= row_q.cross_type;
      write_q.ip_sum <= fold(ip_terms);
      write_q.tcp_sum <= fold(tcp_terms);
      start_q <= '0;
      start_q.up <= is_template ? row_q.up[0] : tcp_row.up[0];
      start_q.acknowledgment_number <= is_template ? row_q.acknowledgment_number
                                                   : tcp_row.acknowledgment_number;
      start_q.window <= is_template ? row_q.window : tcp_row.window;
      start_q.peer_window <= is_template ? '0 : tcp_row.peer_window;
      start_q.acknowledged <= is_template ? row_q.sequence_number : tcp_row.acknowledged;
      start_q.sequence_number <= row_q.sequence_number;
      start_q.user_ref_num <= row_q.user_ref_num;
    end
  end

  // --- the ports ---

  port_template_t template_q [Ports];
  port_state_t state_q [Ports];
  logic [Ports-1:0] set_q;          // has had a template

  logic [IndexW-1:0] selected_q;
  port_state_t current;              // of the port that is written
  port_state_t begun, heard;        // after the row of each kind

  logic [31:0] next_number;         // with that of a frame that begins in this cycle
  assign next_number = current.user_ref_num
      + 32'(sent_valid_i && sent_number_i && selected_q == write_port_q);

  always_comb begin
    current = state_q[write_port_q];
    begun = start_q;
    begun.epoch = set_q[write_port_q] ? current.epoch : '0;
    // Numbers that begin again (a new day): what the table knows of the old ones is unknown from
    // now on.
    if (set_q[write_port_q] && (next_number == '0 || start_q.user_ref_num < next_number))
      begun.epoch = current.epoch + 1'b1;
    heard = current;
    heard.up = start_q.up;
    heard.acknowledgment_number = start_q.acknowledgment_number;
    heard.window = start_q.window;
    heard.peer_window = start_q.peer_window;
    heard.acknowledged = start_q.acknowledged;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      set_q <= '0;
    end else begin
      if (write_template_q) set_q[write_port_q] <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (sent_valid_i) begin
      state_q[selected_q].sequence_number <= state_o.sequence_number + 32'(sent_bytes_i);
      state_q[selected_q].identification <= state_o.identification + 1'b1;
      if (sent_number_i) state_q[selected_q].user_ref_num <= state_o.user_ref_num + 1'b1;
    end
    if (write_template_q) begin
      template_q[write_port_q] <= write_q;
      state_q[write_port_q] <= begun;
    end else if (write_tcp_q && set_q[write_port_q]) begin
      state_q[write_port_q].up <= heard.up;
      state_q[write_port_q].acknowledgment_number <= heard.acknowledgment_number;
      state_q[write_port_q].window <= heard.window;
      state_q[write_port_q].peer_window <= heard.peer_window;
      state_q[write_port_q].acknowledged <= heard.acknowledged;
    end
  end

  // --- the port of the order at the head: a row that is written in this cycle counts already ---

  logic [IndexW-1:0] select_index;
  logic same_port;
  port_state_t chosen;
  logic [31:0] in_flight;

  assign select_index = select_port_i[IndexW-1:0];
  assign same_port = select_index == write_port_q;
  always_comb begin
    chosen = state_q[select_index];
    if (write_template_q && same_port) chosen = begun;
    else if (write_tcp_q && same_port) chosen = heard;
  end
  assign in_flight = chosen.sequence_number - chosen.acknowledged;

  always_ff @(posedge clk_i) begin
    if (select_valid_i) begin
      selected_q <= select_index;
      known_o <= 32'(select_port_i) < Ports && (set_q[select_index]
          || (write_template_q && same_port));
      template_o <= write_template_q && same_port ? write_q : template_q[select_index];
      state_o <= chosen;
      room_o <= in_flight <= 32'(chosen.peer_window) ? chosen.peer_window - in_flight[15:0] : '0;
    end
  end

  logic unused_row;
  assign unused_row = &{1'b0, row_i, row_q, tcp_row};

endmodule

`default_nettype wire
