"""What the gateway asks of a journal's storage. SQLite is the first to answer; nothing here says so.

A store belongs to one thread at a time: it is made in one, and from the first ``append`` on lives in another (the
commit thread), which also closes it. A source (read-only) belongs to the thread that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from meltica.journal.entry import Entry, Head


class SnapshotRow(NamedTuple):
    """A snapshot as stored. ``digest`` is defined in snapshots.py; ``format_version`` is the engine's, opaque here."""

    seq: int
    format_version: int
    state: bytes
    parts: bytes
    """The parts that belong to it, as ``snapshots.listed`` writes them."""
    digest: bytes


class PartRef(NamedTuple):
    """A stored part of a snapshot: its number, and the digest that it must have."""

    number: int
    digest: bytes


class JournalSource(Protocol):
    """Read-only. Never blocks the writer, never needs the owner's lock, sees only what is committed."""

    @property
    def name(self) -> str:
        """For messages: a path, or a host and a database."""
        ...

    @property
    def journal_id(self) -> bytes: ...
    def head(self) -> Head: ...
    def read(self, first_seq: int, limit: int) -> list[Entry]:
        """Up to ``limit`` entries with seq >= first_seq, in order."""
        ...

    def snapshot_seqs(self) -> list[int]:
        """Newest first."""
        ...

    def snapshot(self, seq: int) -> SnapshotRow | None: ...
    def part(self, number: int) -> bytes | None:
        """What is stored of it, unjudged."""
        ...

    def close(self) -> None: ...


class JournalStore(Protocol):
    """The one writer. After any exception from a call that writes the only allowed call is ``abandon``."""

    @property
    def name(self) -> str:
        """For messages: a path, or a host and a database."""
        ...

    @property
    def journal_id(self) -> bytes: ...
    def head(self) -> Head:
        """What was stored when this store was opened, then what ``append`` was given last."""
        ...

    def append(self, entries: Sequence[Entry]) -> None:
        """One transaction: returns when all of them are on the disk; an exception means that none may be relied on."""
        ...

    def save_part(self, seq: int, state: bytes, *, kept: bool) -> PartRef:
        """A part of the snapshot of ``seq``, before it. Without ``kept`` it goes when that snapshot goes."""
        ...

    def save_snapshot(
        self, seq: int, format_version: int, state: bytes, parts: Sequence[PartRef] = (), *, keep: int
    ) -> None:
        """Durable on return; the newest ``keep`` stay. ``seq`` must be stored already, and so must the parts."""
        ...

    def source(self) -> JournalSource:
        """A read-only view, owned by the calling thread."""
        ...

    def close(self) -> None: ...
    def abandon(self) -> None:
        """Give the journal up after a failure, without writing another byte of it."""
        ...
