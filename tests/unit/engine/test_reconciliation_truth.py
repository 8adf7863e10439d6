"""The books come to equal the venue's truth, whatever the line loses, repeats or delays, and in whatever order."""

from __future__ import annotations

import random

import msgspec
import pytest

from meltica.domain import lifecycle
from meltica.domain.breakers import MarkKind, mark_key
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested, OrderFilled, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType
from meltica.domain.statements import Action, SettleDifference, StatementKept
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.replay.judge import assert_lossless, recovered, replayed
from tests.unit.engine.stating import (
    acknowledged,
    approve,
    books,
    fill_of,
    look,
    looks,
    marked,
    order_of,
    position,
    standing,
    statement,
)
from tests.unit.engine.test_orders import cancel, fill, held, tell
from tests.unit.engine.true_venue import TrueVenue
from tests.unit.engine.watch import ADA

SEEDS = range(12)
"""Each is in the name of its test."""
SHUFFLES = 4


def day(seed: int, backend: str = "python", steps: int = 60, bad: float = 0.3) -> tuple[TestBench, TrueVenue]:
    chance = random.Random(seed)
    bench = TestBench(backend)
    venue = TrueVenue(bench, chance, bad)
    acts = [venue.submit, venue.submit, venue.trade, venue.trade, venue.trade, venue.cancel, venue.stranger]
    for _ in range(steps):
        chance.choice([*acts, venue.deliver, venue.deliver, venue.deliver])()
        if chance.random() < 0.1:
            for part in venue.statement()[: chance.choice([1, 9, 99])]:
                bench.step(part)
                if chance.random() < 0.3:
                    venue.deliver()
    return bench, venue


def settle(bench: TestBench, venue: TrueVenue, times: int = 3) -> None:
    """No person does anything: statements come, and what is in doubt is asked about."""
    for _ in range(times):
        bench.now_ns += 3 * SECOND
        for part in venue.statement():
            bench.step(part)
        venue.answer_doubts()


def assert_true(bench: TestBench, venue: TrueVenue) -> None:
    tables = bench.engine.state.tables
    for order in tables.orders.values():
        there = venue.orders.get(order.client_order_id)
        if there is None:
            assert order.client_order_id in venue.never_arrived
            assert (order.cumulative_lots, lifecycle.is_working(order)) == (0, False)
            continue
        assert sorted(order.executions) == sorted(name for name, _ in there.fills), order
        assert (order.cumulative_lots, order.side) == (there.filled, there.side)
        assert lifecycle.is_working(order) == (not there.ended and there.filled < there.lots), order
    known = {order.client_order_id for order in tables.orders.values()}
    assert {o.name for o in venue.orders.values() if not o.ended and o.filled < o.lots} <= known
    at = bench.engine.state.position("main", BTC)
    unknown = sum(o.side.sign * o.filled for o in venue.orders.values() if o.name not in known)
    assert (0 if at is None else at.lots) == venue.position() - unknown
    if not unknown:
        assert standing(bench) == []
        mark = tables.marks.get(mark_key(MarkKind.MISMATCHED, "main"))
        assert mark is None or not mark.on


def assert_nothing_sent(bench: TestBench, since: int) -> None:
    sent = OrderSubmitted | CancelRequested | ReplaceRequested
    assert not [e for _, events in bench.history[since:] for e in events if isinstance(e, sent)]


@pytest.mark.parametrize("seed", SEEDS)
def test_after_enough_statements_the_books_are_the_truth_without_a_person(seed):
    bench, venue = day(seed)
    since = len(bench.history)
    settle(bench, venue)
    assert_true(bench, venue)
    while venue.on_the_way:
        venue.deliver()
    settle(bench, venue)
    assert_true(bench, venue)
    assert_nothing_sent(bench, since)
    before = books(bench)
    settle(bench, venue, 1)
    assert books(bench) == before, "one more changes nothing"


@pytest.mark.parametrize("seed", range(4))
def test_a_restart_at_any_point_of_such_a_day_knows_the_same(seed):
    bench, venue = day(seed, "cython", 40)
    settle(bench, venue)
    assert_lossless(bench.history)
    digest = replayed(bench.history, "cython")
    for at in range(0, len(bench.history) + 1, 17):
        assert recovered(bench.history, "cython", at // 2, at) == digest


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_reports_parts_and_statements_does_not_matter(seed):
    told = []
    for shuffle in range(SHUFFLES):
        bench, venue = _placed(seed)
        inputs = _all_that_is_said(bench, venue)
        random.Random(f"{seed}/{shuffle}").shuffle(inputs)
        for body in inputs:
            bench.step(body, after_ns=0)
        settle(bench, venue, 2)
        assert_true(bench, venue)
        told.append(books(bench))
        assert told[-1] == told[0], f"seed {seed}, shuffle {shuffle}"


def _placed(seed: int) -> tuple[TestBench, TrueVenue]:
    bench = TestBench()
    venue = TrueVenue(bench, random.Random(seed), 0)
    for _ in range(8):
        venue.submit()
    return bench, venue


def _all_that_is_said(bench: TestBench, venue: TrueVenue) -> list:
    inputs = []
    for _ in range(4):
        for act in (venue.trade, venue.trade, venue.trade):
            act()
        venue.end(venue.chance.choice(list(venue.orders.values())))
        bench.now_ns += 3 * SECOND
        inputs += venue.statement()
    return inputs + [report for report in venue.on_the_way for _ in range(venue.chance.choice([0, 1, 2]))]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 400))
def test_many_days(seed):
    bench, venue = day(seed, steps=150, bad=random.Random(seed).random() * 0.8)
    settle(bench, venue)
    assert_true(bench, venue)


# Regressions that other systems have had, by what went wrong there


def test_fills_that_are_told_again_after_a_restart_are_not_booked_again():
    bench = TestBench("cython")
    order = acknowledged(bench)
    told = {"orders": (order_of(order, 30),), "fills": (fill_of(order, 30, "e1"),), "positions": position(30)}
    look(bench, **told)
    for _ in range(3):
        look(bench, **told)
        fill(bench, order, 30, "e1")
    digest = replayed(bench.history, "cython")
    assert all(recovered(bench.history, "cython", 0, at) == digest for at in range(10, len(bench.history), 2))
    assert bench.engine.state.position("main", BTC).lots == 30


def test_a_start_with_a_position_does_not_flatten_it():
    bench = TestBench()
    order = acknowledged(bench)
    fill(bench, order, 100, "e1")
    for events in (looks(bench, positions=position(100)), looks(bench, positions=())):
        assert not [e for e in events if isinstance(e, OrderFilled | OrderSubmitted)]
    assert bench.engine.state.position("main", BTC).lots == 100
    assert standing(bench) == [("POSITION", BTC, 100, 0)]


def test_fourteen_working_orders_are_not_dropped_by_an_empty_answer():
    bench = TestBench()
    orders = [acknowledged(bench, 10) for _ in range(14)]
    looks(bench, 8)
    assert all(lifecycle.is_working(order) for order in orders)
    assert (len(bench.engine.state.working_orders()), held(bench)[0], held(bench)[2]) == (14, 14, 140)
    look(bench, orders=tuple(order_of(order) for order in orders))
    assert standing(bench) == []


def test_a_position_older_than_any_fill_that_is_told_does_not_stop_the_start():
    bench = TestBench()
    looks(bench, positions=position(-700))
    (number,) = [d.difference_id for d in bench.engine.state.differences()]
    request = {"request_id": bench.request(), "actor": ADA, "reason": "held since last year"}
    bench.step(SettleDifference(**request, difference_id=number, action=Action.ACCEPT_VENUE))
    approve(bench)
    assert (bench.engine.state.position("main", BTC).lots, standing(bench), marked(bench)) == (-700, [], False)
    bench.submitted()


def test_a_count_without_its_fill_and_then_the_fill_book_it_once():
    bench = TestBench()
    order = acknowledged(bench)
    counted = order_of(order, 100, ended=ExecType.TRADE)
    looks(bench, 4, orders=(counted,), positions=position(100))
    assert (order.cumulative_lots, held(bench)[2]) == (0, 100)
    fill(bench, order, 100, "true")
    look(bench, orders=(counted,), fills=(fill_of(order, 100, "true"),), positions=position(100))
    fill(bench, order, 100, "true")
    assert (order.cumulative_lots, lifecycle.overfill_lots(order), standing(bench)) == (100, 0, [])


def test_orders_of_an_outage_stay_known_and_their_fills_are_found_after_it():
    bench = TestBench()
    order = bench.submitted(Side.SELL, 50)
    bench.now_ns += 3_600 * SECOND
    assert held(bench)[3] == 50
    sold = fill_of(order, 50, "e1", MARK_TICKS)
    look(bench, orders=(order_of(order, 50, ended=ExecType.TRADE),), fills=(sold,), positions=position(-50))
    assert (bench.engine.state.position("main", BTC).lots, lifecycle.status(order).value) == (-50, "Filled")


def test_the_end_of_a_replaced_name_does_not_end_the_order():
    bench = TestBench()
    order = acknowledged(bench)
    cancel(bench, order)
    look(bench, orders=(order_of(order),))
    assert lifecycle.is_working(order)
    tell(bench, ExecType.CANCELED, order)
    assert look(bench, orders=(order_of(order, ended=ExecType.CANCELED),)) == ()


def test_statements_that_never_become_whole_are_forgotten_some_day():
    bench = TestBench()
    for number in range(100):
        bench.step(msgspec.structs.replace(statement(bench, parts=2), asked_ns=bench.now_ns))
        assert len(bench.engine.state.tables.reconciliation.kept) == min(number + 1, 64)
    bench.now_ns += SECOND
    assert isinstance(bench.step(statement(bench, parts=2))[0], StatementKept)
    bench.step(statement(bench))
    assert bench.engine.state.tables.reconciliation.kept == {}
