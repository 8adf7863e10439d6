"""A lane in simulation: frames in word by word, everything that it says judged by the model, cycle by cycle."""

from __future__ import annotations

import random
from collections import Counter, deque
from typing import Any, NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from meltica.hot.layout_gen import FeedFilterRecord
from sim.rtl import report_cycles
from sim.rtl.axis import words
from sim.rtl.feed_lane.model import (
    MESSAGE,
    PACKET,
    TRIGGERING,
    Filter,
    Judged,
    Out,
    events_of,
    fields_of,
    judge,
    unpack,
)
from sim.rtl.runner import seed

WORD = 8
VERDICT_CYCLES = 4
"""From the last word of a frame to its verdict."""


class Expected(NamedTuple):
    out: Out
    cycle: int
    early_cycle: int


def filter_row(taken: Filter, lane: int = 0, *, next_number: int = 0, timeout_ns: int = 0) -> int:
    record = FeedFilterRecord(
        lane=lane,
        enabled=int(taken.enabled),
        destination_port=taken.port,
        destination_ip=int.from_bytes(taken.destination, "big"),
        source_ip=int.from_bytes(taken.source, "big"),
        session_low=int.from_bytes(taken.session[:8], "little"),
        session_high=int.from_bytes(taken.session[8:], "little"),
        gap_timeout_ns=timeout_ns,
        next_sequence_number=next_number,
    )
    return int.from_bytes(record.to_bytes(), "little")


class LaneBench:
    """Sends frames and judges at once; ``latencies`` counts cycles from a message's last byte to its fields."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.taken = Filter(enabled=False)
        self.cycle = 0
        self.messages: deque[Expected] = deque()
        self.verdicts: deque[tuple[Judged, int]] = deque()
        self.early: tuple[int, int, int] | None = None
        self.latencies: Counter[int] = Counter()
        self.early_leads: Counter[int] = Counter()
        self.seen: Counter[str] = Counter()
        self.outs: list[Out] = []
        self._valid = 0

    async def start(self, taken: Filter = Filter()) -> None:  # noqa: B008 - frozen
        dut = self.dut
        for name in ("rst_ni", "cfg_valid_i", "cfg_row_i", "word_valid_i", "word_i"):
            getattr(dut, name).value = 0
        cocotb.start_soon(Clock(dut.clk_i, 6400, "ps").start())
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        await self.configure(taken)

    async def configure(self, taken: Filter, lane: int = 0) -> None:
        self.dut.cfg_row_i.value = filter_row(taken, lane)
        self.dut.cfg_valid_i.value = 1
        await self.tick()
        self.dut.cfg_valid_i.value = 0
        if lane == 0:
            self.taken = taken

    async def tick(self, word: int | None = None) -> None:
        """One cycle with a word or without; judges the cycle before it."""
        dut = self.dut
        await RisingEdge(dut.clk_i)
        self._judge()
        self.cycle += 1
        if word is not None:
            dut.word_i.value = word
            dut.word_valid_i.value = self._valid = 1
        elif self._valid:
            dut.word_valid_i.value = self._valid = 0

    async def send(self, frame: bytes, *, error: bool = False, idle: float = 0.0) -> Judged:
        """All words of a frame, with idle cycles between them at this probability; returns what the model says."""
        judged = judge(frame, self.taken, error=error)
        await self.send_words(words(frame, error=error), judged, idle=idle)
        return judged

    async def send_words(
        self, packed: list[int], judged: Judged, *, idle: float = 0.0, row: tuple[int, int] | None = None
    ) -> None:
        """``row``: a configuration row that comes together with the word of this number."""
        ends = {out.last // WORD: out for out in judged.messages}
        early = {out.number: 0 for out in judged.messages}
        thirds: dict[int, list[Out]] = {}
        for out in judged.messages:
            thirds.setdefault((out.begin + 2) // WORD, []).append(out)
        for at, word in enumerate(packed):
            while idle and self.rng.random() < idle:
                await self.tick()
            await self.tick(word)
            if row is not None:
                self.dut.cfg_row_i.value = row[1]
                self.dut.cfg_valid_i.value = int(at == row[0])
            for out in thirds.get(at, ()):
                early[out.number] = self.cycle + 1
            if at in ends:
                out = ends[at]
                self.messages.append(Expected(out, self.cycle + 1, early[out.number]))
        self.verdicts.append((judged, self.cycle + VERDICT_CYCLES))

    async def settle(self) -> None:
        """Some idle cycles, and nothing that was expected is missing behind them."""
        for _ in range(12):
            await self.tick()
        assert not self.messages, f"never came: {self.messages[0]}"
        assert not self.verdicts, f"never judged: {self.verdicts[0]}"

    def _judge(self) -> None:
        self._judge_events()
        dut = self.dut
        if int(dut.early_valid_o.value):  # of the next message, if one has come in this cycle, too
            self.early = (self.cycle, int(dut.early_locate_o.value), int(dut.early_kind_o.value))

    def _judge_events(self) -> None:
        dut = self.dut
        events = int(dut.events_o.value)
        if not events:
            assert not (self.messages and self.messages[0].cycle <= self.cycle), f"late: {self.messages[0]}"
            assert not (self.verdicts and self.verdicts[0][1] <= self.cycle), f"late: {self.verdicts[0]}"
            return
        names = events_of(events)
        self.seen.update(names)
        if "message" in names:
            self._judge_message()
        if "frame" in names:
            self._judge_frame([name for name in names if name not in ("frame", "message", "unknown_type")])

    def _judge_message(self) -> None:
        dut = self.dut
        found = unpack(MESSAGE, int(dut.msg_o.value))
        assert self.messages, f"a message that nobody sent: {found}"
        expected = self.messages.popleft()
        out = expected.out
        assert found == fields_of(out), f"{out}: {found}, not {fields_of(out)}"
        assert self.cycle == expected.cycle, f"{out}: in cycle {self.cycle}, not {expected.cycle}"
        self.latencies[self.cycle - expected.cycle + 1] += 1
        acts = out.kind in "SRHYJhAFECXDUPQB"
        assert bool(int(dut.msg_skip_o.value)) == (not acts), out
        assert self.early is not None, f"no early word of {out}"
        assert self.early == (expected.early_cycle, found["locate"], found["kind"]), f"{out}: early {self.early}"
        lead = self.cycle - self.early[0]
        assert lead >= (2 if out.kind in TRIGGERING else 1), f"{out}: {lead} cycles before it"
        self.early_leads[lead] += 1
        self.outs.append(out)

    def _judge_frame(self, names: list[str]) -> None:
        assert self.verdicts, f"a frame that nobody sent: {names}"
        judged, cycle = self.verdicts.popleft()
        wanted = [judged.reason] if judged.reason else []
        wanted += ["poisoned"] if judged.poisoned else []
        assert names == wanted, f"{names}, not {wanted}: {judged}"
        assert self.cycle == cycle, f"verdict in cycle {self.cycle}, not {cycle}"
        packet = unpack(PACKET, int(self.dut.packet_o.value))
        assert packet["done"] == int(judged.clean or bool(judged.messages)), judged
        if not packet["done"]:
            return
        assert packet["clean"] == judged.clean, judged
        assert packet["poisoned"] == judged.poisoned, judged
        silent = judged.reason in ("heartbeat", "end_of_session")
        assert packet["heartbeat"] == silent, judged
        assert not silent or packet["ends"] == (judged.reason == "end_of_session"), judged
        assert packet["session"] == int.from_bytes(judged.session, "little")
        assert packet["first_number"] == judged.first_number
        assert packet["next_number"] == judged.first_number + len(judged.messages)


async def bench_of(dut: Any, taken: Filter = Filter()) -> LaneBench:  # noqa: B008 - frozen
    bench = LaneBench(dut, random.Random(seed()))
    await bench.start(taken)
    return bench


async def done(bench: LaneBench) -> None:
    """Nothing is missing, and every message came one cycle behind its last byte."""
    await bench.settle()
    assert set(bench.latencies) <= {1}, bench.latencies
    report_cycles("feed_lane", bench.cycle)
