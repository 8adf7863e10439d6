"""The top-of-book table of the Python backend, over the same memory. Compiled: cython_ext/top_of_book.pyx."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from meltica.hot.layout_gen import TopOfBookRecord
from meltica.hot.shared_segment_twin import (
    HEADER_BYTES,
    PAGE,
    TOP_OF_BOOK,
    WORD,
    Segment,
    SegmentError,
    Shape,
    alive,
    open_segment,
    pid_of,
)

LOCATES: Final = 65_536
ROW_BYTES: Final = TopOfBookRecord.SIZE
ROW_WORDS: Final = ROW_BYTES // WORD
LOG_WORDS: Final = 131_072
LOCATE_BITS: Final = 16
ROW_TRIES: Final = 4_096
CONDITION_STALE: Final = 2
ROWS: Final = PAGE // WORD
LOG: Final = ROWS + LOCATES * ROW_WORDS
SHAPE: Final = Shape(TOP_OF_BOOK, ROW_BYTES, LOCATES, 1, (LOG + LOG_WORDS) * WORD)
STORES, TORN, OWNER, TAKEOVERS = (HEADER_BYTES // WORD + at for at in range(4))


class TornRowError(ValueError):
    """A row stays half written: its writer is dead or does not run. The message says which."""


class _Table:
    def __init__(self, segment: Segment) -> None:
        if (segment.slots, segment.slot_size) != (LOCATES, ROW_BYTES) or segment.data_size < SHAPE.size:
            raise SegmentError(f"{segment.path} has {segment.slots} rows of {segment.slot_size} bytes")
        self.segment, self.words = segment, segment.words

    def counters(self) -> dict[str, Any]:
        return {
            "stores": self.words[STORES],
            "torn": self.words[TORN],
            "takeovers": self.words[TAKEOVERS],
            "writer": pid_of(self.words[OWNER]),
        }

    def _refuse_locate(self, locate: int) -> None:
        if not 0 <= locate < LOCATES:
            raise ValueError(f"locate {locate} is not within 0..{LOCATES - 1}")


class TopOfBookWriter(_Table):
    @classmethod
    def create(cls, path: str | Path, *, exist_ok: bool = False, **placement: Any) -> Self:
        return cls(open_segment(path, SHAPE, exist_ok=exist_ok, **placement))

    @classmethod
    def attach(cls, path: str | Path, **placement: Any) -> Self:
        return cls(Segment.attach(path, TOP_OF_BOOK, **placement))

    def __init__(self, segment: Segment) -> None:
        self._mine = 0
        super().__init__(segment)
        dead = segment.take_place(OWNER, "writer")
        self._mine = self.words[OWNER]
        if dead:
            self.words[TAKEOVERS] += 1
            self._repair()

    def __del__(self) -> None:
        self.detach()

    def detach(self) -> None:
        if getattr(self, "_mine", 0):
            self.segment.leave_place(OWNER, self._mine)
            self._mine = 0

    def put(self, locate: int, record: bytes) -> None:
        """The 64 bytes of a TopOfBook record; its update_count is the table's own and not looked at."""
        if not self._mine:
            raise ValueError(f"{self.segment.path}: this writer was detached")
        self._refuse_locate(locate)
        if len(record) != ROW_BYTES:
            raise ValueError(f"a TopOfBook record has {ROW_BYTES} bytes, not {len(record)}")
        type_id = int.from_bytes(record[:2], "little")
        if type_id != TopOfBookRecord.TYPE_ID:
            raise ValueError(f"type id {type_id} is not that of a TopOfBook record")
        self._store(locate, record)

    def _store(self, locate: int, record: bytes) -> None:
        row = ROWS + locate * ROW_WORDS
        sequence = row + ROW_WORDS - 1
        odd = self.words[sequence] | 1
        self.words[sequence] = odd
        begin = row * WORD
        self.segment.memory[begin : begin + ROW_BYTES - WORD] = record[: ROW_BYTES - WORD]
        self.words[sequence] = odd + 1
        stores = self.words[STORES]
        self.words[LOG + stores % LOG_WORDS] = (stores + 1) << LOCATE_BITS | locate
        self.words[STORES] = stores + 1

    def _repair(self) -> None:
        """After a writer that died: empties the row that it left half written; every reader looks at all rows."""
        self.words[STORES] += LOG_WORDS + 1
        for locate in range(LOCATES):
            if self.words[ROWS + locate * ROW_WORDS + ROW_WORDS - 1] & 1:
                empty = struct.pack("<HHBB", TopOfBookRecord.TYPE_ID, locate, 0, CONDITION_STALE)
                self._store(locate, empty.ljust(ROW_BYTES, b"\0"))
                self.words[TORN] += 1


class TopOfBookReader(_Table):
    @classmethod
    def attach(cls, path: str | Path, **placement: Any) -> Self:
        return cls(Segment.attach(path, TOP_OF_BOOK, writable=False, **placement))

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment)
        self.retries = 0

    def read_bytes(self, locate: int) -> bytes:
        self._refuse_locate(locate)
        row = ROWS + locate * ROW_WORDS
        for _ in range(ROW_TRIES):
            sequence = self.words[row + ROW_WORDS - 1]
            if not sequence & 1:
                record = bytes(self.segment.memory[row * WORD : row * WORD + ROW_BYTES - WORD])
                if self.words[row + ROW_WORDS - 1] == sequence:
                    return record + (sequence // 2).to_bytes(WORD, "little")
            self.retries += 1
        pid = self.writer_pid()
        who = "its writer died in the middle of it" if pid is None else f"its writer, process {pid}, does not run"
        raise TornRowError(f"{self.segment.path}: the row of locate {locate} is half written: {who}")

    def read_rows(self, locates: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        rows = b"".join(self.read_bytes(int(locate)) for locate in locates)
        return np.frombuffer(rows, np.uint8).reshape(-1, ROW_BYTES)

    def changed_since(self, mark: int) -> tuple[npt.NDArray[np.uint16], int]:
        stores = self.words[STORES]
        if mark > stores:
            raise ValueError(f"mark {mark} is ahead of the table's {stores}: it is of another table")
        if mark == 0 or stores - mark > LOG_WORDS:
            return self._ever_stored(), stores
        logged = [self.words[LOG + number % LOG_WORDS] for number in range(mark, stores)]
        if any(word >> LOCATE_BITS != mark + at + 1 for at, word in enumerate(logged)):
            return self._ever_stored(), stores
        return np.unique(np.array([word % LOCATES for word in logged], np.uint16)), stores

    def _ever_stored(self) -> npt.NDArray[np.uint16]:
        table = np.array(self.words[ROWS:LOG]).reshape(LOCATES, ROW_WORDS)
        return np.flatnonzero(table[:, -1]).astype(np.uint16)

    def writer_pid(self) -> int | None:
        """Of the one who writes now; None when nobody does, or who did is dead."""
        held = self.words[OWNER]
        return pid_of(held) if alive(held) else None

    def counters(self) -> dict[str, Any]:
        return super().counters() | {"retries": self.retries}
