"""Figures of what a real engine said: parents with their slices, and random days, beside the engine's own orders."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from meltica.analytics.executions import Executions
from meltica.domain.algo_commands import AmendAlgo
from meltica.domain.cash import FeeScheduleSet, SetFeeSchedule
from meltica.domain.commands import SubmitOrders
from meltica.domain.execution import ExecutionFilter, GroupBy, Outcome, Shortfall
from meltica.domain.groups import Link
from meltica.domain.inputs import Record, decode_record
from meltica.domain.many import Unreadable
from meltica.domain.order import Ended, Order
from meltica.domain.statements import Action
from meltica.ledger import views
from meltica.ledger.ledger import Ledger
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.unit.engine.algos import T0, TARA, AlgoBench, twap
from tests.unit.engine.cash_desk import book, schedule
from tests.unit.engine.group_day import GroupDay, leg
from tests.unit.engine.machine import MACHINE
from tests.unit.engine.machine_doubts import DoubtfulMachine
from tests.unit.engine.stating import acknowledged, approve, looks, order_of, position, settle
from tests.unit.engine.test_orders import fill

SLICE = 10 * SECOND


def figures_of(bench: AlgoBench) -> Executions:
    figures = Executions()
    for sequence, payload in enumerate(bench.records, 1):
        record = decode_record(payload)
        figures.apply(sequence, record.input.time_ns, record)
    for order in bench.engine.state.orders():
        compare(order, figures)
    return figures


@pytest.fixture
def bench() -> AlgoBench:
    return AlgoBench("python")


def test_a_parent_that_is_filled_by_its_slices(bench: AlgoBench) -> None:
    order = bench.begin(twap(), 1000)
    for number in range(10):
        bench.at(T0 + number * SLICE)
        (child,) = bench.live(order)
        bench.fill(child, ticks=MARK_TICKS + number, fee=3)
    found = figures_of(bench).order(order.order_id)
    assert found is not None
    assert (found.outcome, len(found.children), found.summary.executions) == (Outcome.FILLED, 10, 10)
    unit = bench.engine.state.tables.instruments[order.instrument].value_per_tick_lot_nanos
    paper = 2 * 1000 * MARK_TICKS * unit
    assert found.shortfall == Shortfall(impact=2 * 100 * sum(range(10)) * unit, fees=2 * 30, paper=paper)


def test_a_bust_of_a_slice_is_a_bust_of_its_parent(bench: AlgoBench) -> None:
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    execution_id = bench.fill(child, 40, fee=5)
    figures_of(bench)
    bench.bust(child, execution_id)
    found = figures_of(bench).order(order.order_id)
    assert found is not None
    assert (found.filled_lots, found.shortfall) == (0, Shortfall())


def test_a_parent_that_is_cancelled_missed_the_rest(bench: AlgoBench) -> None:
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    bench.fill(child)
    bench.step(AmendAlgo(request_id=bench.request(), actor=TARA, order_id=order.order_id, quantity_lots=600))
    bench.bid, bench.ask, bench.mark_ticks = (MARK_TICKS + 9, 50), (MARK_TICKS + 11, 50), MARK_TICKS + 10
    bench.cancel(order)
    for live in bench.live(order):
        bench.cancelled(live)
    found = figures_of(bench).order(order.order_id)
    assert found is not None
    assert (found.outcome, found.quantity_lots) == (Outcome.CANCELED, 600)
    assert found.end_half_ticks == 2 * (MARK_TICKS + 10)
    assert found.shortfall is not None
    unit = bench.engine.state.tables.instruments[order.instrument].value_per_tick_lot_nanos
    assert found.shortfall.opportunity == 500 * 20 * unit
    assert found.shortfall.paper == 600 * 2 * MARK_TICKS * unit


def test_the_orders_of_one_command_have_their_own_decisions_whoever_named_them() -> None:
    """Of a list of which one can't be read, one contradicts itself, one is refused by the gate: none has an id."""
    bench = TestBench(max_quantity_lots=100)
    items = [leg(lots=lots, decision_ticks=MARK_TICKS + lots, decided_ns=lots) for lots in (10, 0, 101, 20)]
    unreadable = Unreadable(place=1, reason="INVALID_REQUEST", field="quantity", text="what?")
    request = {"request_id": bench.request(), "actor": TARA}
    bench.step(SubmitOrders(**request, orders=tuple(items), unreadable=(unreadable,)))
    assert told(bench) == {1: (10, 10), 2: (-MARK_TICKS, 101), 3: (20, 20)}


def test_the_legs_of_a_group_have_their_own_decisions() -> None:
    day = GroupDay()
    legs = [leg(lots=lots, decision_ticks=MARK_TICKS + at, decided_ns=at) for at, lots in ((1, 10), (2, 10))]
    day.list(Link.OCO, *legs)
    day.list(Link.OCO, legs[1], leg(lots=10, price=3 * MARK_TICKS, decision_ticks=1, decided_ns=9), legs[0])
    assert told(day.bench) == {1: (1, 1), 2: (2, 2), 3: (2, 2), 4: (-MARK_TICKS, 9)}


def told(bench: TestBench) -> dict[int, tuple[int, int]]:
    """Order id -> (ticks from the mark, when): what its decision was made at."""
    figures = Executions()
    for sequence, (happened, events) in enumerate(bench.history, 1):
        figures.apply(sequence, happened.time_ns, Record(happened, events))
    found = [figures.order(order.order_id) for order in bench.engine.state.orders()]
    return {
        each.order_id: ((each.decision_half_ticks or 0) // 2 - MARK_TICKS, each.decided_ns) for each in found if each
    }


OUTCOMES = {
    None: {Outcome.WORKING, Outcome.HELD},
    Ended.REJECTED: {Outcome.REJECTED, Outcome.DENIED},
    Ended.CANCELED: {Outcome.CANCELED},
    Ended.EXPIRED: {Outcome.EXPIRED},
    Ended.CALCULATED: {Outcome.EXPIRED},
}


class MeasuredMachine(DoubtfulMachine):
    """After each random day: every order's figures are what the engine's own order says."""

    def teardown(self) -> None:
        history = [Record(*entry) for entry in self.bench.history]
        engine, figures = self.bench.engine, Executions()
        for sequence, record in enumerate(history, 1):
            figures.apply(sequence, record.input.time_ns, record)
        for order in engine.state.orders():
            compare(order, figures)
        (*_, total) = [0, *(row.executions for row in figures.summaries(GroupBy.ALL, ExecutionFilter()))]
        assert total == sum(len(order.executions) for order in engine.state.orders())


def compare(order: Order, figures: Executions) -> None:
    found = figures.order(order.order_id)
    assert found is not None
    assert (found.filled_lots, found.traded_value) == (order.cumulative_lots, order.cumulative_value)
    assert found.summary.fees == 2 * order.fees_nanos
    assert found.parent_id == order.parent_id
    assert found.quantity_lots == order.quantity_lots
    if order.cumulative_lots >= order.quantity_lots:
        assert found.outcome is Outcome.FILLED
    elif order.done_for_day and not order.remainder_survives_day and order.ended is None:
        assert found.outcome is Outcome.EXPIRED
    else:
        assert found.outcome in OUTCOMES[order.ended]
    if found.shortfall is not None:
        parts = (found.shortfall.delay, found.shortfall.impact, found.shortfall.opportunity, found.shortfall.fees)
        assert sum(parts) == found.shortfall.total


def test_random_days_beside_the_engine_s_own_orders() -> None:
    run_state_machine_as_test(MeasuredMachine, settings=settings(MACHINE, max_examples=40, stateful_step_count=40))


def test_a_position_that_persons_booked_is_nobody_s_execution_and_cost_no_fee() -> None:
    bench = TestBench()
    book(bench, SetFeeSchedule, FeeScheduleSet, schedule=schedule())
    order = acknowledged(bench)
    bench.now_ns += SECOND
    happened_ns = bench.now_ns
    looks(bench, orders=(order_of(order),), positions=position(35))
    bench.step(settle(bench, Action.ACCEPT_VENUE, price_ticks=MARK_TICKS))
    approve(bench)
    fill(bench, order, 10, "true", venue_time_ns=happened_ns)
    assert bench.engine.state.position("main", BTC).lots == 35
    figures, ledger = Executions(), Ledger()
    for sequence, (happened, events) in enumerate(bench.history, 1):
        for fold in (figures, ledger):
            fold.apply(sequence, happened.time_ns, Record(happened, events))
    (row,) = figures.summaries(GroupBy.ALL, ExecutionFilter())
    assert (row.orders, row.executions, row.traded) == (1, 1, 2 * 10 * MARK_TICKS * 100)
    assert [each.order_id for each in figures.orders(ExecutionFilter(), 0, 9)] == [order.order_id]
    assert figures.ended(0, ExecutionFilter(), 9)[0] == []
    assert [each.execution_id for each in views.differences(ledger, "", 0, 9)] == ["true"]
