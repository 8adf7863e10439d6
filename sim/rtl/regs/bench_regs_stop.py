"""Stopping and letting go through the registers: every source, races in one cycle, locks, the watchdog, the audit."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from meltica.hot import card_regs_gen as regs
from meltica.hot.layout_gen import AuditKind, OrderIntentRecord, VerdictRecord
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.regs.bench_regs_commit import pop
from sim.rtl.regs.card import Card

SOURCES = ("pin", "register", "watchdog", "gate", "audit")
BINS = [
    *(f"engaged by {source}" for source in SOURCES),
    *(
        "killed after reset",
        "killed in the cycle of the pin",
        "killed in the cycle of the write",
        "no release without key",
    ),
    *(
        "release in two steps",
        "complement alone",
        "read between",
        "write between",
        "key twice",
        "key with bytes left out",
    ),
    *("engage in the cycle of the release", "release while the pin is high", "gate hears of the release"),
    *(
        "release while only the gate is killed",
        "CTRL locked",
        "CTRL open",
        "token with bytes left out",
        "token too small",
    ),
    *("period 0", "late", "token lets go, the switch stays", "audit tells", "audit loss kills"),
]


@cocotb.test()
async def stopping(dut: Any) -> None:
    card = Card(dut, Cover("regs_stop", BINS))
    await card.start()
    assert dut.killed_o.value
    assert await card.read(regs.CONTROL_KILL_CAUSE) == 0x0404
    card.cover.hit("killed after reset")
    await releases(card)
    await sources(card)
    await races(card)
    await locks(card)
    await watchdog(card)
    await audit(card)
    await audit_loss(card)
    report_cycles("regs", card.cycles)
    card.cover.require_full()


async def killed(card: Card) -> bool:
    return bool(await card.field(regs.CONTROL_STATUS_KILL_SWITCH))


async def releases(card: Card) -> None:
    key, complement = regs.RELEASE_KEY, regs.RELEASE_COMPLEMENT
    await card.write(regs.CONTROL_RELEASE, key)
    await card.write(regs.CONTROL_RELEASE, complement)
    assert await killed(card)  # no token yet
    card.cover.hit("no release without key")
    await card.arm()
    card.cover.hit("release in two steps")
    assert await card.read(regs.CONTROL_RELEASES) == 1
    await card.write(regs.CONTROL_KILL, 0)
    bad = await card.read(regs.CONTROL_BAD_RELEASES)
    await card.write(regs.CONTROL_RELEASE, complement)
    card.cover.hit("complement alone")
    await card.write(regs.CONTROL_RELEASE, key)
    await card.read(regs.CONTROL_STATUS)
    await card.write(regs.CONTROL_RELEASE, complement)
    card.cover.hit("read between")
    await card.write(regs.CONTROL_RELEASE, key)
    await card.write(regs.ID_SCRATCH, complement)
    await card.write(regs.CONTROL_RELEASE, complement)
    card.cover.hit("write between")
    await card.write(regs.CONTROL_RELEASE, key)
    told = await card.bus.write(regs.CONTROL_RELEASE.address, complement.to_bytes(4, "little")[:3])
    assert told.resp == 0
    card.cover.hit("key with bytes left out")
    assert await card.read(regs.CONTROL_BAD_RELEASES) == bad + 4
    assert await killed(card)
    watch = cocotb.start_soon(pulses(card, card.dut.release_o, 200))
    for value in (key, key, complement):
        await card.write(regs.CONTROL_RELEASE, value)
    assert not await killed(card)
    card.cover.hit("key twice")
    assert await watch == 1
    card.cover.hit("gate hears of the release")
    card.dut.gate_killed_i.value = 1
    watch = cocotb.start_soon(pulses(card, card.dut.release_o, 200))
    assert await card.field(regs.CONTROL_STATUS_KILLED)
    assert not await killed(card)
    await card.write(regs.CONTROL_RELEASE, key)
    await card.write(regs.CONTROL_RELEASE, complement)
    assert await watch == 1
    card.dut.gate_killed_i.value = 0
    card.cover.hit("release while only the gate is killed")


async def pulses(card: Card, port: Any, cycles: int) -> int:
    seen = 0
    for _ in range(cycles):
        await FallingEdge(card.dut.clk_i)
        seen += int(port.value)
        await RisingEdge(card.dut.clk_i)
    return seen


async def sources(card: Card) -> None:
    dut = card.dut
    for number, source in enumerate(("pin", "register", "watchdog", "gate")):
        before = await card.read(regs.CONTROL_KILLS)
        if source == "pin":
            await RisingEdge(dut.clk_i)
            dut.kill_pin_i.value = 1
            assert not dut.killed_o.value
            await FallingEdge(dut.clk_i)
            assert dut.killed_o.value
            card.cover.hit("killed in the cycle of the pin")
            await RisingEdge(dut.clk_i)
            now = int(dut.now_ns_i.value)
            assert await card.field(regs.CONTROL_STATUS_KILL_PIN)
            assert abs(await card.read(regs.CONTROL_KILL_TIME_NS) - now) <= 12
            await card.write(regs.CONTROL_RELEASE, regs.RELEASE_KEY)
            await card.write(regs.CONTROL_RELEASE, regs.RELEASE_COMPLEMENT)
            assert await killed(card)
            card.cover.hit("release while the pin is high")
            dut.kill_pin_i.value = 0
        elif source == "register":
            write = cocotb.start_soon(card.write(regs.CONTROL_KILL, 0))
            while not dut.s_axil_awready.value:
                await FallingEdge(dut.clk_i)
            await RisingEdge(dut.clk_i)  # it begins
            await FallingEdge(dut.clk_i)
            assert dut.killed_o.value
            card.cover.hit("killed in the cycle of the write")
            await write
        elif source == "watchdog":
            await card.write(regs.WATCHDOG_PERIOD_US, 0)
        else:
            await RisingEdge(dut.clk_i)
            dut.gate_engage_i.value = 1
            await RisingEdge(dut.clk_i)
            dut.gate_engage_i.value = 0
        assert await killed(card)
        assert await card.read(regs.CONTROL_KILLS) == before + 1
        assert await card.read(regs.CONTROL_KILL_CAUSE) == 0x101 << number
        card.cover.hit(f"engaged by {source}")
        await card.arm()


async def races(card: Card) -> None:
    """The pin is high for one cycle, before, in and after the cycle in which the release takes effect."""
    dut, stayed = card.dut, []
    for offset in range(16):
        await card.write(regs.CONTROL_KILL, 0)
        await card.write(regs.CONTROL_RELEASE, regs.RELEASE_KEY)
        write = cocotb.start_soon(card.write(regs.CONTROL_RELEASE, regs.RELEASE_COMPLEMENT))
        for _ in range(offset):
            await RisingEdge(dut.clk_i)
        dut.kill_pin_i.value = 1
        await FallingEdge(dut.clk_i)
        assert dut.killed_o.value
        await RisingEdge(dut.clk_i)
        dut.kill_pin_i.value = 0
        await FallingEdge(dut.clk_i)
        assert dut.killed_o.value  # no release of the cycle before has won
        await write
        await card.idle(4)
        stayed.append(await killed(card))
        if stayed[-1]:
            await card.arm()
    # A release that came after the pin took hold; one that came with it or before it did not.
    assert stayed == sorted(stayed)
    assert {*stayed} == {False, True}
    await exact_race(card)


async def exact_race(card: Card) -> None:
    """The same with the write's own cycle found first: release_o one cycle after it, unless the pin was high in it."""
    dut = card.dut
    for pin in (False, True):
        await card.write(regs.CONTROL_KILL, 0)
        await card.write(regs.CONTROL_RELEASE, regs.RELEASE_KEY)
        write = cocotb.start_soon(card.write(regs.CONTROL_RELEASE, regs.RELEASE_COMPLEMENT))
        while not (dut.s_axil_awvalid.value and dut.s_axil_awready.value):
            await FallingEdge(dut.clk_i)
        await RisingEdge(dut.clk_i)  # the access begins; the register is written one cycle later, then it is judged
        await RisingEdge(dut.clk_i)
        dut.kill_pin_i.value = int(pin)
        await FallingEdge(dut.clk_i)
        assert dut.killed_o.value
        await RisingEdge(dut.clk_i)
        dut.kill_pin_i.value = 0
        await FallingEdge(dut.clk_i)
        assert bool(dut.killed_o.value) == pin
        assert bool(dut.release_o.value) == (not pin)
        await write
        assert await killed(card) == pin
    card.cover.hit("engage in the cycle of the release")
    await card.arm()


async def locks(card: Card) -> None:
    begin = await card.read(regs.CONTROL_LOCKED_WRITES)
    await card.write(regs.CONTROL_CTRL, 0)
    await card.write(regs.CONTROL_UNIT_NANOS, 77)
    assert (await card.read(regs.CONTROL_CTRL), await card.read(regs.CONTROL_UNIT_NANOS)) == (1, 0)
    assert await card.read(regs.CONTROL_LOCKED_WRITES) == begin + 2
    card.cover.hit("CTRL locked")
    await card.write(regs.CONTROL_KILL, 0)
    await card.write(regs.CONTROL_CTRL, 0)
    await card.write(regs.CONTROL_UNIT_NANOS, 77)
    assert (await card.read(regs.CONTROL_CTRL), await card.read(regs.CONTROL_UNIT_NANOS)) == (0, 77)
    assert (int(card.dut.leased_o.value), int(card.dut.unit_nanos_o.value)) == (0, 77)
    assert await card.read(regs.CONTROL_LOCKED_WRITES) == begin + 2
    card.cover.hit("CTRL open")
    await card.arm()


async def watchdog(card: Card) -> None:
    last, bad = await card.read(regs.WATCHDOG_LAST_TOKEN), await card.read(regs.WATCHDOG_BAD_TOKENS)
    told = await card.bus.write(regs.WATCHDOG_TOKEN.address, b"\xff\xff\xff")
    assert told.resp == 0
    assert await card.read(regs.WATCHDOG_LAST_TOKEN) == last
    card.cover.hit("token with bytes left out")
    await card.write(regs.WATCHDOG_TOKEN, last)
    assert await card.read(regs.WATCHDOG_BAD_TOKENS) == bad + 2
    card.cover.hit("token too small")
    trips = await card.read(regs.WATCHDOG_TRIPS)
    await card.write(regs.WATCHDOG_PERIOD_US, 0)
    assert await killed(card)
    card.cover.hit("period 0")
    await card.write(regs.WATCHDOG_PERIOD_US, 300)
    await card.write(regs.WATCHDOG_TOKEN, last + 1)
    assert not await card.field(regs.CONTROL_STATUS_WATCHDOG_TRIPPED)
    assert await killed(card)
    card.cover.hit("token lets go, the switch stays")
    await card.write(regs.CONTROL_RELEASE, regs.RELEASE_KEY)
    await card.write(regs.CONTROL_RELEASE, regs.RELEASE_COMPLEMENT)
    assert not await killed(card)
    for token in range(last + 2, last + 6):
        await card.idle(200)
        await card.write(regs.WATCHDOG_TOKEN, token)
        assert not await killed(card)
        assert await card.read(regs.WATCHDOG_LAST_TOKEN) == token
    await card.idle(310)
    assert await killed(card)
    assert await card.read(regs.WATCHDOG_TRIPS) == trips + 2
    card.cover.hit("late")
    await card.arm()


async def audit(card: Card) -> None:
    while await card.read(regs.AUDIT_LEVEL):
        await pop(card)
    await card.write(regs.CONTROL_KILL, 0)
    await card.write(regs.WATCHDOG_PERIOD_US, 0)
    await card.arm()
    kinds = [await pop(card) for _ in range(3)]
    assert [record.kind for record in kinds] == [AuditKind.KILLED, AuditKind.WATCHDOG, AuditKind.RELEASED]
    assert kinds[0].value == 2  # the register
    assert kinds[1].value + 1 == await card.read(regs.WATCHDOG_LAST_TOKEN)
    assert not await card.read(regs.AUDIT_LEVEL)
    card.cover.hit("audit tells")


async def audit_loss(card: Card) -> None:
    """With the policy a lost record engages; the loss has to be told before a release can take hold."""
    dut, before = card.dut, await card.read(regs.AUDIT_LOST)
    await card.write(regs.CONTROL_KILL, 0)
    await card.write(regs.CONTROL_CTRL, regs.CONTROL_CTRL_KILL_ON_AUDIT_LOSS.put(1))
    await card.arm()
    order, verdict = OrderIntentRecord(3, *(0,) * 14), VerdictRecord(255, 3, 0, 0, 0)
    dut.verdict_i.value = int.from_bytes(verdict.to_bytes(), "little")
    dut.verdict_order_i.value = int.from_bytes(order.to_bytes(), "little")
    dut.verdict_valid_i.value = 1
    await card.idle(20)
    dut.verdict_valid_i.value = 0
    await card.idle(25)
    assert await killed(card)
    assert await card.read(regs.CONTROL_KILL_CAUSE) == 0x1010
    assert await card.field(regs.CONTROL_STATUS_AUDIT_LOSING)
    card.cover.hit("engaged by audit")
    await card.write(regs.CONTROL_RELEASE, regs.RELEASE_KEY)
    await card.write(regs.CONTROL_RELEASE, regs.RELEASE_COMPLEMENT)
    assert await killed(card)
    told = 0
    assert await card.read(regs.AUDIT_LOST) > before
    while await card.read(regs.AUDIT_LEVEL):
        record = await pop(card)
        told += record.value if record.kind == AuditKind.OVERFLOW else 0
    assert told == await card.read(regs.AUDIT_LOST) - before
    await card.arm()
    card.cover.hit("audit loss kills")
