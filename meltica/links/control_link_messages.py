"""What goes between the gateway and a hot process: one ZeroMQ frame per message, after the routing id or the topic.

A message is a header of 32 bytes, little-endian, and a body:

    offset  size  field
    0       2     magic 0x434d ("MC")
    2       1     version 1
    3       1     kind
    4       4     extra: how many things the body holds, or a code
    8       8     gate epoch: a gate's memory, from its start to its end; a later one is greater
    16      8     stream epoch: drawn by the gateway at each start
    24      8     number: what it counts is said with each kind

Records inside the bodies are those of proto/hot/layout.toml. HELLO, WELCOME and FAULT are JSON.

Each gate has a stream of its own. Its entries are numbered from 1 in each stream epoch: an origin (8 bytes) and one
record. Origin 0: a row, of which the last value counts. Else an event, which counts once: its origin is the number of
the journal entry that caused it, times 65,536, plus a count; so a gate knows across a restart of the gateway which
events it has had.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from struct import Struct
from typing import Annotated, Final, NamedTuple

import msgspec
import numpy as np

from meltica.hot.layout_gen import RECORDS, DropCopyRecord

MAGIC: Final = 0x434D
VERSION: Final = 1
HEADER: Final = Struct("<HBBIQQQ")
ENTRY: Final = Struct("<Q")
STATE: Final = Struct("<QQIII")
BEAT: Final = Struct("<QQQIB3x32s")
BEAT_ANSWER: Final = Struct("<QQQII")
FETCH: Final = Struct("<QQ")
REPORT: Final = Struct("<QQ")
USE: Final = Struct("<B3xIIq")
MAX_BODY_BYTES: Final = 32 * 2**20
"""Of one message: a state with all 65,536 instruments and some rows for each."""
MAX_ENTRIES: Final = 4_096
"""Of one RECORDS message; more are sent as several."""
MAX_DROPS: Final = 512
"""Drop copies in one message: 64 KiB."""
DROP_BYTES: Final = DropCopyRecord.SIZE
TOPIC: Final = "gate/{}/"
"""Of the stream that a gate subscribes to."""


class Kind(IntEnum):
    HELLO = 1
    """Gate; number: of the hello in this life, 0: it does not count. Body: ``Hello``."""
    BEAT = 2
    """Gate; number: of the beat. Body: its clock, its place in the stream, next drop copy, arming, flags, digest."""
    DROPS = 3
    """Gate; number: sequence number of the first; extra: how many. Body: DropCopy records without a gap."""
    FETCH = 4
    """Gate: send entries ``number`` and later again; 0: the whole state."""
    REPORT = 5
    """Gate; number: of the report; extra: how many uses. Body: place in the stream, next drop copy, Use after Use."""
    BYE = 6
    """Gate: ends on purpose; its lease is over."""
    WELCOME = 16
    """Gateway; number: of the hello that it answers. Body: ``Welcome``."""
    BEAT_ANSWER = 17
    """Gateway; number: of the beat. Body: the beat's clock, the stream's end, drop copies kept, lease_ms, arming."""
    KEPT = 18
    """Gateway; number: drop copies before it are durable. extra 1: send it and those after it again."""
    FAULT = 19
    """Gateway: not done, and why. Body: ``Fault``."""
    RECORDS = 24
    """Gateway; number: of the first entry; extra: how many. Body: origin and record, origin and record."""
    STATE = 25
    """Gateway; number: the entry up to which it tells. Body: head, rows, base, events (see ``pack_state``)."""


class BeatFlag(IntFlag):
    LAPSED = 1
    """The lease ran out: the gate lets nothing pass until it is armed anew."""
    IN_STEP = 2
    """It has the state, and every entry after it that it knows of."""


class FaultCode(IntEnum):
    MALFORMED = 1
    UNKNOWN_GATE = 2
    """No gate of this name is in the settings."""
    WRONG_KEY = 3
    """The key is let in, but it is not this gate's."""
    OLD_EPOCH = 4
    """A later epoch of this gate has been here: whoever sends this must not trade."""
    MISFIT = 5
    """Another layout version."""
    HELLO_FIRST = 6
    """The gateway does not know this session (any more)."""
    LOST_DROPS = 7
    """The gate can no longer give drop copies that the gateway does not have: a person must reconcile."""


class Header(NamedTuple):
    magic: int
    version: int
    kind: int
    extra: int
    gate_epoch: int
    stream_epoch: int
    number: int


class Entry(NamedTuple):
    """One record of a stream. ``origin`` 0: the last value counts; else the event counts once."""

    origin: int
    record: bytes


class Beat(NamedTuple):
    time_ns: int
    """The clock that orders are stamped with."""
    applied: int
    """The last entry of the stream that the gate holds."""
    drops_next: int
    """The sequence number that its next drop copy will have."""
    arming: int
    """The last arming that it has heard of."""
    flags: int
    digest: bytes


class BeatAnswer(NamedTuple):
    time_ns: int
    published: int
    kept: int
    lease_ms: int
    arming: int


class Use(NamedTuple):
    """How much of a slice is in use. ``line`` is a ``lease_lines.LineKind``."""

    line: int
    id: int
    instrument_id: int
    in_use: int


class State(NamedTuple):
    """Everything that a gate must hold at one place in its stream."""

    number: int
    origin: int
    """The last event told; a gate that has had it has had all."""
    events_from: int
    """``events`` has every event after this origin."""
    rows: tuple[bytes, ...]
    base: tuple[bytes, ...]
    """For a gate that knows nothing yet: its positions and working orders as the gateway's books have them."""
    events: tuple[Entry, ...]


Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What JSON may say of a number that a frame's header and the journal must hold."""


class Hello(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    gate: str
    layout_version: Count
    gate_epoch: Count
    fresh: bool
    """It has never held a state."""
    remembers: bool
    """It has its positions and working orders from its own journal; else the gateway tells them."""
    stream_epoch: Count
    applied: Count
    origin: Count
    drops_first: Count
    """The oldest drop copy that it can still give."""
    drops_next: Count
    pid: Count


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    lease_ms: int
    beat_ms: int
    kept: int
    """Drop copies before this one are durable; the gateway waits for it and those after it."""


class Fault(msgspec.Struct, frozen=True):
    code: int
    text: str


class MessageError(ValueError):
    """Theirs: these bytes are no message of this link."""


def pack(
    kind: Kind, body: bytes = b"", *, extra: int = 0, gate_epoch: int = 0, stream_epoch: int = 0, number: int = 0
) -> bytes:
    return HEADER.pack(MAGIC, VERSION, kind, extra, gate_epoch, stream_epoch, number) + body


def unpack(message: bytes) -> tuple[Header, bytes]:
    """:raises MessageError: too short, or not ours."""
    if len(message) < HEADER.size:
        raise MessageError(f"a message has at least {HEADER.size} bytes, not {len(message)}")
    header = Header._make(HEADER.unpack_from(message))
    if header.magic != MAGIC:
        raise MessageError(f"a message begins with {MAGIC:#06x}, not {header.magic:#06x}")
    if header.version != VERSION:
        raise MessageError(f"link version {header.version}, this side speaks {VERSION}")
    return header, message[HEADER.size :]


def fixed(layout: Struct, body: bytes) -> tuple[int, ...]:
    """:raises MessageError: the body has another length."""
    if len(body) != layout.size:
        raise MessageError(f"a body of {len(body)} bytes where {layout.size} belong")
    return layout.unpack(body)


def unpack_beat(body: bytes) -> Beat:
    if len(body) != BEAT.size:
        raise MessageError(f"a beat has {BEAT.size} bytes, not {len(body)}")
    return Beat._make(BEAT.unpack(body))


def pack_entries(entries: tuple[Entry, ...]) -> bytes:
    return b"".join(ENTRY.pack(entry.origin) + entry.record for entry in entries)


def unpack_entries(body: bytes) -> list[Entry]:
    """:raises MessageError: a record is unknown or cut off."""
    entries, at = [], 0
    while at < len(body):
        end = _record_end(body, at + ENTRY.size)
        entries.append(Entry(ENTRY.unpack_from(body, at)[0], body[at + ENTRY.size : end]))
        at = end
    return entries


def split_records(body: bytes) -> list[bytes]:
    """:raises MessageError: a record is unknown or cut off."""
    records, at = [], 0
    while at < len(body):
        end = _record_end(body, at)
        records.append(body[at:end])
        at = end
    return records


def _record_end(body: bytes, at: int) -> int:
    kind = RECORDS.get(int.from_bytes(body[at : at + 2], "little"))
    if kind is None:
        raise MessageError(f"unknown record at byte {at}: {body[at : at + 8].hex()}")
    if at + kind.SIZE > len(body):
        raise MessageError(f"a {kind.__name__} at byte {at} is cut off")
    return at + kind.SIZE


def pack_state(state: State, *, gate_epoch: int, stream_epoch: int) -> bytes:
    """Head (last origin, oldest event left out, bytes of rows, of base, of events), rows, base, events."""
    parts = b"".join(state.rows), b"".join(state.base), pack_entries(state.events)
    head = STATE.pack(state.origin, state.events_from, *(len(part) for part in parts))
    body = head + b"".join(parts)
    return pack(Kind.STATE, body, gate_epoch=gate_epoch, stream_epoch=stream_epoch, number=state.number)


def unpack_state(header: Header, body: bytes) -> State:
    """:raises MessageError: its parts do not add up, or hold something that is no record."""
    if len(body) < STATE.size:
        raise MessageError(f"a state has at least {STATE.size} bytes, not {len(body)}")
    origin, events_from, rows, base, events = STATE.unpack_from(body)
    if STATE.size + rows + base + events != len(body):
        raise MessageError(f"a state of {len(body)} bytes that announces {STATE.size + rows + base + events}")
    at = STATE.size
    return State(
        header.number,
        origin,
        events_from,
        tuple(split_records(body[at : at + rows])),
        tuple(split_records(body[at + rows : at + rows + base])),
        tuple(unpack_entries(body[at + rows + base :])),
    )


def pack_uses(uses: tuple[Use, ...]) -> bytes:
    return b"".join(USE.pack(*use) for use in uses)


def unpack_report(body: bytes) -> tuple[int, int, tuple[Use, ...]]:
    """(place in the stream, next drop copy, uses). :raises MessageError: cut off."""
    if len(body) < REPORT.size or (len(body) - REPORT.size) % USE.size:
        raise MessageError(f"a report of {len(body)} bytes")
    applied, drops_next = REPORT.unpack_from(body)
    return applied, drops_next, tuple(Use._make(use) for use in USE.iter_unpack(body[REPORT.size :]))


def check_drops(header: Header, body: bytes) -> None:
    """:raises MessageError: not whole DropCopy records, or not numbered one after another from ``header.number``."""
    if not 0 < header.extra <= MAX_DROPS or len(body) != header.extra * DROP_BYTES:
        raise MessageError(f"{header.extra} drop copies announced, {len(body)} bytes there")
    drops = np.frombuffer(body, DropCopyRecord.DTYPE)  # All at once: there may be hundreds of thousands a second
    if (drops["type_id"] != DropCopyRecord.TYPE_ID).any():
        raise MessageError("a record among the drop copies is none")
    wrong = np.flatnonzero(
        drops["sequence_number"] != np.arange(header.extra, dtype=np.uint64) + np.uint64(header.number)
    )
    if wrong.size:
        number = int(drops["sequence_number"][wrong[0]])
        raise MessageError(f"drop copy {number} where {header.number + int(wrong[0])} belongs")


def fault_text(body: bytes) -> tuple[int, str]:
    """The code (0: unreadable) and a text for people; never fails, whatever came."""
    try:
        fault = msgspec.json.decode(body, type=Fault)
        return fault.code, f"{FaultCode(fault.code).name}: {fault.text}"
    except (msgspec.DecodeError, ValueError):
        return 0, f"an unreadable fault ({body[:40]!r})"
