"""SoupBinTCP 3.00 sessions as pure objects: bytes in, events out; commands in, bytes out; deadlines asked for.

A breach of the protocol is an event as well (``Failed``), behind what came before it: the events are the same however
the stream was cut into pieces. After a loss of the connection the client asks for the next sequence number, so that
each sequenced message is told once. What the client sends has no numbers: the layer above must be able to repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from meltica.domain.errors import FieldError
from meltica.venues.nasdaq import soupbintcp_wire as wire
from meltica.venues.nasdaq.soupbintcp_wire import (
    CLIENT,
    HEARTBEAT_NS,
    MAX_OUTPUT,
    MAX_PACKET,
    SERVER,
    SILENCE_NS,
    Debug,
    Failed,
    Fault,
    LoggedIn,
    LoginAsked,
    Machine,
    PacketReader,
    RemoteError,
    Sequenced,
    SessionEnded,
    SoupEvent,
    State,
    Table,
    Trigger,
    Unsequenced,
)

REJECT_REASONS = {"A": "not authorised: user name or password", "S": "the session is not available"}


class _Session:
    """What both ends have in common: framing, heartbeats, silence, the end of a connection."""

    def __init__(self, table: Table, heartbeat: str, *, heartbeat_ns: int, silence_ns: int, max_packet: int) -> None:
        if not 0 < heartbeat_ns < silence_ns:
            raise FieldError("heartbeat_ns", heartbeat_ns, "positive, and less than silence_ns")
        self._machine = Machine(table)
        self._reader = PacketReader(max_packet)
        self._heartbeat = wire.packet(heartbeat)
        self._heartbeat_ns = heartbeat_ns
        self._silence_ns = silence_ns
        self._output = bytearray()
        self._sent_ns = 0
        self._heard_ns = 0
        self._handlers: dict[str, tuple[Trigger, Callable[[bytes], Sequence[SoupEvent]]]] = {}
        """Type of packet: what it triggers, who reads it."""

    @property
    def state(self) -> State:
        return self._machine.state

    def closing(self) -> bool:
        """The connection has done its duty: write what is left, then close it."""
        return self.state in (State.BROKEN, State.REJECTED)

    def receive(self, data: bytes, now_ns: int) -> list[SoupEvent]:
        """What the bytes tell, in order. After a ``Failed`` nothing more is read from this connection."""
        events: list[SoupEvent] = []
        if self.state is State.IDLE or self.closing():
            return events
        self._heard_ns = max(self._heard_ns, now_ns)
        self._reader.add(data)
        try:
            # A login is judged before what was sent behind it is read: the caller does that, and then asks again.
            while not self.closing() and self.state is not State.ASKED and (packet := self._reader.next()):
                events += self._take(*packet)
        except RemoteError as error:
            events.append(self._broken(error))
        if len(self._reader) > wire.MAX_AHEAD and not self.closing():
            events.append(self._broken(RemoteError(Fault.THEIRS, f"{len(self._reader)} bytes behind a login request")))
        return events

    def _take(self, kind: str, payload: bytes) -> Sequence[SoupEvent]:
        if kind not in self._handlers:
            raise RemoteError(Fault.THEIRS, f"a packet of type {kind!r}, which this side never gets")
        trigger, read = self._handlers[kind]
        if not self._machine.allows(trigger):
            raise RemoteError(Fault.THEIRS, f"a packet {trigger.value!r} while {self.state.value}")
        events = read(payload)
        self._machine.move(trigger)
        return events

    def take_output(self, now_ns: int) -> bytes:
        """The bytes to write now; ask again when they are written, a long replay comes in parts."""
        self._refill(now_ns)
        taken = bytes(self._output)
        self._output.clear()
        return taken

    def due(self, now_ns: int) -> list[SoupEvent]:
        """Heartbeats and the judgement of silence, as far as their time has come."""
        if self.state is State.IDLE or self.closing():
            return []
        if now_ns - self._heard_ns >= self._silence_ns:
            seconds = (now_ns - self._heard_ns) / 1e9
            return [self._broken(RemoteError(Fault.THEIRS, f"nothing was heard for {seconds:.1f} s"))]
        if now_ns - self._sent_ns >= self._heartbeat_ns:
            self._put(self._heartbeat, now_ns)
        return []

    def next_deadline_ns(self) -> int | None:
        if self.state is State.IDLE or self.closing():
            return None
        return min(self._sent_ns + self._heartbeat_ns, self._heard_ns + self._silence_ns)

    def debug(self, text: str, now_ns: int) -> None:
        """Free text for the people at the other end."""
        if self.state is not State.IDLE:
            self._put(wire.packet("+", text.encode("ascii", "replace")), now_ns)

    def disconnected(self) -> None:
        """The transport lost or closed the connection. What was not written is lost."""
        if self.state is not State.IDLE:
            self._machine.move(Trigger.DISCONNECTED)
        self._output.clear()
        self._reader.clear()

    def _start(self, now_ns: int) -> None:
        self._machine.move(Trigger.CONNECTED)
        self._reader.clear()
        self._output.clear()
        self._sent_ns = self._heard_ns = now_ns

    def _put(self, data: bytes, now_ns: int) -> None:
        self._output += data
        self._sent_ns = max(self._sent_ns, now_ns)

    def _broken(self, error: RemoteError) -> Failed:
        self._machine.move(Trigger.BREAK)
        return Failed(error)

    def _refill(self, now_ns: int) -> None:
        """More output, where some was waiting for room."""

    def _debug(self, payload: bytes) -> list[SoupEvent]:
        return [Debug(payload.decode("latin-1"))]

    def _nothing(self, payload: bytes) -> list[SoupEvent]:
        if payload:
            raise RemoteError(Fault.THEIRS, f"{len(payload)} bytes of payload in a packet that has none")
        return []


class SoupClient(_Session):
    """The end that logs in. ``sequence`` is the next one it wants: 1 at the start of a day, 0 for the latest."""

    def __init__(
        self,
        *,
        username: str,
        password: str,
        session: str = "",
        sequence: int = 1,
        heartbeat_ns: int = HEARTBEAT_NS,
        silence_ns: int = SILENCE_NS,
        max_packet: int = MAX_PACKET,
    ) -> None:
        """:raises FieldError: what does not fit a login request."""
        super().__init__(CLIENT, "R", heartbeat_ns=heartbeat_ns, silence_ns=silence_ns, max_packet=max_packet)
        wire.login_request(username, password, session, sequence)
        self._username = username
        self._password = password
        self.session = session
        self.sequence = sequence
        self._handlers = {
            "A": (Trigger.ACCEPT, self._accepted),
            "J": (Trigger.REJECT, self._rejected),
            "S": (Trigger.SEQUENCED, self._sequenced),
            "H": (Trigger.SERVER_HEARTBEAT, self._nothing),
            "Z": (Trigger.END, self._end),
            "+": (Trigger.DEBUG, self._debug),
        }

    def connected(self, now_ns: int) -> None:
        """The transport has a connection: the login request is the first thing said."""
        self._start(now_ns)
        self._put(wire.login_request(self._username, self._password, self.session, self.sequence), now_ns)

    def send(self, payload: bytes, now_ns: int) -> None:
        """One unsequenced message. :raises InvariantError: not logged in. :raises FieldError: too long."""
        data = wire.packet("U", payload)
        self._machine.move(Trigger.UNSEQUENCED)
        self._put(data, now_ns)

    def logout(self, now_ns: int) -> None:
        self._machine.move(Trigger.LOGOUT)
        self._put(wire.packet("O"), now_ns)

    def new_session(self, session: str = "", sequence: int = 1) -> None:
        """A new trading day: the numbers begin again. :raises FieldError"""
        wire.login_request(self._username, self._password, session, sequence)
        self.session, self.sequence = session, sequence

    def _accepted(self, payload: bytes) -> list[SoupEvent]:
        found = wire.read_accepted(payload)
        if self.session and found.session != self.session:
            raise RemoteError(Fault.THEIRS, f"logged in to session {found.session!r}, asked for {self.session!r}")
        if found.sequence < 1:
            raise RemoteError(Fault.THEIRS, "the first sequence number of a session is 1, not 0")
        if self.sequence and found.sequence != self.sequence:
            raise RemoteError(
                Fault.THEIRS, f"asked for sequence {self.sequence}, the server goes on at {found.sequence}"
            )
        self.session, self.sequence = found.session, found.sequence
        return [found]

    def _rejected(self, payload: bytes) -> list[SoupEvent]:
        reason = payload.decode("latin-1")
        if reason not in REJECT_REASONS:
            raise RemoteError(Fault.THEIRS, f"login rejected for the unknown reason {reason!r}")
        return [Failed(RemoteError(Fault.OURS, f"login of {self._username!r} rejected, {REJECT_REASONS[reason]}"))]

    def _sequenced(self, payload: bytes) -> list[SoupEvent]:
        event = Sequenced(self.sequence, payload)
        self.sequence += 1
        return [event]

    def _end(self, payload: bytes) -> list[SoupEvent]:
        self._nothing(payload)
        return [SessionEnded()]


class SoupStream:
    """The sequenced messages of one session, which any number of connections may read, each from where it wants."""

    def __init__(self, session: str) -> None:
        if not 1 <= len(session) <= wire.SESSION or not session.isalnum() or not session.isascii():
            raise FieldError("session", session, f"1 to {wire.SESSION} letters and digits")
        self.session = session
        self.messages: list[bytes] = []
        """Number n is at n - 1."""
        self.ended = False

    def append(self, payload: bytes) -> int:
        """Its number."""
        self.messages.append(payload)
        return len(self.messages)


class SoupServer(_Session):
    """The server's end of one connection; ``pump`` sends what the stream has got since."""

    def __init__(
        self, *, heartbeat_ns: int = HEARTBEAT_NS, silence_ns: int = SILENCE_NS, max_packet: int = MAX_PACKET
    ) -> None:
        super().__init__(SERVER, "H", heartbeat_ns=heartbeat_ns, silence_ns=silence_ns, max_packet=max_packet)
        self.stream: SoupStream | None = None
        self.next_sequence = 0
        self._handlers = {
            "L": (Trigger.LOGIN, self._login),
            "U": (Trigger.UNSEQUENCED, self._unsequenced),
            "R": (Trigger.CLIENT_HEARTBEAT, self._nothing),
            "O": (Trigger.LOGOUT, self._logout),
            "+": (Trigger.DEBUG, self._debug),
        }

    def connected(self, now_ns: int) -> None:
        self._start(now_ns)

    def accept(self, asked: LoginAsked, stream: SoupStream, now_ns: int) -> bool:
        """Log the client in to the stream, or reject it (False) when it asks for another session or a far sequence."""
        after_last = len(stream.messages) + 1
        if asked.session not in ("", stream.session) or asked.sequence > after_last:
            self.reject("S", now_ns)
            return False
        self._machine.move(Trigger.ACCEPT)
        self.stream = stream
        self.next_sequence = asked.sequence or max(1, after_last - 1)
        self._put(wire.login_accepted(stream.session, self.next_sequence), now_ns)
        self.pump(now_ns)
        return True

    def reject(self, reason: str, now_ns: int) -> None:
        """``A`` not authorised, ``S`` session not available."""
        if reason not in REJECT_REASONS:
            raise FieldError("reason", reason, "A or S")
        self._machine.move(Trigger.REJECT)
        self._put(wire.packet("J", reason.encode("ascii")), now_ns)

    def pump(self, now_ns: int) -> None:
        """Put what the stream has and this connection has not had yet, as far as there is room."""
        if self.stream is None or self.state is not State.LIVE:
            return
        messages = self.stream.messages
        while self.next_sequence <= len(messages) and len(self._output) < MAX_OUTPUT:
            self._put(wire.packet("S", messages[self.next_sequence - 1]), now_ns)
            self.next_sequence += 1
        if self.stream.ended and self.next_sequence > len(messages):
            self._machine.move(Trigger.END)
            self._put(wire.packet("Z"), now_ns)

    def disconnected(self) -> None:
        super().disconnected()
        self.stream = None

    def closing(self) -> bool:
        return super().closing() or self.state is State.LOGGED_OUT

    def _refill(self, now_ns: int) -> None:
        self.pump(now_ns)

    def _login(self, payload: bytes) -> list[SoupEvent]:
        return [wire.read_login(payload)]

    def _unsequenced(self, payload: bytes) -> list[SoupEvent]:
        return [Unsequenced(payload)]

    def _logout(self, payload: bytes) -> list[SoupEvent]:
        self._nothing(payload)
        return [SessionEnded()]


__all__ = [
    "Debug",
    "Failed",
    "Fault",
    "LoggedIn",
    "LoginAsked",
    "RemoteError",
    "Sequenced",
    "SessionEnded",
    "SoupClient",
    "SoupEvent",
    "SoupServer",
    "SoupStream",
    "State",
    "Unsequenced",
]
