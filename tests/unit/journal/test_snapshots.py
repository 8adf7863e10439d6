"""Recovery starts at the newest snapshot that can be trusted, and says what it passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from meltica.journal.reader import SqliteReader
from meltica.journal.snapshots import StartingPoint, newest_valid
from meltica.journal.verify import verify
from tests.unit.journal.filled import fill, tamper


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    fill(path, 30, snapshots_at=[10, 20, 30])
    return path


def start(path: Path, format_version: int = 1) -> StartingPoint:
    with SqliteReader(path) as source:
        return newest_valid(source, format_version=format_version)


def test_the_newest_is_taken(path: Path) -> None:
    found = start(path)
    assert (found.snapshot.seq, found.snapshot.state, found.next_seq, found.warnings) == (30, b"state at 30", 31, ())


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE snapshots SET state = CAST(state || x'00' AS BLOB) WHERE seq = 30",
        "UPDATE snapshots SET digest = zeroblob(32) WHERE seq = 30",
        "UPDATE snapshots SET state = (SELECT state FROM snapshots WHERE seq = 20) WHERE seq = 30",
        "UPDATE entries SET hash = zeroblob(32) WHERE seq = 30",
    ],
)
def test_a_damaged_one_is_passed_over_with_a_warning(path: Path, damage: str) -> None:
    tamper(path, damage)
    found = start(path)
    assert (found.snapshot.seq, found.snapshot.state) == (20, b"state at 20")
    assert found.warnings == ("snapshot 30 passed over: its digest does not match",)
    assert not verify(path).ok


def test_one_moved_to_another_entry_is_passed_over(path: Path) -> None:
    tamper(path, "UPDATE snapshots SET seq = 25 WHERE seq = 30")
    assert start(path).snapshot.seq == 20
    tamper(path, "UPDATE snapshots SET seq = 99 WHERE seq = 25")
    assert start(path).warnings == ("snapshot 99 passed over: the entry it was taken at is missing",)


def test_another_format_is_passed_over_down_to_genesis(path: Path) -> None:
    found = start(path, format_version=2)
    assert (found.snapshot, found.next_seq, len(found.warnings)) == (None, 1, 3)
    assert found.warnings[0] == "snapshot 30 passed over: its format is 1, this program reads 2"


def test_no_snapshot_means_genesis(tmp_path: Path) -> None:
    fill(tmp_path / "new", 0)
    assert start(tmp_path / "new") == StartingPoint(None, ())
