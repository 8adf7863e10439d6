"""The whole ledger under random days against naive books: balances, equity, statements, allocations, restarts."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from meltica.domain.accounting import CostMethod
from meltica.domain.cash import CashKind
from meltica.ledger import checkpoint, views
from meltica.ledger.chart import Book
from meltica.ledger.ledger import Ledger
from tests.unit.ledger.clerk import AAPL, BTC, CURRENCIES, PERP, SAP, Clerk
from tests.unit.ledger.naive import NaiveBooks, Trade

ACCOUNTS, SUBS = ("main", "other"), ("suba", "subb", "subc")
names = st.sampled_from(list(CURRENCIES))
lots = st.integers(-9, 9).filter(bool)
ticks = st.integers(1, 500)
fees = st.integers(-50, 50)


@dataclass
class Booked:
    """An execution of the test, as it should stand."""

    account: str
    name: str
    order_id: int
    ids: list[str]
    side: int
    lots: int
    ticks: int
    fee: int
    trade: Trade
    shares: list[tuple[Trade, int]]
    """Where it was allocated, and with which part."""


def largest_remainder(total: int, parts: list[int]) -> list[int]:
    exact = [Fraction(total * part, sum(parts)) for part in parts]
    found = [int(each) for each in exact]
    for at in sorted(range(len(parts)), key=lambda n: found[n] - exact[n])[: total - sum(found)]:
        found[at] += 1
    return found


class Books(RuleBasedStateMachine):
    booked = Bundle("booked")
    allocated = Bundle("allocated")

    def __init__(self) -> None:
        super().__init__()
        self.clerk = Clerk()
        self.naive = NaiveBooks()
        self.executions: list[Booked] = []
        self.settled: dict[tuple[str, str], int] = defaultdict(int)
        """(account, currency) -> funding, by what each account has traded."""
        self.allocations = 0
        self.steps = 0

    @initialize(method=st.sampled_from(CostMethod))
    def keep(self, method):
        self.method = method
        for account in (*ACCOUNTS, *SUBS):
            self.clerk.books(account, method, base="USD")
        self.clerk.rate("EUR", "USD", 11, 10)
        self.clerk.rate("USD", "USDT", 1)

    @rule(
        target=booked,
        account=st.sampled_from(ACCOUNTS),
        name=names,
        lots=lots,
        ticks=ticks,
        fee=fees,
        strategy=st.sampled_from(["s", "t"]),
    )
    def fill(self, *, account, name, lots, ticks, fee, strategy):
        first = self.clerk.fill(account, name, lots, ticks, fee, strategy=strategy)
        unit = self.clerk.units[name]
        trade = Trade(account, strategy, name, CURRENCIES[name], lots, Fraction(ticks * unit), Fraction(fee))
        self.naive.trades.append(trade)
        side = 1 if lots > 0 else -1
        which = Booked(account, name, self.clerk.last_order, [first], side, abs(lots), ticks, fee, trade, [])
        self.executions.append(which)
        return which

    @rule(target=booked, which=consumes(booked), lots=st.integers(0, 9), ticks=ticks, fee=fees, old=st.booleans())
    def correct(self, which, lots, ticks, fee, old):
        """Named by the id under which it came, or by its newest; a bust is the last thing that is heard of it."""
        ticks, fee = (ticks, fee) if lots else (0, 0)
        reference = which.ids[0] if old else which.ids[-1]
        which.ids.append(f"{which.ids[0]}.{len(which.ids)}")
        self.clerk.correct(which.account, which.name, which.order_id, (reference, which.ids[-1]), lots, ticks, fee)
        which.lots, which.ticks, which.fee = lots, ticks, fee
        self._settle(which)
        return which if lots else multiple()

    @rule(target=allocated, which=booked, parts=st.lists(st.integers(1, 9), min_size=1, max_size=3))
    def allocate(self, which, parts):
        if which.shares:
            return multiple()
        self.allocations += 1
        named = dict(zip(SUBS, parts, strict=False))
        self.clerk.allocate(self.allocations, which.account, which.name, which.order_id, (which.ids[0],), **named)
        for account, part in named.items():
            trade = which.trade
            share = Trade(account, trade.strategy, which.name, trade.currency, 0, Fraction(0), Fraction(0))
            self.naive.trades.append(share)
            which.shares.append((share, part))
        self._settle(which)
        return (self.allocations, which)

    @rule(what=consumes(allocated))
    def reverse(self, what):
        number, which = what
        self.clerk.reverse(number)
        for share, _ in which.shares:
            share.lots, share.fee = 0, Fraction(0)
        which.shares = []
        self._settle(which)

    def _settle(self, which: Booked) -> None:
        """What stands of it, where it is now."""
        price = Fraction(which.ticks * self.clerk.units[which.name])
        if not which.shares:
            which.trade.lots, which.trade.value_per_lot = which.side * which.lots, price
            which.trade.fee = Fraction(which.fee)
            return
        which.trade.lots, which.trade.fee = 0, Fraction(0)
        parts = [part for _, part in which.shares]
        sizes = largest_remainder(which.lots, parts)
        sign = 1 if which.fee >= 0 else -1
        shared = largest_remainder(abs(which.fee), sizes if which.lots else parts)
        for (share, _), size, fee in zip(which.shares, sizes, shared, strict=True):
            share.lots, share.value_per_lot, share.fee = which.side * size, price, Fraction(sign * fee)

    @rule(account=st.sampled_from(ACCOUNTS), kind=st.sampled_from(CashKind), nanos=st.integers(1, 10**6), fee=fees)
    def cash(self, account, kind, nanos, fee):
        money = self.naive.money
        facts: dict[str, Any] = {}
        if kind in (CashKind.DEPOSIT, CashKind.WITHDRAWAL, CashKind.CONVERSION):
            signed = nanos if kind is CashKind.DEPOSIT else -nanos
            money[account, "USD"] += signed
        else:
            nanos = fee or 1
            money[account, "USD"] += nanos
            facts = {"instrument": AAPL, "strategy": "t"}
        if kind is CashKind.CONVERSION:
            facts = {"to_currency": "EUR", "to_nanos": 7}
            money[account, "EUR"] += 7
        self.clerk.cash(account, kind, "USD", nanos, **facts)

    @rule(rate=st.integers(-(10**10), 10**10).filter(bool), ticks=ticks)
    def funding(self, rate, ticks):
        for account in (*ACCOUNTS, *SUBS):
            held = sum(t.lots for t in self.naive.trades if (t.account, t.instrument) == (account, PERP))
            exact = Fraction(-held * ticks * self.clerk.units[PERP] * rate, 10**12)
            self.naive.money[account, "USDT"] += round(exact)
            traded = sum(x.side * x.lots for x in self.executions if (x.account, x.name) == (account, PERP))
            self.settled[account, "USDT"] += round(Fraction(-traded * ticks * self.clerk.units[PERP] * rate, 10**12))
        self.clerk.funding(PERP, rate, ticks)

    @rule(btc=ticks, aapl=ticks)
    def mark(self, btc, aapl):
        self.clerk.mark(BTC=btc, PERP=btc, AAPL=aapl, SAP=aapl)

    @rule()
    def day(self):
        self.clerk.day()

    @rule()
    def restart(self):
        self.clerk.ledger = checkpoint.decode(checkpoint.opened(checkpoint.encode(self.clerk.ledger, b"j")), b"j")

    @invariant()
    def balanced(self):
        ledger = self.clerk.ledger
        for balances in ledger.tables.balances.values():
            assert all(sum(balance) == 0 for balance in balances.values())

    @invariant()
    def cash_and_positions_are_the_naive_ones(self):
        ledger = self.clerk.ledger
        for account, balances in ledger.tables.balances.items():
            for currency, balance in balances.items():
                assert balance[Book.CASH] == self.naive.cash(account, currency)
                assert balance[Book.FEES] >= -(10**9)
        for stream in ledger.tables.streams.values():
            sums = ledger.stream(stream.account, stream.instrument).sums
            held, cost, realised = self.naive.position(stream.account, stream.instrument, self.method.value)
            assert sums.lots == held
            if self.method is CostMethod.AVERAGE:
                assert abs(sums.cost - cost) <= 1000
                assert sums.realised - sums.cost == realised - cost, "together exact"
            else:
                assert (sums.cost, sums.realised) == (cost, realised)

    @invariant()
    def what_a_venue_should_say_is_what_was_traded_there(self):
        """Whatever was allocated to whom; money that was booked at no venue is not there."""
        for venue in ("BINANCE", "XNAS", "XETR"):
            for (account, currency), nanos in self.clerk.ledger.custody.at(venue).items():
                mine = [x for x in self.executions if x.account == account and x.name.endswith(f"@{venue}")]
                paid = sum(x.side * x.lots * x.ticks * self.clerk.units[x.name] + x.fee for x in mine)
                assert CURRENCIES[mine[0].name] == currency
                assert nanos == self.settled[account, currency] - paid

    @invariant()
    def equity_is_cash_and_position_value(self):
        ledger = self.clerk.ledger
        prices, units = ledger.tables.prices, self.clerk.units
        for account in views.accounts(ledger):
            summary = views.summary(ledger, account)
            for line in summary.balances:
                value = sum(
                    stream.sums.lots * prices[stream.table.instrument] * units[stream.table.instrument]
                    if stream.table.instrument in prices
                    else stream.sums.cost
                    for stream in ledger.worth.streams(account)
                    if stream.table.currency == line.currency
                )
                assert line.equity == line.cash + value == line.capital + line.conversions + line.profit.total

    @invariant()
    def the_ledgers_profit_is_that_of_the_positions(self):
        ledger = self.clerk.ledger
        for account in views.accounts(ledger):
            held = views.positions(ledger, account, "", by_strategy=False)
            parts = views.positions(ledger, account, "", by_strategy=True)
            for line in views.summary(ledger, account).balances:
                mine = [p for p in held if CURRENCIES[p.instrument] == line.currency]
                assert sum(p.realised_nanos for p in mine) == line.profit.realised
                assert sum(p.unrealised_nanos or 0 for p in mine) == line.profit.unrealised
                assert sum(p.funding_nanos for p in mine) == line.profit.funding
                assert sum(p.fees_nanos for p in mine) == line.profit.fees
                assert sum(p.other_nanos for p in mine) == line.profit.other
                its = [p for p in parts if CURRENCIES[p.instrument] == line.currency]
                for of in ("funding_nanos", "fees_nanos", "other_nanos", "lots", "traded_nanos"):
                    assert sum(getattr(p, of) for p in its) == sum(getattr(p, of) for p in mine), of
                assert sum(p.realised_nanos - p.cost_nanos for p in its) == sum(
                    p.realised_nanos - p.cost_nanos for p in mine
                )

    @invariant()
    def each_day_closes_with_what_it_opened_and_what_moved(self):
        ledger = self.clerk.ledger
        for account in views.accounts(ledger):
            days = [*ledger.tables.statements.get(account, ()), *views.statements(ledger, account, "")]
            closing: dict[str, int] = {}
            for day in days:
                for line in day.lines:
                    assert line.opening == closing.get(line.currency, 0)
                    moved = line.capital + line.conversions + line.realised + line.unrealised - line.fees
                    moved += line.funding + line.interest + line.adjustments + line.rounding
                    assert line.closing == line.opening + moved
                    closing[line.currency] = line.closing
                if day.base_closing is not None:
                    assert day.base_closing == day.base_opening + day.base_movements + day.base_translation
            equity = {line.currency: line.equity for line in views.summary(ledger, account).balances}
            assert closing == equity

    def teardown(self):
        ledger = self.clerk.ledger
        fresh = self.clerk.again()
        assert checkpoint.digest(fresh) == checkpoint.digest(ledger)
        assert checkpoint.encode(fresh) == checkpoint.encode(ledger)
        assert isinstance(ledger, Ledger)
        assert {SAP, AAPL, BTC, PERP} == set(CURRENCIES)


Books.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestBooks = Books.TestCase

INVARIANTS = (
    Books.balanced,
    Books.cash_and_positions_are_the_naive_ones,
    Books.what_a_venue_should_say_is_what_was_traded_there,
    Books.equity_is_cash_and_position_value,
    Books.the_ledgers_profit_is_that_of_the_positions,
    Books.each_day_closes_with_what_it_opened_and_what_moved,
)


@pytest.mark.parametrize("method", CostMethod)
def test_a_long_year_of_everything(method):
    """Deeper than the machine goes: hundreds of steps in which every rule has its turn."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    chance, books = random.Random(seed), Books()
    books.keep(method)
    standing: list[Booked] = []
    shared: list[tuple[int, Booked]] = []
    for step in range(500):
        _take_a_step(chance, books, standing, shared)
        if step % 20 == 0:
            for holds in INVARIANTS:
                holds(books)
    books.teardown()


def _take_a_step(chance: random.Random, books: Books, standing: list[Booked], shared: list[tuple[int, Booked]]) -> None:
    free = [which for which in standing if not which.shares]
    price = chance.randint(1, 500)
    match chance.choice(("fill", "fill", "fill", "fill", "correct", "bust", "allocate", "reverse", "other")):
        case "correct" if standing:
            which = chance.choice(standing)
            books.correct(which, chance.randint(1, 9), price, chance.randint(-50, 50), chance.random() < 0.5)
        case "bust" if standing:
            which = standing.pop(chance.randrange(len(standing)))
            books.correct(which, 0, 0, 0, chance.random() < 0.5)
        case "allocate" if free:
            parts = [chance.randint(1, 9) for _ in range(chance.randint(1, 3))]
            shared.append(books.allocate(chance.choice(free), parts))
        case "reverse" if shared:
            books.reverse(shared.pop(chance.randrange(len(shared))))
        case "other":
            match chance.choice(("cash", "funding", "mark", "day", "restart")):
                case "cash":
                    kind = chance.choice(list(CashKind))
                    books.cash(chance.choice(ACCOUNTS), kind, price, chance.randint(-50, 50))
                case "funding":
                    books.funding(chance.choice((-1, 1)) * chance.randint(1, 10**10), price)
                case "mark":
                    books.mark(price, chance.randint(1, 500))
                case "day":
                    books.day()
                case _:
                    books.restart()
        case _:
            name = chance.choice(list(CURRENCIES))
            size = chance.choice((-1, 1)) * chance.randint(1, 9)
            who = chance.choice(ACCOUNTS)
            fee, strategy = chance.randint(-50, 50), chance.choice("st")
            fill = books.fill(account=who, name=name, lots=size, ticks=price, fee=fee, strategy=strategy)
            standing.append(fill)
