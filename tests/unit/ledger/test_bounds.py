"""What is kept in memory has a bound, and goes on counting beyond it."""

from __future__ import annotations

import pytest

from meltica.domain.accounting import AccountBooks
from meltica.domain.cash import CashKind
from meltica.ledger import views
from meltica.ledger.tables import DIFFERENCES_KEPT, ENTRIES_KEPT, STATEMENTS_KEPT
from tests.unit.ledger.clerk import AAPL, Clerk


@pytest.mark.slow
def test_the_newest_entries_are_kept_and_numbers_go_on():
    clerk = Clerk()
    count = 2 * ENTRIES_KEPT + 5
    for _ in range(count):
        clerk.cash("main", CashKind.DEPOSIT, "USD", 1)
    tables = clerk.ledger.tables
    assert tables.entries_made == count
    assert ENTRIES_KEPT <= len(tables.entries) <= 2 * ENTRIES_KEPT
    page, oldest = views.entries(clerk.ledger, "", 0, 1)
    assert (page[0].number, oldest) == (oldest, count - len(tables.entries) + 1)
    page, _ = views.entries(clerk.ledger, "", count - 1, 9)
    assert [(entry.number, entry.postings[0][2]) for entry in page] == [(count, 1)]
    assert tables.balances["main"]["USD"][0] == count


def test_the_newest_statements_are_kept():
    clerk = Clerk()
    clerk.books("main", base="USD")
    clerk.cash("main", CashKind.DEPOSIT, "USD", 7)
    for _ in range(STATEMENTS_KEPT + 3):
        clerk.day()
    kept = clerk.ledger.tables.statements["main"]
    assert len(kept) == STATEMENTS_KEPT
    assert (kept[0].number, kept[-1].number) == (4, STATEMENTS_KEPT + 3)
    assert clerk.ledger.worth.books("nobody") == AccountBooks(account="nobody")


def test_the_newest_differences_are_kept():
    clerk = Clerk(taker_fee_ppm=1000)
    for _ in range(2 * DIFFERENCES_KEPT + 1):
        clerk.fill("main", AAPL, 1, 100, 1)
    tables = clerk.ledger.tables
    assert tables.differences_found == 2 * DIFFERENCES_KEPT + 1
    assert len(tables.differences) == DIFFERENCES_KEPT
    assert views.differences(clerk.ledger, "main", 0, 1)[0].number == DIFFERENCES_KEPT + 2
