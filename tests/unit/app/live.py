"""A live gateway whose journal is a list that becomes durable when the test says so, and whose venue only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from meltica import hot
from meltica.app.gateway import LiveGateway
from meltica.app.kill_latch import KillLatch
from meltica.app.measured_gate import MeasuredGate
from meltica.domain.commands import EngageKillSwitch, RegisterInstrument, SetLimits, SubmitOrder
from meltica.domain.inputs import Record, decode_record
from meltica.domain.limits import SelfMatch
from meltica.domain.market import BookUpdate, MarketEvent
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.ports import VenueCommand
from meltica.domain.reports import VenueReport
from meltica.engine.engine import Engine
from meltica.journal.chain import entry_hash, genesis_hash
from meltica.journal.entry import Entry, Head
from meltica.journal.errors import JournalFailedError
from meltica.journal.port import JournalSource, PartRef, SnapshotRow
from meltica.journal.writer import GroupCommitWriter
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, SECOND, instrument, wide_limits

TARA = "spiffe://meltica.example/person/tara"
OLIVIA = "spiffe://meltica.example/person/olivia"
VENUE = BTC.partition("@")[2]
JOURNAL_ID = b"j" * 16
STRATEGIES = ("maker", "watcher")


class HeldJournal:
    """The writer's and the reader's ports over a list. Nothing is durable before ``commit``."""

    name = "memory"
    journal_id = JOURNAL_ID

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.durable_seq = 0
        self.has_room = True
        self.failure: JournalFailedError | None = None
        self.snapshots: list[int] = []
        self.on_durable: Callable[[int], None] = lambda sequence: None
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []

    def append(self, payload: bytes, time_ns: int) -> int:
        if self.failure is not None:
            raise JournalFailedError(self.name, self.failure.cause)
        head = self.entries[-1].hash if self.entries else genesis_hash(JOURNAL_ID)
        seq = len(self.entries) + 1
        self.entries.append(Entry(seq, time_ns, payload, entry_hash(head, seq, time_ns, payload)))
        return seq

    async def durable(self, seq: int) -> None:
        if seq <= self.durable_seq:
            return
        if self.failure is not None:
            raise JournalFailedError(self.name, self.failure.cause)
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append((seq, waiter))
        await waiter

    async def flush(self) -> None:
        await self.durable(len(self.entries))

    async def save_part(self, seq: int, state: bytes, *, kept: bool) -> PartRef:
        return PartRef(seq, state[:32])

    async def save_snapshot(self, seq: int, format_version: int, state: bytes, parts: Sequence[PartRef] = ()) -> None:
        self.snapshots.append(seq)

    def commit(self, until: int | None = None) -> None:
        """What the journal's thread does: these entries are safe now. Until nothing more follows from them."""
        while True:
            last = len(self.entries) if until is None else until
            if last <= self.durable_seq:
                return
            self.durable_seq = last
            self.on_durable(last)
            for seq, waiter in self._waiters:
                if seq <= last and not waiter.done():
                    waiter.set_result(None)

    def fail(self) -> None:
        self.failure = JournalFailedError(self.name, OSError("the disk is on fire"))
        for _, waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(self.failure)

    def head(self) -> Head:
        return Head(self.durable_seq, self.entries[self.durable_seq - 1].hash)

    def read(self, first_seq: int, limit: int) -> list[Entry]:
        """All of it: the file may hold what the loop has not been told of yet."""
        return self.entries[first_seq - 1 : first_seq - 1 + limit]

    def snapshot_seqs(self) -> list[int]:
        return []

    def snapshot(self, seq: int) -> SnapshotRow | None:
        return None

    def part(self, number: int) -> bytes | None:
        return None

    def records(self) -> list[Record]:
        return [decode_record(entry.payload) for entry in self.entries]


class DeafVenue:
    """Remembers what it was told; what it says, the test says."""

    venue = VENUE

    def __init__(self) -> None:
        self.told: list[VenueCommand] = []

    def send(self, command: VenueCommand, now_ns: int) -> None:
        self.told.append(command)

    def receive(self, event: MarketEvent, now_ns: int) -> Sequence[VenueReport]:
        return ()

    def due(self, now_ns: int) -> Sequence[VenueReport]:
        return ()

    def next_deadline_ns(self) -> int | None:
        return None


class SettableClock:
    def __init__(self) -> None:
        self.time_ns = 1_700_000_000 * SECOND

    def now_ns(self) -> int:
        self.time_ns += 1000
        return self.time_ns


class Live:
    """The gateway and everything around it, open for business with one instrument and one account."""

    def __init__(self, folder: Path, *, gate: Any = None, before: HeldJournal | None = None) -> None:
        """``before``: the journal of a life that ended like a light: what was not durable is gone."""
        self.journal = HeldJournal()
        self.venue = DeafVenue()
        self.failures: list[BaseException] = []
        self.latch = KillLatch(folder / "kill")
        module = hot.load("python")
        raw = gate if gate is not None else module.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
        measured = MeasuredGate(raw, "python")
        engine = Engine(
            cast("hot.RiskGate", measured),
            max_instruments=MAX_INSTRUMENTS,
            max_accounts=MAX_ACCOUNTS,
            intent=module.OrderIntent,
        )
        self.clock = SettableClock()
        if before is not None:
            self.journal.entries = before.entries[: before.durable_seq]
            self.journal.durable_seq = before.durable_seq
            for entry in self.journal.entries:
                engine.absorb(entry.seq, decode_record(entry.payload))
            self.clock.time_ns = engine.state.tables.time_ns
        self.gateway = LiveGateway(
            engine,
            gate=measured,
            writer=cast("GroupCommitWriter", self.journal),
            source=cast("JournalSource", self.journal),
            latch=self.latch,
            clock=cast("Any", self.clock),
            fail=self.failures.append,
        )
        self.journal.on_durable = self.gateway.on_durable
        self.gateway.add_venue(self.venue)
        self.gateway.open()

    def open_up(self) -> None:
        rows = wide_limits(max_open_orders=1_000, strategies=STRATEGIES, self_match=SelfMatch.CANCEL_OLDEST)
        self.gateway.take(RegisterInstrument(request_id="setup-0", actor="system:test", instrument=instrument()))
        for number, limits in enumerate(rows, 1):
            request = SetLimits(request_id=f"setup-{number}", actor="system:test", limits=limits, revision=0)
            self.gateway.take(request)
        self.gateway.on_market(book(self.clock.now_ns()))
        self.journal.commit()

    def told(self, kind: type) -> list[int]:
        """Ids of the orders that the venue was told this about."""
        return [command.order_id for command in self.venue.told if isinstance(command, kind)]


def book(time_ns: int, bid: int = MARK_TICKS - 1, ask: int = MARK_TICKS + 1) -> BookUpdate:
    return BookUpdate(BTC, time_ns, ((bid, 10),), ((ask, 10),), snapshot=True)


def submit(request_id: str, **fields: Any) -> SubmitOrder:
    chosen: dict[str, Any] = {
        "request_id": request_id,
        "actor": TARA,
        "account": "main",
        "strategy": "manual",
        "instrument": BTC,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "quantity_lots": 100,
        "price_ticks": MARK_TICKS,
    }
    return SubmitOrder(**(chosen | fields))


def engage(request_id: str, account: str = "") -> EngageKillSwitch:
    return EngageKillSwitch(request_id=request_id, actor=OLIVIA, reason="a test", account=account)


async def turns(count: int = 5) -> None:
    """Let everybody who can run, run."""
    for _ in range(count):
        await asyncio.sleep(0)


def names(events: Iterable[object]) -> list[str]:
    return [type(event).__name__ for event in events]
