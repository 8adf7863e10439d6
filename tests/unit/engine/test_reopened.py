"""Filled orders that come back, by a replace that was on its way, a bust, a restatement, are looked after as before."""

from __future__ import annotations

import pytest

from meltica.domain.commands import AmendOrder, CancelOrder, CancelOrders, SubmitOrder, SubmitOrderList, Wake
from meltica.domain.groups import Link, Sizing
from meltica.domain.lifecycle import OrderStatus, leaves_lots, status
from meltica.domain.many import ManyAnswered, Outcome
from meltica.domain.order import Ended, Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderReleased, ReplaceRequested, ReportIgnored
from meltica.domain.reports import ExecType, ExecutionReport, OutcomeUnknown
from meltica.domain.terms import Held, Peg, Terms
from tests.engines import BTC, SECOND
from tests.unit.engine.held_orders import MID, HeldBench
from tests.unit.engine.watch import ADA, SYSTEM, only, refused


@pytest.fixture(params=["python", "cython"])
def bench(request: pytest.FixtureRequest) -> HeldBench:
    return HeldBench(request.param)


def sent(bench: HeldBench, **facts: object) -> Order:
    bench.submit(Side.BUY, 100, MID - 5, **facts)
    order = bench.engine.state.tables.orders[bench.engine.state.tables.next_order_id - 1]
    bench.answer(order, ExecType.NEW)
    return order


def bust(bench: HeldBench, order: Order) -> None:
    (execution,) = order.executions.values()
    bench.step(
        ExecutionReport(
            venue="BINANCE",
            client_order_id=order.client_order_id,
            exec_type=ExecType.TRADE_CANCEL,
            execution_id="bust",
            reference_execution_id=execution.execution_id,
        )
    )


def asked_for_more(bench: HeldBench, order: Order) -> ReplaceRequested:
    change = AmendOrder(request_id=bench.request(), actor=ADA, order_id=order.order_id, quantity_lots=200)
    return only(bench.step(change), ReplaceRequested)


def test_a_filled_order_that_a_replace_may_reopen_can_be_cancelled(bench: HeldBench) -> None:
    order = sent(bench)
    asked_for_more(bench, order)
    bench.fill(order, 100)
    assert (status(order), order.reserved_lots) == (OrderStatus.FILLED, 100)
    several = CancelOrders(request_id=bench.request(), actor=ADA, order_ids=(order.order_id,))
    canceled, answered = bench.step(several)
    assert isinstance(canceled, CancelRequested)
    assert isinstance(answered, ManyAnswered)
    assert answered.items[0].outcome is Outcome.DONE
    only(bench.step(CancelOrder(request_id=bench.request(), actor=ADA, order_id=order.order_id)), CancelRequested)


def test_gtd_that_is_reopened_after_its_time_is_cancelled(bench: HeldBench) -> None:
    order = sent(bench, time_in_force=TimeInForce.GTD, terms=Terms(expire_ns=bench.now_ns + 5 * SECOND))
    asked = asked_for_more(bench, order)
    bench.fill(order, 100)
    bench.step_to(bench.now_ns + 10 * SECOND)
    bench.answer(order, ExecType.REPLACED, asked.client_order_id)
    assert leaves_lots(order) == 100
    assert bench.engine.state.next_due_ns() == bench.now_ns
    only(bench.step(Wake(request_id="", actor=SYSTEM)), CancelRequested)
    bench.answer(order, ExecType.PENDING_CANCEL, order.pending[0].client_order_id)
    bench.answer(order, ExecType.RESTATED)
    assert bench.engine.state.next_due_ns() is None, "one cancel is on its way"
    assert bench.recovers()


def test_gtd_comes_back_on_the_next_day(bench: HeldBench) -> None:
    order = sent(bench, time_in_force=TimeInForce.GTD, terms=Terms(expire_ns=bench.now_ns + 100_000 * SECOND))
    bench.answer(order, ExecType.DONE_FOR_DAY)
    assert (status(order), leaves_lots(order), order.reserved_lots) == (OrderStatus.DONE_FOR_DAY, 100, 100)


def test_a_pegged_order_that_a_bust_reopens_follows_again(bench: HeldBench) -> None:
    order = bench.hold(OrderType.PEGGED, Side.BUY, peg=Peg.PRIMARY)
    bench.show(MID, MID + 20)
    bench.answer(order, ExecType.NEW)
    bench.fill(order, 100)
    assert not bench.engine.state.watched(bench.quote(MID + 3, MID + 20), bench.now_ns)
    bust(bench, order)
    assert leaves_lots(order) == 100
    quote = bench.quote(MID + 3, MID + 20)
    for engine in (bench.engine, bench.recovered(), bench.restored()):
        assert engine.state.watched(quote, bench.now_ns + 1000)
    assert only(bench.show_quote(quote), ReplaceRequested).price_ticks == MID + 3


def test_a_pegged_order_that_a_replace_reopens_follows_again(bench: HeldBench) -> None:
    order = bench.hold(OrderType.PEGGED, Side.BUY, peg=Peg.PRIMARY)
    bench.show(MID, MID + 20)
    bench.answer(order, ExecType.NEW)
    asked = asked_for_more(bench, order)
    bench.fill(order, 100)
    bench.answer(order, ExecType.REPLACED, asked.client_order_id)
    assert only(bench.show(MID + 3, MID + 20), ReplaceRequested).price_ticks == MID + 3


def test_an_order_whose_slices_have_filled_it_is_not_replaced_at_a_venue_that_never_knew_it(bench: HeldBench) -> None:
    bench.submit(Side.BUY, 100, MID, terms=Terms(display_lots=100))
    parent = bench.engine.state.tables.orders[bench.engine.state.tables.next_order_id - 1]
    bench.step(Wake(request_id="", actor=SYSTEM))
    bench.fill(bench.engine.state.tables.orders[parent.order_id + 1], 100)
    assert status(parent) is OrderStatus.FILLED
    change = AmendOrder(request_id="x", actor=ADA, order_id=parent.order_id, quantity_lots=200)
    refused(bench, change, "ORDER_TERMINAL", "order_id")


def test_a_stop_that_went_out_as_a_market_order_is_given_no_price(bench: HeldBench) -> None:
    order = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    only(bench.show(MID - 10, MID - 9), OrderReleased)
    bench.answer(order, ExecType.NEW)
    change = AmendOrder(request_id="x", actor=ADA, order_id=order.order_id, price_ticks=MID - 20)
    refused(bench, change, "PRICE_NOT_ALLOWED", "price")


def leg(side: Side, kind: OrderType, price: int | None, terms: Terms | None = None) -> SubmitOrder:
    told = {"request_id": "", "actor": "", "account": "main", "strategy": "manual", "instrument": BTC}
    form = {"time_in_force": TimeInForce.GTC, "quantity_lots": 100, "order_type": kind, "price_ticks": price}
    return SubmitOrder(side=side, terms=terms, **{**told, **form})  # type: ignore[arg-type]


@pytest.mark.parametrize("sizing", Sizing)
def test_a_child_whose_parents_fill_is_busted_waits_for_the_next_one(bench: HeldBench, sizing: Sizing) -> None:
    trailing = Terms(trail_offset=10)
    orders = (leg(Side.BUY, OrderType.LIMIT, MID), leg(Side.SELL, OrderType.TRAILING_STOP, None, trailing))
    bench.step(SubmitOrderList(request_id="o", actor=ADA, link=Link.OTO, sizing=sizing, orders=orders))
    first, child = bench.engine.state.tables.orders.values()
    bench.fill(first, 40 if sizing is Sizing.PARTIAL else 100)
    bench.show(MID + 30, MID + 31)
    assert (child.held, child.terms) == (Held.TRIGGER, Terms(trail_offset=10, trigger_ticks=MID + 20))
    bust(bench, first)
    assert (child.held, child.quantity_lots, child.terms) == (Held.PARENT, 100, trailing)
    assert not bench.engine.state.watched(bench.quote(MID + 5, MID + 6), bench.now_ns)
    bench.restart(by_journal=True)
    first, child = bench.engine.state.tables.orders.values()
    bench.fill(first, 100)
    assert (child.held, child.quantity_lots) == (Held.TRIGGER, 100)
    bench.show(MID + 5, MID + 6)
    assert child.terms == Terms(trail_offset=10, trigger_ticks=MID - 5), "it trails anew"


def test_a_child_whose_parents_fill_is_busted_ends_with_the_parent(bench: HeldBench) -> None:
    stop = leg(Side.SELL, OrderType.STOP, None, Terms(trigger_ticks=MID - 50))
    orders = (leg(Side.BUY, OrderType.LIMIT, MID), stop)
    bench.step(SubmitOrderList(request_id="o", actor=ADA, link=Link.OTO, sizing=Sizing.PARTIAL, orders=orders))
    first, child = bench.engine.state.tables.orders.values()
    bench.fill(first, 40)
    bust(bench, first)
    bench.answer(first, ExecType.CANCELED)
    assert child.ended is Ended.CANCELED


@pytest.mark.parametrize("kind", [ExecType.STOPPED, ExecType.SUSPENDED, ExecType.DONE_FOR_DAY])
def test_an_order_that_the_venue_has_told_of_is_in_no_doubt(bench: HeldBench, kind: ExecType) -> None:
    """Else the answer to a query would be heard as its acknowledgement, and a suspended order as one that works."""
    order = bench.submitted(Side.BUY, 100, MID - 5)
    bench.answer(order, kind)
    lost = OutcomeUnknown(venue="BINANCE", client_order_id=order.client_order_id, text="timed out")
    assert only(bench.step(lost), ReportIgnored).reason == "DUPLICATE_REPORT"
    assert order.doubts == ()
