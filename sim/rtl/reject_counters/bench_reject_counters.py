"""Verdicts in every cycle, counted in Python as well; the last refused one word by word."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from collections import Counter
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from meltica.hot.layout_gen import REASON_PASS, Action, AuditKind, AuditRecord, OrderIntentRecord, VerdictRecord
from meltica.hot.rulebook_gen import Check
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

START = int(os.environ["START"])
ORDERS, ENTRIES = 6_000, 132
SETTLES = 3 * ENTRIES  # cycles until every pulse is in the memory
BINS = [
    *(f"reason {check.name}" for check in Check),
    *(f"fired {check.name}" for check in Check),
    *(f"passed {action.name}" for action in Action),
    *("all checks at once", "one order a cycle", "an idle cycle", "the same check in two cycles", "beyond the entries"),
]


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut, self.cover = dut, Cover("reject_counters", BINS)
        self.random = random.Random(seed())
        self.counts: Counter[int] = Counter()
        self.refused, self.last = 0, b""
        self.before = -1

    async def start(self) -> None:
        self.dut.verdict_valid_i.value = 0
        self.dut.index_i.value = 0
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        self.dut.rst_ni.value = 0
        await RisingEdge(self.dut.clk_i)
        await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1

    async def order(self) -> None:
        rng, dut = self.random, self.dut
        action = rng.choice(list(Action))
        mask = rng.choice((0, 1 << rng.randrange(37), rng.getrandbits(37), (1 << 37) - 1))
        if action == Action.CANCEL:
            mask &= 1
        reason = (mask & -mask).bit_length() - 1 if mask else REASON_PASS
        order = OrderIntentRecord(action, 1, 0, 3, 2, 0, rng.getrandbits(32), 5, 6, rng.getrandbits(64), -7, 8, 9, 0, 0)
        verdict = VerdictRecord(reason, action, order.order_id, mask, rng.getrandbits(63))
        now, value = rng.getrandbits(64), rng.getrandbits(64)
        dut.verdict_valid_i.value, dut.now_ns_i.value, dut.verdict_value_i.value = 1, now, value
        dut.verdict_i.value = int.from_bytes(verdict.to_bytes(), "little")
        dut.verdict_order_i.value = int.from_bytes(order.to_bytes(), "little")
        self.note(verdict)
        if reason == REASON_PASS:
            self.counts[128 + action] += 1
        else:
            self.refused += 1
            self.last = AuditRecord(
                *(AuditKind.REFUSED, reason, action, 1, 3, 2, order.instrument_id, 5, 6, self.refused, now),
                *(order.order_id, -7, 8, mask, verdict.reserved_price_ticks, value),
            ).to_bytes()
            self.counts[reason] += 1
        self.counts.update(64 + check for check in range(37) if mask >> check & 1)
        await RisingEdge(dut.clk_i)
        dut.verdict_valid_i.value = 0

    def note(self, verdict: VerdictRecord) -> None:
        hit = self.cover.hit
        if verdict.reason == REASON_PASS:
            hit(f"passed {Action(verdict.action).name}")
        else:
            hit(f"reason {Check(verdict.reason).name}")
            if verdict.reason == self.before:
                hit("the same check in two cycles")
        for check in Check:
            if verdict.fired_mask >> check & 1:
                hit(f"fired {check.name}")
        if verdict.fired_mask == 2**37 - 1:
            hit("all checks at once")
        self.before = verdict.reason

    async def read(self, index: int) -> int:
        self.dut.index_i.value = index
        await RisingEdge(self.dut.clk_i)
        await FallingEdge(self.dut.clk_i)
        return int(self.dut.value_o.value)

    async def judge(self) -> None:
        for _ in range(SETTLES):
            await RisingEdge(self.dut.clk_i)
        for index in range(ENTRIES):
            assert await self.read(index) == (START + self.counts[index]) % 2**64, index
        for index in (132, 200, 255):
            assert await self.read(index) == 0
            self.cover.hit("beyond the entries")
        assert int(self.dut.last_o.value).to_bytes(AuditRecord.SIZE, "little") == (self.last or bytes(AuditRecord.SIZE))


@cocotb.test()
async def random_verdicts(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    for _ in range(20):  # while the memory is still being filled
        await bench.order()
    assert not dut.init_done_o.value
    await bench.judge()
    idle, cycles = 0.0, 0
    for number in range(ORDERS):
        if number % 500 == 0:
            idle = bench.random.choice((0.0, 0.0, 0.5))
        while bench.random.random() < idle:
            await RisingEdge(dut.clk_i)
            bench.before, cycles = -1, cycles + 1
            bench.cover.hit("an idle cycle")
        await bench.order()
        cycles += 1
        if not idle:
            bench.cover.hit("one order a cycle")
        if number % 1500 == 700:
            await bench.judge()
    await bench.judge()
    report_cycles("reject_counters", cycles)
    bench.cover.require_full()
