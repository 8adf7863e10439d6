"""SoupBinTCP 3.00 on the wire: packets, the events of a session, and the tables of its states.

A packet is two bytes of big-endian length (of what follows), one byte of type, a payload. Source: Nasdaq, "SoupBinTCP
Version 3.00" (22 February 2017).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from meltica.domain.errors import FieldError, InvariantError, MelticaError

HEARTBEAT_NS: Final = 1_000_000_000
"""Each side says something at least this often."""
SILENCE_NS: Final = 15_000_000_000
"""A side that has said nothing for so long is gone."""
MAX_PACKET: Final = 16_384
"""Type and payload. OUCH's largest message with every tag has less than 300 bytes."""
MAX_AHEAD: Final = 65_536
"""Bytes that a client may send behind its login request before that is judged."""
MAX_OUTPUT: Final = 4 * 2**20
"""Bytes that wait for the socket; a replay stops there until they are taken."""

USERNAME: Final = 6
PASSWORD: Final = 10
SESSION: Final = 10
SEQUENCE: Final = 20
LOGIN: Final = USERNAME + PASSWORD + SESSION + SEQUENCE
ACCEPTED: Final = SESSION + SEQUENCE


class Fault(enum.Enum):
    """Whose fault it is that a connection is of no use any more."""

    THEIRS = "theirs"
    OURS = "ours"
    NOBODYS = "nobody's"


class RemoteError(MelticaError):
    """The other side broke the protocol, refused us or is gone; the words say what, ``fault`` whose fault."""

    def __init__(self, fault: Fault, why: str) -> None:
        super().__init__(f"{why} (fault: {fault.value})")
        self.fault = fault
        self.why = why


class LoggedIn(msgspec.Struct, frozen=True):
    """Client: the server took us; the next sequenced message has this number."""

    session: str
    sequence: int


class LoginAsked(msgspec.Struct, frozen=True):
    """Server: answer with ``accept`` or ``reject``; then ``receive(b"")`` reads what the client sent behind it."""

    username: str
    password: str
    session: str
    """Empty: the current one."""
    sequence: int
    """1 is the first message, 0 begins with the latest."""

    def __repr__(self) -> str:
        return f"LoginAsked({self.username!r}, session={self.session!r}, sequence={self.sequence})"


class Sequenced(msgspec.Struct, frozen=True):
    """Client: one message, each number once."""

    sequence: int
    payload: bytes


class Unsequenced(msgspec.Struct, frozen=True):
    """Server: one message of the client; it may have come before."""

    payload: bytes


class Debug(msgspec.Struct, frozen=True):
    text: str


class SessionEnded(msgspec.Struct, frozen=True):
    """Client: the day is over, there are no more messages in this session. Server: the client logged out."""


class Failed(msgspec.Struct, frozen=True):
    """Nothing more comes of this connection: close it."""

    error: RemoteError


SoupEvent = LoggedIn | LoginAsked | Sequenced | Unsequenced | Debug | SessionEnded | Failed


class State(enum.Enum):
    IDLE = "idle"
    """Client: no connection."""
    LOGIN_SENT = "login sent"
    WAITING = "waiting for a login"
    """Server."""
    ASKED = "asked to log in"
    """Server: the login is being judged."""
    LIVE = "live"
    LOGGED_OUT = "logged out"
    ENDED = "session ended"
    REJECTED = "login rejected"
    BROKEN = "broken"


class Trigger(enum.Enum):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    ACCEPT = "A login accepted"
    REJECT = "J login rejected"
    SEQUENCED = "S sequenced data"
    SERVER_HEARTBEAT = "H server heartbeat"
    END = "Z end of session"
    LOGIN = "L login request"
    UNSEQUENCED = "U unsequenced data"
    CLIENT_HEARTBEAT = "R client heartbeat"
    LOGOUT = "O logout request"
    DEBUG = "+ debug"
    BREAK = "silence or a breach"


Table = Mapping[tuple[State, Trigger], State]
_S, _T = State, Trigger

CLIENT: Final[Table] = {
    (_S.IDLE, _T.CONNECTED): _S.LOGIN_SENT,
    (_S.LOGIN_SENT, _T.ACCEPT): _S.LIVE,
    (_S.LOGIN_SENT, _T.REJECT): _S.REJECTED,
    (_S.LOGIN_SENT, _T.SERVER_HEARTBEAT): _S.LOGIN_SENT,
    (_S.LOGIN_SENT, _T.DEBUG): _S.LOGIN_SENT,
    (_S.LIVE, _T.SEQUENCED): _S.LIVE,
    (_S.LIVE, _T.SERVER_HEARTBEAT): _S.LIVE,
    (_S.LIVE, _T.DEBUG): _S.LIVE,
    (_S.LIVE, _T.END): _S.ENDED,
    (_S.LIVE, _T.UNSEQUENCED): _S.LIVE,
    (_S.LIVE, _T.LOGOUT): _S.LOGGED_OUT,
    (_S.LOGGED_OUT, _T.SEQUENCED): _S.LOGGED_OUT,
    (_S.LOGGED_OUT, _T.SERVER_HEARTBEAT): _S.LOGGED_OUT,
    (_S.LOGGED_OUT, _T.DEBUG): _S.LOGGED_OUT,
    (_S.LOGGED_OUT, _T.END): _S.ENDED,
    (_S.ENDED, _T.SERVER_HEARTBEAT): _S.ENDED,
    (_S.ENDED, _T.DEBUG): _S.ENDED,
    **{(state, _T.DISCONNECTED): _S.IDLE for state in _S if state not in (_S.WAITING, _S.ASKED)},
    **{(state, _T.BREAK): _S.BROKEN for state in (_S.LOGIN_SENT, _S.LIVE, _S.LOGGED_OUT, _S.ENDED)},
}
"""UNSEQUENCED and LOGOUT are what the client does, the others what it hears."""

SERVER: Final[Table] = {
    (_S.IDLE, _T.CONNECTED): _S.WAITING,
    (_S.WAITING, _T.LOGIN): _S.ASKED,
    (_S.WAITING, _T.DEBUG): _S.WAITING,
    (_S.WAITING, _T.CLIENT_HEARTBEAT): _S.WAITING,
    (_S.ASKED, _T.ACCEPT): _S.LIVE,
    (_S.ASKED, _T.REJECT): _S.REJECTED,
    (_S.LIVE, _T.UNSEQUENCED): _S.LIVE,
    (_S.LIVE, _T.CLIENT_HEARTBEAT): _S.LIVE,
    (_S.LIVE, _T.DEBUG): _S.LIVE,
    (_S.LIVE, _T.LOGOUT): _S.LOGGED_OUT,
    (_S.LIVE, _T.END): _S.ENDED,
    (_S.ENDED, _T.UNSEQUENCED): _S.ENDED,
    (_S.ENDED, _T.CLIENT_HEARTBEAT): _S.ENDED,
    (_S.ENDED, _T.DEBUG): _S.ENDED,
    (_S.ENDED, _T.LOGOUT): _S.LOGGED_OUT,
    **{(state, _T.DISCONNECTED): _S.IDLE for state in _S if state is not _S.LOGIN_SENT},
    **{(state, _T.BREAK): _S.BROKEN for state in (_S.WAITING, _S.ASKED, _S.LIVE, _S.ENDED)},
}
"""ACCEPT, REJECT and END are what the server does, the others what it hears."""


def show(table: Table) -> str:
    """The table for people, one line a transition."""
    return "\n".join(
        f"{state.value:22} | {trigger.value:22} -> {after.value}" for (state, trigger), after in table.items()
    )


class Machine:
    """Where a session is; ``move`` is the only thing that moves it."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.state = State.IDLE

    def allows(self, trigger: Trigger) -> bool:
        return (self.state, trigger) in self._table

    def move(self, trigger: Trigger) -> None:
        """:raises InvariantError: our own caller asks for what can't be done in this state."""
        after = self._table.get((self.state, trigger))
        if after is None:
            raise InvariantError(f"SoupBinTCP: {trigger.value!r} while {self.state.value}")
        self.state = after


class PacketReader:
    """Bytes in any pieces to whole packets; what is not asked for yet waits."""

    def __init__(self, max_packet: int = MAX_PACKET) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._max_packet = max_packet

    def __len__(self) -> int:
        return len(self._buffer) - self._at

    def add(self, data: bytes) -> None:
        del self._buffer[: self._at]
        self._at = 0
        self._buffer += data

    def next(self) -> tuple[str, bytes] | None:
        """(type, payload) if there is a whole packet. :raises RemoteError: no length that a packet can have."""
        if len(self) < 2:  # noqa: PLR2004 - the length itself
            return None
        length = int.from_bytes(self._buffer[self._at : self._at + 2], "big")
        if length == 0:
            raise RemoteError(Fault.THEIRS, "a packet of length 0, not even a type")
        if length > self._max_packet:
            raise RemoteError(Fault.THEIRS, f"a packet of {length} bytes, at most {self._max_packet} are taken")
        if len(self) < 2 + length:
            return None
        body = bytes(self._buffer[self._at + 2 : self._at + 2 + length])
        self._at += 2 + length
        return chr(body[0]), body[1:]

    def clear(self) -> None:
        self._buffer.clear()
        self._at = 0


def packet(kind: str, payload: bytes = b"") -> bytes:
    """:raises FieldError: more than a packet can hold."""
    if len(payload) + 1 > MAX_PACKET:
        raise FieldError("payload", len(payload), f"a packet holds at most {MAX_PACKET - 1} bytes")
    return (len(payload) + 1).to_bytes(2, "big") + kind.encode("latin-1") + payload


def login_request(username: str, password: str, session: str, sequence: int) -> bytes:
    """Names padded on the right, session and number on the left, as the specification says. :raises FieldError"""
    fields = (("username", username, USERNAME), ("password", password, PASSWORD), ("session", session, SESSION))
    for name, text, size in fields:
        if len(text) > size or not text.isascii() or not (text.isprintable() or not text):
            raise FieldError(name, "*" * len(text) if name == "password" else text, f"at most {size} ASCII characters")
    if not 0 <= sequence < 10**SEQUENCE:
        raise FieldError("sequence", sequence, f"0 to {SEQUENCE} digits")
    text = f"{username:<{USERNAME}}{password:<{PASSWORD}}{session:>{SESSION}}{sequence:>{SEQUENCE}}"
    return packet("L", text.encode("ascii"))


def login_accepted(session: str, sequence: int) -> bytes:
    return packet("A", f"{session:>{SESSION}}{sequence:>{SEQUENCE}}".encode("ascii"))


def read_login(payload: bytes) -> LoginAsked:
    """Padding on either side is taken. :raises RemoteError"""
    if len(payload) != LOGIN:
        raise RemoteError(Fault.THEIRS, f"a login request has {LOGIN} bytes, not {len(payload)}")
    username, password, session, sequence = _texts("login request", payload, (USERNAME, PASSWORD, SESSION, SEQUENCE))
    return LoginAsked(username, password, session, _number("login request", sequence))


def read_accepted(payload: bytes) -> LoggedIn:
    """:raises RemoteError"""
    if len(payload) != ACCEPTED:
        raise RemoteError(Fault.THEIRS, f"a login accepted has {ACCEPTED} bytes, not {len(payload)}")
    session, sequence = _texts("login accepted", payload, (SESSION, SEQUENCE))
    return LoggedIn(session, _number("login accepted", sequence))


def _texts(what: str, payload: bytes, sizes: tuple[int, ...]) -> list[str]:
    if not (payload.isascii() and payload.decode("ascii").isprintable()):
        raise RemoteError(Fault.THEIRS, f"a {what} has bytes that are no printable ASCII")
    found, at = [], 0
    for size in sizes:
        found.append(payload[at : at + size].decode("ascii").strip(" "))
        at += size
    return found


def _number(what: str, text: str) -> int:
    if not text.isdecimal():
        raise RemoteError(Fault.THEIRS, f"the sequence number of a {what} is {text!r}")
    return int(text)
