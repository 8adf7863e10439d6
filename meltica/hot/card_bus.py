"""How the host reaches a card: 32-bit registers, a stream of orders towards it, a stream of verdicts back.

Two buses with the same calls. XdmaBus is that of a PCIe card behind AMD's XDMA driver: the register BAR mapped into
memory (``/dev/xdma0_user``) and two character devices for the streams (``_h2c_0``, ``_c2h_0``). SharedBus is that of
the simulated card: its registers and streams are rings in shared memory, served by the process that runs the model.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from meltica.hot.layout_gen import OrderIntentRecord, VerdictRecord
from meltica.hot.shared import SegmentError, SpscRing

REGISTER_BYTES: Final = 4
OKAY: Final = 0
"""AXI's response to an access that went well; 2 and 3 are SLVERR and DECERR."""
ACCESS: Final = struct.Struct("<QBBHII44x")
"""One register access in a ring: number, kind, response, 0, address, data. 64 bytes."""
READ, WRITE, RESET = range(3)
SLOTS: Final = 1024
RING_NAMES: Final = ("accesses", "answers", "orders", "verdicts")
PATIENCE_S: Final = 5.0


class CardError(OSError):
    """The card is not there, does not answer, or refuses an access; the message says which and where."""


class CardBus(Protocol):
    def read(self, address: int) -> int:
        """A register. :raises CardError: the card answered with an error or not at all."""

    def write(self, address: int, value: int) -> None:
        """:raises CardError: the card answered with an error or not at all. A real BAR can't tell."""

    def reset(self) -> None:
        """The card forgets everything and is stopped. :raises CardError: it does not come back."""

    def send(self, records: bytes) -> None:
        """Slots of 64 bytes with a record in each, in order. :raises CardError: the card does not take them."""

    def receive(self) -> bytes:
        """All slots of 32 bytes, a Verdict or an Answer in each, that are there; empty: none."""

    def close(self) -> None: ...


class XdmaBus:
    """A card behind the XDMA driver. A mapped BAR has no error responses: what can't be read gives ones."""

    def __init__(self, device: str | Path = "/dev/xdma0", size: int = 1 << 16) -> None:
        """:raises CardError: a device file is missing or may not be opened."""
        self._reset_file = f"/sys/class/xdma/{Path(device).name}_user/device/reset"
        self._files: list[int] = []
        try:
            bar = self._open(f"{device}_user", os.O_RDWR | os.O_SYNC)
            self._towards = self._open(f"{device}_h2c_0", os.O_WRONLY)
            self._back = self._open(f"{device}_c2h_0", os.O_RDONLY | os.O_NONBLOCK)
            self._map = mmap.mmap(bar, size)
        except (OSError, ValueError) as error:
            self._close_files()
            raise CardError(f"no card at {device}: {error}") from error
        # One aligned 32-bit access each: a slice of the map would be copied byte by byte.
        self._registers = np.frombuffer(self._map, np.uint32)
        self._rest = b""

    def _open(self, path: str, flags: int) -> int:
        file = os.open(path, flags)
        self._files.append(file)
        return file

    def read(self, address: int) -> int:
        return int(self._registers[register_index(address, len(self._registers))])

    def write(self, address: int, value: int) -> None:
        self._registers[register_index(address, len(self._registers))] = value

    def reset(self) -> None:
        """A function-level reset, which the kernel offers as a file beside the device's own."""
        try:
            Path(self._reset_file).write_text("1", "ascii")
        except OSError as error:
            raise CardError(f"the card can't be reset through {self._reset_file}: {error}") from error
        self._rest = b""
        while self.receive():
            pass

    def send(self, records: bytes) -> None:
        whole_records(records)
        view = memoryview(records)
        while view:
            view = view[os.write(self._towards, view) :]

    def receive(self) -> bytes:
        """Whole verdicts; the beginning of one that is not yet all there is kept for the next call."""
        try:
            data = self._rest + os.read(self._back, SLOTS * VerdictRecord.SIZE)
        except BlockingIOError:
            data = self._rest
        whole = len(data) - len(data) % VerdictRecord.SIZE
        self._rest = data[whole:]
        return data[:whole]

    def close(self) -> None:
        """Idempotent."""
        del self._registers
        self._map.close()
        self._close_files()

    def _close_files(self) -> None:
        while self._files:
            os.close(self._files.pop())


class SharedBus:
    """The same calls on a simulated card: rings in ``folder``, made by the process that runs the model."""

    def __init__(self, folder: Path, patience_s: float = PATIENCE_S) -> None:
        """Waits for the rings. :raises CardError: there is no card in this folder."""
        self._folder, self._patience_s = folder, patience_s
        accesses, answers, orders, verdicts = (folder / name for name in RING_NAMES)
        self._accesses = self._attach(accesses, "producer")
        self._answers = self._attach(answers, "consumer")
        self._orders = self._attach(orders, "producer")
        self._verdicts = self._attach(verdicts, "consumer")
        self._number = 0

    def _attach(self, path: Path, role: str) -> SpscRing:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return SpscRing.attach(path, role=role)  # type: ignore[arg-type]
            except (OSError, SegmentError) as error:
                if time.monotonic() > deadline:
                    raise CardError(f"no simulated card in {self._folder}: {error}") from error
                time.sleep(0.01)

    def read(self, address: int) -> int:
        return self._answer_to(self._post(READ, address, 0))

    def write(self, address: int, value: int) -> None:
        """Posted, as on PCIe: what the card thinks of it comes with the next read."""
        self._post(WRITE, address, value)

    def reset(self) -> None:
        self._answer_to(self._post(RESET, 0, 0))
        self.receive()  # What was on its way is about a card that is no more

    def _post(self, kind: int, address: int, value: int) -> int:
        """The number of this access."""
        register_index(address, 1 << 30)
        self._number += 1
        deadline = time.monotonic() + self._patience_s
        while not self._accesses.push(ACCESS.pack(self._number, kind, 0, 0, address, value)):
            self._wait(deadline, f"register {address:#x}")
        return self._number

    def _answer_to(self, wanted: int) -> int:
        """Of the access with this number, after those before it. :raises CardError: one of them was refused."""
        deadline = time.monotonic() + self._patience_s
        refused = ""
        while True:
            answer = self._answers.pop()
            if answer is None:
                self._wait(deadline, "its registers")
                continue
            number, kind, response, _, address, data = ACCESS.unpack(answer)
            if response != OKAY and not refused:
                what = ("read of", "write to", "reset through")[kind]
                refused = f"the card refuses a {what} register {address:#x}: response {response}"
            if number == wanted:
                break
        if refused:
            raise CardError(refused)
        return int(data)

    def send(self, records: bytes) -> None:
        whole_records(records)
        deadline = time.monotonic() + self._patience_s
        view = memoryview(records)
        while view:
            view = view[self._orders.push_many(view) * OrderIntentRecord.SIZE :]
            if view:
                self._wait(deadline, "the order stream")

    def receive(self) -> bytes:
        data = self._verdicts.pop_many()
        return b"".join(data[at : at + VerdictRecord.SIZE] for at in range(0, len(data), 64))

    def _wait(self, deadline: float, what: str) -> None:
        if time.monotonic() > deadline:
            raise CardError(f"the card in {self._folder} does not answer: {what}")
        time.sleep(0)  # Lets another thread of this process run; a card answers within microseconds

    def close(self) -> None:
        """Idempotent."""
        for ring in (self._accesses, self._answers, self._orders, self._verdicts):
            ring.detach()


def register_index(address: int, registers: int) -> int:
    """:raises ValueError: no such register, or an address that is not one."""
    if address % REGISTER_BYTES or not 0 <= address < registers * REGISTER_BYTES:
        raise ValueError(f"{address:#x} is no register: a multiple of 4 below {registers * REGISTER_BYTES:#x}")
    return address // REGISTER_BYTES


def whole_records(records: bytes) -> None:
    if len(records) % OrderIntentRecord.SIZE:
        raise ValueError(f"{len(records)} bytes are not a whole number of {OrderIntentRecord.SIZE}-byte orders")
