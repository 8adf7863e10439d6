"""The page about accounts: the curve is the ledger's, nothing of it is lost or fetched, whatever the books hold."""

from __future__ import annotations

import random

import pytest

from meltica.app.reports.account_html import EARNED, page
from meltica.app.reports.curve import SECOND_NS, curve, graded, moments, thinned
from meltica.domain.accounting import PositionMode
from meltica.domain.cash import CashKind
from meltica.ledger import views
from tests.unit.app.test_execution_report import parsed
from tests.unit.ledger.clerk import AAPL, BTC, DAY, SAP, START_NS, Clerk

DOLLAR = 10**9


def busy(**books) -> Clerk:
    clerk = Clerk()
    clerk.books("main", base="USD", **books)
    clerk.rate("EUR", "USD", 11, 10)
    clerk.cash("main", CashKind.DEPOSIT, "USD", 1000 * DOLLAR)
    for ticks in (100, 120, 90):
        clerk.fill("main", AAPL, 3, ticks, 7)
        clerk.fill("main", SAP, -2, ticks, -7)
        clerk.mark(AAPL=ticks + 1, SAP=ticks)
        clerk.day()
    return clerk


@pytest.mark.parametrize("mode", PositionMode)
def test_the_page_is_whole_and_fetches_nothing(mode):
    clerk = busy(mode=mode)
    text = page(clerk.ledger, ["main"], title="a <b> & c")
    assert parsed(text).seen.count("svg") == 3, "the curve, and what each day earned in both currencies"
    assert "<b> &" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert text.count(", goes on</td>") == 2, "a row a day and currency"
    for words in ("Equity<", "Days, EUR", "Days, USD", "Positions", AAPL, SAP):
        assert words in text


def test_what_a_day_earned_is_all_that_moved_but_what_was_paid_in():
    clerk = busy()
    clerk.cash("main", CashKind.INTEREST, "USD", 5)
    for day in views.all_statements(clerk.ledger, "main"):
        for line in day.lines:
            earned = sum(nanos_of(line) for _, nanos_of in EARNED.values())
            assert earned == line.closing - line.opening - line.capital - line.conversions


def test_books_without_a_base_currency_a_mark_or_anything():
    assert "Nothing was ever booked" in page(Clerk().ledger, ["main"], title="x")
    clerk = Clerk()
    clerk.fill("main", BTC, 1, 100)
    clerk.cash("<script>", CashKind.DEPOSIT, "USD", 1)
    text = page(clerk.ledger, views.accounts(clerk.ledger), title="x")
    parsed(text)
    assert "no base currency" in text
    assert "<script>" not in text
    assert "Equity of main" in text
    clerk.books("main", base="USD")
    assert "a conversion rate was missing" in page(clerk.ledger, ["main"], title="x")


def test_a_long_curve_keeps_its_ends_its_peaks_and_its_order():
    chance = random.Random(7)
    points = [(at, chance.random()) for at in range(8_192)]
    points[4_000], points[5_000] = (4_000, 9.0), (5_000, -9.0)
    found = thinned(points)
    assert len(found) <= 600
    assert found == sorted(set(found) & set(points))
    assert {points[0], points[-1], (4_000, 9.0), (5_000, -9.0)} <= set(found)
    assert thinned(points[:600]) == points[:600]


@pytest.mark.parametrize("length_s", [1, 7, 61, 3_600, 5 * 3_600, 86_400, 9 * 86_400, 400 * 86_400, 90 * 365 * 86_400])
def test_times_below_the_curve_are_round_few_and_within(length_s):
    end_ns = START_NS + length_s * SECOND_NS
    found = moments(START_NS, end_ns)
    assert 1 <= len(found) <= 8 or length_s < 5
    assert all(START_NS <= at_ns <= end_ns for at_ns, _ in found)
    assert len({words for _, words in found}) == len(found)


def test_a_curve_of_one_point_and_one_that_hardly_moves():
    parsed(f"<html>{curve([(START_NS, 5.0)], [], 'USD', 'x')}</html>")
    text = curve(
        [(START_NS + at, 1_000_000 + at / DAY / 10) for at in range(0, 3 * DAY, DAY)], [START_NS + 1], "USD", "x"
    )
    labels = [word for word in text.replace("<", ">").split(">") if word.startswith("1,000,000.")]
    assert len(set(labels)) > 3, "ticks can be told apart"
    assert text.count("stroke-dasharray") == 1
    assert graded(0.25, (0.0, 0.05, 0.1)) == "0.25"
