"""The two buses to a card: device files as the XDMA driver makes them, and rings that a thread of the test serves."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meltica.hot.card_bus import (
    ACCESS,
    OKAY,
    READ,
    RESET,
    RING_NAMES,
    SLOTS,
    WRITE,
    CardError,
    SharedBus,
    XdmaBus,
)
from meltica.hot.shared import SpscRing

SLVERR = 2
MISSING = 0x40
BAR_BYTES = 4096


class Server(threading.Thread):
    """The far end of a SharedBus: a few registers, and a verdict of 32 bytes for each slot."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        roles = ("consumer", "producer", "consumer", "producer")
        self.accesses, self.answers, self.orders, self.verdicts = (
            SpscRing.create(folder / name, slots=SLOTS, role=role)  # type: ignore[arg-type]
            for name, role in zip(RING_NAMES, roles, strict=True)
        )
        self.registers: dict[int, int] = {0: 7}
        self.resets = 0
        self.ending = threading.Event()
        self.mute = False

    def run(self) -> None:
        while not self.ending.is_set():
            access = None if self.mute else self.accesses.pop()
            if access is not None:
                self.answers.push(self.answer(*ACCESS.unpack(access)))
            record = self.orders.pop()
            if record is not None:
                self.verdicts.push(record[:32] + bytes(32))
            if access is record is None:
                time.sleep(0.0001)
        for ring in (self.accesses, self.answers, self.orders, self.verdicts):
            ring.detach()

    def answer(self, number: int, kind: int, _: int, zero: int, address: int, data: int) -> bytes:
        assert zero == 0
        if kind == WRITE and address != MISSING:
            self.registers[address] = data
        elif kind == RESET:
            self.resets += 1
        response = SLVERR if address == MISSING else OKAY
        return ACCESS.pack(number, kind, response, 0, address, self.registers.get(address, 0) if kind == READ else 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.ending.set()
    server.join()


@pytest.fixture
def bus(server: Server, tmp_path: Path) -> Iterator[SharedBus]:
    assert server.is_alive()
    bus = SharedBus(tmp_path, patience_s=2.0)
    yield bus
    bus.close()


def test_registers_of_the_shared_bus(bus: SharedBus) -> None:
    assert bus.read(0) == 7
    for address in range(4, 400, 4):
        if address != MISSING:
            bus.write(address, address * 3)
    assert [bus.read(address) for address in (4, 8, 396)] == [12, 24, 1188]


def test_a_refused_write_is_told_by_the_next_read(bus: SharedBus) -> None:
    bus.write(MISSING, 1)
    bus.write(8, 5)
    with pytest.raises(CardError, match="write to register 0x40: response 2"):
        bus.read(8)
    assert bus.read(8) == 5


def test_a_refused_read(bus: SharedBus) -> None:
    with pytest.raises(CardError, match="read of register 0x40"):
        bus.read(MISSING)


@pytest.mark.parametrize("address", [1, 2, -4, 1 << 40])
def test_what_is_no_register(bus: SharedBus, address: int) -> None:
    with pytest.raises(ValueError, match="is no register"):
        bus.read(address)
    with pytest.raises(ValueError, match="is no register"):
        bus.write(address, 1)


def test_records_go_and_come_in_order(bus: SharedBus) -> None:
    slots = [bytes([number % 256]) * 64 for number in range(3 * SLOTS)]
    got = b""
    for at in range(0, len(slots), 100):
        bus.send(b"".join(slots[at : at + 100]))
        got += bus.receive()
    while len(got) < 32 * len(slots):
        got += bus.receive()
    assert got == b"".join(slot[:32] for slot in slots)
    with pytest.raises(ValueError, match="65 bytes"):
        bus.send(bytes(65))


def test_a_reset_throws_away_what_was_on_its_way(bus: SharedBus, server: Server) -> None:
    bus.send(bytes(64))
    while not len(bus._verdicts):
        pass
    bus.reset()
    assert server.resets == 1
    assert bus.receive() == b""


def test_a_card_that_is_not_there_or_silent(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CardError, match="no simulated card in"):
        SharedBus(tmp_path / "elsewhere", patience_s=0.05)
    bus = SharedBus(tmp_path, patience_s=0.1)
    server.mute = True
    with pytest.raises(CardError, match="does not answer: its registers"):
        bus.read(0)
    server.mute = False
    assert bus.read(0) == 7, "the late answer to the call that gave up is passed over"
    bus.close()
    bus.close()


@pytest.fixture
def xdma(tmp_path: Path) -> Path:
    """A device's three files: a BAR that reads back, what goes out as a file, what comes back as a pipe."""
    device = tmp_path / "xdma0"
    Path(f"{device}_user").write_bytes(bytes(BAR_BYTES))
    Path(f"{device}_h2c_0").write_bytes(b"")
    os.mkfifo(f"{device}_c2h_0")
    return device


def test_a_card_behind_the_xdma_driver(xdma: Path) -> None:
    bus = XdmaBus(xdma, BAR_BYTES)
    bus.write(8, 0x01020304)
    assert bus.read(8) == 0x01020304
    assert Path(f"{xdma}_user").read_bytes()[8:12] == bytes([4, 3, 2, 1])
    with pytest.raises(ValueError, match="is no register"):
        bus.read(BAR_BYTES)
    bus.send(bytes(range(64)) * 2)
    assert Path(f"{xdma}_h2c_0").read_bytes() == bytes(range(64)) * 2
    assert bus.receive() == b""
    with Path(f"{xdma}_c2h_0").open("wb", buffering=0) as back:
        back.write(bytes(40))
        assert bus.receive() == bytes(32), "a verdict that is not all there waits"
        back.write(bytes(24))
        assert bus.receive() == bytes(32)
    with pytest.raises(CardError, match="can't be reset through"):
        bus.reset()
    bus.close()


def test_no_card_behind_the_xdma_driver(tmp_path: Path, xdma: Path) -> None:
    with pytest.raises(CardError, match="no card at"):
        XdmaBus(tmp_path / "xdma7")
    Path(f"{xdma}_user").write_bytes(b"")
    with pytest.raises(CardError, match="no card at"):
        XdmaBus(xdma, BAR_BYTES)
