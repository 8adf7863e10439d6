"""Messages as close as the feed can bring them, rows at any time; order, key and counts are judged in every cycle."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from collections import deque
from dataclasses import replace
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from meltica.hot.layout_gen import Compare, MessageKind, OrderIntentRecord, Side, TimeInForce, TriggerRecord
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed
from sim.rtl.trigger.model import Message, Model, Outcome

SLOTS = int(os.environ["SLOTS"])
KEY_CYCLES = 64
CAUSES = ("not_armed", "not_ready", "resting", "no_key")
START_NS = 1_700_000_000_000_000_000
CYCLES = 30_000
LOCATES = 6 if SLOTS > 8 else 2  # few enough that slots share one
SPACING = 2  # cycles between the ends of two messages, at least
NEVER = -1_000_000


def a_row(slot: int = 0, **changes: int) -> TriggerRecord:
    usual = TriggerRecord(
        slot=slot, enabled=1, kinds=MessageKind.ADD, message_side=0, compare=Compare.AT_MOST, one_shot=0,
        instrument_id=7, account_id=2, strategy_id=3, threshold_ticks=1_000_000, min_lots=0, side=Side.BUY,
        tif=TimeInForce.IOC, flags=0, port_id=1, cooldown_us=0, quantity_lots=100, price_ticks=1_000_100,
        first_order_id=1,
    )  # fmt: skip
    return replace(usual, **changes)


class Bench:
    """One call a cycle. A message is announced (early) and comes some cycles later."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.model = Model(SLOTS)
        self.cycle = 0
        self.now_ns = START_NS
        self.rows: deque[tuple[int, TriggerRecord]] = deque()
        self.last_row = NEVER  # the cycle of the last Trigger row, good or bad
        self.announced: dict[int, int] = {}  # cycle of early -> locate
        self.watched: dict[int, bool] = {}
        self.bad_rows = 0
        self.wanted_bad = 0
        self.told = ""  # the cause that must be told in this cycle
        self.outcomes: list[Outcome] = []

    async def start(self) -> None:
        for name in ("rst_ni", "cfg_valid_i", "msg_valid_i", "early_valid_i", "armed_i", "tx_ready_i", "now_ns_i"):
            getattr(self.dut, name).value = 0
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        for _ in range(3):
            await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1

    async def step(
        self, *, early: int | None = None, message: Message | None = None, row: TriggerRecord | None = None,
        armed: bool = True, ready: bool = True, lead: int = 0,
    ) -> Outcome:  # fmt: skip
        dut = self.dut
        dut.now_ns_i.value = self.now_ns
        dut.armed_i.value, dut.tx_ready_i.value = int(armed), int(ready)
        dut.early_valid_i.value = int(early is not None)
        if early is not None:
            dut.early_locate_i.value = early
        dut.msg_valid_i.value = int(message is not None)
        if message is not None:
            dut.msg_i.value = message.packed()
        dut.cfg_valid_i.value = int(row is not None)
        if row is not None:
            dut.cfg_row_i.value = int.from_bytes(row.to_bytes(), "little")
            self.rows.append((self.cycle, row))
        self._take_rows()
        if early is not None:
            self.watched[self.cycle] = self.model.watches(early) is not None
        await FallingEdge(dut.clk_i)
        outcome = self._judge(message, lead, armed=armed, ready=ready)
        await RisingEdge(dut.clk_i)
        self.cycle += 1
        self.now_ns += 6 + (self.cycle % 5 < 2)
        return outcome

    def _take_rows(self) -> None:
        """A row counts from the second cycle after its own; in the one between nothing fires."""
        while self.rows and self.rows[0][0] + 2 <= self.cycle:
            at, row = self.rows.popleft()
            self.last_row = at
            self.wanted_bad += not self.model.takes(row)

    def _judge(self, message: Message | None, lead: int, *, armed: bool, ready: bool) -> Outcome:
        dut = self.dut
        self.bad_rows += int(dut.bad_row_o.value)
        assert self.bad_rows == self.wanted_bad
        for cause in CAUSES:
            assert int(getattr(dut, f"{cause}_o").value) == (cause == self.told), (cause, self.told)
        self.told = ""
        valid = int(dut.trig_valid_o.value)
        if message is None:
            assert not valid, "an order without a message"
            return Outcome()
        early = self.cycle - lead
        row_between = self.last_row + 1 >= early or any(at + 1 <= self.cycle for at, _ in self.rows)
        asked = 2 <= lead <= KEY_CYCLES + 1 and self.watched.get(early, False) and not row_between
        outcome = self.model.hears(message, self.now_ns, armed=armed, ready=ready, asked=asked)
        self.told = outcome.cause
        self.outcomes.append(outcome)
        assert valid == (outcome.order is not None), (message, outcome, lead)
        if outcome.order is not None:
            got = OrderIntentRecord.from_bytes(int(dut.trig_order_o.value).to_bytes(64, "little"))
            assert got == outcome.order
            key = (got.instrument_id << 40) | (got.account_id << 24) | (got.strategy_id << 8) | got.port_id
            assert self.key_before == (1, key), "the rows were not asked for in the cycle before"
        return outcome

    async def note_key(self) -> None:
        """What was shown in each cycle, one cycle later."""
        self.key_before = (0, 0)
        while True:
            await RisingEdge(self.dut.clk_i)
            self.key_before = int(self.dut.trig_key_valid_o.value), int(self.dut.trig_key_o.value)

    async def idle(self, cycles: int) -> None:
        for _ in range(cycles):
            await self.step()

    async def hear(self, message: Message, lead: int = 4, **changes: bool) -> Outcome:
        await self.step(early=message.locate)
        await self.idle(lead - 1)
        outcome = await self.step(message=message, lead=lead, **changes)
        await self.step()
        return outcome

    async def tell(self, *rows: TriggerRecord) -> None:
        for row in rows:
            await self.step(row=row)
            await self.idle(3)

    def counts(self) -> None:
        packed = int(self.dut.fired_o.value)
        got = {n: packed >> 32 * n & 0xFFFFFFFF for n in range(SLOTS)}
        assert {n: count for n, count in got.items() if count} == self.model.fired
        armed = sum(slot.armed << number for number, slot in self.model.at.items())
        assert int(self.dut.armed_o.value) == armed


async def started(dut: Any) -> Bench:
    bench = Bench(dut)
    await bench.start()
    cocotb.start_soon(bench.note_key())
    return bench


def done(bench: Bench) -> None:
    bench.counts()
    assert bench.bad_rows == bench.wanted_bad
    report_cycles("trigger", bench.cycle)


@cocotb.test()
async def every_condition_at_its_edge(dut: Any) -> None:
    bench = await started(dut)
    cover = Cover("conditions", [
        (kind, kinds, side, sells, hit)
        for kind in "AFUCPEXDQ" for kinds in (1, 2, 3) for side in (0, 1, 2) for sells in (0, 1) for hit in (0, 1)
        if not hit or model_says(kind, kinds, side, sells)
    ])  # fmt: skip
    for kinds in (1, 2, 3):
        for side in (0, 1, 2):
            for compare in Compare:
                await bench.tell(a_row(kinds=kinds, message_side=side, compare=compare, min_lots=50))
                step = 1 if compare == Compare.AT_MOST else -1
                for kind in "AFUCPEXDQ":
                    for sells in (0, 1):
                        for price, shares in ((1_000_000, 50), (1_000_000 + step, 50), (1_000_000, 49)):
                            message = Message(kind, 7, price, shares, bool(sells))
                            outcome = await bench.hear(message)
                            cover.hit((kind, kinds, side, sells, int(outcome.order is not None)))
                assert (await bench.hear(Message("A", 8, 1_000_000, 50, side == Side.SELL))).order is None
                assert (await bench.hear(Message("C", 7, 1_000_000, 50, printable=False))).order is None
    cover.require_full()
    done(bench)


def model_says(kind: str, kinds: int, side: int, sells: int) -> bool:
    model = Model(SLOTS)
    assert model.takes(a_row(kinds=kinds, message_side=side))
    return bool(model.pulled(Message(kind, 7, 1, 1, bool(sells))))


@cocotb.test()
async def one_shot_cooldown_and_ties(dut: Any) -> None:
    bench = await started(dut)
    pull = Message("A", 7, 5, 100)
    await bench.tell(a_row(0, one_shot=1), a_row(1, cooldown_us=2, price_ticks=11), a_row(SLOTS - 1, price_ticks=12))
    orders = [(await bench.hear(pull)).order for _ in range(4)]
    assert [order.price_ticks for order in orders if order] == [1_000_100, 11, 12, 12]
    assert [order.order_id for order in orders if order] == [1, 2, 3, 4]
    await bench.idle(400)
    first = await bench.hear(pull)
    assert first.order
    assert first.order.price_ticks == 11  # It has rested; slot 0 is not armed any more
    # A row arms again, and the numbers never go back.
    await bench.tell(a_row(0, one_shot=1, first_order_id=1000), a_row(1, first_order_id=500))
    again = await bench.hear(pull)
    assert again.order
    assert (again.order.price_ticks, again.order.order_id) == (1_000_100, 1000)
    for changes, cause in (({"armed": False}, "not_armed"), ({"ready": False}, "not_ready")):
        assert (await bench.hear(pull, **changes)).cause == cause
    assert (await bench.hear(pull, lead=1)).cause == "no_key"
    assert (await bench.hear(pull, lead=KEY_CYCLES + 1)).order
    assert (await bench.hear(pull, lead=KEY_CYCLES + 2)).cause == "no_key"
    await bench.tell(a_row(SLOTS - 1, enabled=0), a_row(1, cooldown_us=0xFFFF_FFFF))
    assert (await bench.hear(pull)).order
    assert (await bench.hear(pull)).cause == "resting"
    done(bench)


@cocotb.test()
async def bad_rows(dut: Any) -> None:
    bench = await started(dut)
    await bench.tell(a_row(0))
    bad = [
        {"slot": SLOTS}, {"slot": 255}, {"enabled": 2}, {"kinds": 0}, {"kinds": 4}, {"message_side": 3}, {"compare": 0},
        {"compare": 3}, {"one_shot": 2}, {"instrument_id": 1 << 16}, {"threshold_ticks": -1}, {"min_lots": -1},
        {"threshold_ticks": 1 << 31}, {"min_lots": 1 << 32}, {"side": 0}, {"side": 3}, {"quantity_lots": 0},
        {"quantity_lots": 1 << 20}, {"quantity_lots": -1}, {"price_ticks": 0}, {"price_ticks": 1 << 31},
        {"price_ticks": -1}, {"slot": 1, "account_id": 9}, {"slot": 1, "strategy_id": 9}, {"slot": 1, "port_id": 9},
    ]  # fmt: skip
    for number, changes in enumerate(bad, 1):
        await bench.tell(a_row(**changes))
        assert bench.bad_rows == number, changes
    good = [
        {"slot": 1, "account_id": 9, "enabled": 0},
        {"slot": 1, "account_id": 9, "instrument_id": 8},
        {"account_id": 9},
    ]
    for changes in good:
        await bench.tell(a_row(**changes))
    assert bench.bad_rows == len(bad)
    await bench.step(row=None)
    dut.cfg_row_i.value = 39  # Not a Trigger
    dut.cfg_valid_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.cfg_valid_i.value = 0
    bench.cycle += 1
    await bench.idle(3)
    assert (await bench.hear(Message("A", 7, 5, 100))).order
    done(bench)


@cocotb.test()
async def the_key_goes_when_its_message_is_there(dut: Any) -> None:
    """Held too long it would keep the host's orders out of the gate."""
    bench = await started(dut)
    await bench.tell(a_row(0))
    for lead in range(2, 9):
        await bench.hear(Message("D", 7, 0, 0), lead=lead)
        await bench.idle(2)
        assert bench.key_before[0] == 0, lead
    await bench.step(early=7)  # The other lane's copy of a message that was there already
    for _ in range(KEY_CYCLES + 2):
        await bench.step()
    assert bench.key_before[0] == 0
    await bench.step(early=8)
    await bench.idle(2)
    assert bench.key_before[0] == 0
    done(bench)


@cocotb.test()
async def random_messages(dut: Any) -> None:
    bench = await started(dut)
    dice = random.Random(seed())
    cover = Cover("random", [*CAUSES, "order", "nothing", "row refused", "row taken", "next announced before the end",
                             "one slot after another", *(("slot", n) for n in range(SLOTS))])  # fmt: skip
    coming: deque[tuple[int, int, Message]] = deque()  # early, message
    free_at, last_end = 5, 0
    while bench.cycle < CYCLES:
        if not coming or (len(coming) == 1 and dice.random() < 0.5):
            early = max(free_at, bench.cycle)
            end = max(early + dice.choice((2, 3, 4, 4, 4, 5, 6, 1, 70)), last_end + SPACING)
            message = Message(
                dice.choice("AAAFFUUCPEXD"), dice.randrange(LOCATES), dice.choice((0, 999, 1000, 1001, 5000, 1 << 31)),
                dice.choice((0, 1, 99, 100, 1 << 31)), dice.random() < 0.5, dice.random() < 0.8,
            )  # fmt: skip
            coming.append((early, end, message))
            gap = dice.choice((-1, -1, 0, 1, 5, 30)) if end > early + 1 else 0
            free_at, last_end = end + gap, end
            if gap < 0:
                cover.hit("next announced before the end")
        row = None
        if dice.random() < 0.01:
            row = a_row(
                dice.randrange(SLOTS), enabled=int(dice.random() < 0.9), kinds=dice.randrange(1, 4),
                message_side=dice.randrange(3), compare=dice.choice(list(Compare)), one_shot=dice.randrange(2),
                instrument_id=dice.randrange(LOCATES), threshold_ticks=1000, min_lots=dice.choice((0, 100)),
                cooldown_us=dice.choice((0, 0, 1, 5)), price_ticks=dice.randrange(1, 1 << 31),
                account_id=int(dice.random() < 0.03), quantity_lots=dice.randrange(1, 1 << 20),
                side=dice.choice(list(Side)), first_order_id=dice.choice((0, 1, bench.cycle)),
            )  # fmt: skip
        early_now = next((m.locate for e, _, m in coming if e == bench.cycle), None)
        due = coming[0] if coming and coming[0][1] == bench.cycle else None
        refused = bench.wanted_bad
        outcome = await bench.step(
            early=early_now, message=due[2] if due else None, lead=due[1] - due[0] if due else 0, row=row,
            armed=dice.random() < 0.9, ready=dice.random() < 0.9,
        )  # fmt: skip
        if bench.wanted_bad > refused:
            cover.hit("row refused")
        elif row is not None:
            cover.hit("row taken")
        if due:
            coming.popleft()
            cover.hit(outcome.cause or ("order" if outcome.order else "nothing"))
            if len(bench.model.pulled(due[2])) > 1 and outcome.order:
                cover.hit("one slot after another")
        for number in bench.model.fired:
            cover.hit(("slot", number))
    await bench.idle(10)
    cover.require_full()
    done(bench)
