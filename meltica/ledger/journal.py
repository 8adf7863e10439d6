"""Makes entries and posts them: the only code that changes a balance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from meltica.ledger.chart import Book, What
from meltica.ledger.days import Days
from meltica.ledger.entry import Entry, Posting
from meltica.ledger.positions import Fill
from meltica.ledger.stream import Stream, StreamTable
from meltica.ledger.tables import ENTRIES_KEPT, LedgerTables, fresh_balance

Change = tuple[int, int, int, int, int]
"""What changed of (traded value, fees, cost, realised, rounding), in nanos."""


class Place(NamedTuple):
    """Whose books; strategy and instrument are empty where it is about neither."""

    account: str
    strategy: str = ""
    instrument: str = ""


class Journal:
    def __init__(self, tables: LedgerTables, days: Days) -> None:
        self._tables = tables
        self._days = days

    def trade(self, what: What, at: StreamTable, fill: Fill, change: Change) -> None:
        self._trade(what, at, fill.strategy, fill.execution_id, change)

    def change(self, what: What, stream: Stream, rows: dict[int, Fill], reference: str) -> None:
        """Rows of a stream become others: one entry of what that makes different in all."""
        old = [stream.table.rows[row] for row in rows]
        strategy = next(iter(rows.values())).strategy
        sums = stream.replace(rows)
        value = sum(fill.value for fill in rows.values()) - sum(fill.value for fill in old)
        fees = sum(fill.fee for fill in rows.values()) - sum(fill.fee for fill in old)
        self._trade(what, stream.table, strategy, reference, (value, fees, sums.cost, sums.realised, sums.rounding))

    def _trade(self, what: What, at: StreamTable, strategy: str, reference: str, change: Change) -> None:
        value, fees, cost, realised, rounding = change
        currency = at.currency
        postings = (
            (Book.CASH, currency, -value - fees),
            (Book.POSITION, currency, cost),
            (Book.REALISED, currency, -realised),
            (Book.FEES, currency, fees),
            (Book.ROUNDING, currency, rounding),
        )
        self.book(what, Place(at.account, strategy, at.instrument), reference, postings)

    def book(self, what: What, place: Place, reference: str, postings: Iterable[tuple[Book, str, int]]) -> None:
        """One entry at the journal entry that is being booked; postings of 0 are left out.

        :raises UnbalancedError: they do not add up; nothing is posted then.
        """
        tables = self._tables
        entry = Entry(
            sequence=tables.sequence,
            time_ns=tables.time_ns,
            what=what,
            account=place.account,
            strategy=place.strategy,
            instrument=place.instrument,
            reference=reference,
            postings=tuple([Posting(book, currency, nanos) for book, currency, nanos in postings if nanos]),
        )
        self._days.day(place.account)
        balances = tables.balances.get(place.account)
        if balances is None:
            balances = tables.balances[place.account] = {}
        for posting in entry.postings:
            balance = balances.get(posting.currency)
            if balance is None:
                balance = balances[posting.currency] = fresh_balance()
            balance[posting.book] += posting.nanos
        tables.entries.append(entry)
        tables.entries_made += 1
        if len(tables.entries) > 2 * ENTRIES_KEPT:
            del tables.entries[:-ENTRIES_KEPT]
