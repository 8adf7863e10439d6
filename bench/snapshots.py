"""What a snapshot of a full day costs: the longest time that the engine waits, and until it is on the disk.

100,000 open orders and a million that have ended, on the compiled gate. The first snapshot holds all of them; the row
is of a later one, after 10,000 more orders, as in a running gateway. Stops are CPU time of the thread that runs the
engine, so that other programs on the machine do not count; the largest of all pieces is taken. Floor: MessagePack of
the same open orders as plain dicts, in one go, which is also what a stop would cost without parts.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter, thread_time
from typing import Final, NamedTuple

import msgspec

from bench.measure import Row, Series, row
from bench.paper_trading import FAR_TICKS, PaperTrading
from meltica import hot
from meltica.app.snapshots import store
from meltica.domain.groups import Group, Link, Member
from meltica.domain.parent import Parent
from meltica.domain.schedule import Schedule, ScheduleKind
from meltica.engine.engine import Engine
from meltica.engine.snapshot.saving import FORMAT, EncodedPart, Saving, restore
from meltica.journal.chain import entry_hash
from meltica.journal.entry import Entry
from meltica.journal.reader import SqliteReader
from meltica.journal.snapshots import newest_valid
from meltica.journal.store import SqliteStore
from meltica.journal.writer import GroupCommitWriter

OPEN: Final = 100_000
ENDED: Final = 1_000_000
MORE: Final = 10_000
"""Orders that end between two snapshots."""
GROUPS, PARENTS = 20_000, 1_000
WORKING_ORDERS: Final = 131_072
SCRATCH: Final = Path(__file__).parents[1] / ".cache" / "bench"  # Not /tmp, which may be memory
MS: Final = 1_000
FLOOR: Final = "MessagePack of the open orders as dicts"


class Taken(NamedTuple):
    """Milliseconds."""

    longest_stop: float
    whole: float
    floor: float


def rows(runs: int, open_orders: int = OPEN, ended: int = ENDED, more: int = MORE) -> list[Row]:
    trading = PaperTrading(max_working_orders=WORKING_ORDERS)
    trading.market_orders(ended)
    trading.rest(open_orders, FAR_TICKS)
    trading.engine.state.track()
    gc.collect()
    gc.freeze()  # As the gateway does after its start
    try:
        with _scratch() as folder:
            taken = asyncio.run(_snapshots(trading, folder / "journal", runs, more))
            loaded = _load(folder / "journal")
        at_once = _at_once(trading, runs)
    finally:
        gc.unfreeze()
    what, first, later = f"{open_orders:,} open and {ended:,} ended orders", taken[0], taken[1:]
    floor = Series(FLOOR, [one.floor for one in later])
    stop, whole = [one.longest_stop for one in later], [one.whole for one in later]
    return [
        row(f"snapshot: longest stop of the engine, {what}", "ms", stop, floor=floor),
        row(f"snapshot: begun to durable, {what}", "ms", whole, floor=floor),
        row(f"snapshot: the first, all of them, longest stop, {what}", "ms", [first.longest_stop]),
        row(f"snapshot: the first, begun to durable, {what}", "ms", [first.whole]),
        row(f"snapshot: longest stop, {GROUPS:,} brackets and {PARENTS:,} parent orders more", "ms", at_once),
        row(f"snapshot: read back, {what}", "ms", [loaded]),
    ]


def _at_once(trading: PaperTrading, runs: int) -> list[float]:
    """Groups and parents are encoded in the one piece that is taken at the beginning."""
    tables, actor = trading.engine.state.tables, "spiffe://meltica.example/person/tara"
    for number in range(1, 3 * GROUPS, 3):
        members = {number: Member(lots=100), number + 1: Member(lots=100, request=f"m{number}.1")}
        members[number + 2] = Member(lots=100)
        group = Group(group_id=number, link=Link.BRACKET, among=Link.OUO, members=members, actor=actor)
        tables.groups[number] = group
    for number in range(PARENTS):
        schedule = Schedule(kind=ScheduleKind.TWAP, start_ns=1, end_ns=2, slices=10)
        tables.parents[number] = Parent(order_id=number, schedule=schedule)
    stops = []
    for _ in range(runs):
        saving = _TimedSaving(trading.engine)
        stops.append(saving.pieces[0] * MS)
        saving.give_up()
    tables.groups.clear()
    tables.parents.clear()
    return stops


async def _snapshots(trading: PaperTrading, path: Path, runs: int, more: int) -> list[Taken]:
    """The first one, then ``runs`` more."""
    with closing(SqliteStore(path)) as journal:
        _pretend_entries(journal, trading.engine.state.tables.sequence)
    async with GroupCommitWriter(SqliteStore(path), lambda _: None) as writer:
        taken = [await _snapshot(trading, writer)]
        for _ in range(runs):
            trading.market_buys(more)
            while writer.head.seq < trading.engine.state.tables.sequence:
                writer.append(b"{}", 1)
                await writer.room()
            taken.append(await _snapshot(trading, writer))
    return taken


class _TimedSaving(Saving):
    """Its pieces of work, in seconds of the thread."""

    def __init__(self, engine: Engine) -> None:
        begin = thread_time()
        super().__init__(engine)
        self.pieces = [thread_time() - begin]

    def parts(self) -> Iterator[EncodedPart]:
        parts = super().parts()
        while True:
            begin = thread_time()
            part = next(parts, None)
            self.pieces.append(thread_time() - begin)
            if part is None:
                return
            yield part

    def let_go(self) -> Iterator[None]:
        pieces = super().let_go()
        while True:
            begin = thread_time()
            more = next(pieces, self)
            self.pieces.append(thread_time() - begin)
            if more is self:
                return
            yield


async def _snapshot(trading: PaperTrading, writer: GroupCommitWriter) -> Taken:
    begin = perf_counter()
    saving = _TimedSaving(trading.engine)
    await store(saving, writer)
    whole = perf_counter() - begin
    orders = [msgspec.structs.asdict(order) for order in trading.engine.state.working_orders()]
    started = thread_time()
    msgspec.msgpack.encode(orders)
    return Taken(max(saving.pieces) * MS, whole * MS, (thread_time() - started) * MS)


def _load(path: Path) -> float:
    begin = perf_counter()
    with SqliteReader(path) as source:
        found = newest_valid(source, format_version=FORMAT).snapshot
    if found is None:
        raise AssertionError("the snapshot can't be read")
    gate = hot.Gate(max_instruments=16, max_accounts=4, max_working_orders=WORKING_ORDERS)
    restore(found.state, found.parts, found.refs, gate)
    return (perf_counter() - begin) * MS


def _pretend_entries(journal: SqliteStore, count: int) -> None:
    """A snapshot must stand on an entry; what the entries say is not measured here."""
    seq, last = journal.head()
    while seq < count:
        batch = []
        for _ in range(min(count - seq, 10_000)):
            seq, last = seq + 1, entry_hash(last, seq + 1, 1, b"{}")
            batch.append(Entry(seq, 1, b"{}", last))
        journal.append(batch)


@contextmanager
def _scratch() -> Iterator[Path]:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=SCRATCH))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
