"""How many entries a second become durable, beside the least that any journal on this disk must do, in the same run.

Floor: append to a file of zeros and fdatasync, in exactly the groups that the writer had just made. Peer: SQLite with
the same durability, one row a commit, as a gateway without group commit would do. Only ratios of one run mean anything:
another process that flushes at the same time slows all three down.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from meltica.journal.chain import entry_hash
from meltica.journal.entry import Entry, Head
from meltica.journal.errors import JournalFailedError
from meltica.journal.store import SqliteStore
from meltica.journal.verify import verify
from meltica.journal.writer import GroupCommitWriter

PAYLOAD: Final = bytes(range(256)) + bytes(94)  # 350 bytes, about an order's input with its events
ROW_BYTES: Final = len(PAYLOAD) + 32 + 16  # With its hash, time and seq
SCRATCH: Final = Path(__file__).parents[1] / ".cache" / "bench"  # Not /tmp, which may be memory


def rows(runs: int) -> list[dict[str, Any]]:
    """One row a way of use: ``ours``, ``floor`` and ``peer`` are medians of ``runs``, in entries a second."""
    return [
        _durable("journal: durable entries, 1 in flight", 1, 1_500, runs),
        _durable("journal: durable entries, 64 in flight", 64, 20_000, runs),
        _verified("journal: verify from genesis", 50_000, runs),
    ]


def _durable(name: str, in_flight: int, entries: int, runs: int) -> dict[str, Any]:
    ours, floor, peer = [], [], []
    for _ in range(runs):
        with _scratch() as folder:
            started = perf_counter()
            commits = asyncio.run(_write(folder / "journal", in_flight, entries))
            ours.append(entries / (perf_counter() - started))
            groups = [after - before for before, after in pairwise([0, *commits])]
            floor.append(entries / _append_zeroed(folder / "floor", groups))
            peer.append(1 / _one_row_a_commit(folder / "peer", 500))
    return _row(name, ours, ("append to zeroed file, fdatasync", floor), ("SQLite FULL, a row a commit", peer))


def _verified(name: str, entries: int, runs: int) -> dict[str, Any]:
    ours, floor = [], []
    with _scratch() as folder:
        asyncio.run(_write(folder / "journal", 512, entries))
        for _ in range(runs):
            ours.append(entries / _timed(lambda: verify(folder / "journal")))
            floor.append(entries / _timed(lambda: _hash_only(entries)))
    return _row(name, ours, ("SHA-256 of the same bytes", floor), None)


def _row(
    name: str, ours: list[float], floor: tuple[str, list[float]], peer: tuple[str, list[float]] | None
) -> dict[str, Any]:
    """``ratio`` is ours to the peer's (or the floor's, without a peer), ``floor_ratio`` ours to the floor's."""
    against = peer or floor
    return {
        "name": name,
        "unit": "entries/s",
        "ours": round(median(ours)),
        "floor": {"name": floor[0], "value": round(median(floor[1]))},
        "peer": None if peer is None else {"name": peer[0], "value": round(median(peer[1]))},
        "ratio": round(median(mine / its for mine, its in zip(ours, against[1], strict=True)), 2),
        "floor_ratio": round(median(mine / its for mine, its in zip(ours, floor[1], strict=True)), 2),
        "runs": len(ours),
    }


async def _write(path: Path, in_flight: int, entries: int) -> list[int]:
    """The seq that each commit ended with."""
    commits: list[int] = []

    def failed(error: JournalFailedError) -> None:
        raise error

    async with GroupCommitWriter(SqliteStore(path), failed, commits.append) as writer:

        async def one_at_a_time() -> None:
            while writer.head.seq < entries:
                await writer.durable(writer.append(PAYLOAD, 1))

        await asyncio.gather(*[one_at_a_time() for _ in range(in_flight)])
    return commits


def _append_zeroed(path: Path, groups: list[int]) -> float:
    blocks = {size: os.urandom(size * ROW_BYTES) for size in set(groups)}
    path.write_bytes(bytes(sum(groups) * ROW_BYTES))
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.fsync(descriptor)
        started, offset = perf_counter(), 0
        for size in groups:
            offset += os.pwrite(descriptor, blocks[size], offset)
            os.fdatasync(descriptor)
        return perf_counter() - started
    finally:
        os.close(descriptor)


def _one_row_a_commit(path: Path, count: int) -> float:
    """Seconds a row."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, time_ns INTEGER, payload BLOB, hash BLOB)")
        entry, started = Entry(0, 0, PAYLOAD, bytes(32)), perf_counter()
        for seq in range(1, count + 1):
            entry = Entry(seq, 1, PAYLOAD, entry_hash(entry.hash, seq, 1, PAYLOAD))
            connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", entry)
        return (perf_counter() - started) / count


def _hash_only(entries: int) -> None:
    head, frame = Head(0, bytes(32)), bytes(16) + PAYLOAD
    for seq in range(1, entries + 1):
        head = Head(seq, sha256(head.hash + frame).digest())


def _timed(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


@contextmanager
def _scratch() -> Iterator[Path]:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=SCRATCH))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
