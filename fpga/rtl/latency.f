latency_segment.sv
latency.sv
latency_timer.sv
