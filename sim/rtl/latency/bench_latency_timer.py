"""Starts and ends at random, more at once than there is room for, beside a queue in Python."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from collections import deque
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

DEPTH = int(os.environ["DEPTH"])
CYCLES = 15_000
BINS = [
    *("sample", "drop", "stop and drop at once", "end without a beginning", "full", "end of one that is not timed"),
    *("start and end at once", "start while some are not timed", "timed again afterwards", "longer than 65535"),
]


def long_wait(cycle: int) -> tuple[bool, bool, bool]:
    """After the random part: everything under way ends, then one lasts longer than can be told."""
    return cycle == CYCLES + 3000, cycle < CYCLES + 3000 or cycle == CYCLES + 69_000, False


@cocotb.test()
async def random_starts(dut: Any) -> None:
    rng, cover = random.Random(seed()), Cover("latency_timer", BINS)
    for name in ("start_i", "stop_i", "drop_i"):
        getattr(dut, name).value = 0
    cocotb.start_soon(Clock(dut.clk_i, 6400, "ps").start())
    dut.rst_ni.value = 0
    await RisingEdge(dut.clk_i)
    await RisingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    under_way: deque[int | None] = deque()  # when each began; none: not timed
    often, untimed = (0.5, 0.5, 0.1), False
    for cycle in range(CYCLES + 70_000):
        if cycle % 200 == 0:
            often = rng.choice(((0.5, 0.5, 0.1), (0.9, 0.2, 0.1), (0.1, 0.9, 0.1), (0.4, 0.4, 0.1)))
        long = cycle >= CYCLES
        start, stop, drop = long_wait(cycle) if long else tuple(rng.random() < chance for chance in often)
        if long and not (start or stop) and CYCLES + 3000 < cycle < CYCLES + 69_000:
            await RisingEdge(dut.clk_i)
            continue
        dut.start_i.value, dut.stop_i.value, dut.drop_i.value = int(start), int(stop), int(drop)
        await FallingEdge(dut.clk_i)
        timed = sum(one is not None for one in under_way)
        waits = any(one is None for one in under_way)
        oldest = under_way[0] if under_way else None
        sample = stop and not drop and oldest is not None
        assert bool(dut.valid_o.value) == sample
        if sample:
            assert oldest is not None
            assert int(dut.cycles_o.value) == min(cycle - oldest, 65535)
            cover.hit("longer than 65535" if cycle - oldest > 65535 else "sample")
        kept = timed < DEPTH and not waits
        assert bool(dut.stray_o.value) == ((start and not kept) or ((stop or drop) and not under_way))
        happened = {
            "drop": drop and not stop and oldest is not None,
            "stop and drop at once": stop and drop and oldest is not None,
            "end without a beginning": (stop or drop) and not under_way,
            "full": start and timed == DEPTH,
            "end of one that is not timed": (stop or drop) and bool(under_way) and oldest is None,
            "start and end at once": start and (stop or drop) and bool(under_way),
            "start while some are not timed": start and waits and timed < DEPTH,
            "timed again afterwards": start and kept and untimed,
        }
        for name, did in happened.items():
            if did:
                cover.hit(name)
        untimed = untimed or waits
        if (stop or drop) and under_way:
            under_way.popleft()
        if start:
            under_way.append(cycle if kept else None)
        await RisingEdge(dut.clk_i)
        dut.start_i.value = dut.stop_i.value = dut.drop_i.value = 0
    report_cycles("latency_timer", CYCLES + 70_000)
    cover.require_full()
