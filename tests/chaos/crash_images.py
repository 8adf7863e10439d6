"""What the disk may hold after a power loss at any write of a recorded run, and what recovery makes of it.

The run is a gateway's day under ``journal_shim.c``. For each crash point the disk is built anew: what was flushed is
there, of what was not some sectors are kept, some lost, some torn, in any mixture. Then the journal is opened as a
gateway would, and judged against an oracle that absorbed the run's entries one by one:

- nothing that the gateway acted on is lost: the journal reaches at least the last seq that was acknowledged;
- the chain verifies from genesis, and its head is one that the run had;
- the recovered engine has the digest that the oracle had at that seq, whichever snapshot recovery began with.

Many images differ in bytes that count for nothing. What was made of a journal file (after SQLite moved the WAL into it)
is therefore remembered by the file's SHA-256, and the engine is recovered once for each head and snapshot.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from meltica.app.recovery import recover
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS
from meltica.domain.errors import MelticaError
from meltica.domain.inputs import decode_record
from meltica.engine.engine import Engine
from meltica.engine.snapshot import saving, snapshot
from meltica.journal.entry import Head
from meltica.journal.reader import SqliteReader, entries
from meltica.journal.snapshots import newest_valid
from meltica.journal.store import SqliteStore
from meltica.journal.verify import verify
from tests.chaos.engine_victim import fresh_gate
from tests.chaos.journal_disk import REPOSITORY, DiskFile, Event, read_trace


@dataclass
class Run:
    """What the disk held before, what was done to it, and what was on it at the end, entry by entry."""

    before: bytes
    events: list[Event]
    digests: dict[int, tuple[bytes, str]]
    """Seq -> the chain's hash there, and the digest of the engine that absorbed all up to it."""


def recorded(folder: Path, shim: Path, orders: int, seed: int, *extra: str) -> Run:
    """Two lives: a short one that makes the journal, and the one that is watched."""
    folder.mkdir()
    journal = folder / "journal"
    _live(folder, 30, seed, {}, *extra)
    before = _file_alone(journal)
    (folder / "acks").unlink()
    _live(folder, orders, seed, {"LD_PRELOAD": str(shim), "SHIM_TRACE": str(folder / "trace")}, *extra)
    names = {str(journal): "journal", f"{journal}-wal": "journal-wal", str(folder / "acks"): "acks"}
    events = [e._replace(path=names[e.path]) for e in read_trace(folder / "trace") if e.path in names]
    return Run(before, events, _oracle(journal))


def _live(folder: Path, orders: int, seed: int, environment: dict[str, str], *extra: str) -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.chaos.engine_victim", str(folder), str(orders), str(seed)]
    done = subprocess.run(
        [*command, *extra], cwd=REPOSITORY, env=os.environ | environment, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def _file_alone(journal: Path) -> bytes:
    SqliteStore(journal).close()  # Moves what a reader held back out of the WAL
    return journal.read_bytes()


def _oracle(journal: Path) -> dict[int, tuple[bytes, str]]:
    engine = Engine(fresh_gate(), max_instruments=GATE_INSTRUMENTS, max_accounts=GATE_ACCOUNTS)
    found = {}
    with SqliteReader(journal) as source:
        for entry in entries(source):
            engine.absorb(entry.seq, decode_record(entry.payload))
            found[entry.seq] = entry.hash, snapshot.digest(engine)
    return found


@dataclass
class Judge:
    """Crash points of one run. ``faults`` says what was wrong, and where."""

    run: Run
    folder: Path
    dice: random.Random
    faults: list[str] = field(default_factory=list)
    points: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    _known: dict[bytes, tuple[Head, str]] = field(default_factory=dict)
    """SHA-256 of a journal file -> its head, and what is wrong with it."""
    _recovered: dict[tuple[bytes, bytes], str] = field(default_factory=dict)
    """Hash of the head and digest of the snapshot -> the recovered engine's digest."""

    def judge(self, images: int) -> None:
        """``images`` crash points, every write of the run among them as often as any other."""
        files = {"journal": DiskFile(bytearray(self.run.before)), "journal-wal": DiskFile(bytearray())}
        promised = 0
        for event, share in zip(self.run.events, self._shares(images), strict=True):
            if event.kind == "a":
                promised = max(promised, *(int(line) for line in event.data.split()))
            else:
                files[event.path].take(event)
            for _ in range(share):
                self._crash(files, promised)

    def _shares(self, images: int) -> Iterator[int]:
        """How many images of the moment after each event."""
        count = len(self.run.events)
        for number in range(count):
            yield (number + 1) * images // count - number * images // count

    def _crash(self, files: dict[str, DiskFile], promised: int) -> None:
        self.points += 1
        for old in self.folder.iterdir():
            old.unlink()
        for name, file in files.items():
            (self.folder / name).write_bytes(file.after_power_loss(self.dice))
        try:
            head, fault = self._opened(self.folder / "journal")
        except (MelticaError, sqlite3.Error, AssertionError) as error:
            self.faults.append(f"point {self.points}: {type(error).__name__}: {error}")
            return
        if head.seq < promised:
            fault = f"lost: {promised} was acknowledged, the journal ends at {head.seq}"
        self.counts["longer" if head.seq > promised else "exact"] += 1
        if fault:
            self.faults.append(f"point {self.points}: {fault}")

    def _opened(self, journal: Path) -> tuple[Head, str]:
        SqliteStore(journal, create=False).close()
        key = sha256(journal.read_bytes()).digest()
        if (known := self._known.get(key)) is None:
            self.counts["journals"] += 1
            known = self._known[key] = self._judged(journal)
        return known

    def _judged(self, journal: Path) -> tuple[Head, str]:
        report = verify(journal)
        with SqliteReader(journal) as source:
            head = source.head()
            if not report.ok:
                return head, f"verify: {report.problems[0]}"
            expected, digest = self.run.digests.get(head.seq, (b"", ""))
            if head.hash != expected:
                return head, f"the entry {head.seq} is not the one that was written"
            start = newest_valid(source, format_version=saving.FORMAT)
            if start.warnings:
                return head, f"a snapshot that verify accepted: {start.warnings[0]}"
            begun = b"" if start.snapshot is None else start.snapshot.state + repr(start.snapshot.refs).encode()
            how = head.hash, sha256(begun).digest()
            if how not in self._recovered:
                self.counts["recoveries"] += 1
                self._recovered[how] = snapshot.digest(recover(source, fresh_gate()))
        return head, "" if self._recovered[how] == digest else f"the engine at {head.seq} is not the one that was"


def memory_folder() -> Path:
    """Where thousands of images do not wear out a disk."""
    shared = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="meltica-crash-", dir=shared if shared.is_dir() else None))


def crash(run: Run, images: int, seed: int) -> Judge:
    judge = Judge(run, memory_folder(), random.Random(seed))
    try:
        judge.judge(images)
    finally:
        shutil.rmtree(judge.folder)
    return judge
