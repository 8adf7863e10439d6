"""Tokens on time, too late by one cycle, equal, lower and beyond the wrap; periods that change; a model beside it."""

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

CLOCK_KHZ = int(os.environ["CLOCK_KHZ"])
STEPS = 1_500
TOP = 2**32 - 1
BINS = [
    *("tripped after reset", "good token lets go", "token in the last good cycle", "token in the first late cycle"),
    *(
        "token after the trip",
        "equal",
        "lower",
        "larger by one",
        "larger by 2^31-1",
        "larger by 2^31",
        "beyond the wrap",
    ),
    *("period 0 trips", "good token in period 0", "period made shorter than the age", "period made longer in time"),
    *("period made longer after the trip", "reset while alive", "age seen at a whole microsecond"),
]


class Model:
    """Time is counted from the last good token: `cycles` after it, `cycles * 1000 // CLOCK_KHZ` whole microseconds."""

    def __init__(self) -> None:
        self.tripped, self.last = True, 0
        self.cycles: int | None = None  # none: no good token since reset

    @property
    def age(self) -> int:
        return TOP if self.cycles is None else min(TOP, self.cycles * 1000 // CLOCK_KHZ)

    def late(self, period: int) -> bool:
        return self.age >= period

    def step(self, period: int, token: int | None) -> None:
        late, was = self.late(period), self.tripped
        good = token is not None and 0 < (token - self.last) % 2**32 < 2**31
        if good:
            assert token is not None
            self.last = token
        if good and period and (was or not late):
            self.tripped, self.cycles = False, 0
            return
        self.tripped = was or late
        if self.cycles is not None:
            self.cycles += 1


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut, self.model, self.cover = dut, Model(), Cover("watchdog", BINS)
        self.random = random.Random(seed())
        self.period, self.cycles = 0, 0

    async def start(self) -> None:
        for name in ("period_us_i", "token_valid_i", "token_i"):
            getattr(self.dut, name).value = 0
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        await self.reset()

    async def reset(self) -> None:
        if not self.model.tripped:
            self.cover.hit("reset while alive")
        self.dut.rst_ni.value = 0
        await RisingEdge(self.dut.clk_i)
        await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1
        self.model = Model()

    async def step(self, token: int | None = None) -> None:
        dut, model = self.dut, self.model
        dut.period_us_i.value = self.period
        dut.token_valid_i.value = int(token is not None)
        dut.token_i.value = token or 0
        await FallingEdge(dut.clk_i)
        late = model.late(self.period)
        assert bool(dut.tripped_o.value) == (model.tripped or late)
        assert bool(dut.trip_o.value) == (late and not model.tripped)
        assert int(dut.last_token_o.value) == model.last
        assert int(dut.age_us_o.value) == model.age
        step = None if token is None else (token - model.last) % 2**32
        assert bool(dut.bad_token_o.value) == (step is not None and not 0 < step < 2**31)
        if model.cycles and model.cycles * 1000 % CLOCK_KHZ < 1000 and model.age and not model.tripped:
            self.cover.hit("age seen at a whole microsecond")
        model.step(self.period, token)
        self.cycles += 1
        await RisingEdge(dut.clk_i)

    async def idle(self, cycles: int) -> None:
        for _ in range(cycles):
            await self.step()

    def next(self, by: int = 1) -> int:
        return (self.model.last + by) % 2**32

    async def alive(self, period: int) -> None:
        """A good token, and `period` from now on."""
        self.period = period
        await self.step(self.next())
        if self.model.tripped:
            await self.step(self.next())
        assert not self.model.tripped

    @property
    def last_good_cycle(self) -> int:
        """How many cycles after the token's own the last one is in which a token is on time."""
        return -(-self.period * CLOCK_KHZ // 1000)


@cocotb.test()
async def edges(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    hit = bench.cover.hit
    await bench.idle(3)
    assert dut.tripped_o.value
    hit("tripped after reset")
    bench.period = 3
    await bench.step(1)
    await FallingEdge(dut.clk_i)
    assert not dut.tripped_o.value
    await RisingEdge(dut.clk_i)
    bench.model.cycles = 1
    hit("good token lets go")
    for period in (1, 2, 7):
        await bench.alive(period)
        await bench.idle(bench.last_good_cycle - 1)
        await bench.step(bench.next())
        await bench.step()
        assert not bench.model.tripped
        hit("token in the last good cycle")
        await bench.alive(period)
        await bench.idle(bench.last_good_cycle)
        assert not bench.model.tripped
        await bench.step(bench.next())
        assert bench.model.tripped
        hit("token in the first late cycle")
        await bench.idle(2)
        await bench.step(bench.next())
        assert not bench.model.tripped
        hit("token after the trip")
    await tokens(bench)
    await periods(bench)
    await random_steps(bench)
    report_cycles("watchdog", bench.cycles)
    bench.cover.require_full()


async def tokens(bench: Bench) -> None:
    wrong = {"equal": 0, "lower": -1, "larger by 2^31": 2**31}
    right = {"larger by one": 1, "larger by 2^31-1": 2**31 - 1}
    for name, by in (wrong | right).items():
        await bench.alive(4)
        before, age = bench.model.last, bench.model.cycles
        await bench.step(bench.next(by))
        assert (bench.model.last == before) == (name in wrong)
        assert (bench.model.cycles == 0) == (name in right)
        assert age is not None
        bench.cover.hit(name)
    while bench.model.last < 2**32 - 5:
        await bench.step(bench.next(min(2**31 - 1, 2**32 - 5 - bench.model.last)))
    await bench.step(3)
    assert bench.model.last == 3
    bench.cover.hit("beyond the wrap")


async def periods(bench: Bench) -> None:
    await bench.alive(5)
    bench.period = 0
    await bench.step()
    assert bench.model.tripped
    bench.cover.hit("period 0 trips")
    await bench.step(bench.next())
    assert bench.model.tripped
    bench.cover.hit("good token in period 0")
    await bench.alive(6)
    await bench.idle(-(-4 * CLOCK_KHZ // 1000) + 1)
    bench.period = 4
    await bench.step()
    assert bench.model.tripped
    bench.cover.hit("period made shorter than the age")
    await bench.alive(3)
    await bench.idle(bench.last_good_cycle - 1)
    bench.period = 5
    await bench.idle(3)
    assert not bench.model.tripped
    bench.cover.hit("period made longer in time")
    await bench.idle(bench.last_good_cycle)
    assert bench.model.tripped
    bench.period = 1000
    await bench.idle(3)
    assert bench.model.tripped
    bench.cover.hit("period made longer after the trip")


async def random_steps(bench: Bench) -> None:
    rng = bench.random
    for number in range(STEPS):
        if rng.random() < 0.1:
            bench.period = rng.choice((0, 1, 2, 3, 5, 2**32 - 1))
        edge = bench.last_good_cycle if bench.period < 10 else 20
        await bench.idle(
            min(rng.choice((0, 1, edge - 2, edge - 1, edge, edge + 1)) if edge > 2 else rng.randrange(3), 800)
        )
        await bench.step(bench.next(rng.choice((1, 1, 1, 2, 0, -1, 2**31, 2**31 - 1, rng.getrandbits(32)))))
        if number % 400 == 399:
            await bench.alive(5)
            await bench.reset()
