"""Every counter in every cycle, from reset on: none of the small ones may run over before it is visited."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

COUNTERS = int(os.environ["COUNTERS"])
BINS = ["all in every cycle", "some", "none", "read while it counts", "reset begins anew"]


async def reset(dut: Any) -> None:
    dut.pulse_i.value = 0
    dut.rst_ni.value = 0
    await RisingEdge(dut.clk_i)
    await RisingEdge(dut.clk_i)
    dut.rst_ni.value = 1


@cocotb.test()
async def pulses(dut: Any) -> None:
    rng, cover, cycles = random.Random(seed()), Cover("event_counters", BINS), 0
    dut.index_i.value = 0
    cocotb.start_soon(Clock(dut.clk_i, 6400, "ps").start())
    for run in range(3):
        await reset(dut)
        counts, seen = [0] * COUNTERS, [0] * COUNTERS
        for phase in ("all in every cycle", "some", "none", "some", "all in every cycle", "none"):
            cover.hit(phase)
            for _ in range(4 * COUNTERS + 20):
                every = (1 << COUNTERS) - 1
                now = {"all in every cycle": every, "some": rng.getrandbits(COUNTERS), "none": 0}[phase]
                index = rng.randrange(COUNTERS)
                dut.pulse_i.value, dut.index_i.value = now, index
                filled = bool(dut.init_done_o.value)
                await RisingEdge(dut.clk_i)
                cycles += 1
                counts = [count + (now >> n & 1) for n, count in enumerate(counts)]
                await FallingEdge(dut.clk_i)
                if filled:
                    value = int(dut.value_o.value)
                    assert seen[index] <= value <= counts[index]
                    seen[index] = max(seen[index], value)
                    cover.hit("read while it counts")
        for index in range(COUNTERS):
            dut.index_i.value = index
            await RisingEdge(dut.clk_i)
            await FallingEdge(dut.clk_i)
            assert int(dut.value_o.value) == counts[index], (run, index)
        if run:
            cover.hit("reset begins anew")
    report_cycles("event_counters", cycles)
    cover.require_full()
