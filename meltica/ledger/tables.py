"""All that the ledger knows: what a checkpoint stores, and nothing else."""

from __future__ import annotations

from typing import Final

import msgspec

from meltica.domain.accounting import AccountBooks, Rate, Share
from meltica.domain.accounting_port import EquityPoint, Statement
from meltica.domain.instrument import Instrument
from meltica.ledger.chart import Book
from meltica.ledger.custody import CustodyTable
from meltica.ledger.entry import Entry
from meltica.ledger.fees import FeeDifference, FeeTables
from meltica.ledger.positions import Fill
from meltica.ledger.stream import StreamTable

ENTRIES_KEPT: Final = 100_000
"""The newest; some 30 MB. Older ones follow from the journal whenever somebody needs them."""
DIFFERENCES_KEPT: Final = 10_000
STATEMENTS_KEPT: Final = 1_000
"""Days of each account: more than two years."""
EQUITY_KEPT: Final = 8_192
"""Points of each account; when they are full every second one goes and the next come half as often."""

Balance = list[int]
"""By ``Book``; adds up to 0."""


class Linked(msgspec.Struct, gc=False, kw_only=True, omit_defaults=True):
    """An order that does not stand alone: which position it belongs to when hedging."""

    closes: bool = False
    position: int = 0


class AllocationTable(msgspec.Struct, kw_only=True):
    """Executions that were booked to sub-accounts, and what they were before."""

    account: str
    """Where they came from."""
    instrument: str
    rows: list[int]
    originals: list[Fill]
    """As they would stand today without it: corrections change them here."""
    shares: tuple[Share, ...]
    share_rows: list[int]
    """In the stream of each share's account."""


class DayTable(msgspec.Struct, kw_only=True):
    """One account's day so far."""

    number: int
    began_ns: int
    opening: dict[str, Balance] = {}
    unrealised: dict[str, int] = {}
    """By currency, when the day began."""
    trades: dict[str, tuple[int, int]] = {}
    """Currency -> (how many, traded value)."""
    base_opening: int | None = None


class EquityTable(msgspec.Struct, kw_only=True):
    points: list[EquityPoint] = []
    stride: int = 1
    skipped: int = 0


class LedgerTables(msgspec.Struct, kw_only=True):
    sequence: int = 0
    time_ns: int = 0
    instruments: dict[str, Instrument] = {}
    prices: dict[str, int] = {}
    """Instrument -> the newest journaled mark, in ticks; one that makes no sense counts as none."""
    split_ns: dict[str, int] = {}
    """Instrument -> when it was split last: marks of before are in other units."""
    books: dict[str, AccountBooks] = {}
    rates: dict[str, Rate] = {}
    fees: FeeTables = msgspec.field(default_factory=FeeTables)
    custody: CustodyTable = msgspec.field(default_factory=CustodyTable)
    streams: dict[str, StreamTable] = {}
    """``account|instrument``"""
    balances: dict[str, dict[str, Balance]] = {}
    """Account -> currency -> balance of each book."""
    linked: dict[int, Linked] = {}
    """By order id."""
    groups: dict[int, int] = {}
    """HEDGING: group of contingent orders -> its position, which is its first order's."""
    allocations: dict[int, AllocationTable] = {}
    entries: list[Entry] = []
    """The newest, oldest first."""
    entries_made: int = 0
    differences: list[FeeDifference] = []
    differences_found: int = 0
    days: dict[str, DayTable] = {}
    statements: dict[str, list[Statement]] = {}
    equity: dict[str, EquityTable] = {}


def fresh_balance() -> Balance:
    return [0] * len(Book)
