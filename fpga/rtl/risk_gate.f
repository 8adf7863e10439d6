-f gate_tell.f
-f risk_gate_core.f
risk_gate.sv
