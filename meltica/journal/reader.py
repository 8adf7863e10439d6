"""Reading a journal: in order, one entry, or its end; beside a running gateway or after it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from meltica.journal import schema
from meltica.journal.chain import entry_hash, genesis_hash
from meltica.journal.entry import Entry, Head
from meltica.journal.errors import JournalDamagedError
from meltica.journal.port import JournalSource, SnapshotRow

READ_BATCH: Final = 256  # Entries in memory at a time; each batch is its own read, so a slow reader never pins the WAL

_ENTRY: Final = partial(tuple.__new__, Entry)
"""As ``Entry._make``, which is a function in Python: a journal has millions of rows."""


class SqliteReader:
    """A ``JournalSource`` over a SQLite file. Opening it refuses what is not a journal of this version."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = schema.connect_reading(path)
        try:
            self._journal_id = schema.check_identity(self._connection, path)
        except schema.TROUBLE as error:
            self.close()
            raise schema.explained(error, path) from error
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def journal_id(self) -> bytes:
        return self._journal_id

    def head(self) -> Head:
        rows = self._rows("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1")
        return Head._make(rows[0]) if rows else Head(0, genesis_hash(self._journal_id))

    def read(self, first_seq: int, limit: int = READ_BATCH) -> list[Entry]:
        sql = "SELECT seq, time_ns, payload, hash FROM entries WHERE seq >= ? ORDER BY seq LIMIT ?"
        return list(map(_ENTRY, self._rows(sql, first_seq, limit)))

    def snapshot_seqs(self) -> list[int]:
        return [row[0] for row in self._rows("SELECT seq FROM snapshots ORDER BY seq DESC")]

    def snapshot(self, seq: int) -> SnapshotRow | None:
        sql = "SELECT seq, format_version, state, parts, digest FROM snapshots WHERE seq = ?"
        rows = self._rows(sql, seq)
        return SnapshotRow._make(rows[0]) if rows else None

    def part(self, number: int) -> bytes | None:
        rows = self._rows("SELECT state FROM parts WHERE number = ?", number)
        return rows[0][0] if rows else None

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, sql: str, *arguments: int) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, arguments).fetchall()
        except schema.TROUBLE as error:
            raise schema.explained(error, self.path) from error


def entries(source: JournalSource, first_seq: int = 1, last_seq: int | None = None) -> Iterator[Entry]:
    """Entries from ``first_seq`` to ``last_seq`` (or the end as it is when reached), each checked against the chain.

    Raises JournalDamagedError at the first gap or broken link, so that nothing is ever folded over a damaged log.
    """
    previous = _hash_before(source, first_seq)
    seq = first_seq
    while last_seq is None or seq <= last_seq:
        batch = source.read(seq, READ_BATCH if last_seq is None else min(READ_BATCH, last_seq - seq + 1))
        if not batch:
            return
        if follow(batch, seq, previous):
            yield from batch
        else:  # Some do: whoever reads gets those, and where it breaks
            yield from _until_it_breaks(batch, seq, previous, source.name)
        previous = batch[-1].hash
        seq += len(batch)


def follow(batch: Sequence[Entry], first_seq: int, previous: bytes) -> bool:
    """Whether these entries, all of them, follow from the hash before them, without a gap."""
    seqs, times, payloads, hashes = zip(*batch, strict=True)
    if seqs != tuple(range(first_seq, first_seq + len(seqs))):
        return False
    try:
        return tuple(map(entry_hash, (previous, *hashes[:-1]), seqs, times, payloads)) == hashes
    except (TypeError, struct.error):  # Not the types that were written: STRICT was got around
        return False


def _until_it_breaks(batch: Sequence[Entry], seq: int, previous: bytes, name: str) -> Iterator[Entry]:
    for entry in batch:
        if not follow((entry,), seq, previous):
            raise _broken(entry, seq, name)
        yield entry
        previous = entry.hash
        seq += 1


def read_one(source: JournalSource, seq: int) -> Entry | None:
    found = source.read(seq, 1)
    return found[0] if found and found[0].seq == seq else None


def tail(source: JournalSource, count: int) -> list[Entry]:
    """The last ``count`` entries, oldest first."""
    return source.read(max(1, source.head().seq - count + 1), count)


def _hash_before(source: JournalSource, first_seq: int) -> bytes:
    if first_seq == 1:
        return genesis_hash(source.journal_id)
    before = read_one(source, first_seq - 1)
    if before is None:
        raise JournalDamagedError(source.name, "the entry before the first one asked for is missing", first_seq - 1)
    return before.hash


def _broken(entry: Entry, seq: int, name: str) -> JournalDamagedError:
    if entry.seq != seq:
        return JournalDamagedError(name, f"entries {seq} to {entry.seq - 1} are missing", seq)
    return JournalDamagedError(name, "its hash does not follow from the entry before it", seq)
