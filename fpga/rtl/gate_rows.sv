// What is set of all tables, as the operation in stage 0 finds it; a told row writes what is its own.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of records and rows, each block takes some fields
module gate_rows
  import meltica_hot_pkg::*;
  import meltica_card_pkg::*;
  import gate_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Accounts = 4,
    parameter int unsigned Strategies = 256,
    parameter int unsigned Ports = 8
) (
    input wire logic clk_i,
    input wire logic rst_ni,

    input wire logic        sweep_i,
    input wire logic [31:0] sweep_address_i,

    // Stage 0.
    input wire logic       enter_i,
    input wire order_key_t key_i,    // ids beyond a table name a row of zeros
    input wire logic       write_i,  // what enters is a told row, and no probe
    input wire told_op_t   op_i,

    output rows_t rows_o  // stage 1
);

  localparam int unsigned InstrumentAddressW = Instruments > 1 ? $clog2(Instruments) : 1;
  localparam int unsigned AccountAddressW = Accounts > 1 ? $clog2(Accounts) : 1;
  localparam int unsigned StrategyAddressW = Strategies > 1 ? $clog2(Strategies) : 1;
  localparam int unsigned PortAddressW = Ports > 1 ? $clog2(Ports) : 1;
  localparam int unsigned PositionAddressW = AccountAddressW + InstrumentAddressW;
  localparam int unsigned Positions = Accounts << InstrumentAddressW;

  logic instrument_exists, account_exists, strategy_exists, port_exists;
  assign instrument_exists = key_i.instrument_id < Instruments;
  assign account_exists    = 32'(key_i.account_id) < Accounts;
  assign strategy_exists   = 32'(key_i.strategy_id) < Strategies;
  assign port_exists       = 32'(key_i.port_id) < Ports;

  logic [InstrumentAddressW-1:0] instrument_address;
  logic [AccountAddressW-1:0] account_address;
  logic [StrategyAddressW-1:0] strategy_address;
  logic [PortAddressW-1:0] port_address;
  logic [PositionAddressW-1:0] position_address;
  assign instrument_address = key_i.instrument_id[InstrumentAddressW-1:0];
  assign account_address    = key_i.account_id[AccountAddressW-1:0];
  assign strategy_address   = key_i.strategy_id[StrategyAddressW-1:0];
  assign port_address       = key_i.port_id[PortAddressW-1:0];
  assign position_address   = {account_address, instrument_address};

  account_limits_t  account_limits;
  strategy_limits_t strategy_limits;
  port_limits_t     port_limits;
  firm_limits_t     firm_limits;
  position_limits_t position_limits;
  assign account_limits  = op_i.row[$bits(account_limits_t)-1:0];
  assign strategy_limits = op_i.row[$bits(strategy_limits_t)-1:0];
  assign port_limits     = op_i.row[$bits(port_limits_t)-1:0];
  assign firm_limits     = op_i.row[$bits(firm_limits_t)-1:0];
  assign position_limits = op_i.row[$bits(position_limits_t)-1:0];

  function automatic meter_t new_meter(logic [31:0] rate, logic [31:0] burst, logic [63:0] full);
    return '{known: 1'b1, rate: rate, burst: burst[30:0], full: full[60:0]};
  endfunction

  // Lots beyond any position limit nothing.
  function automatic logic [46:0] clamped_lots(logic signed [63:0] lots);
    return lots > $signed({17'd0, LimitLotsBound}) ? LimitLotsBound : lots[46:0];
  endfunction

  account_row_t told_account;
  strategy_row_t told_strategy;
  port_row_t told_port;
  firm_row_t firm_q, told_firm;
  position_row_t told_position;

  assign told_account = '{
          meter:
          new_meter
          (
              account_limits.messages_per_second, account_limits.message_burst, op_i.full_tokens
          ),
          enabled: account_limits.enabled[0],
          market_orders_allowed: account_limits.market_orders_allowed[0],
          iso_allowed: account_limits.iso_allowed[0],
          short_exempt_allowed: account_limits.short_exempt_allowed[0],
          self_match: account_limits.self_match[1:0],
          self_match_group: account_limits.self_match_group,
          max_open_orders: account_limits.max_open_orders,
          max_consecutive_rejects: account_limits.max_consecutive_rejects,
          max_open_value_nanos: account_limits.max_open_value_nanos[62:0],
          duplicate_window_ns: account_limits.duplicate_window_ns,
          max_daily_loss_nanos: account_limits.max_daily_loss_nanos[62:0],
          max_drawdown_nanos: account_limits.max_drawdown_nanos[62:0],
          rearm_after_ns: account_limits.rearm_after_ns
      };
  assign told_strategy = '{
          meter:
          new_meter
          (
              strategy_limits.messages_per_second, strategy_limits.message_burst, op_i.full_tokens
          ),
          enabled: strategy_limits.enabled[0],
          max_open_value_nanos: strategy_limits.max_open_value_nanos[62:0],
          max_executions: strategy_limits.max_executions
      };
  assign told_port = '{
          meter:
          new_meter
          (
              port_limits.messages_per_second, port_limits.message_burst, op_i.full_tokens
          ),
          enabled: port_limits.enabled[0]
      };
  assign told_firm = '{
          meter:
          new_meter
          (
              firm_limits.messages_per_second, firm_limits.message_burst, op_i.full_tokens
          ),
          max_open_orders: firm_limits.max_open_orders,
          max_open_value_nanos: firm_limits.max_open_value_nanos[62:0]
      };
  assign told_position = '{
          max_long_lots: clamped_lots(position_limits.max_long_lots),
          max_short_lots: clamped_lots(position_limits.max_short_lots),
          located_lots: clamped_lots(position_limits.located_lots)
      };

  gate_instruments #(
      .Instruments(Instruments)
  ) u_instruments (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i(instrument_address),
      .exists_i (instrument_exists),
      .write_i,
      .op_i,
      .row_o    (rows_o.instrument)
  );

  gate_table #(
      .Width($bits(account_row_t)),
      .Depth(Accounts)
  ) u_accounts (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i(account_address),
      .exists_i (account_exists),
      .write_i  (write_i && op_i.type_id == AccountLimitsTypeId),
      .row_i    (told_account),
      .row_o    (rows_o.account)
  );

  gate_table #(
      .Width($bits(strategy_row_t)),
      .Depth(Strategies)
  ) u_strategies (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i(strategy_address),
      .exists_i (strategy_exists),
      .write_i  (write_i && op_i.type_id == StrategyLimitsTypeId),
      .row_i    (told_strategy),
      .row_o    (rows_o.strategy)
  );

  gate_table #(
      .Width($bits(port_row_t)),
      .Depth(Ports)
  ) u_ports (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i(port_address),
      .exists_i (port_exists),
      .write_i  (write_i && op_i.type_id == PortLimitsTypeId),
      .row_i    (told_port),
      .row_o    (rows_o.port)
  );

  gate_table #(
      .Width($bits(position_row_t)),
      .Depth(Positions)
  ) u_positions (
      .clk_i,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i(position_address),
      .exists_i (account_exists && instrument_exists),
      .write_i  (write_i && op_i.type_id == PositionLimitsTypeId),
      .row_i    (told_position),
      .row_o    (rows_o.position)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) firm_q <= '0;
    else if (write_i && op_i.type_id == FirmLimitsTypeId) firm_q <= told_firm;
    if (enter_i) rows_o.firm <= firm_q;
  end

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
