"""Reading in order, one, the end; and never past damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from meltica.journal import reader
from meltica.journal.errors import JournalDamagedError
from meltica.journal.reader import SqliteReader, entries, read_one, tail
from tests.unit.journal.filled import fill, tamper


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_entries_come_in_order_across_batches(path: Path) -> None:
    written = fill(path, 2 * reader.READ_BATCH + 5)
    with SqliteReader(path) as source:
        assert list(entries(source)) == written
        first, last = reader.READ_BATCH - 3, reader.READ_BATCH + 9
        assert list(entries(source, first_seq=first, last_seq=last)) == written[first - 1 : last]
        assert list(entries(source, first_seq=len(written) + 1)) == []


def test_one_entry_and_the_tail(path: Path) -> None:
    written = fill(path, 10)
    with SqliteReader(path) as source:
        assert read_one(source, 7) == written[6]
        assert read_one(source, 11) is None
        assert tail(source, 3) == written[-3:]
        assert tail(source, 99) == written
        assert tail(source, 0) == []


def test_an_empty_journal_has_no_entries(path: Path) -> None:
    fill(path, 0)
    with SqliteReader(path) as source:
        assert (list(entries(source)), tail(source, 5), source.head().seq) == ([], [], 0)


def collect(source: SqliteReader, seen: list[int]) -> None:
    for entry in entries(source):
        seen.append(entry.seq)  # noqa: PERF401 - what came before an error is wanted


@pytest.mark.parametrize(
    ("damage", "seq"),
    [
        ("UPDATE entries SET payload = CAST(payload || x'20' AS BLOB) WHERE seq = 1500", 1_500),
        ("UPDATE entries SET hash = zeroblob(32) WHERE seq = 1500", 1_500),
        ("DELETE FROM entries WHERE seq = 1500", 1_500),
        ("DELETE FROM entries WHERE seq = 1", 1),
    ],
)
def test_iteration_stops_at_the_first_damage(path: Path, damage: str, seq: int) -> None:
    fill(path, 2_000)
    tamper(path, damage)
    with SqliteReader(path) as source:
        seen: list[int] = []
        with pytest.raises(JournalDamagedError, match=f"at seq {seq}:"):
            collect(source, seen)
        assert seen == list(range(1, seq))


def test_a_start_whose_predecessor_is_gone_is_refused(path: Path) -> None:
    fill(path, 20)
    tamper(path, "DELETE FROM entries WHERE seq = 10")
    with SqliteReader(path) as source, pytest.raises(JournalDamagedError, match="before the first one asked for"):
        list(entries(source, first_seq=11))
