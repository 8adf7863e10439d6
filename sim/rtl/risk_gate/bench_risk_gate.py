"""A day in volume, in and out of step, beside the twin."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from typing import Any

import cocotb

from sim.rtl import report_cycles
from sim.rtl.risk_gate.harness import Bench, whole
from sim.rtl.risk_gate.shapes import SHAPES
from sim.rtl.runner import seed
from tests.conformance.gate_volume import episode
SHAPE = SHAPES[os.environ["SHAPE"]]
class Nothing:
    def hit(self, name): pass

@cocotb.test()
async def a_day(dut: Any) -> None:
    rng = random.Random(seed())
    for turn in range(6):
        one = episode(seed() + turn, 3000)
        bench = Bench(dut, SHAPE, Nothing(), one.scale.unit, leased=one.leased)
        await bench.start() if turn == 0 else await bench.restart()
        for at in range(len(one)):
            data = one.record(at)
            if one.is_order[at]:
                bench.host.append(data)
                while bench.host: await bench.cycle()
            else:
                bench.told.append(whole(data))
                while bench.told or bench.told_inside: await bench.cycle()
        await bench.require_same_state()
        cocotb.log.info(f"{turn} {one.scale} cycles {bench.cycles} verdicts {bench.verdicts}")
        report_cycles("risk_gate", bench.cycles)
