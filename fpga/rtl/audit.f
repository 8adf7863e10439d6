gen/meltica_hot_pkg.sv
meltica_card_pkg.sv
audit_pkg.sv
event_queue.sv
audit.sv
