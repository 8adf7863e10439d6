"""Checkpoints on disk: bound to one entry of one journal, written all or nothing."""

from __future__ import annotations

import os
from pathlib import Path

from meltica.journal.port import JournalSource
from meltica.journal.reader import read_one


def place_of(source: JournalSource, sequence: int) -> bytes | None:
    """What only this entry of this journal has; None: the journal has no such entry."""
    entry = read_one(source, sequence)
    return None if entry is None else source.journal_id + entry.hash


def write(path: Path, data: bytes) -> None:
    """A reader sees the old one or the new one."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
