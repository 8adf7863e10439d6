"""Own orders do not trade with each other: what makes way, what is lessened, and that a recovery knows it."""

from __future__ import annotations

import pytest

from meltica.domain import lifecycle
from meltica.domain.inputs import Record
from meltica.domain.limits import SelfMatch
from meltica.domain.order import Side, TimeInForce
from meltica.domain.order_events import AmendDenied, CancelRequested, OrderDenied, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, TestBench
from tests.unit.engine.test_fills import tell
from tests.unit.engine.test_orders import amend, fill, held
from tests.unit.engine.watch import only


@pytest.fixture(params=["python", "cython"])
def backend(request):
    return request.param


def with_asks(backend, mode, *asks, **limits):
    """(ticks above the mark, lots) of each working sale."""
    bench = TestBench(backend, self_match=mode, **limits)
    for above, lots in asks:
        bench.submitted(Side.SELL, lots, MARK_TICKS + above)
    return bench


def recovers(bench):
    """An engine that absorbs the day knows the same, and so does its gate."""
    module = bench.backend
    gate = module.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
    rows = {"max_instruments": MAX_INSTRUMENTS, "max_accounts": MAX_ACCOUNTS}
    engine = Engine(gate, **rows, intent=module.OrderIntent)
    for sequence, (happened, events) in enumerate(bench.history, 1):
        engine.absorb(sequence, Record(happened, events))
    assert snapshot.digest(engine) == snapshot.digest(bench.engine)


def test_the_newest_is_refused(backend):
    bench = with_asks(backend, SelfMatch.CANCEL_NEWEST, (0, 100))
    denied = only(bench.submit(quantity_lots=10), OrderDenied)
    assert (denied.reason, "group 0" in denied.text) == ("SELF_MATCH", True)
    only(bench.submit(quantity_lots=10, price_ticks=MARK_TICKS - 1), OrderSubmitted)
    recovers(bench)


def test_the_oldest_make_way_and_the_event_says_why(backend):
    bench = with_asks(backend, SelfMatch.CANCEL_OLDEST, (1, 100), (0, 50), (2, 70))
    *away, passed = bench.submit(quantity_lots=10, price_ticks=MARK_TICKS + 1)
    assert [(type(event), event.order_id) for event in away] == [(CancelRequested, 2), (CancelRequested, 1)]
    assert {event.reason for event in away} == {"self-match prevention: order 4 would trade with it"}
    assert (type(passed), passed.quantity_lots, passed.asked_lots) == (OrderSubmitted, 10, 0)
    assert lifecycle.is_working(bench.engine.state.order(1)), "until the venue has said so"
    again = bench.submit(quantity_lots=10, price_ticks=MARK_TICKS + 1)
    assert [type(event) for event in again] == [OrderSubmitted], "their cancels are on their way"
    recovers(bench)


def test_both_go(backend):
    bench = with_asks(backend, SelfMatch.CANCEL_BOTH, (0, 50))
    away, denied = bench.submit(quantity_lots=10)
    assert (type(away), away.order_id, denied.reason) == (CancelRequested, 1, "SELF_MATCH")
    assert held(bench)[2:] == (0, 50)
    recovers(bench)


def test_both_are_lessened_by_what_would_trade(backend):
    bench = with_asks(backend, SelfMatch.DECREMENT, (1, 100), (0, 50))
    first, second, passed = bench.submit(quantity_lots=200, price_ticks=MARK_TICKS + 1)
    assert (type(first), first.order_id) == (CancelRequested, 2)
    assert (type(second), second.order_id) == (CancelRequested, 1)
    assert (passed.quantity_lots, passed.asked_lots) == (50, 200)
    order = bench.engine.state.order(passed.order_id)
    assert (order.quantity_lots, order.reserved_lots, held(bench)[2]) == (50, 50, 50)
    recovers(bench)


def test_a_working_order_is_reduced_to_what_is_left_of_it(backend):
    bench = with_asks(backend, SelfMatch.DECREMENT, (0, 50), (1, 100))
    fill(bench, bench.engine.state.order(2), 30, "e1")
    gone, less, denied = bench.submit(quantity_lots=80, price_ticks=MARK_TICKS + 1)
    assert (type(gone), gone.order_id, denied.reason) == (CancelRequested, 1, "SELF_MATCH")
    assert (type(less), less.order_id, less.quantity_lots, less.gate_lots) == (ReplaceRequested, 2, 70, 0)
    assert "self-match" in less.reason
    assert bench.engine.state.order(2).reserved_lots == 70, "the worst, until the venue has reduced it"
    tell(bench, ExecType.REPLACED, bench.engine.state.order(2), less.client_order_id)
    assert (bench.engine.state.order(2).quantity_lots, held(bench)[3]) == (70, 90)
    recovers(bench)


def test_immediate_orders_are_judged_but_never_in_the_way(backend):
    bench = with_asks(backend, SelfMatch.CANCEL_NEWEST, (0, 50))
    for form in ({"time_in_force": TimeInForce.IOC}, {"price_ticks": None}):
        assert only(bench.submit(**form), OrderDenied).reason == "SELF_MATCH"
    bench = with_asks(backend, SelfMatch.CANCEL_NEWEST)
    bench.submitted(time_in_force=TimeInForce.IOC)
    only(bench.submit(Side.SELL), OrderSubmitted)
    recovers(bench)


def test_an_amendment_is_judged_too(backend):
    bench = with_asks(backend, SelfMatch.CANCEL_NEWEST, (5, 50))
    order = bench.submitted(quantity_lots=10)
    assert only(amend(bench, order, 10, MARK_TICKS + 5), AmendDenied).reason == "SELF_MATCH"
    only(amend(bench, order, 10, MARK_TICKS + 4), ReplaceRequested)
    recovers(bench)


def test_an_amendment_may_be_lessened(backend):
    bench = with_asks(backend, SelfMatch.DECREMENT, (5, 50))
    order = bench.submitted(quantity_lots=80)
    away, asked = amend(bench, order, 80, MARK_TICKS + 5)
    assert (type(away), away.order_id) == (CancelRequested, 1)
    assert (asked.order_id, asked.quantity_lots, asked.asked_lots, asked.gate_lots) == (order.order_id, 30, 80, 30)
    recovers(bench)


def test_groups_are_apart_and_accounts_of_one_group_are_not(backend):
    bench = with_asks(backend, SelfMatch.CANCEL_NEWEST, (0, 50))
    traded = bench.engine.state.instrument(BTC)
    bench.open_up(traded, "friend")
    bench.open_up(traded, "stranger", self_match_group=7)
    assert only(bench.submit(account="friend"), OrderDenied).reason == "SELF_MATCH"
    only(bench.submit(account="stranger"), OrderSubmitted)
    recovers(bench)


def test_what_has_ended_is_in_nobodys_way(backend):
    bench = with_asks(backend, SelfMatch.CANCEL_NEWEST, (0, 50), (0, 60))
    tell(bench, ExecType.CANCELED, bench.engine.state.order(1))
    fill(bench, bench.engine.state.order(2), 60, "all")
    only(bench.submit(), OrderSubmitted)
    recovers(bench)
