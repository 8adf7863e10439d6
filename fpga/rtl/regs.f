gen/meltica_hot_pkg.sv
meltica_card_pkg.sv
gen/meltica_regs_pkg.sv
gen/meltica_regs.sv
-f kill_switch.f
-f watchdog.f
-f audit.f
-f reject_counters.f
-f latency.f
axil_guard.sv
wide_read.sv
saturating_count.sv
regs_commit.sv
regs_query.sv
regs.sv
