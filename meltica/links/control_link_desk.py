"""The gateway's end of the control link without its sockets: messages and times in, messages and notices out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from meltica.links.control_link_arming import MILLISECOND_NS, Arming
from meltica.links.control_link_hello import LinkFaultError, check_hello, old_epoch
from meltica.links.control_link_messages import (
    BEAT_ANSWER,
    DROP_BYTES,
    MAX_ENTRIES,
    TOPIC,
    Beat,
    BeatFlag,
    Entry,
    Fault,
    FaultCode,
    Header,
    Hello,
    Kind,
    MessageError,
    Welcome,
    check_drops,
    pack,
    unpack,
    unpack_beat,
    unpack_report,
)
from meltica.links.control_link_session import (
    IN_TOUCH,
    MOVES,
    Changed,
    Dropped,
    Happening,
    Joined,
    Notice,
    Refused,
    Reported,
    Seat,
    Session,
    Standing,
    Status,
)
from meltica.links.control_link_stream import Stream, records_message
from meltica.links.zap import fingerprint

DEFAULT_LEASE_MS: Final = 250
BEATS_PER_LEASE: Final = 5
PULSE_WITHIN_NS: Final = 1_000 * MILLISECOND_NS
"""No lease is given for a gateway whose engine has not been heard for so long: a thread that answers beats proves
nothing about it."""
MAX_DROPS_WAITING: Final = 65_536
"""Drop copies that the journal has not kept yet; more are not taken, and come again."""


class Routed(NamedTuple):
    peer: bytes
    message: bytes


class Published(NamedTuple):
    topic: bytes
    message: bytes


class ControlDesk:
    """All hot processes of one gateway. Times are of one clock that only goes forward.

    Messages to be sent are in ``outbox``, what the gateway must know in ``notices``; both in order.
    """

    def __init__(
        self,
        seats: Iterable[Seat],
        *,
        stream_epoch: int,
        now_ns: int,
        lease_ns: int = DEFAULT_LEASE_MS * MILLISECOND_NS,
        arming: Arming | None = None,
        down_since_ns: int | None = None,
        origin: int = 0,
    ) -> None:
        """``down_since_ns``: when the gateway last lived; it may have given a lease at its very end. ``origin``: of the
        newest event in its journal.
        """
        self.lease_ns = lease_ns
        self.outbox: deque[Routed | Published] = deque()
        self.notices: deque[Notice] = deque()
        self.counts: Counter[str] = Counter(malformed=0, refused=0, gaps=0, slow=0, deaths=0, lapses=0, differed=0)
        self._arming = arming or Arming()
        self._pulse_ns = now_ns
        stopped_ns = now_ns if down_since_ns is None else down_since_ns
        self._sessions = {
            seat.gate: Session(
                seat,
                Stream(stream_epoch, origin=origin),
                stopped_ns=stopped_ns,
                lease_over_ns=now_ns + lease_ns if seat.gate_epoch else now_ns,
            )
            for seat in seats
        }
        self._by_key = {session.seat.key.decode(): session for session in self._sessions.values()}
        if len(self._by_key) != len(self._sessions):
            raise ValueError("two gates have the same key: neither could be told from the other")
        self._takes: dict[int, Callable[[Session, Header, bytes, int], None]] = {
            Kind.BEAT: self._beat,
            Kind.DROPS: self._drops,
            Kind.FETCH: self._fetch,
            Kind.REPORT: self._report,
            Kind.BYE: self._bye,
        }

    # What the gateway asks for

    def status(self) -> list[Status]:
        return [session.status() for session in self._sessions.values()]

    def pulse(self, now_ns: int) -> None:
        """The engine lives."""
        self._pulse_ns = now_ns

    def tell(self, gate: str, records: Sequence[bytes], *, origin: int = 0) -> int:
        """Adds records to the gate's stream and publishes them; the number of its last entry.

        ``origin``: of the first event among them, each further one is one more. Rows need none.

        :raises ValueError: a record that is not told to gates; those before it were.
        """
        session = self._sessions[gate]
        entries: list[Entry] = []
        for record in records:
            if (entry := session.stream.add(record, origin)) is not None:
                entries.append(entry)
                origin += entry.origin > 0
        if session.standing in IN_TOUCH:
            first = session.stream.number - len(entries) + 1
            for at in range(0, len(entries), MAX_ENTRIES):
                part = entries[at : at + MAX_ENTRIES]
                self._publish(session, records_message(part, first + at, session.gate_epoch, session.stream.epoch))
        return session.stream.number

    def admit(self, gate: str, gate_epoch: int, base: Sequence[bytes] = ()) -> bool:
        """Its books are settled: send it the state. False: it has gone, or another life of it has come meanwhile."""
        session = self._sessions[gate]
        if session.gate_epoch != gate_epoch or not session.told_joined:
            return False
        if not self._move(session, Happening.SETTLED, "the state is sent"):
            return False
        session.stream.base = tuple(base)
        self._publish(session, session.stream.state(gate_epoch))
        return True

    def arm(self, gate: str) -> None:
        """By a person: as soon as it holds the state."""
        session = self._sessions[gate]
        session.wanted, session.held_back = True, False

    def disarm(self, gate: str) -> None:
        """By a person, until ``arm``: its next beat is answered without a lease."""
        session = self._sessions[gate]
        session.wanted, session.held_back = False, True
        self._move(session, Happening.STOPPED, "disarmed by a person")

    def keep(self, gate: str, kept: int) -> None:
        """Its drop copies before ``kept`` are durable here."""
        session = self._sessions[gate]
        if kept > session.kept:
            session.kept = kept
            if session.peer:
                self._say(session, Kind.KEPT, number=kept)

    def retire(self, gate: str) -> None:
        """This life never comes back; the next one begins with a store of its own."""
        session = self._sessions[gate]
        session.kept = session.expected = session.drops_next = 1
        session.retired_epoch = session.gate_epoch

    # Time

    def due(self, now_ns: int) -> None:
        for session in self._sessions.values():
            if session.standing in (Standing.ABSENT, Standing.DEAD):
                continue
            silent_ns = now_ns - session.heard_ns
            if silent_ns > self.lease_ns:
                self._gone(session, f"silent for {silent_ns // MILLISECOND_NS} ms", now_ns)
            elif session.standing is Standing.JOINING:
                self._joined(session, now_ns)

    def next_due_ns(self) -> int | None:
        times = []
        for session in self._sessions.values():
            if session.standing in (Standing.ABSENT, Standing.DEAD):
                continue
            times.append(session.heard_ns + self.lease_ns + 1)
            if session.standing is Standing.JOINING and not session.told_joined and session.kept >= session.drops_next:
                times.append(session.wait_until_ns)
        return min(times, default=None)

    def _gone(self, session: Session, why: str, now_ns: int) -> None:
        silent_ns = now_ns - session.heard_ns
        if session.standing is Standing.ARMED:
            session.stopped_ns = session.heard_ns
        if self._move(session, Happening.GONE, why, silent_ns):
            self.counts["deaths"] += 1

    # What comes in

    def subscribed(self, topic: bytes) -> None:
        """Somebody subscribed: the current state at once, if it is a gate that may have it."""
        for session in self._sessions.values():
            if topic == _topic(session) and session.standing in IN_TOUCH:
                self._publish(session, session.stream.state(session.gate_epoch))

    def unsent(self, topic: bytes, now_ns: int) -> None:
        """The publisher's queue for this topic is full: whoever reads so slowly counts as dead."""
        for session in self._sessions.values():
            if topic == _topic(session) and session.standing in IN_TOUCH:
                self.counts["slow"] += 1
                self._gone(session, "it does not read its stream: the queue is full", now_ns)

    def receive(self, peer: bytes, user: str, message: bytes, now_ns: int) -> None:
        """``user`` is the key that the handshake proved (Z85). Never raises; what is wrong is answered and counted."""
        self.due(now_ns)
        session = self._by_key.get(user)
        header = Header(0, 0, 0, 0, 0, 0, 0)
        try:
            header, body = unpack(message)
            if session is None:
                raise LinkFaultError(FaultCode.WRONG_KEY, "this key is let in, but no gate of the settings has it")  # noqa: TRY301
            if header.kind == Kind.HELLO:
                self._hello(session, peer, header, body, now_ns)
            else:
                self._of_session(session, peer, header, body, now_ns)
        except MessageError as error:
            self.counts["malformed"] += 1
            self._answer(session, peer, user, header, LinkFaultError(FaultCode.MALFORMED, str(error)))
        except LinkFaultError as fault:
            self._answer(session, peer, user, header, fault)

    def _of_session(self, session: Session, peer: bytes, header: Header, body: bytes, now_ns: int) -> None:
        if (take := self._takes.get(header.kind)) is None:
            raise MessageError(f"kind {header.kind} is nothing that a gate says")
        if header.gate_epoch < session.gate_epoch:
            raise old_epoch(header.gate_epoch, session)
        if header.gate_epoch > session.gate_epoch or session.standing in (Standing.ABSENT, Standing.DEAD):
            raise LinkFaultError(FaultCode.HELLO_FIRST, session.why)
        session.peer, session.heard_ns = peer, now_ns
        take(session, header, body, now_ns)

    def _answer(self, session: Session | None, peer: bytes, user: str, header: Header, fault: LinkFaultError) -> None:
        body = msgspec.json.encode(Fault(fault.code, fault.text))
        self.outbox.append(Routed(peer, pack(Kind.FAULT, body, gate_epoch=header.gate_epoch, number=header.number)))
        if fault.code is not FaultCode.HELLO_FIRST:
            self.counts["refused"] += 1
            gate = "" if session is None else session.seat.gate
            self.notices.append(Refused(gate, fingerprint(user.encode()), f"{fault.code.name}: {fault.text}"))

    def _hello(self, session: Session, peer: bytes, header: Header, body: bytes, now_ns: int) -> None:
        try:
            hello = msgspec.json.decode(body, type=Hello)
        except (msgspec.DecodeError, ValueError) as error:
            raise MessageError(f"unreadable hello: {error}") from error
        if hello.gate_epoch == session.gate_epoch and 0 < header.number <= session.hello:
            return  # Overtaken by a later one of the same life: what it says was so
        check_hello(session, hello)
        session.hello = header.number
        if session.standing is Standing.ARMED:
            session.stopped_ns = session.heard_ns
        if hello.gate_epoch > session.gate_epoch:
            session.gate_epoch, session.arming, session.rearmed_ns = hello.gate_epoch, 0, deque()
            session.wait_until_ns = session.lease_over_ns
        session.peer, session.pid, session.heard_ns = peer, hello.pid, now_ns
        session.fresh, session.remembers, session.told_joined = hello.fresh, hello.remembers, False
        session.applied = hello.applied
        session.drops_next = hello.drops_next
        session.expected = session.kept
        self._move(
            session, Happening.HELLO, f"its drop copies from {session.kept} to {hello.drops_next - 1} are fetched"
        )
        lease_ms = self.lease_ns // MILLISECOND_NS
        welcome = Welcome(lease_ms=lease_ms, beat_ms=max(1, lease_ms // BEATS_PER_LEASE), kept=session.kept)
        self._say(session, Kind.WELCOME, msgspec.json.encode(welcome), number=header.number)
        self._joined(session, now_ns)

    def _joined(self, session: Session, now_ns: int) -> None:
        """Told once, when no earlier lease can be in force any more and nothing that it let out is unknown here."""
        ready = session.kept >= session.drops_next and now_ns >= session.wait_until_ns
        if session.standing is Standing.JOINING and ready and not session.told_joined:
            session.told_joined = True
            self.notices.append(Joined(session.seat.gate, session.gate_epoch, session.fresh, session.remembers))

    def _beat(self, session: Session, header: Header, body: bytes, now_ns: int) -> None:
        beat = unpack_beat(body)
        session.arming = max(session.arming, beat.arming)
        session.applied, session.drops_next = beat.applied, max(session.drops_next, beat.drops_next)
        self._judge(session, header, beat, now_ns)
        lease_ms = 0
        if session.standing is Standing.ARMED and now_ns - self._pulse_ns <= PULSE_WITHIN_NS:
            lease_ms = self.lease_ns // MILLISECOND_NS
            session.lease_over_ns = now_ns + self.lease_ns
        answer = BEAT_ANSWER.pack(beat.time_ns, session.stream.number, session.kept, lease_ms, session.arming)
        self._say(session, Kind.BEAT_ANSWER, answer, number=header.number)

    def _judge(self, session: Session, header: Header, beat: Beat, now_ns: int) -> None:
        """What the beat tells about the gate's standing."""
        stream = session.stream
        held = beat.flags & BeatFlag.IN_STEP and header.stream_epoch == stream.epoch
        comparable = held and beat.applied == stream.number
        if comparable and beat.digest != stream.digest():
            if session.standing is Standing.ARMED:
                session.stopped_ns = now_ns
            if self._move(session, Happening.DIFFERS, "it holds something else than it was told"):
                self.counts["differed"] += 1
                self._publish(session, stream.state(session.gate_epoch))
            return
        if session.standing is Standing.ARMED and beat.flags & BeatFlag.LAPSED and beat.arming == session.arming:
            self._lapsed(session, now_ns)
        if comparable and session.kept >= beat.drops_next:
            self._move(session, Happening.CONFIRMED, "it holds the state; it waits to be armed")
            if session.standing is Standing.READY and self._arming.allows(session, now_ns):
                session.arming += 1
                session.wanted = False
                self._move(session, Happening.ARM, f"arming {session.arming}")

    def _lapsed(self, session: Session, now_ns: int) -> None:
        session.lapses += 1
        self.counts["lapses"] += 1
        session.stopped_ns = now_ns
        self._move(session, Happening.STOPPED, "its lease ran out")

    def _drops(self, session: Session, header: Header, body: bytes, _now_ns: int) -> None:
        check_drops(header, body)
        end = header.number + header.extra
        if header.number > session.expected:
            self.counts["gaps"] += 1
            self._say(session, Kind.KEPT, number=session.expected, extra=1)
        elif end <= session.expected:
            self._say(session, Kind.KEPT, number=session.kept)  # All of it was here: our answer got lost
        elif end - session.kept <= MAX_DROPS_WAITING:
            new = body[(session.expected - header.number) * DROP_BYTES :]
            self.notices.append(Dropped(session.seat.gate, session.expected, new))
            session.expected = end
            session.drops_next = max(session.drops_next, end)

    def _fetch(self, session: Session, header: Header, _body: bytes, _now_ns: int) -> None:
        if session.standing not in IN_TOUCH:
            return
        stream = session.stream
        known = header.number > 0 and header.stream_epoch == stream.epoch
        messages = stream.since(header.number, session.gate_epoch) if known else [stream.state(session.gate_epoch)]
        self.outbox.extend(Routed(session.peer, message) for message in messages)

    def _report(self, session: Session, header: Header, body: bytes, _now_ns: int) -> None:
        applied, drops_next, uses = unpack_report(body)
        if len(uses) != header.extra:
            raise MessageError(f"{header.extra} uses announced, {len(uses)} there")
        if header.stream_epoch == session.stream.epoch:
            if applied > session.stream.number:
                raise MessageError(f"a report about entry {applied} of {session.stream.number}")
            gate, epoch = session.seat.gate, session.gate_epoch
            self.notices.append(Reported(gate, epoch, header.number, applied, drops_next, uses))

    def _bye(self, session: Session, _header: Header, _body: bytes, now_ns: int) -> None:
        self._gone(session, "it left on purpose", now_ns)

    # What goes out

    def _move(self, session: Session, happening: Happening, why: str, silent_ns: int = 0) -> bool:
        after = MOVES.get((session.standing, happening))
        if after is None:
            return False
        session.standing, session.why = after, why
        self.notices.append(Changed(session.seat.gate, after, why, silent_ns))
        return True

    def _say(self, session: Session, kind: Kind, body: bytes = b"", *, extra: int = 0, number: int = 0) -> None:
        epochs = {"gate_epoch": session.gate_epoch, "stream_epoch": session.stream.epoch}
        self.outbox.append(Routed(session.peer, pack(kind, body, extra=extra, number=number, **epochs)))

    def _publish(self, session: Session, message: bytes) -> None:
        self.outbox.append(Published(_topic(session), message))


def _topic(session: Session) -> bytes:
    return TOPIC.format(session.seat.gate).encode()
