"""The gateway's disk: SQLite on a folder in memory, commits that take simulated time, flushes that fail, power cuts."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from meltica.journal.entry import Entry
from meltica.journal.errors import JournalFailedError
from meltica.journal.port import JournalStore, PartRef
from meltica.journal.store import SqliteStore
from meltica.journal.writer import GroupCommitWriter
from sim.world.clock import MS
from sim.world.loop import VirtualLoop

SECTOR_BYTES: Final = 512
COMMIT_NS: Final = (MS // 10, 3 * MS)
SLOW_COMMIT_NS: Final = 200 * MS
SLOW: Final = 0.01
TORN: Final = 0.1
"""Of the sectors that were not written whole."""
Files = dict[str, bytes]


class PowerCutError(Exception):
    """The machine is dark."""


class Disk:
    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.folder = folder
        self.journal = folder / "journal.db"
        self._dice = dice
        self.cut_next = False
        """The power goes during the next write."""
        self.fail_next = False
        """The next write fails."""
        self.on_cut: Callable[[], None] = lambda: None
        self._image: Files | None = None

    def commit_ns(self) -> int:
        return SLOW_COMMIT_NS if self._dice.random() < SLOW else self._dice.randrange(*COMMIT_NS)

    def write(self, write: Callable[[], Any]) -> Any:
        """One transaction of the journal, with what goes wrong in it."""
        if self.fail_next:
            self.fail_next = False
            raise OSError(errno.EIO, "the disk is on fire")
        if not self.cut_next:
            return write()
        self.cut_next = False
        before = self._files()
        write()
        self._image = self._torn(before, self._files())
        self.on_cut()
        raise PowerCutError

    def settle(self) -> None:
        """After a death, when nobody has the files open any more: what is on the disk now."""
        if self._image is not None:
            for name, content in self._image.items():
                (self.folder / name).write_bytes(content)
            self._image = None

    def _files(self) -> Files:
        found = {name: self.folder / name for name in (self.journal.name, f"{self.journal.name}-wal")}
        return {name: path.read_bytes() if path.exists() else b"" for name, path in found.items()}

    def _torn(self, before: Files, after: Files) -> Files:
        """SQLite flushes the WAL before it touches the file, and a transaction ends with that: only what it wrote last
        may be torn."""
        wal = f"{self.journal.name}-wal"
        last = self.journal.name if before[self.journal.name] != after[self.journal.name] else wal
        return after | {last: torn(before[last], after[last], self._dice)}


def torn(before: bytes, after: bytes, dice: random.Random) -> bytes:
    """What a power cut leaves of a file that became another one: some sectors written, some not, some in pieces.

    Bytes that were not written stay, also beside torn ones in their sector: what was flushed is safe."""
    image, keep = bytearray(before), dice.choice((0.0, 0.2, 0.5, 0.8, 1.0))
    for at in range(0, len(after), SECTOR_BYTES):
        old, new = before[at : at + SECTOR_BYTES], after[at : at + SECTOR_BYTES]
        if new == old:
            continue
        written = dice.random() < keep
        if not written and dice.random() >= TORN:
            continue
        first, end = _changed(old, new)
        piece = new[first:end] if written else dice.randbytes(end - first)
        image.extend(bytes(max(0, at + end - len(image))))
        image[at + first : at + end] = piece
    if len(after) < len(before) and dice.random() < keep:
        del image[len(after) :]
    return bytes(image)


def _changed(old: bytes, new: bytes) -> tuple[int, int]:
    """From where to where they differ."""
    old = old.ljust(len(new), b"\0") if len(old) < len(new) else old
    first = next(at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other) if old != new else 0
    end = next(at for at in range(len(new), 0, -1) if old[at - 1] != new[at - 1]) if old != new else len(new)
    return first, end


class Store:
    """A ``JournalStore`` on this disk."""

    def __init__(self, store: SqliteStore, disk: Disk) -> None:
        self._store, self._disk = store, disk
        self.head, self.source, self.close, self.abandon = store.head, store.source, store.close, store.abandon

    @property
    def name(self) -> str:
        return self._store.name

    @property
    def journal_id(self) -> bytes:
        return self._store.journal_id

    def append(self, entries: Sequence[Entry]) -> None:
        self._disk.write(lambda: self._store.append(entries))

    def save_part(self, seq: int, state: bytes, *, kept: bool) -> PartRef:
        ref: PartRef = self._disk.write(lambda: self._store.save_part(seq, state, kept=kept))
        return ref

    def save_snapshot(
        self, seq: int, format_version: int, state: bytes, parts: Sequence[PartRef] = (), *, keep: int
    ) -> None:
        self._disk.write(lambda: self._store.save_snapshot(seq, format_version, state, parts, keep=keep))


class _Waking(SimpleQueue[Any]):
    """Says when something was put in."""

    wake: Callable[[], None]

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self.wake()


class SteppedWriter(GroupCommitWriter):
    """The real group commit; what its thread does is done in turns of the simulated loop."""

    def __init__(
        self,
        store: JournalStore,
        on_failure: Callable[[JournalFailedError], None],
        on_durable: Callable[[int], None],
        *,
        disk: Disk,
        loop: VirtualLoop,
    ) -> None:
        self._disk, self._turns = disk, loop
        self._armed = self.dead = False
        super().__init__(store, on_failure, on_durable)

    def die(self) -> None:
        """The process is gone: nothing more is written, and nobody waits for it."""
        self.dead = True
        if not self._stopped.done():
            self._stopped.set_result(None)

    def _begin(self) -> None:
        queue = _Waking()
        queue.wake = self._arm
        self._queue = queue

    def _ended(self) -> None:
        """There is no thread to wait for."""

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            self._turns.call_later(self._disk.commit_ns() / 1e9, self._turn)

    def _turn(self) -> None:
        self._armed = False
        if self.dead:
            return
        try:
            more = self._commit()
        except PowerCutError:
            return
        except BaseException as error:  # noqa: BLE001 - as the thread's
            self._wind_up(error)
            return
        if not more:
            self._wind_up(None)
        elif not self._queue.empty():
            self._arm()
