"""Parent orders: what they send when, what they are of what became of their children, and how they end."""

from __future__ import annotations

import pytest

from meltica.domain import lifecycle
from meltica.domain.commands import (
    CancelAllOrders,
    EngageKillSwitch,
)
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.parent import Phase
from meltica.domain.parent_events import AlgoOverfilled
from meltica.domain.reports import ExecType
from meltica.domain.schedule import AtEnd, CatchUp, ChildStyle
from meltica.domain.terms import Held
from meltica.engine.parents.parents import BACKOFF_NS, CANCELS_MAX, CHILDREN_AT_ONCE
from tests.engines import BTC, MARK_TICKS, SECOND, instrument
from tests.unit.engine.algos import (
    T0,
    AlgoBench,
    cancels,
    iceberg,
    status,
    twap,
)
from tests.unit.engine.watch import ADA

SLICE = 10 * SECOND


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return AlgoBench(request.param)


def test_a_parent_is_held_and_goes_out_in_slices(bench):
    order = bench.begin(twap(), 1000)
    assert (order.held, status(order), bench.sent(order)) == (Held.SLICES, OrderStatus.NEW, [])
    assert bench.gate.export_state()["instruments"] is not None
    bench.at(T0 - 1)
    assert bench.sent(order) == []
    for number in range(1, 11):
        bench.at(T0 + (number - 1) * SLICE)
        assert bench.sent(order) == [100] * number
        assert order.cumulative_lots == (number - 1) * 100
        (child,) = bench.live(order)
        assert (child.parent_id, child.price_ticks) == (order.order_id, MARK_TICKS - 1)
        bench.fill(child, ticks=MARK_TICKS + number, fee=3)
    assert (status(order), order.held, bench.parent(order).phase) == (OrderStatus.FILLED, None, Phase.DONE)
    assert order.cumulative_value == sum(100 * (MARK_TICKS + number) for number in range(1, 11))
    assert order.fees_nanos == 30
    assert order.executions == {}
    position = bench.engine.state.position("main", BTC)
    assert (position.lots, position.fees_nanos) == (1000, 30)
    assert bench.engine.state.next_due_ns() is None
    assert bench.engine.state.open_orders() == []


def test_the_parent_itself_reserves_nothing(bench):
    order = bench.begin(twap(), 1000)
    assert bench.engine.state.reservations.lots("main", BTC, Side.BUY) == 0
    bench.at(T0)
    assert bench.engine.state.reservations.lots("main", BTC, Side.BUY) == 100
    assert order.reserved_lots == 0


def test_unfilled_slices_stay(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0 + 2 * SLICE)
    assert bench.sent(order) == [100, 100, 100]
    assert len(bench.live(order)) == 3


def test_unfilled_slices_are_sent_again_at_the_new_price(bench):
    order = bench.begin(twap(catch_up=CatchUp.REPRICE), 1000)
    bench.at(T0)
    (first,) = bench.live(order)
    bench.fill(first, 30)
    bench.bid = (MARK_TICKS - 50, 10)
    said = bench.at(T0 + SLICE)
    assert cancels(said) == [first.order_id]
    assert bench.sent(order) == [100, 100]  # What the first lacks may still be filled.
    bench.cancelled(first)
    assert bench.sent(order) == [100, 100, 70]
    assert bench.children(order)[2].price_ticks == MARK_TICKS - 50


def test_unfilled_slices_cross_when_the_next_is_due(bench):
    order = bench.begin(twap(catch_up=CatchUp.CROSS), 1000, price_ticks=MARK_TICKS + 10)
    bench.at(T0)
    (first,) = bench.live(order)
    bench.fill(first, 30)
    bench.at(T0 + SLICE)
    bench.cancelled(first)
    _, second, third = bench.children(order)
    assert (second.quantity_lots, second.time_in_force) == (100, TimeInForce.GTC)
    assert (third.quantity_lots, third.time_in_force) == (70, TimeInForce.IOC)
    assert (third.order_type, third.price_ticks) == (OrderType.LIMIT, MARK_TICKS + 10)


def test_only_what_is_late_crosses(bench):
    order = bench.begin(twap(catch_up=CatchUp.CROSS), 1000)
    bench.at(T0)
    (first,) = bench.live(order)
    bench.fill(first, 30)
    bench.at(T0 + SLICE)
    bench.cancelled(first)
    _, second, third = bench.children(order)
    bench.fill(third)
    bench.cancel(second)
    bench.cancelled(second)
    last = bench.children(order)[-1]
    assert (last.quantity_lots, last.time_in_force) == (100, TimeInForce.GTC)


def test_styles(bench):
    crossing = bench.begin(twap(style=ChildStyle.MARKET), 1000)
    at_limit = bench.begin(
        twap(style=ChildStyle.LIMIT), 1000, price_ticks=MARK_TICKS - 7, side=Side.BUY, post_only=True
    )
    passive = bench.begin(twap(), 1000, side=Side.SELL, price_ticks=MARK_TICKS + 3, time_in_force=TimeInForce.DAY)
    bench.at(T0)
    (one,) = bench.children(crossing)
    assert (one.order_type, one.price_ticks, one.time_in_force) == (OrderType.MARKET, None, TimeInForce.IOC)
    (two,) = bench.children(at_limit)
    assert (two.price_ticks, two.time_in_force, two.post_only) == (MARK_TICKS - 7, TimeInForce.GTC, True)
    (three,) = bench.children(passive)
    assert (three.side, three.price_ticks, three.time_in_force) == (Side.SELL, MARK_TICKS + 3, TimeInForce.DAY)


def test_a_passive_child_is_never_worse_than_the_limit(bench):
    order = bench.begin(twap(), 1000, price_ticks=MARK_TICKS - 40)
    bench.at(T0)
    assert bench.children(order)[0].price_ticks == MARK_TICKS - 40


def test_no_child_is_larger_than_allowed_and_not_all_go_at_once(bench):
    order = bench.begin(twap(slices=1, max_child_lots=7), 1000)
    bench.at(T0)
    assert bench.sent(order) == [7] * CHILDREN_AT_ONCE
    bench.at(T0 + BACKOFF_NS)
    assert bench.sent(order) == [7] * 2 * CHILDREN_AT_ONCE


def test_a_slice_too_small_for_the_venue_waits_for_the_next(bench):
    bench.open_up(instrument("ETH/USDT@BINANCE", 2, min_quantity_lots=25))
    facts = {"instrument": "ETH/USDT@BINANCE", "price_ticks": MARK_TICKS}
    order = bench.begin(twap(style=ChildStyle.LIMIT), 100, **facts)
    bench.at(T0 + 90 * SECOND)
    assert bench.sent(order) == [30, 30, 40]
    for child in bench.live(order):
        bench.fill(child)
    assert status(order) is OrderStatus.FILLED


def test_a_rest_too_small_for_the_venue_is_not_left(bench):
    bench.open_up(instrument("ETH/USDT@BINANCE", 2, min_quantity_lots=25))
    facts = {"instrument": "ETH/USDT@BINANCE", "price_ticks": MARK_TICKS}
    order = bench.begin(iceberg(max_child_lots=40), 90, **facts)
    bench.at(T0)
    for shown in (40, 25, 25):
        (child,) = bench.live(order)
        assert child.quantity_lots == shown
        bench.fill(child)
    assert status(order) is OrderStatus.FILLED


# Facts


def test_a_bust_opens_a_filled_parent_again(bench):
    order = bench.begin(twap(slices=1), 100)
    bench.at(T0)
    (child,) = bench.children(order)
    execution = bench.fill(child)
    assert status(order) is OrderStatus.FILLED
    bench.bust(child, execution)
    assert (order.cumulative_lots, order.cumulative_value) == (0, 0)
    assert (status(order), order.held, bench.parent(order).phase) == (OrderStatus.NEW, Held.SLICES, Phase.RUNNING)
    assert bench.sent(order) == [100]  # The child works at its venue again.
    bench.cancelled(child)
    bench.at(bench.now_ns + BACKOFF_NS)
    assert bench.sent(order) == [100, 100]


def test_a_late_fill_counts_and_what_is_too_much_is_told(bench):
    order = bench.begin(twap(slices=2, catch_up=CatchUp.REPRICE), 200)
    bench.at(T0 + 50 * SECOND)
    first, second = bench.children(order)
    bench.cancelled(first)
    third = bench.children(order)[2]
    bench.fill(second)
    bench.fill(third)
    assert status(order) is OrderStatus.FILLED
    said = bench.report(first, ExecType.TRADE, execution_id="late", last_quantity_lots=40, last_price_ticks=MARK_TICKS)
    assert order.cumulative_lots == 240
    assert AlgoOverfilled(order_id=order.order_id, lots=40, time_ns=bench.now_ns) in said
    assert (status(order), lifecycle.leaves_lots(order)) == (OrderStatus.FILLED, 0)
    assert bench.engine.state.position("main", BTC).lots == 240
    assert bench.parent(order).overfilled_lots == 40


def test_a_fill_in_the_end_counts_after_a_cancel(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.children(order)
    bench.cancel(order)
    bench.cancelled(child)
    assert status(order) is OrderStatus.CANCELED
    bench.report(child, ExecType.TRADE, execution_id="late", last_quantity_lots=40, last_price_ticks=MARK_TICKS)
    assert (order.cumulative_lots, status(order)) == (40, OrderStatus.CANCELED)


# Cancel, kill, end


def test_a_parent_that_traded_was_not_cancelled_before_it_went_out(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.children(order)
    bench.fill(child, 40)
    bench.cancel(order)
    assert bench.parent(order).reason.startswith("cancelled by ")
    assert "before it went out" not in bench.parent(order).reason


def test_a_cancelled_parent_ends_when_its_last_child_is_answered(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0 + SLICE)
    first, second = bench.live(order)
    assert cancels(bench.cancel(order)) == [first.order_id, second.order_id]
    assert (order.ended, bench.parent(order).phase) == (None, Phase.CLOSING)
    assert cancels(bench.cancel(order)) == []
    bench.cancelled(first)
    assert order.ended is None
    bench.fill(second, 60)
    bench.cancelled(second)
    assert (status(order), order.cumulative_lots, order.held) == (OrderStatus.CANCELED, 60, None)
    assert bench.at(T0 + 1000 * SECOND) == ()


def test_a_parent_without_children_ends_at_once(bench):
    order = bench.begin(twap(), 1000)
    bench.cancel(order)
    assert status(order) is OrderStatus.CANCELED
    assert bench.engine.state.next_due_ns() is None


def test_a_parent_that_is_filled_while_it_is_cancelled_is_filled(bench):
    order = bench.begin(twap(slices=1), 100)
    bench.at(T0)
    (child,) = bench.live(order)
    bench.cancel(order)
    bench.fill(child)
    assert (status(order), bench.parent(order).phase) == (OrderStatus.FILLED, Phase.DONE)


def test_cancels_that_the_venue_refuses_are_repeated_but_not_forever(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    bench.cancel(order)
    asked = 1
    for _ in range(2 * CANCELS_MAX):
        if child.pending:
            asked += len(cancels(bench.refuse_cancel(child)))
    assert (asked, child.pending) == (CANCELS_MAX, ())
    assert order.ended is None
    bench.fill(child)
    assert status(order) is OrderStatus.CANCELED


@pytest.mark.parametrize("switch", [{}, {"account": "main"}, {"target": f"instruments/{BTC}"}])
def test_the_kill_switch_ends_it(bench, switch):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    said = bench.step(EngageKillSwitch(request_id=bench.request(), actor=ADA, reason="stop", **switch))
    assert cancels(said) == [child.order_id]
    bench.cancelled(child)
    assert status(order) is OrderStatus.CANCELED
    bench.at(T0 + 500 * SECOND)
    assert bench.sent(order) == [100]


def test_cancel_all_ends_it(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    said = bench.step(CancelAllOrders(request_id=bench.request(), actor=ADA))
    assert cancels(said) == [child.order_id]
    bench.cancelled(child)
    assert status(order) is OrderStatus.CANCELED


def test_at_the_end_the_rest_is_cancelled(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0 + 90 * SECOND)
    for child in bench.live(order)[:4]:
        bench.fill(child)
    said = bench.at(T0 + 100 * SECOND)
    left = bench.live(order)
    assert cancels(said) == [child.order_id for child in left]
    for child in left:
        bench.cancelled(child)
    assert (status(order), order.cumulative_lots) == (OrderStatus.EXPIRED, 400)


def test_at_the_end_the_rest_crosses(bench):
    order = bench.begin(twap(at_end=AtEnd.CROSS), 1000, price_ticks=MARK_TICKS + 5)
    bench.at(T0 + 90 * SECOND)
    for child in bench.live(order)[:9]:
        bench.fill(child)
    (last,) = bench.live(order)
    assert cancels(bench.at(T0 + 100 * SECOND)) == [last.order_id]
    bench.fill(last, 20)
    bench.cancelled(last)
    rest = bench.children(order)[-1]
    assert (rest.quantity_lots, rest.time_in_force, rest.price_ticks) == (80, TimeInForce.IOC, MARK_TICKS + 5)
    bench.fill(rest, 50)
    bench.cancelled(rest)
    again = bench.children(order)[-1]
    assert again.quantity_lots == 30
    bench.cancelled(again)
    assert (status(order), order.cumulative_lots) == (OrderStatus.EXPIRED, 970)


def test_at_the_end_the_rest_crosses_and_fills(bench):
    order = bench.begin(twap(at_end=AtEnd.CROSS, max_child_lots=400, slices=1), 1000)
    bench.mark_known = False  # No child can be priced; a market order needs no touch, but the gate wants a reference.
    bench.at(T0 + 99 * SECOND)
    assert bench.sent(order) == []
    bench.mark_known = True
    bench.at(T0 + 100 * SECOND)
    assert bench.sent(order) == [400, 400, 200]
    for child in bench.live(order):
        bench.fill(child)
    assert status(order) is OrderStatus.FILLED
