"""Snapshots in parts: stored before the snapshot that names them, judged with it, and gone when nobody needs them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from meltica.journal import schema, store
from meltica.journal.errors import JournalVersionError
from meltica.journal.reader import SqliteReader
from meltica.journal.snapshots import newest_valid
from meltica.journal.store import SqliteStore
from meltica.journal.verify import verify
from meltica.journal.writer import GroupCommitWriter
from tests.unit.journal.filled import chained, fill, payload_of, tamper


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def entries_on(journal: SqliteStore, count: int) -> int:
    """The seq that it ends with."""
    journal.append(chained(journal.head(), [payload_of(n) for n in range(count)]))
    return journal.head().seq


def numbers(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM parts ORDER BY number")]


def filled(path: Path) -> None:
    """Two snapshots, at 5 and 10; the second names what the first kept."""
    with closing(SqliteStore(path)) as journal:
        seq = entries_on(journal, 5)
        kept = journal.save_part(seq, b"old orders", kept=True)
        own = journal.save_part(seq, b"open at 5", kept=False)
        journal.save_snapshot(seq, 1, b"root at 5", [kept, own], keep=2)
        seq = entries_on(journal, 5)
        own = journal.save_part(seq, b"open at 10", kept=False)
        journal.save_snapshot(seq, 1, b"root at 10", [kept, own], keep=2)


def test_the_parts_come_with_their_snapshot(path: Path) -> None:
    filled(path)
    assert verify(path).ok
    with SqliteReader(path) as source:
        found = newest_valid(source, format_version=1).snapshot
    assert (found.seq, found.state, found.parts) == (10, b"root at 10", (b"old orders", b"open at 10"))
    assert [ref.number for ref in found.refs] == [1, 3]


@pytest.mark.parametrize(
    ("damage", "start", "problem"),
    [
        ("DELETE FROM parts WHERE number = 3", 5, "seq 10: a part of the snapshot is missing"),
        ("UPDATE parts SET state = x'00' WHERE number = 3", 5, "part 3 of a snapshot does not match"),
        ("UPDATE parts SET state = 'text' WHERE number = 3", 5, "part 3 of a snapshot does not match"),
        ("UPDATE parts SET state = x'00' WHERE number = 1", None, "part 1 of a snapshot does not match"),
        ("UPDATE parts SET number = 7 WHERE number = 3", 5, "part 7 of a snapshot does not match"),
        ("UPDATE snapshots SET parts = substr(parts, 41) WHERE seq = 10", 5, "digest does not match"),
        ("UPDATE snapshots SET parts = (SELECT parts FROM snapshots WHERE seq = 5) WHERE seq = 10", 5, "digest does"),
    ],
)
def test_a_snapshot_with_a_damaged_part_is_passed_over(
    path: Path, damage: str, start: int | None, problem: str
) -> None:
    filled(path)
    if "text" in damage:
        tamper(
            path, "CREATE TABLE loose AS SELECT * FROM parts", "DROP TABLE parts", "ALTER TABLE loose RENAME TO parts"
        )
    tamper(path, damage)
    with SqliteReader(path) as source:
        found = newest_valid(source, format_version=1)
    assert (None if found.snapshot is None else found.snapshot.seq) == start
    assert found.warnings
    assert any(problem in str(one) for one in verify(path).problems), verify(path).problems


def test_parts_go_with_the_last_snapshot_that_needs_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "STALE_A_PART", 1)
    filled(path)
    with closing(SqliteStore(path)) as journal:
        seq = entries_on(journal, 5)
        kept = journal.save_part(seq, b"more orders", kept=True)
        journal.save_snapshot(seq, 1, b"root at 15", [kept], keep=2)  # The one at 5 goes, and part 2 with it
        assert numbers(path) == [1, 2, 3, 4]
        journal.save_part(seq, b"next", kept=True)
        assert numbers(path) == [1, 3, 4, 5]


def test_what_a_crash_left_of_a_snapshot_is_cleared_away(path: Path) -> None:
    filled(path)
    with closing(SqliteStore(path)) as journal:
        seq = entries_on(journal, 5)
        for kept in (True, False):
            journal.save_part(seq, b"never finished", kept=kept)
    assert verify(path).ok
    with closing(SqliteStore(path)) as journal:
        own = journal.save_part(15, b"again", kept=False)
        journal.save_snapshot(15, 1, b"root at 15", [own], keep=3)
        assert own.number == 6
    assert numbers(path) == [1, 2, 3, 6]
    with SqliteReader(path) as source:
        assert newest_valid(source, format_version=1).snapshot.parts == (b"again",)


async def test_entries_are_committed_between_the_parts(path: Path) -> None:
    async with GroupCommitWriter(SqliteStore(path), pytest.fail) as writer:
        first = writer.append(b"first", 1)
        storing = [asyncio.ensure_future(writer.save_part(first, b"part %d" % n, kept=False)) for n in range(3)]
        await storing[0]
        second = writer.append(b"second", 2)
        refs = await asyncio.gather(*storing)
        await writer.durable(second)
        await writer.save_snapshot(first, 1, b"root", refs)
    assert verify(path).ok
    with SqliteReader(path) as source:
        found = newest_valid(source, format_version=1).snapshot
    assert (found.seq, found.parts) == (1, (b"part 0", b"part 1", b"part 2"))


async def test_the_writer_says_what_is_kept(path: Path) -> None:
    async with GroupCommitWriter(SqliteStore(path), pytest.fail) as writer:
        seq = writer.append(b"first", 1)
        kept = await writer.save_part(seq, b"old orders", kept=True)
        own = await writer.save_part(seq, b"open orders", kept=False)
        await writer.save_snapshot(seq, 1, b"root", [kept, own])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT number, kept FROM parts ORDER BY number").fetchall() == [(1, 1), (2, 0)]


def _as_version_1(path: Path) -> None:
    tamper(path, "DROP TABLE parts")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE snapshots")
        connection.execute(
            "CREATE TABLE snapshots (seq INTEGER PRIMARY KEY, format_version INTEGER NOT NULL, "
            "state BLOB NOT NULL, digest BLOB NOT NULL) STRICT"
        )
        connection.execute(schema.SCHEMA["snapshots_never_change"])
        connection.execute("INSERT INTO snapshots VALUES (3, 3, x'00', x'00')")
        connection.execute("PRAGMA user_version = 1")


def test_a_journal_of_the_version_before_is_brought_up_to_date_by_its_next_owner(path: Path) -> None:
    entries = fill(path, 5)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER parts_never_change")
    _as_version_1(path)
    with pytest.raises(JournalVersionError, match="version 1, this program writes version 2"):
        SqliteReader(path)
    SqliteStore(path).close()
    report = verify(path)
    assert report.ok, report.problems
    with SqliteReader(path) as source:
        assert source.read(1, 10) == entries
        assert source.snapshot_seqs() == []
