"""Events of every kind at random and pops at random, beside a model that is asked every cycle."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from meltica.hot.layout_gen import REASON_PASS, AuditKind, AuditRecord, OrderIntentRecord, Status, VerdictRecord
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

DEPTH, VERDICT_DEPTH, CYCLES = (int(os.environ[name]) for name in ("DEPTH", "VERDICT_DEPTH", "CYCLES"))
QUEUES = {"killed": 2, "released": 2, "tripped": 2, "answered": 2, "purged": 4, "verdict": VERDICT_DEPTH}
VALID = {kind: f"{kind}_i" for kind in QUEUES} | {"purged": "purged_valid_i", "verdict": "verdict_valid_i"}
RECORD_CYCLES = 3
BINS = [
    *(f"{kind.name} popped" for kind in AuditKind),
    *("all kinds in one cycle", "full", "lost because full", "one OVERFLOW tells of several", "pop when empty"),
    *("pop and write at once", "pop of the last one", "lost while an OVERFLOW is written", "empty again"),
]
if VERDICT_DEPTH == 2:
    BINS += ["lost because a queue was full"]
if DEPTH > CYCLES // 2:
    BINS = [name for name in BINS if name != "lost while an OVERFLOW is written"]
NOTHING = AuditRecord(**dict.fromkeys([name for name in AuditRecord.__slots__ if name != "type_id"], 0))


class Model:
    """What the block must hold and say, by the description in its page."""

    def __init__(self) -> None:
        self.queues: dict[str, deque[AuditRecord]] = {kind: deque() for kind in QUEUES}
        self.stored: deque[AuditRecord] = deque()
        self.head: AuditRecord | None = None
        self.untold = self.lost = self.written = self.loss_time = 0

    @property
    def held(self) -> int:
        return len(self.stored) + (self.head is not None)

    def step(self, events: Mapping[str, AuditRecord], now: int, *, pop: bool) -> dict[str, bool]:
        """One cycle; which of the interesting things happened."""
        room = self.held != DEPTH
        refused = [kind for kind in events if len(self.queues[kind]) == QUEUES[kind]]
        waiting = next((kind for kind in QUEUES if self.queues[kind]), None)
        pop = pop and self.head is not None
        fetch = bool(self.stored) and (self.head is None or pop)
        record, told, dropped = None, 0, False
        if room and self.untold:
            told = self.untold
            record = replace(NOTHING, kind=AuditKind.OVERFLOW, time_ns=self.loss_time, value=told)
        elif waiting:
            oldest = self.queues[waiting].popleft()
            record, dropped = (oldest, False) if room else (None, True)
        losses = len(refused) + dropped
        if losses and (not self.untold or told):
            self.loss_time = now
        self.untold += losses - told
        self.lost += losses
        if pop or fetch:
            self.head = self.stored.popleft() if fetch else None
        if record:
            self.stored.append(replace(record, sequence_number=self.written))
            self.written += 1
        for kind, event in events.items():
            if kind not in refused:
                self.queues[kind].append(event)
        return {
            "lost because full": dropped,
            "lost because a queue was full": bool(refused),
            "one OVERFLOW tells of several": told > 1,
            "lost while an OVERFLOW is written": bool(told and losses),
            "pop and write at once": pop and record is not None,
            "all kinds in one cycle": len(events) == len(QUEUES),
            "full": not room,
        }


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut, self.model, self.cover = dut, Model(), Cover("audit", BINS)
        self.random = random.Random(seed())
        self.events = self.popped = self.overflowed = self.next_number = 0

    async def start(self) -> None:
        for name in (*VALID.values(), "pop_i"):
            getattr(self.dut, name).value = 0
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        self.dut.rst_ni.value = 0
        await RisingEdge(self.dut.clk_i)
        await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1

    def order(self) -> OrderIntentRecord:
        rng = self.random
        return OrderIntentRecord(
            *(rng.randrange(256) for _ in range(6)),
            *(rng.getrandbits(32), rng.getrandbits(16), rng.getrandbits(16), rng.getrandbits(64)),
            *(rng.getrandbits(64) - 2**63 for _ in range(2)),
            *(rng.getrandbits(64), rng.getrandbits(64) - 2**63, rng.getrandbits(64) - 2**63),
        )

    def happen(self, kind: str, now: int) -> AuditRecord:
        """Drives the ports of an event of this kind; the record that it makes."""
        dut, rng = self.dut, self.random
        getattr(dut, VALID[kind]).value = 1
        if kind == "killed":
            dut.killed_cause_i.value = cause = rng.randrange(256)
            return replace(NOTHING, kind=AuditKind.KILLED, time_ns=now, value=cause)
        if kind == "released":
            return replace(NOTHING, kind=AuditKind.RELEASED, time_ns=now)
        if kind == "tripped":
            dut.tripped_token_i.value = token = rng.getrandbits(32)
            return replace(NOTHING, kind=AuditKind.WATCHDOG, time_ns=now, value=token)
        if kind == "answered":
            dut.answered_type_id_i.value = type_id = rng.getrandbits(16)
            dut.answered_status_i.value = status = rng.choice(list(Status))
            made = AuditKind.COMMITTED if status == Status.OK else AuditKind.BAD_COMMIT
            return replace(NOTHING, kind=made, reason=status, time_ns=now, value=type_id)
        order = self.order()
        common = {name: getattr(order, name) for name in ("action", "side", "port_id", "order_type", "instrument_id")}
        common |= {name: getattr(order, name) for name in ("account_id", "strategy_id", "order_id", "price_ticks")}
        common |= {"quantity_lots": order.quantity_lots, "time_ns": now}
        if kind == "purged":
            dut.purged_order_i.value = int.from_bytes(order.to_bytes(), "little")
            return replace(NOTHING, kind=AuditKind.PURGED, **common)
        reason = rng.choice((REASON_PASS, rng.randrange(37)))
        verdict = VerdictRecord(reason, order.action, order.order_id, rng.getrandbits(64), rng.getrandbits(64) - 2**63)
        dut.verdict_i.value = int.from_bytes(verdict.to_bytes(), "little")
        dut.verdict_order_i.value = int.from_bytes(order.to_bytes(), "little")
        dut.verdict_value_i.value = value = rng.getrandbits(64)
        made = AuditKind.PASSED if reason == REASON_PASS else AuditKind.REFUSED
        told = {"fired_mask": verdict.fired_mask, "reserved_price_ticks": verdict.reserved_price_ticks, "value": value}
        return replace(NOTHING, kind=made, reason=reason, **common, **told)

    async def step(self, kinds: list[str], *, pop: bool) -> None:
        dut, model, now = self.dut, self.model, self.random.getrandbits(64)
        dut.now_ns_i.value = now
        for name in VALID.values():
            getattr(dut, name).value = 0
        events = {kind: self.happen(kind, now) for kind in kinds}
        dut.pop_i.value = int(pop)
        await FallingEdge(dut.clk_i)
        self.judge()
        if pop:
            self.take()
        for name, happened in model.step(events, now, pop=pop).items():
            if happened and name in BINS:
                self.cover.hit(name)
        self.events += len(events)
        await RisingEdge(dut.clk_i)

    def judge(self) -> None:
        dut, model = self.dut, self.model
        assert int(dut.level_o.value) == (model.held if model.head else 0)
        assert int(dut.lost_o.value) == model.lost
        assert bool(dut.losing_o.value) == (model.untold != 0)
        shown = int(dut.record_o.value)
        if model.head is None:
            assert shown == 0
        else:
            assert AuditRecord.from_bytes(shown.to_bytes(AuditRecord.SIZE, "little")) == model.head

    def take(self) -> None:
        """What the host sees, without the model: numbers without holes, and sums that come out."""
        shown = int(self.dut.record_o.value)
        if not shown:
            self.cover.hit("pop when empty")
            return
        record = AuditRecord.from_bytes(shown.to_bytes(AuditRecord.SIZE, "little"))
        assert record.sequence_number == self.next_number
        self.next_number += 1
        self.cover.hit(f"{AuditKind(record.kind).name} popped")
        if int(self.dut.level_o.value) == 1:
            self.cover.hit("pop of the last one")
        if record.kind == AuditKind.OVERFLOW:
            self.overflowed += record.value
        else:
            self.popped += 1


@cocotb.test()
async def random_events(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    for number, kind in enumerate(QUEUES):  # with nothing else inside a record is there after so many cycles
        await bench.step([kind], pop=False)
        for _ in range(RECORD_CYCLES - 1):
            await bench.step([], pop=True)
        assert bench.next_number == number
        await bench.step([], pop=True)
        assert bench.next_number == number + 1
    rng, often, pops, only = bench.random, 0.2, 0.2, 0.0
    for cycle in range(CYCLES):
        if cycle % 250 == 0:
            often, pops, only = (
                rng.choice((0.02, 0.2, 0.9)),
                rng.choice((0.0, 0.1, 0.5, 1.0)),
                rng.choice((0.0, 0.3, 1.0)),
            )
            if DEPTH > CYCLES // 2:
                often, pops = (0.9, 0.0) if cycle < DEPTH + 1000 else (0.2, 0.9)
        kinds = [kind for kind in QUEUES if rng.random() < (often if kind == "verdict" else often * only)]
        await bench.step(kinds if rng.random() < 0.99 else list(QUEUES), pop=rng.random() < pops)
    while bench.model.held or bench.model.untold or any(bench.model.queues.values()):
        await bench.step([], pop=True)
    await bench.step([], pop=True)
    bench.cover.hit("empty again")
    assert bench.events == bench.popped + bench.overflowed
    assert bench.overflowed == int(dut.lost_o.value)
    report_cycles("audit", CYCLES)
    bench.cover.require_full()
