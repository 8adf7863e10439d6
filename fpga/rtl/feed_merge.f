gen/meltica_hot_pkg.sv
meltica_card_pkg.sv
msg_fifo.sv
feed_merge.sv
