"""Journals to judge: small real ones, written by the real store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from meltica.journal.chain import entry_hash
from meltica.journal.entry import Entry, Head
from meltica.journal.store import SqliteStore

FIRST_TIME_NS = 1_790_000_000_000_000_000


def payload_of(seq: int) -> bytes:
    return b'{"seq":%d,"events":["accepted","filled"]}' % seq


def chained(head: Head, payloads: Sequence[bytes]) -> list[Entry]:
    """Entries that follow ``head``."""
    entries = []
    for payload in payloads:
        seq, time_ns = head.seq + 1, FIRST_TIME_NS + head.seq + 1
        head = Head(seq, entry_hash(head.hash, seq, time_ns, payload))
        entries.append(Entry(seq, time_ns, payload, head.hash))
    return entries


def fill(path: Path, count: int, *, snapshots_at: Sequence[int] = ()) -> list[Entry]:
    """A closed journal of ``count`` entries, with snapshots of format 1."""
    store = SqliteStore(path)
    try:
        entries = chained(store.head(), [payload_of(seq) for seq in range(1, count + 1)])
        for start in range(0, count, 100):
            store.append(entries[start : start + 100])
        for seq in snapshots_at:
            store.save_snapshot(seq, 1, b"state at %d" % seq, keep=10)
    finally:
        store.close()
    return entries


def tamper(path: Path, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    """What somebody with the file and a SQLite shell could do: drop the triggers, change, put the triggers back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            sql, arguments = (statement, ()) if isinstance(statement, str) else statement
            connection.execute(sql, arguments)
        for _, sql in triggers:
            connection.execute(sql)
