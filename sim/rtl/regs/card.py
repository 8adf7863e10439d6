"""The block on its bus, and the rest of the card around it: a gate that answers late, a book, and a clock."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import itertools
import logging
import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from meltica.hot import card_regs_gen as regs
from meltica.hot.card_regs_gen import Register
from meltica.hot.layout_gen import AnswerRecord, Status
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

QUIET = (
    *("kill_pin_i", "gate_engage_i", "gate_killed_i", "told_ready_i", "answer_valid_i", "gate_query_done_i"),
    *("book_query_done_i", "verdict_valid_i", "purged_valid_i", "event_i", "latency_valid_i", "status_i"),
    *("now_ns_i", "word_i", "gate_query_value_i", "book_query_answer_i", "s_axil_awprot", "s_axil_arprot"),
)


class Card:
    """Its methods are what a driver does; `told` and `configured` are the rows that came out of the block."""

    def __init__(self, dut: Any, cover: Cover, *, master: bool = True) -> None:
        self.dut, self.cover, self.random = dut, cover, random.Random(seed())
        self.told: list[int] = []
        self.configured: list[int] = []
        self.answers: list[int] = []  # the gate's next ones; none: OK
        self.hold_gate = False
        self.cycles = 0
        for name in QUIET:
            getattr(dut, name).value = 0
        dut.init_done_i.value = 1
        if master:
            logging.getLogger("cocotb.regs.s_axil").setLevel(logging.WARNING)
            self.bus = AxiLiteMaster(
                AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk_i, dut.rst_ni, reset_active_level=False
            )

    async def start(self) -> None:
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        await self.reset()
        cocotb.start_soon(self.gate())
        cocotb.start_soon(self.clock())

    async def reset(self) -> None:
        self.dut.rst_ni.value = 0
        for _ in range(3):
            await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1
        await RisingEdge(self.dut.clk_i)

    async def clock(self) -> None:
        while True:
            await RisingEdge(self.dut.clk_i)
            self.cycles += 1
            self.dut.now_ns_i.value = 10**18 + 6 * self.cycles
            if self.dut.cfg_valid_o.value:
                self.configured.append(int(self.dut.cfg_row_o.value))

    async def gate(self) -> None:
        """Takes told rows when it likes, and answers each later."""
        dut = self.dut
        while True:
            await RisingEdge(dut.clk_i)
            if not dut.told_valid_o.value or self.hold_gate or self.random.random() < 0.5:
                continue
            row = int(dut.told_row_o.value)
            at_once = self.random.random() < 0.3
            dut.told_ready_i.value = 1
            if not at_once:
                await RisingEdge(dut.clk_i)
                dut.told_ready_i.value = 0
                for _ in range(self.random.randrange(12)):
                    await RisingEdge(dut.clk_i)
            status = self.answers.pop(0) if self.answers else Status.OK
            answer = AnswerRecord(answered_type_id=row & 0xFFFF, status=status, value=0)
            dut.answer_i.value = int.from_bytes(answer.to_bytes(), "little")
            dut.answer_valid_i.value = 1
            await RisingEdge(dut.clk_i)
            dut.answer_valid_i.value = dut.told_ready_i.value = 0
            self.told.append(row)

    # --- the bus ---

    async def read(self, register: Register, index: int = 0) -> int:
        """Also a 64-bit one, low word first."""
        address = register.at(index)
        value = await self.read_at(address)
        return value if register.words == 1 else value | await self.read_at(address + 4) << 32

    async def read_at(self, address: int) -> int:
        told = await self.bus.read(address, 4)
        assert told.resp == AxiResp.OKAY, hex(address)
        return int.from_bytes(told.data, "little")

    async def read_entry(self, memory: Register, entry: int) -> int:
        low = await self.read(memory, 2 * entry)
        return low | await self.read(memory, 2 * entry + 1) << 32

    async def write(self, register: Register, value: int, index: int = 0) -> None:
        told = await self.bus.write(register.at(index), value.to_bytes(4, "little"))
        assert told.resp == AxiResp.OKAY, register.name

    async def field(self, field: regs.Field) -> int:
        return field.of(await self.read(field.register))

    async def idle(self, cycles: int) -> None:
        for _ in range(cycles):
            await RisingEdge(self.dut.clk_i)

    # --- what a driver does ---

    async def arm(self) -> None:
        """From killed to armed: a period that does not end, a good token, the keyed release."""
        await self.write(regs.WATCHDOG_PERIOD_US, 0xFFFFFFFF)
        await self.write(regs.WATCHDOG_TOKEN, (await self.read(regs.WATCHDOG_LAST_TOKEN) + 1) % 2**32)
        await self.write(regs.CONTROL_RELEASE, regs.RELEASE_KEY)
        await self.write(regs.CONTROL_RELEASE, regs.RELEASE_COMPLEMENT)
        assert not await self.field(regs.CONTROL_STATUS_KILLED)

    async def stage(self, data: bytes) -> None:
        padded = data.ljust(128, b"\0")
        for index in range(32):
            await self.write(regs.STAGING_ROW, int.from_bytes(padded[4 * index : 4 * index + 4], "little"), index)

    async def commit(self, data: bytes) -> int:
        """The status of the answer."""
        await self.stage(data)
        await self.write(regs.STAGING_COMMIT, 1)
        number = await self.read(regs.STAGING_COMMITS)
        while await self.read(regs.STAGING_ANSWERS) != number:
            pass
        answer = await self.read(regs.STAGING_ANSWER)
        assert regs.STAGING_ANSWER_SEQUENCE_NUMBER.of(answer) == number % 256
        assert regs.STAGING_ANSWER_TYPE_ID.of(answer) == int.from_bytes(data[:2], "little")
        return regs.STAGING_ANSWER_STATUS.of(answer)

    def pauses(self, chance: float) -> None:
        """Idle cycles and back-pressure on all five channels; 0: none."""
        ports = (self.bus.write_if.aw_channel, self.bus.write_if.w_channel, self.bus.write_if.b_channel)
        ports += (self.bus.read_if.ar_channel, self.bus.read_if.r_channel)
        for number, port in enumerate(ports):
            port.set_pause_generator(self.pattern(chance, number) if chance else itertools.repeat(False))

    def pattern(self, chance: float, number: int) -> Iterator[bool]:
        rng = random.Random(f"{seed()} {number}")
        while True:
            yield rng.random() < chance
