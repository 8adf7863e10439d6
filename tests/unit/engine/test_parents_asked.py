"""Parent orders are paused, resumed, amended; and what can't be asked of them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo
from meltica.domain.commands import (
    AmendOrder,
    CancelOrder,
    EngageKillSwitch,
)
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.order import TimeInForce
from meltica.domain.parent import Phase
from meltica.domain.schedule import AtEnd, CatchUp, ChildStyle, ScheduleKind
from meltica.domain.terms import Terms
from tests.engines import MARK_TICKS, SECOND
from tests.unit.engine.algos import (
    T0,
    TARA,
    AlgoBench,
    amend,
    cancels,
    iceberg,
    pause,
    pov,
    resume,
    shortfall,
    status,
    twap,
)
from tests.unit.engine.watch import ADA, refused

SLICE = 10 * SECOND


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return AlgoBench(request.param)


def test_paused_it_sends_nothing_and_its_children_are_cancelled(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    assert cancels(pause(bench, order, reason="news")) == [child.order_id]
    assert (bench.parent(order).phase, bench.parent(order).reason) == (Phase.PAUSED, "news")
    bench.cancelled(child)
    bench.at(T0 + 3 * SLICE)
    assert bench.sent(order) == [100]
    resume(bench, order)
    assert bench.sent(order) == [100, 400]


def test_paused_its_children_may_stay(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    assert cancels(pause(bench, order, keep_children=True)) == []
    bench.fill(child)
    bench.at(T0 + 2 * SLICE)
    assert bench.sent(order) == [100]
    resume(bench, order)
    assert bench.sent(order) == [100, 200]


def test_its_end_comes_while_it_is_paused(bench):
    order = bench.begin(twap(at_end=AtEnd.CROSS), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    pause(bench, order)
    bench.cancelled(child)
    bench.at(T0 + 100 * SECOND)
    assert (status(order), bench.sent(order)) == (OrderStatus.EXPIRED, [100])


def test_a_new_quantity(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    amend(bench, order, quantity_lots=2000)
    assert bench.sent(order) == [100, 100]
    said = amend(bench, order, quantity_lots=150)
    assert cancels(said) == [bench.live(order)[1].order_id]
    bench.cancelled(bench.live(order)[1])
    bench.fill(bench.live(order)[0])
    bench.at(T0 + 90 * SECOND)
    assert sum(bench.sent(order)[2:]) == 50


def test_a_quantity_below_what_is_filled_fills_it(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    bench.fill(bench.live(order)[0])
    bench.at(T0 + SLICE)
    (child,) = bench.live(order)
    assert cancels(amend(bench, order, quantity_lots=40)) == [child.order_id]
    bench.cancelled(child)
    assert (order.quantity_lots, status(order)) == (100, OrderStatus.FILLED)


def test_a_new_limit_takes_back_children_that_are_beyond_it(bench):
    order = bench.begin(twap(), 1000, price_ticks=MARK_TICKS)
    bench.at(T0)
    (child,) = bench.live(order)
    assert cancels(amend(bench, order, price_ticks=MARK_TICKS - 20)) == [child.order_id]
    bench.cancelled(child)
    assert bench.children(order)[1].price_ticks == MARK_TICKS - 20


def test_a_new_end(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    amend(bench, order, end_ns=T0 + 200 * SECOND)
    bench.at(T0 + 19 * SECOND)
    assert bench.sent(order) == [100]
    bench.at(T0 + 20 * SECOND)
    assert bench.sent(order) == [100, 100]


# Bad input


NO_SUCH = 2**70
WRONG = [
    ({"instrument": "DOGE/USDT@BINANCE"}, "UNKNOWN_INSTRUMENT", "instrument"),
    ({"account": "nobody"}, "UNKNOWN_ACCOUNT", "account"),
    ({"quantity_lots": 0}, "QUANTITY_NOT_POSITIVE", "quantity"),
    ({"quantity_lots": NO_SUCH}, "QUANTITY_OUT_OF_RANGE", "quantity"),
    ({"price_ticks": NO_SUCH}, "PRICE_OUT_OF_RANGE", "price"),
    ({"time_in_force": TimeInForce.IOC, "price_ticks": 5}, "INVALID_SCHEDULE", "time_in_force"),
    ({"short": True}, "SHORT_NOT_A_SALE", "short_sale"),
    ({"short_exempt": True}, "SHORT_EXEMPT_NOT_SHORT", "short_exempt"),
    ({"post_only": True, "schedule": twap(style=ChildStyle.MARKET)}, "POST_ONLY_NOT_RESTING", "post_only"),
    ({"actor": "strategy:a", "strategy": "b"}, "NOT_YOUR_STRATEGY", "strategy"),
    ({"schedule": twap(start_ns=NO_SUCH)}, "INVALID_SCHEDULE", "schedule.start_time"),
    ({"schedule": twap(start_ns=-1)}, "INVALID_SCHEDULE", "schedule.start_time"),
    ({"schedule": twap(end_ns=NO_SUCH)}, "INVALID_SCHEDULE", "schedule.end_time"),
    ({"schedule": twap(end_ns=0)}, "INVALID_SCHEDULE", "schedule.end_time"),
    ({"schedule": twap(end_ns=5)}, "INVALID_SCHEDULE", "schedule.end_time"),
    ({"schedule": twap(end_ns=T0)}, "INVALID_SCHEDULE", "schedule.end_time"),
    ({"schedule": twap(end_ns=T0 + 32 * 86_400 * SECOND)}, "INVALID_SCHEDULE", "schedule.end_time"),
    ({"schedule": twap(slices=0)}, "INVALID_SCHEDULE", "schedule.slices"),
    ({"schedule": twap(slices=-3)}, "INVALID_SCHEDULE", "schedule.slices"),
    ({"schedule": twap(slices=1001)}, "INVALID_SCHEDULE", "schedule.slices"),
    ({"schedule": twap(slices=1000, end_ns=T0 + SECOND)}, "INVALID_SCHEDULE", "schedule.slices"),
    ({"schedule": twap(curve_ppm=(10**6,))}, "INVALID_SCHEDULE", "schedule.volume_curve"),
    ({"schedule": twap(rate_ppm=1)}, "INVALID_SCHEDULE", "schedule.participation_rate"),
    ({"schedule": twap(volume_has_ours=True)}, "INVALID_SCHEDULE", "schedule.volume_has_ours"),
    ({"schedule": twap(volatility=Decimal(1))}, "INVALID_SCHEDULE", "schedule.volatility"),
    ({"schedule": twap(max_child_lots=-1)}, "INVALID_SCHEDULE", "schedule.max_child_quantity"),
    ({"schedule": twap(randomise_ppm=500_001)}, "INVALID_SCHEDULE", "schedule.randomisation"),
    ({"schedule": twap(randomise_ppm=-1)}, "INVALID_SCHEDULE", "schedule.randomisation"),
    ({"schedule": twap(style=ChildStyle.LIMIT)}, "PRICE_REQUIRED", "price"),
    ({"schedule": twap(kind=ScheduleKind.VWAP)}, "INVALID_SCHEDULE", "schedule.volume_curve"),
    ({"schedule": twap(kind=ScheduleKind.VWAP, curve_ppm=(1, 2))}, "INVALID_SCHEDULE", "schedule.volume_curve"),
    ({"schedule": twap(kind=ScheduleKind.VWAP, curve_ppm=(2 * 10**6, -(10**6)))}, "INVALID_SCHEDULE", None),
    ({"schedule": pov(rate_ppm=0)}, "INVALID_SCHEDULE", "schedule.participation_rate"),
    ({"schedule": pov(rate_ppm=900_001)}, "INVALID_SCHEDULE", "schedule.participation_rate"),
    ({"schedule": pov(max_child_lots=0)}, "INVALID_SCHEDULE", "schedule.max_child_quantity"),
    ({"schedule": pov(slices=5)}, "INVALID_SCHEDULE", "schedule.slices"),
    ({"schedule": twap(kind=ScheduleKind.SHORTFALL)}, "INVALID_SCHEDULE", "schedule.temporary_impact"),
    ({"schedule": shortfall(permanent_impact=Decimal("0.2"))}, "INVALID_SCHEDULE", "schedule.temporary_impact"),
    ({"schedule": shortfall(risk_aversion=Decimal(-1))}, "INVALID_SCHEDULE", "schedule.risk_aversion"),
    ({"schedule": shortfall(risk_aversion=Decimal("Infinity"))}, "INVALID_SCHEDULE", "schedule.risk_aversion"),
    ({"schedule": shortfall(volatility=Decimal("NaN"))}, "INVALID_SCHEDULE", "schedule.volatility"),
    ({"schedule": shortfall(volatility=Decimal("1e13"))}, "INVALID_SCHEDULE", "schedule.volatility"),
    ({"schedule": iceberg(max_child_lots=0), "price_ticks": 5}, "INVALID_SCHEDULE", "schedule.max_child_quantity"),
    ({"schedule": iceberg(style=ChildStyle.MARKET), "price_ticks": 5}, "INVALID_SCHEDULE", "schedule.child_style"),
    ({"schedule": iceberg(catch_up=CatchUp.CROSS), "price_ticks": 5}, "INVALID_SCHEDULE", "schedule.catch_up"),
    ({"schedule": iceberg(at_end=AtEnd.CROSS), "price_ticks": 5}, "INVALID_SCHEDULE", "schedule.at_end"),
]


@pytest.mark.parametrize(("facts", "reason", "field"), WRONG)
def test_what_is_wrong_is_named_and_nothing_begins(facts, reason, field):
    bench = AlgoBench()
    given = {"schedule": twap(), **facts}
    refused(bench, bench.submission(given.pop("schedule"), **given), reason, field)


def test_an_id_that_was_used_before(bench):
    bench.begin(twap(), client_order_id="mine")
    refused(bench, bench.submission(twap(), client_order_id="mine"), "DUPLICATE_CLIENT_ORDER_ID", "client_order_id")


def test_nothing_begins_under_the_kill_switch(bench):
    bench.step(EngageKillSwitch(request_id=bench.request(), actor=ADA, reason="stop", account="main"))
    refused(bench, bench.submission(twap()), "KILL_SWITCH")


def test_commands_about_orders_that_are_none(bench):
    order = bench.begin(twap())
    plain = bench.submitted()
    facts = {"request_id": bench.request(), "actor": TARA}
    for command in (PauseAlgo, ResumeAlgo):
        refused(bench, command(order_id=99, **facts), "UNKNOWN_ORDER", "order_id")
        refused(bench, command(order_id=plain.order_id, **facts), "NOT_AN_ALGO", "order_id")
    refused(bench, ResumeAlgo(order_id=order.order_id, **facts), "ALGO_NOT_PAUSED", "order_id")
    bench.cancel(order)
    refused(bench, PauseAlgo(order_id=order.order_id, **facts), "ORDER_TERMINAL", "order_id")
    refused(bench, AmendAlgo(order_id=order.order_id, quantity_lots=5, **facts), "ORDER_TERMINAL", "order_id")
    refused(bench, CancelOrder(order_id=order.order_id, **facts), "ORDER_TERMINAL", "order_id")


def test_amendments_that_make_no_sense(bench):
    order = bench.begin(twap())
    priced = bench.begin(twap(), price_ticks=MARK_TICKS)
    for facts, reason, field in (
        ({}, "NOTHING_TO_AMEND", "quantity"),
        ({"quantity_lots": 0}, "QUANTITY_OUT_OF_RANGE", "quantity"),
        ({"quantity_lots": NO_SUCH}, "QUANTITY_OUT_OF_RANGE", "quantity"),
        ({"price_ticks": 5}, "PRICE_NOT_ALLOWED", "price"),
        ({"price_ticks": 0}, "PRICE_OUT_OF_RANGE", "price"),
        ({"price_ticks": NO_SUCH}, "PRICE_OUT_OF_RANGE", "price"),
        ({"end_ns": 0}, "INVALID_SCHEDULE", "schedule.end_time"),
        ({"end_ns": 77}, "INVALID_SCHEDULE", "schedule.end_time"),
    ):
        command = AmendAlgo(request_id=bench.request(), actor=TARA, order_id=order.order_id, **facts)
        refused(bench, command, reason, field)
    amend = AmendOrder(request_id=bench.request(), actor=TARA, order_id=priced.order_id, terms=Terms(display_lots=3))
    refused(bench, amend, "TERMS_NOT_AMENDABLE", "terms")
