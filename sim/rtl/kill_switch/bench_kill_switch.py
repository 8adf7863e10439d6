"""Sources, releases and time at random, every cycle, beside a model of five lines."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

CYCLES = 20_000
SOURCES = 5
BINS = [
    *(f"source {n} engages alone" for n in range(SOURCES)),
    *("two engage at once", "engage and release at once, engaged before", "engage and release at once, off before"),
    *("release while a level lasts", "release when off", "release", "engaged again at once", "another joins later"),
    *("cause stays after the release", "reset while engaged"),
]


class Model:
    """What the switch must be."""

    def __init__(self) -> None:
        self.killed = False
        self.cause = self.since = self.time = 0

    def step(self, engage: int, release: bool, now: int) -> None:
        if engage and not self.killed:
            self.cause, self.since, self.time = engage, engage, now
        elif engage:
            self.since |= engage
        self.killed = bool(engage) or (self.killed and not release)


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut, self.model, self.cover = dut, Model(), Cover("kill_switch", BINS)
        self.random = random.Random(seed())
        self.was_released = False

    async def start(self) -> None:
        self.dut.engage_i.value = 0
        self.dut.release_i.value = 0
        self.dut.now_ns_i.value = 0
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        await self.reset()

    async def reset(self) -> None:
        self.dut.rst_ni.value = 0
        self.dut.engage_i.value = 0
        await RisingEdge(self.dut.clk_i)
        await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1
        self.model = Model()
        self.was_released = False

    async def step(self, engage: int, release: bool) -> None:
        dut, model, now = self.dut, self.model, self.random.getrandbits(64)
        dut.engage_i.value, dut.release_i.value, dut.now_ns_i.value = engage, int(release), now
        await FallingEdge(dut.clk_i)
        before = model.killed
        assert bool(dut.killed_o.value) == (before or engage != 0)
        assert bool(dut.engaged_o.value) == (engage != 0 and not before)
        assert bool(dut.released_o.value) == (before and release and not engage)
        told = tuple(int(port.value) for port in (dut.cause_o, dut.since_o, dut.time_o))
        assert told == (model.cause, model.since, model.time)
        self.note(engage, release, before)
        model.step(engage, release, now)
        await RisingEdge(dut.clk_i)

    def note(self, engage: int, release: bool, before: bool) -> None:
        hit, alone = self.cover.hit, engage.bit_count() == 1
        if alone and not before:
            hit(f"source {engage.bit_length() - 1} engages alone")
        if engage.bit_count() > 1 and not before:
            hit("two engage at once")
        if release and engage:
            hit(f"engage and release at once, {'engaged' if before else 'off'} before")
        if release and engage and before and engage & self.model.since:
            hit("release while a level lasts")
        if release and not engage:
            hit("release" if before else "release when off")
        if engage and not before and self.was_released:
            hit("engaged again at once")
        if engage & ~self.model.since and before:
            hit("another joins later")
        if not before and not engage and self.model.cause:
            hit("cause stays after the release")
        self.was_released = before and release and not engage


@cocotb.test()
async def random_sources(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    level = 0
    for cycle in range(CYCLES):
        if bench.random.random() < 0.1:
            level = bench.random.choice((0, 0, 1 << bench.random.randrange(SOURCES)))
        pulse = bench.random.choice(
            (0, 0, 0, 0, 1 << bench.random.randrange(SOURCES), bench.random.getrandbits(SOURCES))
        )
        await bench.step(level | pulse, bench.random.random() < 0.3)
        if cycle % 5000 == 4999:
            await bench.step(1, release=False)
            bench.cover.hit("reset while engaged")
            await bench.reset()
            await FallingEdge(dut.clk_i)
            assert not dut.killed_o.value
            await RisingEdge(dut.clk_i)
    report_cycles("kill_switch", CYCLES)
    bench.cover.require_full()
