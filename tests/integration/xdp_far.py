"""Runs inside the far namespace: the simulated Nasdaq feed, published as lines of JSON on the standard input say."""

from __future__ import annotations

import json
import sys
import time

from sim.venues.nasdaq_feed import LineFaults, NasdaqFeedSimulator

AT_ONCE = 20


def say(row: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


def main() -> int:
    """``targets``, ``seed``, ``faults`` of each line, ``interface``: the address to publish from, else by routes."""
    wanted = json.loads(sys.argv[1])
    with NasdaqFeedSimulator(
        [(host, port) for host, port in wanted["targets"]],
        seed=wanted["seed"],
        faults=[LineFaults(**one) for one in wanted.get("faults", [])],
        interface=wanted.get("interface", "0.0.0.0"),
    ) as nasdaq:
        say({"request_port": nasdaq.request_address[1]})
        for line in sys.stdin:
            order = json.loads(line)
            messages = [bytes.fromhex(one) for one in order["messages"]]
            for at in range(0, len(messages), AT_ONCE):
                nasdaq.publish(messages[at : at + AT_ONCE])
                time.sleep(0.001)
            if order["end"]:
                nasdaq.end()
            say({"published": len(messages)})
    say({"sent": nasdaq.sent, "dropped": nasdaq.dropped, "requests": dict(nasdaq.server.counts)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
