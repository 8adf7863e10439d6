"""Single mechanisms by hand: splits, hedging, allocations, fees, funding, currencies, what is said of them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from meltica.domain.accounting import (
    CostMethod,
    InstrumentClass,
    PositionMode,
    class_of,
    convert,
    portions,
)
from meltica.domain.cash import CashKind
from meltica.domain.errors import InvariantError
from meltica.domain.order import Side
from meltica.ledger import checkpoint, views
from meltica.ledger.chart import Book, What
from tests.unit.ledger.clerk import AAPL, BTC, PERP, SAP, Clerk

UNIT = 10_000_000
"""Nanos of one share at one tick of a cent."""


@pytest.fixture
def clerk():
    return Clerk()


def sums(clerk, account, name):
    return tuple(clerk.ledger.stream(account, name).sums)


def balance(clerk, account, currency, book):
    return clerk.ledger.tables.balances[account][currency][book]


def test_a_fill_books_cash_position_and_fee(clerk):
    clerk.fill("main", AAPL, 100, 15_000, 7)
    (entry,) = clerk.ledger.tables.entries
    value = 100 * 15_000 * UNIT
    assert {(p.book, p.nanos) for p in entry.postings} == {
        (Book.CASH, -value - 7),
        (Book.POSITION, value),
        (Book.FEES, 7),
    }
    assert (entry.what, entry.account, entry.strategy, entry.instrument, entry.reference) == (
        What.FILL,
        "main",
        "s",
        AAPL,
        "x1",
    )


def test_records_come_in_their_order_and_once(clerk):
    with pytest.raises(InvariantError, match=r"entry 4 follows 4"):
        clerk.ledger.apply(*clerk.records[-1])
    with pytest.raises(InvariantError, match=r"entry 9 follows 4"):
        clerk.ledger.apply(9, 0, clerk.records[-1][2])


def test_a_correction_of_what_is_not_there_is_our_fault(clerk):
    clerk.fill("main", AAPL, 100, 15_000)
    with pytest.raises(InvariantError, match="no execution 'x9' to correct"):
        clerk.correct("main", AAPL, 1, ("x9", "x10"), 1, 1)


@pytest.mark.parametrize("method", CostMethod)
def test_a_bust_of_the_first_of_many_recomputes_what_came_after(clerk, method):
    clerk.books("main", method)
    clerk.fill("main", AAPL, 10, 100)
    first = clerk.last_order
    clerk.fill("main", AAPL, 10, 200)
    clerk.fill("main", AAPL, -10, 300)
    clerk.correct("main", AAPL, first, ("x1", "x1b"), 0, 0)
    assert sums(clerk, "main", AAPL) == (0, 0, 10 * 100 * UNIT, 0)
    assert clerk.ledger.tables.entries[-1].what is What.CORRECTION
    assert balance(clerk, "main", "USD", Book.CASH) == 10 * 100 * UNIT


def test_a_correction_touches_only_its_instrument(clerk):
    clerk.fill("main", AAPL, 10, 100)
    order = clerk.last_order
    clerk.fill("main", BTC, 5, 100)
    clerk.fill("other", AAPL, 5, 100)
    before = [sums(clerk, "main", BTC), sums(clerk, "other", AAPL)]
    clerk.correct("main", AAPL, order, ("x1", "x1b"), 7, 90, 3)
    assert [sums(clerk, "main", BTC), sums(clerk, "other", AAPL)] == before
    assert sums(clerk, "main", AAPL) == (7, 7 * 90 * UNIT, 0, 0)


def test_a_two_for_one_split_halves_the_average_and_moves_no_money(clerk):
    clerk.fill("main", AAPL, 100, 15_000)
    clerk.mark(AAPL=15_000)
    clerk.split(AAPL, 2, 1)
    (position,) = views.positions(clerk.ledger, "main", "", by_strategy=False)
    assert (position.lots, position.cost_nanos) == (200, 100 * 15_000 * UNIT)
    assert (position.mark_ticks, position.unrealised_nanos) == (7_500, 0)
    assert clerk.ledger.tables.entries[-1].what is What.SPLIT
    assert clerk.ledger.tables.entries[-1].postings == ()
    clerk.fill("main", AAPL, -200, 8_000)
    assert sums(clerk, "main", AAPL) == (0, 0, 200 * 500 * UNIT, 0)


def test_a_correction_of_a_trade_before_a_split_is_split_too(clerk):
    clerk.books("main", CostMethod.FIFO)
    clerk.fill("main", AAPL, 100, 200)
    order = clerk.last_order
    clerk.split(AAPL, 3, 1)
    clerk.fill("main", AAPL, -30, 100)
    clerk.correct("main", AAPL, order, ("x1", "x1b"), 50, 300)
    cost = 50 * 300 * UNIT
    assert sums(clerk, "main", AAPL) == (120, cost * 120 // 150, 30 * 100 * UNIT - cost // 5, 0)
    clerk.correct("main", AAPL, order, ("x1", "x1c"), 0, 0)
    assert sums(clerk, "main", AAPL) == (-30, -30 * 100 * UNIT, 0, 0)


def test_a_reverse_split_that_leaves_nothing_is_a_loss_that_is_said(clerk):
    clerk.fill("main", AAPL, 3, 100)
    clerk.split(AAPL, 1, 10)
    assert sums(clerk, "main", AAPL) == (0, 0, 0, 3 * 100 * UNIT)
    assert balance(clerk, "main", "USD", Book.ROUNDING) == 3 * 100 * UNIT
    assert views.summary(clerk.ledger, "main").balances[0].profit.total == -3 * 100 * UNIT


def test_hedging_keeps_several_positions_and_reducing_orders_close_the_oldest(clerk):
    clerk.books("main", CostMethod.FIFO, PositionMode.HEDGING)
    long, short = clerk.order("main", PERP), clerk.order("main", PERP, side=Side.SELL)
    clerk.fill("main", PERP, 10, 100, order_id=long)
    clerk.fill("main", PERP, -4, 120, order_id=short)
    held = {p.position_id: p.lots for p in views.positions(clerk.ledger, "main", "", by_strategy=False)}
    assert held == {long: 10, short: -4, 0: 0}
    clerk.mark(PERP=110)
    reduce = clerk.order("main", PERP, side=Side.SELL, reduce_only=True)
    clerk.fill("main", PERP, -6, 130, order_id=reduce)
    held = {
        p.position_id: (p.lots, p.realised_nanos) for p in views.positions(clerk.ledger, "main", "s", by_strategy=True)
    }
    unit = clerk.units[PERP]
    assert held == {long: (4, 6 * 30 * unit), short: (-4, 0), 0: (0, 0)}
    clerk.fill("main", PERP, -9, 130, order_id=reduce)
    held = {p.position_id: p.lots for p in views.positions(clerk.ledger, "main", "", by_strategy=False)}
    assert held == {short: -4, reduce: -5, 0: 0}, "what is too much is a position of its own"
    assert clerk.ledger.stream("main", PERP).sums.realised == 10 * 30 * unit
    assert checkpoint.digest(clerk.again()) == checkpoint.digest(clerk.ledger)


def test_the_legs_of_a_group_are_one_position(clerk):
    clerk.books("main", CostMethod.AVERAGE, PositionMode.HEDGING)
    other = clerk.order("main", BTC)
    clerk.fill("main", BTC, 3, 90, order_id=other)
    entry = clerk.order("main", BTC, group_id=7)
    stop = clerk.order("main", BTC, group_id=7, side=Side.SELL, reduce_only=True)
    child = clerk.order("main", BTC, parent_id=entry)
    clerk.fill("main", BTC, 4, 100, order_id=entry)
    clerk.fill("main", BTC, 1, 100, order_id=child)
    clerk.fill("main", BTC, -5, 95, order_id=stop)
    held = {p.position_id: p.lots for p in views.positions(clerk.ledger, "main", "", by_strategy=False)}
    assert held == {other: 3, 0: 0}, "the group's own position is closed, not the oldest"


def test_a_whole_order_is_allocated_at_its_average_price(clerk):
    for sub in ("suba", "subb"):
        clerk.books(sub)
    first = clerk.fill("main", AAPL, 10, 100, 5)
    order = clerk.last_order
    second = clerk.fill("main", AAPL, 5, 130, 2, order_id=order)
    clerk.allocate(1, "main", AAPL, order, (first, second), suba=2, subb=1)
    assert sums(clerk, "main", AAPL) == (0, 0, 0, 0)
    assert balance(clerk, "main", "USD", Book.CASH) == 0
    total = (10 * 100 + 5 * 130) * UNIT
    assert sums(clerk, "suba", AAPL)[:2] == (10, total * 2 // 3)
    assert sums(clerk, "subb", AAPL)[:2] == (5, total // 3)
    assert [balance(clerk, sub, "USD", Book.FEES) for sub in ("suba", "subb")] == [5, 2]
    clerk.correct("main", AAPL, order, (second, "x2b"), 2, 130, 2)
    assert [sums(clerk, sub, AAPL)[0] for sub in ("main", "suba", "subb")] == [0, 8, 4]
    assert sums(clerk, "suba", AAPL)[1] + sums(clerk, "subb", AAPL)[1] == (10 * 100 + 2 * 130) * UNIT
    clerk.reverse(1)
    assert sums(clerk, "main", AAPL) == (12, (10 * 100 + 2 * 130) * UNIT, 0, 0)
    assert all(sums(clerk, sub, AAPL) == (0, 0, 0, 0) for sub in ("suba", "subb"))
    rows = [row for sub in ("suba", "subb", "main") for row in clerk.ledger.stream(sub, AAPL).table.rows]
    assert not any(row.allocation for row in rows)
    assert all(not any(b) for sub in ("suba", "subb") for b in clerk.ledger.tables.balances[sub].values())


def test_portions_add_up_and_are_fair():
    assert portions(10, [1, 1, 1]) == [4, 3, 3]
    assert portions(-10, [1, 1, 1]) == [-4, -3, -3]
    assert portions(100, [3, 0, 1]) == [75, 0, 25]
    assert portions(1, [1, 2]) == [0, 1]
    assert portions(0, [5, 2]) == [0, 0]


def test_funding_is_paid_by_the_long_to_the_short(clerk):
    clerk.fill("main", PERP, 10, 100, strategy="s")
    clerk.fill("main", PERP, -3, 100, strategy="t")
    clerk.fill("other", PERP, -7, 100)
    clerk.funding(PERP, 10**8, 200)  # A hundredth of a percent.
    unit = clerk.units[PERP]
    paid = 7 * 200 * unit // 10_000
    assert balance(clerk, "main", "USDT", Book.FUNDING) == paid
    assert balance(clerk, "other", "USDT", Book.FUNDING) == -paid
    parts = views.positions(clerk.ledger, "main", "", by_strategy=True)
    by_strategy = {p.strategy: p.funding_nanos for p in parts}
    assert by_strategy == {"": 0, "s": -10 * 200 * unit // 10_000, "t": 3 * 200 * unit // 10_000}


def test_a_day_in_two_currencies_and_what_the_rate_did(clerk):
    clerk.books("main", base="USD")
    clerk.cash("main", CashKind.DEPOSIT, "EUR", 1000)
    assert views.summary(clerk.ledger, "main").base_equity is None
    assert views.summary(clerk.ledger, "main").without_rate == ("EUR",)
    clerk.rate("EUR", "USD", 11, 10)
    clerk.day()
    clerk.rate("EUR", "USD", 12, 10)
    clerk.cash("main", CashKind.CONVERSION, "EUR", 500, to_currency="USD", to_nanos=610)
    clerk.cash("main", CashKind.INTEREST, "USD", -10)
    (statement,) = views.statements(clerk.ledger, "main", "")
    assert (statement.base_opening, statement.base_closing) == (1100, 600 + 600)
    assert statement.base_movements == -600 + 600
    assert statement.base_translation == 100
    eur, usd = statement.lines
    assert (eur.opening, eur.conversions, eur.closing) == (1000, -500, 500)
    assert (usd.opening, usd.conversions, usd.interest, usd.closing) == (0, 610, -10, 600)
    clerk.day()
    assert [point.equity for point in views.equity_curve(clerk.ledger, "main")] == [1100, 1200]
    first = views.statements(clerk.ledger, "main", "2026-09-21")
    assert [(s.number, s.ended_ns is None) for s in first] == [(1, False)]
    assert views.statements(clerk.ledger, "nobody", "") == []


def test_another_base_currency_begins_another_curve(clerk):
    clerk.rate("EUR", "USD", 2)
    clerk.books("main", base="USD")
    clerk.cash("main", CashKind.DEPOSIT, "EUR", 1000)
    clerk.day()
    clerk.books("main", base="EUR")
    assert views.equity_curve(clerk.ledger, "main") == []
    (statement,) = views.statements(clerk.ledger, "main", "")
    assert (statement.base_opening, statement.base_closing, statement.base_translation) == (1000, 1000, 0)


def test_the_curve_keeps_all_of_a_long_time_with_fewer_points(clerk):
    clerk.books("main", base="USD")
    clerk.fill("main", AAPL, 1, 100)
    for price in range(1, 10_001):
        clerk.mark(AAPL=price)
    points = views.equity_curve(clerk.ledger, "main")
    assert 4_096 <= len(points) < 8_192
    assert points[0].equity == (1 - 100) * UNIT
    assert points[-1].equity >= (10_000 - 3 - 100) * UNIT
    gaps = {after.time_ns - before.time_ns for before, after in pairwise(points)}
    assert gaps == {2 * 10**9}, "even gaps, over the whole time"


def test_entries_come_in_pages(clerk):
    for number in range(5):
        clerk.cash("main" if number % 2 else "other", CashKind.DEPOSIT, "USD", number + 1)
    page, oldest = views.entries(clerk.ledger, "other", 0, 2)
    assert ([e.number for e in page], oldest) == ([1, 3], 1)
    page, _ = views.entries(clerk.ledger, "other", 3, 2)
    assert [(e.number, e.what, e.postings) for e in page] == [
        (5, "deposit", (("CASH", "USD", 5), ("CAPITAL", "USD", -5)))
    ]


def test_fills_of_different_instruments_may_come_in_any_order():
    fills = [("main", AAPL, 3, 100, 1), ("main", BTC, -2, 70, 0), ("main", SAP, 4, 9, -1), ("other", AAPL, -3, 99, 2)]
    ends = []
    for order in (fills, fills[::-1], fills[2:] + fills[:2]):
        clerk = Clerk()
        for each in order:
            clerk.fill(*each)
        held = [
            (p.account, p.instrument, p.lots, p.cost_nanos, p.fees_nanos)
            for p in views.positions(clerk.ledger, "", "", by_strategy=False)
        ]
        ends.append((held, clerk.ledger.tables.balances["main"], clerk.ledger.tables.balances["other"]))
    assert ends[0] == ends[1] == ends[2]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("AAPL@XNAS", InstrumentClass.EQUITY),
        ("BTC/USDT@BINANCE", InstrumentClass.SPOT),
        ("BTC/USDT:USDT@BINANCE", InstrumentClass.PERPETUAL),
        ("BTC/USD:BTC-261225@OKX", InstrumentClass.FUTURE),
        ("BTC/USDT:USDT-261225-90000-C@BINANCE", InstrumentClass.OPTION),
        ("ETH/USDT:USDT-261225-1800.5-P@BINANCE", InstrumentClass.OPTION),
    ],
)
def test_the_class_is_in_the_symbol(name, kind):
    assert class_of(name) is kind


def test_rates_work_both_ways(clerk):
    clerk.rate("BTC", "USD", 90_000)
    rates = clerk.ledger.tables.rates
    assert convert(2, "BTC", "USD", rates) == 180_000
    assert convert(-180_000, "USD", "BTC", rates) == -2
    assert convert(5, "USD", "USD", rates) == 5
    assert convert(5, "USD", "EUR", rates) is None
