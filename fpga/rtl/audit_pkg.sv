// Audit records as the card makes them; the sequence number is the place where they are written's affair.
`default_nettype none

package audit_pkg;
  import meltica_hot_pkg::*;

  // An Audit record leaves out some of what an order and a verdict say.
  /* verilator lint_off UNUSEDSIGNAL */
  function automatic audit_t audit_of_order(input audit_kind_e kind, input logic [63:0] time_ns,
                                            input order_intent_t order);
    audit_t made;
    made               = '0;
    made.type_id       = AuditTypeId;
    made.kind          = kind;
    made.time_ns       = time_ns;
    made.action        = order.action;
    made.side          = order.side;
    made.port_id       = order.port_id;
    made.order_type    = order.order_type;
    made.instrument_id = order.instrument_id;
    made.account_id    = order.account_id;
    made.strategy_id   = order.strategy_id;
    made.order_id      = order.order_id;
    made.price_ticks   = order.price_ticks;
    made.quantity_lots = order.quantity_lots;
    return made;
  endfunction

  function automatic audit_t audit_of_verdict(input logic [63:0] time_ns, input verdict_t verdict,
                                              input order_intent_t order, input logic [63:0] value);
    audit_t made;
    logic   passed;
    passed = verdict.reason == ReasonPass[7:0];
    made = audit_of_order(passed ? AuditKindPassed : AuditKindRefused, time_ns, order);
    made.reason = verdict.reason;
    made.fired_mask = verdict.fired_mask;
    made.reserved_price_ticks = verdict.reserved_price_ticks;
    made.value = value;
    return made;
  endfunction
  /* verilator lint_on UNUSEDSIGNAL */

  function automatic audit_t audit_of_event(input audit_kind_e kind, input logic [63:0] time_ns,
                                            input logic [7:0] reason, input logic [63:0] value);
    audit_t made;
    made         = '0;
    made.type_id = AuditTypeId;
    made.kind    = kind;
    made.time_ns = time_ns;
    made.reason  = reason;
    made.value   = value;
    return made;
  endfunction

endpackage

`default_nettype wire
