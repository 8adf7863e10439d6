"""The stages of the hot path whose instructions are counted: each does the same work each time.

Run under callgrind by ``bench.instructions``: ``python -m bench.stages marks.so``. Time is not looked at, so a stage
may be slow here; what it must not be is random: seeds are fixed, tables are made before the count begins. Most are one
call from Python for all of their items, so that the interpreter is a small part of what is counted.
"""

from __future__ import annotations

import atexit
import ctypes
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from struct import pack
from typing import Any, Final, NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from bench import ouch
from bench.gate import GateBench
from bench.hot_world import HotWorld
from bench.itch import made
from meltica.hot import load
from meltica.hot.layout_gen import TopOfBookRecord
from meltica.hot.mold import IN_ORDER
from meltica.hot.shared import BroadcastReader, BroadcastWriter, SpscRing, TopOfBookReader, TopOfBookWriter
from meltica.venues.nasdaq.moldudp64 import encode_packet

Work = Callable[[], object]
SEED: Final = 20_261_122
MESSAGES: Final = 20_000
RECORDS: Final = 4_096
CHECKED: Final = 10_000
PACKETS: Final = 1_000
TURNS: Final = 200
LOCATES: Final = 50


class Stage(NamedTuple):
    """``prepare`` makes fresh tables and gives the work that is counted: ``items`` times the same."""

    name: str
    items: int
    prepare: Callable[[], Work]


def itch_decode() -> Work:
    decoder = load("cython").ItchDecoder()
    data = made() * 20

    def work() -> None:
        offset = 0
        while True:
            batch = decoder.decode(data, offset)
            offset = batch.next_offset
            if batch.finished:
                return

    return work


def market() -> bytes:
    """Orders of fifty stocks that come, trade, are replaced and go, as many as there are messages."""
    chance, ref = Random(SEED), 0
    live: list[tuple[int, bytes]] = []
    told: list[bytes] = []
    for _ in range(MESSAGES):
        locate = chance.randrange(1, LOCATES)
        header = pack(">HHHI", locate, 0, 0, 1)
        kind = chance.choice("AAAAUDDEX") if live else "A"
        if kind == "A":
            ref += 1
            side = chance.choice((b"B", b"S"))
            price = 100_000 + chance.randrange(1, 60) * (-100 if side == b"B" else 100)
            body = pack(">QcI8sI", ref, side, 100 * chance.randrange(1, 9), b"STOCK   ", price)
            live.append((ref, side))
        else:
            at = chance.randrange(len(live))
            old, side = live[at]
            if kind == "E":
                body = pack(">QIQ", old, 10, ref)
            elif kind == "X":
                body = pack(">QI", old, 10)
            else:
                live[at] = live[-1]
                live.pop()
                body = pack(">Q", old)
            if kind == "U":
                ref += 1
                price = 100_000 + chance.randrange(1, 60) * (-100 if side == b"B" else 100)
                body += pack(">QII", ref, 300, price)
                live.append((ref, side))
        told.append(pack(">H", 1 + len(header) + len(body)) + kind.encode() + header + body)
    return b"".join(told)


def books(*, queues: bool) -> Work:
    book, data = load("cython").ItchBook(100_000, queues=queues), market()

    def work() -> None:
        messages, _, _ = book.apply_bytes(data)
        judge(messages == MESSAGES, f"{messages} messages were applied")

    return work


@cache
def gate_world() -> GateBench:
    return GateBench()


def gate_batch() -> Work:
    bench = gate_world()
    bench.gate.import_state(bench.fresh)
    return lambda: judge(not (bench.gate.check_batch(bench.records[: CHECKED * 64])[0] >= 0).any(), "orders refused")


def gate_calls() -> Work:
    bench = gate_world()
    bench.gate.import_state(bench.fresh)
    return lambda: bench.gate.bench_calls(bench.records[: CHECKED * 64])


def ouch_encode() -> Work:
    port, records = ouch.make(), b"".join(ouch.one(number).to_bytes() for number in range(1, ouch.ORDERS + 1))
    return lambda: judge(port.encode_batch(records)[1] == 0, "orders were not encoded")


def ouch_decode() -> Work:
    port = ouch.make()
    port.encode_batch(b"".join(ouch.one(number).to_bytes() for number in range(1, ouch.ORDERS + 1)))
    replies = b"".join(ouch.executed(number) for number in range(1, ouch.ORDERS + 1))

    def work() -> None:
        port.decode_batch(replies)
        judge(port.live_orders == 0, "orders were not executed")

    return work


@cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="meltica-stages-", dir="/dev/shm"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def fresh_path() -> Path:
    """A name that nobody had before: segments are not made over old ones."""
    return folder() / f"segment{len(list(folder().iterdir()))}"


def ring() -> Work:
    path = fresh_path()
    there = SpscRing.create(path, slots=RECORDS, role="producer")
    back = SpscRing.attach(path, role="consumer")
    records = bytes(64) * RECORDS

    def work() -> None:
        there.push_many(records)
        judge(len(back.pop_many()) == len(records), "records are missing")

    return work


def broadcast() -> Work:
    path = fresh_path()
    writer = BroadcastWriter.create(path, slots=2 * RECORDS)
    reader = BroadcastReader.attach(path, start="next")
    records = bytes(64) * RECORDS

    def work() -> None:
        writer.push_many(records)
        judge(len(reader.pop_many(RECORDS)) == len(records), "records are missing")

    return work


def tops() -> Work:
    path = fresh_path()
    writer = TopOfBookWriter.create(path)
    reader = TopOfBookReader.attach(path)
    rows = [TopOfBookRecord(at, 84, 0, at, 1, at + 1, 1, 0, 0, 0).to_bytes() for at in range(RECORDS)]
    locates = np.arange(RECORDS, dtype=np.uint16)

    def work() -> None:
        for at, row in enumerate(rows):
            writer.put(at, row)
        reader.read_rows(locates)

    return work


def histogram() -> Work:
    one = load("cython").Histogram()
    values = np.array([Random(SEED + at).randrange(1, 10**6) for at in range(RECORDS)], np.uint64)
    return lambda: one.record_many(values)


def mold() -> Work:
    gate = load("cython").MoldGate()
    name = b"BENCH     "
    packets = [encode_packet(name, 1 + 38 * at, [bytes(30)] * 38) for at in range(PACKETS)]
    gate.open(name, 1)

    def work() -> None:
        for packet in packets:
            judge(gate.take(packet, 0, 1) == IN_ORDER, "a packet is not in order")

    return work


def turns() -> Work:
    """An intent in the ring to its bytes in the out buffer; the turns do not look at the socket, which goes by time."""
    world = HotWorld(Path(tempfile.mkdtemp(dir=folder())))
    KEPT.append(world)
    while world.loop.turns(1_000):
        pass  # What follows from the kill word of the beginning: it looks through the table of orders
    world.send(TURNS)
    return lambda: judge(world.loop.turns(TURNS) == TURNS, "turns without work")


KEPT: Final[list[HotWorld]] = []
"""Worlds whose memory must stay until the end."""


def judge(holds: bool, otherwise: str) -> None:
    """A stage that does less than its work would look fast."""
    if not holds:
        raise RuntimeError(otherwise)


STAGES: Final = (
    Stage("itch: decode to columns", 20_000, itch_decode),
    Stage("books: whole market, levels (L2)", MESSAGES, lambda: books(queues=False)),
    Stage("books: whole market, queues (L3)", MESSAGES, lambda: books(queues=True)),
    Stage("gate: batch", CHECKED, gate_batch),
    Stage("gate: C call", CHECKED, gate_calls),
    Stage("ouch: encode an order", ouch.ORDERS, ouch_encode),
    Stage("ouch: decode an execution", ouch.ORDERS, ouch_decode),
    Stage("ring: push and pop", RECORDS, ring),
    Stage("broadcast: write and read", RECORDS, broadcast),
    Stage("top of book: put from Python, read", RECORDS, tops),
    Stage("histogram: record", RECORDS, histogram),
    Stage("mold: a packet in order, from Python", PACKETS, mold),
    Stage("order loop: a turn with an intent", TURNS, turns),
)


def main(library: str) -> int:
    marks: Any = ctypes.CDLL(library)
    if not marks.marks_present():
        print("this process does not run under callgrind", file=sys.stderr)
        return 2
    for stage in STAGES:
        stage.prepare()()  # What the first call alone does is not counted
        work = stage.prepare()
        marks.marks_begin()
        work()
        marks.marks_end(stage.name.encode())
    for world in KEPT:
        world.__exit__()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
