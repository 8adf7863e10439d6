"""Random days through the engine: trades, busts, splits, allocations, funding, days; all that the books say adds up."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from meltica.domain import cash
from meltica.domain.accounting import PICOS, AccountBooks, CostMethod, PositionMode, Share
from meltica.domain.commands import BeginDay
from meltica.domain.inputs import Record, decode_record, encode_record
from meltica.domain.order import Side
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.reports import ExecType
from meltica.ledger import checkpoint, views
from meltica.ledger.chart import Book
from meltica.ledger.ledger import Ledger
from tests.engines import MARK_TICKS, TestBench, instrument
from tests.unit.engine.cash_desk import PERP, command
from tests.unit.engine.test_cash import correct
from tests.unit.engine.test_orders import fill, tell

SUBS, STRATEGIES, STEPS = ("suba", "subb", "subc"), ("a", "b"), 60


class Days:
    """``paid``: by account, what funding should have moved by whole positions at the venue."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.bench = TestBench(strategies=STRATEGIES, collar_bps=9_000)
        self.bench.open_up(instrument(PERP, 2), strategies=STRATEGIES)
        self.mode = self.chance.choice(list(PositionMode))
        method = self.chance.choice(list(CostMethod))
        for account in ("main", *SUBS):
            books = AccountBooks(account=account, base_currency="USDT", method=method, mode=self.mode)
            self.bench.step(command(self.bench, cash.SetAccountBooks, books=books))
        self.ledger, self.heard = Ledger(), 0
        self.trades: dict[str, tuple] = {}
        """First execution id -> (order, newest id, lots, ticks, fee)."""
        self.allocations: list[int] = []
        self.paid = 0

    def hear(self) -> None:
        while self.heard < len(self.bench.history):
            happened, events = self.bench.history[self.heard]
            self.heard += 1
            self.ledger.apply(self.heard, happened.time_ns, decode_record(encode_record(Record(happened, events))))
        if self.chance.random() < 0.1:
            self.ledger = checkpoint.decode(checkpoint.opened(checkpoint.encode(self.ledger)))

    def trade(self) -> None:
        side, lots = self.chance.choice(list(Side)), self.chance.randint(1, 30)
        strategy = self.chance.choice(STRATEGIES)
        events = self.bench.submit(side, lots, MARK_TICKS, instrument=PERP, strategy=strategy)
        if not isinstance(events[0], OrderSubmitted):
            return
        order = self.bench.engine.state.tables.orders[events[0].order_id]
        for part in {self.chance.randint(1, lots), lots} - {0}:
            if part <= lots - order.cumulative_lots:
                name, ticks, fee = f"x{len(self.trades)}", self.chance.randint(1, 500), self.chance.randint(-50, 50)
                fill(self.bench, order, part, name, ticks, fee_nanos=fee)
                self.trades[name] = (order, name, part, ticks, fee)
        tell(self.bench, ExecType.CANCELED, order)

    def correct(self) -> None:
        standing = [name for name, trade in self.trades.items() if trade[2]]
        if not standing:
            return
        name = self.chance.choice(standing)
        order, newest, *_ = self.trades[name]
        fresh = f"{newest}."
        if self.chance.random() < 0.4:
            correct(self.bench, order, ExecType.TRADE_CANCEL, fresh, newest)
            self.trades[name] = (order, fresh, 0, 0, 0)
            return
        lots, ticks, fee = self.chance.randint(1, 30), self.chance.randint(1, 500), self.chance.randint(-50, 50)
        now = {"last_quantity_lots": lots, "last_price_ticks": ticks, "fee_nanos": fee}
        correct(self.bench, order, ExecType.TRADE_CORRECT, fresh, name, **now)
        self.trades[name] = (order, fresh, lots, ticks, fee)

    def allocate(self) -> None:
        if self.allocations and self.chance.random() < 0.4:
            number = self.allocations.pop(self.chance.randrange(len(self.allocations)))
            self.bench.step(command(self.bench, cash.ReverseAllocation, allocation_id=number, reason="r"))
        elif self.trades:
            order = self.chance.choice(list(self.trades.values()))[0]
            subs = self.chance.sample(SUBS, self.chance.randint(1, 3))
            shares = tuple(Share(sub, self.chance.randint(1, 5)) for sub in subs)
            asked = command(self.bench, cash.AllocateFill, order_id=order.order_id, shares=shares, by_ratio=True)
            made = [e.allocation_id for e in self.bench.step(asked) if isinstance(e, cash.FillAllocated)]
            self.allocations += made

    def split(self) -> None:
        ratio = {"numerator": self.chance.randint(1, 3), "denominator": self.chance.randint(1, 3)}
        self.bench.step(command(self.bench, cash.SplitInstrument, instrument=PERP, reason="s", **ratio))

    def fund(self) -> None:
        rate, ticks = self.chance.choice((-1, 1)) * self.chance.randint(1, 10**10), self.chance.randint(1, 500)
        position = self.bench.engine.state.position("main", PERP)
        held = 0 if position is None else position.lots
        self.paid -= round(Fraction(held * ticks * 100 * rate, PICOS))
        self.bench.step(command(self.bench, cash.SettleFunding, instrument=PERP, rate_picos=rate, mark_ticks=ticks))

    def begin_day(self) -> None:
        self.bench.step(BeginDay(request_id="", actor="system:test"))


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_everything_adds_up(seed):
    days = Days(seed)
    acts = (*(days.trade,) * 4, *(days.correct,) * 2, days.allocate, days.split, days.fund, days.begin_day)
    for _ in range(STEPS):
        days.chance.choice(acts)()
        days.hear()
        the_venue_has_what_was_traded(days)
        strategies_are_the_account(days)
    whole = Ledger()
    for number, entry in enumerate(days.bench.history, 1):
        whole.apply(number, entry[0].time_ns, Record(*entry))
    assert checkpoint.digest(whole) == checkpoint.digest(days.ledger), "checkpoints on the way change nothing"
    statements_follow_each_other(days.ledger)


def the_venue_has_what_was_traded(days):
    custody, position = days.ledger.custody, days.bench.engine.state.position("main", PERP)
    lots = custody._table.lots.get(PERP, {}).get("main", 0)
    assert lots == (0 if position is None else position.lots)
    traded = sum(-order.side.sign * lots * ticks * 100 - fee for order, _, lots, ticks, fee in days.trades.values())
    assert custody.nanos("BINANCE", "main", "USDT") == traded + days.paid


def strategies_are_the_account(days):
    ledger = days.ledger
    for account, balances in ledger.tables.balances.items():
        by_strategy = views.positions(ledger, account, "", by_strategy=True)
        by_account = views.positions(ledger, account, "", by_strategy=False)
        assert sum(row.fees_nanos for row in by_strategy) == sum(row.fees_nanos for row in by_account)
        assert sum(row.funding_nanos for row in by_strategy) == sum(row.funding_nanos for row in by_account)
        for balance in balances.values():
            assert -balance[Book.FUNDING] == sum(row.funding_nanos for row in by_account)
            assert balance[Book.FEES] == sum(row.fees_nanos for row in by_account)
            assert -balance[Book.REALISED] == sum(row.realised_nanos for row in by_account)
            assert balance[Book.POSITION] == sum(row.cost_nanos for row in by_account)


def statements_follow_each_other(ledger):
    for account in views.accounts(ledger):
        before: dict[str, int] = {}
        for day in views.all_statements(ledger, account):
            for line in day.lines:
                assert line.opening == before.get(line.currency, 0)
                moved = line.capital + line.conversions + line.realised + line.unrealised - line.fees
                others = line.funding + line.interest + line.adjustments + line.rounding
                assert line.closing == line.opening + moved + others
            before = {line.currency: line.closing for line in day.lines}
        assert before == {balance.currency: balance.equity for balance in views.summary(ledger, account).balances}
