"""Live sources: which line a packet is of, when sockets have several."""

from __future__ import annotations

import os
from collections.abc import Sequence

from meltica.hot import load
from meltica.hot.live import LiveSource
from meltica.venues.nasdaq.feed import NasdaqFeed
from meltica.venues.nasdaq.mold_session import MoldSession
from meltica.venues.nasdaq.moldudp64 import encode_heartbeat

HEARTBEAT = encode_heartbeat(b"SESSION001", 1)


class FakeReceiver:
    """One batch, (line, payload) each; then nothing."""

    def __init__(self, lines: int, packets: Sequence[tuple[int, bytes]]) -> None:
        self.lines, self.received = lines, 0
        self._packets = list(packets)

    def receive(self, timeout_ns: int = 0, spin: bool = False) -> int:
        self.received = len(self._packets) if not self.received else 0
        return self.received

    def packet(self, number: int) -> bytes:
        return self._packets[number][1]

    def line(self, number: int) -> int:
        return self._packets[number][0]

    def time_ns(self, number: int) -> int:
        return 1_000 + number

    def is_cut(self, number: int) -> bool:
        return False

    def counters(self) -> dict[str, int]:
        return {}


class FakeLines:
    def __init__(self, receiver: FakeReceiver, targets: Sequence[tuple[str, int]]) -> None:
        self.receiver, self.targets = receiver, targets
        self._ends = os.pipe()

    def fileno(self) -> int:
        return self._ends[0]

    def status(self) -> dict[str, object]:
        return {"targets": list(self.targets)}

    def close(self) -> None:
        for end in self._ends:
            os.close(end)


class FakeSource(LiveSource):
    kind = "fake"


def source() -> FakeSource:
    """Lines 0 and 1 through one socket, line 2 through another."""
    shared = FakeReceiver(2, [(1, HEARTBEAT), (0, HEARTBEAT), (1, HEARTBEAT)])
    alone = FakeReceiver(1, [(0, HEARTBEAT)])
    return FakeSource([FakeLines(shared, [("239.1.1.1", 1), ("239.1.1.2", 2)]), FakeLines(alone, [("239.1.1.3", 3)])])


def test_lines_are_numbered_over_all_sockets() -> None:
    made = source()
    assert [packet.line for packet in made.receive()] == [1, 0, 1, 2]
    assert made.receive() == []
    assert made.targets == [("239.1.1.1", 1), ("239.1.1.2", 2), ("239.1.1.3", 3)]
    assert sorted(made.status()) == ["line_2", "lines_0_to_1", "receive"]
    made.close()
    assert made.receive(-1) == []


def test_the_session_hears_what_it_must_judge_on_its_own_line() -> None:
    feed = NasdaqFeed(source(), MoldSession(lines=(0, 1, 2), gate=load("python").MoldGate()))
    feed.poll()
    assert feed.session.gate.counters()["packets"][:3] == [1, 2, 1]
    feed.close()
