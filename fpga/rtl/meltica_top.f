gen/meltica_hot_pkg.sv
meltica_card_pkg.sv
-f feed_lane.f
-f feed_merge.f
-f top_of_book.f
-f trigger.f
-f risk_gate.f
-f order_tx.f
-f host_port.f
-f regs.f
meltica_top.sv
