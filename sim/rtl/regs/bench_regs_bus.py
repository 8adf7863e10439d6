"""The five channels by hand: every order of arrival, every wait, bytes alone, addresses that are not aligned."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
from collections import deque
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from meltica.hot import card_regs_gen as regs
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.regs.card import Card

ACCESSES = 1_500
OKAY, SLVERR = 0, 2
READ_CYCLES, COUNT_CYCLES, WRITE_CYCLES = 2, 3, 2  # from the cycle in which it is taken to that of its answer
PLACES = [regs.ID_SCRATCH.address, regs.WATCHDOG_PERIOD_US.address, *(regs.STAGING_ROW.at(n) for n in range(16))]
STEADY = {regs.ID_TYPE.address: regs.MAGIC, regs.CONTROL_TYPE.address: 0x4D540001, regs.STAGING_NEXT.address: 0x400}
BINS = [
    *("address before data", "data before address", "both at once", "answer waits", "answer taken at once"),
    *("read while a write waits", "read answer waits", "not aligned write", "not aligned read", "no byte at all"),
    *(f"strobes {strobes:04b}" for strobes in range(16)),
    *("write refused", "read refused", "value stays while it waits"),
]


class Channel:
    """Watches that what was offered and not taken stays as it is."""

    def __init__(self, dut: Any, name: str, *fields: str) -> None:
        self.valid, self.ready = (getattr(dut, f"s_axil_{name}{end}") for end in ("valid", "ready"))
        self.fields = [getattr(dut, f"s_axil_{name}{field}") for field in fields]
        self.waits: tuple[int, ...] | None = None

    def now(self) -> tuple[int, ...]:
        return tuple(int(field.value) for field in self.fields)

    def watch(self, cover: Cover) -> None:
        if self.waits is not None:
            assert self.valid.value
            assert self.now() == self.waits
            cover.hit("value stays while it waits")
        self.waits = self.now() if self.valid.value and not self.ready.value else None


class Bus:
    """Offers writes and reads, each channel when it likes, and takes answers when it likes."""

    def __init__(self, card: Card) -> None:
        self.card, self.dut, self.random, self.cover = card, card.dut, card.random, card.cover
        self.model = dict.fromkeys(PLACES, 0)
        self.writes: deque[tuple[int, int, int]] = deque()
        self.expected_writes: deque[int] = deque()
        self.expected_reads: deque[tuple[int, int]] = deque()
        self.answers = [Channel(self.dut, "b", "resp"), Channel(self.dut, "r", "data", "resp")]
        self.cycles = self.errors = 0
        for name in ("awvalid", "wvalid", "arvalid", "bready", "rready"):
            getattr(self.dut, f"s_axil_{name}").value = 0

    async def offer(self, channel: str, wait: int, **fields: int) -> int:
        """In which cycle it was taken."""
        for _ in range(wait):
            await RisingEdge(self.dut.clk_i)
        for name, value in fields.items():
            getattr(self.dut, f"s_axil_{channel}{name}").value = value
        valid, ready = (getattr(self.dut, f"s_axil_{channel}{end}") for end in ("valid", "ready"))
        valid.value = 1
        while True:
            await FallingEdge(self.dut.clk_i)
            taken = bool(ready.value)
            await RisingEdge(self.dut.clk_i)
            if taken:
                valid.value = 0
                return self.cycles

    async def writer(self, count: int) -> None:
        rng = self.random
        for _ in range(count):
            place, value, strobes = rng.choice(PLACES), rng.getrandbits(32), rng.randrange(16)
            unaligned = rng.random() < 0.15
            refused = unaligned or rng.random() < 0.1
            address = place + rng.randrange(1, 4) if unaligned else regs.ID_TYPE.address if refused else place
            self.expected_writes.append(SLVERR if refused else OKAY)
            if not refused:
                mask = sum(0xFF << 8 * n for n in range(4) if strobes >> n & 1)
                self.model[place] = self.model[place] & ~mask | value & mask
            self.cover.hit(f"strobes {strobes:04b}")
            if unaligned:
                self.cover.hit("not aligned write")
            if not strobes:
                self.cover.hit("no byte at all")
            first, second = rng.choice(((0, 0), (0, rng.randrange(1, 6)), (rng.randrange(1, 6), 0)))
            names = {(True, False): "data before address", (False, True): "address before data"}
            self.cover.hit(names.get((first > 0, second > 0), "both at once"))
            address_side = cocotb.start_soon(self.offer("aw", first, addr=address))
            data_side = cocotb.start_soon(self.offer("w", second, data=value, strb=strobes))
            await address_side
            await data_side
            for _ in range(rng.choice((0, 0, 3))):
                await RisingEdge(self.dut.clk_i)

    async def reader(self, count: int) -> None:
        rng = self.random
        for _ in range(count):
            address, kind = rng.choice(list(STEADY)), rng.random()
            if kind < 0.15:
                self.expected_reads.append((0, SLVERR))
                address += rng.randrange(1, 4)
                self.cover.hit("not aligned read")
            elif kind < 0.25:
                self.expected_reads.append((0, SLVERR))
                address = regs.CONTROL_KILL.address
            else:
                self.expected_reads.append((STEADY[address], OKAY))
            if self.dut.s_axil_awvalid.value or self.dut.s_axil_wvalid.value:
                self.cover.hit("read while a write waits")
            await self.offer("ar", rng.choice((0, 0, 1, 4)), addr=address)

    async def taker(self) -> None:
        """Takes answers with a chance that changes, and judges them: one for each access, in order."""
        chance, dut = 1.0, self.dut
        while True:
            if self.cycles % 300 == 0:
                chance = self.random.choice((1.0, 0.5, 0.1))
            dut.s_axil_bready.value = int(self.random.random() < chance)
            dut.s_axil_rready.value = int(self.random.random() < chance)
            await FallingEdge(dut.clk_i)
            for channel in self.answers:
                channel.watch(self.cover)
            if dut.s_axil_bvalid.value:
                self.cover.hit("answer taken at once" if dut.s_axil_bready.value else "answer waits")
                if dut.s_axil_bready.value:
                    response = int(dut.s_axil_bresp.value)
                    assert response == self.expected_writes.popleft()
                    self.refused(response, "write refused")
            if dut.s_axil_rvalid.value:
                if not dut.s_axil_rready.value:
                    self.cover.hit("read answer waits")
                else:
                    value, response = self.expected_reads.popleft()
                    assert int(dut.s_axil_rresp.value) == response
                    assert response or int(dut.s_axil_rdata.value) == value
                    self.refused(response, "read refused")
            self.cycles += 1
            await RisingEdge(dut.clk_i)

    def refused(self, response: int, name: str) -> None:
        self.errors += response == SLVERR
        if response == SLVERR:
            self.cover.hit(name)

    async def value(self, address: int) -> int:
        """Reads with nothing else under way."""
        self.expected_reads.append((self.model.get(address, 0), OKAY))
        await self.offer("ar", 0, addr=address)
        while self.expected_reads:
            await RisingEdge(self.dut.clk_i)
        return self.model.get(address, 0)


@cocotb.test()
async def any_order(dut: Any) -> None:
    bus = Bus(Card(dut, Cover("regs_bus", BINS), master=False))
    await bus.card.start()
    cocotb.start_soon(bus.taker())
    jobs = [cocotb.start_soon(bus.writer(ACCESSES)), cocotb.start_soon(bus.reader(ACCESSES))]
    for job in jobs:
        await job
    while bus.expected_writes or bus.expected_reads:
        await RisingEdge(dut.clk_i)
    for place in PLACES:
        await bus.value(place)  # the taker compares it
    bus.model[regs.CONTROL_BAD_ACCESSES.address] = min(0xFFFFFFFF, 0xFFFFFFF0 + bus.errors)
    await bus.value(regs.CONTROL_BAD_ACCESSES.address)
    await cycle_figures(bus)
    report_cycles("regs", bus.cycles)
    bus.cover.require_full()


async def cycle_figures(bus: Bus) -> None:
    """An access by itself is answered after so many cycles, always."""
    for address, value, cycles in (
        (regs.ID_TYPE.address, regs.MAGIC, READ_CYCLES),
        (regs.WORD_VALUES.address, 0, COUNT_CYCLES),
    ):
        for _ in range(10):
            bus.expected_reads.append((value, OKAY))
            await bus.offer("ar", bus.random.randrange(5), addr=address)
            assert await until(bus, bus.dut.s_axil_rvalid) == cycles
            while bus.expected_reads:
                await RisingEdge(bus.dut.clk_i)
    for _ in range(10):
        bus.expected_writes.append(OKAY)
        fields = {"addr": regs.ID_SCRATCH.address}
        data_side = cocotb.start_soon(bus.offer("w", 0, data=bus.random.getrandbits(32), strb=15))
        await bus.offer("aw", 0, **fields)
        assert await until(bus, bus.dut.s_axil_bvalid) == WRITE_CYCLES
        await data_side
        while bus.expected_writes:
            await RisingEdge(bus.dut.clk_i)


async def until(bus: Bus, valid: Any) -> int:
    """Cycles from the one before this, until `valid`."""
    for cycles in range(1, 20):
        await FallingEdge(bus.dut.clk_i)
        if valid.value:
            return cycles
        await RisingEdge(bus.dut.clk_i)
    raise AssertionError("no answer")
