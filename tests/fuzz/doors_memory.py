"""Doors of what other processes left in memory and in files: shared segments, the hot process' journal."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from meltica.hot import Action, OrderIntent, OuchPort, Side
from meltica.hot.hot_journal import JournalError, JournalFile, recover
from meltica.hot.layout_gen import SymbolRecord
from meltica.hot.shared import load_shared
from meltica.hot.shared_segment_twin import HEADER_BYTES
from meltica.venues.nasdaq import soupbintcp_wire as wire
from tests.fuzz.door import Door, Script, same, scratch

BACKENDS = tuple(load_shared(name) for name in ("cython", "python"))
SLOTS, LANES = 4, 2
OPENED = 4
"""Records that a template holds, so that there is something to read."""


def _record(number: int) -> bytes:
    return bytes([number]) * 64


# --- segments ---


def _make_spsc(path: Path) -> None:
    ring = BACKENDS[0].SpscRing.create(path, slots=SLOTS, role="producer")
    ring.push_many(b"".join(_record(n) for n in range(3)))
    ring.detach()


def _make_mpsc(path: Path) -> None:
    owner = BACKENDS[0].MpscRing.create(path, slots=SLOTS, lanes=LANES, role="consumer")
    producer = BACKENDS[0].MpscRing.attach(path, role="producer")
    producer.push(_record(1))
    producer.detach()
    owner.detach()


def _make_broadcast(path: Path) -> None:
    writer = BACKENDS[0].BroadcastWriter.create(path, slots=SLOTS)
    writer.push_many(b"".join(_record(n) for n in range(OPENED + 2)))
    writer.detach()


def _make_table(path: Path) -> None:
    writer = BACKENDS[0].TopOfBookWriter.create(path)
    writer.put(3, (34).to_bytes(2, "little") + (3).to_bytes(2, "little") + bytes(60))
    writer.detach()


def _make_kill(path: Path) -> None:
    word = BACKENDS[0].KillWord.create(path)
    word.engage(2, "judge", "a test")
    word.detach()


def _use_spsc(shared: ModuleType, path: Path, role: int) -> Any:
    name = ("producer", "consumer", "observer")[role % 3]
    ring = shared.SpscRing.attach(path, role=name)
    told: list[Any] = [ring.counters(), len(ring)]
    if name == "producer":
        told += [ring.push(_record(n)) for n in range(SLOTS + 1)]
    elif name == "consumer":
        told += [ring.first(), ring.pop_many(2), ring.pop(), ring.discard()]
    told += [ring.counters(), len(ring)]
    ring.detach()
    return told


def _use_mpsc(shared: ModuleType, path: Path, role: int) -> Any:
    name = ("producer", "consumer", "observer")[role % 3]
    ring = shared.MpscRing.attach(path, role=name)
    told: list[Any] = [ring.counters(), len(ring)]
    if name == "producer":
        told += [ring.push(_record(n)) for n in range(SLOTS + 1)]
    elif name == "consumer":
        told += [ring.first(), ring.pop_many(2), ring.pop(), ring.recover()]
    told += [ring.counters(), ring.lane_counters(), len(ring)]
    ring.detach()
    return told


def _use_broadcast(shared: ModuleType, path: Path, role: int) -> Any:
    if role % 4 == 3:
        writer = shared.BroadcastWriter.attach(path)
        writer.push_many(_record(1) + _record(2))
        told = [writer.counters()]
        writer.detach()
        return told
    reader = shared.BroadcastReader.attach(path, start=("oldest", "newest", "next")[role % 4])
    return [len(reader), reader.pop(), reader.pop_many(3), reader.pop_many(9), len(reader), reader.counters()]


def _use_table(shared: ModuleType, path: Path, role: int) -> Any:
    told: list[Any] = []
    if role & 1:
        writer = shared.TopOfBookWriter.attach(path)
        writer.put(5, (34).to_bytes(2, "little") + (5).to_bytes(2, "little") + bytes(60))
        told.append(writer.counters())
        writer.detach()
    reader = shared.TopOfBookReader.attach(path)
    changed, mark = reader.changed_since(0)
    told += [changed.tolist(), mark, reader.counters(), reader.writer_pid()]
    for locate in (0, 3, 5, 0xFFFF):
        try:
            told.append(reader.read_bytes(locate))
        except shared.TornRowError as error:
            told.append(str(error))
    return told


def _use_kill(shared: ModuleType, path: Path, role: int) -> Any:
    word = shared.KillWord.attach(path, gate="g" if role & 1 else None)
    told: list[Any] = [word.is_engaged(), word.verify(), word.status()]
    if role & 2:
        told += [word.engage(3, "who", "why") > 0, word.status()]
    word.detach()
    return told


KINDS: tuple[tuple[Callable[[Path], None], Callable[[ModuleType, Path, int], Any]], ...] = (
    (_make_spsc, _use_spsc),
    (_make_mpsc, _use_mpsc),
    (_make_broadcast, _use_broadcast),
    (_make_table, _use_table),
    (_make_kill, _use_kill),
)
TIMES = ("ns", "time", "age", "epoch")
"""What differs between two runs of the same."""


@cache
def _template(kind: int) -> tuple[bytes, int]:
    """What is not zero, and the size: a table of the whole market is some megabytes of nothing."""
    path = scratch() / f"template{kind}"
    KINDS[kind][0](path)
    data = path.read_bytes()
    path.unlink()
    return data.rstrip(b"\0"), len(data)


def segment(data: bytes) -> None:
    """A whole segment with bytes of it changed, or one that is cut: refused with a sentence, or of use.

    The twin is asked as well as long as the header alone is changed: its words can't wrap around as a processor's do.
    """
    script = Script(data)
    kind, role = script.byte() % len(KINDS), script.byte()
    written, size = _template(kind)
    memory, last = bytearray(written).ljust(1 << 16, b"\0"), 0
    while not script.over:
        place, length = script.number(2), script.byte()
        if length & 0x80:
            size = place
        else:
            patch = script.take(length & 15)
            memory[place : place + len(patch)] = patch
            last = max(last, place + len(patch))
    told = []
    for shared in BACKENDS[: 2 if last <= HEADER_BYTES else 1]:
        path = scratch() / "segment"
        path.write_bytes(memory[:size])
        os.truncate(path, size)
        path.chmod(0o600)
        try:
            told.append(("of use", _without_times(KINDS[kind][1](shared, path, role))))
        except shared.SegmentError as error:
            same(str(path) in str(error), True, "a refusal says of which segment")
            told.append(("refused", None))
        finally:
            path.unlink()
    same(told[0], told[-1], f"kind {kind}, role {role}")


def _without_times(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: _without_times(value) for name, value in told.items()
                if not any(part in name for part in TIMES) and name not in ("placement", "pid")}  # fmt: skip
    if isinstance(told, list | tuple):
        return [_without_times(one) for one in told]
    return told


# --- the journal ---

FACTS = {"port": 1}
MIB = 2**20
SYMBOL = SymbolRecord(7, 7, int.from_bytes(b"CVLT    ", "little"), 100, 1)


@cache
def _journal() -> bytes:
    """The first bytes of a journal with an entry of each kind; the rest are zeros."""
    path = scratch() / "template"
    file = JournalFile(path, 4, FACTS)
    order = OrderIntent(action=Action.NEW, order_id=1, side=Side.BUY, instrument_id=7, account_id=1, strategy_id=0,
                        quantity_lots=10, price_ticks=50, time_ns=0)  # fmt: skip
    for kind, payload, lots in (
        (5, SYMBOL.to_bytes(), 0), (3, b"000010059B", 0), (1, order.to_bytes(), 10), (2, wire.packet("H"), 0),
    ):  # fmt: skip
        file.entries.write(kind, payload, time_ns=9, drops_next=1, allowed_lots=lots)
    used = 4096 + file.entries.bytes_used
    file.close()
    data = path.read_bytes()[: max(used, 4096) + 256]
    path.unlink()
    return data


def journal(data: bytes) -> None:
    """A journal with bytes changed, or cut: refused with a sentence, or folded into a port."""
    script = Script(data)
    drops_next, memory, size = script.byte(), bytearray(_journal()), 64 * 1024
    while not script.over:
        place, length = script.number(2), script.byte()
        if length & 0x80:
            size = place
        else:
            patch = script.take(length & 31)
            memory[place : place + len(patch)] = patch
    path = scratch() / "journal"
    path.write_bytes(memory[:size])
    os.truncate(path, size)
    try:
        file = JournalFile(path, 4, FACTS)
        try:
            recover(file.entries, OuchPort(max_orders=5, max_instruments=16), drops_next=drops_next, port_id=0)
            file.entries.write(3, b"000010059B")
        finally:
            file.close()
    except (JournalError, MemoryError):
        pass
    finally:
        path.unlink()


# --- seeds ---


def segment_seeds() -> list[bytes]:
    untouched = [bytes((kind, role)) for kind in range(len(KINDS)) for role in range(4)]
    patches = [bytes((at, 0, 8)) + bytes([5]) + bytes(7) for at in (0, 8, 12, 16, 24, 32, 64, 72, 80, 128, 192)]
    return [*untouched, *(bytes((kind, 1)) + patch for kind in range(len(KINDS)) for patch in patches),
            *(bytes((kind, 0)) + bytes((100, 0, 0x80)) for kind in range(len(KINDS)))]  # fmt: skip


def journal_seeds() -> list[bytes]:
    numbers = [4096 + 64 * at for at in range(6)]
    patch = [bytes((n,)) + place.to_bytes(2, "little") + b"\x08\x01" + bytes(7) for n in (1, 9) for place in numbers]
    return [b"\1", b"\0", b"\1\0\0\x80", b"\1\x40\x10\x80", *patch]


DOORS = (
    Door("shared_segment", segment, segment_seeds),
    Door("hot_journal", journal, journal_seeds),
)
