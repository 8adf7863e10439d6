"""Two lanes and their merge in simulation, frames on either line; the merge's rules are judged in every cycle.

The model is written from the contract and knows nothing of how the merge works: numbers go up one by one or jump when a
gap is declared; a message that is shown by a lane and is next passes in that cycle; early comes first, and is right.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from meltica.hot.layout_gen import ClearGapRecord
from sim.rtl import report_cycles
from sim.rtl.axis import words
from sim.rtl.feed_lane.frames import KINDS, SESSION, Shape, block, build, random_message
from sim.rtl.feed_lane.lane import filter_row
from sim.rtl.feed_lane.model import ACTING, MESSAGE, Filter, Out, events_of, fields_of, unpack
from sim.rtl.runner import seed

CYCLE_PS = 6_400
NUMBER_AT = sum(MESSAGE.values()) - MESSAGE["market"] - MESSAGE["sequence_number"]
BEHIND_FRAME = 12


class PairBench:
    """``sent`` has every message by session and number; ``passed`` what the merge let through, in order."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(seed())
        self.cycle = 0
        self.now_ns = 10**18
        self.lines: list[deque[int | None]] = [deque(), deque()]
        self.sent: dict[tuple[bytes, int], bytes] = {}
        self.passed: list[int] = []
        self.jumps: list[tuple[int, int]] = []
        self.seen: list[Counter[str]] = [Counter(), Counter()]
        self.live_passes = [0, 0]
        self.together = 0
        self.early: tuple[int, int] | None = None
        self.expected: tuple[bytes, int] | None = None
        self._calm = False
        self._passed_now: tuple[bytes, int] | None = None
        self._valid = [0, 0]

    async def start(self) -> None:
        dut = self.dut
        for name in ("rst_ni", "cfg_valid_i", "cfg_row_i", "word_valid_i", "word_i"):
            getattr(dut, name).value = 0
        dut.now_ns_i.value = self.now_ns
        cocotb.start_soon(Clock(dut.clk_i, CYCLE_PS, "ps").start())
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1

    async def configure(self, *, timeout_ns: int = 10**9, number: int = 0, enabled: tuple[int, ...] = (0, 1)) -> None:
        for lane in (0, 1):
            taken = Filter(enabled=lane in enabled)
            await self.row(filter_row(taken, lane, next_number=number, timeout_ns=timeout_ns))

    async def clear_gap(self, *, everything: bool = True) -> None:
        await self.row(int.from_bytes(ClearGapRecord(all=int(everything), instrument_id=3).to_bytes(), "little"))

    async def row(self, bits: int) -> None:
        self.dut.cfg_row_i.value = bits
        self.dut.cfg_valid_i.value = 1
        await self.tick()
        self.dut.cfg_valid_i.value = 0

    def messages(self, first: int, count: int, session: bytes = SESSION, kinds: str = "".join(KINDS)) -> list[bytes]:
        """Blocks for these numbers: the same bytes whenever they are asked for again."""
        for number in range(first, first + count):
            if (session, number) not in self.sent:
                self.sent[session, number] = random_message(self.rng, self.rng.choice(kinds))
        return [block(self.sent[session, number]) for number in range(first, first + count)]

    def frame(self, first: int, count: int, session: bytes = SESSION, **shape: Any) -> bytes:
        return build(first, self.messages(first, count, session), Shape(session=session, udp_checksum=None, **shape))

    def queue(self, line: int, frame: bytes, *, error: bool = False, wait: int = 0) -> None:
        """Behind what the line has to say already, after so many idle cycles."""
        self.lines[line].extend([None] * wait)
        self.lines[line].extend(words(frame, error=error))

    async def drain(self, cycles: int = BEHIND_FRAME) -> None:
        """Until the lines are silent, and so many cycles more."""
        while any(self.lines):
            await self.tick()
        for _ in range(cycles):
            await self.tick()

    async def tick(self) -> None:
        dut = self.dut
        await RisingEdge(dut.clk_i)
        if int(dut.rst_ni.value):
            self._judge()
        self.cycle += 1
        self.now_ns += 6
        dut.now_ns_i.value = self.now_ns
        now = [line.popleft() if line else None for line in self.lines]
        valid = [int(one is not None) for one in now]
        if any(valid):
            dut.word_i.value = (now[1] or 0) << 74 | (now[0] or 0)
        if valid != self._valid:
            dut.word_valid_i.value = valid[1] << 1 | valid[0]
            self._valid = valid

    # --- the rules ---

    def _judge(self) -> None:
        dut = self.dut
        for lane, bits in enumerate(_halves(int(dut.events_o.value), 27)):
            if bits:
                self.seen[lane].update(events_of(bits))
        before, moved = self.expected, False
        if int(dut.in_session_o.value):
            session = int(dut.session_o.value).to_bytes(10, "little")
            self.expected = (session, int(dut.expected_o.value))
        else:
            self.expected = None
        if before is not None and self.expected is not None and before != self.expected:
            moved = self._judge_move(before, self.expected)
        settled, self._calm = self._calm, self.expected is not None and (before == self.expected or moved)
        if self.expected is not None:
            self._judge_lanes(settled and self._calm)
        if int(dut.msg_valid_o.value):
            self._judge_message()
        if int(dut.early_valid_o.value):
            self.early = (int(dut.early_locate_o.value), int(dut.early_kind_o.value))

    def _judge_move(self, before: tuple[bytes, int], after: tuple[bytes, int]) -> bool:
        """From one cycle to the next: one on, or a jump that a gap or another session explains."""
        if after[0] != before[0]:
            return False
        if after[1] == before[1] + 1 and self._passed_now == before:
            self.passed.append(before[1])
            return True
        assert after[1] > before[1], f"back from {before[1]} to {after[1]}"
        self.jumps.append((before[1], after[1]))
        assert int(self.dut.gap_o.value), f"{before[1]} to {after[1]} without a gap"
        return False

    def _judge_lanes(self, must: bool) -> None:
        """A lane that shows the next message: it passes now, if nothing but the sequence moved in the cycle before."""
        dut, expected = self.dut, self.expected
        assert expected is not None
        valid = int(dut.lane_msg_valid.value)
        self._passed_now = expected if int(dut.u_merge.passes.value) else None
        shown = [lane for lane in (0, 1) if valid >> lane & 1]
        if not shown:
            return
        numbers = _halves(int(dut.lane_msg.value), sum(MESSAGE.values()))
        packets = _halves(int(dut.lane_packet.value), 213)
        fits = [
            lane
            for lane in shown
            if numbers[lane] >> NUMBER_AT & (1 << 64) - 1 == expected[1]
            and packets[lane] >> 133 == int.from_bytes(expected[0], "little")
        ]
        if fits and must:
            assert self._passed_now, f"{expected[1]} is shown by lane {fits} and does not pass"
            self.live_passes[fits[0]] += 1
            self.together += len(fits) == len(self.lines)

    def _judge_message(self) -> None:
        found = unpack(MESSAGE, int(self.dut.msg_o.value))
        assert self.expected is not None, f"outside a session: {found}"
        session, number = self.expected
        data = self.sent[session, number]
        assert chr(data[0]) in ACTING, f"{number} is of type {chr(data[0])}"
        assert found == fields_of(Out(number, data, 0, 0)), f"{number}: {found}"
        assert self.early == (found["locate"], data[0]), f"{number}: early said {self.early}"


def _halves(bits: int, width: int) -> tuple[int, int]:
    return bits & (1 << width) - 1, bits >> width


async def pair_of(dut: Any, **configuration: Any) -> PairBench:
    bench = PairBench(dut)
    await bench.start()
    await bench.configure(**configuration)
    return bench


def close(bench: PairBench) -> None:
    report_cycles("feed_merge", bench.cycle)
