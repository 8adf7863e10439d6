"""A stop that fires while own orders stand in its way: they go, it goes out with all of its quantity, and says so."""

from __future__ import annotations

import pytest

from meltica.domain.commands import (
    AmendOrder,
    CancelOrder,
    EngageKillSwitch,
    GateState,
    ReportGate,
    SubmitOrder,
    SubmitOrderList,
    Wake,
)
from meltica.domain.groups import Link
from meltica.domain.lifecycle import OrderStatus, status
from meltica.domain.limits import SelfMatch
from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import (
    CancelRequested,
    HeldAmended,
    OrderDenied,
    OrderReleased,
    OrderReported,
    OrderSubmitted,
)
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject
from meltica.domain.terms import Held, Terms
from tests.engines import BTC, SECOND, instrument
from tests.unit.engine.held_orders import MID, HeldBench
from tests.unit.engine.watch import SYSTEM, only, refused

MODES = [SelfMatch.CANCEL_NEWEST, SelfMatch.CANCEL_BOTH, SelfMatch.DECREMENT]
CROSSING_MOST = 64


@pytest.fixture(params=["python", "cython"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


def bench_with(backend: str, mode: SelfMatch = SelfMatch.CANCEL_NEWEST, **limits: int) -> HeldBench:
    return HeldBench(backend, self_match=mode, **limits)


def bids(bench: HeldBench, *prices: int, lots: int = 40) -> list[Order]:
    return [bench.submitted(Side.BUY, lots, price) for price in prices]


def fired(bench: HeldBench) -> tuple:
    return bench.show(MID - 10, MID - 9)


def leg_of(kind: OrderType, trigger: int) -> SubmitOrder:
    return SubmitOrder(
        request_id="",
        actor="",
        account="main",
        strategy="manual",
        instrument=BTC,
        side=Side.SELL,
        order_type=kind,
        time_in_force=TimeInForce.GTC,
        quantity_lots=100,
        price_ticks=None,
        terms=Terms(trigger_ticks=trigger),
    )


def gone(bench: HeldBench, own: Order) -> tuple:
    """The venue has cancelled it."""
    name = own.pending[-1].client_order_id if own.pending else own.client_order_id
    return bench.step(ExecutionReport(venue="BINANCE", client_order_id=name, exec_type=ExecType.CANCELED))


@pytest.mark.parametrize("mode", MODES)
def test_own_orders_go_first_and_then_all_of_it_goes_out(backend: str, mode: SelfMatch) -> None:
    bench = bench_with(backend, mode)
    first, second = bids(bench, MID - 30, MID - 20)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    told = fired(bench)
    cancels = [event for event in told if isinstance(event, CancelRequested)]
    assert {event.order_id for event in cancels} == {first.order_id, second.order_id}
    assert len(cancels) == 2
    waits = told[-1]
    assert isinstance(waits, HeldAmended)
    assert (waits.held, "2 own orders are cancelled first" in waits.reason) == (Held.SELF_MATCH, True)
    assert status(stop) is OrderStatus.NEW
    assert gone(bench, first)[1:] == ()
    _, released = gone(bench, second)
    assert isinstance(released, OrderReleased)
    assert (released.quantity_lots, released.asked_lots) == (100, 0)
    assert stop.reserved_lots == 100
    bench.fill(stop, 100)
    assert isinstance(bench.submit(Side.BUY, 1, MID - 10)[0], OrderSubmitted), "nothing waits behind it any more"
    assert bench.recovers()


def test_the_oldest_make_way_at_once(backend: str) -> None:
    bench = bench_with(backend, SelfMatch.CANCEL_OLDEST)
    (own,) = bids(bench, MID - 30)
    bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    away, released = fired(bench)
    assert (type(away), away.order_id, type(released)) == (CancelRequested, own.order_id, OrderReleased)


@pytest.mark.parametrize("mode", [SelfMatch.CANCEL_OLDEST, *MODES])
def test_more_than_the_gate_lists(backend: str, mode: SelfMatch) -> None:
    bench = bench_with(backend, mode)
    own = bids(bench, *(MID - 30 - number for number in range(CROSSING_MOST + 1)))
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    assert sum(isinstance(event, CancelRequested) for event in fired(bench)) == len(own)
    for order in own:
        assert stop.held is Held.SELF_MATCH or mode is SelfMatch.CANCEL_OLDEST
        gone(bench, order)
    assert (stop.held, stop.released, stop.reserved_lots) == (None, True, 100)


def test_only_what_it_would_trade_with(backend: str) -> None:
    bench = bench_with(backend)
    below, at = bids(bench, MID - 31, MID - 30)
    bench.submitted(Side.SELL, 5, MID + 50)
    stop = bench.hold(OrderType.STOP_LIMIT, price=MID - 30, trigger_ticks=MID - 10)
    cancels = [event.order_id for event in fired(bench) if isinstance(event, CancelRequested)]
    assert cancels == [at.order_id]
    released = [event for event in gone(bench, at) if isinstance(event, OrderReleased)]
    assert (released[0].price_ticks, below.reserved_lots) == (MID - 30, 40)
    assert stop.released


def test_accounts_of_another_group_are_not_in_the_way(backend: str) -> None:
    bench = bench_with(backend, self_match_group=3)
    bids(bench, MID - 30)
    bench.open_up(instrument(), "other", self_match_group=4)
    terms = Terms(trigger_ticks=MID - 10)
    fields = {"order_type": OrderType.STOP, "time_in_force": TimeInForce.GTC, "terms": terms}
    bench.submit(Side.SELL, 100, None, account="other", **fields)
    only(fired(bench), OrderReleased)
    (theirs,) = bench.submit(Side.BUY, 7, MID - 25, account="other")
    assert isinstance(theirs, OrderSubmitted)
    bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    cancels = [event.order_id for event in fired(bench) if isinstance(event, CancelRequested)]
    assert cancels == [1], "the other account's bid stays"
    free = bench.submit(Side.BUY, 7, MID - 25, account="other")
    assert isinstance(free[0], OrderSubmitted), "nor does it wait behind the stop"


def test_what_fills_meanwhile_is_out_of_the_way_too(backend: str) -> None:
    bench = bench_with(backend)
    (own,) = bids(bench, MID - 30)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    fired(bench)
    bench.fill(own, 25)
    assert stop.held is Held.SELF_MATCH
    bench.fill(own, 15)
    assert stop.released


def test_a_refused_cancel_is_asked_for_again(backend: str) -> None:
    bench = bench_with(backend)
    (own,) = bids(bench, MID - 30)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    fired(bench)
    asked_ns = bench.now_ns
    assert bench.engine.state.next_due_ns() == asked_ns + SECOND
    busy = OrderCancelReject(venue="BINANCE", client_order_id=own.pending[0].client_order_id, text="busy")
    assert [type(event).__name__ for event in bench.step(busy)] == ["RequestRejected"]
    bench.now_ns = asked_ns + SECOND
    again, waits = bench.step(Wake(request_id="", actor=SYSTEM))
    assert (type(again), again.order_id, waits.held) == (CancelRequested, own.order_id, Held.SELF_MATCH)
    assert bench.step(Wake(request_id="", actor=SYSTEM)) == ()
    gone(bench, own)
    assert stop.released
    assert bench.engine.state.next_due_ns() is None
    assert bench.recovers()


def test_nothing_new_gets_in_front_of_it(backend: str) -> None:
    bench = bench_with(backend)
    own, away = bids(bench, MID - 30, MID - 90)
    bench.hold(OrderType.STOP_LIMIT, price=MID - 40, trigger_ticks=MID - 10)
    assert isinstance(bench.submit(Side.BUY, 1, MID - 39)[0], OrderSubmitted), "it has not fired yet"
    fired(bench)
    denied = only(bench.submit(Side.BUY, 1, MID - 40), OrderDenied)
    assert (denied.reason, "has fired and goes first" in denied.text) == ("SELF_MATCH", True)
    for side, price, form in (
        (Side.BUY, MID - 41, {}),
        (Side.SELL, MID + 1, {}),
    ):
        assert isinstance(bench.submit(side, 1, price, **form)[0], OrderSubmitted)
    into = AmendOrder(request_id="a", actor=SYSTEM, order_id=away.order_id, price_ticks=MID - 40)
    refused(bench, into, "SELF_MATCH", "price")
    below = AmendOrder(request_id="b", actor=SYSTEM, order_id=away.order_id, price_ticks=MID - 80)
    assert [type(event).__name__ for event in bench.step(below)] == ["ReplaceRequested"]
    for order in list(bench.engine.state.working_orders()):
        if order.pending and order.order_id != away.order_id:
            gone(bench, order)
    assert own.ended is not None
    assert isinstance(bench.submit(Side.BUY, 1, MID - 41)[0], OrderSubmitted)


@pytest.mark.parametrize("by_journal", [True, False])
def test_it_still_goes_out_after_a_restart(backend: str, by_journal: bool) -> None:
    bench = bench_with(backend)
    (own,) = bids(bench, MID - 30)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    fired(bench)
    bench.restart(by_journal=by_journal)
    own, stop = (bench.engine.state.tables.orders[order.order_id] for order in (own, stop))
    assert stop.held is Held.SELF_MATCH
    only(bench.submit(Side.BUY, 1, MID - 30), OrderDenied)
    only(gone(bench, own)[1:], OrderReleased)
    assert bench.recovers()


def test_it_can_be_cancelled_and_the_kill_switch_ends_it(backend: str) -> None:
    for end in (
        lambda number: CancelOrder(request_id="c", actor=SYSTEM, order_id=number),
        lambda _: EngageKillSwitch(request_id="k", actor=SYSTEM, reason="test"),
    ):
        bench = bench_with(backend)
        (own,) = bids(bench, MID - 30)
        stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
        fired(bench)
        bench.step(end(stop.order_id))
        assert status(stop) is OrderStatus.CANCELED
        assert [type(event) for event in gone(bench, own)] == [OrderReported]
        assert bench.engine.state.next_due_ns() is None


def test_good_till_date_ends_while_it_waits(backend: str) -> None:
    bench = bench_with(backend)
    bids(bench, MID - 30)
    at = bench.now_ns + SECOND // 2
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10, tif=TimeInForce.GTD, expire_ns=at)
    fired(bench)
    assert bench.engine.state.next_due_ns() == at
    bench.now_ns = at
    assert only(bench.step(Wake(request_id="", actor=SYSTEM)), OrderReported).exec_type is ExecType.EXPIRED
    assert stop.ended is not None


@pytest.mark.parametrize("tif", [TimeInForce.GTC, TimeInForce.GTD])
def test_a_gate_that_is_lost_while_it_waits(backend: str, tif: TimeInForce) -> None:
    bench = bench_with(backend)
    (own,) = bids(bench, MID - 30)
    at = bench.now_ns + 60 * SECOND
    facts = {"expire_ns": at} if tif is TimeInForce.GTD else {}
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10, tif=tif, **facts)
    fired(bench)
    bench.step(ReportGate(request_id="", actor=SYSTEM, state=GateState.LOST, reason="silent"))
    gone(bench, own)
    assert stop.held is Held.RELEASE
    assert bench.engine.state.next_due_ns() == (at if tif is TimeInForce.GTD else None)
    bench.step(ReportGate(request_id="", actor=SYSTEM, state=GateState.REGAINED))
    only(bench.show(MID - 50, MID - 49), OrderReleased)
    assert bench.recovers()


def test_terms_can_t_change_once_it_has_fired(backend: str) -> None:
    bench = bench_with(backend)
    bids(bench, MID - 30)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    fired(bench)
    change = AmendOrder(request_id="a", actor=SYSTEM, order_id=stop.order_id, terms=Terms(trigger_ticks=MID - 90))
    refused(bench, change, "TERMS_NOT_AMENDABLE", "terms")


def test_a_leg_that_waits_has_fired_and_ends_the_other(backend: str) -> None:
    bench = bench_with(backend)
    (own,) = bids(bench, MID - 30)
    legs = ((OrderType.STOP, MID - 10), (OrderType.MARKET_IF_TOUCHED, MID + 90))
    both = SubmitOrderList(
        request_id=bench.request(), actor=SYSTEM, link=Link.OCO, orders=tuple(leg_of(*leg) for leg in legs)
    )
    bench.step(both)
    leg, other = (bench.engine.state.tables.orders[own.order_id + number] for number in (1, 2))
    fired(bench)
    assert leg.held is Held.SELF_MATCH
    assert status(other) is OrderStatus.CANCELED
    gone(bench, own)
    assert leg.released
    assert bench.recovers()


def test_a_slice_waits_behind_it(backend: str) -> None:
    bench = bench_with(backend)
    bids(bench, MID - 30)
    bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    fired(bench)
    terms = {"terms": Terms(display_lots=10)}
    bench.submit(Side.BUY, 50, MID - 30, **terms)
    told = bench.step(Wake(request_id="", actor=SYSTEM))
    assert not [event for event in told if isinstance(event, OrderSubmitted | OrderDenied)]
    (parent,) = bench.engine.state.parents()
    assert "goes first" in parent.reason


def test_without_a_price_it_waits_for_one(backend: str) -> None:
    """So it is after a restart, until the market is known: its venue may not know it either."""
    bench = bench_with(backend)
    (own,) = bids(bench, MID - 30)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    fired(bench)
    bench.restart(by_journal=True)
    bench.prices_known = False
    own, stop = (bench.engine.state.tables.orders[order.order_id] for order in (own, stop))
    assert [type(event) for event in gone(bench, own)] == [OrderReported]
    for _ in range(2):
        bench.now_ns = bench.engine.state.next_due_ns() or 0
        assert only(bench.step(Wake(request_id="", actor=SYSTEM), after_ns=0), HeldAmended).held is None
        assert stop.held is Held.SELF_MATCH
    bench.prices_known = True
    bench.now_ns = bench.engine.state.next_due_ns() or 0
    only(bench.step(Wake(request_id="", actor=SYSTEM), after_ns=0), OrderReleased)
    assert bench.recovers()


def test_an_amended_gtd_that_waits_still_asks_again(backend: str) -> None:
    bench = HeldBench(backend, self_match_group=1)
    (sent,) = bench.submit(Side.BUY, 50, MID - 20)
    expire_ns = bench.now_ns + 3600 * SECOND
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10, tif=TimeInForce.GTD, expire_ns=expire_ns)
    request, _ = bench.show(MID - 15, MID - 13)
    assert stop.held is Held.SELF_MATCH
    bench.step(AmendOrder(request_id=bench.request(), actor=SYSTEM, order_id=stop.order_id, quantity_lots=80))
    refusal = OrderCancelReject(venue="BINANCE", client_order_id=request.client_order_id, text="not now")
    assert [type(event).__name__ for event in bench.step(refusal)] == ["RequestRejected"]
    bench.step_to(bench.now_ns + SECOND)
    again, _ = bench.step(Wake(request_id="", actor=SYSTEM))
    assert isinstance(again, CancelRequested)
    assert again.order_id == sent.order_id
