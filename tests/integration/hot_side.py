"""A hot process for tests: a loop that lets orders out under its lease, and a side thread with the link.

Run as ``python -m tests.integration.hot_side <folder> <gate> <keys>``. It leaves in the folder: ``<gate>.drops`` (the
drop copies, which survive it), ``<gate>.passed`` (for each order that it let out, the monotonic time), ``<gate>.told``
(every record that the gate was told, in order), and ``<gate>.health`` (the link's health, last line newest).
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from struct import Struct

from meltica.hot.layout_gen import DropCopyRecord, DropKind, LeaseRecord
from meltica.links.control_link_messages import DROP_BYTES, Use
from meltica.links.hot_link import HotLink
from meltica.links.keys import KeyRing

NANOS = Struct("<q")
ORDER_EVERY_S = 0.001
HEALTH_EVERY_S = 0.01


class FileStore:
    """Drop copies in a file: what was written is there after kill -9."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file = path.open("r+b", buffering=0)
        whole = path.stat().st_size // DROP_BYTES * DROP_BYTES
        self._file.truncate(whole)
        self._file.seek(whole)
        self._next = 1 + whole // DROP_BYTES

    def first(self) -> int:
        return 1

    def next(self) -> int:
        return self._next

    def read(self, first_sequence: int, count: int) -> bytes:
        return os.pread(self._file.fileno(), count * DROP_BYTES, (first_sequence - 1) * DROP_BYTES)

    def write(self, time_ns: int) -> tuple[int, bytes]:
        fields = dict.fromkeys(DropCopyRecord.__slots__, 0)
        fields |= {"type_id": DropCopyRecord.TYPE_ID, "kind": DropKind.SENT, "sequence_number": self._next}
        record = DropCopyRecord(**(fields | {"order_id": self._next, "time_ns": time_ns})).to_bytes()
        self._file.write(record)
        self._next += 1
        return self._next - 1, record


class HotSide:
    def __init__(self, folder: Path, gate: str, keys: KeyRing) -> None:
        self.folder, self.gate = folder, gate
        self.store = FileStore(folder / f"{gate}.drops")
        self.until_ns = 0
        self.written = threading.Lock()
        self.link = HotLink(
            gate,
            gate_epoch=time.time_ns(),
            keys=keys.client(),
            gateway_public=keys.control_public(),
            commands=f"ipc://{folder}/commands.sock",
            state=f"ipc://{folder}/state.sock",
            drops=self.store,
        )

    def side(self) -> None:
        """The link's thread: records to the gate, drop copies out. They are read from the store."""
        told = (self.folder / f"{self.gate}.told").open("ab", buffering=0)
        health = (self.folder / f"{self.gate}.health").open("a", buffering=1)
        next_health = 0.0
        with self.link:
            while True:
                records = self.link.poll(timeout_ms=2)
                for record in records:
                    if int.from_bytes(record[:2], "little") == LeaseRecord.TYPE_ID:
                        self.until_ns = LeaseRecord.from_bytes(record).until_ns
                    else:
                        told.write(record)
                if any(int.from_bytes(record[:2], "little") != LeaseRecord.TYPE_ID for record in records):
                    self.link.report([Use(1, 0, 0, self.store.next())])
                self.link.send_drop_copies(self.store.next(), b"")
                if time.monotonic() >= next_health:
                    next_health = time.monotonic() + HEALTH_EVERY_S
                    state = self.link.health()
                    health.write(f"{state.phase.value}|{state.why}|{state.arming}|{state.counts}\n")

    def loop(self) -> None:
        """An order each millisecond, judged by its own time and the last lease record, as a gate does."""
        passed = (self.folder / f"{self.gate}.passed").open("ab", buffering=0)
        while True:
            now_ns = self.link.now_ns()
            if now_ns <= self.until_ns:
                self.store.write(now_ns)
                passed.write(NANOS.pack(time.monotonic_ns() - (self.link.now_ns() - now_ns)))
            time.sleep(ORDER_EVERY_S)


def main() -> None:
    folder, gate, keys = Path(sys.argv[1]), sys.argv[2], KeyRing(Path(sys.argv[3]))
    hot = HotSide(folder, gate, keys)
    threading.Thread(target=hot.side, daemon=True).start()
    print("ready", flush=True)  # noqa: T201 - its parent waits for it
    hot.loop()


if __name__ == "__main__":
    main()
