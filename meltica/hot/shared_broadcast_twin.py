"""The broadcast ring of the Python backend, over the same memory. Compiled: cython_ext/broadcast_ring.pyx."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self

from meltica.hot.shared_rings_twin import refuse_other_shape, refuse_shape, refuse_size
from meltica.hot.shared_segment_twin import (
    BROADCAST_RING,
    HEADER_BYTES,
    PAGE,
    WORD,
    Segment,
    SegmentError,
    Shape,
    open_segment,
    pid_of,
)

STARTS: Final = ("oldest", "newest", "next")
MARGIN: Final = 8
"""An overtaken reader goes on an eighth of the ring ahead of the oldest record, or it would be overtaken again."""
PUBLISHED, LOST, OWNER, TAKEOVERS = (HEADER_BYTES // WORD + at for at in range(4))


class _Ring:
    def __init__(self, segment: Segment) -> None:
        refuse_shape(segment.path, segment.slots, segment.slot_size)
        refuse_size(segment, PAGE + segment.slots * (segment.slot_size + WORD))
        self.segment, self.words = segment, segment.words
        self.slots, self.slot_size = segment.slots, segment.slot_size
        self.position = self.words[PUBLISHED]

    def _sequence(self, number: int) -> int:
        """Word of the slot's sequence: 2n + 1 while record n is written, 2n + 2 when it is there."""
        return (PAGE + number % self.slots * (self.slot_size + WORD)) // WORD

    def _record(self, number: int) -> memoryview:
        begin = (self._sequence(number) + 1) * WORD
        return self.segment.memory[begin : begin + self.slot_size]

    def counters(self) -> dict[str, Any]:
        return {
            "pushed": self.words[PUBLISHED],
            "lost": self.words[LOST],
            "takeovers": self.words[TAKEOVERS],
            "producer": pid_of(self.words[OWNER]),
        }


class BroadcastWriter(_Ring):
    @classmethod
    def create(
        cls, path: str | Path, *, slots: int, slot_size: int = 64, exist_ok: bool = False, **placement: Any
    ) -> Self:
        refuse_shape(path, slots, slot_size)
        shape = Shape(BROADCAST_RING, slot_size, slots, 1, PAGE + slots * (slot_size + WORD))
        segment = open_segment(path, shape, exist_ok=exist_ok, **placement)
        refuse_other_shape(segment, slots, slot_size)
        return cls(segment)

    @classmethod
    def attach(cls, path: str | Path, **placement: Any) -> Self:
        return cls(Segment.attach(path, BROADCAST_RING, **placement))

    def __init__(self, segment: Segment) -> None:
        self._mine = 0
        super().__init__(segment)
        dead = segment.take_place(OWNER, "writer")
        self._mine = self.words[OWNER]
        self.words[TAKEOVERS] += bool(dead)
        self.position = self.words[PUBLISHED]
        sequence = self.words[self._sequence(self.position)]
        if sequence == 2 * self.position + 2:  # It died between finishing the record and saying so
            self.position += 1
            self.words[PUBLISHED] = self.position
        elif sequence == 2 * self.position + 1:  # It died while writing: the record is written anew, by us
            self.words[LOST] += 1

    def __del__(self) -> None:
        self.detach()

    def detach(self) -> None:
        if getattr(self, "_mine", 0):
            self.segment.leave_place(OWNER, self._mine)
            self._mine = 0

    def push(self, record: bytes) -> None:
        view = memoryview(record).cast("B")
        if not self._mine:
            raise ValueError(f"{self.segment.path}: this writer was detached")
        if len(view) != self.slot_size:
            raise ValueError(f"a record of this ring has {self.slot_size} bytes, not {len(view)}")
        number, sequence = self.position, self._sequence(self.position)
        self.words[sequence] = 2 * number + 1
        self._record(number)[:] = view
        self.words[sequence] = 2 * number + 2
        self.position = self.words[PUBLISHED] = number + 1

    def push_many(self, records: bytes) -> None:
        if len(records) % self.slot_size:
            raise ValueError(f"{len(records)} bytes are no whole number of records of {self.slot_size}")
        for at in range(0, len(records), self.slot_size):
            self.push(records[at : at + self.slot_size])


class BroadcastReader(_Ring):
    @classmethod
    def attach(cls, path: str | Path, *, start: str = "newest", **placement: Any) -> Self:
        if start not in STARTS:
            raise SegmentError(f"a reader starts at one of {', '.join(STARTS)}, not {start!r}")
        reader = cls(Segment.attach(path, BROADCAST_RING, writable=False, **placement))
        published = reader.position
        back = {"oldest": reader.slots, "newest": 1, "next": 0}[start]
        reader.position = published - min(published, back)
        return reader

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment)
        self.lost = self.received = 0

    def pop(self) -> bytes | None:
        while True:
            wanted, at = 2 * self.position + 2, self._sequence(self.position)
            if self.words[at] < wanted:
                return None
            record = bytes(self._record(self.position))
            if self.words[at] == wanted:
                self.position += 1
                self.received += 1
                return record
            self._skip_to_oldest()

    def _skip_to_oldest(self) -> None:
        published = self.words[PUBLISHED]
        to = max(published - min(published, self.slots) + self.slots // MARGIN, self.position + 1)
        self.lost += to - self.position
        self.position = to

    def pop_many(self, limit: int | None = None) -> bytes:
        found: list[bytes] = []
        most = self.slots if limit is None else min(limit, self.slots)
        while len(found) < most and (record := self.pop()) is not None:
            found.append(record)
        return b"".join(found)

    def __len__(self) -> int:
        return max(0, self.words[PUBLISHED] - self.position)

    def counters(self) -> dict[str, Any]:
        return super().counters() | {"received": self.received, "overtaken": self.lost}
