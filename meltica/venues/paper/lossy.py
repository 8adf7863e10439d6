"""A paper venue behind a bad line: commands and answers are lost or late, and nobody knows what became of them.

What is lost is drawn from the seed and the number of the command, so the same day goes the same way again. The answer
to a command is the first report under its client order id. Whoever waits for one ``timeout_ns`` in vain is told
``OutcomeUnknown``; a query finds the answer that was withheld, or that the venue has no such thing. Executions may get
lost as well: those are found by a statement alone.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from meltica.domain.market import MarketEvent
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.outcomes import QueryRequested
from meltica.domain.ports import QueryableVenue, StatingVenue, VenueCommand, VenueSession
from meltica.domain.reports import ExecType, ExecutionReport, OrderNotFound, OutcomeUnknown, VenueReport
from meltica.domain.statements import VenueStatement

MILLION: Final = 1_000_000
WAITING_MAX: Final = 100_000
"""Commands without an answer; beyond it the line is as good as new, so that nothing is forgotten."""


class Faults(msgspec.Struct, frozen=True):
    """How many of a million commands meet which fault."""

    seed: int = 1
    lost_ppm: int = 0
    """Never reach the venue."""
    unanswered_ppm: int = 0
    """Reach it; the answer is lost."""
    late_ppm: int = 0
    """Reach it after ``late_ns``, longer than anybody waits."""
    timeout_ns: int = 1_000_000_000
    late_ns: int = 5_000_000_000
    horizon_ns: int = 10_000_000_000
    """What the venue promises: nothing arrives later than this. 0: no promise."""
    lost_fills_ppm: int = 0
    """Of a million executions: their reports never come. A statement still tells of them."""


class _Fault(enum.Enum):
    LOST = enum.auto()
    UNANSWERED = enum.auto()
    LATE = enum.auto()


class _Waiting(msgspec.Struct):
    command: VenueCommand
    fault: _Fault
    sent_ns: int
    timeout_ns: int
    """When the sender gives up waiting; 0: it has."""
    arrives_ns: int = 0
    """LATE: when the venue gets it; 0: it has it, or never will."""
    withheld: list[VenueReport] = []


class LossySession:
    """A ``VenueSession`` in front of another."""

    def __init__(self, inner: VenueSession, faults: Faults) -> None:
        self._inner = inner
        self._stating = inner if isinstance(inner, StatingVenue) else None
        self._faults = faults
        self._sent = 0
        self._waiting: dict[str, _Waiting] = {}
        """By client order id; what was answered is not here any more."""
        self._reports: list[VenueReport] = []
        self._trades = 0

    @property
    def venue(self) -> str:
        return self._inner.venue

    def send(self, command: VenueCommand, now_ns: int) -> None:
        self._sent += 1
        fault = self._draw()
        if fault is None or len(self._waiting) >= WAITING_MAX:
            self._inner.send(command, now_ns)
            return
        waiting = _Waiting(command, fault, now_ns, now_ns + self._faults.timeout_ns)
        self._waiting[command.client_order_id] = waiting
        if fault is _Fault.UNANSWERED:
            self._inner.send(command, now_ns)
        elif fault is _Fault.LATE:
            waiting.arrives_ns = now_ns + self._faults.late_ns

    def receive(self, event: MarketEvent, now_ns: int) -> Sequence[VenueReport]:
        return self._passed(lambda: self._inner.receive(event, now_ns), now_ns)

    def due(self, now_ns: int) -> Sequence[VenueReport]:
        return self._passed(lambda: self._inner.due(now_ns), now_ns)

    def next_deadline_ns(self) -> int | None:
        moments = [at for waiting in self._waiting.values() for at in (waiting.timeout_ns, waiting.arrives_ns) if at]
        if (inner := self._inner.next_deadline_ns()) is not None:
            moments.append(inner)
        return 0 if self._reports else min(moments, default=None)

    def query(self, asked: QueryRequested, now_ns: int) -> None:
        """What became of it; the answer comes from ``due``."""
        waiting = self._waiting.get(asked.client_order_id)
        if waiting is None:  # It was answered meanwhile; or it was sent before a restart, and the venue knows of it.
            if isinstance(self._inner, QueryableVenue):
                self._inner.query(asked, now_ns)
            return
        if waiting.withheld:
            del self._waiting[asked.client_order_id]
            self._reports.extend(waiting.withheld)
        elif waiting.fault is not _Fault.UNANSWERED:
            known = waiting.command
            original = "" if isinstance(known, OrderSubmitted) else known.original_client_order_id
            text = f"no such order or request after {(now_ns - waiting.sent_ns) // MILLION} ms"
            self._reports.append(
                OrderNotFound(
                    venue=self.venue,
                    client_order_id=asked.client_order_id,
                    original_client_order_id=original,
                    horizon_ns=self._faults.horizon_ns,
                    text=text,
                )
            )

    def statement(self, account: str, now_ns: int) -> None:
        """The way of statements is good: it is what finds out what the other one lost."""
        if self._stating is not None:
            self._stating.statement(account, now_ns)

    def stated(self, now_ns: int) -> Sequence[VenueStatement]:
        return () if self._stating is None else self._stating.stated(now_ns)

    def _draw(self) -> _Fault | None:
        """SHA-256 of seed and number, modulo a million: which of the three ranges it falls into, if any."""
        drawn = self._drawn(f"{self._sent}")
        rows = (_Fault.LOST, self._faults.lost_ppm), (_Fault.UNANSWERED, self._faults.unanswered_ppm)
        for fault, ppm in (*rows, (_Fault.LATE, self._faults.late_ppm)):
            if drawn < ppm:
                return fault
            drawn -= ppm
        return None

    def _drawn(self, name: str) -> int:
        digest = hashlib.sha256(f"{self._faults.seed}|{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % MILLION

    def _loses(self, report: VenueReport) -> bool:
        if not (isinstance(report, ExecutionReport) and report.exec_type is ExecType.TRADE):
            return False
        self._trades += 1
        return self._drawn(f"trade {self._trades}") < self._faults.lost_fills_ppm

    def _passed(self, inner: Callable[[], Sequence[VenueReport]], now_ns: int) -> list[VenueReport]:
        """What the inner session says, less the answers that are lost; then what is said of those."""
        for waiting in self._waiting.values():
            if 0 < waiting.arrives_ns <= now_ns:
                waiting.arrives_ns = 0
                self._inner.send(waiting.command, now_ns)
        passed = [report for report in inner() if not self._withheld(report) and not self._loses(report)]
        for name, waiting in self._waiting.items():
            if 0 < waiting.timeout_ns <= now_ns:
                waiting.timeout_ns = 0
                known = waiting.command
                original = "" if isinstance(known, OrderSubmitted) else known.original_client_order_id
                passed.append(
                    OutcomeUnknown(
                        venue=self.venue,
                        client_order_id=name,
                        original_client_order_id=original,
                        text="no answer in time",
                    )
                )
        reports, self._reports = self._reports, []
        return passed + reports

    def _withheld(self, report: VenueReport) -> bool:
        waiting = self._waiting.get(report.client_order_id)
        if waiting is None or waiting.withheld:
            return False
        if waiting.fault is _Fault.UNANSWERED:
            waiting.withheld = [report]
            return True
        del self._waiting[report.client_order_id]  # A late command is answered after all.
        return False
