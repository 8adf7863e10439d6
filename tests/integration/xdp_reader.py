"""Runs inside a network namespace: opens AF_XDP on an interface, says so, prints what it received as JSON lines."""

from __future__ import annotations

import json
import sys
import time

from meltica.hot.xdp import XdpSocket, XdpUnavailableError


def say(row: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


def main() -> int:
    wanted = json.loads(sys.argv[1])
    lines = [(address, port) for address, port in wanted["lines"]]
    try:
        with XdpSocket(wanted["interface"], lines, frames=wanted.get("frames", 4096)) as source:
            receiver = source.receiver
            say({"mode": receiver.mode()})
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
            say({"counters": receiver.counters()})
    except XdpUnavailableError as error:
        say({"unavailable": str(error)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
