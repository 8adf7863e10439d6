"""The whole card in simulation: meltica_top, Verilated, as a process that a gateway can use like a card."""
