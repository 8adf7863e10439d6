"""What goes over the link between RemoteGate and the gate's process: one ZeroMQ frame per message.

A message is a header of 32 bytes, little-endian, and a body:

    offset  size  field
    0       2     magic 0x4c4d ("ML")
    2       1     version 1
    3       1     kind
    4       4     extra: notice bytes at the front of the body (from the client), flags (from the server)
    8       8     session: drawn by the server in WELCOME, 0 before
    16      8     epoch: drawn by the server when it starts; another one means that its state is lost
    24      8     sequence: from 1, one more with each CHECK, TELL, ASK, IMPORT and ARM; HEARTBEAT counts for itself

Every message of a client is answered by exactly one message with the same session and sequence. Records inside the
bodies are those of proto/hot/layout.toml. HELLO, WELCOME, FAULT and states are JSON.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from struct import Struct
from typing import Final, NamedTuple

import msgspec

MAGIC: Final = 0x4C4D
VERSION: Final = 1
HEADER: Final = Struct("<HBBIQQQ")
MAX_BODY_BYTES: Final = 64 * 2**20
"""Of one message; a state with 65,536 instruments and 100,000 recent orders has a third of it."""
ZAP_DOMAIN: Final = "meltica.gate"


class Kind(IntEnum):
    HELLO = 1
    """Client: asks for control. Body: ``Hello``."""
    TELL = 2
    """Client: notices alone. Answered by DONE."""
    CHECK = 3
    """Client: notices, then whole 64-byte intents. Answered by VERDICTS."""
    ASK = 4
    """Client: notices, then one Query record. Answered by ANSWER."""
    IMPORT = 5
    """Client: a state as JSON. Answered by DONE."""
    ARM = 6
    """Client: lets orders pass again after a trip or an import. Answered by DONE."""
    HEARTBEAT = 7
    """Both: one Heartbeat record. The server's lease_ms is 0 while it is tripped."""
    BYE = 8
    """Client: gives control back. Answered by DONE."""
    WELCOME = 16
    """Server: control is yours. Body: ``Welcome``."""
    DONE = 17
    VERDICTS = 18
    """Server: one Verdict record per intent."""
    ANSWER = 19
    """Server: one Answer record, then text (JSON, or a digest)."""
    FAULT = 20
    """Server: not done, and why. Body: ``Fault``."""


class ServerFlag(IntFlag):
    """Header.extra of a server's answer."""

    TRIPPED = 1
    """Judged as under the kill switch, because the lease had run out or nobody has armed the gate yet."""


class FaultCode(IntEnum):
    MALFORMED = 1
    """No message of ours. Counted; breaks the session only when it took a sequence number of it."""
    BUSY = 2
    """Another client is in control."""
    MISFIT = 3
    """The client's tables have other sizes, or another layout version."""
    NO_SESSION = 4
    """Not (or no longer) in control, or meant for another epoch."""
    GAP = 5
    """A message is missing before this one: the session is broken."""
    REFUSED = 6
    """The gate raised ValueError: the session is broken, for its gate no longer holds what the client believes."""


class Header(NamedTuple):
    magic: int
    version: int
    kind: int
    extra: int
    session: int
    epoch: int
    sequence: int


class FrameError(ValueError):
    """Theirs: these bytes are no message of this link."""


def pack(
    kind: Kind, body: bytes = b"", *, extra: int = 0, session: int = 0, epoch: int = 0, sequence: int = 0
) -> bytes:
    return HEADER.pack(MAGIC, VERSION, kind, extra, session, epoch, sequence) + body


def unpack(message: bytes) -> tuple[Header, bytes]:
    """:raises FrameError: too short, or not ours."""
    if len(message) < HEADER.size:
        raise FrameError(f"a message has at least {HEADER.size} bytes, not {len(message)}")
    header = Header._make(HEADER.unpack_from(message))
    if header.magic != MAGIC:
        raise FrameError(f"a message begins with {MAGIC:#06x}, not {header.magic:#06x}")
    if header.version != VERSION:
        raise FrameError(f"link version {header.version}, this side speaks {VERSION}")
    return header, message[HEADER.size :]


class GateShape(msgspec.Struct, frozen=True, kw_only=True):
    """The sizes of a gate's tables, as meltica.hot.Gate takes them: both ends must have the same."""

    max_instruments: int = 1024
    max_accounts: int = 16
    duplicate_depth: int = 16
    reference_future_tolerance_ns: int = 1_000_000
    max_strategies: int = 256
    max_working_orders: int = 65_536
    leased: bool = False


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    instance: str
    """Drawn once by each client: it may take over from itself at once, from others only when their lease is over."""
    layout_version: int
    shape: GateShape


class Welcome(msgspec.Struct, frozen=True):
    lease_ms: int
    backend: str
    pid: int


class Fault(msgspec.Struct, frozen=True):
    code: int
    text: str


def fault_text(body: bytes) -> str:
    """For people; never fails, whatever came."""
    try:
        fault = msgspec.json.decode(body, type=Fault)
        return f"{FaultCode(fault.code).name}: {fault.text}"
    except (msgspec.DecodeError, ValueError):
        return f"an unreadable fault ({body[:40]!r})"
