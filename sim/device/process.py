"""The process of a simulated card: serves meltica.hot.card_bus.SharedBus from rings in a folder.

    python -m sim.device serve FOLDER [--feed capture.pcap] [--tx frames.pcap] [--trace waves.fst] [--seconds 60]

The model's clock runs as fast as it can; an access, a record or a frame is served within some hundred cycles.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from meltica.app.demo.card import STATUS_FILE
from meltica.hot import card_regs_gen as regs
from meltica.hot.card import Card
from meltica.hot.card_bus import ACCESS, OKAY, READ, RESET, RING_NAMES, SLOTS, WRITE, CardError
from meltica.hot.shared import SpscRing
from sim.device.top import SLOT, VERDICT, Top

AWAKE_CYCLES, IDLE_CYCLES = 64, 512
AWAKE_S: Final = 0.002
"""After the last access or record the model runs in small steps for so long: the next one is near."""
ORDERS_AT_ONCE: Final = 64
CYCLES_PER_ORDER: Final = 64
ROUNDS_PER_CLOCK: Final = 16
MOST_WRITES: Final = 256
STATUS_EVERY_S: Final = 0.25
QUIET_S: Final = 0.01
"""So long nothing has come over the bus before the device reads its own registers: two readers would disturb pairs."""


class OwnBus:
    """The registers, read by the process itself."""

    def __init__(self, top: Top) -> None:
        self._top = top

    def read(self, address: int) -> int:
        response, word = self._top.read(address)
        if response != OKAY:
            raise CardError(f"register {address:#x}: response {response}")
        return word


class Device:
    """One card, its rings, and what it has done so far."""

    def __init__(self, folder: Path, *, trace: str = "") -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.top = Top(trace=trace)
        self.top.reset()
        accesses, answers, orders, verdicts = (folder / name for name in RING_NAMES)
        self._accesses = SpscRing.create(accesses, slots=SLOTS, role="consumer", exist_ok=True)
        self._answers = SpscRing.create(answers, slots=SLOTS, role="producer", exist_ok=True)
        self._orders = SpscRing.create(orders, slots=SLOTS, role="consumer", exist_ok=True)
        self._verdicts = SpscRing.create(verdicts, slots=SLOTS, role="producer", exist_ok=True)
        self._unsent = bytearray()
        self.frames = 0
        self.on_frames: Callable[[list[bytes]], None] | None = None
        self._awake_until = 0.0
        self._folder = folder
        self._status_at = 0.0
        self._began, self._first = time.monotonic(), self.top.model.cycles

    def step(self) -> None:
        """Serves what waits, else lets the clock run."""
        model = self.top.model
        model.now_ns_i = time.time_ns()
        served = self._serve_accesses() | self._serve_orders()
        now = time.monotonic()
        if served:
            self._awake_until = now + AWAKE_S
        else:
            self.top.run(AWAKE_CYCLES if now < self._awake_until else IDLE_CYCLES)
            if now > self._status_at and now > self._awake_until + QUIET_S:
                self._status_at = now + STATUS_EVERY_S
                self._write_status()
        self._hand_out()

    def _write_status(self) -> None:
        """What lamps on a card would say, for people and the demo; not part of the bus."""
        card = Card(OwnBus(self.top))  # type: ignore[arg-type]
        cycles = self.top.model.cycles
        status = {
            "killed": bool(regs.CONTROL_STATUS_KILLED.of(card.status())),
            "causes": card.causes(),
            "passed": card.passed(),
            "rejected": card.rejected(),
            "frames": self.frames,
            "cycles": cycles,
            "cycles_per_second": int((cycles - self._first) / max(1e-9, time.monotonic() - self._began)),
        }
        draft = self._folder / f".{STATUS_FILE}"
        draft.write_text(json.dumps(status), "utf-8")
        draft.replace(self._folder / STATUS_FILE)

    def _serve_accesses(self) -> bool:
        """Writes in a row go in one after another without a pause."""
        waiting = self._accesses.pop_many(MOST_WRITES)
        accesses = [ACCESS.unpack(waiting[at : at + ACCESS.size]) for at in range(0, len(waiting), ACCESS.size)]
        at = 0
        while at < len(accesses):
            number, kind, _, _, address, data = accesses[at]
            end = at + 1
            while kind == WRITE and end < len(accesses) and accesses[end][1] == WRITE:
                end += 1
            if kind == WRITE:
                responses = self.top.write_many([(each[4], each[5]) for each in accesses[at:end]])
                for each, response in zip(accesses[at:end], responses, strict=True):
                    self._answer(each[0], WRITE, response, each[4], 0)
            elif kind == READ:
                response, word = self.top.read(address)
                self._answer(number, READ, response, address, word)
            else:
                self._reset()
                self._answer(number, RESET, OKAY, address, data)
            at = end
        return bool(accesses)

    def _reset(self) -> None:
        self._orders.discard()
        self._unsent.clear()
        self.top.reset()

    def _answer(self, number: int, kind: int, response: int, address: int, data: int) -> None:
        self._push(self._answers, ACCESS.pack(number, kind, response, 0, address, data))

    def _serve_orders(self) -> bool:
        records = self._orders.pop_many(ORDERS_AT_ONCE)
        if not records:
            return False
        slots = [records[at : at + SLOT] for at in range(0, len(records), SLOT)]
        source = self.top.words("s_axis_host", slots)
        while source.done < len(source.table):
            self.top.run(CYCLES_PER_ORDER * len(slots), [source])
            self._hand_out()
        return True

    def _hand_out(self) -> None:
        """Verdicts to the host, as long as it takes them; frames to whoever plays the venue."""
        top = self.top
        self._unsent += top.verdicts
        top.verdicts.clear()
        while len(self._unsent) >= VERDICT:
            if not self._verdicts.push(bytes(self._unsent[:VERDICT]) + bytes(SLOT - VERDICT)):
                break  # The host does not read; the card goes on
            del self._unsent[:VERDICT]
        if top.frames:
            self.frames += len(top.frames)
            if self.on_frames is not None:
                self.on_frames(top.frames)
            top.frames.clear()

    @staticmethod
    def _push(ring: SpscRing, record: bytes) -> None:
        while not ring.push(record):
            time.sleep(0.001)

    def close(self) -> None:
        for ring in (self._accesses, self._answers, self._orders, self._verdicts):
            ring.detach()


def serve(folder: Path, *, trace: str = "", seconds: float | None = None) -> float:
    """Until SIGTERM or SIGINT, or so many seconds. Clock cycles a second, over all of it."""
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    device = Device(folder, trace=trace)
    sys.stdout.write(f"a simulated card in {folder}\n")
    sys.stdout.flush()
    begin = time.monotonic()
    first = device.top.model.cycles
    try:
        while not stopped and (seconds is None or time.monotonic() - begin < seconds):
            for _ in range(ROUNDS_PER_CLOCK):
                device.step()
    finally:
        device.close()
    return float((device.top.model.cycles - first) / (time.monotonic() - begin))
