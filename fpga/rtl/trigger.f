gen/meltica_hot_pkg.sv
meltica_card_pkg.sv
trigger.sv
