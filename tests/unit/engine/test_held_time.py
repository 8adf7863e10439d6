"""Held orders and the clock: good till date, the day's end, the open and the close."""

from __future__ import annotations

from typing import Any

import pytest

from meltica.domain.algo_commands import PauseAlgo
from meltica.domain.commands import (
    BeginDay,
    SubmitOrder,
    SubmitOrderList,
    Wake,
)
from meltica.domain.events import CommandRefused
from meltica.domain.groups import Link, Sizing
from meltica.domain.limits import DAY_NS
from meltica.domain.market import TradingStatus
from meltica.domain.order import Ended, OrderType, Side, TimeInForce
from meltica.domain.order_events import (
    CancelRequested,
    HeldAmended,
    OrderReleased,
    OrderSubmitted,
)
from meltica.domain.parent import Phase
from meltica.domain.reports import ExecType, OrderCancelReject
from meltica.domain.terms import Held, Terms
from tests.engines import BTC, SECOND
from tests.unit.engine.held_orders import MID, HeldBench
from tests.unit.engine.watch import SYSTEM, only


@pytest.fixture(params=["python", "cython"])
def bench(request: pytest.FixtureRequest) -> HeldBench:
    return HeldBench(request.param)


def test_gtd_that_is_held_expires_and_one_that_works_is_cancelled_once(bench: HeldBench) -> None:
    at = bench.now_ns + 10 * SECOND
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10, tif=TimeInForce.GTD, expire_ns=at)
    (sent,) = bench.submit(time_in_force=TimeInForce.GTD, terms=Terms(expire_ns=at))
    assert isinstance(sent, OrderSubmitted)
    order = bench.engine.state.tables.orders[sent.order_id]
    assert bench.engine.state.next_due_ns() == at
    bench.restart(by_journal=False)
    bench.now_ns = at - 1000
    expired, asked = bench.step(Wake(request_id="", actor=SYSTEM))
    assert (expired.order_id, expired.exec_type) == (stop.order_id, ExecType.EXPIRED)
    assert isinstance(asked, CancelRequested)
    assert bench.engine.state.next_due_ns() is None
    bench.step(OrderCancelReject(venue="BINANCE", client_order_id=asked.client_order_id, text="busy"))
    assert bench.engine.state.next_due_ns() == bench.now_ns + 5 * SECOND
    bench.now_ns += 5 * SECOND
    again = only(bench.step(Wake(request_id="", actor=SYSTEM)), CancelRequested)
    assert again.order_id == order.order_id
    assert bench.recovers()


def test_a_released_gtd_still_ends_in_time(bench: HeldBench) -> None:
    at = bench.now_ns + 10 * SECOND
    order = bench.hold(OrderType.STOP_LIMIT, price=MID - 20, trigger_ticks=MID - 10, tif=TimeInForce.GTD, expire_ns=at)
    only(bench.show(MID - 10, MID - 9), OrderReleased)
    assert order.due_ns == at
    bench.fill(order, 100)
    assert bench.engine.state.next_due_ns() is None


def test_day_orders_end_with_the_day_and_gtc_do_not(bench: HeldBench) -> None:
    day = bench.hold(OrderType.STOP, trigger_ticks=MID - 10, tif=TimeInForce.DAY)
    good = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    _, expired = bench.step(BeginDay(request_id="", actor=SYSTEM))
    assert (expired.order_id, expired.exec_type) == (day.order_id, ExecType.EXPIRED)
    assert good.held is Held.TRIGGER


def test_at_the_open_goes_out_with_the_first_good_price_after_the_halt(bench: HeldBench) -> None:
    order = bench.hold(OrderType.LIMIT, Side.BUY, price=MID, tif=TimeInForce.AT_THE_OPEN)
    assert bench.show(MID, MID + 1) == ()
    bench.step(TradingStatus(BTC, bench.now_ns, halted=True))
    _, waits = bench.step(TradingStatus(BTC, bench.now_ns, halted=False))
    assert waits.held is Held.RELEASE
    assert bench.show(MID, MID + 1, age_ns=5 * SECOND) == ()
    released = only(bench.show(MID, MID + 1), OrderReleased)
    assert (released.order_type, released.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
    assert order.held is None
    assert bench.recovers()


def test_at_the_close_needs_to_know_when_that_is(bench: HeldBench) -> None:
    (event,) = bench.submit(Side.BUY, 100, None, time_in_force=TimeInForce.AT_THE_CLOSE)
    assert isinstance(event, CommandRefused)
    assert (event.reason, event.field) == ("CLOSE_TIME_UNKNOWN", "time_in_force")
    close_at = bench.now_ns + 60 * SECOND
    bench.describe(close_ns=close_at % DAY_NS)
    order = bench.hold(OrderType.MARKET, Side.BUY, tif=TimeInForce.AT_THE_CLOSE)
    assert order.due_ns == close_at - 2 * SECOND
    bench.now_ns = order.due_ns
    waits = only(bench.step(Wake(request_id="", actor=SYSTEM)), HeldAmended)
    assert waits.held is Held.RELEASE
    only(bench.show(MID, MID + 1), OrderReleased)


def test_after_todays_close_the_next_one_is_meant(bench: HeldBench) -> None:
    closed_at = bench.now_ns - 60 * SECOND
    bench.describe(close_ns=closed_at % DAY_NS)
    order = bench.hold(OrderType.MARKET, Side.BUY, tif=TimeInForce.AT_THE_CLOSE)
    assert order.due_ns == closed_at + DAY_NS - 2 * SECOND


@pytest.mark.parametrize("sizing", Sizing)
def test_gtd_expires_while_it_waits_for_the_order_that_lets_it_out(bench: HeldBench, sizing: Sizing) -> None:
    at = bench.now_ns + 10 * SECOND
    first = leg(Side.BUY, MID - 10)
    child = leg(Side.SELL, MID + 10, time_in_force=TimeInForce.GTD, terms=Terms(expire_ns=at))
    orders = SubmitOrderList(
        request_id=bench.request(), actor=SYSTEM, link=Link.OTO, sizing=sizing, orders=(first, child)
    )
    bench.step(orders)
    parent, waits = bench.engine.state.tables.orders.values()
    bench.answer(parent, ExecType.NEW)
    assert bench.engine.state.next_due_ns() == at
    bench.step_to(at)
    bench.fill(parent, 100)
    assert (waits.ended, waits.released) == (Ended.EXPIRED, False)
    assert bench.recovers()


def leg(side: Side, price: int, **facts: Any) -> SubmitOrder:
    told = {"request_id": "", "actor": "", "account": "main", "strategy": "manual", "instrument": BTC}
    kind = {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "quantity_lots": 100}
    return SubmitOrder(side=side, price_ticks=price, **{**told, **kind, **facts})


def test_what_goes_on_for_a_filled_child_expires_with_it(bench: HeldBench) -> None:
    at = bench.now_ns + 10 * SECOND
    child = leg(Side.SELL, MID + 10, time_in_force=TimeInForce.GTD, terms=Terms(expire_ns=at))
    orders = (leg(Side.BUY, MID - 10), child)
    bench.step(
        SubmitOrderList(request_id=bench.request(), actor=SYSTEM, link=Link.OTO, sizing=Sizing.PARTIAL, orders=orders)
    )
    parent, first = bench.engine.state.tables.orders.values()
    bench.fill(parent, 30)
    bench.fill(first, 30)
    bench.fill(parent, 30)
    third = bench.engine.state.tables.orders[3]
    assert (third.due_ns, third.quantity_lots) == (at, 30)
    bench.fill(third, 30)
    bench.step_to(at)
    bench.fill(parent, 40)
    assert 4 not in bench.engine.state.tables.orders, "it would go out after its time"


@pytest.mark.parametrize(("tif", "ends"), [(TimeInForce.DAY, True), (TimeInForce.GTC, False)])
def test_an_iceberg_without_a_slice_at_its_venue_ends_with_the_day(
    bench: HeldBench, tif: TimeInForce, ends: bool
) -> None:
    bench.submit(Side.BUY, 100, MID, time_in_force=tif, terms=Terms(display_lots=20))
    parent = bench.engine.state.tables.orders[1]
    bench.step(Wake(request_id="", actor=SYSTEM))
    bench.step(PauseAlgo(request_id="p", actor=SYSTEM, order_id=1))
    bench.step(BeginDay(request_id="", actor=SYSTEM))
    assert bench.engine.state.tables.parents[1].phase is Phase.PAUSED, (
        "its slice is at the venue: that one's end is the venue's to tell"
    )
    bench.answer(bench.engine.state.tables.orders[2], ExecType.CANCELED)
    bench.step(BeginDay(request_id="", actor=SYSTEM))
    assert parent.ended is (Ended.EXPIRED if ends else None)
    assert bench.recovers()
