"""Whole examples with every number worked out by hand: cost methods, short and crossing, hedging, currencies, days."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meltica.domain.accounting import CostMethod, PositionMode
from meltica.domain.cash import CashKind
from meltica.ledger import views
from meltica.ledger.chart import Book
from tests.unit.ledger.clerk import AAPL, BTC, DAY, PERP, SAP, SECOND, Clerk

DOLLAR = 10**9
CENTS = 100
AVERAGE, FIFO, LIFO = CostMethod.AVERAGE, CostMethod.FIFO, CostMethod.LIFO


@pytest.fixture
def clerk():
    return Clerk()


def dollars(nanos):
    return Decimal(nanos) / DOLLAR


def trade(clerk, account, name, *rows, fee=0, **facts):
    """Rows of (signed shares, dollars)."""
    for lots, price in rows:
        clerk.fill(account, name, lots, int(Decimal(str(price)) * CENTS), fee, **facts)


def told(clerk, account, name=AAPL):
    """(shares, cost, realised) in dollars."""
    sums = clerk.ledger.stream(account, name).sums
    return sums.lots, dollars(sums.cost), dollars(sums.realised)


LONG = ((100, 10), (100, 12), (-150, 15))
SHORT = ((-100, 20), (-100, 22), (150, 18))
CROSSING = ((100, 10), (-150, 13), (80, 12))
MANY = ((40, 10), (60, 11), (-30, 12), (50, 9), (-70, 13), (-80, 8), (20, 7))


@pytest.mark.parametrize(
    ("rows", "method", "held"),
    [
        (LONG, FIFO, (50, 600, 100 * 5 + 50 * 3)),
        (LONG, LIFO, (50, 500, 100 * 3 + 50 * 5)),
        (LONG, AVERAGE, (50, 550, 150 * 4)),
        (SHORT, FIFO, (-50, -1100, 100 * 2 + 50 * 4)),
        (SHORT, LIFO, (-50, -1000, 100 * 4 + 50 * 2)),
        (SHORT, AVERAGE, (-50, -1050, 150 * 3)),
        (CROSSING, FIFO, (30, 360, 100 * 3 + 50 * 1)),
        (CROSSING, LIFO, (30, 360, 100 * 3 + 50 * 1)),
        (CROSSING, AVERAGE, (30, 360, 100 * 3 + 50 * 1)),
        # FIFO: 30 of the 40@10 at 12: 60. 10@10 and 60@11 at 13: 30 + 120. 50@9 at 8: -50; 30 short @8. 20 back @7: 20.
        (MANY, FIFO, (-10, -80, 60 + 150 - 50 + 20)),
        # LIFO: 30 of the 60@11 at 12: 30. 50@9 and 20@11 at 13: 200 + 40. 10@11 and 40@10 at 8: -30 - 80; the same end.
        (MANY, LIFO, (-10, -80, 30 + 240 - 110 + 20)),
        # Average 10.6: 30 at 12: 42. 70@10.6 and 50@9 are 1192; sold, 70 at 13 and 50 at 8, for 1310: 118.
        (MANY, AVERAGE, (-10, -80, 42 + 118 + 20)),
    ],
)
def test_cost_methods_by_hand(clerk, rows, method, held):
    clerk.books("main", method)
    trade(clerk, "main", AAPL, *rows)
    assert told(clerk, "main") == held, "shares, cost, realised"
    paid = sum(size * price for size, price in rows)
    assert dollars(clerk.ledger.tables.balances["main"]["USD"][Book.CASH]) == -paid


def test_what_does_not_divide_stays_with_what_is_open(clerk):
    """Three shares for 4 cents; sold one by one for 2 cents each: the parts of the cost, half to even, add up."""
    clerk.fill("main", AAPL, 2, 1)
    clerk.fill("main", AAPL, 1, 2)
    costs = [told(clerk, "main")[1]]
    for _ in range(3):
        clerk.fill("main", AAPL, -1, 2)
        costs.append(told(clerk, "main")[1])
    assert costs == [Decimal(text) for text in ("0.04", "0.026666667", "0.013333333", "0")]
    assert told(clerk, "main") == (0, 0, Decimal("0.02"))


def test_a_long_and_a_short_leg_side_by_side(clerk):
    clerk.books("main", FIFO, PositionMode.HEDGING)
    buy = clerk.order("main", AAPL)
    trade(clerk, "main", AAPL, (10, 100), order_id=buy)
    sell = clerk.order("main", AAPL)
    trade(clerk, "main", AAPL, (-4, 110), order_id=sell)
    clerk.mark(AAPL=115 * CENTS)

    def legs():
        rows = views.positions(clerk.ledger, "main", "s", by_strategy=True)
        return {p.position_id: (p.lots, dollars(p.cost_nanos), dollars(p.unrealised_nanos)) for p in rows if p.lots}

    assert legs() == {buy: (10, 1000, 150), sell: (-4, -440, -20)}
    assert told(clerk, "main") == (6, 560, 0), "nothing is closed by the other leg"
    close = clerk.order("main", AAPL, reduce_only=True)
    trade(clerk, "main", AAPL, (-10, 120), order_id=close)
    assert legs() == {sell: (-4, -440, -20)}
    assert told(clerk, "main") == (-4, -440, 200)
    cover = clerk.order("main", AAPL, reduce_only=True)
    trade(clerk, "main", AAPL, (4, 105), order_id=cover)
    assert (legs(), told(clerk, "main")) == ({}, (0, 0, 220))


@pytest.mark.parametrize(("rate", "long_pays"), [("0.0001", "0.6"), ("-0.0001", "-0.6")])
def test_funding_of_both_signs(clerk, rate, long_pays):
    """2 coins at 3,000 dollars, a hundredth of a percent: 0.6 dollars; a negative rate goes the other way."""
    clerk.fill("long", PERP, 2000, 2900 * CENTS)
    clerk.fill("short", PERP, -2000, 2900 * CENTS)
    clerk.funding(PERP, int(Decimal(rate) * 10**12), 3000 * CENTS)
    pays = Decimal(long_pays)
    for account, sign in (("long", -1), ("short", 1)):
        (line,) = views.summary(clerk.ledger, account).balances
        assert dollars(line.profit.funding) == sign * pays
        assert dollars(clerk.ledger.custody.nanos("BINANCE", account, "USDT")) == sign * (2 * 2900 + pays)


def test_funding_of_strategies_that_stand_against_each_other(clerk):
    """The account is flat, and pays nothing; what one of its strategies owes the other one has coming."""
    clerk.fill("main", PERP, 2000, 2900 * CENTS, strategy="a")
    clerk.fill("main", PERP, -2000, 2900 * CENTS, strategy="b")
    before = clerk.ledger.tables.entries_made
    clerk.funding(PERP, 10**8, 3000 * CENTS)
    paid = {
        row.strategy: dollars(row.funding_nanos) for row in views.positions(clerk.ledger, "main", "", by_strategy=True)
    }
    assert paid == {"": 0, "a": Decimal("-0.6"), "b": Decimal("0.6")}
    (whole,) = views.positions(clerk.ledger, "main", "", by_strategy=False)
    assert whole.funding_nanos == 0
    assert clerk.ledger.tables.entries_made == before


def test_several_currencies_at_rates_that_change(clerk):
    """Base USD. 1,000 EUR at 1.10; 10 SAP at 50 EUR; 1.20, SAP at 55; 200 EUR become 242 USD; SAP sold at 54, 1.25."""
    clerk.books("main", AVERAGE, base="USD")
    clerk.rate("EUR", "USD", 11, 10)
    clerk.cash("main", CashKind.DEPOSIT, "EUR", 1000 * DOLLAR)
    trade(clerk, "main", SAP, (10, 50), fee=2 * DOLLAR)

    def equity():
        return dollars(views.summary(clerk.ledger, "main").base_equity)

    assert equity() == Decimal("1097.8")  # 998 EUR
    clerk.rate("EUR", "USD", 6, 5)
    clerk.mark(SAP=55 * CENTS)
    assert equity() == Decimal("1257.6")  # 498 + 550 EUR
    clerk.cash("main", CashKind.CONVERSION, "EUR", 200 * DOLLAR, to_currency="USD", to_nanos=242 * DOLLAR)
    assert equity() == Decimal("1259.6")  # 848 EUR and 242 USD
    trade(clerk, "main", SAP, (-10, 54), fee=1 * DOLLAR)
    clerk.rate("EUR", "USD", 5, 4)
    assert equity() == Decimal("1288.25")  # 298 + 539 EUR and 242 USD
    profits = {line.currency: line.profit for line in views.summary(clerk.ledger, "main").balances}
    assert dollars(profits["EUR"].total) == 40 - 3
    assert profits["USD"].total == 0, "a conversion earns nothing in its own currency"


def test_all_that_was_earned_adds_up_and_is_the_curve_s_last_point(clerk):
    clerk.books("main", FIFO, base="USD")
    clerk.cash("main", CashKind.DEPOSIT, "USD", 10_000 * DOLLAR)
    trade(clerk, "main", AAPL, (100, 10), (-40, 12), fee=3 * DOLLAR)
    clerk.cash("main", CashKind.INTEREST, "USD", -5 * DOLLAR)
    clerk.cash("main", CashKind.ADJUSTMENT, "USD", 7 * DOLLAR)
    clerk.mark(AAPL=11 * CENTS)
    (line,) = views.summary(clerk.ledger, "main").balances
    profit = line.profit
    parts = (profit.realised, profit.unrealised, profit.fees, profit.funding, profit.other)
    assert [dollars(part) for part in parts] == [80, 60, 6, 0, 2]
    assert dollars(profit.total) == 80 + 60 - 6 + 2
    assert dollars(line.equity) == 10_000 + 136 == dollars(line.cash) + 60 * 11
    assert views.equity_curve(clerk.ledger, "main")[-1].equity == line.equity


def test_a_trading_day_over_midnight_and_a_late_correction(clerk):
    """The day begins at 22:00 UTC: what happens after midnight is of the day before; what is closed stays closed."""
    clerk.books("main", AVERAGE, base="USD")
    clerk.now_ns = 1_790_000_000 * SECOND // DAY * DAY + 21 * 3600 * SECOND - DAY
    clerk.day()  # 21:00 the next day
    began_ns = clerk.now_ns
    trade(clerk, "main", AAPL, (100, 10), fee=DOLLAR)  # before midnight
    clerk.now_ns += 6 * 3600 * SECOND
    trade(clerk, "main", AAPL, (-50, 12), fee=DOLLAR)  # after midnight
    clerk.mark(AAPL=11 * CENTS)
    clerk.now_ns = began_ns
    clerk.day()
    first = clerk.ledger.tables.statements["main"][-1]
    (line,) = first.lines
    assert [dollars(x) for x in (line.opening, line.realised, line.unrealised, line.fees, line.closing)] == [
        0,
        100,
        50,
        2,
        148,
    ]
    assert (line.trades, dollars(line.traded)) == (2, 1600)
    clerk.correct("main", AAPL, 1, ("x1", "x1c"), 100, 950, 0)  # Half a dollar cheaper, and without its fee.
    assert clerk.ledger.tables.statements["main"][-1] == first, "what is closed stays as it is"
    (today,) = views.statements(clerk.ledger, "main", "")
    (line,) = today.lines
    assert today.began_ns == first.ended_ns
    assert [dollars(x) for x in (line.opening, line.realised, line.unrealised, line.fees)] == [148, 25, 25, -1]
    assert dollars(line.closing) == 148 + 25 + 25 + 1


def test_allocation_leaves_the_money_at_the_venue_where_it_is(clerk):
    clerk.fill("main", BTC, 3, 100, 7)
    at_venue = clerk.ledger.custody.nanos("BINANCE", "main", "USDT")
    assert at_venue == clerk.ledger.tables.balances["main"]["USDT"][Book.CASH]
    clerk.allocate(1, "main", BTC, 1, ("x1",), suba=2, subb=1)
    assert clerk.ledger.tables.balances["main"]["USDT"][Book.CASH] == 0
    assert clerk.ledger.custody.nanos("BINANCE", "main", "USDT") == at_venue
    assert clerk.ledger.custody.nanos("BINANCE", "suba", "USDT") == 0
    clerk.correct("main", BTC, 1, ("x1", "x1c"), 2, 100, 5)
    assert clerk.ledger.custody.nanos("BINANCE", "main", "USDT") == -2 * 100 * clerk.units[BTC] - 5


def test_money_at_a_venue_by_hand(clerk):
    """100 paid in there and 7 elsewhere; 30 became 25 others; funding after a split is paid on the new lots."""
    clerk.cash("main", CashKind.DEPOSIT, "USDT", 100 * DOLLAR, venue="BINANCE")
    clerk.cash("main", CashKind.DEPOSIT, "USDT", 7 * DOLLAR)
    clerk.cash(
        "main", CashKind.CONVERSION, "USDT", 30 * DOLLAR, venue="BINANCE", to_currency="EUR", to_nanos=25 * DOLLAR
    )
    clerk.cash("main", CashKind.FEE, "USDT", -2 * DOLLAR, venue="BINANCE")
    assert {at: dollars(nanos) for at, nanos in clerk.ledger.custody.at("BINANCE").items()} == {
        ("main", "USDT"): 68,
        ("main", "EUR"): 25,
    }
    clerk.fill("main", PERP, 1000, 10 * CENTS)  # One coin at 10 dollars
    clerk.split(PERP, 3, 1)
    clerk.funding(PERP, 10**10, 10 * CENTS)  # A hundredth of 3 coins at 10 dollars
    assert dollars(clerk.ledger.custody.nanos("BINANCE", "main", "USDT")) == 68 - 10 - Decimal("0.3")


@pytest.mark.parametrize("busted", [1, 2])
def test_a_trade_of_before_a_split_that_is_busted_counts_in_new_lots_at_the_venue_too(clerk, busted):
    """One coin, bought in two halves of which one was shared out; a split later each half is a whole one."""
    for _ in range(2):
        clerk.fill("main", PERP, 500, 10 * CENTS)
    clerk.allocate(1, "main", PERP, 2, ("x2",), suba=1)
    clerk.split(PERP, 2, 1)
    clerk.correct("main", PERP, busted, (f"x{busted}", "b"), 0, 0)
    before = clerk.ledger.custody.nanos("BINANCE", "main", "USDT")
    clerk.funding(PERP, 10**10, 10 * CENTS)  # A hundredth of a coin at 10 dollars
    assert dollars(clerk.ledger.custody.nanos("BINANCE", "main", "USDT") - before) == Decimal("-0.1")


def test_how_much_is_booked_again_counts_the_sub_accounts(clerk):
    """Where there is too much of it the keeper books in a thread."""
    clerk.fill("main", BTC, 3, 100)
    order_id = clerk.last_order
    for _ in range(9):
        clerk.fill("suba", BTC, 1, 100)
    for do in (
        lambda: clerk.allocate(1, "main", BTC, order_id, ("x1",), suba=1, subb=1),
        lambda: clerk.correct("main", BTC, order_id, ("x1", "x1b"), 2, 100),
        lambda: clerk.reverse(1),
    ):
        known = clerk.again()
        do()
        _, _, record = clerk.records[-1]
        assert known.rebooked(record) >= 9
