"""A producer or consumer that is killed at any moment. Record n of a ring is ``record(n)``; the consumer keeps a tally.

python -m tests.chaos.ring_actor ROLE RING SEGMENT [TALLY]
"""

from __future__ import annotations

import mmap
import os
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from meltica.hot.shared import (
    BroadcastReader,
    BroadcastWriter,
    MpscRing,
    SpscRing,
    TopOfBookReader,
    TopOfBookWriter,
    TornRowError,
)
from tests.conformance.shared_records import number_of, record

BATCH = 16
MAX_RECORDS = 2**26  # Of a sparse file: more than any machine moves in these tests


def tally_of(path: Path) -> np.ndarray:
    """How often each record was dealt with; shared memory, so that a kill takes nothing of it away."""
    path.touch()
    os.truncate(path, MAX_RECORDS)
    with path.open("r+b") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), MAX_RECORDS), np.uint8)


def produce(ring: SpscRing | MpscRing) -> None:
    """Single records and batches; the ring's own position is the number, so a new producer goes on where one died."""
    ready()
    single = True
    while True:
        at = ring.position
        if single:
            ring.push(record(at))
        else:
            ring.push_many(b"".join(record(at + step) for step in range(BATCH)))
        single = not single


def consume(ring: SpscRing, tally: np.ndarray) -> None:
    ready()
    while True:
        data = ring.first()
        if data is not None:
            at = ring.position
            assert number_of(data) == at
            tally[at] += 1  # The record is dealt with, and only then let go of
            ring.let_go()


def produce_lane(ring: MpscRing) -> None:
    """Record n of lane k is ``record(k << 32 | n)``."""
    ready()
    while True:
        ring.push(record(ring.lane_number << 32 | ring.position))


def broadcast(writer: BroadcastWriter) -> None:
    ready()
    while True:
        writer.push(record(writer.position))


def listen(reader: BroadcastReader) -> None:
    ready()
    while True:
        data = reader.pop()
        if data is not None:
            assert number_of(data) == reader.position - 1


def quote(writer: TopOfBookWriter) -> None:
    ready()
    count = 0
    while True:
        writer.put(count % 7, row(count))
        count += 1


def watch(reader: TopOfBookReader) -> None:
    ready()
    while True:
        for locate in range(7):
            with suppress(TornRowError):  # Its writer died in it; the next one empties it
                check_row(reader.read_bytes(locate))


def row(number: int) -> bytes:
    """A row whose words follow from each other."""
    return b"\x22\x00\x00\x00\x00\x00\x00\x00" + record(number, 56)


def check_row(data: bytes) -> None:
    if any(data[8:56]):
        number = int.from_bytes(data[8:16], "little")
        assert data[8:56] == record(number, 56)[:48], f"torn: {data.hex()}"


def ready() -> None:
    os.write(1, b"ready\n")


def main(role: str, kind: str, segment: str, tally: str = "") -> None:
    sys.path.insert(0, "")
    match role, kind:
        case "producer", "spsc":
            produce(SpscRing.attach(segment, role="producer"))
        case "consumer", "spsc":
            consume(SpscRing.attach(segment, role="consumer"), tally_of(Path(tally)))
        case "producer", "mpsc":
            produce_lane(MpscRing.attach(segment, role="producer"))
        case "writer", "broadcast":
            broadcast(BroadcastWriter.attach(segment))
        case "reader", "broadcast":
            listen(BroadcastReader.attach(segment, start="oldest"))
        case "writer", "top":
            quote(TopOfBookWriter.attach(segment))
        case "reader", "top":
            watch(TopOfBookReader.attach(segment))
        case _:
            raise SystemExit(f"no such actor: {role} of {kind}")


if __name__ == "__main__":
    main(*sys.argv[1:])
