gen/meltica_hot_pkg.sv
meltica_card_pkg.sv
kill_switch.sv
kill_release.sv
