"""The file in which a hot process says how it is: read by anyone, while it runs, when it hangs, after it died.

0        page of header: magic, version, sequence and length of the text
4096     text: JSON, what changes rarely (who, since when, placement, settings, feed, session)
65536    words and histograms of cython_ext/hot_status.pxd
"""

from __future__ import annotations

import json
import mmap
import os
import time
from pathlib import Path
from struct import Struct
from typing import Any, Final

from cython_ext.histogram import Histogram
from cython_ext.hot_status import BYTES, ENCODES, REJECTS, STAGE_BYTES, WORD_BYTES, HotStatus, LoopState, Stage, Word

MAGIC: Final = b"MLTCHOT1"
HEADER: Final = Struct("<8sQQQ")
"""Magic, sequence of the text (odd while it is written), its length, bytes of words."""
TEXT_AT: Final = 4_096
WORDS_AT: Final = 65_536
FILE_BYTES: Final = -(-(WORDS_AT + BYTES) // mmap.PAGESIZE) * mmap.PAGESIZE
MAX_TEXT: Final = WORDS_AT - TEXT_AT
ATTEMPTS: Final = 100


class StatusError(Exception):
    """No status file of a hot process; the message says what is there instead."""


class StatusWriter:
    """The hot process' side. A new file takes the old one's name: readers of the old one keep it."""

    def __init__(self, path: Path) -> None:
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            os.posix_fallocate(descriptor, 0, FILE_BYTES)
            self._map = mmap.mmap(descriptor, FILE_BYTES, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        finally:
            os.close(descriptor)
        self._text: dict[str, Any] = {}
        self._sequence = 0
        self.words = HotStatus(memoryview(self._map)[WORDS_AT : WORDS_AT + BYTES])
        self.tell(pid=os.getpid(), started_ns=time.time_ns(), process_start=process_start(os.getpid()))
        unfinished.rename(path)

    def tell(self, **facts: Any) -> None:
        """Adds to the text, or replaces what it said by the same names. :raises ValueError: it does not fit."""
        text = self._text | facts
        data = json.dumps(text, separators=(",", ":")).encode()
        if len(data) > MAX_TEXT:
            raise ValueError(f"the status text has {len(data)} bytes, and room for {MAX_TEXT}")
        self._text = text
        HEADER.pack_into(self._map, 0, MAGIC, self._sequence + 1, len(data), WORD_BYTES)
        self._map[TEXT_AT : TEXT_AT + len(data)] = data
        self._sequence += 2
        HEADER.pack_into(self._map, 0, MAGIC, self._sequence, len(data), WORD_BYTES)


class StatusReader:
    """Anybody's side."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """:raises StatusError: there is none, or it is of another version."""
        flags = os.O_RDWR if writable else os.O_RDONLY
        try:
            descriptor = os.open(path, flags | os.O_CLOEXEC)
        except FileNotFoundError:
            raise StatusError(f"{path}: no hot process has run here") from None
        except OSError as error:
            raise StatusError(f"{path}: {error.strerror}") from error
        try:
            if os.fstat(descriptor).st_size != FILE_BYTES:
                raise StatusError(f"{path} is no status file of this version")
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self._map = mmap.mmap(descriptor, FILE_BYTES, access=access)
        finally:
            os.close(descriptor)
        magic, _, _, words = HEADER.unpack_from(self._map)
        if magic != MAGIC or words != WORD_BYTES:
            raise StatusError(f"{path} is no status file of this version")

    def text(self) -> dict[str, Any]:
        """:raises StatusError: its writer died in the middle of a word."""
        for _ in range(ATTEMPTS):
            _, before, length, _ = HEADER.unpack_from(self._map)
            data = bytes(self._map[TEXT_AT : TEXT_AT + length])
            _, after, _, _ = HEADER.unpack_from(self._map)
            if before == after and before % 2 == 0:
                found: dict[str, Any] = json.loads(data)
                return found
            time.sleep(0.0001)
        raise StatusError("the status text is half written: its writer died, or stands still")

    def word(self, word: Word) -> int:
        at = WORDS_AT + 8 * word
        return int.from_bytes(self._map[at : at + 8], "little")

    def group(self, first: int, count: int) -> list[int]:
        at = WORDS_AT + 8 * first
        return [int.from_bytes(self._map[at + 8 * n : at + 8 * n + 8], "little") for n in range(count)]

    def histogram(self, stage: Stage) -> Histogram:
        """A copy, as it is now."""
        at = WORDS_AT + WORD_BYTES + STAGE_BYTES * stage
        return Histogram(bytearray(self._map[at : at + STAGE_BYTES]))

    def reset(self) -> None:
        """Asks the loops to begin their histograms anew; a reader that was opened as writable."""
        at = WORDS_AT + 8 * Word.RESET_WANTED
        self._map[at : at + 8] = (self.word(Word.RESET_WANTED) + 1).to_bytes(8, "little")

    def process(self) -> str:
        """``running``, ``stopped`` (SIGSTOP, a debugger) or ``dead``: by the kernel, not by what the file says."""
        text = self.text()
        pid = int(text["pid"])
        if process_start(pid) != text["process_start"]:
            return "dead"
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state in "ZX":
            return "dead"
        return "stopped" if state in "Tt" else "running"


def process_start(pid: int) -> int:
    """When the process began, in the kernel's ticks since boot; 0: there is none. A pid used again has another."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return 0


__all__ = [
    "ENCODES",
    "REJECTS",
    "LoopState",
    "Stage",
    "StatusError",
    "StatusReader",
    "StatusWriter",
    "Word",
    "process_start",
]
