// What moves of all tables: as the operations before left it, in stages 1 and 2; written at the end of stage 2.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */  // of records and rows, each block takes some fields
module gate_states
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

    output states_t stage1_o,  // without what stage 2 does in this cycle

    // Stage 2.
    input  wire logic               valid2_i,
    input  wire logic    [DayW-1:0] day_i,
    output states_t                 stage2_o,
    input  wire writes_t            writes_i,
    input  wire states_t            states_i
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

  states_t read;

  gate_state #(
      .Width($bits(instrument_state_t)),
      .Depth(Instruments)
  ) u_instrument_state (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i(instrument_address),
      .exists_i (instrument_exists),
      .stage1_o (stage1_o.instrument),
      .stage2_o (read.instrument),
      .write_i  (writes_i.instrument),
      .row_i    (states_i.instrument)
  );

  gate_state #(
      .Width($bits(account_state_t)),
      .Depth(Accounts)
  ) u_account_state (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i(account_address),
      .exists_i (account_exists),
      .stage1_o (stage1_o.account),
      .stage2_o (read.account),
      .write_i  (writes_i.account),
      .row_i    (states_i.account)
  );

  gate_state #(
      .Width($bits(strategy_state_t)),
      .Depth(Strategies)
  ) u_strategy_state (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i(strategy_address),
      .exists_i (strategy_exists),
      .stage1_o (stage1_o.strategy),
      .stage2_o (read.strategy),
      .write_i  (writes_i.strategy),
      .row_i    (states_i.strategy)
  );

  gate_state #(
      .Width($bits(port_state_t)),
      .Depth(Ports)
  ) u_port_state (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i(port_address),
      .exists_i (port_exists),
      .stage1_o (stage1_o.port),
      .stage2_o (read.port),
      .write_i  (writes_i.port),
      .row_i    (states_i.port)
  );

  gate_state #(
      .Width($bits(position_state_t)),
      .Depth(Positions)
  ) u_position_state (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .sweep_address_i,
      .enter_i,
      .address_i(position_address),
      .exists_i (account_exists && instrument_exists),
      .stage1_o (stage1_o.position),
      .stage2_o (read.position),
      .write_i  (writes_i.position),
      .row_i    (states_i.position)
  );

  firm_state_t firm_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) firm_q <= '0;
    else if (writes_i.firm) firm_q <= states_i.firm;
  end
  assign stage1_o.firm = firm_q;
  assign read.firm     = firm_q;

  // What is of another day counts as 0; what is written is of today.
  always_comb begin
    stage2_o = read;
    if (valid2_i) begin
      if (read.instrument.day != day_i) stage2_o.instrument.day_lots = '0;
      if (read.account.day != day_i) begin
        stage2_o.account.pnl_nanos        = '0;
        stage2_o.account.high_water_nanos = '0;
      end
      if (read.port.day != day_i) stage2_o.port.last_order_id = '0;
      stage2_o.instrument.day = day_i;
      stage2_o.account.day    = day_i;
      stage2_o.port.day       = day_i;
    end
  end

endmodule
/* verilator lint_on UNUSEDSIGNAL */

`default_nettype wire
