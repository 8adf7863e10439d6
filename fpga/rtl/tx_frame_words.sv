// One frame, as bytes: Ethernet with or without 802.1Q, IPv4, TCP (PSH, ACK), SoupBinTCP 'U', OUCH
// 5.0. Combinational.
// Both checksums are 0 here; they are put in while the words leave.
`default_nettype none

module tx_frame_words
  import meltica_hot_pkg::*, order_tx_pkg::*;
(
    input  wire order_intent_t  order_i,
    input  wire port_template_t template_i,
    input  wire port_state_t    state_i,
    input  wire table_entry_t   entry_i,      // REPLACE, CANCEL: what is known of the order
    input  wire  [63:0]         symbol_i,
    output logic [20:0]         shares_o,     // REPLACE: of the whole chain
    output logic [5:0]          payload_bytes_o,
    output logic [6:0]          frame_bytes_o,
    output logic [FrameW-1:0]   frame_o
);

  // --- OUCH ---

  logic has_firm, post_only, is_iso, pending;
  logic [71:0] elements;
  logic [15:0] element_bytes;
  logic [63:0] price;
  logic [7:0] side, tif;
  logic [111:0] id_text;

  assign has_firm = template_i.firm != '0;
  assign post_only = |(order_i.flags & FlagPostOnly);
  assign is_iso = |(order_i.flags & FlagIso);
  assign pending = entry_i.pending != '0;

  always_comb begin
    elements = '0;
    element_bytes = 16'd0;
    if (has_firm) begin
      elements[47:0] = {template_i.firm, 8'h02, 8'h05};  // tag 2 and four bytes
      element_bytes = 16'(FirmBytes);
    end
    if (post_only) begin
      if (has_firm) elements[71:48] = {8'h50, 8'h0C, 8'h02};  // tag 12 and 'P'
      else elements[23:0] = {8'h50, 8'h0C, 8'h02};
      element_bytes = element_bytes + 16'(PostOnlyBytes);
    end
  end

  assign price = order_i.order_type == OrderTypeMarket ? MarketPrice : 64'(order_i.price_ticks);
  assign id_text = cl_ord_id(order_i.order_id, template_i.client_order_prefix);
  assign tif = (order_i.action == ActionReplace ? entry_i.ioc : order_i.tif == TimeInForceIoc)
      ? 8'h33 : 8'h30;
  always_comb begin
    if (order_i.side == SideBuy) side = 8'h42;                       // B
    else if (|(order_i.flags & FlagShortExempt)) side = 8'h45;       // E
    else if (|(order_i.flags & FlagShort)) side = 8'h54;             // T
    else side = 8'h53;                                               // S
  end

  assign shares_o = 21'(order_i.quantity_lots[19:0])
      + (order_i.action == ActionReplace ? 21'(entry_i.executed_lots) : 21'd0);

  logic [8*PayloadBytes-1:0] payload;
  logic [95:0] cancel_first, cancel_second;
  assign cancel_first = {32'd0, swap32(entry_i.user_ref_num), 8'h58, 8'h55, swap16(16'd10)};
  assign cancel_second = {32'd0, swap32(entry_i.pending), 8'h58, 8'h55, swap16(16'd10)};

  always_comb begin
    unique case (order_i.action)
      ActionNew: begin
        payload = {
          elements, swap16(element_bytes), id_text, template_i.cross_type, is_iso ? 8'h59 : 8'h4E,
          template_i.capacity, template_i.display, tif, swap64(price), symbol_i,
          swap32(32'(shares_o)), side, swap32(state_i.user_ref_num), 8'h4F,
          8'h55, swap16(16'(EnterBytes) - 16'd2 + element_bytes)
        };
        payload_bytes_o = EnterBytes + element_bytes[5:0];
      end
      ActionReplace: begin
        payload = {
          128'd0, 16'd0, id_text, entry_i.iso ? 8'h59 : 8'h4E, template_i.display, tif,
          swap64(price),
          swap32(32'(shares_o)), swap32(state_i.user_ref_num), swap32(entry_i.user_ref_num), 8'h55,
          8'h55, swap16(16'(ReplaceBytes) - 16'd2)
        };
        payload_bytes_o = ReplaceBytes;
      end
      default: begin
        // A replace may be on its way: whichever of the two numbers works is cancelled.
        payload = {280'd0, pending ? cancel_second : 96'd0, cancel_first};
        payload_bytes_o = pending ? CancelBytes + CancelBytes : CancelBytes;
      end
    endcase
  end

  // --- around it ---

  logic is_tagged;
  logic [319:0] ip_tcp;
  logic [95:0] addresses;
  assign is_tagged = template_i.vlan != '0;
  assign ip_tcp = {
    16'd0, 16'd0, swap16(state_i.window), 8'h18, 8'h50, swap32(state_i.acknowledgment_number),
    swap32(state_i.sequence_number), swap16(template_i.destination_port),
    swap16(template_i.source_port),
    swap32(template_i.destination_ip), swap32(template_i.source_ip), 16'd0, 8'd6, 8'd64, 16'h0040,
    swap16(state_i.identification), swap16(16'd40 + 16'(payload_bytes_o)), 8'h00, 8'h45
  };
  assign addresses = {swap48(template_i.source_mac), swap48(template_i.destination_mac)};
  assign frame_o = is_tagged
      ? {88'd0, payload, ip_tcp, 16'h0008, swap16(template_i.vlan), 16'h0081, addresses}
      : {120'd0, payload, ip_tcp, 16'h0008, addresses};
  assign frame_bytes_o = 7'(HeaderBytes) + (is_tagged ? 7'(TagBytes) : 7'd0) + 7'(payload_bytes_o);

  logic unused_fields;
  assign unused_fields = &{1'b0, order_i, template_i, state_i, entry_i};

endmodule

`default_nettype wire
