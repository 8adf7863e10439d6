"""The chart of accounts, and what books where. The tables in docs/guides/accounting.md are printed from these."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from meltica.domain.cash import CashKind


class Book(enum.IntEnum):
    """An account of the double-entry ledger. Each trading account has one set of them in each currency.

    A debit is positive: assets and expenses stand with a plus, capital and income with a minus; all together are 0.
    """

    CASH = 0
    POSITION = 1
    CAPITAL = 2
    REALISED = 3
    FEES = 4
    FUNDING = 5
    INTEREST = 6
    ADJUSTMENT = 7
    CONVERSION = 8
    ROUNDING = 9


class Line(NamedTuple):
    book: Book
    kind: str
    meaning: str


CHART: Final = (
    Line(Book.CASH, "asset", "money at the venue or broker"),
    Line(Book.POSITION, "asset", "open positions at cost; a short one stands with a minus"),
    Line(Book.CAPITAL, "capital", "what the owner paid in, less what was taken out"),
    Line(Book.REALISED, "income", "closed profit and loss, before fees"),
    Line(Book.FEES, "expense", "fees; a rebate makes it less"),
    Line(Book.FUNDING, "income", "funding received, less what was paid"),
    Line(Book.INTEREST, "income", "interest received, less what was paid for what was borrowed"),
    Line(Book.ADJUSTMENT, "income", "what else the venue or the broker booked"),
    Line(Book.CONVERSION, "capital", "the other side of money that became another currency"),
    Line(Book.ROUNDING, "income", "cost of lots that a split left nothing of"),
)


class What(enum.Enum):
    """Why an entry was made."""

    FILL = "fill"
    CORRECTION = "correction"
    ALLOCATION = "allocation"
    SPLIT = "split"
    FUNDING = "funding"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    CONVERSION = "conversion"
    INTEREST = "interest"
    FEE = "fee"
    ADJUSTMENT = "adjustment"


class Rule(NamedTuple):
    what: What
    event: str
    books: tuple[Book, ...]
    """The only ones that such an entry may touch."""


_TRADE: Final = (Book.CASH, Book.POSITION, Book.REALISED, Book.FEES)
RULES: Final = (
    Rule(What.FILL, "OrderFilled", _TRADE),
    Rule(What.CORRECTION, "TradeCorrected", (*_TRADE, Book.ROUNDING)),
    Rule(What.ALLOCATION, "FillAllocated, AllocationReversed", (*_TRADE, Book.ROUNDING)),
    Rule(What.SPLIT, "InstrumentSplit", (Book.POSITION, Book.ROUNDING)),
    Rule(What.FUNDING, "FundingSettled", (Book.CASH, Book.FUNDING)),
    Rule(What.DEPOSIT, "CashBooked DEPOSIT", (Book.CASH, Book.CAPITAL)),
    Rule(What.WITHDRAWAL, "CashBooked WITHDRAWAL", (Book.CASH, Book.CAPITAL)),
    Rule(What.CONVERSION, "CashBooked CONVERSION", (Book.CASH, Book.CONVERSION)),
    Rule(What.INTEREST, "CashBooked INTEREST", (Book.CASH, Book.INTEREST)),
    Rule(What.FEE, "CashBooked FEE", (Book.CASH, Book.FEES)),
    Rule(What.ADJUSTMENT, "CashBooked ADJUSTMENT", (Book.CASH, Book.ADJUSTMENT)),
)
ALLOWED: Final = {rule.what: frozenset(rule.books) for rule in RULES}

AGAINST: Final = {
    CashKind.DEPOSIT: (What.DEPOSIT, Book.CAPITAL, 1),
    CashKind.WITHDRAWAL: (What.WITHDRAWAL, Book.CAPITAL, -1),
    CashKind.CONVERSION: (What.CONVERSION, Book.CONVERSION, -1),
    CashKind.INTEREST: (What.INTEREST, Book.INTEREST, 1),
    CashKind.FEE: (What.FEE, Book.FEES, 1),
    CashKind.ADJUSTMENT: (What.ADJUSTMENT, Book.ADJUSTMENT, 1),
}
"""Cash beside fills -> (what, the book against CASH, the sign of the amount in CASH)."""
