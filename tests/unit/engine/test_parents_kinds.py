"""POV and ICEBERG: what the market's volume and the last slice's fill make due."""

from __future__ import annotations

import pytest

from meltica.domain import lifecycle
from meltica.domain.commands import (
    AmendOrder,
    CancelOrder,
    SubmitOrder,
)
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.reports import ExecType
from meltica.domain.schedule import CatchUp, ChildStyle
from meltica.domain.terms import Terms
from tests.engines import BTC, MARK_TICKS, SECOND
from tests.unit.engine.algos import (
    T0,
    TARA,
    AlgoBench,
    iceberg,
    pov,
    status,
)

SLICE = 10 * SECOND


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return AlgoBench(request.param)


def test_pov_follows_the_volume_within_one_child(bench):
    order = bench.begin(pov(), 200)
    bench.trade(5_000)
    assert bench.sent(order) == []
    bench.at(T0)
    bench.trade(5_000)  # From here on it counts.
    done = 0
    for volume in range(0, 700, 7):
        bench.trade(5_000 + volume)
        for child in bench.live(order):
            bench.fill(child)
        done = order.cumulative_lots
        fair = volume // 4  # A fifth of all that trades is a quarter of what others trade.
        assert fair - 10 < done <= fair
    assert done == 170
    bench.trade(10_000)
    assert sum(bench.sent(order)) == 200


def test_pov_goes_on_when_the_driver_counts_anew(bench):
    order = bench.begin(pov(), 200)
    bench.at(T0)
    bench.trade(1_000)
    bench.trade(1_040)
    assert bench.sent(order) == [10]
    bench.trade(3)  # A restart.
    assert bench.parent(order).market_lots == 43
    bench.trade(40)
    assert bench.sent(order) == [10, 10]


def test_pov_is_not_told_of_every_trade(bench):
    order = bench.begin(pov(), 200)
    bench.at(T0)
    bench.trade(0)
    entries = len(bench.history)
    for volume in range(40):
        bench.trade(volume)
    assert len(bench.history) == entries
    bench.trade(40)
    assert bench.sent(order) == [10]


def test_pov_ends(bench):
    order = bench.begin(pov(), 200)
    bench.at(T0 + 1000 * SECOND)
    assert status(order) is OrderStatus.EXPIRED
    bench.trade(10**6)
    assert bench.sent(order) == []


def test_an_iceberg_shows_one_slice_at_a_time(bench):
    order = bench.begin(iceberg(), 100, price_ticks=MARK_TICKS - 5)
    bench.at(T0)
    for shown in (30, 30, 30, 10):
        (child,) = bench.live(order)
        assert (child.quantity_lots, child.price_ticks) == (shown, MARK_TICKS - 5)
        bench.fill(child, shown - 4)
        assert bench.live(order) == [child]
        bench.fill(child)
    assert status(order) is OrderStatus.FILLED


def test_an_iceberg_with_a_random_reserve_never_shows_more_than_is_left(bench):
    order = bench.begin(iceberg(randomise_ppm=500_000), 100, price_ticks=MARK_TICKS - 5)
    bench.at(T0)
    while order.held is not None:
        (child,) = bench.live(order)
        assert child.quantity_lots <= lifecycle.leaves_lots(order)
        bench.fill(child)
    sent = bench.sent(order)
    assert sum(sent) == 100
    assert all(15 <= lots <= 45 for lots in sent[:-1])


def test_an_order_that_hides_part_of_itself_is_an_iceberg(bench):

    (held, started) = bench.step(
        SubmitOrder(
            request_id=bench.request(),
            actor=TARA,
            account="main",
            strategy="manual",
            instrument=BTC,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity_lots=100,
            price_ticks=MARK_TICKS - 5,
            terms=Terms(display_lots=40),
        )
    )
    assert held.order_id == started.order_id
    order = bench.engine.state.tables.orders[held.order_id]
    bench.at(bench.now_ns)
    assert bench.sent(order) == [40]
    bench.step(AmendOrder(request_id=bench.request(), actor=TARA, order_id=order.order_id, price_ticks=MARK_TICKS - 9))
    (child,) = bench.live(order)
    bench.cancelled(child)
    assert bench.live(order)[0].price_ticks == MARK_TICKS - 9
    bench.step(CancelOrder(request_id=bench.request(), actor=TARA, order_id=order.order_id))
    bench.cancelled(bench.live(order)[0])
    assert status(order) is OrderStatus.CANCELED


@pytest.mark.parametrize("catch_up", [CatchUp.REPRICE, CatchUp.CROSS])
def test_children_of_a_pov_that_make_way_for_the_next_are_not_followed_without_end(bench, catch_up):
    order = bench.begin(pov(max_child_lots=20, style=ChildStyle.LIMIT, catch_up=catch_up), 28, price_ticks=MARK_TICKS)
    bench.at(T0)
    bench.trade(0)
    bench.trade(80)
    (first,) = bench.live(order)
    bench.report(first, ExecType.NEW)
    bench.at(bench.now_ns + SECOND)
    bench.trade(160)
    assert bench.live(order) == [first], "the rest waits until it is out of the way"
    bench.cancelled(first)
    for _ in range(5):
        for child in bench.live(order):
            (bench.cancelled if child.pending else bench.report)(child, *(() if child.pending else (ExecType.NEW,)))
    assert sum(bench.sent(order)[1:]) == 28


def test_a_child_that_is_over_by_itself_is_not_cancelled_to_catch_up_and_not_followed_at_once(bench):
    order = bench.begin(pov(max_child_lots=10, catch_up=CatchUp.REPRICE), 28, price_ticks=MARK_TICKS)
    bench.at(T0)
    bench.trade(0)
    bench.trade(40)
    (first,) = bench.live(order)
    assert first.time_in_force is TimeInForce.IOC
    bench.trade(80)
    assert all(child.pending == () for child in bench.live(order))
    for child in bench.live(order):
        bench.cancelled(child)
    sent = len(bench.sent(order))
    assert bench.parent(order).retry_ns > bench.now_ns, "what came to nothing is not tried again at once"
    bench.at(bench.now_ns + SECOND // 2)
    assert len(bench.sent(order)) == sent


def test_a_child_of_a_pov_stays_for_a_while_before_it_makes_way(bench):
    schedule = pov(max_child_lots=20, style=ChildStyle.LIMIT, catch_up=CatchUp.REPRICE)
    order = bench.begin(schedule, 200, price_ticks=MARK_TICKS)
    bench.at(T0)
    bench.trade(0)
    bench.trade(80)
    (first,) = bench.live(order)
    bench.trade(160)
    assert (bench.sent(order), first.pending) == ([20, 20], ())
    bench.at(bench.now_ns + SECOND)
    bench.trade(240)
    assert all(child.pending for child in bench.live(order))
