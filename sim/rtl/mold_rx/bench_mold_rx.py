"""The walk from block to block, and the verdict on every frame, without a decoder behind it."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import random
from collections import deque
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from sim.rtl import report_cycles
from sim.rtl.axis import words
from sim.rtl.coverage import Cover
from sim.rtl.feed_lane.frames import TAGS, Shape, block, build, unknown_message
from sim.rtl.feed_lane.lane import VERDICT_CYCLES, filter_row
from sim.rtl.feed_lane.model import PACKET, Filter, Judged, events_of, judge, unpack
from sim.rtl.runner import seed

FRAMES = 500
LENGTHS = (*(11, 60), *(12, 13, 14, 15, 16, 17, 18, 19) * 4)
"""Of blocks; one of 11 bytes is none."""


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.cycle = 0
        self.verdicts: deque[tuple[Judged, int]] = deque()

    async def start(self) -> None:
        dut = self.dut
        for name in ("rst_ni", "cfg_valid_i", "cfg_row_i", "word_valid_i", "word_i", "too_short_i"):
            getattr(dut, name).value = 0
        cocotb.start_soon(Clock(dut.clk_i, 6400, "ps").start())
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        dut.cfg_row_i.value = filter_row(Filter())
        dut.cfg_valid_i.value = 1
        await self.tick()
        dut.cfg_valid_i.value = 0

    async def tick(self, word: int | None = None) -> None:
        """One cycle; the verdict that is due in it, if any, is judged in its middle."""
        dut = self.dut
        await RisingEdge(dut.clk_i)
        self.cycle += 1
        dut.word_valid_i.value = int(word is not None)
        if word is not None:
            dut.word_i.value = word
        await FallingEdge(dut.clk_i)
        names = events_of(int(dut.events_o.value))
        assert bool(names) == bool(self.verdicts and self.verdicts[0][1] == self.cycle), names
        if names:
            judged, _ = self.verdicts.popleft()
            wanted = ["frame", judged.reason, *(["poisoned"] if judged.poisoned else [])]
            assert names == [name for name in wanted if name], (names, judged)
            done = unpack(PACKET, int(dut.packet_o.value))["done"]
            assert done == int(judged.clean or bool(judged.messages))

    async def send(self, frame: bytes, *, error: bool, gaps: float, rng: random.Random) -> Judged:
        dut, judged = self.dut, judge(frame, Filter(), error=error)
        ends = {out.last // 8: out for out in judged.messages}
        starts = {(out.begin - 1) // 8: out for out in judged.messages}
        for at, word in enumerate(words(frame, error=error)):
            while rng.random() < gaps:
                await self.tick()
                assert not int(dut.ends_o.value)
                assert not int(dut.starts_o.value)
            await self.tick(word)
            assert int(dut.ends_o.value) == (at in ends), (at, judged)
            if at in ends:
                out = ends[at]
                assert int(dut.length_o.value) == len(out.data)
                assert unpack(PACKET, int(dut.packet_o.value))["next_number"] == out.number
            if at in starts:  # The low byte of the length is in this word: the message begins in the lane behind it.
                assert int(dut.starts_o.value)
                assert int(dut.starts_lane_o.value) == (starts[at].begin - 1) % 8 + 1
        self.verdicts.append((judged, self.cycle + VERDICT_CYCLES))
        return judged


@cocotb.test()
async def blocks_of_every_length(dut: Any) -> None:
    """Lengths of 12 bytes and more, so that a length begins, and is cut by a word's end, in every lane."""
    rng, bench, number = random.Random(seed()), Bench(dut), 1
    await bench.start()
    lanes = Cover("a length begins in lane", [(lane, tags) for lane in range(8) for tags in TAGS])
    reasons = Cover(
        "verdict", ["", "bad_fcs", "truncated", "bad_block", "count_lies", "heartbeat", "bad_udp_checksum", "runt"]
    )
    for at in range(FRAMES):
        tags = rng.randrange(3)
        blocks = [block(unknown_message(rng, rng.choice(LENGTHS))) for _ in range(at % 9)]
        checksum = rng.choice((0, None, None, None, 77))
        shape = Shape(
            tags=TAGS[tags], udp_checksum=checksum, count=rng.choice((None, None, None, None, len(blocks) + 1))
        )
        frame = build(number, blocks, shape)
        if rng.random() < 0.1:
            frame = frame[: rng.randint(50, len(frame))]
        judged = await bench.send(frame, error=rng.random() < 0.05, gaps=rng.choice((0, 0, 0.3)), rng=rng)
        for out in judged.messages:
            lanes.hit(((out.begin - 2) % 8, tags))
        if judged.reason in reasons.bins:
            reasons.hit(judged.reason)
    for _ in range(8):
        await bench.tick()
    assert not bench.verdicts
    lanes.require_full()
    reasons.require_full()
    report_cycles("mold_rx", bench.cycle)


@cocotb.test()
async def a_message_too_short_for_its_type_ends_the_packet(dut: Any) -> None:
    """The decoder says so: the message does not end, nor does any behind it, and the frame is counted."""
    rng, bench = random.Random(seed()), Bench(dut)
    await bench.start()
    frame = build(5, [block(unknown_message(rng, 30)) for _ in range(4)])
    judged = judge(frame, Filter())
    for bad in range(4):
        first = judged.messages[bad].begin // 8 + 1
        for at, word in enumerate(words(frame)):
            dut.too_short_i.value = int(at >= first)
            await bench.tick(word)
            assert int(dut.ends_o.value) == (at in {out.last // 8 for out in judged.messages[:bad]})
        passed = judged.messages[:bad]
        cut = Judged("bad_block", passed, poisoned=False, count=4, first_number=5)
        bench.verdicts.append((cut, bench.cycle + VERDICT_CYCLES))
        for _ in range(8):
            await bench.tick()
    report_cycles("mold_rx", bench.cycle)
