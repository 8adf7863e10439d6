"""Slots in, whole and broken, with stalls everywhere: what comes out, in which order, and that nothing gets lost."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from collections import deque
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from meltica.hot.layout_gen import AnswerRecord, OrderIntentRecord, Status, VerdictRecord
from sim.rtl import report_cycles
from sim.rtl.axis import WordSink, WordSource, word, words
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

DEPTH = int(os.environ["VERDICT_DEPTH"])
CYCLES = 12_000
SLOT, OUT = 64, 32
ROW_BITS = 1024
BINS = [
    *("order", "told by the stream", "told by the registers", "both tell at once", "order waits for an answer"),
    *("order held", "gate not ready", "slot too short", "slot too long", "slot with a hole", "slot with an error"),
    *("verdict", "answer", "verdict and answer at once", "host does not read"),
    *(["queue full"] if DEPTH == 8 else []),
]


def stalls(draw: random.Random, share: float) -> Iterator[bool]:
    """Now and then many in a row."""
    while True:
        often = draw.choice([0.0, share, share, 0.95])
        for _ in range(draw.randrange(1, 200)):
            yield draw.random() < often


class Bench:
    def __init__(self, dut: Any, draw: random.Random, cover: Cover, *, share: float) -> None:
        self.dut, self.draw, self.cover = dut, draw, cover
        self.sent: deque[bytes] = deque()  # whole slots that the stream has brought and the gate must see
        self.told: deque[bytes] = deque()  # of the registers
        self.expected: deque[bytes] = deque()  # on the way to the host
        self.awaited = ""  # whose told record is inside
        self.broken = self.lost = 0
        self.level = 0
        self.cycles = 0
        self.number = 0
        self.source = WordSource(dut.clk_i, dut.s_valid_i, dut.s_word_i, dut.s_ready_o, stalls(draw, share))
        self.sink = WordSink(
            dut.clk_i, dut.m_valid_o, dut.m_word_o, dut.m_ready_i, stalls(draw, share), reset=dut.rst_ni
        )

    async def start(self) -> None:
        dut = self.dut
        for name in ("hold_i", "order_ready_i", "told_ready_i", "answer_valid_i", "answer_i", "verdict_valid_i"):
            getattr(dut, name).value = 0
        for name in ("verdict_i", "regs_told_valid_i", "regs_told_row_i"):
            getattr(dut, name).value = 0
        dut.rst_ni.value = 0
        cocotb.start_soon(Clock(dut.clk_i, 6400, "ps").start())
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1

    def offer(self) -> None:
        """One more slot on the stream: an order, another record, or something broken."""
        self.number += 1
        kind = self.draw.choice([OrderIntentRecord.TYPE_ID] * 3 + [6, 22, 25, 999])
        slot = kind.to_bytes(2, "little") + self.draw.randbytes(14) + self.number.to_bytes(8, "little")
        slot += self.draw.randbytes(SLOT - len(slot))
        spoilt = self.draw.random()
        if spoilt < 0.85:
            self.source.send(slot)
            self.sent.append(slot)
            return
        packed = words(slot)
        if spoilt < 0.9:
            cut = self.draw.randrange(1, 8)
            packed = [*packed[: cut - 1], packed[cut - 1] | 1 << 72]
            self.cover.hit("slot too short")
        elif spoilt < 0.94:
            more = [word(self.draw.getrandbits(64)) for _ in range(self.draw.randrange(1, 20))]
            packed = [*packed[:7], word(1), *more, word(2, last=True)]
            self.cover.hit("slot too long")
        elif spoilt < 0.97:
            packed[self.draw.randrange(8)] &= ~(1 << 64 + self.draw.randrange(8))
            self.cover.hit("slot with a hole")
        else:
            packed[self.draw.randrange(8)] |= 1 << 73
            self.cover.hit("slot with an error")
        self.broken += 1
        self.source.queue.extend(packed)

    async def cycle(self) -> None:
        """Drives the gate's and the registers' side at random, then judges what is combinational."""
        dut, draw = self.dut, self.draw
        await RisingEdge(dut.clk_i)
        if len(self.source.queue) < 20:
            self.offer()
        drive = {
            "hold_i": draw.random() < 0.1,
            "order_ready_i": draw.random() < 0.7,
            "told_ready_i": draw.random() < 0.7,
        }
        if not self.told and draw.random() < 0.1:
            self.told.append((17).to_bytes(2, "little") + draw.randbytes(126))
        drive["regs_told_valid_i"] = bool(self.told)
        dut.regs_told_row_i.value = int.from_bytes(self.told[0], "little") if self.told else 0
        answers = bool(self.awaited) and draw.random() < 0.3
        answer = AnswerRecord(draw.randrange(1 << 16), draw.choice(list(Status)), draw.getrandbits(62)).to_bytes()
        verdict = VerdictRecord(draw.randrange(256), 1, draw.getrandbits(64), draw.getrandbits(64), -1).to_bytes()
        verdicts = draw.random() < 0.08
        drive |= {"answer_valid_i": answers, "verdict_valid_i": verdicts}
        for name, value in drive.items():
            getattr(dut, name).value = int(value)
        dut.answer_i.value = int.from_bytes(answer, "little")
        dut.verdict_i.value = int.from_bytes(verdict, "little")
        await FallingEdge(dut.clk_i)
        self.judge(drive, verdict, answer)
        self.cycles += 1

    def judge(self, drive: dict[str, bool], verdict: bytes, answer: bytes) -> None:
        dut, cover = self.dut, self.cover
        self.judge_order(drive)
        taken = self.judge_told(drive)
        if drive["answer_valid_i"]:
            assert int(dut.regs_answer_valid_o.value) == (self.awaited == "registers")
            if self.awaited == "stream":
                self.expected.append(answer + bytes(OUT - len(answer)))
                cover.hit("verdict and answer at once" if drive["verdict_valid_i"] else "answer")
            self.awaited = ""
        else:
            assert not int(dut.regs_answer_valid_o.value)
        self.judge_verdict(verdict, valid=drive["verdict_valid_i"])
        if taken:
            self.awaited = "registers" if self.told else "stream"
            (self.told or self.sent).popleft()
            cover.hit(f"told by the {self.awaited}")

    def judge_order(self, drive: dict[str, bool]) -> None:
        dut, cover = self.dut, self.cover
        if int(dut.order_valid_o.value):
            assert not drive["hold_i"]
            assert self.awaited != "stream", "an order overtook a row that is not answered"
            assert int(dut.order_o.value) == int.from_bytes(self.sent[0], "little")
            if drive["order_ready_i"]:
                self.sent.popleft()
                cover.hit("order")
            else:
                cover.hit("gate not ready")
        elif self.awaited == "stream" and self.sent and self.sent[0][:2] == b"\1\0":
            cover.hit("order waits for an answer")
        elif drive["hold_i"] and self.sent:
            cover.hit("order held")

    def judge_told(self, drive: dict[str, bool]) -> bool:
        """Whether a row goes in."""
        dut, cover = self.dut, self.cover
        taken = bool(int(dut.told_valid_o.value) and drive["told_ready_i"])
        if int(dut.told_valid_o.value):
            assert not self.awaited, "two rows are inside, and an answer does not say which it is about"
            row = int(dut.told_row_o.value).to_bytes(ROW_BITS // 8, "little")
            if self.told:
                assert row == self.told[0]
                if self.sent and self.sent[0][:2] != b"\1\0":
                    cover.hit("both tell at once")
            else:
                assert row == self.sent[0] + bytes(SLOT)
        assert bool(int(dut.regs_told_ready_o.value) and self.told) == bool(taken and self.told)
        return taken

    def judge_verdict(self, verdict: bytes, *, valid: bool) -> None:
        if not valid:
            assert not int(self.dut.verdict_lost_o.value)
        elif int(self.dut.verdict_lost_o.value):
            self.lost += 1
            if DEPTH == 8:
                self.cover.hit("queue full")
        else:
            self.expected.append(verdict)
            self.cover.hit("verdict")
        if int(self.dut.m_valid_o.value) and not int(self.dut.m_ready_i.value):
            self.cover.hit("host does not read")

    def collect(self) -> None:
        """An answer may let verdicts go first, for it waits for a free cycle."""
        while self.sink.frames:
            frame = self.sink.frames.popleft()
            self.sink.errors.popleft()
            assert frame in self.expected, f"nobody sent {frame.hex()}"
            at = self.expected.index(frame)
            if frame[:2] == VerdictRecord.TYPE_ID.to_bytes(2, "little"):
                earlier = [each for each in list(self.expected)[:at] if each[:2] == frame[:2]]
                assert not earlier, "a verdict overtook another"
            del self.expected[at]


@cocotb.test()
async def everything_at_random(dut: Any) -> None:
    """The number of verdicts lost is only what did not fit while the host did not read."""
    draw = random.Random(seed())
    cover = Cover(f"host_port of depth {DEPTH}", BINS)
    bench = Bench(dut, draw, cover, share=0.6)
    await bench.start()
    bad_slots = 0
    for _ in range(CYCLES):
        await bench.cycle()
        bad_slots += int(dut.bad_slot_o.value)
        bench.collect()
    # Nothing new, and everything that is inside comes out.
    await RisingEdge(dut.clk_i)
    for name in ("verdict_valid_i", "regs_told_valid_i", "answer_valid_i", "hold_i"):
        getattr(dut, name).value = 0
    bench.sink.stall = None
    for _ in range(8 * DEPTH + 40):
        await RisingEdge(dut.clk_i)
        bad_slots += int(dut.bad_slot_o.value)
        bench.collect()
    assert not bench.expected, f"{len(bench.expected)} records never came out"
    assert bench.lost < CYCLES // 20
    assert abs(bad_slots - bench.broken) <= 1 + len(bench.source.queue), (bad_slots, bench.broken)
    cover.require_full()
    report_cycles("host_port", bench.cycles)


@cocotb.test()
async def a_verdict_is_lost_only_when_the_queue_is_full(dut: Any) -> None:
    """A host that does not read: exactly the queue and the one on its way out are kept."""
    bench = Bench(dut, random.Random(seed()), Cover("one by one", ["kept"]), share=0.0)
    bench.sink.stall = iter(lambda: True, False)
    await bench.start()
    lost = 0
    for number in range(DEPTH + 10):
        await RisingEdge(dut.clk_i)
        dut.verdict_valid_i.value = 1
        dut.verdict_i.value = int.from_bytes(VerdictRecord(255, 1, number, 0, 0).to_bytes(), "little")
        await FallingEdge(dut.clk_i)
        lost += int(dut.verdict_lost_o.value)
    assert lost == 10 - 1
    await RisingEdge(dut.clk_i)
    dut.verdict_valid_i.value = 0
    bench.sink.stall = None
    for _ in range(8 * DEPTH + 40):
        await RisingEdge(dut.clk_i)
    numbers = [VerdictRecord.from_bytes(each).order_id for each in bench.sink.frames]
    assert numbers == list(range(DEPTH + 1))
