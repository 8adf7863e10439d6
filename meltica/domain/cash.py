"""What moves the books beside fills: cash, rates, funding, splits, allocations. Commands, and the events they become.

All of it is journaled like an order, so that the ledger follows from the journal alone.
"""

from __future__ import annotations

import enum

import msgspec

from meltica.domain.accounting import AccountBooks, FeeSchedule, Rate, Share, SplitMark
from meltica.domain.market import Mark


class CashKind(enum.Enum):
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    CONVERSION = "conversion"
    """One currency for another."""
    INTEREST = "interest"
    """Signed: received, or paid for what was borrowed."""
    FEE = "fee"
    """Signed: what the venue charges apart from fills is negative, a rebate paid later is positive."""
    ADJUSTMENT = "adjustment"
    """Signed: anything else that the venue or the broker booked."""


class BookCash(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Money came, went, or was earned or charged beside the fills. ``nanos`` as the account sees it: + is more."""

    request_id: str
    actor: str
    account: str
    kind: CashKind
    currency: str
    nanos: int
    """DEPOSIT, WITHDRAWAL and CONVERSION: how much, more than 0. The others: signed."""
    reason: str
    strategy: str = ""
    instrument: str = ""
    to_currency: str = ""
    """CONVERSION: what ``nanos`` of ``currency`` were given for."""
    to_nanos: int = 0
    venue: str = ""
    """Where the money is; empty: at the instrument's venue, and without one at no venue."""


class SetConversionRate(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """One unit of ``base`` is worth numerator / denominator of ``quote`` from now on."""

    request_id: str
    actor: str
    base: str
    quote: str
    numerator: int
    denominator: int


class SetAccountBooks(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    books: AccountBooks


class SetFeeSchedule(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    schedule: FeeSchedule


class SettleFunding(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A funding time of a perpetual: who is long pays rate x position x mark, who is short receives it."""

    request_id: str
    actor: str
    instrument: str
    rate_picos: int
    """Signed, in 10^-12 of the value."""
    mark_ticks: int


class SplitInstrument(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Each ``denominator`` lots become ``numerator``; what they cost stays."""

    request_id: str
    actor: str
    instrument: str
    numerator: int
    denominator: int
    reason: str


class AllocateFill(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Book a fill to sub-accounts instead; of a whole order at its average price where no execution is named."""

    request_id: str
    actor: str
    order_id: int
    shares: tuple[Share, ...]
    by_ratio: bool
    """The parts are a ratio; else they are lots, and add up to the fill."""
    execution_id: str = ""


class ReverseAllocation(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    allocation_id: int
    reason: str


AccountingCommand = (
    BookCash
    | SetConversionRate
    | SetAccountBooks
    | SetFeeSchedule
    | SettleFunding
    | SplitInstrument
    | AllocateFill
    | ReverseAllocation
)


class CashBooked(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    account: str
    kind: CashKind
    currency: str
    nanos: int
    reason: str
    actor: str
    time_ns: int
    strategy: str = ""
    instrument: str = ""
    to_currency: str = ""
    to_nanos: int = 0
    venue: str = ""
    """At which venue; empty: at none."""


class ConversionRateSet(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    rate: Rate
    actor: str
    time_ns: int


class AccountBooksSet(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    books: AccountBooks
    actor: str
    time_ns: int


class FeeScheduleSet(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    schedule: FeeSchedule
    actor: str
    time_ns: int


class FundingSettled(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    instrument: str
    rate_picos: int
    mark_ticks: int
    actor: str
    time_ns: int


class InstrumentSplit(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    instrument: str
    numerator: int
    denominator: int
    reason: str
    actor: str
    time_ns: int


class FillAllocated(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """These executions are the sub-accounts' now. A later correction or bust of one of them is shared likewise."""

    allocation_id: int
    order_id: int
    account: str
    instrument: str
    executions: tuple[str, ...]
    """The ids under which they first came."""
    shares: tuple[Share, ...]
    actor: str
    time_ns: int


class AllocationReversed(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    allocation_id: int
    reason: str
    actor: str
    time_ns: int


AccountingEvent = (
    CashBooked
    | ConversionRateSet
    | AccountBooksSet
    | FeeScheduleSet
    | FundingSettled
    | InstrumentSplit
    | FillAllocated
    | AllocationReversed
)


class AccountingTables(msgspec.Struct, kw_only=True):
    """What the engine must know of accounting to say no: the ledger has the rest."""

    books: dict[str, AccountBooks] = {}
    rates: dict[str, Rate] = {}
    schedules: dict[str, FeeSchedule] = {}
    next_allocation_id: int = 1
    allocations: dict[int, FillAllocated] = {}
    """Those that stand."""
    allocated: dict[str, int] = {}
    """``order id|execution id`` -> the allocation that it is part of."""
    splits: dict[str, list[SplitMark]] = {}
    """By instrument, oldest first."""


def is_outdated(tables: AccountingTables, mark: Mark) -> bool:
    """Is this a price of before the instrument's newest split? Its ticks are those of other lots."""
    splits = tables.splits.get(mark.instrument)
    return splits is not None and mark.time_ns <= splits[-1].time_ns
