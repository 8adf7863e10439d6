"""Samples of all segments in any cycle, the same bucket again and again, freeze and clear in the middle of them."""

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

SEGMENTS = int(os.environ["SEGMENTS"])
ROUNDS, SAMPLES = 12, 700
BUCKETS, COUNT, SUM, LEAST, MOST = 64, 64, 65, 66, 67
BINS = [
    *(f"bucket {n}" for n in range(BUCKETS)),
    *(
        "65535 cycles",
        "the same bucket in two cycles",
        "a bucket, another, and the first again",
        "all segments at once",
    ),
    *(
        "freeze",
        "sample while frozen",
        "clear",
        "sample in the cycle of a clear",
        "sample while it clears",
        "nothing yet",
    ),
    *("beyond the entries", "beyond the segments"),
]
BINS = [name for name in BINS if name != "beyond the segments" or SEGMENTS < 4]


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut, self.cover, self.random = dut, Cover("latency", BINS), random.Random(seed())
        self.samples: list[list[int]] = [[] for _ in range(SEGMENTS)]
        self.dropped = self.cycles = 0
        self.before = [(-1, -1)] * SEGMENTS

    async def start(self) -> None:
        for name in ("valid_i", "cycles_i", "freeze_i", "clear_i", "segment_i", "entry_i"):
            getattr(self.dut, name).value = 0
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        self.dut.rst_ni.value = 0
        await RisingEdge(self.dut.clk_i)
        await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1

    async def step(self, samples: dict[int, int], *, freeze: bool = False, clear: bool = False) -> None:
        dut = self.dut
        dut.valid_i.value = sum(1 << n for n in samples)
        dut.cycles_i.value = sum(value << 16 * n for n, value in samples.items())
        dut.freeze_i.value, dut.clear_i.value = int(freeze), int(clear)
        await FallingEdge(dut.clk_i)
        clearing = bool(dut.clearing_o.value)
        left_out = len(samples) if freeze or clear or clearing else 0
        assert int(dut.dropped_o.value) == left_out
        self.note(samples, freeze=freeze, clear=clear, clearing=clearing)
        if not left_out:
            for n, value in samples.items():
                self.samples[n].append(value)
        if clear:
            self.samples = [[] for _ in range(SEGMENTS)]
        self.cycles += 1
        await RisingEdge(dut.clk_i)
        dut.valid_i.value = dut.clear_i.value = 0

    def note(self, samples: dict[int, int], *, freeze: bool, clear: bool, clearing: bool) -> None:
        happened = {
            "sample while it clears": samples and clearing,
            "sample in the cycle of a clear": samples and clear,
            "sample while frozen": samples and freeze,
            "freeze": freeze,
            "clear": clear,
            "all segments at once": len(samples) == SEGMENTS,
        }
        for name, did in happened.items():
            if did:
                self.cover.hit(name)
        self.note_buckets({} if freeze or clear or clearing else samples)

    def note_buckets(self, samples: dict[int, int]) -> None:
        hit = self.cover.hit
        for n in range(SEGMENTS):
            bucket = min(samples[n], BUCKETS - 1) if n in samples else -1
            if bucket >= 0:
                hit(f"bucket {bucket}")
                if samples[n] == 65535:
                    hit("65535 cycles")
                if self.before[n][1] == bucket:
                    hit("the same bucket in two cycles")
                if self.before[n][0] == bucket != self.before[n][1] >= 0:
                    hit("a bucket, another, and the first again")
            self.before[n] = (self.before[n][1], bucket)

    async def read(self, segment: int, entry: int) -> int:
        self.dut.segment_i.value, self.dut.entry_i.value = segment, entry
        await RisingEdge(self.dut.clk_i)
        await FallingEdge(self.dut.clk_i)
        return int(self.dut.value_o.value)

    async def judge(self) -> None:
        for _ in range(3):
            await RisingEdge(self.dut.clk_i)
        self.before = [(-1, -1)] * SEGMENTS
        for n, samples in enumerate(self.samples):
            for bucket in range(BUCKETS):
                expected = sum(min(value, BUCKETS - 1) == bucket for value in samples)
                assert await self.read(n, bucket) == expected, (n, bucket)
            told = [await self.read(n, entry) for entry in (COUNT, SUM, LEAST, MOST)]
            assert told == [len(samples), sum(samples), min(samples, default=65535), max(samples, default=0)]
            if not samples:
                self.cover.hit("nothing yet")
            for entry in (68, 100, 127):
                assert await self.read(n, entry) == 0
                self.cover.hit("beyond the entries")
        for n in range(SEGMENTS, 4):
            for entry in (0, 5, COUNT, LEAST):
                assert await self.read(n, entry) == 0
                self.cover.hit("beyond the segments")
        await RisingEdge(self.dut.clk_i)  # steps begin there


@cocotb.test()
async def random_samples(dut: Any) -> None:
    bench = Bench(dut)
    rng = bench.random
    await bench.start()
    while True:
        await bench.step({0: 5})
        if not dut.clearing_o.value:
            break
    await bench.judge()
    for number in range(ROUNDS):
        often, values = (0.2, 0.9, 1.0)[number % 3], ((3, 4), range(70), (0, 62, 63, 64, 65535), range(70))[number % 4]
        frozen = range(100, 160) if number % 2 == 1 else range(0)
        for cycle in range(SAMPLES):
            samples = {n: rng.choice(values) for n in range(SEGMENTS) if rng.random() < often}
            await bench.step(samples, freeze=cycle in frozen, clear=number % 4 == 2 and cycle == 300)
        await bench.judge()
        if number % 4 == 0:
            await bench.step({}, clear=True)
            await bench.step({})
            while dut.clearing_o.value:
                await bench.step({})
            await bench.judge()
    report_cycles("latency", bench.cycles)
    bench.cover.require_full()
