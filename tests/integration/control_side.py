"""A gateway for tests: the control link, with a file for a journal.

Run as ``python -m tests.integration.control_side <folder> <keys> <lease_ms> <gate=public key> ...``. It leaves in the
folder ``<gate>.kept`` (drop copies that it has) and ``notices`` (one line for each). What stands in ``tell`` as hex
lines is told to every gate, once. It ends when its standard input does.
"""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
import time
from pathlib import Path

from meltica.links.control_link_arming import Arming
from meltica.links.control_link_desk import ControlDesk
from meltica.links.control_link_messages import DROP_BYTES
from meltica.links.control_link_server import ControlLink
from meltica.links.control_link_session import Dropped, Joined, Notice, Seat
from meltica.links.keys import KeyRing

MS = 1_000_000


class Gateway:
    def __init__(self, folder: Path, keys: KeyRing, lease_ms: int, gates: dict[str, bytes]) -> None:
        self.folder, self.gates, self.lease_ms = folder, gates, lease_ms
        self.told: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self.kept = {gate: (folder / f"{gate}.kept").open("ab", buffering=0) for gate in gates}
        self.lines = (folder / "notices").open("a", buffering=1)
        self.tells = 0
        self.link = ControlLink(
            self.desk,
            commands=f"ipc://{folder}/commands.sock",
            state=f"ipc://{folder}/state.sock",
            keys=keys,
            told=lambda notices: [self.told.put(notice) for notice in notices],
        )

    def desk(self, now_ns: int) -> ControlDesk:
        seats = [
            Seat(gate, key, self.epoch(gate), 1 + self.kept[gate].tell() // DROP_BYTES)
            for gate, key in self.gates.items()
        ]
        return ControlDesk(
            seats,
            stream_epoch=time.time_ns(),
            now_ns=now_ns,
            lease_ns=self.lease_ms * MS,
            arming=Arming(within_ns=60_000 * MS),
        )

    def epoch(self, gate: str) -> int:
        path = self.folder / f"{gate}.epoch"
        return int(path.read_text()) if path.exists() else 0

    def take(self, notice: Notice) -> None:
        if isinstance(notice, Dropped):
            self.kept[notice.gate].write(notice.records)
            self.link.keep(notice.gate, notice.first + len(notice.records) // DROP_BYTES)
            return
        if isinstance(notice, Joined):
            (self.folder / f"{notice.gate}.epoch").write_text(str(notice.gate_epoch))
            self.link.admit(notice.gate, notice.gate_epoch)
        self.lines.write(f"{time.monotonic_ns()} {notice}\n")

    def tell(self) -> None:
        path = self.folder / "tell"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        for line in lines[self.tells :]:
            for gate in self.gates:
                self.link.tell(gate, [bytes.fromhex(line)])
        self.tells = len(lines)

    def run(self) -> None:
        threading.Thread(target=self.pulse, daemon=True).start()
        self.tell()
        print("ready", flush=True)  # noqa: T201 - its parent waits for it
        while True:
            self.tell()
            try:
                self.take(self.told.get(timeout=0.005))
            except queue.Empty:
                if select.select([sys.stdin], [], [], 0)[0] and not os.read(0, 100):
                    self.link.close()
                    return

    def pulse(self) -> None:
        while True:
            self.link.pulse()
            time.sleep(0.05)


def main() -> None:
    folder, keys, lease_ms = Path(sys.argv[1]), KeyRing(Path(sys.argv[2])), int(sys.argv[3])
    gates = dict(word.split("=", 1) for word in sys.argv[4:])
    Gateway(folder, keys, lease_ms, {gate: key.encode() for gate, key in gates.items()}).run()


if __name__ == "__main__":
    main()
