watchdog.sv
