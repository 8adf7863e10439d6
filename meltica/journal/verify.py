"""The judge: walks a journal from genesis and says everything that is wrong with it.

It computes the chain in its own words (``chain.py`` has the exact definition) so that one bug cannot hide in
both. Nothing that a file can contain makes it raise.

What it finds: any changed bit in any entry (payload, time, seq, hash), an entry removed, inserted, swapped or
repeated, a damaged or transplanted snapshot, a dropped trigger, a damaged or foreign file. What it cannot find
alone: entries cut off the end (a shorter chain is a good chain), or a whole log rewritten with a new chain. For
that, keep the head (seq and hash) somewhere that the journal's owner cannot write, and pass it as
``expected_head``: the journal must still contain exactly that entry.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from meltica.journal import schema
from meltica.journal.entry import Head
from meltica.journal.errors import JournalError

MAX_PROBLEMS: Final = 100  # A ruined file has millions; the first hundred tell the story, the rest are counted
_BATCH: Final = 1_024
_UNREADABLE: Final = (sqlite3.Error, OSError, MemoryError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Problem:
    """``seq`` is where, or None when it concerns the file; ``reason`` is a sentence."""

    seq: int | None
    reason: str

    def __str__(self) -> str:
        return self.reason if self.seq is None else f"seq {self.seq}: {self.reason}"


@dataclass(slots=True)
class Report:
    """What was read and what is wrong. ``ok`` is the verdict; ``head`` is what to keep as an anchor."""

    path: Path
    journal_id: bytes | None = None
    entries: int = 0
    first_time_ns: int | None = None
    last_time_ns: int | None = None
    head: Head | None = None
    snapshots: int = 0
    problems: list[Problem] = field(default_factory=list)
    problems_left_out: int = 0

    @property
    def ok(self) -> bool:
        return not self.problems

    def add(self, seq: int | None, reason: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(seq, reason))
        else:
            self.problems_left_out += 1


def verify(path: Path, *, expected_head: Head | None = None) -> Report:
    """Reads every entry and snapshot that was stored when it began. Works beside a running gateway, without its
    lock."""
    report = Report(path)
    try:
        connection = schema.connect_reading(path)
    except (JournalError, *_UNREADABLE) as error:
        report.add(None, f"cannot be opened: {error}")
        return report
    try:
        _Walk(connection, report).run(expected_head)
    except _UNREADABLE as error:
        report.add(None, f"cannot be read on from here ({report.entries} entries were read): {error}")
    finally:
        connection.close()
    return report


class _Walk:
    def __init__(self, connection: sqlite3.Connection, report: Report) -> None:
        self._connection = connection
        self._report = report
        self._snapshot_anchors: dict[int, bytes | None] = {}  # seq -> hash of that entry, filled on the way
        self._parts: set[bytes] = set()  # Number and digest of those that are sound

    def run(self, expected_head: Head | None) -> None:
        if self._report.path.stat().st_size == 0:
            self._report.add(None, "the file is empty")
            return
        if not self._check_file():
            return
        stored_id = self._one("SELECT value FROM meta WHERE key = 'journal_id'")
        if not isinstance(stored_id, bytes) or len(stored_id) != 16:  # noqa: PLR2004 - as documented in chain.py
            self._report.add(None, "the journal's id is missing or malformed, so the chain has no beginning")
            return
        self._report.journal_id = stored_id
        last_seq, stored_entries, snapshot_seqs = self._extent()
        self._snapshot_anchors = dict.fromkeys(snapshot_seqs)
        genesis = sha256(b"meltica.journal.genesis.v1\x00" + stored_id).digest()
        self._report.head = Head(0, genesis)
        self._walk_entries(genesis, last_seq, expected_head)
        if self._report.entries != stored_entries:
            self._report.add(None, f"{stored_entries} entries are stored, {self._report.entries} can be read in order")
        self._check_parts()
        for seq in snapshot_seqs:
            self._check_snapshot(seq)
        for (finding,) in self._connection.execute("PRAGMA quick_check(10)").fetchall():
            if bytes(finding) != b"ok":
                self._report.add(None, f"SQLite's own check: {bytes(finding).decode(errors='replace')}")

    def _check_file(self) -> bool:
        """False when there is no sense in reading on."""
        application_id = self._one("PRAGMA application_id")
        if application_id != schema.APPLICATION_ID:
            self._report.add(None, "it is not a Meltica journal (its application id is not MLJ1)")
            return False
        version = self._one("PRAGMA user_version")
        if version != schema.SCHEMA_VERSION:
            self._report.add(None, f"its schema version is {version}, this program knows {schema.SCHEMA_VERSION}")
            return False
        rows = self._connection.execute("SELECT name, sql FROM sqlite_schema").fetchall()
        found = {_text(name): _text(sql) for name, sql in rows if sql is not None}
        for name in schema.SCHEMA.keys() | found.keys():
            if found.get(name) != schema.SCHEMA.get(name):
                what = "missing" if name not in found else "changed" if name in schema.SCHEMA else "not ours"
                self._report.add(None, f"the schema's {name!r} is {what}")
        return found.keys() >= {"entries", "meta", "snapshots", "parts"}

    def _extent(self) -> tuple[int, int, list[int]]:
        """Last seq, number of entries and snapshots of one moment: a running gateway's later ones do not count."""
        self._connection.execute("BEGIN")
        last_seq = self._one("SELECT max(seq) FROM entries")
        stored_entries = self._one("SELECT count(*) FROM entries")
        seqs = [row[0] for row in self._connection.execute("SELECT seq FROM snapshots ORDER BY seq").fetchall()]
        self._connection.execute("COMMIT")
        return last_seq or 0, stored_entries, seqs

    def _walk_entries(self, genesis: bytes, last_seq: int, expected_head: Head | None) -> None:
        previous, expected_seq = genesis, 1
        anchored = expected_head is None or (expected_head.seq == 0 and expected_head.hash == genesis)
        sql = "SELECT seq, time_ns, payload, hash FROM entries WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT ?"
        position = -(2**63)  # Below 1 there must be nothing, so look there too
        while batch := self._connection.execute(sql, (position, last_seq, _BATCH)).fetchall():
            for row in batch:
                previous = self._check_entry(row, previous, expected_seq)
                expected_seq = row[0] + 1
                anchored = anchored or (row[0], previous) == expected_head
            if expected_seq <= position:
                self._report.add(
                    expected_seq, "the entries are stored out of order, so nothing after this can be trusted"
                )
                return
            position = expected_seq
        if expected_seq - 1 != last_seq:
            self._report.add(expected_seq, f"reading in order ends here, but the last entry is {last_seq}")
        if not anchored and expected_head is not None:
            self._report.add(expected_head.seq, "the expected head is not in this journal: it was cut off or rewritten")

    def _check_entry(self, row: tuple[Any, ...], previous: bytes, expected_seq: int) -> bytes:
        """The hash to go on with: the stored one, so that one damaged entry is one problem and not a million."""
        seq, time_ns, payload, stored = row
        report = self._report
        if seq != expected_seq:
            report.add(seq, f"{expected_seq} should come here: entries are missing, repeated or out of order")
        if not (isinstance(time_ns, int) and isinstance(payload, bytes) and isinstance(stored, bytes)):
            report.add(seq, "a column has a type that no journal writes")
        elif not (0 <= time_ns < 2**63 and seq > 0):
            report.add(seq, "its seq or time is negative")
        else:
            text = previous + seq.to_bytes(8, "big") + time_ns.to_bytes(8, "big") + payload
            if sha256(text).digest() != stored:
                report.add(seq, "its hash does not follow from its content and the entry before it")
        report.entries += 1
        if isinstance(time_ns, int):
            report.first_time_ns = time_ns if report.first_time_ns is None else report.first_time_ns
            report.last_time_ns = time_ns
        if not isinstance(stored, bytes):
            return previous
        report.head = Head(seq, stored)
        if seq in self._snapshot_anchors:
            self._snapshot_anchors[seq] = stored
        return stored

    def _check_parts(self) -> None:
        """Each by itself; a snapshot only names them."""
        numbers = [row[0] for row in self._connection.execute("SELECT number FROM parts ORDER BY number").fetchall()]
        for number in numbers:
            row = self._connection.execute("SELECT state, digest FROM parts WHERE number = ?", (number,)).fetchone()
            if row is None:  # Pruned by the running gateway since we began
                continue
            state, stored = row
            whole = number > 0 and isinstance(state, bytes)
            if (
                not whole
                or sha256(b"meltica.journal.part.v1\x00" + number.to_bytes(8, "big") + state).digest() != stored
            ):
                self._report.add(None, f"part {number} of a snapshot does not match its digest")
                continue
            self._parts.add(number.to_bytes(8, "big") + stored)

    def _check_snapshot(self, seq: int) -> None:
        sql = "SELECT format_version, state, parts, digest FROM snapshots WHERE seq = ?"
        row = self._connection.execute(sql, (seq,)).fetchone()
        if row is None:  # Pruned by the running gateway since we began
            return
        self._report.snapshots += 1
        version, state, parts, stored = row
        anchor = self._snapshot_anchors.get(seq)
        if anchor is None:
            self._report.add(seq, "a snapshot was taken at an entry that is not there")
            return
        whole = (
            isinstance(version, int) and 0 <= version < 2**63 and isinstance(state, bytes) and isinstance(parts, bytes)
        )
        text = b"meltica.journal.snapshot.v2\x00" + seq.to_bytes(8, "big")
        if whole:
            text += version.to_bytes(8, "big") + anchor + len(parts).to_bytes(8, "big") + parts + state
        if not whole or sha256(text).digest() != stored:
            self._report.add(seq, "the snapshot's digest does not match: recovery will pass it over")
        elif any(parts[at : at + 40] not in self._parts for at in range(0, len(parts), 40)):
            self._report.add(seq, "a part of the snapshot is missing: recovery will pass it over")

    def _one(self, sql: str) -> Any:
        row = self._connection.execute(sql).fetchone()
        return None if row is None else row[0]


def _text(value: object) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | bytearray) else repr(value)
