"""MoldUDP64, the receiving side: two lines in, one ordered sequence out. Sans-IO: no sockets, no clock.

The first copy of a message wins, whichever line it came on; either line may die. What is missing is waited for (the
other line, a packet that was overtaken), then asked for again, with backoff; what cannot be had after so many attempts
is declared lost, and the sequence goes on behind it. Packets that came too early wait in a bounded buffer; what does
not fit is dropped and asked for later. Everything odd is counted with its reason and its first example.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

import msgspec

from meltica.hot import MoldGate
from meltica.hot.mold import DUPLICATE, HEADER_BYTES, IN_ORDER, LINES
from meltica.venues.nasdaq.mold_events import (
    GapFilled,
    GapLost,
    GapOpened,
    LineBack,
    LineSilent,
    Messages,
    MoldEvent,
    MoldLimits,
    SessionEnded,
    SessionStarted,
)
from meltica.venues.nasdaq.moldudp64 import (
    MoldError,
    MoldPacket,
    MoldRequest,
    decode_packet,
    encode_request,
    message_offset,
)

RETRANSMISSION: Final = 2
"""The line of what was asked for again; 0 and 1 are A and B."""
LINE_NAMES: Final = ("A", "B", "again", "-")
PAST_SESSIONS: Final = 8
"""Sessions whose stragglers are told from a new session."""
EXAMPLE_BYTES: Final = 64


class Waiting(msgspec.Struct, frozen=True):
    """A packet that came too early."""

    packet: MoldPacket
    time_ns: int
    line: int


class Gap(msgspec.Struct):
    """What is missing in front of what has come."""

    start: int
    """Where it began when it was reported."""
    at: int
    """Where it begins now."""
    deadline_ns: int
    attempts: int = 0


class MoldSession:
    """``start``: the sequence number to begin with; None joins where the feed is. ``session``: no other is taken."""

    def __init__(
        self,
        *,
        session: bytes | None = None,
        start: int | None = None,
        lines: Sequence[int] = (0, 1),
        can_request: bool = False,
        limits: MoldLimits | None = None,
        gate: MoldGate | None = None,
    ) -> None:
        self.gate = MoldGate() if gate is None else gate
        self.limits = MoldLimits() if limits is None else limits
        self.counts: Counter[str] = Counter()
        """What happened, by name; ``malformed: <reason>`` for each kind of broken packet."""
        self.first_malformed = ""
        """The first broken packet: what, on which line, when, its first bytes."""
        self.ended = False
        self._wanted, self._start = session, start
        self._lines = tuple(lines)
        self._can_request = can_request
        self._past: deque[bytes] = deque(maxlen=PAST_SESSIONS)
        self._order: list[int] = []
        self._waiting: dict[int, Waiting] = {}
        self._waiting_bytes = 0
        self._known = 0
        """The sequence number behind the last message that is known to exist."""
        self._end: int | None = None
        self._gap: Gap | None = None
        self._suspect: tuple[int, int] | None = None
        self._stranger: tuple[bytes, int, bytes, int] | None = None
        """The first packet of a session that nothing has confirmed yet: session, line, payload, time."""
        self._requests: list[bytes] = []
        self._silent: set[int] = set()
        self._begun_ns: int | None = None

    # Doors

    def receive(self, line: int, payload: bytes, now_ns: int) -> list[MoldEvent]:
        """One UDP payload of a line (0 A, 1 B, RETRANSMISSION); what follows from it, in order."""
        if self._begun_ns is None:
            self._begun_ns = now_ns
        events: list[MoldEvent] = []
        if line in self._silent:
            self._silent.discard(line)
            events.append(LineBack(line, now_ns))
        sequence = self.gate.expected
        verdict = self.gate.take(payload, line, now_ns)
        if verdict == IN_ORDER:
            block = bytes(payload[HEADER_BYTES:])
            events.append(Messages(sequence, self.gate.expected - sequence, block, now_ns, line))
            asked = line == RETRANSMISSION
            self.counts["recovered"] += (self.gate.expected - sequence) if asked else 0
            if self._gap is not None or self._end is not None:
                self._settle(now_ns, events, asked=asked)
        elif verdict != DUPLICATE:
            self._think(line, payload, now_ns, events)
        return events

    def passed(self, now_ns: int) -> list[MoldEvent]:
        """The gate was asked past this session (``MoldGate.gather``): what follows from its having moved on."""
        if self._begun_ns is None:
            self._begun_ns = now_ns
        events: list[MoldEvent] = []
        if self._gap is not None or self._end is not None:
            self._settle(now_ns, events)
        return events

    def tick(self, now_ns: int) -> list[MoldEvent]:
        """What follows from the time: requests, gaps given up, silent lines. Call it at ``next_deadline_ns``."""
        if self._begun_ns is None:
            self._begun_ns = now_ns
        events: list[MoldEvent] = []
        if self._gap is not None and self.gate.expected != self._gap.at:
            self._settle(now_ns, events)  # The gate moved on, and nobody has said so yet.
        while self._gap is not None and now_ns >= self._gap.deadline_ns:
            if self._can_request and self._gap.attempts < self.limits.attempts:
                self._request(self._gap, now_ns)
            else:
                why = f"no answer to {self._gap.attempts} requests" if self._can_request else "no one to ask"
                self._give_up(why, now_ns, events)
        for line in self._lines:
            since = max(self.gate.last_ns(line), self._begun_ns)
            if line not in self._silent and now_ns - since >= self.limits.idle_ns:
                self._silent.add(line)
                self.counts["silences"] += 1
                events.append(LineSilent(line, since, now_ns))
            elif line in self._silent and now_ns - since < self.limits.idle_ns:
                self._silent.discard(line)  # Its packets went past this session.
                events.append(LineBack(line, now_ns))
        return events

    def requests_to_send(self) -> list[bytes]:
        """Datagrams for the re-request server, once."""
        requests, self._requests = self._requests, []
        return requests

    def next_deadline_ns(self) -> int | None:
        """When ``tick`` has something to do; None before the first packet."""
        if self._begun_ns is None:
            return None
        last = self.gate.counters()["last_ns"]
        deadlines = [max(last[line], self._begun_ns) + self.limits.idle_ns for line in self._lines]
        deadlines = [
            deadline for line, deadline in zip(self._lines, deadlines, strict=True) if line not in self._silent
        ]
        if self._gap is not None:
            deadlines.append(self._gap.deadline_ns)
        return min(deadlines, default=None)

    @property
    def session(self) -> str:
        """The current session's name; empty before the first packet."""
        return _name(self.gate.session) if self.gate.expected else ""

    @property
    def gap(self) -> tuple[int, int] | None:
        """(sequence number, messages) of what is missing now, as far as is known."""
        return None if self._gap is None else (self.gate.expected, self._front() - self.gate.expected)

    @property
    def waiting(self) -> int:
        """Packets that came too early."""
        return len(self._order)

    @property
    def silent_lines(self) -> list[int]:
        return sorted(self._silent)

    # What the gate left to us

    def _think(self, line: int, payload: bytes, now_ns: int, events: list[MoldEvent]) -> None:
        try:
            packet = decode_packet(payload)
        except MoldError as error:
            self._malformed(error, line, payload, now_ns)
            return
        if not self._in_session(packet, line, payload, now_ns, events):
            return
        self._accept(packet, line, now_ns, events)

    def _accept(self, packet: MoldPacket, line: int, now_ns: int, events: list[MoldEvent]) -> None:
        if not packet.count:
            self.counts["ends" if packet.ends else "heartbeats"] += 1
        if self._is_suspect(packet):
            return
        if packet.ends and self._end is None:
            self._end = packet.sequence
        self._known = max(self._known, packet.sequence + packet.count)
        if packet.count:
            self._take(packet, line, now_ns, events)
        self._settle(now_ns, events, asked=line == RETRANSMISSION)

    def _take(self, packet: MoldPacket, line: int, now_ns: int, events: list[MoldEvent]) -> None:
        """Pass on what is next; keep what is too early; a packet that is partly known is cut."""
        if packet.sequence <= self.gate.expected:
            if packet.sequence + packet.count > self.gate.expected:
                self.gate.credit(packet.sequence, packet.count, line, now_ns)
                self._deliver(Waiting(packet, now_ns, line), events)
            return
        kept = self._waiting.get(packet.sequence)
        if kept is not None and kept.packet.count >= packet.count:
            self.counts["early_duplicates"] += 1
            return
        more = len(packet.block) - (len(kept.packet.block) if kept else 0)
        full = kept is None and len(self._order) >= self.limits.reorder_packets
        if full or self._waiting_bytes + more > self.limits.reorder_bytes:
            self.counts["reorder_overflow"] += 1
            return
        if kept is None:
            insort(self._order, packet.sequence)
        self.counts["early"] += 1
        self.gate.credit(packet.sequence, packet.count, line, now_ns)
        self._waiting[packet.sequence] = Waiting(packet, now_ns, line)
        self._waiting_bytes += more

    def _deliver(self, one: Waiting, events: list[MoldEvent]) -> None:
        packet = one.packet
        skip = self.gate.expected - packet.sequence
        block = packet.block[message_offset(packet.block, skip) :] if skip else packet.block
        events.append(Messages(self.gate.expected, packet.count - skip, block, one.time_ns, one.line))
        self.counts["recovered"] += (packet.count - skip) if one.line == RETRANSMISSION else 0
        self.gate.open(packet.session, packet.sequence + packet.count)

    def _settle(self, now_ns: int, events: list[MoldEvent], *, asked: bool = False) -> None:
        """Pass on what waited for this; then see what is still missing, and whether the session is over."""
        while self._order and self._order[0] <= self.gate.expected:
            one = self._waiting.pop(self._order.pop(0))
            self._waiting_bytes -= len(one.packet.block)
            if one.packet.sequence + one.packet.count > self.gate.expected:
                self._deliver(one, events)
        self.gate.pending = bool(self._order)
        expected = self.gate.expected
        self._known = max(self._known, expected)
        self._update_gap(expected, now_ns, events, asked=asked)
        if self._end is not None and expected >= self._end and not self.ended:
            self.ended = True
            events.append(SessionEnded(self.session, expected, now_ns))

    def _update_gap(self, expected: int, now_ns: int, events: list[MoldEvent], *, asked: bool) -> None:
        gap = self._gap
        if gap is not None and expected >= gap.at and self._known > expected and expected != gap.at:
            # Some of it came. An answer may be followed by the next request at once.
            gap.at, gap.attempts = expected, 0
            gap.deadline_ns = now_ns if asked else now_ns + self.limits.wait_ns
        elif gap is not None and self._known <= expected:
            self._gap = None
            self.counts["gaps_filled"] += 1
            events.append(GapFilled(gap.start, expected - gap.start, now_ns))
        elif gap is None and self._known > expected:
            missing = self._front() - expected
            self.counts["gaps"] += 1
            events.append(GapOpened(expected, missing, now_ns))
            self._gap = Gap(expected, expected, now_ns + self.limits.wait_ns)
            if missing > self.limits.gap_messages:
                self._give_up(f"{missing} messages are more than are asked for again", now_ns, events)

    def _front(self) -> int:
        """Where the gap ends: at the first packet that waits, or behind the last known message."""
        return self._order[0] if self._order else self._known

    def _request(self, gap: Gap, now_ns: int) -> None:
        begin = self.gate.expected
        count = min(self._front() - begin, self.limits.request_messages)
        self._requests.append(encode_request(MoldRequest(self.gate.session, begin, count)))
        self.counts["requests"] += 1
        gap.deadline_ns = now_ns + min(self.limits.retry_ns << gap.attempts, self.limits.retry_max_ns)
        gap.attempts += 1

    def _give_up(self, why: str, now_ns: int, events: list[MoldEvent]) -> None:
        begin, front = self.gate.expected, self._front()
        self.counts["gaps_lost"] += 1
        self.counts["messages_lost"] += front - begin
        events.append(GapLost(begin, front - begin, now_ns, why))
        self.gate.open(self.gate.session, front)
        self._gap = None
        self._settle(now_ns, events)

    def _in_session(self, packet: MoldPacket, line: int, payload: bytes, now_ns: int, events: list[MoldEvent]) -> bool:
        """Is the packet of the current session; if a new one begins with it, that is now the current one."""
        if self.gate.expected and packet.session == self.gate.session:
            return True
        if self._wanted is not None and packet.session != self._wanted:
            self.counts["foreign_session"] += 1
            return False
        if packet.session in self._past or (line == RETRANSMISSION and self.gate.expected):
            self.counts["late_session"] += 1
            return False
        if not self.gate.expected:
            self._begin(packet.session, self._start or packet.sequence, now_ns, events)
            return True
        stranger, self._stranger = self._stranger, (packet.session, line, payload, now_ns)
        if not self.ended and (stranger is None or stranger[0] != packet.session):
            self.counts["suspect"] += 1
            return False
        self._leave(now_ns, events)
        self._begin(packet.session, 1, now_ns, events)  # We were listening: it is taken from its first message.
        if stranger is not None and stranger[0] == packet.session:
            self._accept(decode_packet(stranger[2]), stranger[1], stranger[3], events)
        self._stranger = None
        return True

    def _begin(self, session: bytes, sequence: int, now_ns: int, events: list[MoldEvent]) -> None:
        self.gate.open(session, sequence)
        self._known, self._end, self.ended, self._gap = sequence, None, False, None
        events.append(SessionStarted(_name(session), sequence, now_ns))

    def _leave(self, now_ns: int, events: list[MoldEvent]) -> None:
        """Another session has begun: what is still missing of this one is lost."""
        self.counts["session_changes"] += 1
        while self._gap is not None:
            self._give_up("another session began", now_ns, events)
        if not self.ended:
            events.append(SessionEnded(self.session, self.gate.expected, now_ns))
        self._past.append(self.gate.session)

    def _is_suspect(self, packet: MoldPacket) -> bool:
        """A packet far ahead of all others may be broken: a second one, with nothing in order between, confirms it."""
        if packet.sequence - max(self.gate.expected, self._known) <= self.limits.gap_messages:
            return False
        seen, self._suspect = self._suspect, (self.gate.expected, packet.sequence)
        if seen is not None and seen[0] == self.gate.expected and seen[1] != packet.sequence:
            return False
        self.counts["suspect"] += 1
        return True

    def _malformed(self, error: MoldError, line: int, payload: bytes, now_ns: int) -> None:
        self.counts["malformed"] += 1
        self.counts[f"malformed: {error.reason}"] += 1
        if not self.first_malformed:
            shown = bytes(payload[:EXAMPLE_BYTES]).hex()
            self.first_malformed = f"{error}, line {LINE_NAMES[line % LINES]}, at {now_ns} ns, bytes {shown}"


def _name(session: bytes) -> str:
    return session.decode("latin-1").strip()
