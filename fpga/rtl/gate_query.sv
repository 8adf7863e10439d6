// Reading the gate's tables: a query passes through the pipeline like an order, so it sees what was
// told and judged before it and nothing after. The columns are numbered as in
// meltica.hot.state.COLUMNS; fpga/docs/risk_gate.md.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of records and rows, each block takes some fields
module gate_query
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Accounts = 4,
    parameter int unsigned Strategies = 256,
    parameter int unsigned Ports = 8,
    parameter int unsigned WorkingOrders = 64,
    parameter int unsigned DuplicateDepth = 16,
    parameter int unsigned FutureToleranceNs = 1_000_000
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    // Stage 1: what is set.
    input wire logic              valid1_i,
    input wire query_key_t        key1_i,
    input wire rows_t             rows1_i,
    input wire logic       [31:0] unit_nanos_i,
    input wire logic       [31:0] market_dropped_i,

    // Stage 2: what moves.
    input wire logic                    valid2_i,
    input wire query_key_t              key2_i,
    input wire states_t                 states_i,
    input wire rows_t                   rows2_i,
    input wire logic                    killed_i,
    input wire time_ns_t                lease_until_ns_i,
    input wire logic       [      63:0] faults_i,
    input wire logic       [  DayW-1:0] day_i,
    input wire logic       [ValueW-1:0] sat_units_i,

    // One cycle later.
    input wire own_order_t    own_order_i,
    input wire recent_order_t recent_i,

    output logic        done_o,
    output logic [63:0] value_o
);

  function automatic logic [63:0] metered(logic [7:0] column, meter_t meter, bucket_t bucket);
    unique case (column)
      8'd1: return 64'(meter.known);
      8'd2: return 64'(meter.rate);
      8'd3: return 64'(meter.burst);
      8'd4: return 64'(bucket_tokens(bucket, meter));
      8'd5: return bucket.time_ns;
      default: return '0;
    endcase
  endfunction

  logic [63:0] set, set_q, moving, moving_q;
  logic done_q;
  query_key_t key3_q;

  always_comb begin
    set = '0;
    if (valid1_i) begin
      unique case (key1_i.table_id)
        TableGate: begin
          unique case (key1_i.column)
            8'd4:    set = 64'(Instruments);
            8'd5:    set = 64'(Accounts);
            8'd6:    set = 64'(Strategies);
            8'd7:    set = 64'(Ports);
            8'd8:    set = 64'(WorkingOrders);
            8'd9:    set = 64'(DuplicateDepth);
            8'd10:   set = 64'(FutureToleranceNs);
            8'd12:   set = 64'(unit_nanos_i);
            8'd13:   set = 64'(market_dropped_i);
            default: set = '0;
          endcase
        end
        TableFirm: begin
          unique case (key1_i.column)
            8'd6:    set = 64'(rows1_i.firm.max_open_value_nanos);
            8'd9:    set = 64'(rows1_i.firm.max_open_orders);
            default: set = '0;
          endcase
        end
        TableInstruments: begin
          unique case (key1_i.column)
            8'd6:    set = 64'(rows1_i.instrument.limits.enabled);
            8'd7:    set = 64'(rows1_i.instrument.limits.restricted);
            8'd8:    set = 64'(rows1_i.instrument.marks.killed);
            8'd9:    set = 64'(rows1_i.instrument.marks.halted);
            8'd10:   set = 64'(rows1_i.instrument.marks.short_restricted);
            8'd11:   set = 64'(rows1_i.instrument.marks.gapped);
            8'd12:   set = 64'(rows1_i.instrument.limits.short_sale);
            8'd13:   set = 64'(rows1_i.instrument.limits.collar_bps);
            8'd14:   set = rows1_i.instrument.limits.meter.known ? 64'(unit_nanos_i) : '0;
            8'd15:   set = 64'(rows1_i.instrument.limits.max_price_ticks);
            8'd16:   set = 64'(rows1_i.instrument.limits.max_quantity_lots);
            8'd17:   set = 64'(rows1_i.instrument.limits.max_value_nanos);
            8'd18:   set = rows1_i.instrument.limits.reference_max_age_ns;
            8'd19:   set = rows1_i.instrument.limits.session_open_ns;
            8'd20:   set = rows1_i.instrument.limits.session_close_ns;
            8'd21:   set = 64'(rows1_i.instrument.limits.max_day_lots);
            8'd22:   set = 64'(rows1_i.instrument.limits.max_impact_percent);
            8'd23:   set = 64'(rows1_i.instrument.last_price.price_ticks);
            8'd24:   set = rows1_i.instrument.last_price.time_ns;
            8'd25:   set = 64'(rows1_i.instrument.best.bid_ticks);
            8'd26:   set = 64'(rows1_i.instrument.best.bid_lots);
            8'd27:   set = 64'(rows1_i.instrument.best.ask_ticks);
            8'd28:   set = 64'(rows1_i.instrument.best.ask_lots);
            8'd29:   set = 64'(rows1_i.instrument.band.low);
            8'd30:   set = 64'(rows1_i.instrument.band.high);
            // Beyond the columns: what was derived.
            8'd64:   set = 64'(rows1_i.instrument.collar.low);
            8'd65:   set = 64'(rows1_i.instrument.collar.high);
            8'd66:   set = 64'(rows1_i.instrument.impact.on);
            8'd67:   set = 64'(rows1_i.instrument.impact.buy_lots);
            8'd68:   set = 64'(rows1_i.instrument.impact.sell_lots);
            8'd69:   set = rows1_i.instrument.limits.value_limit;
            default: set = '0;
          endcase
        end
        TableAccounts: begin
          unique case (key1_i.column)
            8'd6:    set = 64'(rows1_i.account.max_open_value_nanos);
            8'd9:    set = 64'(rows1_i.account.enabled);
            8'd12:   set = 64'(rows1_i.account.market_orders_allowed);
            8'd13:   set = 64'(rows1_i.account.iso_allowed);
            8'd14:   set = 64'(rows1_i.account.short_exempt_allowed);
            8'd15:   set = 64'(rows1_i.account.self_match);
            8'd16:   set = 64'(rows1_i.account.self_match_group);
            8'd17:   set = 64'(rows1_i.account.max_open_orders);
            8'd18:   set = 64'(rows1_i.account.max_consecutive_rejects);
            8'd19:   set = rows1_i.account.duplicate_window_ns;
            8'd20:   set = 64'(rows1_i.account.max_daily_loss_nanos);
            8'd21:   set = 64'(rows1_i.account.max_drawdown_nanos);
            8'd22:   set = rows1_i.account.rearm_after_ns;
            default: set = '0;
          endcase
        end
        TableStrategies: begin
          unique case (key1_i.column)
            8'd6:    set = 64'(rows1_i.strategy.max_open_value_nanos);
            8'd9:    set = 64'(rows1_i.strategy.enabled);
            8'd11:   set = rows1_i.strategy.max_executions;
            default: set = '0;
          endcase
        end
        TablePorts: set = key1_i.column == 8'd6 ? 64'(rows1_i.port.enabled) : '0;
        TablePositions: begin
          unique case (key1_i.column)
            8'd2:    set = 64'(rows1_i.position.max_long_lots);
            8'd3:    set = 64'(rows1_i.position.max_short_lots);
            8'd4:    set = 64'(rows1_i.position.located_lots);
            default: set = '0;
          endcase
        end
        default: set = '0;
      endcase
    end
  end

  always_comb begin
    moving = '0;
    if (valid2_i) begin
      unique case (key2_i.table_id)
        TableGate: begin
          unique case (key2_i.column)
            8'd0:    moving = 64'(killed_i);
            8'd1:    moving = lease_until_ns_i;
            8'd2:    moving = faults_i;
            8'd3:    moving = 64'(day_i);
            8'd11:   moving = sat_units_i;
            default: moving = '0;
          endcase
        end
        TableFirm: begin
          unique case (key2_i.column)
            8'd7:    moving = states_i.firm.exposure.credit_nanos;
            8'd8:    moving = states_i.firm.exposure.open;
            8'd10:   moving = 64'(states_i.firm.open_orders);
            8'd64:   moving = states_i.firm.exposure.limit;
            default: moving = metered(key2_i.column, rows2_i.firm.meter, states_i.firm.bucket);
          endcase
        end
        TableInstruments: begin
          unique case (key2_i.column)
            8'd31: moving = 64'(states_i.instrument.day_lots);
            8'd70: moving = 64'(states_i.instrument.open_sides);
            default:
            moving =
                metered(key2_i.column, rows2_i.instrument.limits.meter, states_i.instrument.bucket);
          endcase
        end
        TableAccounts: begin
          unique case (key2_i.column)
            8'd7: moving = states_i.account.exposure.credit_nanos;
            8'd8: moving = states_i.account.exposure.open;
            8'd10: moving = 64'(states_i.account.killed);
            8'd11: moving = 64'(states_i.account.mismatched);
            8'd23: moving = 64'(states_i.account.open_orders);
            8'd24: moving = states_i.account.pnl_nanos;
            8'd25: moving = states_i.account.high_water_nanos;
            8'd26: moving = 64'(states_i.account.rejects_in_a_row);
            8'd27: moving = 64'({states_i.account.latched, 1'b0});
            8'd28: moving = states_i.account.daily_loss_tripped_ns;
            8'd29: moving = states_i.account.drawdown_tripped_ns;
            8'd30: moving = states_i.account.rejects_tripped_ns;
            8'd64: moving = states_i.account.exposure.limit;
            default:
            moving = metered(key2_i.column, rows2_i.account.meter, states_i.account.bucket);
          endcase
        end
        TableStrategies: begin
          unique case (key2_i.column)
            8'd7: moving = states_i.strategy.exposure.credit_nanos;
            8'd8: moving = states_i.strategy.exposure.open;
            8'd10: moving = 64'(states_i.strategy.killed);
            8'd12: moving = states_i.strategy.executions;
            8'd13: moving = 64'(states_i.strategy.latched);
            8'd64: moving = states_i.strategy.exposure.limit;
            default:
            moving = metered(key2_i.column, rows2_i.strategy.meter, states_i.strategy.bucket);
          endcase
        end
        TablePorts: begin
          unique case (key2_i.column)
            8'd7:    moving = 64'(states_i.port.killed);
            8'd8:    moving = 64'(states_i.port.connected);
            8'd9:    moving = states_i.port.last_order_id;
            default: moving = metered(key2_i.column, rows2_i.port.meter, states_i.port.bucket);
          endcase
        end
        TablePositions: begin
          unique case (key2_i.column)
            8'd5:    moving = 64'(states_i.position.position_lots);
            8'd6:    moving = 64'(states_i.position.open_buy_lots);
            8'd7:    moving = 64'(states_i.position.open_sell_lots);
            default: moving = '0;
          endcase
        end
        default: moving = '0;
      endcase
    end
  end

  function automatic logic [63:0] of_order(logic [7:0] column, own_order_t order);
    unique case (column)
      8'd0: return order.id;
      8'd1: return 64'(order.account);
      8'd2: return 64'(order.instrument);
      8'd3: return 64'(order.side);
      8'd4: return 64'(order.price);
      8'd5: return 64'(order.leaves);
      default: return '0;
    endcase
  endfunction

  function automatic logic [63:0] of_recent(logic [7:0] column, recent_order_t order);
    unique case (column)
      8'd1: return 64'(order.instrument);
      8'd2: return 64'(order.side);
      8'd3: return 64'(order.lots);
      8'd4: return 64'(order.price);
      8'd5: return order.time_ns;
      default: return '0;
    endcase
  endfunction

  logic is_order, is_recent;
  assign is_order  = own_order_i.valid && key3_q.row < WorkingOrders;
  assign is_recent = recent_i.valid && 32'(key3_q.row[15:0]) < DuplicateDepth;

  always_ff @(posedge clk_i) begin
    done_q <= valid2_i;
    done_o <= done_q;
    if (valid1_i) set_q <= set;
    if (valid2_i) begin
      key3_q   <= key2_i;
      moving_q <= set_q | moving;  // a column is in one of them
    end
    if (done_q) begin
      unique case (key3_q.table_id)
        TableOrders: value_o <= is_order ? of_order(key3_q.column, own_order_i) : '0;
        TableRecent: value_o <= is_recent ? of_recent(key3_q.column, recent_i) : '0;
        default:     value_o <= moving_q;
      endcase
    end
    if (!rst_ni) begin
      done_q <= 1'b0;
      done_o <= 1'b0;
    end
  end

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
