gen/meltica_hot_pkg.sv
meltica_card_pkg.sv
divider.sv
divide_by.sv
market_fifo.sv
told_check.sv
tell_pipe.sv
gate_tell.sv
