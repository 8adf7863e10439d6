# For a board project around meltica_top on an Alveo U50: what the block needs from its shell. Not used out of context.
# Names of the instances are those that the shell in your project gives; change them here and nowhere else.

# 161.1328125 MHz reference of the QSFP28 cage (SYNCE_CLK0), for the transceiver that makes the 156.25 MHz user clock.
set_property PACKAGE_PIN N36 [get_ports synce_clk0_p]
set_property PACKAGE_PIN N37 [get_ports synce_clk0_n]
create_clock -name synce_clk0 -period 6.206 [get_ports synce_clk0_p]

# The kill pin comes through two flip-flops that are told to be one synchroniser.
set_property ASYNC_REG TRUE [get_cells -hierarchical -filter {NAME =~ *kill_pin_sync_q*}]
set_false_path -to [get_pins -of_objects [get_cells -hierarchical -filter {NAME =~ *kill_pin_sync_q[0]*}] \
    -filter {REF_PIN_NAME == D}]

# AXI4-Lite from PCIe crosses in a clock converter that brings its own constraints; nothing else may cross.
set_clock_groups -asynchronous \
    -group [get_clocks -include_generated_clocks synce_clk0] \
    -group [get_clocks -quiet -include_generated_clocks pcie_refclk]

# Configuration: as the board's manual asks for.
set_property CONFIG_VOLTAGE 1.8 [current_design]
set_property BITSTREAM.CONFIG.CONFIGFALLBACK Enable [current_design]
set_property BITSTREAM.GENERAL.COMPRESS TRUE [current_design]
set_property BITSTREAM.CONFIG.CONFIGRATE 63.8 [current_design]
set_property BITSTREAM.CONFIG.SPI_BUSWIDTH 4 [current_design]
set_property BITSTREAM.CONFIG.UNUSEDPIN Pullup [current_design]
