"""Verilated designs as Python objects: many clock cycles a call, several instances, assertions as exceptions.

    from sim.verilated import build
    gate = build("risk_gate", parameters={"Accounts": 4})   # fpga/rtl/risk_gate.f; compiled once, then from the cache
    model = gate.Model()                     # reset is held for two cycles, then released; Model(trace="waves.fst")
                                             # if built with trace=True; hold_reset=0 leaves rst_ni to the caller
    model.trig_valid_i = 1                   # ports are ints of any width; a packed struct is one int, the last field
    model.trig_order_i = int.from_bytes(record.to_bytes(), "little")   # in its lowest bits
    model.step(2)                            # clock cycles (rising edges of clk_i); outputs are as after the last edge
    model.verdict_o                          # an output follows inputs that were set since (no edge)

In bulk, without the GIL, at the speed of C++:

    inputs = np.zeros(n, model.dtype("valid_i", "data_i"))    # one row a cycle; columns are ports
    outputs = np.zeros(n, model.dtype("valid_o", "data_o"))   # what a register would take over at the end of the cycle
    model.run(inputs, outputs)

Streams with valid and ready, which wait for each other if they should (Source and Sink say how):

    orders = gate.Source(rows, valid="trig_valid_i", lead_valid="trig_key_valid_i", lead=["trig_key_i"])
    verdicts = gate.Sink(np.zeros(n, model.dtype("verdict_o")), valid="verdict_valid_o")
    model.play([orders], [verdicts], cycles=10 * n)   # until all went and came, at most so many; sinks keep .done

A failed assertion, $error, $fatal or $stop is a RuntimeError that says where; the model is of no use from then on,
other instances are. One thread at a time may use an instance; instances in different threads run side by side.
"""

from sim.verilated.builder import BuildError, build

__all__ = ["BuildError", "build"]
