"""Orders a second through the whole live gateway with its journal on the disk, 64 in flight.

Two ways: a venue that never answers (submit, gate, journal, answer), and one that fills at once (acknowledgement and
fill are journaled too, so an order is three entries; the clock stops when the last of them is durable). Floor: the same
bytes in the same groups, appended to a file of zeros with fdatasync. Peer: SQLite with the same durability and a commit
for each of the same entries, as a gateway without group commit would do. Wall-clock time: waiting is the point.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time
from typing import Final, NamedTuple, cast

from bench.measure import Row, Series, row
from bench.paper_trading import BTC, deep_book, openings, request_ids, submission
from meltica import hot
from meltica.app.clock import SteadyClock
from meltica.app.gateway import LiveGateway
from meltica.app.kill_latch import KillLatch
from meltica.app.measured_gate import MeasuredGate
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS
from meltica.domain.errors import MelticaError
from meltica.domain.order import Side
from meltica.engine.engine import Engine
from meltica.journal.reader import SqliteReader, entries
from meltica.journal.store import SqliteStore
from meltica.journal.writer import GroupCommitWriter
from meltica.venues.paper.latency import NO_LATENCY, Latency
from meltica.venues.paper.session import PaperSession

IN_FLIGHT: Final = 64
ORDERS: Final = 10_000
PEER_ENTRIES: Final = 500
HASH_AND_HEAD_BYTES: Final = 32 + 16
POLL_S: Final = 0.0005
SILENT: Final = Latency(entry_ns=3_600 * 10**9)
"""Commands are an hour under way: the venue says nothing while we measure."""
SCRATCH: Final = Path(__file__).parents[1] / ".cache" / "bench"  # Not /tmp, which may be memory
FLOOR: Final = "same bytes and groups, append, fdatasync"
PEER: Final = "SQLite FULL, a commit per entry"


class Written(NamedTuple):
    """What one session left behind."""

    seconds: float
    cpu_seconds: float
    """Of the process: loop and commit thread."""
    payloads: list[bytes]
    groups: list[int]
    """Entries of each commit."""


def rows(runs: int, orders: int = ORDERS) -> list[Row]:
    """Orders a second, medians of ``runs``."""
    return [
        *_rows("answered", SILENT, runs, orders),
        *_rows("answered, acknowledged and filled", NO_LATENCY, runs, orders),
    ]


def _rows(what: str, latency: Latency, runs: int, orders: int) -> list[Row]:
    ours, cpu, floor, peer, writer = [], [], [], [], []
    for _ in range(runs):
        with _scratch() as folder:
            written = asyncio.run(_trade(folder, latency, orders))
            entries_an_order = len(written.payloads) / orders
            ours.append(orders / written.seconds)
            cpu.append(written.cpu_seconds / orders * 1_000_000)
            floor.append(orders / _append_zeroed(folder / "floor", written))
            writer.append(orders / asyncio.run(_write(folder / "writer", written.payloads)))
            peer.append(1 / (_commit_each(folder / "peer", written.payloads[-PEER_ENTRIES:]) * entries_an_order))
    least = Series(FLOOR, floor)
    return [
        row(f"durable: orders {what}, {IN_FLIGHT} in flight", "orders/s", ours, floor=least, peer=Series(PEER, peer)),
        row(f"durable: the journal's writer alone, orders {what}", "orders/s", writer, floor=least),
        row(f"durable: CPU time of an order {what}", "µs/order", cpu),
    ]


async def _trade(folder: Path, latency: Latency, orders: int) -> Written:
    async with _gateway(folder, latency) as (gateway, commits):
        begin_seq = await gateway.settled()
        del commits[:]
        left = iter(range(orders))
        ids = (f"order-{number}" for number in range(orders))

        async def one_at_a_time() -> None:
            for number in left:
                await gateway.execute(submission(next(ids), Side.SELL if number & 1 else Side.BUY, None))

        begin, begin_cpu = perf_counter(), process_time()
        await asyncio.gather(*[one_at_a_time() for _ in range(IN_FLIGHT)])
        while latency is NO_LATENCY and gateway.state.working_orders():  # noqa: ASYNC110 - the last fills are told to nobody
            await asyncio.sleep(POLL_S)
        last_seq = await gateway.settled()
        seconds, cpu_seconds = perf_counter() - begin, process_time() - begin_cpu
        if (made := len(gateway.state.tables.orders)) != orders:
            raise AssertionError(f"{made} of {orders} orders")
    with SqliteReader(folder / "journal.db") as source:
        payloads = [entry.payload for entry in entries(source, begin_seq + 1) if entry.seq <= last_seq]
    groups = [after - before for before, after in pairwise([begin_seq, *commits])]
    return Written(seconds, cpu_seconds, payloads, groups)


@asynccontextmanager
async def _gateway(folder: Path, latency: Latency) -> AsyncIterator[tuple[LiveGateway, list[int]]]:
    """A gateway as the live process wires it, without its control plane; and the seq that each commit ended with."""
    path, commits = folder / "journal.db", list[int]()
    store = SqliteStore(path)
    gate = MeasuredGate(hot.Gate(max_instruments=GATE_INSTRUMENTS, max_accounts=GATE_ACCOUNTS), "cython")
    engine = Engine(cast("hot.RiskGate", gate), max_instruments=GATE_INSTRUMENTS, max_accounts=GATE_ACCOUNTS)

    def failed(error: BaseException) -> None:
        raise MelticaError(f"the gateway stopped itself: {error}") from error

    def on_durable(sequence: int) -> None:
        commits.append(sequence)
        gateway.on_durable(sequence)

    with SqliteReader(path) as source:
        async with GroupCommitWriter(store, failed, on_durable) as writer:
            gateway = LiveGateway(
                engine,
                gate=gate,
                writer=writer,
                source=source,
                latch=KillLatch(folder / "kill"),
                clock=SteadyClock(),
                fail=failed,
            )
            for command in openings(request_ids()):
                gateway.take(command)
            gateway.add_venue(PaperSession(BTC.venue, [BTC], latency=latency))
            gateway.open()
            gateway.on_market(deep_book(gateway.clock.now_ns()))
            yield gateway, commits


async def _write(path: Path, payloads: Sequence[bytes]) -> float:
    """Seconds that the group-commit writer takes for the same entries, as many in flight."""

    def failed(error: BaseException) -> None:
        raise error

    async with GroupCommitWriter(SqliteStore(path), failed) as writer:
        left = iter(payloads)

        async def one_at_a_time() -> None:
            for payload in left:
                await writer.durable(writer.append(payload, 1))

        begin = perf_counter()
        await asyncio.gather(*[one_at_a_time() for _ in range(IN_FLIGHT)])
        return perf_counter() - begin


def _append_zeroed(path: Path, written: Written) -> float:
    """Seconds. The blocks are made before the clock starts."""
    blocks, payloads = [], iter(written.payloads)
    for size in written.groups:
        group = [payload for payload, _ in zip(payloads, range(size), strict=False)]
        blocks.append(b"".join(payload + bytes(HASH_AND_HEAD_BYTES) for payload in group))
    path.write_bytes(bytes(sum(map(len, blocks))))
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.fsync(descriptor)
        begin, offset = perf_counter(), 0
        for block in blocks:
            offset += os.pwrite(descriptor, block, offset)
            os.fdatasync(descriptor)
        return perf_counter() - begin
    finally:
        os.close(descriptor)


def _commit_each(path: Path, payloads: Sequence[bytes]) -> float:
    """Seconds an entry."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, payload BLOB, hash BLOB)")
        begin = perf_counter()
        for seq, payload in enumerate(payloads):
            connection.execute("INSERT INTO entries VALUES (?, ?, ?)", (seq, payload, bytes(32)))
        return (perf_counter() - begin) / len(payloads)


@contextmanager
def _scratch() -> Iterator[Path]:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=SCRATCH))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
