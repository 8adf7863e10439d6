"""Drives the risk gate cycle by cycle and judges each verdict and answer by the twin."""

from __future__ import annotations

from collections import deque
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from meltica.hot import layout_gen as lay
from meltica.hot.bounds import card_bounds
from meltica.hot.gate_twin import Gate
from meltica.hot.intent_twin import OrderIntent
from meltica.hot.layout_gen import Action, KillScope, OrderIntentRecord, Status
from meltica.hot.rulebook_gen import PASS, Check
from meltica.hot.state import COLUMNS
from sim.rtl.coverage import Cover
from sim.rtl.risk_gate.words import (
    HOST,
    KILL,
    KIND_NONE,
    KIND_ORDER,
    KIND_QUERY,
    KIND_TOLD,
    LATENCY,
    LIMITS,
    MARKET,
    MOST_FORWARDED,
    QUERY,
    REASON_PASS,
    RECORDS,
    RELEASE,
    SIGNED,
    TABLE_GATE,
    TABLES,
    TOLD,
    TRIG,
    TRIG_KEY,
    Raw,
    Slot,
    key_of,
    market_of,
    named,
    row_keys,
)


class Bench:
    """One gate, its twin, and what is on its way between them."""

    def __init__(self, dut: Any, shape: dict[str, int], cover: Cover, unit_nanos: int, *, leased: bool = False) -> None:
        self.dut, self.shape, self.cover, self.unit_nanos, self.leased = dut, shape, cover, unit_nanos, leased
        self.cycles = 0
        self.fresh_twin()

    def fresh_twin(self) -> None:
        shape = self.shape
        self.twin = Gate(
            shape["Instruments"],
            shape["Accounts"],
            shape["DuplicateDepth"],
            shape["FutureToleranceNs"],
            shape["Strategies"],
            shape["WorkingOrders"],
            self.leased,
            card_bounds(self.unit_nanos, shape["Ports"]),
        )
        self.host: deque[bytes] = deque()
        self.told: deque[bytes] = deque()
        self.market: deque[bytes] = deque()
        self.told_inside: deque[bytes] = deque()  # accepted, not answered
        self.market_inside: deque[bytes] = deque()
        self.statuses: deque[int] = deque()  # of told rows that the twin has seen: the answer to come
        self.slots: deque[Slot] = deque([Slot(KIND_NONE)] * LATENCY, maxlen=LATENCY)
        self.trig_order: bytes | None = None  # whose key was offered in the last cycle
        self.trig_fields: bytes | None = None  # what comes behind it, if it is another one
        self.keyed = True
        self.driven = 0
        self.own: dict[int, int] = {}  # order id by slot
        self.was = (Slot(KIND_NONE), Slot(KIND_NONE))  # that left stage 2 last, and before that
        self.passed_at: dict[tuple[str, int], int] = {}
        self.last_statuses: list[int] = []
        self.query_value: int | None = None
        self.verdicts = 0
        self.seen = 0

    async def start(self) -> None:
        dut = self.dut
        dut.rst_ni.value = 0
        dut.valid_i.value = 0
        dut.leased_i.value = int(self.leased)
        dut.unit_nanos_i.value = self.unit_nanos
        for name in ("trig_key_i", "trig_order_i", "host_order_i", "market_i", "told_row_i", "query_i"):
            getattr(dut, name).value = 0
        self.clock = cocotb.start_soon(Clock(dut.clk_i, 6400, "ps").start())
        await self.restart()

    async def restart(self, *, sweep: bool = True) -> None:
        """A reset, a fresh twin, and unless the caller does it a sweep."""
        dut = self.dut
        dut.rst_ni.value = 0
        dut.valid_i.value = 0
        dut.leased_i.value = int(self.leased)
        dut.unit_nanos_i.value = self.unit_nanos
        for _ in range(4):
            await FallingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        self.fresh_twin()
        while sweep and not int(dut.now_o.value) & 1:
            await FallingEdge(dut.clk_i)
            self.cycles += 1

    # --- one cycle ---

    async def cycle(
        self,
        trig: bytes | None = None,
        *,
        kill: bool = False,
        release: bool = False,
        query: int | None = None,
        trig_fields: bytes | None = None,
        stray: bytes | None = None,
        unready: bool = False,
    ) -> None:
        """Looks at the last edge, then drives until the next: `trig` is an order whose key comes now.

        `trig_fields`: another order comes behind that key. `stray`: an order that has none comes behind this cycle.
        `unready`: the tables are not swept yet.
        """
        dut = self.dut
        await FallingEdge(dut.clk_i)
        self.cycles += 1
        self.observe()
        valid = 0
        if (behind := self.trig_fields or self.trig_order) is not None:
            valid |= TRIG
            dut.trig_order_i.value = int.from_bytes(behind, "little")
        if trig is not None:
            valid |= TRIG_KEY
            dut.trig_key_i.value = key_of(trig)
        self.trig_order, self.trig_fields = trig, trig_fields or stray
        self.keyed = trig_fields is None and not unready
        if self.host:
            valid |= HOST
            dut.host_order_i.value = int.from_bytes(self.host[0], "little")
        if self.told:
            valid |= TOLD
            dut.told_row_i.value = int.from_bytes(self.told[0], "little")
        if self.market:
            valid |= MARKET
            word = market_of(self.market[0])
            assert word is not None
            dut.market_i.value = word
        if kill:
            valid |= KILL
        if release:
            valid |= RELEASE
        if query is not None:
            valid |= QUERY
            dut.query_i.value = query
        if valid != self.driven:
            dut.valid_i.value = valid
            self.driven = valid

    def observe(self) -> None:
        dut = self.dut
        seen, now = int(dut.seen_o.value), int(dut.now_o.value)
        self.settle(self.slots[0], killed=bool(seen >> 5 & 1), kill=bool(seen >> 4 & 1), release=bool(seen >> 3 & 1))
        if seen >> 6 & 1:
            self.told_inside.append(self.told.popleft())
        if seen >> 7 & 1:
            self.market_inside.append(self.market.popleft())
        self.slots.append(self.entered(seen))
        if now >> 2 & 1:
            self.answered()
        if now >> 1 & 1:
            self.query_value = int(dut.query_value_o.value)

    def entered(self, seen: int) -> Slot:
        """What took the slot at the last edge."""
        kind = seen >> 12 & 3
        if seen >> 8 & 1:
            return Slot(KIND_ORDER, order=self.host.popleft())
        if self.driven & HOST:
            who = {KIND_ORDER: "the trigger", KIND_TOLD: "a told row"}.get(kind, "a turn")
            self.cover.hit(f"the host waits for {who}")
        if seen >> 9 & 1:
            assert kind == KIND_ORDER or not self.keyed, "the trigger waited"
            assert self.trig_order is not None
            return Slot(KIND_ORDER, self.keyed, order=self.trig_fields or self.trig_order)
        if self.trig_fields is not None:
            return Slot(KIND_ORDER, keyed=False, order=self.trig_fields)
        if kind == KIND_TOLD and not seen >> 10 & 1:
            from_host = bool(seen >> 11 & 1)
            told = self.told_inside[0] if from_host else self.market_inside.popleft()
            return Slot(KIND_TOLD, told=told, from_host=from_host)
        return Slot(KIND_QUERY if kind == KIND_QUERY else KIND_NONE)

    # --- the judge ---

    def settle(self, slot: Slot, *, killed: bool, kill: bool, release: bool) -> None:
        """What was in stage 2 in the cycle that just ended."""
        twin, before = self.twin, self.twin.killed
        engages = False
        if kill:
            twin.kill()
        if slot.kind == KIND_TOLD:
            engages = self.tell(slot)
        assert killed == (before or kill or engages), f"killed_o is {killed}"
        valid = bool(int(self.dut.now_o.value) >> 3 & 1)
        assert valid == (slot.kind == KIND_ORDER), "a verdict comes 2 cycles after its order, and only then"
        if slot.kind == KIND_ORDER:
            self.judge(slot.order, keyed=slot.keyed)
        self.cover_neighbours(slot, engaged=not before and twin.killed, released=before and release)
        if release and not engages:
            twin.unkill()
        if kill:
            twin.kill()
        if slot.kind != KIND_NONE:
            self.follow_own_orders()

    def tell(self, slot: Slot) -> bool:
        """Whether it engages the global switch."""
        record = RECORDS[int.from_bytes(slot.told[:2], "little")]
        status = self.twin_answers(slot.told)
        name = record.__name__.removesuffix("Record")
        if slot.from_host:
            self.statuses.append(status)
            self.cover.hit(f"told {name} {status.name}")
        else:
            assert status == Status.OK, f"the market told {slot.told.hex()}"
            self.cover.hit(f"market {name}")
        if record is not lay.KillRecord or status != Status.OK:
            return False
        kill = lay.KillRecord.from_bytes(slot.told)
        return kill.scope == KillScope.GLOBAL and kill.engage == 1

    def twin_answers(self, row: bytes) -> Status:
        try:
            self.twin.tell(Raw(row))  # type: ignore[arg-type]
        except ValueError as error:
            return Status.BAD_RECORD if "no record of the gate" in str(error) else Status.BAD_ARGUMENT
        return Status.OK

    def answered(self) -> None:
        answer = lay.AnswerRecord.from_bytes(int(self.dut.answer_o.value).to_bytes(lay.AnswerRecord.SIZE, "little"))
        row = self.told_inside.popleft()
        type_id = int.from_bytes(row[:2], "little")
        assert answer.answered_type_id == type_id
        if self.statuses:
            expected = self.statuses.popleft()
        else:  # It never entered: the twin refuses it too.
            expected = Status.BAD_RECORD if type_id not in RECORDS else self.twin_answers(row)
            assert expected != Status.OK, f"the gate left out {row.hex()}"
            if expected == Status.BAD_ARGUMENT:
                self.cover.hit(f"told {RECORDS[type_id].__name__.removesuffix('Record')} BAD_ARGUMENT")
            else:
                self.cover.hit("told what is no record of the gate")
        self.last_statuses.append(answer.status)
        assert answer.status == expected, f"{row.hex()}: status {answer.status}, not {expected.name}"

    def judge(self, order: bytes, *, keyed: bool) -> None:
        dut, twin = self.dut, self.twin
        self.verdicts += 1
        fields = OrderIntentRecord.CODEC.unpack(order)
        # An order that came without its key is as good as none.
        reason = twin.check(OrderIntent.from_bytes(order if keyed else bytes(len(order))))
        verdict = lay.VerdictRecord.from_bytes(int(dut.verdict_o.value).to_bytes(lay.VerdictRecord.SIZE, "little"))
        assert int(dut.verdict_order_o.value) == int.from_bytes(order, "little")
        got = (
            -1 if verdict.reason == REASON_PASS else verdict.reason,
            verdict.fired_mask,
            verdict.reserved_price_ticks,
            verdict.order_id,
            verdict.action,
        )
        expected = (reason, twin.fired_mask, twin.reserved_price_ticks, fields[10], fields[1])
        assert got == expected, (
            f"{OrderIntent.from_bytes(order)}: {named(got[1])} {got}, the twin says {named(expected[1])} {expected}"
        )
        crossing = int(dut.crossing_o.value)
        listed = {self.own.get(slot) for slot in range(self.shape["WorkingOrders"]) if crossing >> slot & 1}
        assert listed == {order_id for order_id, _ in twin.self_matches()}, "the own orders to be cancelled"
        if fields[1] != Action.CANCEL and reason == PASS:
            value = twin.reserved_price_ticks * fields[12]
            assert int(dut.verdict_value_o.value) == value
            self.cover_passed(order)
        self.cover_verdict(fields[1], twin.fired_mask, listed=bool(listed))

    def follow_own_orders(self) -> None:
        """Which slot each own order is in: the block takes the lowest free one."""
        working = self.twin._tables.own_book.orders
        for slot in [slot for slot, order_id in self.own.items() if order_id not in working]:
            del self.own[slot]
        for order_id in working.keys() - set(self.own.values()):
            self.own[next(slot for slot in range(self.shape["WorkingOrders"]) if slot not in self.own)] = order_id

    def cover_verdict(self, action: int, mask: int, *, listed: bool) -> None:
        fired = [check for check in Check if mask >> check & 1]
        for check in fired:
            if check == Check.MALFORMED:
                self.cover.hit("MALFORMED")
            else:
                self.cover.hit(f"{check.name} alone" if len(fired) == 1 else f"{check.name} with others")
        if not fired:
            self.cover.hit(f"passed {Action(action).name}")
        if listed:
            self.cover.hit("listed own orders")

    def cover_neighbours(self, slot: Slot, *, engaged: bool, released: bool) -> None:
        """What met in the pipeline: `slot` leaves stage 2, the next one is one cycle behind it."""
        behind = self.slots[1]
        if engaged:
            where = [name for name, one in (("2", slot), ("1", behind)) if one.kind == KIND_ORDER]
            self.cover.hit(f"engaged, orders in stages {' and '.join(where) or 'none'}")
        if released:
            self.cover.hit(f"released, {'an order' if slot.kind == KIND_ORDER else 'no order'} in stage 2")
        if slot.kind == KIND_TOLD:
            limits = int.from_bytes(slot.told[:2], "little") in LIMITS
            if limits and behind.kind == KIND_ORDER:
                self.cover.hit("an order right behind limits")
            if limits and self.was[1].kind == KIND_ORDER:
                self.cover.hit("limits two cycles behind an order")
            if limits:
                assert self.was[0].kind != KIND_ORDER, "limits right behind an order"
            if not slot.from_host and KIND_ORDER in {self.was[0].kind, behind.kind}:
                order, where = (behind, "before") if behind.kind == KIND_ORDER else (self.was[0], "behind")
                if key_of(order.order) >> 40 == int.from_bytes(slot.told[4:8], "little"):
                    self.cover.hit(f"a market update right {where} an order of its instrument")
        self.was = (slot, self.was[0])

    def cover_passed(self, order: bytes) -> None:
        """How closely passed orders follow each other on one row."""
        key = key_of(order)
        rows = {
            "instrument": key >> 40,
            "account": key >> 24 & 0xFFFF,
            "strategy": key >> 8 & 0xFFFF,
            "port": key & 255,
        }
        for table, row in (*rows.items(), ("position", key >> 24)):
            distance = self.cycles - self.passed_at.get((table, row), -100)
            if distance <= MOST_FORWARDED:
                self.cover.hit(f"passed {distance} behind another of its {table}")
            self.passed_at[table, row] = self.cycles

    # --- reading back ---

    async def idle(self, cycles: int = 1) -> None:
        for _ in range(cycles):
            await self.cycle()

    async def drain(self) -> None:
        """Until nothing is on its way."""
        while self.host or self.told or self.market or self.told_inside or self.market_inside or self.trig_order:
            await self.cycle()
        await self.idle(LATENCY + 2)

    async def query(self, table: int, row: int, column: int) -> int:
        self.query_value = None
        word = (table << 32 | row) << 8 | column
        await self.cycle(query=word)
        while self.query_value is None:
            await self.cycle()
        value: int = self.query_value
        return value

    async def require_same_state(self) -> None:
        """Every column of every row, read over the query port."""
        await self.drain()
        expected = self.twin.export_state()
        got = {
            "killed": await self.query(TABLE_GATE, 0, 0),
            "lease_until_ns": await self.query(TABLE_GATE, 0, 1),
            **{table: await self.rows(table) for table in COLUMNS},
        }
        for name, value in got.items():
            assert value == expected[name], f"{name}: {value}, the twin has {expected[name]}"
        assert await self.query(TABLE_GATE, 0, 2) == expected["counters"]["faults"]

    async def rows(self, table: str) -> list[list[int]]:
        found = []
        names = COLUMNS[table]
        for row, key in row_keys(table, self.shape):
            values = [await self.query(TABLES[table], row, column) for column in range(len(key), len(names))]
            values = [
                self.in_the_twins_terms(name, value) for name, value in zip(names[len(key) :], values, strict=True)
            ]
            if any(values):
                found.append([*key, *values])
        return sorted(found) if table == "orders" else found

    def in_the_twins_terms(self, name: str, value: int) -> int:
        if name == "open_value_nanos":
            return value * self.unit_nanos
        return value - 2**64 if name in SIGNED and value >> 63 else value
