"""The judge of journals: nothing that changes what is stored gets past it, and no file makes it raise."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meltica.journal.chain import genesis_hash
from meltica.journal.entry import Entry, Head
from meltica.journal.store import SqliteStore
from meltica.journal.verify import MAX_PROBLEMS, verify
from tests.unit.journal.filled import FIRST_TIME_NS, chained, fill, payload_of, tamper

COUNT = 60
# print_blob, and the falsifying example itself, are hypothesis' way to print the seed
FUZZ = settings(max_examples=150, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Entry]]:
    """The bytes of a small sound journal, and what is in it."""
    path = tmp_path_factory.mktemp("sound") / "journal"
    entries = fill(path, COUNT, snapshots_at=[20, 40])
    return path.read_bytes(), entries


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tampered")


def copy_of(sound: tuple[bytes, list[Entry]], folder: Path) -> Path:
    path = folder / "journal"
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.write_bytes(sound[0])
    return path


def test_a_sound_journal_is_reported_whole(sound, tmp_path: Path) -> None:
    report = verify(copy_of(sound, tmp_path))
    last = sound[1][-1]
    assert report.ok
    assert (report.entries, report.snapshots, report.head) == (COUNT, 2, Head(COUNT, last.hash))
    assert (report.first_time_ns, report.last_time_ns) == (FIRST_TIME_NS + 1, FIRST_TIME_NS + COUNT)


def test_a_new_journal_is_sound(tmp_path: Path) -> None:
    fill(tmp_path / "journal", 0)
    report = verify(tmp_path / "journal")
    assert (report.ok, report.entries, report.head.seq, report.first_time_ns) == (True, 0, 0, None)


@FUZZ
@given(row=st.integers(1, COUNT), column=st.sampled_from(["time_ns", "payload", "hash", "seq"]), data=st.data())
def test_one_flipped_bit_in_any_row_is_found(sound, folder: Path, row: int, column: str, data: st.DataObject) -> None:
    path = copy_of(sound, folder)
    entry = sound[1][row - 1]
    value: int | bytes
    if column in ("time_ns", "seq"):
        value = getattr(entry, column) ^ 1 << data.draw(st.integers(0, 62), label="bit")
    else:
        changed = bytearray(getattr(entry, column))
        bit = data.draw(st.integers(0, 8 * len(changed) - 1), label="bit")
        changed[bit // 8] ^= 1 << bit % 8
        value = bytes(changed)
    if column == "seq" and 1 <= value <= COUNT:  # That place is taken: the two change places
        tamper(
            path,
            f"UPDATE entries SET seq = -1 WHERE seq = {row}",
            f"UPDATE entries SET seq = {row} WHERE seq = {value}",
            f"UPDATE entries SET seq = {value} WHERE seq = -1",
        )
    else:
        tamper(path, (f"UPDATE entries SET {column} = ? WHERE seq = ?", (value, row)))
    report = verify(path)
    assert not report.ok
    if column != "seq":
        assert report.problems[0].seq == row


@FUZZ
@given(row=st.integers(1, COUNT - 1))
def test_a_removed_entry_is_found_where_it_was(sound, folder: Path, row: int) -> None:
    path = copy_of(sound, folder)
    tamper(path, f"DELETE FROM entries WHERE seq = {row}")
    assert str(verify(path).problems[0]).startswith(f"seq {row + 1}: {row} should come here")


@FUZZ
@given(row=st.integers(1, COUNT - 1))
def test_a_removed_entry_is_found_when_the_later_ones_move_up(sound, folder: Path, row: int) -> None:
    path = copy_of(sound, folder)
    tamper(
        path,
        f"DELETE FROM entries WHERE seq = {row}",
        f"UPDATE entries SET seq = -seq WHERE seq > {row}",
        "UPDATE entries SET seq = -seq - 1 WHERE seq < 0",
    )
    report = verify(path)
    assert report.problems[0].seq == row
    assert report.entries == COUNT - 1


@FUZZ
@given(row=st.integers(1, COUNT), payload=st.binary(min_size=1, max_size=50))
def test_an_inserted_entry_is_found(sound, folder: Path, row: int, payload: bytes) -> None:
    path = copy_of(sound, folder)
    tamper(
        path,
        f"UPDATE entries SET seq = -seq WHERE seq >= {row}",
        "UPDATE entries SET seq = -seq + 1 WHERE seq < 0",
        ("INSERT INTO entries VALUES (?, ?, ?, ?)", (row, 7, payload, sound[1][row - 1].hash)),
    )
    assert verify(path).problems[0].seq == row


@FUZZ
@given(pair=st.lists(st.integers(1, COUNT), min_size=2, max_size=2, unique=True))
def test_swapped_entries_are_found(sound, folder: Path, pair: list[int]) -> None:
    path = copy_of(sound, folder)
    first, second = (sound[1][row - 1] for row in sorted(pair))
    change = "UPDATE entries SET time_ns = ?, payload = ?, hash = ? WHERE seq = ?"
    tamper(path, (change, (*second[1:], first.seq)), (change, (*first[1:], second.seq)))
    assert verify(path).problems[0].seq == first.seq


def stored(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytearray
        return connection.execute("SELECT seq, time_ns, payload, hash FROM entries ORDER BY seq").fetchall()


@settings(FUZZ, max_examples=400)
@given(data=st.data())
def test_one_flipped_bit_anywhere_in_the_file_is_found_or_harmless(sound, folder: Path, data: st.DataObject) -> None:
    """Not every bit of a database file means something. Those that do are found; the others change no entry."""
    path = copy_of(sound, folder)
    bit = data.draw(st.integers(0, 8 * len(sound[0]) - 1), label="bit")
    changed = bytearray(sound[0])
    changed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(changed)
    if verify(path).ok:
        assert stored(path) == [tuple(entry) for entry in sound[1]]


def test_a_last_entry_that_hides_behind_a_smaller_seq_is_missed(sound, tmp_path: Path) -> None:
    """The last row's key becomes 28, by one bit in the file: a walk up to the largest key would never meet it."""
    path = copy_of(sound, tmp_path)
    changed = bytearray(sound[0])
    # SQLite's cell: size, key, record header (its size, NULL for the key, int64, two blobs), time, payload
    key_at = changed.index(sound[1][-1].payload) - 8 - 5 - 1
    assert changed[key_at] == COUNT
    changed[key_at] ^= 32
    path.write_bytes(changed)
    assert "entries are stored" in " ".join(map(str, verify(path).problems))


@settings(FUZZ, max_examples=200)
@given(data=st.data())
def test_no_file_makes_it_raise_or_pass(sound, folder: Path, data: st.DataObject) -> None:
    """Cut anywhere, overwritten anywhere, or plain garbage."""
    path = copy_of(sound, folder)
    size = len(sound[0])
    kind = data.draw(st.sampled_from(["cut", "overwrite", "garbage", "header and garbage"]))
    if kind == "cut":
        path.write_bytes(sound[0][: data.draw(st.integers(0, size - 1))])
    elif kind == "overwrite":
        start = data.draw(st.integers(0, size - 1))
        noise = data.draw(st.binary(min_size=16, max_size=2_000))
        path.write_bytes((sound[0][:start] + noise + sound[0][start + len(noise) :])[:size])
    else:
        head = sound[0][:100] if kind.startswith("header") else b""
        path.write_bytes(head + data.draw(st.binary(max_size=9_000)))
    report = verify(path)
    assert all(str(problem) for problem in report.problems)
    if report.ok:
        assert stored(path) == [tuple(entry) for entry in sound[1]]


def test_truncation_of_the_tail_needs_the_anchor(sound, tmp_path: Path) -> None:
    path = copy_of(sound, tmp_path)
    anchor = verify(path).head
    tamper(path, "DELETE FROM snapshots", "DELETE FROM entries WHERE seq > 50")
    assert verify(path).ok
    report = verify(path, expected_head=anchor)
    assert str(report.problems[0]) == ("seq 60: the expected head is not in this journal: it was cut off or rewritten")


def test_a_whole_rewrite_needs_the_anchor(sound, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fill(path, COUNT)
    anchor = verify(path).head
    with closing(SqliteStore(path)) as store, store.source() as source:
        genesis = Head(0, genesis_hash(source.journal_id))
        forged = chained(genesis, [payload_of(seq).replace(b"filled", b"stolen") for seq in range(1, COUNT + 1)])
    change = "UPDATE entries SET payload = ?, hash = ? WHERE seq = ?"
    tamper(path, *[(change, (entry.payload, entry.hash, entry.seq)) for entry in forged])
    assert verify(path).ok
    assert not verify(path, expected_head=anchor).ok


def test_an_anchor_stays_good_while_the_journal_grows(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fill(path, 0)
    anchors = [verify(path).head]
    with closing(SqliteStore(path)) as store:
        for _ in range(3):
            store.append(chained(store.head(), [b"x", b"y"]))
            anchors.append(store.head())
    assert all(verify(path, expected_head=anchor).ok for anchor in anchors)
    assert not verify(path, expected_head=Head(3, bytes(32))).ok


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (["DROP TRIGGER entries_never_go"], "the schema's 'entries_never_go' is missing"),
        (["CREATE TABLE extra (x)"], "the schema's 'extra' is not ours"),
        (["CREATE VIEW more AS SELECT * FROM entries"], "the schema's 'more' is not ours"),
        (["DROP TABLE entries"], "the schema's 'entries' is missing"),
        (["DROP TABLE snapshots"], "the schema's 'snapshots' is missing"),
        (["DROP TRIGGER meta_never_goes", "DELETE FROM meta"], "the chain has no beginning"),
        (
            ["DROP TRIGGER meta_never_changes", "UPDATE meta SET value = randomblob(16)"],
            "its hash does not follow",
        ),
        (["PRAGMA user_version = 7"], "its schema version is 7"),
        (["PRAGMA application_id = 7"], "not a Meltica journal"),
        (
            ["DROP TRIGGER entries_grow_by_one", "INSERT INTO entries VALUES (-5, 1, x'00', x'00')"],
            "its seq or time is negative",
        ),
    ],
)
def test_a_changed_database_is_named(sound, tmp_path: Path, statements: list[str], reason: str) -> None:
    path = copy_of(sound, tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    assert any(reason in str(problem) for problem in verify(path).problems)


def test_values_of_types_that_no_journal_writes_are_named(sound, tmp_path: Path) -> None:
    path = copy_of(sound, tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table in ("entries", "snapshots"):
            connection.execute(f"CREATE TABLE loose AS SELECT * FROM {table}")
            connection.execute(f"DROP TABLE {table}")
            connection.execute(f"ALTER TABLE loose RENAME TO {table}")
        connection.execute("UPDATE entries SET payload = CAST(payload AS TEXT) WHERE seq = 3")
        connection.execute("UPDATE entries SET time_ns = 'noon' WHERE seq = 4")
        connection.execute("UPDATE entries SET hash = NULL WHERE seq = 5")
        connection.execute("UPDATE snapshots SET state = 'text', format_version = NULL")
    report = verify(path)
    wrong = [problem.seq for problem in report.problems if "a type that no journal writes" in problem.reason]
    assert wrong == [3, 4, 5]


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "pipe"])
def test_what_is_no_file_at_all_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "journal"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    reason = {"missing": "no such file", "folder": "not a file", "empty": "the file is empty", "pipe": "not a file"}
    assert reason[kind] in str(verify(path).problems[0])


def test_a_ruined_journal_gives_a_bounded_report(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fill(path, 500)
    tamper(path, "UPDATE entries SET time_ns = 1")
    report = verify(path)
    assert (len(report.problems), report.problems_left_out, report.entries) == (MAX_PROBLEMS, 400, 500)
