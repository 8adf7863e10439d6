"""Parent orders: what they send when, what they are of what became of their children, and how they end."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from meltica.domain import lifecycle
from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo
from meltica.domain.commands import (
    AmendOrder,
    CancelAllOrders,
    CancelOrder,
    EngageKillSwitch,
    GateState,
    ReportGate,
    SubmitOrder,
    Wake,
)
from meltica.domain.errors import GateUnreachableError
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.parent import Phase
from meltica.domain.parent_events import AlgoOverfilled
from meltica.domain.reports import ExecType
from meltica.domain.schedule import AtEnd, CatchUp, ChildStyle, ScheduleKind
from meltica.domain.terms import Held, Terms
from meltica.engine.parents import BACKOFF_NS, CANCELS_MAX, CHILDREN_AT_ONCE, REFUSALS_MAX
from tests.engines import BTC, MARK_TICKS, SECOND, instrument
from tests.unit.engine.algos import T0, TARA, AlgoBench, cancels, iceberg, pov, shortfall, twap
from tests.unit.engine.watch import ADA, refused

SLICE = 10 * SECOND


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return AlgoBench(request.param)


def status(order):
    return lifecycle.status(order)


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
    while child.pending:
        asked += len(cancels(bench.refuse_cancel(child)))
    assert asked == CANCELS_MAX
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


# Pause, resume, amend


def pause(bench, order, **facts):
    return bench.step(PauseAlgo(request_id=bench.request(), actor=TARA, order_id=order.order_id, **facts))


def resume(bench, order):
    said = bench.step(ResumeAlgo(request_id=bench.request(), actor=TARA, order_id=order.order_id))
    return said + bench.at(bench.now_ns)


def amend(bench, order, **facts):
    said = bench.step(AmendAlgo(request_id=bench.request(), actor=TARA, order_id=order.order_id, **facts))
    return said + bench.at(bench.now_ns)


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


# What goes wrong


def test_a_child_that_the_gate_refuses_is_tried_again_and_then_it_pauses(bench):
    small = AlgoBench(bench.backend.__name__.rpartition("_")[2], max_quantity_lots=50)
    order = small.begin(twap(), 1000)
    small.at(T0)
    (child,) = small.children(order)
    assert (status(child), child.parent_id) == (OrderStatus.REJECTED, order.order_id)
    tried = [small.now_ns]
    while small.parent(order).phase is Phase.RUNNING:
        small.at(small.engine.state.next_due_ns())
        tried.append(small.now_ns)
    assert len(small.children(order)) == REFUSALS_MAX
    assert [b - a >= BACKOFF_NS for a, b in pairwise(tried)] == [True] * (len(tried) - 1)
    assert small.parent(order).reason.startswith("5 children refused in a row: MAX_QUANTITY")
    assert order.ended is None
    resume(small, order)
    assert len(small.children(order)) == REFUSALS_MAX + 1


def test_a_child_that_the_venue_rejects(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    for number in range(1, REFUSALS_MAX + 1):
        assert len(bench.children(order)) == number
        bench.report(bench.children(order)[-1], ExecType.REJECTED, text="no")
        assert len(bench.children(order)) == number  # Not at once.
        if number < REFUSALS_MAX:
            bench.at(bench.engine.state.next_due_ns())
    assert bench.parent(order).phase is Phase.PAUSED
    assert "no" in bench.parent(order).reason


def test_one_that_is_accepted_ends_the_row(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    for _ in range(3 * REFUSALS_MAX):
        bench.report(bench.children(order)[-1], ExecType.REJECTED, text="no")
        bench.at(bench.now_ns + 4 * BACKOFF_NS)
        bench.report(bench.children(order)[-1], ExecType.NEW)
        assert bench.parent(order).refusals == 0
        bench.report(bench.children(order)[-1], ExecType.CANCELED)
        bench.at(bench.now_ns + 4 * BACKOFF_NS)
        if bench.parent(order).phase is not Phase.RUNNING:
            break
    assert bench.parent(order).reason == "the schedule's end came before all was filled"


@pytest.mark.parametrize("how", ["stale", "unknown", "one-sided", "gate lost"])
def test_without_a_market_it_waits(bench, how):
    order = bench.begin(twap(), 1000)
    if how == "stale":
        bench.mark_age_ns = 5 * SECOND
    elif how == "unknown":
        bench.mark_known = False
    elif how == "one-sided":
        bench.bid = None
    else:
        bench.step(ReportGate(request_id="", actor="system:x", state=GateState.LOST, reason="gone"))
    bench.at(T0 + 5 * SECOND)
    assert bench.sent(order) == []
    assert bench.parent(order).reason
    bench.mark_age_ns, bench.mark_known, bench.bid = 0, True, (MARK_TICKS - 1, 50)
    if how == "gate lost":
        bench.step(ReportGate(request_id="", actor="system:x", state=GateState.REGAINED))
    bench.at(T0 + 9 * SECOND)
    assert bench.sent(order) == [100]
    assert bench.parent(order).waits == 0


def test_an_immediate_child_that_finds_nobody_is_not_sent_again_at_once(bench):
    order = bench.begin(twap(style=ChildStyle.MARKET), 1000)
    bench.at(T0)
    bench.report(bench.children(order)[0], ExecType.EXPIRED)
    assert bench.sent(order) == [100]
    bench.at(bench.now_ns + BACKOFF_NS)
    assert bench.sent(order) == [100, 100]


def test_when_the_venues_day_is_over_so_is_an_order_of_the_day(bench):
    order = bench.begin(twap(), 1000, time_in_force=TimeInForce.DAY)
    bench.at(T0)
    bench.report(bench.children(order)[0], ExecType.EXPIRED)
    assert status(order) is OrderStatus.EXPIRED
    bench.at(T0 + 50 * SECOND)
    assert bench.sent(order) == [100]


def test_a_cancel_of_one_child_sends_what_it_lacks_again(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    bench.cancel(child)
    bench.cancelled(child)
    assert bench.sent(order) == [100, 100]


def test_a_child_takes_no_amendment_of_its_own(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    (event,) = bench.step(
        AmendOrder(request_id=bench.request(), actor=TARA, order_id=child.order_id, quantity_lots=900)
    )
    assert (event.reason, event.field) == ("CHILD_ORDER", "order_id")
    assert str(order.order_id) in event.text


def test_reduce_only_children_only_reduce(bench):
    order = bench.begin(twap(slices=2), 200, side=Side.SELL, reduce_only=True)
    bench.at(T0)
    (child,) = bench.children(order)
    assert child.refusal == "REDUCE_ONLY_WOULD_INCREASE"


# POV


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


# Iceberg


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
    from meltica.domain.terms import Terms

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


# A bust after the end


def test_a_bust_does_not_bring_back_what_was_cancelled(bench):
    order = bench.begin(twap(slices=1), 100)
    bench.at(T0)
    (child,) = bench.live(order)
    bench.cancel(order)
    execution = bench.fill(child)
    bench.refuse_cancel(child)
    assert bench.parent(order).phase is Phase.DONE
    said = bench.bust(child, execution)
    assert bench.parent(order).phase is Phase.CLOSING
    assert cancels(said) == [child.order_id]
    bench.cancelled(child)
    assert (status(order), bench.sent(order)) == (OrderStatus.CANCELED, [100])


def test_a_bust_brings_it_back_paused_if_it_was_paused(bench):
    order = bench.begin(twap(slices=1), 100)
    bench.at(T0)
    (child,) = bench.live(order)
    pause(bench, order, keep_children=True)
    execution = bench.fill(child)
    assert status(order) is OrderStatus.FILLED
    bench.bust(child, execution)
    assert bench.parent(order).phase is Phase.PAUSED
    assert bench.live(order) == [child]
    bench.cancelled(child)
    assert bench.sent(order) == [100]


def test_a_correction_changes_the_average(bench):
    order = bench.begin(twap(slices=1), 100)
    bench.at(T0)
    (child,) = bench.live(order)
    execution = bench.fill(child, 60, MARK_TICKS)
    facts = {"reference_execution_id": execution, "execution_id": "c1", "last_quantity_lots": 40, "fee_nanos": 5}
    bench.report(child, ExecType.TRADE_CORRECT, last_price_ticks=MARK_TICKS + 9, **facts)
    assert (order.cumulative_lots, order.cumulative_value) == (40, 40 * (MARK_TICKS + 9))
    assert (order.fees_nanos, lifecycle.leaves_lots(order)) == (5, 60)


# Restarts


@pytest.mark.parametrize("from_snapshot", [False, True])
@pytest.mark.parametrize(
    "schedule",
    [
        twap(randomise_ppm=300_000, catch_up=CatchUp.REPRICE, at_end=AtEnd.CROSS),
        pov(randomise_ppm=300_000),
        iceberg(randomise_ppm=300_000),
    ],
)
def test_a_restart_after_each_step_changes_nothing(bench, schedule, from_snapshot):
    """Every step is taken by an engine that has just been recovered, and by one that never was."""
    order = bench.begin(schedule, 200, price_ticks=MARK_TICKS + 4)
    for number in range(60):
        bench.restart(from_snapshot=from_snapshot)
        order = bench.engine.state.tables.orders[order.order_id]
        bench.at(T0 + number * 2 * SECOND)
        bench.trade(number * 20)
        for child in bench.live(order):
            if child.pending:
                bench.cancelled(child)
            elif number % 3 == 0:
                bench.fill(child, max((child.quantity_lots - child.cumulative_lots) // 2, 1))
        if order.held is None:
            break
    assert order.cumulative_lots > 50
    assert len(bench.children(order)) > 3


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


# The gate in another process


class Unreachable:
    """The gate, until it is cut off."""

    def __init__(self, gate):
        self._gate = gate
        self.cut = False

    def __getattr__(self, name):
        return getattr(self._gate, name)

    def check(self, intent):
        if self.cut:
            raise GateUnreachableError("no answer")
        return self._gate.check(intent)


def test_a_gate_that_does_not_answer_loses_no_slice_and_sends_none_twice(bench):
    order = bench.begin(twap(), 1000)
    gate = Unreachable(bench.gate)
    bench.engine.use_gate(gate)
    gate.cut = True
    bench.now_ns = T0
    with pytest.raises(GateUnreachableError):
        bench.step(Wake(request_id="", actor="system:clock"))
    bench.step(ReportGate(request_id="", actor="system:x", state=GateState.LOST, reason="no answer"))
    bench.at(T0 + 5 * SECOND)
    assert bench.sent(order) == []
    assert "gate" in bench.parent(order).reason
    gate.cut = False
    bench.step(ReportGate(request_id="", actor="system:x", state=GateState.REGAINED))
    bench.at(T0 + 9 * SECOND)
    assert bench.sent(order) == [100]
