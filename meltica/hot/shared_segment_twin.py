"""Segments of the Python backend: the same files, byte for byte, through mmap. Compiled: cython_ext/shared_memory.pyx.

The golden model of the layouts and of who may have a place. Python offers neither memory orders nor a compare-and-swap:
these classes are right within one process, and between processes on x86, where loads and stores keep their order. Of
two twins that want the same place a file lock lets one pass; a trading process uses the compiled classes.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

LAYOUT_VERSION: Final = 1
HEADER_BYTES: Final = 128
PAGE: Final = 4096
WORD: Final = 8
PID_BITS: Final = 22
MAGIC: Final = int.from_bytes(b"MELTICAS", "little")
MAX_BYTES: Final = 2**34
EVERYONE_ELSE: Final = 0o077

SPSC_RING, MPSC_RING, BROADCAST_RING, TOP_OF_BOOK, KILL_WORD = 1, 2, 3, 4, 5
KINDS: Final = {
    SPSC_RING: "an SPSC ring",
    MPSC_RING: "an MPSC ring",
    BROADCAST_RING: "a broadcast ring",
    TOP_OF_BOOK: "a top-of-book table",
    KILL_WORD: "a kill word",
}


class SegmentError(ValueError):
    """A segment that can't be made, attached to or taken a place in; the message says which, why, and what to do."""


class StaleSegment(SegmentError):  # noqa: N818 - its name says what it is
    """Left from before the machine's last start; nobody who had a place in it lives."""


class Shape(NamedTuple):
    kind: int
    slot_size: int
    slots: int
    lanes: int
    size: int


class Segment:
    """A mapped file: ``words`` for what is atomic, ``memory`` for the rest."""

    def __init__(self, path: str | Path, fd: int, *, writable: bool) -> None:
        self.path, self.writable, self._fd = Path(path), writable, fd
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        size = os.fstat(fd).st_size
        # Whole words only: the file of a foreign maker may end anywhere.
        self.memory = memoryview(mmap.mmap(fd, size, access=access))[: size // WORD * WORD]
        self.words = self.memory.cast("Q")
        self.halves = self.memory.cast("I")
        self.placement: dict[str, Any] = {
            "bytes": size,
            "huge_bytes": 0,
            "locked_bytes": 0,
            "numa_node": None,
            "notes": [],
        }

    def __del__(self) -> None:
        with suppress(AttributeError):  # Not even opened
            os.close(self._fd)

    @classmethod
    def attach(cls, path: str | Path, kind: int, *, writable: bool = True, **placement: object) -> Self:
        """A segment that exists; SegmentError when it is missing, foreign, truncated, older or not finished."""
        flags = os.O_RDWR if writable else os.O_RDONLY
        try:
            fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise SegmentError(f"{path} can't be opened: {error.strerror}") from error
        try:
            _refuse_foreign(fd, path)
        except SegmentError:
            os.close(fd)
            raise
        segment = cls(path, fd, writable=writable)
        segment.verify(kind)
        segment.note(placement)
        return segment

    def note(self, wanted: dict[str, object]) -> None:
        found = [name for name, value in wanted.items() if value not in (None, False)]
        self.placement["notes"] = [f"{name}: the python backend leaves its pages where they are" for name in found]

    def verify(self, kind: int) -> None:
        magic, version, found = self.words[0], self.halves[2], self.halves[3]
        if magic == 0:
            raise SegmentError(f"{self.path} was begun and never finished: remove it")
        if magic != MAGIC:
            raise SegmentError(f"{self.path} is no shared segment: it begins with {magic.to_bytes(WORD, 'little')!r}")
        if version != LAYOUT_VERSION:
            raise SegmentError(
                f"{self.path} has layout version {version}, this program knows {LAYOUT_VERSION}:"
                " end the programs that use it, and remove it"
            )
        if found != kind:
            raise SegmentError(f"{self.path} is {KINDS.get(found, 'of an unknown kind')}, not {KINDS[kind]}")
        if self.data_size > len(self.memory):
            raise SegmentError(f"{self.path} is truncated: {len(self.memory)} bytes, its header says {self.data_size}")
        if self.words[8] != this_boot():
            raise StaleSegment(f"{self.path} was made before this machine's last start: remove it")

    def is_current(self) -> bool:
        """Whether its name still leads to it; a segment that was replaced is one that nobody else looks at."""
        try:
            named = self.path.lstat()
        except OSError:
            return False
        mapped = os.fstat(self._fd)
        return (named.st_ino, named.st_dev) == (mapped.st_ino, mapped.st_dev) and mapped.st_size >= self.data_size

    @property
    def slot_size(self) -> int:
        return self.halves[4]

    @property
    def lanes(self) -> int:
        return self.halves[5]

    @property
    def slots(self) -> int:
        return self.words[3]

    @property
    def data_size(self) -> int:
        return self.words[4]

    @property
    def epoch(self) -> int:
        return self.words[6]

    # --- places ---

    def swap(self, at: int, expected: int, wanted: int) -> bool:
        """Compare and swap word ``at``, among twins."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            if self.words[at] != expected:
                return False
            self.words[at] = wanted
            return True
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def take_place(self, at: int, role: str) -> int:
        """The dead process that had it, 0 when it was empty; SegmentError when the one who has it lives."""
        if self.words[9] != this_namespace():
            raise SegmentError(
                f"{self.path} was made in another pid namespace: whether its {role} lives can't be told from here"
            )
        while True:
            held = self.words[at]
            if held and alive(held):
                raise SegmentError(f"{self.path} has a {role} already: process {pid_of(held)}, which lives")
            if self.swap(at, held, this_process()):
                return held

    def leave_place(self, at: int, mine: int) -> None:
        if pid_of(mine) == os.getpid():
            self.swap(at, mine, 0)


def open_segment(
    path: str | Path,
    shape: Shape,
    *,
    exist_ok: bool,
    fill: Callable[[Segment], None] | None = None,
    **placement: Any,
) -> Segment:
    """A new settled segment; with ``exist_ok`` the one that is there. ``fill(segment)`` runs before it has its name."""
    path = Path(path)
    if exist_ok and os.path.lexists(path):
        try:
            return Segment.attach(path, shape.kind, **placement)
        except StaleSegment:
            path.unlink()
    segment = _make(path, shape)
    segment.note(placement)
    if fill is not None:
        fill(segment)
    segment.words[0] = MAGIC
    unfinished = _name_before(path)
    try:
        os.link(unfinished, path)
    except FileExistsError:
        if exist_ok:
            return Segment.attach(path, shape.kind, **placement)
        raise SegmentError(f"{path} exists already: attach to it, or remove it when nobody uses it") from None
    finally:
        unfinished.unlink()
    return segment


def _make(path: Path, shape: Shape) -> Segment:
    if not 0 < shape.size <= MAX_BYTES:
        raise SegmentError(f"{path}: {shape.size} bytes are not within 1..{MAX_BYTES}")
    if not path.parent.is_dir():
        raise SegmentError(f"{path} can't be made: there is no folder {path.parent}")
    _sweep(path)
    unfinished = _name_before(path)
    fd = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(fd, 0o600)
        os.posix_fallocate(fd, 0, shape.size)
    except OSError as error:
        os.close(fd)
        unfinished.unlink()
        raise SegmentError(f"{path} can't have {shape.size} bytes: {error.strerror}") from error
    segment = Segment(path, fd, writable=True)
    for at, half in enumerate((LAYOUT_VERSION, shape.kind, shape.slot_size, shape.lanes), 2):
        segment.halves[at] = half
    for at, word in enumerate((shape.slots, shape.size, this_process(), time.time_ns()), 3):
        segment.words[at] = word
    segment.words[8], segment.words[9] = this_boot(), this_namespace()
    return segment


def _name_before(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.new")


def _sweep(path: Path) -> None:
    """Removes what makers of this segment left that died before they finished."""
    for left in path.parent.glob(f".{path.name}.*.new"):
        pid = left.name.removesuffix(".new").rpartition(".")[2]
        if pid.isdigit() and (int(pid) == os.getpid() or not Path(f"/proc/{pid}").exists()):
            left.unlink(missing_ok=True)


def _refuse_foreign(fd: int, path: str | Path) -> None:
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise SegmentError(f"{path} is no regular file")
    if found.st_uid != os.geteuid():
        raise SegmentError(f"{path} belongs to user {found.st_uid}, this process runs as {os.geteuid()}")
    if found.st_mode & EVERYONE_ELSE:
        raise SegmentError(f"{path} is open to other users (mode {found.st_mode & 0o777:04o}), it must be 0600")
    if found.st_size < HEADER_BYTES:
        raise SegmentError(f"{path} is truncated: {found.st_size} bytes, a header has {HEADER_BYTES}")


# --- processes ---


def this_boot() -> int:
    return int(Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", "")[:16], 16)


def this_namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


def start_of(pid: int) -> int | None:
    """Start time of a living process in clock ticks since boot; None when nobody of this pid can run any more."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A zombie runs no more, unless it is only the first of several threads that ended.
    if fields[0] in b"ZX" and int(fields[17]) <= 1:
        return None
    return int(fields[19])


def this_process() -> int:
    start = start_of(os.getpid())
    assert start is not None  # noqa: S101 - we run
    return start << PID_BITS | os.getpid()


def pid_of(process: int) -> int | None:
    """The pid of a place's word, None when it is empty."""
    return process & (1 << PID_BITS) - 1 or None


def alive(process: int) -> bool:
    return start_of(process & (1 << PID_BITS) - 1) == process >> PID_BITS if process else False
