"""The MPSC ring of the Python backend, over the same memory. Compiled: cython_ext/mpsc_ring.pyx (and why lanes)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self

from meltica.hot.shared_rings_twin import (
    LOST,
    OWNER,
    PUBLISHED,
    TAKEN,
    TAKEOVERS,
    Lane,
    Side,
    refuse_role,
    refuse_shape,
    refuse_size,
)
from meltica.hot.shared_segment_twin import (
    HEADER_BYTES,
    MPSC_RING,
    PAGE,
    WORD,
    Segment,
    SegmentError,
    Shape,
    alive,
    open_segment,
    pid_of,
)

MAX_LANES: Final = 64
SIDE_BYTES: Final = 128
COUNTED: Final = ("pushed", "popped", "full", "lost", "takeovers")


class MpscRing(Side):
    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        slots: int,
        slot_size: int = 64,
        lanes: int = 16,
        role: str,
        exist_ok: bool = False,
        **placement: Any,
    ) -> Self:
        refuse_shape(path, slots, slot_size)
        refuse_lanes(path, lanes)
        refuse_role(role)
        size = _slots_offset(lanes) + lanes * slots * slot_size
        segment = open_segment(path, Shape(MPSC_RING, slot_size, slots, lanes, size), exist_ok=exist_ok, **placement)
        if (segment.slots, segment.slot_size, segment.lanes) != (slots, slot_size, lanes):
            raise SegmentError(
                f"{path} has {segment.lanes} lanes of {segment.slots} slots of {segment.slot_size} bytes,"
                f" not {lanes} of {slots} of {slot_size}"
            )
        return cls(segment, role)

    @classmethod
    def attach(cls, path: str | Path, *, role: str, **placement: Any) -> Self:
        refuse_role(role)
        return cls(Segment.attach(path, MPSC_RING, **placement), role)

    def __init__(self, segment: Segment, role: str) -> None:
        super().__init__(segment, role)
        refuse_lanes(segment.path, segment.lanes)
        lane_bytes, first = segment.slots * segment.slot_size, _slots_offset(segment.lanes)
        refuse_size(segment, first + segment.lanes * lane_bytes)
        self._head = HEADER_BYTES // WORD  # used, owner, takeovers
        self._lanes = [
            Lane(segment, 2 * SIDE_BYTES + number * 2 * SIDE_BYTES, first + number * lane_bytes)
            for number in range(segment.lanes)
        ]
        self._turn = self.lane_number = 0
        if role == "producer":
            self._take_lane()
        elif role == "consumer":
            dead = segment.take_place(self._head + 1, "consumer")
            self.hold(self._head + 1)
            segment.words[self._head + 2] += bool(dead)
            for lane in self._lanes:
                lane.next = lane[TAKEN]
                if not 0 <= lane[PUBLISHED] - lane.next <= lane.count:
                    raise SegmentError(f"{segment.path} is damaged: a lane tells of more records than it has slots")

    def _take_lane(self) -> None:
        for empty in (True, False):
            for number, lane in enumerate(self._lanes):
                if empty == (lane[OWNER] == 0):
                    try:
                        lane.take_producer()
                    except SegmentError:
                        continue
                    self.lane_number = number
                    self.hold(lane.base + OWNER)
                    self.segment.words[self._head] |= 1 << number
                    return
        raise SegmentError(f"{self.segment.path}: all {len(self._lanes)} lanes have a living producer")

    def push(self, record: bytes) -> bool:
        self.refuse_use("producer")
        return self._lanes[self.lane_number].push_many(self.refuse_record(record)) == 1

    def push_many(self, records: bytes) -> int:
        self.refuse_use("producer")
        return self._lanes[self.lane_number].push_many(memoryview(records).cast("B"))

    def pop(self) -> bytes | None:
        record = self.first()
        if record is not None:
            self.let_go()
        return record

    def first(self) -> bytes | None:
        self.refuse_use("consumer")
        used = self.segment.words[self._head]
        for step in range(len(self._lanes)):
            number = (self._turn + step) % len(self._lanes)
            record = self._lanes[number].peek() if used >> number & 1 else None
            if record is not None:
                self._turn = self.lane_number = number
                return record
        return None

    def let_go(self) -> None:
        if self.first() is None:
            raise ValueError(f"{self.segment.path}: there is no record to let go of")
        self._lanes[self._turn].advance()
        self._turn = (self._turn + 1) % len(self._lanes)

    def pop_many(self, limit: int | None = None) -> bytes:
        found: list[bytes] = []
        while (limit is None or len(found) < limit) and (record := self.pop()) is not None:
            found.append(record)
        return b"".join(found)

    def recover(self) -> list[dict[str, int | None]]:
        """Frees the lanes of producers that died, and says of each: lane, pid, what waits in it, what is lost."""
        self.refuse_use("consumer")
        found = []
        for number, lane in enumerate(self._lanes):
            held, before = lane[OWNER], lane[LOST]
            if held and not alive(held) and self.segment.swap(lane.base + OWNER, held, self._mine):
                lane.count_begun()
                lane[TAKEOVERS] += 1
                found.append(
                    {"lane": number, "pid": pid_of(held), "waiting": lane.waiting(), "lost": lane[LOST] - before}
                )
                lane[OWNER] = 0
        return found

    def __len__(self) -> int:
        waiting: int = sum(one["pushed"] - one["popped"] for one in self.lane_counters())
        return max(0, waiting)

    @property
    def position(self) -> int:  # type: ignore[override]
        return self._lanes[self.lane_number if self.role == "producer" else self._turn].next

    def counters(self) -> dict[str, Any]:
        lanes = self.lane_counters()
        total: dict[str, Any] = {name: sum(one[name] for one in lanes) for name in COUNTED}
        total["takeovers"] += self.segment.words[self._head + 2]
        total["producers"] = [one["producer"] for one in lanes if one["producer"]]
        total["consumer"] = pid_of(self.segment.words[self._head + 1])
        return total

    def lane_counters(self) -> list[dict[str, Any]]:
        return [lane.counters() for lane in self._lanes]


def refuse_lanes(path: str | Path, lanes: int) -> None:
    if not 1 <= lanes <= MAX_LANES:
        raise SegmentError(f"{path}: a ring has 1..{MAX_LANES} lanes, not {lanes}")


def _slots_offset(lanes: int) -> int:
    return -(-(2 * HEADER_BYTES + lanes * 2 * SIDE_BYTES) // PAGE) * PAGE
