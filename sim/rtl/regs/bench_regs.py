"""Every register of the map: found by walking the list, its value after reset, what it lets be done to it."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
from typing import Any

import cocotb
from cocotb.triggers import Combine
from cocotbext.axi import AxiResp

from meltica.hot import card_regs_gen as regs
from meltica.hot.layout_gen import LAYOUT_VERSION
from meltica.hot.rulebook_gen import Check
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.regs.card import Card
from sim.rtl.regs.test_regs import SIZES

WRITABLE = [one for one in regs.REGISTERS if one.access == "rw"]
MASKS = {"CONTROL_CTRL": 3, "QUERY_GATE_WHERE": 0xFFFF, "QUERY_BOOK_WHERE": 0xFFFF, "LATENCY_CTRL": 1}
BINS = [
    *(f"{one.name} read" for one in regs.REGISTERS if "r" in one.access),
    *(f"{one.name} written" for one in WRITABLE),
    *("read of nothing", "write to nothing", "write to a read-only one", "read of a write-only one"),
    *("count stays at the top", "read and write at once", "reset between"),
]
ID = {
    regs.ID_RTL_VERSION: 0x00010000,
    regs.ID_LAYOUT_VERSION: LAYOUT_VERSION,
    regs.ID_BUILD: 0x0123456789ABCDEF,
    regs.ID_CLOCK_KHZ: SIZES["ClockKhz"],
    regs.ID_FEATURES: 0xFF,
    regs.ID_INSTRUMENTS: 65536,
    regs.ID_CHECKS: len(Check),
    regs.AUDIT_DEPTH: SIZES["AuditDepth"],
    regs.EVENTS_ENTRIES: SIZES["EventCounters"],
    regs.LATENCY_SEGMENTS: SIZES["Segments"],
    regs.WORDS_ENTRIES: SIZES["StatusWords"],
}


@cocotb.test()
async def every_register(dut: Any) -> None:
    card = Card(dut, Cover("regs", BINS))
    await card.start()
    await walk(card)
    for pause in (0.0, 0.4):
        card.pauses(pause)
        await values_after_reset(card)
        await written(card)
        await both_at_once(card)
        await card.reset()
        card.cover.hit("reset between")
    await what_is_refused(card)
    report_cycles("regs", card.cycles)
    card.cover.require_full()


async def walk(card: Card) -> None:
    """As a driver does: from block to block."""
    assert await card.read_at(0) == regs.MAGIC
    assert regs.MAGIC.to_bytes(4, "little") == b"MLTC"
    found, address = {}, 0
    for _ in range(20):
        found[await card.read_at(address)] = address
        assert await card.read_at(address + 4) == 0x00010000
        address = await card.read_at(address + 8)
        if not address:
            break
    types = {one.reset: one.address for one in regs.REGISTERS if one.name.endswith("_TYPE")}
    assert found == types
    for register, value in ID.items():
        assert await card.read(register) == value, register.name
    now = await card.read(regs.ID_NOW_NS)
    assert 10**18 < now < 10**18 + 10**6


async def values_after_reset(card: Card) -> None:
    for register in regs.REGISTERS:
        if "r" not in register.access:
            continue
        for index in {0, 1, register.count // 2, register.count - 1} & set(range(register.count)):
            value = await card.read(register, index)
            assert register.reset is None or value == register.reset, register.name
        card.cover.hit(f"{register.name} read")


async def written(card: Card) -> None:
    rng = card.random
    for register in WRITABLE:
        mask = MASKS.get(register.name, 0xFFFFFFFF)
        for value in (0xFFFFFFFF, 0, rng.getrandbits(32)):
            index = rng.randrange(register.count)
            await card.write(register, value, index)
            assert await card.read(register, index) == value & mask, register.name
        card.cover.hit(f"{register.name} written")


async def both_at_once(card: Card) -> None:
    """Reads and writes under way together: none is lost, and a register has what was written last."""
    rng, wanted = card.random, {}
    jobs = []
    for index in range(32):
        wanted[index] = rng.getrandbits(32)
        jobs.append(cocotb.start_soon(card.write(regs.STAGING_ROW, wanted[index], index)))
        jobs.append(cocotb.start_soon(card.read(regs.ID_TYPE)))
    await Combine(*jobs)
    assert {job.result() for job in jobs} == {None, regs.MAGIC}
    for index, value in wanted.items():
        assert await card.read(regs.STAGING_ROW, index) == value
    card.cover.hit("read and write at once")


async def what_is_refused(card: Card) -> None:
    rng, refused = card.random, 0
    begin = await card.read(regs.CONTROL_BAD_ACCESSES)
    assert begin == 0xFFFFFFF0
    known = {
        one.at(index) + 4 * word for one in regs.REGISTERS for index in range(one.count) for word in range(one.words)
    }
    nowhere = [address for address in range(0, 0x10000, 4) if address not in known]
    for _ in range(4):
        address = rng.choice(nowhere)
        refused += (await card.bus.read(address, 4)).resp == AxiResp.SLVERR
        card.cover.hit("read of nothing")
        refused += (await card.bus.write(address, b"\xff\xff\xff\xff")).resp == AxiResp.SLVERR
        card.cover.hit("write to nothing")
    assert await card.read(regs.CONTROL_BAD_ACCESSES) == begin + 8
    for register in regs.REGISTERS:
        if register.access == "r":
            before = await card.read(register)
            refused += (await card.bus.write(register.at(0), b"\xff\xff\xff\xff")).resp == AxiResp.SLVERR
            same = ("ID_NOW_NS", "CONTROL_BAD_ACCESSES")
            assert register.name in same or await card.read(register) == before, register.name
            card.cover.hit("write to a read-only one")
        if register.access == "w":
            refused += (await card.bus.read(register.at(0), 4)).resp == AxiResp.SLVERR
            card.cover.hit("read of a write-only one")
    assert refused == 8 + sum(one.access != "rw" for one in regs.REGISTERS)
    assert await card.read(regs.CONTROL_BAD_ACCESSES) == 0xFFFFFFFF
    card.cover.hit("count stays at the top")
    for address in rng.sample(nowhere, 300):
        assert (await card.bus.read(address, 4)).resp == AxiResp.SLVERR
