"""Balances while trading goes on, and positions that persons accepted: nothing is found that is not so, nothing that is
so is missed, and a true fill is never counted beside what stood for it."""

from __future__ import annotations

import itertools
import random

import msgspec
import pytest

from meltica.domain.cash import CashBooked
from meltica.domain.order import Side
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.statements import Action, DifferenceKind, StatedBalance, StatedFill, StatedOrder
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench, instrument
from tests.unit.engine.stating import (
    acknowledged,
    approve,
    books,
    fill_of,
    found,
    look,
    looks,
    order_of,
    position,
    settle,
    standing,
    statement,
)
from tests.unit.engine.test_orders import fill

SEEDS = range(20)


class Money:
    """The venue's balance of every moment, and a ledger that is behind the engine by some fills."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.bench = TestBench()
        self.moments = [(self.bench.now_ns, 0, 0)]
        """(when, balance, lots) after each fill, the first from before all."""
        self.orders = []
        self.gap = 0

    def trade(self) -> None:
        side = self.chance.choice([Side.BUY, Side.SELL])
        order = self.bench.submitted(side, 9, MARK_TICKS - 50 if side is Side.BUY else MARK_TICKS + 50)
        self.orders.append(order)
        lots, price, fee = (
            self.chance.randint(1, 9),
            MARK_TICKS + self.chance.randint(-9, 9),
            self.chance.randint(-5, 9),
        )
        fill(self.bench, order, lots, f"e{order.order_id}", price=price, fee_nanos=fee)
        if lots < 9:
            self.bench.step(_ended(order))
        at_ns = next(iter(order.executions.values())).time_ns
        value = side.sign * lots * price * self.bench.engine.state.instrument(BTC).value_per_tick_lot_nanos
        _, balance, held = self.moments[-1]
        self.moments.append((at_ns, balance - value - fee, held + side.sign * lots))

    def look(self):
        """Asked for now; taken after some of the fills that follow; compared after all of them."""
        self.bench.now_ns += 3 * SECOND
        asked_ns = self.bench.now_ns
        since = len(self.moments) - 1
        for _ in range(self.chance.randint(0, 4)):
            self.trade()
        _, balance, held = self.chance.choice(self.moments[since:])
        heard_ns, booked, _ = self.chance.choice(self.moments[max(since - 3, 0) :])
        told = StatedBalance(currency="USDT", nanos=balance + self.gap, booked_nanos=booked, booked_ns=heard_ns)
        orders = tuple(order_of(o, o.cumulative_lots, ended=ExecType.CANCELED) for o in self.orders[-9:])
        part = statement(self.bench, asked_ns=asked_ns, positions=position(held), balances=(told,), orders=orders)
        return self.bench.step(part)


def _ended(order):
    return ExecutionReport(venue="BINANCE", client_order_id=order.client_order_id, exec_type=ExecType.CANCELED)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_busy_account_shows_no_difference_until_there_is_one_and_then_exactly_that(seed):
    money = Money(seed)
    for _ in range(12):
        assert not [e for e in money.look() if hasattr(e, "difference")], f"seed {seed}"
    money.gap = money.chance.choice([-1, 1]) * money.chance.randint(1, 10**6)
    (difference,) = found([e for _ in range(2) for e in money.look()])
    assert (difference.kind, difference.booked) == (DifferenceKind.BALANCE, True)
    assert difference.theirs - difference.ours == money.gap, f"seed {seed}"
    approved = money.bench.step(settle(money.bench, Action.ACCEPT_VENUE))
    events = approve(money.bench, approved[0].proposal_id)
    (booked,) = [e for e in events if isinstance(e, CashBooked)]
    assert (booked.nanos, booked.currency, booked.venue) == (money.gap, "USDT", "BINANCE")
    money.moments = [(at, balance + money.gap, held) for at, balance, held in money.moments]
    money.gap = 0
    for _ in range(3):
        assert not [e for e in money.look() if hasattr(e, "difference")]


FILLS = (("e1", 10), ("e2", 20), ("e3", 5))
"""What nobody here was told of: 35 lots of one order, before the statement."""


@pytest.mark.parametrize("order_of_coming", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("how", ["reports", "statements", "both"])
def test_true_fills_that_come_after_an_accepted_position_are_not_counted_twice(order_of_coming, how):
    bench = TestBench()
    order = acknowledged(bench)
    bench.now_ns += SECOND
    happened_ns = bench.now_ns
    told = {"orders": (order_of(order),), "positions": position(35)}
    looks(bench, **told)
    bench.step(settle(bench, Action.ACCEPT_VENUE, price_ticks=MARK_TICKS))
    approve(bench)
    at = bench.engine.state.position("main", BTC)
    assert (at.lots, standing(bench)) == (35, [])
    for number in order_of_coming:
        name, lots = FILLS[number]
        if how != "statements":
            fill(bench, order, lots, name, venue_time_ns=happened_ns)
        if how != "reports":
            true = fill_of(order, lots, name, venue_time_ns=happened_ns)
            bench.step(msgspec.structs.replace(statement(bench, fills=(true,)), orders_complete=False, parts=2))
        assert bench.engine.state.position("main", BTC).lots == 35, "what stood for it has gone"
    assert not bench.engine.state.tables.reconciliation.adjustments
    fill(bench, order, 4, "later", venue_time_ns=bench.now_ns + SECOND)
    assert bench.engine.state.position("main", BTC).lots == 39, "what happened since is news"


def test_a_true_fill_takes_back_no_more_than_itself_of_several_adjustments():
    bench = TestBench()
    order = acknowledged(bench)
    bench.now_ns += SECOND
    happened_ns = bench.now_ns
    for number, lots in enumerate((10, 30), 1):
        looks(bench, orders=(order_of(order),), positions=position(lots))
        bench.step(settle(bench, Action.ACCEPT_VENUE, number=number, price_ticks=MARK_TICKS))
        approve(bench, number)
    left = bench.engine.state.tables.reconciliation.adjustments
    assert [found.lots for found in left.values()] == [10, 20]
    fill(bench, order, 15, "e1", venue_time_ns=happened_ns)
    assert ([found.lots for found in left.values()], bench.engine.state.position("main", BTC).lots) == ([15], 30)
    fill(bench, order, 15, "e2", venue_time_ns=happened_ns)
    assert (list(left), bench.engine.state.position("main", BTC).lots) == ([], 30)


@pytest.mark.parametrize("seed", range(6))
def test_all_orders_of_parts_and_reports_lead_to_the_same_books(seed):
    """A stranger's order, its fills in other parts, an end, a count without its fill: in every order, some twice."""
    chance = random.Random(seed)
    told = []
    for _ in range(12):
        bench = TestBench()
        orders = [acknowledged(bench, 10) for _ in range(3)]
        bench.now_ns += 3 * SECOND
        facts = {"client_order_id": "tel-1", "instrument": BTC, "side": Side.SELL}
        stranger = StatedOrder(**facts, quantity_lots=30, cumulative_lots=12, price_ticks=MARK_TICKS + 5)
        strange = [
            StatedFill(**facts, execution_id=f"t{n}", quantity_lots=6, price_ticks=MARK_TICKS + 5) for n in range(2)
        ]
        rows = [
            {"orders": (stranger,)},
            {"fills": (strange[0],)},
            {"fills": (strange[1], fill_of(orders[0], 10, "a"))},
            {"orders": (order_of(orders[0], 10, ended=ExecType.TRADE), order_of(orders[1], 4))},
            {"positions": position(-12 + 10 + 4), "fills": (fill_of(orders[1], 4, "b"),)},
            {"orders": (order_of(orders[2], 0, ended=ExecType.CANCELED),)},
        ]
        whole = statement(bench, parts=len(rows))
        parts = [msgspec.structs.replace(whole, part=at, **row) for at, row in enumerate(rows, 1)]
        inputs = [part for part in parts for _ in range(chance.choice([1, 2]))]
        chance.shuffle(inputs)
        for body in inputs:
            bench.step(body, after_ns=0)
        state = bench.engine.state
        assert (standing(bench), state.tables.reconciliation.kept, state.seen._ids) == ([], {}, {})
        assert {o.client_order_id for o in state.working_orders()} == {"tel-1", orders[1].client_order_id}
        told.append(books(bench))
        assert told[-1] == told[0], f"seed {seed}"


def test_a_part_that_is_too_large_is_refused_as_a_whole():
    bench = TestBench()
    row = StatedBalance(currency="USDT", nanos=1)
    assert "PART_TOO_LARGE" in {e.reason for e in bench.step(statement(bench, balances=(row,) * 1_001))}
    assert look(bench, balances=(row,) * 1_000)[-1:] != ()


def test_a_statement_of_one_account_says_nothing_of_anothers_orders():
    bench = TestBench()
    bench.open_up(instrument(), account="other")
    acknowledged(bench)
    mine = acknowledged(bench, account="other")
    for _ in range(3):
        assert look(bench, account="other", orders=(order_of(mine),)) == ()
    assert [row[0] for row in standing(bench)] == []
    looks(bench, account="other")
    assert standing(bench) == [("ORDER_MISSING", str(mine.order_id), 100, 0)]
