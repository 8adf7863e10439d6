"""Where recovery starts: the newest snapshot that can be trusted, else genesis.

A snapshot is only a shortcut: the entries give the same state, so a damaged one is passed over with a warning,
never fatal. Its digest binds it to its place in the chain::

    digest = SHA-256( b"meltica.journal.snapshot.v1" || 0x00 || seq || format_version || hash of entry seq || state )

with seq and format_version as 8 bytes, unsigned, big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from meltica.journal.port import JournalSource, SnapshotRow
from meltica.journal.reader import read_one

SNAPSHOTS_KEPT: Final = 3  # The newest, one to fall back to, and one for who needs to see what changed
SNAPSHOT_DOMAIN: Final = b"meltica.journal.snapshot.v1\x00"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Engine state as of ``seq``, inclusive: fold the entries from ``seq + 1`` over it."""

    seq: int
    format_version: int
    state: bytes


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """``snapshot`` is None for genesis. ``warnings`` say which snapshots were passed over, and why."""

    snapshot: Snapshot | None
    warnings: tuple[str, ...]

    @property
    def next_seq(self) -> int:
        """The first entry to replay."""
        return 1 if self.snapshot is None else self.snapshot.seq + 1


def digest(seq: int, format_version: int, entry_hash: bytes, state: bytes) -> bytes:
    return sha256(SNAPSHOT_DOMAIN + struct.pack(">QQ", seq, format_version) + entry_hash + state).digest()


def newest_valid(source: JournalSource, *, format_version: int) -> StartingPoint:
    """The newest snapshot that is whole, belongs to this chain and has the engine's ``format_version``."""
    warnings: list[str] = []
    for seq in source.snapshot_seqs():
        row = source.snapshot(seq)
        if row is None:  # Pruned since we asked
            continue
        fault = _fault(source, row, format_version)
        if fault is None:
            return StartingPoint(Snapshot(row.seq, row.format_version, row.state), tuple(warnings))
        warnings.append(f"snapshot {seq} passed over: {fault}")
    return StartingPoint(None, tuple(warnings))


def _fault(source: JournalSource, row: SnapshotRow, format_version: int) -> str | None:
    if row.format_version != format_version:
        return f"its format is {row.format_version}, this program reads {format_version}"
    entry = read_one(source, row.seq)
    if entry is None:
        return "the entry it was taken at is missing"
    try:
        expected = digest(row.seq, row.format_version, entry.hash, row.state)
    except (TypeError, struct.error):  # Not the types that were written
        return "it is malformed"
    return None if expected == row.digest else "its digest does not match"
