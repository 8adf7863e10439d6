"""A publisher, two lines that lose, double, delay and reorder, and a re-request server that may be deaf: seeded."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from random import Random

from meltica.hot import load
from meltica.venues.nasdaq.mold_events import GapLost, Messages, MoldEvent, MoldLimits
from meltica.venues.nasdaq.mold_session import RETRANSMISSION, MoldSession
from meltica.venues.nasdaq.moldudp64 import MoldPublisher, RerequestServer

MICRO = 1_000
MILLI = 1_000_000


@dataclass
class Line:
    loss: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    dies_at_ns: int | None = None


@dataclass
class World:
    """Times are integers in ns; what happens is the same for the same seed."""

    seed: int
    lines: list[Line]
    answers: float = 1.0
    """Share of the requests that are answered; 0: there is no server."""
    backend: str = "cython"
    limits: MoldLimits = field(default_factory=MoldLimits)
    sent: list[bytes] = field(default_factory=list)
    events: list[MoldEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.publisher = MoldPublisher("WORLD", max_payload=200)
        self.server = RerequestServer(self.publisher.store, max_payload=200)
        self.session = MoldSession(
            start=1, can_request=self.answers > 0, limits=self.limits, gate=load(self.backend).MoldGate()
        )
        self._queue: list[tuple[int, int, int, bytes]] = []
        self._number = 0

    def run(self, packets: int) -> None:
        now = MILLI
        for _ in range(packets):
            messages = [self._message() for _ in range(self.chance.randint(1, 5))]
            self.sent += messages
            for packet in self.publisher.publish(messages, now):
                self._broadcast(packet, now)
            now += self.chance.choice((0, MICRO, 50 * MICRO, 2 * MILLI))
            if self.chance.random() < 0.05:
                self._broadcast(self.publisher.heartbeat(), now)
        self._broadcast(self.publisher.end(now), now, certain=True)
        self._play()

    def _message(self) -> bytes:
        return self.chance.randbytes(self.chance.randint(1, 30))

    def _broadcast(self, packet: bytes, now: int, *, certain: bool = False) -> None:
        for number, line in enumerate(self.lines):
            dead = line.dies_at_ns is not None and now >= line.dies_at_ns
            copies = 1 + (self.chance.random() < line.doubled)
            for _ in range(copies):
                if not certain and (dead or self.chance.random() < line.loss):
                    continue
                delay = 5 * MICRO + self.chance.randint(0, 5 * MICRO)
                if self.chance.random() < line.late:
                    delay += self.chance.randint(0, 3 * MILLI)
                self._later(now + delay, number, packet)

    def _later(self, at_ns: int, line: int, packet: bytes) -> None:
        self._number += 1
        heapq.heappush(self._queue, (at_ns, self._number, line, packet))

    def _play(self) -> None:
        """Packets and deadlines in the order of their times, until nothing is left to happen."""
        for _ in range(1_000_000):
            deadline = self.session.next_deadline_ns() if self.session.gap else None
            if self._queue and (deadline is None or self._queue[0][0] <= deadline):
                now, _, line, packet = heapq.heappop(self._queue)
                self.events += self.session.receive(line, packet, now)
            elif deadline is not None:
                now = deadline
                self.events += self.session.tick(now)
            else:
                return
            for request in self.session.requests_to_send():
                answer = self.server.answer(request)
                if answer is not None and self.chance.random() < self.answers:
                    self._later(now + 100 * MICRO, RETRANSMISSION, answer)
        raise AssertionError("the session never comes to rest")

    # What came out

    def received(self) -> dict[int, bytes]:
        """Messages by sequence number; fails on one that comes twice or out of order."""
        found: dict[int, bytes] = {}
        last = 0
        for event in self.events:
            if isinstance(event, Messages):
                assert event.sequence > last, "out of order"
                block, at = event.block, 0
                for number in range(event.sequence, event.sequence + event.count):
                    length = int.from_bytes(block[at : at + 2], "big")
                    found[number] = block[at + 2 : at + 2 + length]
                    at += 2 + length
                    last = number
                assert at == len(block), "the block holds more than it says"
            elif isinstance(event, GapLost):
                assert event.sequence > last, "lost what was there"
                last = event.sequence + event.count - 1
        return found

    def lost(self) -> set[int]:
        return {
            number
            for event in self.events
            if isinstance(event, GapLost)
            for number in range(event.sequence, event.sequence + event.count)
        }
