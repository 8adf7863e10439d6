meltica_card_pkg.sv
itch_decode.sv
