"""Accesses at random: only the key, and its complement in the very next access, release."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from meltica.hot.card_regs_gen import RELEASE_COMPLEMENT, RELEASE_KEY
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

ACCESSES = 6_000
KINDS = (
    "key",
    "complement",
    "another value",
    "complement with a byte left out",
    "key with a byte left out",
    "elsewhere",
)
BINS = ["release", *(f"{one}, {two}" for one in KINDS for two in KINDS), "key, key, complement"]
BINS += ["key, elsewhere, complement", "key, complement, complement", "key, idle, complement"]


@cocotb.test()
async def random_accesses(dut: Any) -> None:
    rng, cover = random.Random(seed()), Cover("kill_release", BINS)
    for name in ("access_i", "write_i", "whole_i", "value_i"):
        getattr(dut, name).value = 0
    cocotb.start_soon(Clock(dut.clk_i, 6400, "ps").start())
    dut.rst_ni.value = 0
    await RisingEdge(dut.clk_i)
    await RisingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    kinds, idle, cycles = ["elsewhere", "elsewhere"], 0, 0
    for _ in range(ACCESSES):
        kind = rng.choice(KINDS)
        released, bad = await access(dut, rng, kind)
        cycles += 2 + idle
        expected = kind == "complement" and kinds[-1] == "key"
        assert released == expected, (kinds[-2:], kind)
        assert bad == (kind not in ("key", "elsewhere") and not expected)
        cover.hit(f"{kinds[-1]}, {kind}")
        three = f"{kinds[-2]}, {kinds[-1]}, {kind}"
        if three in BINS:
            cover.hit(three)
        if expected:
            cover.hit("key, idle, complement" if idle else "release")
        kinds, idle = [kinds[-1], kind], rng.choice((0, 0, 1, 5))
        for _ in range(idle):
            await RisingEdge(dut.clk_i)
    report_cycles("kill_release", cycles)
    cover.require_full()


async def access(dut: Any, rng: random.Random, kind: str) -> tuple[bool, bool]:
    """One access as the guard and the block show it: its beginning, then perhaps the write to the register."""
    dut.access_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.access_i.value = 0
    if kind != "elsewhere":
        values = {"key": RELEASE_KEY, "complement": RELEASE_COMPLEMENT}
        fallback = rng.choice((0, 0xFFFFFFFF, RELEASE_KEY ^ 1, RELEASE_COMPLEMENT ^ 1 << 31, rng.getrandbits(32)))
        dut.value_i.value = values.get(kind.split(maxsplit=1)[0], fallback)
        dut.whole_i.value = int("left out" not in kind)
        dut.write_i.value = 1
    await FallingEdge(dut.clk_i)
    told = bool(dut.release_o.value), bool(dut.bad_o.value)
    await RisingEdge(dut.clk_i)
    dut.write_i.value = 0
    return told
