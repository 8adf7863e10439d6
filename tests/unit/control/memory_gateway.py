"""A gateway for tests: the real engine and gate behind ``domain.ports.Gateway``, its journal a list in memory.

No venue: a test says what the venue reports. Durability can be held back, to see that nobody is answered before.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import msgspec

from meltica import hot
from meltica.app.execution_keeper import ExecutionKeeper
from meltica.app.ledger_keeper import LedgerKeeper
from meltica.domain.commands import Command, RegisterInstrument, SetLimits, asks_the_same
from meltica.domain.errors import NotAcceptingError, RequestReusedError
from meltica.domain.inputs import Input, Record, encode_record
from meltica.domain.market import Mark, TopOfBook
from meltica.domain.ports import Answer, AuditEntry, AuditHead, AuditReport, Book, GateStatus, HotGateStatus
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.engine import Engine
from meltica.ledger.ledger import Ledger
from tests.engines import BTC, MARK_TICKS, SECOND, instrument, wide_limits

SYSTEM = "system:test"


STRATEGIES = ("a", "b", "even", "odd", "other", "mine")


HOT_GATE = HotGateStatus(
    gate="edge",
    standing="DEAD",
    why="silent for 251 ms",
    gate_epoch=3,
    pid=77,
    silent_ns=1_500_000_000,
    lapses=2,
    entries_published=9,
    entries_applied=8,
    drops_kept=41,
    slices={"firm/max_open_orders": 10},
    claims={"accounts/main/max_open_orders": 4, "firm/max_open_orders": 12},
    revoking=("firm/max_open_orders",),
)


class MemoryGateway:
    """Implements ``domain.ports.Gateway``."""

    def __init__(self, backend: str = "python") -> None:
        gate = hot.load(backend).Gate(max_instruments=16, max_accounts=4)
        self.engine = Engine(gate, max_instruments=16, max_accounts=4)
        self.state = self.engine.state
        self.journal: list[tuple[AuditEntry, Record]] = []
        self.answers: dict[str, tuple[Command, Answer]] = {}
        self.books: dict[str, Book] = {}
        self.tops: asyncio.Queue[TopOfBook] = asyncio.Queue()
        self.accepting = True
        self.executions = ExecutionKeeper(0)
        self.accounting = LedgerKeeper(Ledger())
        self.fault: Exception | None = None
        self.durable = asyncio.Event()
        """Cleared: nothing becomes durable until it is set again."""
        self.durable.set()
        self._grown = asyncio.Event()
        self._setup()

    def _setup(self) -> None:
        self.step(RegisterInstrument(request_id="setup-1", actor=SYSTEM, instrument=instrument()))
        rows = wide_limits(
            max_quantity_lots=10_000_000, collar_bps=1000, reference_max_age_ns=10 * SECOND, strategies=STRATEGIES
        )
        for number, limits in enumerate(rows):
            self.step(SetLimits(request_id=f"setup-{number + 2}", actor=SYSTEM, limits=limits, revision=0))

    def step(self, body: Any) -> Answer:
        now_ns = time.time_ns()
        happened = Input(now_ns, body, (Mark(BTC, now_ns, MARK_TICKS),))
        record = Record(happened, self.engine.step(happened))
        sequence = len(self.journal) + 1
        self.executions.take(sequence, now_ns, record)
        self.accounting.take(sequence, now_ns, record)
        payload = encode_record(record)
        previous = self.journal[-1][0].hash if self.journal else b"\0" * 32
        self.journal.append(
            (AuditEntry(sequence, now_ns, payload, hashlib.sha256(previous + payload).digest()), record)
        )
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()
        return Answer(sequence, now_ns, record.events)

    def report(self, client_order_id: str, exec_type: ExecType, **facts: Any) -> Answer:
        """The venue says something about an order."""
        return self.step(
            ExecutionReport(venue="BINANCE", client_order_id=client_order_id, exec_type=exec_type, **facts)
        )

    def fill(self, client_order_id: str, execution_id: str, lots: int, ticks: int, fee_nanos: int = 0) -> Answer:
        return self.report(
            client_order_id,
            ExecType.TRADE,
            execution_id=execution_id,
            last_quantity_lots=lots,
            last_price_ticks=ticks,
            fee_nanos=fee_nanos,
            maker=True,
        )

    async def execute(self, command: Command) -> Answer:
        if self.fault is not None:
            raise self.fault
        if not self.accepting:
            raise NotAcceptingError("the gateway is draining")
        if (known := self.answers.get(command.request_id)) is not None:
            if not asks_the_same(command, known[0]):
                raise RequestReusedError(f"request_id {command.request_id} was used for another command")
            return known[1]
        answer = self.step(command)
        await self.durable.wait()
        self.answers[command.request_id] = (command, answer)
        return answer

    async def settled(self) -> int:
        await self.durable.wait()
        return len(self.journal)

    async def records(self, after: int) -> AsyncIterator[tuple[int, int, Record]]:
        while True:
            grown = self._grown
            while after < len(self.journal):
                entry, record = self.journal[after]
                after = entry.sequence
                yield entry.sequence, entry.time_ns, record
            await grown.wait()

    def mark(self, instrument_id: str) -> Mark | None:
        return Mark(BTC, time.time_ns(), MARK_TICKS) if instrument_id == BTC else None

    def book(self, instrument_id: str, depth: int) -> Book | None:
        if (book := self.books.get(instrument_id)) is None:
            return None
        return msgspec.structs.replace(book, bids=book.bids[:depth], asks=book.asks[:depth])

    async def market(self, instruments: Collection[str]) -> AsyncIterator[TopOfBook]:
        while True:
            top = await self.tops.get()
            if not instruments or top.instrument in instruments:
                yield top

    def gate_status(self) -> GateStatus:
        return GateStatus(
            backend="python",
            passed=7,
            refused={"KILL_SWITCH": 2},
            latency_p50_ns=90,
            latency_p99_ns=400,
            hot_gates=(HOT_GATE,),
        )

    async def audit_entries(self, after: int, limit: int) -> Sequence[AuditEntry]:
        return [entry for entry, _ in self.journal[after : after + limit]]

    async def audit_head(self) -> AuditHead:
        newest = self.journal[-1][0]
        return AuditHead("memory", newest.sequence, newest.hash)

    async def audit_verify(self) -> AuditReport:
        previous, problems = b"\0" * 32, []
        for entry, _ in self.journal:
            previous = hashlib.sha256(previous + entry.payload).digest()
            if previous != entry.hash:
                problems.append(f"entry {entry.sequence}: the hash does not fit")
        return AuditReport(len(self.journal), await self.audit_head(), tuple(problems))
