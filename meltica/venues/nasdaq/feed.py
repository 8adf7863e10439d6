"""The Nasdaq feed as a process polls it: packets from a source through the session, ordered ITCH blocks out.

Over live sockets the compiled gate passes everything that is in order from the receive buffers straight to one
contiguous block, fit for ``ItchDecoder``; the session in Python sees only what is not. Over any other source (captures,
files, what somebody adds) each packet goes through the session. Both give the same events.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Any, Final

from meltica.hot.live import LiveSource
from meltica.hot.packets import PacketSource
from meltica.hot.udp import UdpError
from meltica.venues.nasdaq.mold_events import Messages, MoldEvent
from meltica.venues.nasdaq.mold_session import RETRANSMISSION, MoldSession

ANSWER_BYTES: Final = 65_535
MAX_ANSWERS: Final = 64
"""Taken at once, so that the lines are not starved by a re-request server."""
MAX_WAIT_NS: Final = 1_000_000_000


class RerequestSocket:
    """Talks to the re-request server; what it can't send is counted, and asked again by the session's deadline."""

    def __init__(self, host: str, port: int) -> None:
        """:raises UdpError: no such address."""
        self.failed = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        try:
            self.socket.connect((host, port))
        except OSError as error:
            self.socket.close()
            raise UdpError(f"can't reach the re-request server {host}:{port}: {error.strerror}") from error

    def send(self, request: bytes) -> None:
        try:
            self.socket.send(request)
        except OSError:
            self.failed += 1

    def answers(self) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < MAX_ANSWERS:
            try:
                found.append(self.socket.recv(ANSWER_BYTES))
            except BlockingIOError:
                break
            except OSError:  # Nobody is there: what was sent before has come back.
                self.failed += 1
                break
        return found

    def close(self) -> None:
        self.socket.close()


class NasdaqFeed:
    """``poll`` it. Times are the source's: ns since 1970 of live sockets and captures."""

    def __init__(self, source: PacketSource, session: MoldSession, asker: RerequestSocket | None = None) -> None:
        self.source = source
        self.session = session
        self._asker = asker
        self._due_ns = 0
        """A line may fall silent then, not earlier: packets only put it off. A gap is looked at each time."""
        self._sockets = source if isinstance(source, LiveSource) else None
        if source.live:
            session.tick(time.time_ns())  # From now on a line that says nothing is silent.

    @property
    def ended(self) -> bool:
        """Nothing will come any more: the session is over, or the source."""
        return self.session.ended or self.source.ended

    def poll(self, timeout_ns: int = 0) -> Sequence[MoldEvent]:
        """What happened, in order; waits for it at most so long, and not past the session's next deadline."""
        events: list[MoldEvent] = []
        live = self.source.live
        wait_ns = self._until_due(timeout_ns) if live and timeout_ns else timeout_ns
        if self._sockets is not None:
            if wait_ns and not self._sockets.spin:
                self._sockets.wait(wait_ns)
            self._take_live(self._sockets, events)
        else:
            for packet in self.source.receive(wait_ns):
                self._catch_up(packet.time_ns, events)
                events += self.session.receive(packet.line, packet.payload, packet.time_ns)
        if self._asker is not None:
            for answer in self._asker.answers():
                events += self.session.receive(RETRANSMISSION, answer, time.time_ns())
        if live:
            self._catch_up(time.time_ns(), events)
        elif self.source.ended:
            self._finish(events)
        self._ask()
        return events

    def close(self) -> None:
        self.source.close()
        if self._asker is not None:
            self._asker.close()

    def status(self) -> dict[str, object]:
        """Counters of the session and the source, for people."""
        gate = self.session.gate.counters()
        return {
            "session": self.session.session,
            "next_sequence": self.session.gate.expected,
            "gap": self.session.gap,
            "waiting_packets": self.session.waiting,
            "silent_lines": self.session.silent_lines,
            "counts": dict(sorted(self.session.counts.items())),
            "first_malformed": self.session.first_malformed or None,
            "lines": gate,
            "source": self.source.status(),
        }

    def _take_live(self, source: LiveSource, events: list[MoldEvent]) -> None:
        for first, one in zip(source.firsts, source.sockets, strict=True):
            receiver: Any = one.receiver
            count = receiver.receive(0)
            at = 0
            while at < count:
                at = self._gather(receiver, at, first, events)
                if at < count:
                    line = first + receiver.line(at)
                    events += self.session.receive(line, receiver.packet(at), receiver.time_ns(at))
                    at += 1

    def _gather(self, receiver: Any, first: int, line: int, events: list[MoldEvent]) -> int:
        """Packets that are next go past the session; returns the first one that is not. ``line``: its first."""
        gate = self.session.gate
        sequence = gate.expected
        at, block, messages, time_ns = gate.gather(receiver, first, line)
        if messages:
            events.append(Messages(sequence, messages, block, time_ns, gate.last_line))
            events += self.session.passed(time_ns)
        return at

    def _catch_up(self, now_ns: int, events: list[MoldEvent]) -> None:
        if now_ns < self._due_ns and self.session.gap is None:
            return
        deadline = self.session.next_deadline_ns()
        if deadline is not None and now_ns >= deadline:
            events += self.session.tick(now_ns)
            deadline = self.session.next_deadline_ns()
        self._due_ns = deadline or 0

    def _finish(self, events: list[MoldEvent]) -> None:
        """The source is over: what is missing will not come, whatever time it is."""
        while self.session.gap is not None:
            deadline = self.session.next_deadline_ns()
            events += self.session.tick(deadline or 0)

    def _until_due(self, timeout_ns: int) -> int:
        """A wait that ends in time for the session; answers of the re-request server are looked for meanwhile."""
        longest = timeout_ns if timeout_ns > 0 else MAX_WAIT_NS
        deadline = self.session.next_deadline_ns()
        if deadline is not None:
            longest = min(longest, max(deadline - time.time_ns(), 0))
        return min(longest, 1_000_000) if self.session.gap is not None else longest

    def _ask(self) -> None:
        for request in self.session.requests_to_send():
            if self._asker is not None:
                self._asker.send(request)
