"""The card on its buses: what a host does to arm it, as coroutines, and which word was on the wires in which cycle."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import logging
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamSink, AxiStreamSource

from meltica.hot import card_regs_gen as regs
from meltica.hot import layout_gen as lay
from meltica.hot.card_regs_gen import Register
from meltica.hot.layout_gen import Compare, Mark, MessageKind, Record, Side, Status, TimeInForce
from sim.rtl.feed_lane.frames import DESTINATION, PORT, SESSION
from sim.rtl.order_tx.frames import Ends

UNIT_NANOS = 100_000
NOW_NS = 1_700_000_000 * 10**9
NS_A_CYCLE = 6
LOCATE, OTHER = 17, 18
ACCOUNT, STRATEGY = 1, 2
HOST_PORT, TRIGGER_PORT = 0, 1
REFERENCE = 1_000_000  # 100 dollars
FIRST_BYTE = 1_000  # TCP
PLENTY = {"messages_per_second": 2**31, "message_burst": 2**20}
ENDS = Ends(b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02", bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]), 40_000, 15_001, 0)
SILENT = ("s_axil", "s_axis_a", "s_axis_b", "s_axis_host", "m_axis_host", "m_axis_tx")


def record(kind: type[Record], **values: int) -> Record:
    """All fields that are not named are 0."""
    blank = dict.fromkeys((name for name in kind.__slots__ if name != "type_id"), 0)
    return kind(**(blank | values))


def rows() -> list[Record]:
    """Everything that an order needs to pass."""
    instrument = {
        "enabled": 1, "short_sale": 1, "collar_bps": 5_000, "value_per_tick_lot_nanos": UNIT_NANOS,
        "max_price_ticks": 2**31 - 1, "max_quantity_lots": 100_000, "max_value_nanos": 2**62,
        "reference_max_age_ns": 2**62, "session_close_ns": 2**64 - 1, "max_day_lots": 2**60,
    }  # fmt: skip
    account = {
        "account_id": ACCOUNT, "enabled": 1, "market_orders_allowed": 1, "max_open_orders": 2**31,
        "max_consecutive_rejects": 9, "max_open_value_nanos": 2**62, "max_daily_loss_nanos": 2**60,
        "max_drawdown_nanos": 2**60,
    }  # fmt: skip
    found = [
        record(lay.FirmLimitsRecord, max_open_orders=2**31, max_open_value_nanos=2**62, **PLENTY),
        record(lay.AccountLimitsRecord, **account, **PLENTY),
        record(
            lay.StrategyLimitsRecord,
            strategy_id=STRATEGY, enabled=1, max_open_value_nanos=2**62, max_executions=2**40, **PLENTY,
        ),
    ]  # fmt: skip
    for port in (HOST_PORT, TRIGGER_PORT):
        found.append(record(lay.PortLimitsRecord, port_id=port, enabled=1, **PLENTY))
        found.append(lay.MarkRecord(Mark.CONNECTED, 1, port, NOW_NS))
    for locate in (LOCATE, OTHER):
        found.append(record(lay.InstrumentLimitsRecord, instrument_id=locate, **instrument, **PLENTY))
        found.append(lay.PositionLimitsRecord(ACCOUNT, locate, 2**40, 2**40, 0))
        found.append(lay.ReferencePriceRecord(locate, REFERENCE, NOW_NS))
        symbol = int.from_bytes(f"SYM{locate:<5}".encode(), "little")
        found.append(lay.SymbolRecord(locate, locate, symbol, 1, 1))
    for port in (HOST_PORT, TRIGGER_PORT):
        found.append(frame_template(port))
        found.append(lay.TcpStateRecord(port, 1, 2_000, 65_535, 65_535, FIRST_BYTE))
    return [*found, *feed_rows()]


def feed_rows() -> list[Record]:
    common = {
        "enabled": 1, "destination_port": PORT, "destination_ip": int.from_bytes(DESTINATION, "big"),
        "session_low": int.from_bytes(SESSION[:8], "little"), "session_high": int.from_bytes(SESSION[8:], "little"),
        "gap_timeout_ns": 2_000, "next_sequence_number": 1,
    }  # fmt: skip
    return [record(lay.FeedFilterRecord, lane=lane, **common) for lane in (0, 1)]


def frame_template(port: int) -> Record:
    return record(
        lay.FrameTemplateRecord,
        port_id=port, up=1, source_port=ENDS.source_port + port, destination_port=ENDS.destination_port,
        destination_mac=int.from_bytes(ENDS.destination_mac, "big"), source_mac=int.from_bytes(ENDS.source_mac, "big"),
        source_ip=int.from_bytes(ENDS.source_ip, "big"), destination_ip=int.from_bytes(ENDS.destination_ip, "big"),
        sequence_number=FIRST_BYTE, acknowledgment_number=2_000, window=65_535, user_ref_num=1,
        client_order_prefix=int.from_bytes(b"MELTICA ", "little"), capacity=ord("P"), display=ord("Y"),
        cross_type=ord("N"),
    )  # fmt: skip


def trigger_row(**changes: int) -> Record:
    usual = {
        "enabled": 1, "kinds": int(MessageKind.ADD), "compare": int(Compare.AT_MOST), "instrument_id": LOCATE,
        "account_id": ACCOUNT, "strategy_id": STRATEGY, "threshold_ticks": REFERENCE - 100, "side": int(Side.BUY),
        "tif": int(TimeInForce.IOC), "port_id": TRIGGER_PORT, "quantity_lots": 100, "price_ticks": REFERENCE,
        "first_order_id": 1_000,
    }  # fmt: skip
    return record(lay.TriggerRecord, **(usual | changes))


class Card:
    """``cycle`` counts clock edges. ``words_at[lane]`` and ``first_words`` say in which one a word was on the wires."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.cycle = 0
        for name in SILENT:
            logging.getLogger(f"cocotb.{dut._name}.{name}").setLevel(logging.WARNING)
        dut.kill_pin_i.value = 0
        dut.now_ns_i.value = NOW_NS
        dut.rst_ni.value = 0
        reset = {"reset": dut.rst_ni, "reset_active_level": False}
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk_i, **reset)
        self.lanes = [
            AxiStreamSource(AxiStreamBus.from_prefix(dut, f"s_axis_{lane}"), dut.clk_i, **reset) for lane in "ab"
        ]
        self.host = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis_host"), dut.clk_i, **reset)
        self.verdicts = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis_host"), dut.clk_i, **reset)
        self.tx = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis_tx"), dut.clk_i, **reset)
        self.words_at: list[list[int]] = [[], []]
        self.first_words: list[int] = []
        self.token = 0

    async def start(self) -> None:
        """Out of reset, all rows in, armed."""
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        for _ in range(4):
            await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1
        cocotb.start_soon(self._watch())
        while not await self.field(regs.CONTROL_STATUS_INIT_DONE):
            pass
        await self.write(regs.CONTROL_UNIT_NANOS, UNIT_NANOS)
        await self.write(regs.CONTROL_CTRL, 0)
        for row in rows():
            assert await self.commit(row) == Status.OK, row
        await self.write(regs.WATCHDOG_PERIOD_US, 2**31)
        await self.beat()
        await self.release()

    async def _watch(self) -> None:
        dut, middle = self.dut, False
        while True:
            await RisingEdge(dut.clk_i)
            self.cycle += 1
            dut.now_ns_i.value = NOW_NS + NS_A_CYCLE * self.cycle
            for lane, valid in enumerate((dut.s_axis_a_tvalid, dut.s_axis_b_tvalid)):
                if int(valid.value):
                    self.words_at[lane].append(self.cycle)
            if int(dut.m_axis_tx_tvalid.value):
                if not middle:
                    self.first_words.append(self.cycle)
                middle = not (int(dut.m_axis_tx_tready.value) and int(dut.m_axis_tx_tlast.value))

    async def idle(self, cycles: int) -> None:
        for _ in range(cycles):
            await RisingEdge(self.dut.clk_i)

    # --- registers ---

    async def read(self, register: Register, index: int = 0) -> int:
        address = register.at(index)
        low = await self.bus.read_dword(address)
        return int(low) if register.words == 1 else int(low) | int(await self.bus.read_dword(address + 4)) << 32

    async def field(self, field: Any) -> int:
        return int(field.of(await self.read(field.register)))

    async def write(self, register: Register, value: int, index: int = 0) -> None:
        await self.bus.write_dword(register.at(index), value)

    async def commit(self, row: Record) -> int:
        """The card's status."""
        data = row.to_bytes()
        await self.bus.write(regs.STAGING_ROW.at(0), data)
        await self.write(regs.STAGING_COMMIT, 1)
        number = await self.read(regs.STAGING_COMMITS)
        while await self.read(regs.STAGING_ANSWERS) != number:
            pass
        return int(regs.STAGING_ANSWER_STATUS.of(await self.read(regs.STAGING_ANSWER)))

    async def beat(self) -> None:
        self.token += 1
        await self.write(regs.WATCHDOG_TOKEN, self.token)

    async def release(self) -> None:
        await self.write(regs.CONTROL_RELEASE, regs.RELEASE_KEY)
        await self.write(regs.CONTROL_RELEASE, regs.RELEASE_COMPLEMENT)
        assert not await self.field(regs.CONTROL_STATUS_KILL_SWITCH)

    async def count(self, memory: Register, entry: int) -> int:
        low = int(await self.bus.read_dword(memory.at(2 * entry)))
        return low | int(await self.bus.read_dword(memory.at(2 * entry + 1))) << 32
