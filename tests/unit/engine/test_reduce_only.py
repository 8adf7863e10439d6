"""Working reduce-only orders never close more than there is, whatever closes it meanwhile."""

from __future__ import annotations

import pytest

from meltica.domain.commands import AmendOrder, SubmitOrder, SubmitOrderList, Wake
from meltica.domain.events import Event
from meltica.domain.groups import Link
from meltica.domain.order import Order, OrderType, PendingKind, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderFilled, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject
from meltica.domain.terms import Terms
from meltica.engine.orders.intents import leaves_after
from tests.engines import BTC
from tests.unit.engine.held_orders import MID, HeldBench
from tests.unit.engine.watch import ADA, only


@pytest.fixture(params=["python", "cython"])
def bench(request: pytest.FixtureRequest) -> HeldBench:
    return HeldBench(request.param)


def working(bench: HeldBench, side: Side, lots: int, price: int, *, reduce_only: bool = False) -> Order:
    order = bench.submitted(side, lots, price, reduce_only=reduce_only)
    bench.answer(order, ExecType.NEW)
    return order


def position_of(bench: HeldBench, lots: int) -> Order:
    """Bought, or with negative lots sold, in one fill."""
    order = working(bench, Side.BUY if lots > 0 else Side.SELL, abs(lots), MID)
    bench.fill(order, abs(lots))
    return order


def filled(bench: HeldBench, order: Order, lots: int) -> tuple[Event, ...]:
    bench.fill(order, lots)
    first, *rest = bench.history[-1][1]
    assert isinstance(first, OrderFilled)
    return tuple(rest)


def refuse(bench: HeldBench, order: Order) -> tuple[Event, ...]:
    request = order.pending[-1].client_order_id
    return bench.step(OrderCancelReject(venue="BINANCE", client_order_id=request, text="not now"))[1:]


def bust(bench: HeldBench, order: Order) -> tuple[Event, ...]:
    (execution,) = order.executions.values()
    facts = {"execution_id": "bust", "reference_execution_id": execution.execution_id}
    name = order.client_order_id
    report = ExecutionReport(venue="BINANCE", client_order_id=name, exec_type=ExecType.TRADE_CANCEL, **facts)
    return bench.step(report)[1:]


@pytest.mark.parametrize("side", Side)
def test_what_another_order_closes_is_taken_off_the_newest(bench: HeldBench, side: Side) -> None:
    position_of(bench, -100 * side.sign)
    far = MID - side.sign * 50
    old, new = (working(bench, side, lots, far, reduce_only=True) for lots in (60, 40))
    other = working(bench, side, 100, MID - side.sign)
    assert filled(bench, old, 10) == (), "its own fills are nobody's loss"
    asked = only(filled(bench, other, 25), ReplaceRequested)
    assert (asked.order_id, asked.quantity_lots, asked.gate_lots, asked.price_ticks) == (new.order_id, 15, 0, far)
    assert filled(bench, other, 5)[0].quantity_lots == 10  # type: ignore[attr-defined]
    gone, less = filled(bench, other, 20)
    assert {type(gone): gone.order_id, type(less): less.order_id} == {  # type: ignore[attr-defined]
        CancelRequested: new.order_id,
        ReplaceRequested: old.order_id,
    }
    assert (leaves_after(old), leaves_after(new)) == (40, 0)
    assert only(filled(bench, other, 50), CancelRequested).order_id == old.order_id
    assert bench.recovers()


def test_a_bust_takes_away_what_there_is_to_close(bench: HeldBench) -> None:
    bought = position_of(bench, 100)
    exit_ = working(bench, Side.SELL, 80, MID + 50, reduce_only=True)
    assert only(bust(bench, bought), CancelRequested).order_id == exit_.order_id


def test_what_is_not_reduced_is_cancelled_and_what_is_not_cancelled_left_until_the_next_fill(bench: HeldBench) -> None:
    position_of(bench, 100)
    exit_ = working(bench, Side.SELL, 100, MID + 50, reduce_only=True)
    other = working(bench, Side.SELL, 100, MID + 1)
    only(filled(bench, other, 30), ReplaceRequested)
    bench.restart(by_journal=True)
    exit_, other = (bench.engine.state.tables.orders[each.order_id] for each in (exit_, other))
    only(refuse(bench, exit_), CancelRequested)
    assert refuse(bench, exit_) == (), "asked for without end otherwise"
    bench.restart(by_journal=True)
    exit_, other = (bench.engine.state.tables.orders[each.order_id] for each in (exit_, other))
    assert bench.step(Wake(request_id="", actor=ADA)) == (), "nothing has changed since"
    assert only(filled(bench, other, 10), ReplaceRequested).quantity_lots == 60


def test_a_refused_amendment_of_a_person_changes_nothing(bench: HeldBench) -> None:
    position_of(bench, 100)
    exit_ = working(bench, Side.SELL, 50, MID + 50, reduce_only=True)
    change = AmendOrder(request_id="x", actor=ADA, order_id=exit_.order_id, quantity_lots=80)
    only(bench.step(change), ReplaceRequested)
    assert refuse(bench, exit_) == ()


def test_what_was_asked_for_last_counts(bench: HeldBench) -> None:
    position_of(bench, 100)
    exit_ = working(bench, Side.SELL, 50, MID + 50, reduce_only=True)
    bench.step(AmendOrder(request_id="x", actor=ADA, order_id=exit_.order_id, quantity_lots=90, price_ticks=MID + 40))
    other = working(bench, Side.SELL, 100, MID + 1)
    asked = only(filled(bench, other, 20), ReplaceRequested)
    assert (asked.quantity_lots, asked.price_ticks) == (80, MID + 40)
    assert filled(bench, other, 10)[0].quantity_lots == 70  # type: ignore[attr-defined]


def test_a_larger_position_makes_none_larger(bench: HeldBench) -> None:
    position_of(bench, 50)
    exit_ = working(bench, Side.SELL, 50, MID + 50, reduce_only=True)
    position_of(bench, 50)
    assert exit_.pending == ()


def test_after_a_restart_they_are_looked_after_as_before(bench: HeldBench) -> None:
    position_of(bench, 100)
    stop = bench.hold(OrderType.STOP_LIMIT, price=MID - 20, trigger_ticks=MID - 10, reduce_only=True)
    bench.show(MID - 10, MID - 9)
    other = working(bench, Side.SELL, 100, MID + 1)
    bench.restart(by_journal=False)
    stop, other = (bench.engine.state.tables.orders[each.order_id] for each in (stop, other))
    assert only(filled(bench, other, 30), ReplaceRequested).order_id == stop.order_id
    bench.fill(stop, 70)
    bench.answer(stop, ExecType.REPLACED, stop.pending[0].client_order_id)
    assert bench.engine.state.reservations.reducing == {}
    assert bench.recovers()


def test_a_bracket_whose_exits_only_reduce(bench: HeldBench) -> None:
    """Its group asks for the same, and once is enough."""

    def leg(side: Side, kind: OrderType, price: int | None, **facts: object) -> SubmitOrder:
        told = {"request_id": "", "actor": "", "account": "main", "strategy": "manual", "instrument": BTC}
        form = {"time_in_force": TimeInForce.GTC, "quantity_lots": 100, "order_type": kind, "price_ticks": price}
        return SubmitOrder(side=side, **{**told, **form, **facts})  # type: ignore[arg-type]

    orders = (
        leg(Side.BUY, OrderType.LIMIT, MID),
        leg(Side.SELL, OrderType.LIMIT, MID + 50, reduce_only=True),
        leg(Side.SELL, OrderType.STOP, None, reduce_only=True, terms=Terms(trigger_ticks=MID - 50)),
    )
    bench.step(SubmitOrderList(request_id="b", actor=ADA, link=Link.BRACKET, orders=orders))
    entry, profit, _ = bench.engine.state.tables.orders.values()
    bench.fill(entry, 100)
    bench.answer(profit, ExecType.NEW)
    bench.fill(profit, 30)
    assert profit.pending == ()
    bust(bench, entry)
    assert [request.kind for request in profit.pending] == [PendingKind.CANCEL]
