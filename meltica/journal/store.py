"""The journal in one SQLite file: WAL, every commit flushed, one owner."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from meltica.journal import schema, snapshots
from meltica.journal.entry import Entry, Head
from meltica.journal.errors import JournalDamagedError, JournalFailedError, JournalMissingError
from meltica.journal.lock import OwnerLock
from meltica.journal.port import PartRef
from meltica.journal.reader import SqliteReader, entries

TAIL_CHECKED: Final = 1_000  # Entries whose chain is checked before the first write; verify checks all of them
CHECKPOINT_COMMITS: Final = 500  # Small commits cost 2 to 4 pages each in the WAL: about 8 MB between checkpoints
CHECKPOINT_BYTES: Final = 4 << 20
STALE_A_PART: Final = 4  # Parts of dropped snapshots that go with each new part: more would hold up the commits

# One statement and one step per commit, whatever its size: sqlite3 lets go of the GIL at each step, and beside a
# busy event loop each return costs up to a whole switch interval (5 ms). 64 rows with executemany were 20 to 40
# times slower there. The index is JSON [[time_ns, payload's first byte (from 1), its length], ...]; payloads and
# hashes are end to end.
_APPEND: Final = """
INSERT INTO entries
SELECT :first_seq + key, json_extract(value, '$[0]'),
       substr(:payloads, json_extract(value, '$[1]'), json_extract(value, '$[2]')), substr(:hashes, 32 * key + 1, 32)
FROM json_each(:index)
"""


class SqliteStore:
    """A ``JournalStore``. The connection that writes is opened by the first thread that writes, and stays in it.

    Opening takes the owner's lock (JournalLockedError names who has it), moves everything that a crash left in
    the WAL into the file and flushes it (after a failed flush the WAL in the page cache may be newer than the one
    on the disk), and checks the tail. A damaged journal is refused (JournalDamagedError): nothing is repaired
    behind the operator's back.
    """

    def __init__(
        self,
        path: Path,
        *,
        create: bool = True,
        checkpoint_commits: int = CHECKPOINT_COMMITS,
        checkpoint_bytes: int = CHECKPOINT_BYTES,
    ) -> None:
        self.path = path.resolve()  # Two links to one journal are one journal, and have one lock
        if not self.path.parent.is_dir():
            raise JournalMissingError(self.path, "its folder does not exist")
        try:
            self._lock = OwnerLock(self.path)
        except OSError as error:
            raise JournalFailedError(self.path, error) from error
        self._connection: sqlite3.Connection | None = None
        self._guard: sqlite3.Connection | None = None
        self._checkpoint_at = checkpoint_commits, checkpoint_bytes
        self._commits_in_wal = self._bytes_in_wal = 0
        self._next_part = 1
        self._stale: deque[int] = deque()
        """Parts that no snapshot needs any more."""
        try:
            self._prepare(create=create)
            self._journal_id, self._head = _checked_tail(self.path)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, schema.TROUBLE):
                raise schema.explained(error, self.path) from error
            if isinstance(error, OSError):
                raise JournalFailedError(self.path, error) from error
            raise

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def journal_id(self) -> bytes:
        return self._journal_id

    def head(self) -> Head:
        return self._head

    def append(self, entries: Sequence[Entry]) -> None:
        index, first_byte = [], 1
        for entry in entries:
            index.append(f"[{entry.time_ns},{first_byte},{len(entry.payload)}]")
            first_byte += len(entry.payload)
        payloads = b"".join([entry.payload for entry in entries])
        hashes = b"".join([entry.hash for entry in entries])
        arguments = {
            "first_seq": entries[0].seq,
            "index": f"[{','.join(index)}]",
            "payloads": payloads,
            "hashes": hashes,
        }
        self._writing().execute(_APPEND, arguments)  # Autocommit: the statement is the transaction
        self._head = Head(entries[-1].seq, entries[-1].hash)
        self._wrote(len(payloads))

    def save_part(self, seq: int, state: bytes, *, kept: bool) -> PartRef:
        connection, number = self._writing(), self._next_part
        digest = snapshots.part_digest(number, state)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?)", (number, seq, int(kept), state, digest))
        for _ in range(min(STALE_A_PART, len(self._stale))):
            connection.execute("DELETE FROM parts WHERE number = ?", (self._stale.popleft(),))
        connection.execute("COMMIT")
        self._next_part += 1
        self._wrote(len(state))
        return PartRef(number, digest)

    def save_snapshot(
        self, seq: int, format_version: int, state: bytes, parts: Sequence[PartRef] = (), *, keep: int
    ) -> None:
        connection = self._writing()
        row = connection.execute("SELECT hash FROM entries WHERE seq = ?", (seq,)).fetchone()
        if row is None:
            raise JournalDamagedError(self.path, "a snapshot was taken of an entry that is not stored", seq)
        names = snapshots.listed(parts)
        digest = snapshots.digest(seq, format_version, row[0], names, state)
        connection.execute("BEGIN IMMEDIATE")
        # The same state again, after a replay: the newer bytes win
        connection.execute("DELETE FROM snapshots WHERE seq = ?", (seq,))
        connection.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)", (seq, format_version, state, names, digest))
        connection.execute(
            "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)", (keep,)
        )
        connection.execute("COMMIT")
        self._find_stale(connection)
        self._checkpoint()

    def source(self) -> SqliteReader:
        return SqliteReader(self.path)

    def close(self) -> None:
        """Moves the WAL into the file and leaves the file alone on the disk. Idempotent."""
        if self._guard is not None:
            self._guard.close()
        if self._connection is not None:
            self._connection.close()
        self._guard = self._connection = None
        self._lock.release()

    def abandon(self) -> None:
        """As ``close``, but SQLite's checkpoint at closing time does not happen: only the last connection makes it, and
        the last one is the guard, which cannot write."""
        if self._connection is not None:
            self._connection.close()
        if self._guard is not None:
            self._guard.close()
        self._guard = self._connection = None
        self._lock.release()

    def _prepare(self, *, create: bool) -> None:
        if not self.path.exists():
            if not create:
                raise JournalMissingError(self.path)
            if Path(f"{self.path}-wal").exists():
                raise JournalDamagedError(self.path, "its WAL is there but the file itself is gone")
            schema.create(self.path)
        connection = schema.connect_writing(self.path)
        try:
            schema.bring_up_to_date(connection)
            schema.check_identity(connection, self.path)
            _, in_wal, moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if in_wal != moved:  # A reader kept it from the end for BUSY_TIMEOUT_MS
                raise JournalFailedError(self.path, TimeoutError("another process reads it and does not let go"))
        finally:
            connection.close()

    def _writing(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = schema.connect_writing(self.path)
            self._guard = schema.connect_reading(self.path)
            self._guard.execute("SELECT 1 FROM meta").fetchone()  # Its shared lock on the file is what guards
            (last,) = self._connection.execute("SELECT max(number) FROM parts").fetchone()
            self._next_part = (last or 0) + 1
            self._find_stale(self._connection)
        return self._connection

    def _find_stale(self, connection: sqlite3.Connection) -> None:
        """Parts of snapshots that were dropped, and of one that a crash left without its end."""
        sql = (
            "SELECT number FROM parts WHERE seq NOT IN (SELECT seq FROM snapshots) "
            "AND (kept = 0 OR seq > (SELECT coalesce(max(seq), 0) FROM snapshots)) ORDER BY number"
        )
        self._stale = deque(number for (number,) in connection.execute(sql).fetchall())

    def _wrote(self, size_bytes: int) -> None:
        self._commits_in_wal += 1
        self._bytes_in_wal += size_bytes
        commits, size = self._checkpoint_at
        if self._commits_in_wal >= commits or self._bytes_in_wal >= size:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Raises on a failed write or flush. A reader in its way is no failure: what it holds back is moved next
        time."""
        self._writing().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        self._commits_in_wal = self._bytes_in_wal = 0


def _checked_tail(path: Path) -> tuple[bytes, Head]:
    """The journal's id and its head, when the first entry, the last ``TAIL_CHECKED`` and the snapshots fit together."""
    with SqliteReader(path) as source:
        head = source.head()
        if head.seq and source.read(1, 1)[0].seq != 1:
            raise JournalDamagedError(path, "the first entry is missing", 1)
        last = Head(0, head.hash)
        for entry in entries(source, first_seq=max(1, head.seq - TAIL_CHECKED + 1)):
            last = Head(entry.seq, entry.hash)
        if last != head:
            raise JournalDamagedError(path, f"reading it in order ends at {last.seq}, its head is {head.seq}", last.seq)
        ahead = [seq for seq in source.snapshot_seqs() if seq > head.seq]
        if ahead:
            raise JournalDamagedError(path, f"a snapshot of seq {ahead[0]} is newer than the last entry {head.seq}")
        return source.journal_id, head
