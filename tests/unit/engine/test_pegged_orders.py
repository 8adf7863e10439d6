"""Orders whose price follows the market at their venue."""

from __future__ import annotations

import pytest

from meltica.domain.commands import (
    AmendOrder,
)
from meltica.domain.order import OrderType, Side
from meltica.domain.order_events import (
    OrderReleased,
    ReplaceRequested,
)
from meltica.domain.reports import ExecType, OrderCancelReject
from meltica.domain.terms import Held, Peg
from tests.unit.engine.held_orders import MID, HeldBench
from tests.unit.engine.watch import SYSTEM, only, refused


@pytest.fixture(params=["python", "cython"])
def bench(request: pytest.FixtureRequest) -> HeldBench:
    return HeldBench(request.param)


@pytest.mark.parametrize(
    ("side", "peg", "offset", "price"),
    [
        (Side.BUY, Peg.PRIMARY, 0, MID),
        (Side.SELL, Peg.PRIMARY, 0, MID + 5),
        (Side.BUY, Peg.MARKET, -2, MID + 3),
        (Side.SELL, Peg.MARKET, 2, MID + 2),
        (Side.BUY, Peg.MID, 0, MID + 2),
        (Side.SELL, Peg.MID, 0, MID + 3),
    ],
)
def test_a_pegged_order_goes_out_where_what_it_follows_is(
    bench: HeldBench, side: Side, peg: Peg, offset: int, price: int
) -> None:
    order = bench.hold(OrderType.PEGGED, side, peg=peg, peg_offset_ticks=offset)
    assert order.held is Held.REFERENCE
    released = only(bench.show(MID, MID + 5), OrderReleased)
    assert (released.order_type, released.price_ticks) == (OrderType.LIMIT, price)


def test_it_follows_with_one_replace_at_a_time_and_never_beyond_its_limit(bench: HeldBench) -> None:
    order = bench.hold(OrderType.PEGGED, Side.BUY, peg=Peg.PRIMARY, peg_limit_ticks=MID + 8)
    bench.show(MID, MID + 20)
    bench.answer(order, ExecType.NEW)
    assert bench.show(MID, MID + 21) == ()
    asked = only(bench.show(MID + 3, MID + 20), ReplaceRequested)
    assert (asked.price_ticks, asked.actor) == (MID + 3, "system:peg")
    assert bench.show(MID + 5, MID + 20) == ()
    bench.answer(order, ExecType.REPLACED, asked.client_order_id)
    assert only(bench.show(MID + 50, MID + 60), ReplaceRequested).price_ticks == MID + 8
    bench.answer(order, ExecType.REPLACED, order.pending[0].client_order_id, price=MID + 8)
    assert bench.show(MID + 70, MID + 80) == ()
    assert only(bench.show(MID + 7, MID + 80), ReplaceRequested).price_ticks == MID + 7
    assert bench.recovers()


def test_it_does_not_follow_itself(bench: HeldBench) -> None:
    order = bench.hold(OrderType.PEGGED, Side.BUY, peg=Peg.PRIMARY, peg_offset_ticks=1)
    bench.show(MID, MID + 20)
    bench.answer(order, ExecType.NEW)
    assert order.price_ticks == MID + 1
    assert bench.show(MID + 1, MID + 20, lots=100) == ()
    assert only(bench.show(MID + 1, MID + 20, lots=101), ReplaceRequested).price_ticks == MID + 2


def test_one_that_may_not_follow_is_cancelled(bench: HeldBench) -> None:
    bench = HeldBench(bench.backend, collar_bps=10)
    order = bench.hold(OrderType.PEGGED, Side.BUY, peg=Peg.MARKET, peg_offset_ticks=-2)
    bench.show(MID, MID + 20)
    bench.answer(order, ExecType.NEW)
    events = bench.show(MID, MID + 40_000)
    assert [type(event).__name__ for event in events] == ["AmendDenied", "CancelRequested"]
    assert bench.show(MID, MID + 40_001) == ()


def test_a_persons_price_for_a_pegged_order_is_refused(bench: HeldBench) -> None:
    order = bench.hold(OrderType.PEGGED, Side.BUY, peg=Peg.PRIMARY)
    bench.show(MID, MID + 20)
    change = AmendOrder(request_id="a", actor=SYSTEM, order_id=order.order_id, price_ticks=MID)
    refused(bench, change, "PRICE_NOT_ALLOWED", "price")


def test_a_replace_that_is_refused_is_not_asked_for_again_before_the_market_moves(bench: HeldBench) -> None:
    order = bench.hold(OrderType.PEGGED, Side.BUY, peg=Peg.PRIMARY)
    bench.show(MID, MID + 20)
    bench.answer(order, ExecType.NEW)
    bench.engine.state.watch.look()
    asked = only(bench.show(MID + 3, MID + 20), ReplaceRequested)
    bench.engine.state.watch.look()
    bench.step(OrderCancelReject(venue="BINANCE", client_order_id=asked.client_order_id, text="not now"))
    assert order.pending == ()
    assert bench.engine.state.watch.look() == ()
    assert only(bench.show(MID + 4, MID + 20), ReplaceRequested).price_ticks == MID + 4
