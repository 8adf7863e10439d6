"""A bench for tests of the runner; MISTAKE of the environment says what it does wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from sim.rtl import report_cycles
from sim.rtl.axis import WordSink, WordSource, word
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

MISTAKE = os.environ.get("MISTAKE", "")


def coin(chance: Random) -> Iterator[bool]:
    while True:
        yield chance.random() < 0.5


@cocotb.test()
async def passes_frames_on(dut: Any) -> None:
    chance, cover = Random(seed()), Cover("lengths", [*range(1, 20), *(["never"] if MISTAKE == "cover" else [])])
    cocotb.start_soon(Clock(dut.clk_i, 6.4, "ns").start())
    source = WordSource(dut.clk_i, dut.valid_i, dut.word_i, dut.ready_o, idle=coin(chance))
    dut.rst_ni.value = 0
    sink = WordSink(dut.clk_i, dut.valid_o, dut.word_o, dut.ready_i, stall=coin(chance), reset=dut.rst_ni)
    for _ in range(3):
        await RisingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    for length in range(1, 20):
        content = chance.randbytes(length)
        cover.hit(length)
        source.send(content)
        got = await sink.receive()
        assert got == (b"wrong" if MISTAKE == "python" and length == 7 else content)
    if MISTAKE == "assertion":
        source.queue.append(word(666))
        await source.drained()
        for _ in range(3):
            await RisingEdge(dut.clk_i)
    report_cycles("toy", 100)
    cover.require_full()
