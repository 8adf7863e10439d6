"""Told rows, market updates and a core that takes its time, all at once, beside the twin."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from meltica.hot import layout_gen as lay
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.gate_tell.market import FAULTS, QUOTE, REFERENCE, Update, random_update
from sim.rtl.gate_tell.rows import GATE_RECORDS, Sizes, one_field_off, plain, random_row, row_of
from sim.rtl.gate_tell.scoreboard import SHADOWED, Scoreboard, read_op
from sim.rtl.runner import seed

SIZES = Sizes(*map(int, os.environ["SIZES"].split(",")))
UNIT = 100_000
MARKET_LATENCY = 7  # cycles from the one in which an update is taken to the one in which its op is offered
DIVISION, TOLD_CYCLES = 64, 90  # of one limit on open value, and until it is answered
TOLD_LATENCY = {  # cycles from the one in which a row is taken to the one in which its op is offered
    **dict.fromkeys((lay.KillRecord, lay.LeaseRecord, lay.QuoteRecord), 8),
    lay.PortLimitsRecord: 10,
    **dict.fromkeys((lay.InstrumentLimitsRecord, lay.AccountLimitsRecord, lay.CreditRecord), 77),
}
FLOW_BINS = [
    *("a market op while a told row is inside", "an op held back", "an op taken at once", "done at once"),
    *("done later", "refused by the rows", "refused at random", "a full queue", "updates back to back"),
    *("an update of an instrument whose limits are under way", "told of an instrument that has just moved"),
]


class Pace(NamedTuple):
    """How often, of 1: a row is told, an update comes, the core takes an op, it says done, it refuses."""

    told: float = 1.0
    market: float = 0.0
    ready: float = 1.0
    done: float = 1.0
    refuse: float = 0.0


class Bench:
    def __init__(self, dut: Any, dice: random.Random, unit: int = UNIT) -> None:
        self.dut, self.dice = dut, dice
        self.board = Scoreboard(SIZES, unit)
        self.flow, self.drops = Cover("gate_tell flow", FLOW_BINS), Cover("gate_tell drops", FAULTS)
        self.answers = Cover("gate_tell answers", [(one.__name__, status) for one in GATE_RECORDS for status in (1, 3)])
        self.told: bytes | None = None  # offered or inside
        self.inside = False
        self.waiting: bytes | None = None  # an op of the host's that the core has not finished
        self.expected_status: int | None = None
        self.offered: Update | None = None
        self.queue: deque[tuple[bytes, int]] = deque()  # good updates on their way, and when they were taken
        self.dropped = self.cycle = self.ops = self.taken = 0
        self.latencies: list[int] = []
        self.told_at = self.op_at = self.done_at = 0
        self.told_latencies: list[tuple[int, int]] = []  # taken to op, done to answer
        self.last_instrument: int | None = None

    async def start(self) -> None:
        dut = self.dut
        dut.rst_ni.value = 0
        for name in ("told_valid_i", "market_valid_i", "op_ready_i", "op_done_i", "op_ok_i", "told_row_i", "market_i"):
            getattr(dut, name).value = 0
        dut.unit_nanos_i.value = self.board.unit
        cocotb.start_soon(Clock(dut.clk_i, 6400, "ps").start())
        await RisingEdge(dut.clk_i)
        await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        await self.ready()

    async def ready(self) -> None:
        """Until the tables are swept and the unit's bound is worked out."""
        for _ in range(2 * max(SIZES.instruments, 1 + SIZES.accounts + SIZES.strategies) + 200):
            await FallingEdge(self.dut.clk_i)
            assert not int(self.dut.op_valid_o.value)
            self.cycle += 1
            if int(self.dut.init_done_o.value):
                assert int(self.dut.sat_units_o.value) == self.board.saturated_units
                return
        raise AssertionError("init_done_o never came")

    async def run(self, rows: Iterable[bytes], updates: Iterator[Update], pace: Pace, spare: int = 0) -> None:
        """Until all rows are answered; the queue of the market is emptied, too. `spare`: cycles at least."""
        rows, end = iter(rows), self.cycle + spare
        row = next(rows, None)
        while row is not None or self.told is not None or self.queue or self.cycle < end:
            market = updates if row is not None or self.cycle < end else iter(())
            if await self.step(row, market, pace):
                row = next(rows, None)

    async def step(self, row: bytes | None, updates: Iterator[Update], pace: Pace) -> bool:
        """One cycle; whether it has taken the row."""
        dut, dice = self.dut, self.dice
        await RisingEdge(dut.clk_i)
        if self.told is None and row is not None and dice.random() < pace.told:
            self.told = row
            dut.told_row_i.value = int.from_bytes(row, "little")
        dut.told_valid_i.value = int(self.told is not None and not self.inside)
        if self.offered is None and dice.random() < pace.market:
            self.offered = next(updates, None)
            dut.market_i.value = self.offered.bits if self.offered else 0
        dut.market_valid_i.value = int(self.offered is not None)
        ready = dice.random() < pace.ready
        dut.op_ready_i.value, dut.op_done_i.value = int(ready), 0
        await FallingEdge(dut.clk_i)
        self.cycle += 1
        self.judge_answer()
        if int(dut.op_valid_o.value):
            self.judge_op(taken=ready)
        if self.waiting is not None and dice.random() < pace.done:
            self.finish(pace)
        self.take_update()
        return self.take_row()

    def take_row(self) -> bool:
        dut = self.dut
        assert int(dut.busy_o.value) == self.inside
        if self.told is None or self.inside or not int(dut.told_ready_o.value):
            return False
        self.inside, self.expected_status, self.told_at = True, None, self.cycle
        verdict = self.board.verdict(self.told)
        if verdict != lay.Status.OK:
            self.expected_status = verdict
        return True

    def take_update(self) -> None:
        if self.offered is None:
            return
        if not int(self.dut.market_ready_o.value):
            self.flow.hit("a full queue")
            return
        row = self.offered.row(self.board)
        if row is None:
            self.drops.hit(self.offered.fault(SIZES))
            self.dropped += 1
        else:
            self.queue.append((row, self.cycle))
        self.offered = None
        self.taken += 1

    def judge_op(self, *, taken: bool) -> None:
        op, flow = read_op(int(self.dut.op_o.value)), self.flow
        flow.hit("an op taken at once" if taken else "an op held back")
        held = self.waiting is not None and isinstance(self.board.record_of(self.waiting), SHADOWED)
        assert not held, "the core has not yet said whether the shadow changes"
        if op["from_host"]:
            assert self.told is not None
            assert self.inside, "an op of no told row"
            assert self.expected_status is None, "a second op of one told row"
            row = self.told
        else:
            assert self.queue, "an op of no update"
            row = self.queue[0][0]
        expected = self.board.op(row, from_host=bool(op["from_host"]))
        assert op == expected, {name: (op[name], expected[name]) for name in op if op[name] != expected[name]}
        if taken:
            self.take_op(op, row)

    def take_op(self, op: dict[str, int], row: bytes) -> None:
        flow, record = self.flow, self.board.record_of(row)
        self.ops += 1
        instrument = getattr(record, "instrument_id", None)
        if op["from_host"]:
            self.waiting, self.op_at = row, self.cycle
            if isinstance(record, SHADOWED) and instrument == self.last_instrument:
                flow.hit("told of an instrument that has just moved")
        else:
            _, when = self.queue.popleft()
            self.latencies.append(self.cycle - when)
            assert self.board.tell(row)
            if self.inside:
                flow.hit("a market op while a told row is inside")
            limits = self.told and self.board.record_of(self.told)
            if isinstance(limits, lay.InstrumentLimitsRecord) and limits.instrument_id == instrument:
                flow.hit("an update of an instrument whose limits are under way")
            if instrument is not None and instrument == self.last_instrument:
                flow.hit("updates back to back")
        self.last_instrument = instrument

    def finish(self, pace: Pace) -> None:
        dut, flow = self.dut, self.flow
        assert self.waiting is not None
        flow.hit("done at once" if int(dut.op_valid_o.value) and int(dut.op_ready_i.value) else "done later")
        if self.dice.random() < pace.refuse:
            ok = False
            flow.hit("refused at random")
        else:
            ok = self.board.tell(self.waiting)
            if not ok:
                flow.hit("refused by the rows")
        dut.op_done_i.value, dut.op_ok_i.value = 1, int(ok)
        self.expected_status = lay.Status.OK if ok else lay.Status.BAD_ARGUMENT
        self.waiting, self.done_at = None, self.cycle

    def judge_answer(self) -> None:
        if not int(self.dut.answer_valid_o.value):
            return
        answer = lay.AnswerRecord.from_bytes(int(self.dut.answer_o.value).to_bytes(16, "little"))
        assert self.told is not None
        assert self.inside
        assert self.waiting is None
        type_id = int.from_bytes(self.told[:2], "little")
        assert self.expected_status is not None, f"{answer}: too early"
        assert answer == lay.AnswerRecord(type_id, self.expected_status, 0), (answer, self.told.hex())
        if self.expected_status != lay.Status.BAD_RECORD:
            self.answers.hit((lay.RECORDS[type_id].__name__, self.expected_status))
        self.told, self.inside = None, False
        self.told_latencies.append((self.op_at - self.told_at, self.cycle - self.done_at))

    def finished(self) -> None:
        assert int(self.dut.market_dropped_o.value) == self.dropped
        report_cycles("gate_tell", self.cycle)


def market(dice: random.Random) -> Iterator[Update]:
    while True:
        yield random_update(SIZES, dice)


@cocotb.test()
async def every_field_at_its_edges(dut: Any) -> None:
    dice = random.Random(seed())
    bench = Bench(dut, dice)
    await bench.start()
    bins: dict[str, set[int]] = {}
    for name, row in one_field_off(SIZES, UNIT, dice):
        status = bench.board.verdict(row)
        bins.setdefault(name, set()).add(int(status))
        await bench.run([row], iter(()), Pace())
    # What can be wrong, was: every field with a bound has been refused and taken.
    always = {f"{one.__name__}.{name}" for one in GATE_RECORDS for name in UNBOUNDED}
    bounded = Cover("gate_tell fields", [name for name in bins if name not in always])
    for name, found in bins.items():
        if name not in always and found == {1, 3}:
            bounded.hit(name)
    bounded.require_full()
    bench.finished()


UNBOUNDED = {
    *("time_ns", "order_id", "messages_per_second", "max_open_orders", "max_executions", "until_ns", "delta_nanos"),
    *("pnl_nanos", "max_impact_percent", "reference_max_age_ns", "session_open_ns", "session_close_ns"),
    *("self_match_group", "max_consecutive_rejects", "duplicate_window_ns", "rearm_after_ns"),
}


@cocotb.test()
async def random_stream(dut: Any) -> None:
    dice = random.Random(seed())
    bench = Bench(dut, dice)
    await bench.start()
    stream = market(dice)
    paces = [
        *(Pace(market=0.3), Pace(market=1.0), Pace(0.1, 0.5, 0.5, 0.5, 0.1), Pace(1.0, 0.9, 0.3, 0.1, 0.3)),
        *(Pace(0.5, 0.05, 1.0, 0.02, 0.1), Pace(1.0, 0.0, 0.05, 1.0), Pace(0.3, 1.0, 0.9, 0.3, 0.5)),
    ]
    for number in range(28 if SIZES.instruments < 1000 else 7):
        pace = paces[number % len(paces)]
        rows = [random_row(SIZES, UNIT, dice) for _ in range(30)]
        if number % 3 == 0:  # limits, references and quotes of few instruments, that meet the market's
            rows = [shadowed_row(dice) for _ in range(30)]
        await bench.run(rows, stream, pace)
    for _ in range(20 if bench.answers.missing() else 0):  # The core may say no to any record
        rows = [row_of(record, plain(record, SIZES, UNIT, dice), dice) for record in GATE_RECORDS]
        await bench.run(rows, stream, Pace(market=0.1, refuse=0.5))
    if 1 < SIZES.instruments < 1000:
        for cover in (bench.flow, bench.drops, bench.answers):
            cover.require_full()
    bench.finished()


def shadowed_row(dice: random.Random) -> bytes:
    record = dice.choice(SHADOWED)
    values = plain(record, SIZES, UNIT, dice) | {"instrument_id": dice.randrange(min(3, SIZES.instruments))}
    return row_of(record, values, dice)


@cocotb.test()
async def a_new_unit(dut: Any) -> None:
    """Its bound is there before the next row; until then everything is worth too much."""
    dice = random.Random(seed())
    bench = Bench(dut, dice, unit=0)
    await bench.start()
    for unit in (0, 1, 2, 3, 100_000, 2**31, 2**32 - 1, dice.randrange(1, 2**32), 0, 100_000):
        bench.board.set_unit(unit)
        await RisingEdge(dut.clk_i)
        dut.unit_nanos_i.value = unit
        await FallingEdge(dut.clk_i)
        assert not int(dut.told_ready_o.value) or unit == 0
        if unit:
            await FallingEdge(dut.clk_i)
            assert int(dut.sat_units_o.value) == 0
        await bench.ready()
        await bench.run([random_row(SIZES, unit, dice) for _ in range(30)], market(dice), Pace(market=0.2))
        rows = [row_of(record, plain(record, SIZES, unit, dice), dice) for record in GATE_RECORDS]
        await bench.run(rows, market(dice), Pace())
        assert int(dut.sat_units_o.value) == bench.board.saturated_units
    bench.finished()


@cocotb.test()
async def latency_and_rate(dut: Any) -> None:
    """A market update takes as long with a division under way as without one; they flow one a cycle."""
    dice = random.Random(seed())
    bench = Bench(dut, dice)
    await bench.start()
    nothing: Iterator[Update] = iter(())
    for _ in range(20):
        update = Update(dice.choice([REFERENCE, QUOTE]), 0, 5, 6, 7, 8, 0, 0, 9)
        await bench.run([], iter([update]), Pace(market=1.0), spare=1)
    assert set(bench.latencies) == {MARKET_LATENCY}, set(bench.latencies)
    begin, bench.latencies[:] = bench.cycle, []
    row = row_of(lay.FirmLimitsRecord, plain(lay.FirmLimitsRecord, SIZES, UNIT, dice), dice)
    updates = (Update(dice.choice([REFERENCE, QUOTE]), 0, 5, 6, 7, 8, 0, 0, 9) for _ in range(60))
    await bench.run([row], updates, Pace(market=1.0))
    told_cycles = bench.cycle - begin
    assert max(bench.latencies) == MARKET_LATENCY, bench.latencies
    assert DIVISION < told_cycles < TOLD_CYCLES, told_cycles
    begin, bench.latencies[:] = bench.cycle, []
    updates = (random_update(Sizes(1, 1, 1, 1), dice)._replace(kind=REFERENCE, instrument=0) for _ in range(400))
    await bench.run([], updates, Pace(market=1.0), spare=400)
    assert len(bench.latencies) == 400
    assert set(bench.latencies) == {MARKET_LATENCY}
    await bench.run([], nothing, Pace())
    for record, cycles in TOLD_LATENCY.items():
        bench.told_latencies.clear()
        await bench.run([row_of(record, plain(record, SIZES, UNIT, dice), dice) for _ in range(5)], nothing, Pace())
        assert set(bench.told_latencies) == {(cycles, 2)}, (record, bench.told_latencies)
    bench.finished()
