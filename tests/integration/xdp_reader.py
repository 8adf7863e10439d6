"""Runs inside a network namespace: opens AF_XDP on an interface, says so, prints what it received as JSON lines."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from meltica.hot import MoldGate
from meltica.hot.hot_parts import ItchBook, MarketLoop, TopOfBookWriter, Word
from meltica.hot.hot_status import StatusWriter
from meltica.hot.xdp import XdpSocket, XdpUnavailableError

if TYPE_CHECKING:
    from cython_ext.packet_receiver import PacketReceiver


def say(row: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


def market(receiver: PacketReceiver, folder: Path) -> None:
    """The market loop over what waits in the ring: where it stopped, again after the packet there, and its counts."""
    status = StatusWriter(folder / "status")
    loop = MarketLoop(book=ItchBook(1_000), tops=TopOfBookWriter.create(folder / "tops"), status=status.words)
    gate = MoldGate()
    gate.open(b"SESSION001", 1)
    line, at = loop.spin(receiver, None, gate)
    stopped = {"line": line, "at": at, "its": receiver.line(at), "payload": receiver.packet(at).hex()}
    end = loop.resume(receiver, gate, line, at + 1)
    words = {word.name: status.words.get(word) for word in (Word.FEED_MESSAGES, Word.FEED_PACKETS, Word.FEED_SEQUENCE)}
    say({"stopped": stopped, "end": end, "words": words, "gate": gate.counters(), "last_line": gate.last_line})


def main() -> int:
    wanted = json.loads(sys.argv[1])
    lines = [(address, port) for address, port in wanted["lines"]]
    options = {name: wanted[name] for name in ("frames", "sender") if name in wanted}
    try:
        with XdpSocket(wanted["interface"], lines, **options) as source:
            receiver = source.receiver
            say({"mode": receiver.mode()})
            if wanted.get("waits"):
                sys.stdin.readline()
            if wanted.get("market"):
                market(receiver, Path(wanted["market"]))
                return 0
            end = time.monotonic() + wanted.get("seconds", 20)
            got = 0
            while got < wanted["packets"] and time.monotonic() < end:
                count = receiver.receive(timeout_ns=100_000_000)
                for number in range(count):
                    row = {
                        "line": receiver.line(number),
                        "payload": receiver.packet(number).hex(),
                        "time_ns": receiver.time_ns(number),
                    }
                    say(row)
                got += count
            say({"counters": receiver.counters(), "status": source.status()})
    except XdpUnavailableError as error:
        say({"unavailable": str(error)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
