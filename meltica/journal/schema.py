"""The journal as a SQLite file: its tables, how it is born, how it is opened. Nobody else writes SQL that changes it.

The file identifies itself: ``application_id`` is "MLJ1" and ``user_version`` is the schema's version.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path
from typing import Final

from meltica.journal.chain import JOURNAL_ID_BYTES
from meltica.journal.errors import (
    JournalDamagedError,
    JournalError,
    JournalFailedError,
    JournalMissingError,
    JournalVersionError,
)

APPLICATION_ID: Final = 0x4D4C4A31  # "MLJ1"
SCHEMA_VERSION: Final = 2
BUSY_TIMEOUT_MS: Final = 2_000  # A reader's short lock during recovery or a person's sqlite3 shell; longer is a failure
_OLDEST_SQLITE: Final = (3, 38, 0)  # STRICT tables and JSON functions built in
_FAULTS_OF_THE_DISK: Final = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
TROUBLE: Final = (sqlite3.Error, UnicodeDecodeError)
"""What a statement raises: SQLite quotes a damaged schema, and ``sqlite3`` fails to decode what is no text."""

# Name -> statement, compared word by word by verify: a dropped trigger is a finding.
SCHEMA: Final = {
    "meta": "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "entries": (
        "CREATE TABLE entries (seq INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, "
        "payload BLOB NOT NULL, hash BLOB NOT NULL) STRICT"
    ),
    "snapshots": (
        "CREATE TABLE snapshots (seq INTEGER PRIMARY KEY, format_version INTEGER NOT NULL, "
        "state BLOB NOT NULL, parts BLOB NOT NULL, digest BLOB NOT NULL) STRICT"
    ),
    # seq: of the snapshot that it was written for. kept: later snapshots may name it too.
    "parts": (
        "CREATE TABLE parts (number INTEGER PRIMARY KEY, seq INTEGER NOT NULL, kept INTEGER NOT NULL, "
        "state BLOB NOT NULL, digest BLOB NOT NULL) STRICT"
    ),
    # INSERT OR REPLACE deletes without firing delete triggers: only the next seq may come in.
    "entries_grow_by_one": (
        "CREATE TRIGGER entries_grow_by_one BEFORE INSERT ON entries "
        "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM entries) "
        "BEGIN SELECT raise(ABORT, 'an entry must follow the last one'); END"
    ),
    "entries_never_change": (
        "CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries "
        "BEGIN SELECT raise(ABORT, 'entries are never changed'); END"
    ),
    "entries_never_go": (
        "CREATE TRIGGER entries_never_go BEFORE DELETE ON entries "
        "BEGIN SELECT raise(ABORT, 'entries are never deleted'); END"
    ),
    "snapshots_never_change": (
        "CREATE TRIGGER snapshots_never_change BEFORE UPDATE ON snapshots "
        "BEGIN SELECT raise(ABORT, 'snapshots are never changed'); END"
    ),
    "parts_never_change": (
        "CREATE TRIGGER parts_never_change BEFORE UPDATE ON parts "
        "BEGIN SELECT raise(ABORT, 'parts are never changed'); END"
    ),
    "meta_never_changes": (
        "CREATE TRIGGER meta_never_changes BEFORE UPDATE ON meta "
        "BEGIN SELECT raise(ABORT, 'meta is never changed'); END"
    ),
    "meta_never_goes": (
        "CREATE TRIGGER meta_never_goes BEFORE DELETE ON meta BEGIN SELECT raise(ABORT, 'meta is never deleted'); END"
    ),
}


def create(path: Path) -> None:
    """Born whole: built under another name and renamed, so that an empty or half-made file at ``path`` is always
    damage."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise JournalError(f"SQLite {sqlite3.sqlite_version} is too old: the journal needs 3.38 or newer")
    unborn = Path(f"{path}.new")
    for leftover in (unborn, Path(f"{unborn}-wal"), Path(f"{unborn}-shm"), Path(f"{unborn}-journal")):
        leftover.unlink(missing_ok=True)
    connection = sqlite3.connect(unborn, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA.values():
            connection.execute(statement)
        journal_id = secrets.token_bytes(JOURNAL_ID_BYTES)
        connection.execute("INSERT INTO meta VALUES ('journal_id', ?)", (journal_id,))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    unborn.rename(path)
    _sync_folder(path.parent)


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """From version 1, whose snapshots had no parts: they go, because recovery can do without them. All or nothing."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        return
    if connection.execute("PRAGMA user_version").fetchone()[0] != 1:
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DROP TABLE IF EXISTS snapshots")  # Its trigger goes with it
    for name in ("snapshots", "parts", "snapshots_never_change", "parts_never_change"):
        connection.execute(SCHEMA[name])
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def connect_writing(path: Path) -> sqlite3.Connection:
    """Commits are on the disk when they return (FULL). Checkpoints are ours to call, because SQLite's own swallow
    errors."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    for pragma in ("synchronous = FULL", "wal_autocheckpoint = 0", f"busy_timeout = {BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    """Read-only, without the owner's lock. Works beside a running gateway, and in a folder that may not be written."""
    if not path.is_file():
        raise JournalMissingError(path, "there is no such file" if not path.exists() else "it is not a file")
    uri = f"{path.absolute().as_uri()}?mode=ro"
    wal = Path(f"{path}-wal")
    # A WAL database cannot be opened where its index cannot be made; with no WAL left, the file alone is everything.
    if not os.access(path.parent, os.W_OK, effective_ids=True) and not (wal.exists() and wal.stat().st_size):
        uri += "&immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    connection.text_factory = bytearray  # Never bytes: a blob that turned into text must not pass for a blob
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def check_identity(connection: sqlite3.Connection, path: Path) -> bytes:
    """The journal's id, or a clear refusal: not a journal, another version, or damage."""
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application_id != APPLICATION_ID:
        raise JournalDamagedError(path, "it is not a Meltica journal (its application id is not MLJ1)")
    if version != SCHEMA_VERSION:
        raise JournalVersionError(path, version, SCHEMA_VERSION)
    row = connection.execute("SELECT value FROM meta WHERE key = 'journal_id'").fetchone()
    if row is None or not isinstance(row[0], bytes) or len(row[0]) != JOURNAL_ID_BYTES:
        raise JournalDamagedError(path, "its id is missing or malformed")
    return bytes(row[0])


def explained(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> JournalError:
    """Whose fault it is: the content's (damaged) or the disk's, the permissions' or a lock's (failed)."""
    if isinstance(error, UnicodeDecodeError):
        return JournalDamagedError(path, f"SQLite says: {error.object.decode(errors='backslashreplace')}")
    if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _FAULTS_OF_THE_DISK:
        return JournalFailedError(path, error)
    return JournalDamagedError(path, f"SQLite says: {error}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
