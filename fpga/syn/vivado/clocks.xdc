# One clock: the user clock of a 10GbE MAC, 64 bits wide. Everything of meltica_top runs on it; what comes from PCIe
# or from the time of day crosses into it outside of this block.
create_clock -name clk -period 6.400 [get_ports clk_i]
set_property HD.CLK_SRC BUFGCE_X0Y0 [get_ports clk_i]

# Jitter of the transceiver's recovered clock, beside what the tool assumes.
set_clock_uncertainty -setup 0.100 [get_clocks clk]

# The pins of the block come from and go to flip-flops of its neighbours: about a third of
# the period is theirs.
set_input_delay  -clock clk -max 2.000 [get_ports -filter {DIRECTION == IN && NAME != clk_i}]
set_input_delay  -clock clk -min 0.100 [get_ports -filter {DIRECTION == IN && NAME != clk_i}]
set_output_delay -clock clk -max 2.000 [all_outputs]
set_output_delay -clock clk -min 0.100 [all_outputs]

# Reset is synchronous to clk and released once, long before the first frame.
set_multicycle_path 2 -setup -from [get_ports rst_ni]
set_multicycle_path 1 -hold -from [get_ports rst_ni]

# The kill pin is a button or a relay. The board gives it to this block through a synchroniser (alveo_u50.xdc).
set_false_path -hold -from [get_ports kill_pin_i]
