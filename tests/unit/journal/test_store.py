"""The SQLite store: what goes in comes out, nothing changes it, and only one owner writes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from meltica.journal import schema
from meltica.journal.entry import Head
from meltica.journal.errors import (
    JournalDamagedError,
    JournalFailedError,
    JournalLockedError,
    JournalMissingError,
    JournalVersionError,
)
from meltica.journal.reader import SqliteReader
from meltica.journal.store import CHECKPOINT_COMMITS, SqliteStore
from meltica.journal.verify import verify
from tests.unit.journal.filled import chained, fill, payload_of, tamper


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.journal"


def test_what_was_appended_is_there_after_reopening(path: Path) -> None:
    entries = fill(path, 250)
    with closing(SqliteStore(path)) as store:
        assert store.head() == Head(250, entries[-1].hash)
        with store.source() as source:
            assert source.read(1, 1_000) == entries


def test_a_closed_journal_is_one_file_and_its_lock(path: Path) -> None:
    fill(path, 10)
    assert sorted(file.name for file in path.parent.iterdir()) == ["orders.journal", "orders.journal.lock"]


def test_binary_and_empty_looking_payloads_come_back_as_they_were(path: Path) -> None:
    payloads = [b"\0", bytes(range(256)), b"x" * 100_000, b'"\n\\', "é€😀".encode()]
    with closing(SqliteStore(path)) as store:
        store.append(chained(store.head(), payloads))
        with store.source() as source:
            assert [entry.payload for entry in source.read(1, 10)] == payloads
    assert verify(path).ok


def test_the_wal_stays_small_over_many_commits(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        for _ in range(3 * CHECKPOINT_COMMITS):
            store.append(chained(store.head(), [payload_of(1)]))
        assert Path(f"{path}-wal").stat().st_size < 4 * 4_120 * CHECKPOINT_COMMITS


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE entries SET payload = x'00' WHERE seq = 2", "never changed"),
        ("DELETE FROM entries WHERE seq = 3", "never deleted"),
        ("DELETE FROM entries", "never deleted"),
        ("INSERT OR REPLACE INTO entries SELECT 2, time_ns, payload, hash FROM entries WHERE seq = 1", "must follow"),
        ("INSERT INTO entries SELECT 9, time_ns, payload, hash FROM entries WHERE seq = 1", "must follow"),
        ("INSERT INTO entries SELECT 4, 'noon', payload, hash FROM entries WHERE seq = 1", "cannot store TEXT"),
        ("UPDATE snapshots SET state = x'00'", "never changed"),
        ("UPDATE meta SET value = x'00'", "never changed"),
        ("DELETE FROM meta", "never deleted"),
    ],
)
def test_the_database_itself_refuses_to_change_history(path: Path, statement: str, message: str) -> None:
    fill(path, 3, snapshots_at=[2])
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        pytest.raises(sqlite3.IntegrityError, match=message),
    ):
        connection.execute(statement)
    assert verify(path).ok


def test_a_second_opener_is_told_who_owns_the_journal(path: Path) -> None:
    with closing(SqliteStore(path)):
        with pytest.raises(JournalLockedError, match=rf"in use by process {os.getpid()} on .+, started 20\d\d-"):
            SqliteStore(path)
        link = path.with_name("link")
        link.symlink_to(path)
        with pytest.raises(JournalLockedError):
            SqliteStore(link)
    SqliteStore(path).close()


def test_the_owner_may_be_another_process_and_its_death_frees_the_journal(path: Path) -> None:
    program = (
        "import sys, pathlib; from meltica.journal.store import SqliteStore; "
        "store = SqliteStore(pathlib.Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"open\n"
        with pytest.raises(JournalLockedError, match=f"process {owner.pid} "):
            SqliteStore(path)
        assert verify(path).ok  # Looking needs no lock
        owner.kill()
    SqliteStore(path).close()


def test_a_reader_sees_commits_while_the_writer_runs_but_cannot_write(path: Path) -> None:
    with closing(SqliteStore(path)) as store, store.source() as source:
        entries = chained(store.head(), [payload_of(1), payload_of(2)])
        store.append(entries)
        assert source.read(1, 10) == entries
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            source._connection.execute("INSERT INTO snapshots VALUES (1, 1, x'00', x'', x'00')")


def test_a_missing_journal_is_made_only_where_that_is_meant(path: Path) -> None:
    with pytest.raises(JournalMissingError, match="no such file"):
        SqliteStore(path, create=False)
    with pytest.raises(JournalMissingError, match="folder does not exist"):
        SqliteStore(path / "deeper")
    with pytest.raises(JournalMissingError):
        SqliteReader(path)
    SqliteStore(path).close()


def test_a_half_made_journal_of_a_killed_start_is_made_anew(path: Path) -> None:
    path.with_name(path.name + ".new").write_bytes(b"half")
    SqliteStore(path).close()
    assert verify(path).ok


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to look" * 200)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cakes (name TEXT)")


def _only_wal(path: Path) -> None:
    path.rename(f"{path}-wal")


def _changed_in_the_tail(path: Path) -> None:
    tamper(path, "UPDATE entries SET time_ns = time_ns + 1 WHERE seq = 1900")


def _gap_in_the_tail(path: Path) -> None:
    tamper(path, "DELETE FROM entries WHERE seq = 1900")


def _first_gone(path: Path) -> None:
    tamper(path, "DELETE FROM entries WHERE seq = 1")


def _cut_before_a_snapshot(path: Path) -> None:
    tamper(path, "DELETE FROM entries WHERE seq > 1500")


def _no_id(path: Path) -> None:
    tamper(path, "DELETE FROM meta")


def _schema_is_no_text(path: Path) -> None:
    content = path.read_bytes()
    assert content.count(b"CREATE TABLE entries") == 1
    path.write_bytes(content.replace(b"CREATE TABLE entries", b"CREATE \x97\xa6BLE entries"))


def _no_entries_table(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE entries")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_empty, "not a Meltica journal"),
        (_garbage, "not a database"),
        (_cut, "malformed"),
        (_foreign, "not a Meltica journal"),
        (_only_wal, "the file itself is gone"),
        (_changed_in_the_tail, "at seq 1900: its hash does not follow"),
        (_gap_in_the_tail, "at seq 1900: entries 1900 to 1900 are missing"),
        (_first_gone, "at seq 1: the first entry is missing"),
        (_cut_before_a_snapshot, "a snapshot of seq 1600 is newer than the last entry 1500"),
        (_no_id, "its id is missing"),
        (_schema_is_no_text, "malformed database schema"),
        (_no_entries_table, "no such table: entries"),
    ],
)
def test_a_damaged_journal_is_refused_with_what_where_and_what_to_do(path: Path, damage, message: str) -> None:
    fill(path, 2_000, snapshots_at=[1_600])
    damage(path)
    with pytest.raises(JournalDamagedError, match=message) as refused:
        SqliteStore(path)
    assert "Do not trade on it" in str(refused.value)
    with pytest.raises(JournalDamagedError):  # And the lock was given back
        SqliteStore(path)


def test_another_schema_version_is_refused_as_such(path: Path) -> None:
    fill(path, 1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    with pytest.raises(JournalVersionError, match="schema version 3, this program writes version 2"):
        SqliteStore(path)


def test_a_folder_in_the_files_place_is_the_disks_fault(path: Path) -> None:
    path.mkdir()
    with pytest.raises(JournalFailedError, match="unable to open"):
        SqliteStore(path)


def test_a_journal_can_be_read_from_a_folder_that_may_not_be_written(path: Path) -> None:
    entries = fill(path, 20)
    folder = Path("/tmp") / f"meltica-readonly-{os.getpid()}"  # tmp_path is closed to other users
    folder.mkdir()
    try:
        copy = Path(shutil.copy(path, folder / "copy"))
        copy.chmod(0o444)
        folder.chmod(0o555)
        was = os.geteuid()
        if was == 0:
            os.seteuid(65_534)  # Root may write anywhere, so be nobody for a moment
        try:
            assert verify(copy).ok
            with SqliteReader(copy) as source:
                assert source.read(1, 100) == entries
        finally:
            os.seteuid(was)
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
