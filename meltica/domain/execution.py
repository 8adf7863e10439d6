"""How well orders were executed: the figures, and who answers for them.

Prices are counted in half ticks, because a mid may lie between two ticks, and money in half nanos of the currency, so
that every figure is exact. Costs are positive when the execution was worse than what it is compared with.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

import msgspec

from meltica.domain.instrument import Instrument
from meltica.domain.money import divide_half_even
from meltica.domain.order import Side

MICRO_BASIS_POINTS: Final = 10_000 * 1_000_000
"""Millionths of a basis point in one."""


class Outcome(enum.Enum):
    """What has become of an order. A late fill, a bust or a correction may change it."""

    HELD = "held"
    """The engine keeps it."""
    WORKING = "working"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    """The venue refused it, or it could not be sent."""
    DENIED = "denied"
    """Our own gate refused it: it was no order at any market, and counts in no cost."""


class Stage(enum.Enum):
    """A part of an order's way, by what ends it. Each begins where the one before ends, but for the last three.

    ``WHOLE`` is the sum of those from COMMAND to FIRST_FILL.
    """

    COMMAND = "decision to command"
    HELD = "command to release"
    """Of orders that the engine kept."""
    ENGINE = "command to engine's answer"
    """From the release where there was one."""
    DURABLE = "engine's answer to durable"
    SENT = "durable to sent"
    ACKNOWLEDGED = "sent to acknowledged"
    FIRST_FILL = "acknowledged to first fill"
    LAST_FILL = "first fill to last fill"
    TIME_TO_FILL = "command to first fill"
    TIME_TO_COMPLETE = "command to all filled"
    WHOLE = "decision to first fill"


class GroupBy(enum.Enum):
    ORDER = "order"
    """One row an order; slices are part of their parent's row."""
    STRATEGY = "strategy"
    VENUE = "venue"
    INSTRUMENT = "instrument"
    ACCOUNT = "account"
    DAY = "day"
    ALL = "all"
    """One group, without a key."""


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What was paid beyond ``base``, both in half nanos. ``base`` is 0 where nothing could be compared."""

    cost: int
    base: int

    @property
    def micro_bps(self) -> int | None:
        """Millionths of a basis point, half to even; None: there is nothing to compare with."""
        return None if self.base <= 0 else divide_half_even(self.cost * MICRO_BASIS_POINTS, self.base)


class Shortfall(msgspec.Struct, frozen=True, gc=False):
    """Perold's implementation shortfall and its parts, in half nanos; ``total`` is their sum by definition, and equals
    what the paper portfolio earned beyond the real one."""

    delay: int = 0
    impact: int = 0
    opportunity: int = 0
    fees: int = 0
    paper: int = 0
    """What the paper portfolio cost: all lots at the decision price."""

    @property
    def total(self) -> int:
        return self.delay + self.impact + self.opportunity + self.fees

    def of(self, part: int) -> Cost:
        return Cost(part, self.paper)


class StageFigures(msgspec.Struct, frozen=True):
    """Durations of a stage in nanoseconds. A quantile is exact up to its bucket: the true one lies within both ends."""

    stage: Stage
    count: int
    p50: tuple[int, int]
    p90: tuple[int, int]
    p99: tuple[int, int]
    longest: tuple[int, int]


class ExecutionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a group of orders in one currency. Money in half nanos."""

    key: str
    currency: str
    orders: int = 0
    """Without the denied ones and without slices of a parent."""
    denied: int = 0
    sent: int = 0
    """Orders that went to a venue, slices included."""
    rejected: int = 0
    """Of those, refused by the venue."""
    filled: int = 0
    canceled: int = 0
    expired: int = 0
    working: int = 0
    """Held ones included."""
    unknown: int = 0
    """Orders without an arrival price, such as adopted ones: in no cost, no shortfall and no fill ratio."""
    executions: int = 0
    traded: int = 0
    """Value of all executions."""
    fees: int = 0
    """Of all executions; negative is a rebate."""
    maker: int = 0
    """Value of the executions that the venue said were makers."""
    told: int = 0
    """Value of the executions of which the venue said what they were."""
    ordered: int = 0
    """All lots at their arrival prices."""
    done: int = 0
    """The filled lots at their arrival prices."""
    arrival: Cost
    mid: Cost
    touch: Cost
    shortfall: Shortfall
    stages: tuple[StageFigures, ...]


class OrderExecution(msgspec.Struct, frozen=True, kw_only=True):
    """One order's execution. Prices in half ticks where their name says so; times in Unix nanoseconds, 0: unknown."""

    order_id: int
    parent_id: int
    group_id: int
    """OCO, OTO, OUO, bracket; 0: none."""
    children: tuple[int, ...]
    account: str
    strategy: str
    instrument: Instrument
    side: Side
    outcome: Outcome
    day: str
    quantity_lots: int
    filled_lots: int
    traded_value: int
    """Sum of price_ticks x lots of its executions."""
    decision_half_ticks: int | None
    arrival_half_ticks: int | None
    end_half_ticks: int | None
    """The mark when it ended; None: it has not, or nothing was known."""
    market_lots: int
    market_value: int
    """What others traded from its arrival to its end, as the sum of price_ticks x lots; 0: unknown."""
    shortfall: Shortfall | None
    """None: without an arrival price there is none."""
    summary: ExecutionSummary
    decided_ns: int
    received_ns: int
    released_ns: int
    """When the engine, which had kept it, let it out."""
    stepped_ns: int
    durable_ns: int
    sent_ns: int
    acknowledged_ns: int
    venue_acknowledged_ns: int
    """By the venue's clock."""
    first_fill_ns: int
    venue_first_fill_ns: int
    last_fill_ns: int
    ended_ns: int


class ExecutionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Empty matches all. Days are the trading days in which the orders began, as ``2026-11-23``, both included."""

    account: str = ""
    strategy: str = ""
    venue: str = ""
    instrument: str = ""
    first_day: str = ""
    last_day: str = ""


class ExecutionBooks(Protocol):
    """Figures of all orders in the journal, as far as it is durable."""

    @property
    def sequence(self) -> int:
        """The last journal entry that is in the figures."""

    def order(self, order_id: int) -> OrderExecution | None: ...
    def summaries(self, by: GroupBy, chosen: ExecutionFilter) -> Sequence[ExecutionSummary]:
        """One for each group and currency, by key. Not by order: their number has no bound."""

    def orders(self, chosen: ExecutionFilter, after: int, limit: int) -> Sequence[OrderExecution]:
        """Orders after an id, oldest first; without slices and denied ones."""

    def group(self, group_id: int) -> tuple[Sequence[ExecutionSummary], Sequence[OrderExecution]] | None:
        """Orders that belong together, as one (in each currency) and each by itself."""

    def ended_after(self, sequence: int) -> int:
        """The first row of ``ended`` that happened after this journal entry."""

    def ended(self, row: int, chosen: ExecutionFilter, limit: int) -> tuple[Sequence[OrderExecution], int, int]:
        """Orders that ended, or changed after they had, without slices and denied ones.

        Those of the next ``limit`` rows that match and have not changed since; the row after them; the journal entry
        from which that row is found again.
        """

    def changes(self) -> AsyncIterator[int]:
        """``sequence``, at once and each time that it has grown."""
