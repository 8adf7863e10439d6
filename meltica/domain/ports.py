"""What the rooms need of each other, without knowing each other. They meet in ``meltica.app``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from meltica.domain.approvals import KillSwitch, Proposal
from meltica.domain.breakers import BreakerState, CreditState, DayProfit, MarkState
from meltica.domain.commands import Command
from meltica.domain.corrections import CorrectionKept
from meltica.domain.events import Event
from meltica.domain.groups import Group
from meltica.domain.inputs import Record
from meltica.domain.instrument import Instrument
from meltica.domain.limits import Limits
from meltica.domain.market import Level, Mark, MarketEvent, MarkPrice, TopOfBook
from meltica.domain.order import Order
from meltica.domain.order_events import CancelRequested, OrderSubmitted, ReplaceRequested
from meltica.domain.outcomes import QueryRequested
from meltica.domain.parent import AlgoView, Parent
from meltica.domain.position import Position
from meltica.domain.reports import VenueReport
from meltica.domain.statements import Difference, Standing, VenueStatement

VenueCommand = OrderSubmitted | CancelRequested | ReplaceRequested
"""What a venue can be told, once it is durable."""


class VenueSession(Protocol):
    """A venue as a pure object: no sockets, no clock, no sleeping. The driver owns time and moves what it returns."""

    @property
    def venue(self) -> str:
        """The venue's code, as in ``BTC/USDT@BINANCE``."""

    def send(self, command: VenueCommand, now_ns: int) -> None:
        """Take a command; its answers come from ``receive`` or ``due`` when their time has come."""

    def receive(self, event: MarketEvent, now_ns: int) -> Sequence[VenueReport]:
        """The market moved; what happened to our orders up to and with this event, in order."""

    def due(self, now_ns: int) -> Sequence[VenueReport]:
        """What has happened by ``now_ns`` without news from the market."""

    def next_deadline_ns(self) -> int | None:
        """When ``due`` wants to be called next; None: only after new input."""


@runtime_checkable
class QueryableVenue(VenueSession, Protocol):
    """A venue session that can ask what became of a command. The others leave it to their next connection."""

    def query(self, asked: QueryRequested, now_ns: int) -> None:
        """Ask; the answer is any report of the order, or ``OrderNotFound``. From ``due``, when its time has come."""


@runtime_checkable
class StatingVenue(VenueSession, Protocol):
    """A venue session that can say what is so: orders, fills, positions, balances."""

    def statement(self, account: str, now_ns: int) -> None:
        """Ask for one; its parts come from ``stated`` when their time has come."""

    def stated(self, now_ns: int) -> Sequence[VenueStatement]:
        """Some of the parts that have come by now, in any order; the rest with the next calls. Empty: no more now."""


class StatementSource(msgspec.Struct, frozen=True):
    """How statements of an account come from a venue, as this process is wired."""

    venue: str
    account: str
    every_ns: int
    no_source: str = ""
    """Why none come: then nothing is compared there. Empty: they come."""
    overdue: bool = False
    """None was compared for so long that it is nobody's delay."""


class Answer(msgspec.Struct, frozen=True):
    """The engine's answer to a command: durable as journal entry ``sequence``."""

    sequence: int
    time_ns: int
    events: tuple[Event, ...]


class Book(msgspec.Struct, frozen=True):
    """The market's book of an instrument, best first."""

    instrument: str
    time_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    valid: bool
    mark: MarkPrice | None = None
    """The venue's mark price, where it publishes one."""


class HotGateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A gate in a process of its own, as the gateway sees it."""

    gate: str
    standing: str
    """ABSENT, JOINING, ADMITTED, READY, ARMED or DEAD. Only ARMED lets orders out."""
    why: str
    gate_epoch: int
    pid: int
    silent_ns: int
    """How long nothing has been heard of it."""
    lapses: int
    entries_published: int
    entries_applied: int
    drops_kept: int
    """Its last drop copy that is in the journal."""
    slices: dict[str, int]
    """Line -> what it was granted last."""
    claims: dict[str, int]
    """Line -> the most that it may believe that it has."""
    revoking: tuple[str, ...]
    """Lines whose limit was lowered below what gates may still believe that they have."""


class GateStatus(msgspec.Struct, frozen=True):
    """What the gate has done since the process started. Latencies in nanoseconds."""

    backend: str
    passed: int
    refused: dict[str, int]
    """By first reason."""
    latency_p50_ns: int
    latency_p99_ns: int
    hot_gates: tuple[HotGateStatus, ...] = ()


class State(Protocol):
    """The engine's state, to be read between two steps. What it returns is the engine's own: look, don't touch."""

    def instruments(self) -> Iterable[Instrument]: ...
    def instrument(self, instrument: str) -> Instrument | None: ...
    def order(self, order_id: int) -> Order | None: ...
    def group(self, group_id: int) -> Group | None:
        """Orders that belong together."""

    def groups(self) -> Iterable[Group]: ...
    def is_group_open(self, group: Group) -> bool:
        """May one of its orders still trade?"""

    def orders(self) -> Iterable[Order]:
        """All orders, oldest first."""

    def working_orders(self) -> Iterable[Order]:
        """Those that may still be filled at their venues, oldest first."""

    def open_orders(self) -> Iterable[Order]:
        """The working ones, and those that the engine holds until their moment comes, oldest first."""

    def algo(self, order_id: int, now_ns: int) -> tuple[Parent, AlgoView] | None:
        """A parent order and how far it is; None: the order does not go out in slices."""

    def parents(self) -> Iterable[Parent]:
        """All parent orders, oldest first."""

    def uncertain_orders(self) -> Iterable[Order]:
        """Those of which something was sent without a known outcome, oldest first."""

    def kept_corrections(self) -> Iterable[CorrectionKept]:
        """Those whose trade has not come, oldest first."""

    def differences(self) -> Iterable[Difference]:
        """Where venues and books disagree; those without an id are only suspected."""

    def standings(self) -> Iterable[Standing]:
        """How far each account is reconciled with each venue."""

    def positions(self) -> Iterable[Position]: ...
    def limits(self) -> Iterable[tuple[Limits, int]]:
        """Each limit with its revision."""

    def kill_switches(self) -> Iterable[KillSwitch]:
        """The global one (account empty) first."""

    def proposals(self) -> Iterable[Proposal]: ...
    def breakers(self) -> Iterable[BreakerState]:
        """Those that have tripped once."""

    def marks(self) -> Iterable[MarkState]:
        """Those that were set once."""

    def credit(self) -> Iterable[CreditState]: ...
    def day_began_ns(self) -> int: ...
    def day_profits(self) -> Iterable[DayProfit]:
        """One for each account."""


class Gateway(Protocol):
    """What the control plane and the strategies see of the running system."""

    @property
    def state(self) -> State: ...

    async def execute(self, command: Command) -> Answer:
        """Step the engine with a command; returns when the answer is durable. A known ``request_id`` gives the first
        answer again.

        :raises RequestReusedError: the ``request_id`` was used for a different command.
        :raises NotAcceptingError: the gateway is starting, draining or has failed.
        """

    async def settled(self) -> int:
        """Wait until all that ``state`` now shows is durable; the sequence up to which it is."""

    def records(self, after: int) -> AsyncIterator[tuple[int, int, Record]]:
        """(sequence, time_ns, record) of every durable journal entry after the given one, then as they come."""

    def mark(self, instrument: str) -> Mark | None: ...
    def book(self, instrument: str, depth: int) -> Book | None: ...
    def market(self, instruments: Collection[str]) -> AsyncIterator[TopOfBook]:
        """Top of book as it changes; a slow reader gets the newest, not all. Empty: every instrument."""

    def gate_status(self) -> GateStatus: ...
    async def audit_entries(self, after: int, limit: int) -> Sequence[AuditEntry]:
        """Durable journal entries after a sequence, at most ``limit``."""

    async def audit_head(self) -> AuditHead: ...
    async def audit_verify(self) -> AuditReport:
        """Walk the whole chain from its beginning."""


class AuditEntry(msgspec.Struct, frozen=True):
    sequence: int
    time_ns: int
    payload: bytes
    """The record as JSON (see ``domain.inputs``)."""
    hash: bytes
    """SHA-256 over the previous entry's hash and this entry."""


class AuditHead(msgspec.Struct, frozen=True):
    journal_id: str
    sequence: int
    hash: bytes


class AuditReport(msgspec.Struct, frozen=True):
    entries: int
    head: AuditHead
    problems: tuple[str, ...]
    """Empty: the chain holds."""
