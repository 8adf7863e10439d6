gen/meltica_hot_pkg.sv
meltica_card_pkg.sv
meltica_feed_pkg.sv
mold_headers.sv
frame_sums.sv
mold_rx.sv
