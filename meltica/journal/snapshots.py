"""Where recovery starts: the newest snapshot that can be trusted, else genesis.

A snapshot is only a shortcut: the entries give the same state, so a damaged one is passed over with a warning,
never fatal. A large state is stored in parts, each in a transaction of its own, so that no commit waits for the whole;
the snapshot comes last and lists them. Parts that are kept are listed by later snapshots again. Its digest binds it to
its place in the chain, and its parts to it::

    part   = SHA-256( b"meltica.journal.part.v1" || 0x00 || number || state of the part )
    parts  = (number || part), for each
    digest = SHA-256( b"meltica.journal.snapshot.v2" || 0x00 || seq || format_version || hash of entry seq
                      || length of parts || parts || state )

with seq, format_version, number and length as 8 bytes, unsigned, big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from meltica.journal.port import JournalSource, PartRef, SnapshotRow
from meltica.journal.reader import read_one

SNAPSHOTS_KEPT: Final = 3  # The newest, one to fall back to, and one for who needs to see what changed
SNAPSHOT_DOMAIN: Final = b"meltica.journal.snapshot.v2\x00"
PART_DOMAIN: Final = b"meltica.journal.part.v1\x00"
_PART = struct.Struct(">Q32s")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Engine state as of ``seq``, inclusive: fold the entries from ``seq + 1`` over it."""

    seq: int
    format_version: int
    state: bytes
    refs: tuple[PartRef, ...] = ()
    parts: tuple[bytes, ...] = ()
    """What the refs name, in their order."""


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """``snapshot`` is None for genesis. ``warnings`` say which snapshots were passed over, and why."""

    snapshot: Snapshot | None
    warnings: tuple[str, ...]

    @property
    def next_seq(self) -> int:
        """The first entry to replay."""
        return 1 if self.snapshot is None else self.snapshot.seq + 1


def digest(seq: int, format_version: int, entry_hash: bytes, parts: bytes, state: bytes) -> bytes:
    head = struct.pack(">QQ", seq, format_version) + entry_hash + struct.pack(">Q", len(parts))
    return sha256(SNAPSHOT_DOMAIN + head + parts + state).digest()


def part_digest(number: int, state: bytes) -> bytes:
    found = sha256(PART_DOMAIN + struct.pack(">Q", number))
    found.update(state)
    return found.digest()


def listed(refs: Sequence[PartRef]) -> bytes:
    return b"".join([_PART.pack(*ref) for ref in refs])


def refs_in(parts: bytes) -> tuple[PartRef, ...]:
    return tuple(PartRef._make(fields) for fields in _PART.iter_unpack(parts))


def newest_valid(source: JournalSource, *, format_version: int) -> StartingPoint:
    """The newest snapshot that is whole, belongs to this chain and has the engine's ``format_version``."""
    warnings: list[str] = []
    for seq in source.snapshot_seqs():
        row = source.snapshot(seq)
        if row is None:  # Pruned since we asked
            continue
        fault = _fault(source, row, format_version)
        if fault is None:
            refs = refs_in(row.parts)
            parts = [_sound_part(source, ref) for ref in refs]
            whole = tuple(part for part in parts if part is not None)
            if len(whole) == len(parts):
                found = Snapshot(row.seq, row.format_version, row.state, refs, whole)
                return StartingPoint(found, tuple(warnings))
            fault = f"part {refs[parts.index(None)].number} of it is missing or damaged"
        warnings.append(f"snapshot {seq} passed over: {fault}")
    return StartingPoint(None, tuple(warnings))


def _sound_part(source: JournalSource, ref: PartRef) -> bytes | None:
    state = source.part(ref.number)
    return state if isinstance(state, bytes) and part_digest(ref.number, state) == ref.digest else None


def _fault(source: JournalSource, row: SnapshotRow, format_version: int) -> str | None:
    if row.format_version != format_version:
        return f"its format is {row.format_version}, this program reads {format_version}"
    entry = read_one(source, row.seq)
    if entry is None:
        return "the entry it was taken at is missing"
    try:
        expected = digest(row.seq, row.format_version, entry.hash, row.parts, row.state)
    except (TypeError, struct.error):  # Not the types that were written
        return "it is malformed"
    if expected != row.digest:
        return "its digest does not match"
    return "it is malformed" if len(row.parts) % _PART.size else None
