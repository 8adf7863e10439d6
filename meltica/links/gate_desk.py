"""The gate's end of the link without its sockets: a message and a time in, the answer out."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec

from meltica.hot import OrderIntent, backend
from meltica.hot.layout_gen import (
    LAYOUT_VERSION,
    REASON_PASS,
    AnswerRecord,
    HeartbeatRecord,
    OrderIntentRecord,
    QueryRecord,
    Record,
    Status,
    Subject,
    VerdictRecord,
)
from meltica.hot.ports import RiskGate
from meltica.hot.rulebook_gen import PASS
from meltica.links import notices
from meltica.links.frames import (
    Fault,
    FaultCode,
    FrameError,
    GateShape,
    Header,
    Hello,
    Kind,
    ServerFlag,
    Welcome,
    pack,
    unpack,
)
from meltica.links.trip import tripped

MILLISECOND_NS: Final = 1_000_000
STATE_ERRORS: Final = (ValueError, KeyError, TypeError, OverflowError)
"""What import_state raises for JSON that is no state."""


class _FaultError(Exception):
    def __init__(self, code: FaultCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class _Session:
    """A client in control. ``broken`` says why its messages are no longer taken; empty: they are."""

    def __init__(self, session_id: int, user: str, instance: str, now_ns: int) -> None:
        self.session_id = session_id
        self.user = user
        self.instance = instance
        self.heard_ns = now_ns
        self.sequence = 0
        self.imported = False
        self.armed = False
        self.broken = ""


class GateDesk:
    """One gate, at most one client in control. Every message gets exactly one answer, and none raises.

    Times are of any clock that only goes forward. The gate is tripped until a client has imported a state and armed
    it, and again as soon as that client was silent for longer than the lease: then NEW and REPLACE are refused with
    KILL_SWITCH until ARM, whatever else arrives. Cancels pass.
    """

    def __init__(self, gate: RiskGate, shape: GateShape, *, lease_ns: int, pid: int, epoch: int | None = None) -> None:
        self.gate = gate
        self.epoch = secrets.randbits(63) + 1 if epoch is None else epoch
        self.counts: Counter[str] = Counter(malformed=0, trips=0, busy=0, gaps=0, refused=0, sessions=0)
        self._shape = shape
        self._lease_ns = lease_ns
        self._pid = pid
        self._session: _Session | None = None
        self._in_order: dict[int, Callable[[_Session, Header, bytes], bytes]] = {
            Kind.TELL: self._tell,
            Kind.CHECK: self._check,
            Kind.ASK: self._ask,
            Kind.IMPORT: self._import,
            Kind.ARM: self._arm,
        }

    @property
    def armed(self) -> bool:
        return self._session is not None and self._session.armed

    def expire(self, now_ns: int) -> bool:
        """Trips a gate whose client is silent; True when it happened just now."""
        session = self._session
        if session is None or not session.armed or now_ns - session.heard_ns <= self._lease_ns:
            return False
        session.armed = False
        self.counts["trips"] += 1
        return True

    def next_expiry_ns(self) -> int | None:
        session = self._session
        return session.heard_ns + self._lease_ns + 1 if session is not None and session.armed else None

    def receive(self, user: str, message: bytes, now_ns: int) -> bytes:
        """``user`` is who the handshake proved the sender to be."""
        self.expire(now_ns)  # First: what waited in a queue while we were stopped must not pass as if it were fresh
        try:
            header, body = unpack(message)
        except FrameError as error:
            self.counts["malformed"] += 1
            return self._fault(Header(0, 0, 0, 0, 0, 0, 0), FaultCode.MALFORMED, str(error))
        try:
            return self._answer(user, header, body, now_ns)
        except _FaultError as fault:
            return self._fault(header, fault.code, fault.text)

    def _answer(self, user: str, header: Header, body: bytes, now_ns: int) -> bytes:
        if header.kind == Kind.HELLO:
            return self._hello(user, header, body, now_ns)
        session = self._own_session(user, header)
        session.heard_ns = now_ns
        if header.kind == Kind.HEARTBEAT:
            return self._heartbeat(session, header, body, now_ns)
        if header.kind == Kind.BYE:
            self._session = None
            return self._reply(Kind.DONE, header)
        if (act := self._in_order.get(header.kind)) is None:
            self.counts["malformed"] += 1
            raise _FaultError(FaultCode.MALFORMED, f"kind {header.kind} is no request")
        self._step(session, header)
        try:
            return act(session, header, body)
        except _FaultError as fault:
            self._break(session, fault.text)
            raise

    # Who is in control

    def _hello(self, user: str, header: Header, body: bytes, now_ns: int) -> bytes:
        try:
            hello = msgspec.json.decode(body, type=Hello)
        except (msgspec.DecodeError, ValueError) as error:
            self.counts["malformed"] += 1
            raise _FaultError(FaultCode.MALFORMED, f"unreadable hello: {error}") from error
        if hello.layout_version != LAYOUT_VERSION or hello.shape != self._shape:
            raise _FaultError(
                FaultCode.MISFIT,
                f"the gate has layout {LAYOUT_VERSION} and {self._shape}, the client layout {hello.layout_version} "
                f"and {hello.shape}: start both with the same sizes",
            )
        held = self._session
        silent_ns = 0 if held is None else now_ns - held.heard_ns
        if held is not None and (held.user, held.instance) != (user, hello.instance) and silent_ns <= self._lease_ns:
            self.counts["busy"] += 1
            raise _FaultError(
                FaultCode.BUSY,
                f"another client is in control (key {held.user}, heard {silent_ns // MILLISECOND_NS} ms ago): stop it, "
                f"or wait until it was silent for {self._lease_ns // MILLISECOND_NS} ms",
            )
        self.counts["sessions"] += 1
        self._session = _Session(secrets.randbits(63) + 1, user, hello.instance, now_ns)
        welcome = Welcome(lease_ms=self._lease_ns // MILLISECOND_NS, backend=backend(), pid=self._pid)
        return self._reply(Kind.WELCOME, header, msgspec.json.encode(welcome))

    def _own_session(self, user: str, header: Header) -> _Session:
        session = self._session
        if header.epoch != self.epoch:
            raise _FaultError(FaultCode.NO_SESSION, "the gate was started anew and its earlier state is lost")
        if session is None or header.session != session.session_id or user != session.user:
            raise _FaultError(FaultCode.NO_SESSION, "this client is not (or no longer) in control")
        return session

    def _step(self, session: _Session, header: Header) -> None:
        if session.broken:
            raise _FaultError(FaultCode.GAP, f"the session is broken: {session.broken}")
        if header.sequence != session.sequence + 1:
            self.counts["gaps"] += 1
            text = f"message {header.sequence} came after {session.sequence}"
            self._break(session, text)
            raise _FaultError(FaultCode.GAP, text)
        session.sequence = header.sequence

    def _break(self, session: _Session, why: str) -> None:
        session.broken = session.broken or why
        session.armed = False

    def _heartbeat(self, session: _Session, header: Header, body: bytes, now_ns: int) -> bytes:
        try:
            beat = HeartbeatRecord.from_bytes(body)
        except ValueError as error:
            self.counts["malformed"] += 1
            raise _FaultError(FaultCode.MALFORMED, str(error)) from error
        lease_ms = self._lease_ns // MILLISECOND_NS if session.armed else 0
        answer = HeartbeatRecord(lease_ms=lease_ms, sequence_number=beat.sequence_number, time_ns=now_ns)
        return self._reply(Kind.HEARTBEAT, header, answer.to_bytes())

    # What it asks for

    def _tell(self, _session: _Session, header: Header, body: bytes) -> bytes:
        if self._notice(header, body):
            raise self._malformed("a TELL has notices alone")
        return self._reply(Kind.DONE, header)

    def _check(self, session: _Session, header: Header, body: bytes) -> bytes:
        size = OrderIntentRecord.SIZE
        if (len(body) - header.extra) % size or len(body) == header.extra:
            raise self._malformed(f"a CHECK ends with whole {size}-byte intents")
        intents = self._notice(header, body)
        if session.armed:
            return self._reply(Kind.VERDICTS, header, self._verdicts(intents))
        with tripped(self.gate):
            return self._reply(Kind.VERDICTS, header, self._verdicts(intents), flags=ServerFlag.TRIPPED)

    def _verdicts(self, intents: bytes) -> bytes:
        size = OrderIntentRecord.SIZE
        return b"".join(self._verdict(intents[at : at + size]) for at in range(0, len(intents), size))

    def _verdict(self, data: bytes) -> bytes:
        intent = OrderIntent.from_bytes(data)
        reason = self.gate.check(intent)
        return VerdictRecord(
            reason=REASON_PASS if reason == PASS else reason,
            action=intent.action,
            order_id=intent.order_id,
            fired_mask=self.gate.fired_mask,
            reserved_price_ticks=self.gate.reserved_price_ticks,
        ).to_bytes()

    def _ask(self, _session: _Session, header: Header, body: bytes) -> bytes:
        rest = self._notice(header, body)
        try:
            query = QueryRecord.from_bytes(rest)
            value, text = self._asked(query)
        except ValueError as error:
            raise self._malformed(str(error)) from error
        answer = AnswerRecord(answered_type_id=QueryRecord.TYPE_ID, status=Status.OK, value=value)
        return self._reply(Kind.ANSWER, header, answer.to_bytes() + text)

    def _asked(self, query: QueryRecord) -> tuple[int, bytes]:
        match query.subject:
            case Subject.DIGEST:
                return 0, self.gate.state_digest().encode()
            case Subject.STATE:
                return 0, msgspec.json.encode(self.gate.export_state())
            case Subject.COUNTERS:
                return 0, msgspec.json.encode({"gate": self.gate.counters(), "link": dict(self.counts)})
            case Subject.KILLED:
                return int(self.gate.switch_engaged(query.scope, query.id)), b""
        raise ValueError(f"query subject {query.subject} is unknown")

    def _import(self, session: _Session, header: Header, body: bytes) -> bytes:
        try:
            self.gate.import_state(msgspec.json.decode(body, type=dict[str, Any]))
        except (*STATE_ERRORS, msgspec.DecodeError) as error:
            raise self._refused(f"import_state: {type(error).__name__}: {error}") from error
        session.imported = True
        return self._reply(Kind.DONE, header)

    def _arm(self, session: _Session, header: Header, body: bytes) -> bytes:
        if body:
            raise self._malformed("an ARM has no body")
        if not session.imported:
            raise self._refused("a gate is armed after its state was imported, not before")
        session.armed = True
        return self._reply(Kind.DONE, header)

    def _notice(self, header: Header, body: bytes) -> bytes:
        """Applies the notices at the front; what follows them."""
        if header.extra > len(body):
            raise self._malformed(f"{header.extra} bytes of notices announced, {len(body)} there")
        if header.extra:
            try:
                records = notices.read(body[: header.extra])
            except ValueError as error:
                raise self._malformed(str(error)) from error
            for record in records:
                self._apply(record)
        return body[header.extra :]

    def _apply(self, record: Record) -> None:
        try:
            self.gate.tell(record)
        except (ValueError, OverflowError) as error:
            raise self._refused(f"{type(record).__name__}: {error}") from error

    # Answers

    def _malformed(self, text: str) -> _FaultError:
        self.counts["malformed"] += 1
        return _FaultError(FaultCode.MALFORMED, text)

    def _refused(self, text: str) -> _FaultError:
        self.counts["refused"] += 1
        return _FaultError(FaultCode.REFUSED, text)

    def _reply(self, kind: Kind, header: Header, body: bytes = b"", *, flags: int = 0) -> bytes:
        session = self._session.session_id if self._session is not None else header.session
        return pack(kind, body, extra=flags, session=session, epoch=self.epoch, sequence=header.sequence)

    def _fault(self, header: Header, code: FaultCode, text: str) -> bytes:
        body = msgspec.json.encode(Fault(code, text))
        return pack(Kind.FAULT, body, session=header.session, epoch=self.epoch, sequence=header.sequence)
