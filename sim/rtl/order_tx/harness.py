"""The Bench class: one call a cycle, everything that leaves is judged at once."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import random
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from meltica.hot.layout_gen import (
    Action,
    DropCopyRecord,
    FrameTemplateRecord,
    OrderIntentRecord,
    OrderType,
    Side,
    SymbolRecord,
    TcpStateRecord,
    TimeInForce,
    VerdictRecord,
)
from meltica.venues.nasdaq.ouch50 import CODEC
from sim.rtl import axis
from sim.rtl.order_tx.frames import payload_of
from sim.rtl.order_tx.judge import Cause, Judge, Row

PASSED = 255
DEPTH, IN_FLIGHT = 16, 4
SYMBOL = int.from_bytes(b"MELT    ", "little")


def an_order(order_id: int, **changes: int) -> OrderIntentRecord:
    usual = OrderIntentRecord(
        action=Action.NEW, side=Side.BUY, flags=0, port_id=0, order_type=OrderType.LIMIT, tif=TimeInForce.DAY,
        instrument_id=1, account_id=3, strategy_id=4, order_id=order_id, price_ticks=1_234_500, quantity_lots=100,
        time_ns=1, working_lots=0, working_price_ticks=0,
    )  # fmt: skip
    return replace(usual, **changes)


def a_template(port_id: int, **changes: int) -> FrameTemplateRecord:
    usual = FrameTemplateRecord(
        port_id=port_id, up=1, source_port=0xC350 + port_id, destination_port=0x2710, destination_mac=0x001C7385BFB3,
        source_mac=0x001C739202BD, source_ip=0x0A31F701, destination_ip=0xCEC879E7, sequence_number=0x337F_0001,
        acknowledgment_number=0x9572_CB09, window=0x8805, vlan=0, user_ref_num=1, client_order_prefix=0, firm=0,
        capacity=ord("P"), display=ord("Y"), cross_type=ord("N"),
    )  # fmt: skip
    return replace(usual, **changes)


def a_symbol(instrument_id: int, symbol: int = SYMBOL, **changes: int) -> SymbolRecord:
    usual = SymbolRecord(
        locate=instrument_id, instrument_id=instrument_id, symbol=symbol, wire_price_per_tick=1, shares_per_lot=1
    )
    return replace(usual, **changes)


def heard(template: FrameTemplateRecord, **changes: int) -> TcpStateRecord:
    usual = TcpStateRecord(
        port_id=template.port_id, up=1, acknowledgment_number=template.acknowledgment_number, window=template.window,
        peer_window=0xFFFF, acknowledged=template.sequence_number,
    )  # fmt: skip
    return replace(usual, **changes)


def from_venue(kind: str, fields: dict[str, int | str]) -> bytes:
    """A sequenced packet of the venue."""
    body = CODEC.encode(CODEC.make("outbound", kind, {"Timestamp": 1} | fields), strict=False)
    return (len(body) + 1).to_bytes(2, "big") + b"S" + body


class Bench:
    def __init__(self, dut: Any, *, ports: int, orders: int, instruments: int) -> None:
        self.dut = dut
        self.judge = Judge(ports, orders, instruments)
        self.cycle = 0
        self.waiting: deque[tuple[OrderIntentRecord, int]] = deque()  # passed: in which cycle
        self.expected: deque[tuple[OrderIntentRecord, bytes]] = deque()
        self.words: list[int] = []
        self.begun: list[int] = []  # cycles in which a first word was offered
        self.taken: deque[tuple[int, int]] = deque()  # of whole frames: first offered, last word taken
        self.held = -1
        self.latencies: list[int] = []
        self.idle_at: int | None = None  # an order came to an idle sender in this cycle
        self.purged: list[tuple[OrderIntentRecord, Cause]] = []
        self.frames: list[tuple[OrderIntentRecord, bytes]] = []
        self.bad_rows = self.evicted = 0
        self.on_word: Callable[[int], None] | None = None

    async def start(self) -> None:
        for name in ("cfg_valid_i", "verdict_valid_i", "killed_i", "word_ready_i", "rst_ni"):
            getattr(self.dut, name).value = 0
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        for _ in range(3):
            await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1
        while not int(self.dut.init_done_o.value):
            await self.step()

    # One cycle

    async def step(
        self, order: OrderIntentRecord | None = None, row: Row | None = None, *,
        ready: bool = True, kill: bool = False, reason: int = PASSED, raw: bytes = b"",
    ) -> None:  # fmt: skip
        dut = self.dut
        dut.verdict_valid_i.value = int(order is not None)
        if order is not None:
            self._drive_order(order, reason)
        dut.cfg_valid_i.value = int(row is not None or bool(raw))
        if row is not None or raw:
            dut.cfg_row_i.value = int.from_bytes(raw or (row.to_bytes() if row else b""), "little")
            if row is not None and not raw:
                self.judge.rows.append((self.cycle, row))
        dut.word_ready_i.value = int(ready)
        dut.killed_i.value = int(kill)
        if kill:
            self.judge.kills.append(self.cycle)
        await RisingEdge(dut.clk_i)
        self._watch_words(ready=ready)
        self._watch_reports()
        self.cycle += 1

    def _drive_order(self, order: OrderIntentRecord, reason: int) -> None:
        verdict = VerdictRecord(
            reason=reason, action=order.action, order_id=order.order_id,
            fired_mask=int(reason != PASSED), reserved_price_ticks=0,
        )  # fmt: skip
        self.dut.order_i.value = int.from_bytes(order.to_bytes(), "little")
        self.dut.verdict_i.value = int.from_bytes(verdict.to_bytes(), "little")
        if reason == PASSED:
            busy = self.waiting or self.words or self.held >= 0 or self.expected
            waits = order.action == Action.CANCEL and (self.judge.rows or not self.judge.room_for(order))
            self.idle_at = None if busy or waits else self.cycle
            self.waiting.append((order, self.cycle))

    def _watch_words(self, *, ready: bool) -> None:
        valid = int(self.dut.word_valid_o.value)
        assert valid or self.held < 0, "an offered word was withdrawn"
        assert valid or not self.words, "a hole in a frame"
        if not valid:
            return
        word = int(self.dut.word_o.value)
        assert self.held in (-1, word), "an offered word changed"
        assert not axis.is_error(word)
        if not self.words and self.held < 0:
            self.begun.append(self.cycle)
            if self.idle_at is not None:
                self.latencies.append(self.cycle - self.idle_at)
                self.idle_at = None
        self.held = -1 if ready else word
        if ready:
            self.words.append(word)
            if self.on_word:
                self.on_word(len(self.words))
            if axis.is_last(word):
                self.taken.append((self.begun[-1], self.cycle))
                self._judge_frame(axis.frame(self.words))
                self.words = []

    def _judge_frame(self, got: bytes) -> None:
        order, wanted = self.expected.popleft()
        assert got == wanted, f"{order}\n got    {got.hex()}\n wanted {wanted.hex()}"
        payload_of(got)
        self.frames.append((order, got))

    def _watch_reports(self) -> None:
        """Reports are registered: what they tell happened in the cycle before."""
        dut, then = self.dut, self.cycle - 1
        self.judge.advance(then)
        if int(dut.sent_valid_o.value):
            self._judge_sent(int(dut.sent_o.value), then)
        if int(dut.purged_valid_o.value):
            order = OrderIntentRecord.from_bytes(int(dut.purged_order_o.value).to_bytes(64, "little"))
            self._judge_purged(order, Cause(int(dut.purged_cause_o.value)), then)
        self.bad_rows += int(dut.bad_row_o.value)
        self.evicted += int(dut.evicted_o.value)

    def _judge_sent(self, packed: int, then: int) -> None:
        order = OrderIntentRecord.from_bytes((packed >> 70).to_bytes(64, "little"))
        length, sequence, number = packed & 0x3F, packed >> 6 & 0xFFFFFFFF, packed >> 38 & 0xFFFFFFFF
        assert self.begun[-1] == then, "sent, and no first word"
        passed = self._leave(order)
        assert self.judge.open[order.port_id].sequence_number == sequence
        cause, frame = self.judge.sends(order, passed, then)
        assert cause == Cause.NONE, f"{order} must not leave: {cause.name}"
        payload = payload_of(frame)
        at = 8 if order.action == Action.REPLACE else 4
        assert (length, number) == (len(payload), int.from_bytes(payload[at : at + 4], "big"))
        self.expected.append((order, frame))

    def _judge_purged(self, order: OrderIntentRecord, cause: Cause, then: int) -> None:
        self.idle_at = None
        passed = self._leave(order, overflow=cause == Cause.OVERFLOW)
        if cause != Cause.OVERFLOW:
            wanted, _ = self.judge.sends(order, passed, then)
            assert wanted == cause, f"{order}: {cause.name}, must be {wanted.name}"
            assert cause != Cause.WINDOW or order.action != Action.CANCEL
        self.purged.append((order, cause))

    def _leave(self, order: OrderIntentRecord, *, overflow: bool = False) -> int:
        """In order, but for cancels that wait for room: these may be overtaken."""
        for at, (one, passed) in enumerate(self.waiting):
            if one == order:
                overtaken = [late for late, _ in list(self.waiting)[:at]]
                assert overflow or all(late.action == Action.CANCEL for late in overtaken), f"{order} jumped the queue"
                del self.waiting[at]
                return passed
        raise AssertionError(f"{order} was not passed, or left twice")

    # Many cycles

    async def idle(self, cycles: int, *, ready: bool = True) -> None:
        for _ in range(cycles):
            await self.step(ready=ready)

    async def quiet(self, limit: int = 2_000, stall: random.Random | None = None) -> None:
        """Until all that passed has left or been purged."""
        for _ in range(limit):
            if not (self.waiting or self.expected or self.words):
                await self.step()
                return
            await self.step(ready=stall is None or stall.random() < 0.5)
        raise AssertionError(f"stuck: {len(self.waiting)} wait, {len(self.expected)} are on their way")

    async def send(self, order: OrderIntentRecord) -> bytes:
        """Through an idle sender: its frame, or b"" when it was purged."""
        frames = len(self.frames)
        await self.step(order)
        await self.quiet()
        return self.frames[-1][1] if len(self.frames) > frames else b""

    async def tell(self, *rows: Row) -> None:
        for row in rows:
            await self.step(row=row)
            await self.idle(5)

    async def open_port(self, template: FrameTemplateRecord, **state: int) -> None:
        await self.tell(template, heard(template, **state))

    async def venue_says(self, port_id: int, kind: str, **fields: int | str) -> DropCopyRecord:
        names = {name.replace("_", " "): value for name, value in fields.items()}
        row = self.judge.hears(port_id, from_venue(kind, names))
        await self.tell(row)
        return row
