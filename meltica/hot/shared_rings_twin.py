"""The SPSC ring of the Python backend, over the same memory. Compiled: cython_ext/spsc_ring.pyx and lane.h."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self

from meltica.hot.shared_segment_twin import (
    HEADER_BYTES,
    PAGE,
    SPSC_RING,
    WORD,
    Segment,
    SegmentError,
    Shape,
    open_segment,
    pid_of,
)

SLOT_SIZES: Final = (64, 128, 256)
MAX_SLOTS: Final = 2**24
ROLES: Final = ("producer", "consumer", "observer")

# Words of a lane's two sides
PUBLISHED, CLAIMED, FULL, LOST, OWNER, TAKEOVERS = range(6)
TAKEN, DISCARDED, CONSUMER_OWNER, CONSUMER_TAKEOVERS = range(16, 20)


class Lane:
    """A bounded queue with one producer and one consumer; ``next`` and ``at`` are those of the side that has it."""

    def __init__(self, segment: Segment, sides: int, slots: int) -> None:
        self.segment, self.words, self.base = segment, segment.words, sides // WORD
        self.slots, self.count, self.size = slots, segment.slots, segment.slot_size
        self.next = 0

    def __getitem__(self, word: int) -> int:
        return self.words[self.base + word]

    def __setitem__(self, word: int, value: int) -> None:
        self.words[self.base + word] = value

    def take_producer(self) -> None:
        dead = self.segment.take_place(self.base + OWNER, "producer")
        self._refuse_numbers(OWNER)
        self[TAKEOVERS] += bool(dead)
        self.count_begun()
        self.next = self[PUBLISHED]

    def take_consumer(self) -> None:
        dead = self.segment.take_place(self.base + CONSUMER_OWNER, "consumer")
        self._refuse_numbers(CONSUMER_OWNER)
        self[CONSUMER_TAKEOVERS] += bool(dead)
        self.next = self[TAKEN]

    def _refuse_numbers(self, place: int) -> None:
        if not 0 <= self[PUBLISHED] - self[TAKEN] <= self.count:
            self.segment.leave_place(self.base + place, self[place])
            raise SegmentError(
                f"{self.segment.path} is damaged: {self[PUBLISHED]} records published, {self[TAKEN]} taken,"
                f" {self.count} slots"
            )

    def count_begun(self) -> None:
        """What a dead producer had begun nobody was told of: it is counted, and gone."""
        begun = self[CLAIMED] - self[PUBLISHED]
        if 0 < begun <= self.count:
            self[LOST] += begun
        self[CLAIMED] = self[PUBLISHED]

    def room(self) -> int:
        waiting = self.next - self[TAKEN]
        return self.count - waiting if 0 <= waiting <= self.count else 0

    def waiting(self) -> int:
        waiting = self[PUBLISHED] - self.next
        return waiting if 0 <= waiting <= self.count else 0

    def slot(self, number: int) -> memoryview:
        begin = self.slots + number % self.count * self.size
        return self.segment.memory[begin : begin + self.size]

    def push_many(self, records: memoryview) -> int:
        if len(records) % self.size:
            raise ValueError(f"{len(records)} bytes are no whole number of records of {self.size}")
        wanted = len(records) // self.size
        room = min(wanted, self.room())
        self[FULL] += room < wanted
        self[CLAIMED] = self.next + room
        for at in range(room):
            self.slot(self.next + at)[:] = records[at * self.size : (at + 1) * self.size]
        self.next += room
        self[PUBLISHED] = self.next
        return room

    def peek(self) -> bytes | None:
        return bytes(self.slot(self.next)) if self.waiting() else None

    def advance(self) -> None:
        self.next += 1
        self[TAKEN] = self.next

    def discard(self) -> int:
        waiting = self.waiting()
        self[DISCARDED] += waiting
        self.next += waiting
        self[TAKEN] = self.next
        return waiting

    def counters(self) -> dict[str, Any]:
        return {
            "pushed": self[PUBLISHED],
            "popped": self[TAKEN] - self[DISCARDED],
            "discarded": self[DISCARDED],
            "full": self[FULL],
            "lost": self[LOST],
            "takeovers": self[TAKEOVERS] + self[CONSUMER_TAKEOVERS],
            "producer": pid_of(self[OWNER]),
            "consumer": pid_of(self[CONSUMER_OWNER]),
        }


class Side:
    """What both kinds of ring with roles share: the place, and the methods that only one role has."""

    segment: Segment
    role: str
    position: int

    def __init__(self, segment: Segment, role: str) -> None:
        refuse_shape(segment.path, segment.slots, segment.slot_size)
        self.segment, self.role = segment, role
        self.slots, self.slot_size = segment.slots, segment.slot_size
        self._place = self._mine = 0

    def __del__(self) -> None:
        self.detach()

    def detach(self) -> None:
        """Gives the place back. What was published stays for whoever comes; this object does nothing more."""
        if getattr(self, "_mine", 0):
            self.segment.leave_place(self._place, self._mine)
            self._mine = 0

    def hold(self, place: int) -> None:
        self._place, self._mine = place, self.segment.words[place]

    def refuse_use(self, wanted: str) -> None:
        if self.role != wanted:
            raise ValueError(f"{self.segment.path}: this side is the {self.role}, not the {wanted}")
        if not self._mine:
            raise ValueError(f"{self.segment.path}: this side was detached")

    def refuse_record(self, record: bytes | memoryview) -> memoryview:
        view = memoryview(record).cast("B")
        if len(view) != self.slot_size:
            raise ValueError(f"a record of this ring has {self.slot_size} bytes, not {len(view)}")
        return view


class SpscRing(Side):
    @classmethod
    def create(
        cls, path: str | Path, *, slots: int, slot_size: int = 64, role: str, exist_ok: bool = False, **placement: Any
    ) -> Self:
        refuse_shape(path, slots, slot_size)
        refuse_role(role)
        shape = Shape(SPSC_RING, slot_size, slots, 1, PAGE + slots * slot_size)
        segment = open_segment(path, shape, exist_ok=exist_ok, **placement)
        refuse_other_shape(segment, slots, slot_size)
        return cls(segment, role)

    @classmethod
    def attach(cls, path: str | Path, *, role: str, **placement: Any) -> Self:
        refuse_role(role)
        return cls(Segment.attach(path, SPSC_RING, **placement), role)

    def __init__(self, segment: Segment, role: str) -> None:
        super().__init__(segment, role)
        refuse_size(segment, PAGE + segment.slots * segment.slot_size)
        self._lane = Lane(segment, HEADER_BYTES, PAGE)
        if role == "producer":
            self._lane.take_producer()
            self.hold(self._lane.base + OWNER)
        elif role == "consumer":
            self._lane.take_consumer()
            self.hold(self._lane.base + CONSUMER_OWNER)

    def push(self, record: bytes) -> bool:
        self.refuse_use("producer")
        return self._lane.push_many(self.refuse_record(record)) == 1

    def push_many(self, records: bytes) -> int:
        self.refuse_use("producer")
        return self._lane.push_many(memoryview(records).cast("B"))

    def pop(self) -> bytes | None:
        record = self.first()
        if record is not None:
            self._lane.advance()
        return record

    def first(self) -> bytes | None:
        self.refuse_use("consumer")
        return self._lane.peek()

    def let_go(self) -> None:
        if self.first() is None:
            raise ValueError(f"{self.segment.path}: there is no record to let go of")
        self._lane.advance()

    def pop_many(self, limit: int | None = None) -> bytes:
        self.refuse_use("consumer")
        count = min(self._lane.waiting(), self.slots if limit is None else limit)
        return b"".join(record for _ in range(count) if (record := self.pop()) is not None)

    def discard(self) -> int:
        self.refuse_use("consumer")
        return self._lane.discard()

    def __len__(self) -> int:
        taken = self._lane[TAKEN]
        return min(self._lane[PUBLISHED] - taken, self.slots)

    @property
    def position(self) -> int:  # type: ignore[override]
        return self._lane.next

    def counters(self) -> dict[str, Any]:
        return self._lane.counters()


def refuse_shape(path: str | Path, slots: int, slot_size: int) -> None:
    if slot_size not in SLOT_SIZES:
        raise SegmentError(f"{path}: a slot has 64, 128 or 256 bytes, not {slot_size}")
    if not 2 <= slots <= MAX_SLOTS or slots & (slots - 1):  # noqa: PLR2004 - with one slot nothing would wait
        raise SegmentError(f"{path}: the number of slots is a power of two within 2..{MAX_SLOTS}, not {slots}")


def refuse_other_shape(segment: Segment, slots: int, slot_size: int) -> None:
    if (segment.slots, segment.slot_size) != (slots, slot_size):
        raise SegmentError(
            f"{segment.path} has {segment.slots} slots of {segment.slot_size} bytes, not {slots} of {slot_size}"
        )


def refuse_size(segment: Segment, size: int) -> None:
    if segment.data_size < size:
        raise SegmentError(f"{segment.path} is too small for {segment.slots} slots of {segment.slot_size} bytes")


def refuse_role(role: str) -> None:
    if role not in ROLES:
        raise SegmentError(f"a side of a ring is one of {', '.join(ROLES)}, not {role!r}")
