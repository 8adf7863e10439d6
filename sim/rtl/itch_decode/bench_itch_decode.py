"""Message blocks in a row, without frames around them: fields and the cycle of every message."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from sim.rtl import report_cycles
from sim.rtl.axis import words
from sim.rtl.coverage import Cover
from sim.rtl.feed_lane.frames import KINDS, block, random_message, unknown_message
from sim.rtl.feed_lane.model import ACTING, LENGTHS, MESSAGE, Out, fields_of, unpack
from sim.rtl.runner import seed

MESSAGES = 1_500
INPUTS = ("rst_ni", "word_valid_i", "word_i", "starts_i", "starts_lane_i", "ends_i", "live_i", "length_i", "number_i")


async def reset(dut: Any) -> None:
    for name in INPUTS:
        getattr(dut, name).value = 0
    cocotb.start_soon(Clock(dut.clk_i, 6400, "ps").start())
    for _ in range(3):
        await RisingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    dut.live_i.value = 1


@cocotb.test()
async def a_stream_of_blocks(dut: Any) -> None:
    """Every type in every lane, some longer than their type, with empty cycles and without."""
    rng = random.Random(seed())
    await reset(dut)
    cover = Cover("first lane x type", [(lane, kind) for lane in range(8) for kind in (*KINDS, "?")])
    stream, outs = b"", list[Out]()
    while len(outs) < MESSAGES or cover.missing():
        kind = rng.choice((*KINDS, "?"))
        longer = rng.choice((0, 0, 0, 1, 9))
        data = unknown_message(rng, rng.randint(12, 70)) if kind == "?" else random_message(rng, kind, longer=longer)
        begin = len(stream) + 2
        outs.append(Out(len(outs) + 1, data, begin, begin + len(data) - 1))
        stream += block(data)
        cover.hit((begin % 8, kind))
    starts = {(out.begin - 1) // 8: out for out in outs}
    ends = {out.last // 8: out for out in outs}
    length, awaited, cycles = 0, None, 0
    for at, word in enumerate(words(stream)):
        for empty in [True] * rng.choice((0, 0, 0, 1, 3)) + [False]:
            await RisingEdge(dut.clk_i)
            cycles += 1
            out = None if empty else ends.get(at)
            start = None if empty else starts.get(at)
            dut.word_valid_i.value = int(not empty)
            dut.word_i.value = word
            dut.length_i.value = length
            dut.ends_i.value = int(out is not None)
            dut.number_i.value = out.number if out else 0
            dut.starts_i.value = int(start is not None)
            dut.starts_lane_i.value = (start.begin - 1) % 8 + 1 if start else 0
            length = len(start.data) if start else length
            await FallingEdge(dut.clk_i)
            assert int(dut.msg_valid_o.value) == (awaited is not None)
            if awaited is not None:
                assert unpack(MESSAGE, int(dut.msg_o.value)) == fields_of(awaited)
                assert int(dut.msg_skip_o.value) == (awaited.kind not in ACTING)
                assert int(dut.msg_unknown_o.value) == (awaited.kind not in LENGTHS)
            awaited = out
            if out is not None:
                assert not int(dut.too_short_o.value), out
    cover.require_full()
    report_cycles("itch_decode", cycles)


@cocotb.test()
async def lengths_of_every_type(dut: Any) -> None:
    """A byte less than a type has is too short, whatever lane it begins in; a byte more is not."""
    rng = random.Random(seed())
    await reset(dut)
    cycles = 0
    for kind, least in LENGTHS.items():
        for lane in range(1, 9):
            data = random_message(rng, kind).ljust(64)
            stream = bytes(lane) + data
            for at, word in enumerate(words(stream)[:3]):
                await RisingEdge(dut.clk_i)
                cycles += 1
                dut.word_valid_i.value = 1
                dut.word_i.value = word
                dut.starts_i.value = int(at == 0)
                dut.starts_lane_i.value = lane
            dut.starts_i.value = 0
            for length in (least - 1, least, least + 1, 12, 0xFFFF):
                dut.length_i.value = length
                await FallingEdge(dut.clk_i)
                assert int(dut.too_short_o.value) == (length < least), (kind, lane, length)
                await RisingEdge(dut.clk_i)
                dut.word_valid_i.value = 0
                cycles += 1
    report_cycles("itch_decode", cycles)
