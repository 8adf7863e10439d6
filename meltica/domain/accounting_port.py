"""What others may read of the books, and the records in which they get it. Money in nanos, positions in lots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from meltica.domain.accounting import AccountBooks, CostMethod


class Profit(msgspec.Struct, frozen=True, kw_only=True):
    """What was earned in one currency since the first entry of the journal."""

    currency: str
    realised: int
    unrealised: int
    """At the newest journaled marks; positions without one count as what they cost."""
    fees: int
    funding: int
    other: int
    """Interest, adjustments, and what splits left nothing of."""

    @property
    def total(self) -> int:
        return self.realised + self.unrealised - self.fees + self.funding + self.other


class CurrencyBalance(msgspec.Struct, frozen=True, kw_only=True):
    """Equity = cash + position value = capital + conversions + profit."""

    currency: str
    cash: int
    position_cost: int
    position_value: int
    equity: int
    capital: int
    """Paid in, less taken out."""
    conversions: int
    profit: Profit
    rate_time_ns: int | None
    """When the rate to the base currency was set; None: there is none, or none is needed."""


class AccountSummary(msgspec.Struct, frozen=True, kw_only=True):
    books: AccountBooks
    sequence: int
    time_ns: int
    balances: tuple[CurrencyBalance, ...]
    base_equity: int | None
    """In the base currency; None: a rate is missing, or no base currency was chosen."""
    base_profit: int | None
    without_rate: tuple[str, ...]
    without_mark: tuple[str, ...]
    """Instruments that are held and have no mark."""


class OpenLot(msgspec.Struct, frozen=True, kw_only=True):
    lots: int
    cost_nanos: int
    execution_id: str
    time_ns: int


class BookPosition(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    strategy: str
    """Of a strategy's part; see ``by_strategy``."""
    by_strategy: bool
    """False: all that the account has."""
    instrument: str
    position_id: int
    """HEDGING: which of several; 0 when netting."""
    method: CostMethod
    lots: int
    cost_nanos: int
    realised_nanos: int
    fees_nanos: int
    funding_nanos: int
    other_nanos: int
    """Interest and adjustments that were booked for this instrument."""
    traded_nanos: int
    mark_ticks: int | None
    unrealised_nanos: int | None
    open_lots: tuple[OpenLot, ...]
    """FIFO and LIFO: oldest first, the first hundred."""


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    """Counts entries from 1."""
    sequence: int
    time_ns: int
    what: str
    account: str
    strategy: str
    instrument: str
    reference: str
    postings: tuple[tuple[str, str, int], ...]
    """(book, currency, nanos); a debit is positive; each currency adds up to 0."""


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """One currency of one day: closing = opening + all that is between them, exactly."""

    currency: str
    opening: int
    capital: int
    conversions: int
    realised: int
    unrealised: int
    """Change of it."""
    fees: int
    """Paid: they make the closing less."""
    funding: int
    interest: int
    adjustments: int
    rounding: int
    closing: int
    trades: int
    traded: int


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    number: int
    """The account's days count from 1."""
    began_ns: int
    ended_ns: int | None
    """None: the day goes on."""
    lines: tuple[StatementLine, ...]
    base_currency: str
    base_opening: int | None
    base_movements: int | None
    """The lines' movements at the rates of the day's end."""
    base_translation: int | None
    """What other rates made of the opening: closing - opening - movements."""
    base_closing: int | None


class FeeDifferenceView(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    sequence: int
    time_ns: int
    account: str
    strategy: str
    instrument: str
    execution_id: str
    currency: str
    maker: bool | None
    ppm: int
    expected: int
    reported: int


class EquityPoint(msgspec.Struct, frozen=True, gc=False, array_like=True):
    time_ns: int
    equity: int
    """Nanos of the account's base currency."""


class Accounting(Protocol):
    """The books, as far as the journal is durable."""

    @property
    def sequence(self) -> int:
        """The newest journal entry that is booked."""

    async def booked(self, sequence: int) -> None:
        """Returns when that journal entry is booked.

        :raises NotAcceptingError: the books can't be kept; the message says why.
        """

    def changes(self) -> AsyncIterator[int]:
        """The newest booked sequence, now and whenever there is a newer one; a slow reader misses some."""

    def accounts(self) -> Sequence[str]:
        """Those that have books or bookings, by name."""

    def summary(self, account: str) -> AccountSummary | None: ...
    def positions(self, account: str, strategy: str, *, by_strategy: bool) -> Sequence[BookPosition]:
        """Empty names match all; ordered by account, strategy, instrument, position."""

    def entries(self, account: str, after: int, limit: int) -> tuple[Sequence[EntryView], int]:
        """(entries whose number is above ``after``, oldest first; the number of the oldest that is kept)."""

    def statements(self, account: str, day: str) -> Sequence[Statement]:
        """Those of the days that began on that date (UTC, ``2026-11-23``); an empty date: the day that goes on."""

    def differences(self, account: str, after: int, limit: int) -> Sequence[FeeDifferenceView]: ...
    def equity_curve(self, account: str) -> Sequence[EquityPoint]: ...
