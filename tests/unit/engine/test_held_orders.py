"""Orders that wait for a price: what fires them, when, and as what they go out."""

from __future__ import annotations

import pytest

from meltica.domain.breakers import MarkKind
from meltica.domain.carriage import Carriage, carriage
from meltica.domain.commands import (
    AmendOrder,
    CancelOrder,
    EngageKillSwitch,
    GateState,
    ReportGate,
    SetMark,
)
from meltica.domain.events import GateStateChanged
from meltica.domain.lifecycle import OrderStatus, status
from meltica.domain.market import TradingStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import (
    HeldAmended,
    OrderDenied,
    OrderReleased,
    OrderReported,
    OrderSubmitted,
)
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held, OffsetUnit, Peg, Terms, TriggerSource
from meltica.engine.held.release import release
from tests.engines import BTC, SECOND
from tests.unit.engine.held_orders import MID, HeldBench
from tests.unit.engine.watch import SYSTEM, only, refused


@pytest.fixture(params=["python", "cython"])
def bench(request: pytest.FixtureRequest) -> HeldBench:
    return HeldBench(request.param)


FIRES = [
    (OrderType.STOP, Side.SELL, -10),
    (OrderType.STOP, Side.BUY, 10),
    (OrderType.STOP_LIMIT, Side.SELL, -10),
    (OrderType.STOP_LIMIT, Side.BUY, 10),
    (OrderType.MARKET_IF_TOUCHED, Side.SELL, 10),
    (OrderType.MARKET_IF_TOUCHED, Side.BUY, -10),
    (OrderType.LIMIT_IF_TOUCHED, Side.SELL, 10),
    (OrderType.LIMIT_IF_TOUCHED, Side.BUY, -10),
]


@pytest.mark.parametrize(("kind", "side", "distance"), FIRES)
def test_it_fires_at_its_trigger_and_not_a_tick_before(
    bench: HeldBench, kind: OrderType, side: Side, distance: int
) -> None:
    toward = 1 if distance > 0 else -1
    price = MID if kind.sent_as is OrderType.LIMIT else None
    order = bench.hold(kind, side, price=price, trigger_ticks=MID + distance)
    assert status(order) is OrderStatus.NEW
    near = MID + distance - toward
    before = (near, near + 1) if side is Side.SELL else (near - 1, near)
    assert bench.show(*before) == ()
    at = MID + distance
    event = only(bench.show(*((at, at + 1) if side is Side.SELL else (at - 1, at))), OrderReleased)
    assert (event.order_type, event.price_ticks) == (kind.sent_as, price)
    assert event.time_in_force is (TimeInForce.IOC if price is None else TimeInForce.GTC)
    assert order.held is None
    assert order.reserved_lots == 100
    assert "triggered at" in event.reason


@pytest.mark.parametrize(
    ("source", "below", "at"),
    [
        (TriggerSource.LAST, {"last": MID + 11}, {"last": MID + 10}),
        (TriggerSource.MID, {"bid": MID, "ask": MID + 21}, {"bid": MID, "ask": MID + 20}),
        (TriggerSource.MARK, {"mark": MID + 11}, {"mark": MID + 10}),
    ],
)
def test_each_source_of_a_trigger(bench: HeldBench, source: TriggerSource, below: dict, at: dict) -> None:
    bench.describe(mark_price=True)
    bench.hold(OrderType.STOP, trigger_ticks=MID + 10, trigger_source=source)
    assert bench.show(**below) == ()
    only(bench.show(**at), OrderReleased)


def test_on_the_wrong_side_of_the_market_it_fires_at_once(bench: HeldBench) -> None:
    bench.hold(OrderType.STOP, trigger_ticks=MID + 100)
    only(bench.show(MID, MID + 1), OrderReleased)


@pytest.mark.parametrize(
    "quote",
    [
        {"bid": MID - 50},
        {"ask": MID},
        {"bid": MID - 50, "ask": MID - 49, "age_ns": 2 * SECOND},
        {"bid": MID - 40, "ask": MID - 50},
    ],
)
@pytest.mark.parametrize("source", [TriggerSource.BID_ASK, TriggerSource.MID])
def test_no_side_an_old_one_or_a_crossed_book_fires_nothing(
    bench: HeldBench, quote: dict, source: TriggerSource
) -> None:
    bench.hold(OrderType.STOP, trigger_ticks=MID - 10, trigger_source=source)
    bench.hold(OrderType.TRAILING_STOP, trail_offset=10, trigger_source=source)
    bench.hold(OrderType.PEGGED, Side.BUY, peg=Peg.MID)
    assert bench.show(**quote) == ()


def test_a_halt_and_a_gap_fire_nothing_and_then_all_that_was_jumped_over(bench: HeldBench) -> None:
    near = bench.hold(OrderType.STOP, lots=2, trigger_ticks=MID - 10)
    far = bench.hold(OrderType.STOP, lots=3, trigger_ticks=MID - 40)
    same = bench.hold(OrderType.STOP, lots=4, trigger_ticks=MID - 10)
    away = bench.hold(OrderType.STOP, lots=5, trigger_ticks=MID - 60)
    bench.step(TradingStatus(BTC, bench.now_ns, halted=True))
    assert bench.show(MID - 50, MID - 49) == ()
    bench.step(TradingStatus(BTC, bench.now_ns, halted=False))
    gap = SetMark(request_id="", actor=SYSTEM, mark=MarkKind.GAPPED, name=BTC, on=True, reason="a gap")
    bench.step(gap)
    assert bench.show(MID - 50, MID - 49) == ()
    bench.step(SetMark(request_id="", actor=SYSTEM, mark=MarkKind.GAPPED, name=BTC, on=False, reason="a snapshot"))
    fired = [event.order_id for event in bench.show(MID - 50, MID - 49)]
    assert fired == [near.order_id, same.order_id, far.order_id]
    assert away.held is Held.TRIGGER


def test_an_old_order_goes_out_after_younger_ones_did(bench: HeldBench) -> None:
    bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    bench.submitted(Side.SELL)
    only(bench.show(MID - 10, MID - 9), OrderReleased)


def test_two_that_look_the_same_are_no_duplicates(bench: HeldBench) -> None:
    bench = HeldBench(bench.backend, duplicate_window_ns=SECOND)
    for _ in range(2):
        bench.now_ns += 2 * SECOND
        bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    assert [type(event) for event in bench.show(MID - 10, MID - 9)] == [OrderReleased, OrderReleased]


# Trailing


def test_a_trailing_stop_follows_the_best_price_and_never_back(bench: HeldBench) -> None:
    order = bench.hold(OrderType.TRAILING_STOP, trail_offset=20)
    moved = only(bench.show(MID, MID + 2), HeldAmended)
    assert moved.terms.trigger_ticks == MID - 20
    assert bench.show(MID - 5, MID) == ()
    assert bench.show(MID, MID + 2) == ()
    assert only(bench.show(MID + 1, MID + 2), HeldAmended).terms.trigger_ticks == MID - 19
    assert bench.show(MID - 18, MID) == ()
    released = only(bench.show(MID - 19, MID), OrderReleased)
    assert released.order_type is OrderType.MARKET
    assert order.terms.trigger_ticks == MID - 19


def test_a_trailing_buy_stays_above(bench: HeldBench) -> None:
    bench.hold(OrderType.TRAILING_STOP, Side.BUY, trail_offset=20)
    assert only(bench.show(MID - 2, MID), HeldAmended).terms.trigger_ticks == MID + 20
    assert only(bench.show(MID - 4, MID - 3), HeldAmended).terms.trigger_ticks == MID + 17
    assert bench.show(MID + 10, MID + 16) == ()
    only(bench.show(MID + 10, MID + 17), OrderReleased)


@pytest.mark.parametrize(("side", "trigger"), [(Side.SELL, 5_940_000), (Side.BUY, 6_060_000)])
def test_basis_points_of_the_price_rounded_away_from_the_market(bench: HeldBench, side: Side, trigger: int) -> None:
    bench.hold(OrderType.TRAILING_STOP, side, trail_offset=100, trail_unit=OffsetUnit.BASIS_POINTS)
    quote = (MID, MID + 1) if side is Side.SELL else (MID - 1, MID)
    assert only(bench.show(*quote), HeldAmended).terms.trigger_ticks == trigger
    better = (MID + 1, MID + 2) if side is Side.SELL else (MID - 2, MID - 1)
    moved = bench.show(*better)
    exact = 5_940_000 if side is Side.SELL else 6_060_000
    assert [event.terms.trigger_ticks for event in moved] == ([] if side is Side.SELL else [exact - 1])


def test_it_trails_only_once_it_is_activated(bench: HeldBench) -> None:
    order = bench.hold(OrderType.TRAILING_STOP, trail_offset=20, activation_ticks=MID + 50)
    assert bench.show(MID + 49, MID + 60) == ()
    assert bench.show(MID - 500, MID - 400) == ()
    assert only(bench.show(MID + 50, MID + 60), HeldAmended).terms.trigger_ticks == MID + 30
    assert order.terms.activation_ticks == MID + 50


def test_a_trailing_limit_goes_out_behind_its_trigger(bench: HeldBench) -> None:
    bench.hold(OrderType.TRAILING_STOP_LIMIT, trail_offset=20, limit_offset_ticks=7)
    bench.show(MID, MID + 1)
    released = only(bench.show(MID - 30, MID - 29), OrderReleased)
    assert (released.order_type, released.price_ticks) == (OrderType.LIMIT, MID - 27)


# The gate


def test_without_a_gate_it_says_once_that_it_waits_and_goes_out_when_the_gate_is_back(bench: HeldBench) -> None:
    order = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    bench.step(ReportGate(request_id="", actor=SYSTEM, state=GateState.LOST, reason="silent"))
    waits = only(bench.show(MID - 10, MID - 9), HeldAmended)
    assert waits.held is Held.RELEASE
    assert "gate" in waits.reason
    for step in range(5):
        assert bench.show(MID - 20 + step, MID) == ()
    bench.restart(by_journal=True)
    order = bench.engine.state.tables.orders[order.order_id]
    only(bench.step(ReportGate(request_id="", actor=SYSTEM, state=GateState.REGAINED)), GateStateChanged)
    assert bench.engine.state.watch.look(again=True) == (BTC,)
    released = only(bench.show(MID + 30, MID + 31), OrderReleased)
    assert released.order_type is OrderType.MARKET
    assert order.reserved_lots == 100


def test_a_trigger_on_the_last_trade_waits_for_a_price_that_the_gate_believes(bench: HeldBench) -> None:
    bench.hold(OrderType.STOP, trigger_ticks=MID - 10, trigger_source=TriggerSource.LAST)
    waits = only(bench.show(MID, MID + 1, last=MID - 10, age_ns=5 * SECOND), HeldAmended)
    assert waits.held is Held.RELEASE
    assert bench.show(MID, MID + 1, age_ns=5 * SECOND) == ()
    only(bench.show(MID, MID + 1), OrderReleased)


def test_what_the_gate_refuses_ends_with_its_words(bench: HeldBench) -> None:
    bench = HeldBench(bench.backend, max_quantity_lots=50)
    order = bench.hold(OrderType.STOP, lots=51, trigger_ticks=MID - 10)
    event = only(bench.show(MID - 10, MID - 9), OrderReported)
    assert event.exec_type is ExecType.REJECTED
    assert event.text.startswith("MAX_QUANTITY")
    assert status(order) is OrderStatus.REJECTED
    assert bench.show(MID - 20, MID - 19) == ()


def test_under_the_kill_switch_nothing_is_taken_in(bench: HeldBench) -> None:
    held = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    bench.step(EngageKillSwitch(request_id="k", actor=SYSTEM, reason="test"))
    assert status(held) is OrderStatus.CANCELED
    terms = Terms(trigger_ticks=MID - 10)
    denied = only(bench.submit(Side.SELL, 100, None, order_type=OrderType.STOP, terms=terms), OrderDenied)
    assert denied.reason == "KILL_SWITCH"
    assert bench.show(MID - 20, MID - 19) == ()


def test_reduce_only_closes_what_there_is_and_no_more(bench: HeldBench) -> None:
    bench.fill(bench.submitted(Side.BUY, 60), 60)
    bench.hold(OrderType.STOP, lots=100, trigger_ticks=MID - 10, reduce_only=True)
    bench.hold(OrderType.STOP, lots=100, trigger_ticks=MID - 20, reduce_only=True)
    first, released = bench.show(MID - 10, MID - 9)
    assert isinstance(first, HeldAmended)
    assert (released.quantity_lots, type(released)) == (60, OrderReleased)
    ended = only(bench.show(MID - 20, MID - 19), OrderReported)
    assert ended.text.startswith("REDUCE_ONLY_WOULD_INCREASE")


# Amending and cancelling


def test_a_held_order_is_amended_here_and_its_next_trigger_is_the_new_one(bench: HeldBench) -> None:
    order = bench.hold(OrderType.STOP_LIMIT, price=MID - 15, trigger_ticks=MID - 10)
    change = AmendOrder(
        request_id="a", actor=SYSTEM, order_id=order.order_id, quantity_lots=7, terms=Terms(trigger_ticks=MID - 30)
    )
    event = only(bench.step(change), HeldAmended)
    assert (event.quantity_lots, event.price_ticks, event.actor) == (7, MID - 15, SYSTEM)
    assert bench.show(MID - 10, MID - 9) == ()
    assert only(bench.show(MID - 30, MID - 29), OrderReleased).quantity_lots == 7


def test_amending_a_trailing_stop_keeps_what_it_has_reached_unless_it_trails_otherwise(bench: HeldBench) -> None:
    order = bench.hold(OrderType.TRAILING_STOP, trail_offset=20)
    bench.show(MID, MID + 1)
    more = AmendOrder(request_id="a", actor=SYSTEM, order_id=order.order_id, quantity_lots=7)
    assert only(bench.step(more), HeldAmended).terms.trigger_ticks == MID - 20
    wider = AmendOrder(request_id="b", actor=SYSTEM, order_id=order.order_id, terms=Terms(trail_offset=50))
    assert only(bench.step(wider), HeldAmended).terms.trigger_ticks is None
    assert only(bench.show(MID - 10, MID), HeldAmended).terms.trigger_ticks == MID - 60


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({}, "NOTHING_TO_AMEND", "quantity"),
        ({"quantity_lots": 0}, "QUANTITY_OUT_OF_RANGE", "quantity"),
        ({"quantity_lots": 2**40}, "QUANTITY_OUT_OF_RANGE", "quantity"),
        ({"price_ticks": 0}, "PRICE_OUT_OF_RANGE", "price"),
        ({"price_ticks": MID}, "PRICE_NOT_ALLOWED", "price"),
        ({"terms": Terms()}, "TRIGGER_REQUIRED", "terms.trigger_price"),
        ({"terms": Terms(trigger_ticks=0)}, "PRICE_OUT_OF_RANGE", "terms.trigger_price"),
        ({"quantity_lots": 5, "client_order_id": "mine"}, "CLIENT_ORDER_ID_NOT_ALLOWED", "client_order_id"),
    ],
)
def test_an_amendment_that_would_make_no_order(bench: HeldBench, change: dict, reason: str, field: str) -> None:
    order = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    refused(bench, AmendOrder(request_id="a", actor=SYSTEM, order_id=order.order_id, **change), reason, field)


def test_terms_of_a_working_order_are_the_venues(bench: HeldBench) -> None:
    order = bench.submitted()
    change = AmendOrder(request_id="a", actor=SYSTEM, order_id=order.order_id, terms=Terms(trigger_ticks=MID))
    refused(bench, change, "TERMS_NOT_AMENDABLE", "terms")


def test_cancelling_a_held_order_needs_nobody(bench: HeldBench) -> None:
    order = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    event = only(bench.step(CancelOrder(request_id="c", actor=SYSTEM, order_id=order.order_id)), OrderReported)
    assert event.exec_type is ExecType.CANCELED
    assert bench.show(MID - 10, MID - 9) == ()
    assert len(bench.engine.state.watch) == 0


# Native


def test_what_the_venue_keeps_itself_is_sent_as_it_is(bench: HeldBench) -> None:
    kinds, sources = (OrderType.STOP, OrderType.STOP_LIMIT), (TriggerSource.BID_ASK,)
    bench.describe(order_types=kinds, trigger_sources=sources)
    terms = Terms(trigger_ticks=MID - 10)
    facts = {"time_in_force": TimeInForce.GTC, "terms": terms}
    sent = only(bench.submit(Side.SELL, 100, None, order_type=OrderType.STOP, **facts), OrderSubmitted)
    assert (sent.order_type, sent.terms, sent.time_in_force) == (OrderType.STOP, terms, TimeInForce.GTC)
    sent = only(bench.submit(Side.SELL, 100, MID - 20, order_type=OrderType.STOP_LIMIT, **facts), OrderSubmitted)
    order = bench.engine.state.tables.orders[sent.order_id]
    assert (order.held, order.reserved_lots) == (None, 100)
    assert bench.show(MID - 15, MID - 14) == ()
    bench.submitted(Side.BUY)  # It waits at the venue, so nothing would trade with it now.
    assert bench.recovers()
    last = Terms(trigger_ticks=MID - 10, trigger_source=TriggerSource.LAST)
    assert bench.hold(OrderType.STOP, trigger_ticks=MID - 10, trigger_source=TriggerSource.LAST).terms == last
    assert bench.hold(OrderType.TRAILING_STOP, trail_offset=5).held is Held.TRIGGER


def test_a_stop_limit_that_went_out_is_an_own_working_order(bench: HeldBench) -> None:
    bench.hold(OrderType.STOP_LIMIT, price=MID + 5, trigger_ticks=MID - 10)
    only(bench.show(MID - 10, MID - 9), OrderReleased)
    denied = only(bench.submit(Side.BUY, 100, MID + 5), OrderDenied)
    assert denied.reason == "SELF_MATCH"
    assert bench.recovers()


def test_without_any_book_the_age_of_the_last_trade_decides(bench: HeldBench) -> None:
    bench.hold(OrderType.STOP, trigger_ticks=MID - 10, trigger_source=TriggerSource.LAST)
    only(bench.show(last=MID - 10, age_ns=2 * SECOND), HeldAmended)
    assert bench.show(last=MID - 10, age_ns=2 * SECOND) == ()
    only(bench.show(last=MID - 5), OrderReleased)


def test_that_it_waits_is_said_once_whoever_lets_it_go(bench: HeldBench) -> None:
    order = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    bench.step(ReportGate(request_id="", actor=SYSTEM, state=GateState.LOST, reason="silent"))
    desk = bench.engine._desk
    desk.begin(bench.now_ns)
    for _ in range(3):
        assert not release(desk, order, price_ticks=None, time_in_force=TimeInForce.IOC, reason="a group's leg")
    only(desk.end(), HeldAmended)


def test_a_part_that_does_not_show_is_the_venues_where_it_can(bench: HeldBench) -> None:
    bench.describe(display=True)
    sent = only(bench.submit(Side.SELL, 100, MID + 5, terms=Terms(display_lots=10)), OrderSubmitted)
    assert (sent.quantity_lots, sent.terms) == (100, Terms(display_lots=10))
    order = bench.engine.state.tables.orders[sent.order_id]
    assert (order.held, order.reserved_lots, carriage(order)) == (None, 100, Carriage.VENUE)
    varied = Terms(display_lots=10, display_spread_ppm=200_000)
    sliced = bench.submit(Side.SELL, 100, MID + 5, terms=varied)
    order = bench.engine.state.tables.orders[sliced[0].order_id]
    assert (order.held, carriage(order)) == (Held.SLICES, Carriage.GATEWAY), "the venue does not vary what shows"
    bench.describe(display=True, random_display=True)
    only(bench.submit(Side.SELL, 100, MID + 5, terms=varied), OrderSubmitted)
    assert bench.recovers()


def test_what_a_venue_pegs_itself_is_judged_at_its_limit_and_left_alone(bench: HeldBench) -> None:
    bench.describe(pegs=(Peg.MID,))
    terms = Terms(peg=Peg.MID, peg_limit_ticks=MID + 8)
    sent = only(bench.submit(Side.BUY, 100, None, order_type=OrderType.PEGGED, time_in_force=TimeInForce.DAY,
                             terms=terms), OrderSubmitted)  # fmt: skip
    assert (sent.order_type, sent.price_ticks, sent.reserved_price_ticks) == (OrderType.PEGGED, MID + 8, MID + 8)
    order = bench.engine.state.tables.orders[sent.order_id]
    bench.answer(order, ExecType.NEW)
    assert bench.show(MID, MID + 2) == ()
    assert (order.price_ticks, carriage(order)) == (MID + 8, Carriage.VENUE)
    denied = only(bench.submit(Side.SELL, 100, MID + 8), OrderDenied)
    assert denied.reason == "SELF_MATCH", "it is in the venue's book"
    assert bench.recovers()
    for other in ({"peg": Peg.PRIMARY, "peg_limit_ticks": MID + 8}, {"peg": Peg.MID},
                  {"peg": Peg.MID, "peg_offset_ticks": -1, "peg_limit_ticks": MID + 8}):  # fmt: skip
        held = bench.hold(OrderType.PEGGED, Side.BUY, **other)
        assert (held.held, carriage(held)) == (Held.REFERENCE, Carriage.GATEWAY)


def test_where_every_order_ends_with_its_day_a_stop_of_longer_goes_out_for_the_day(bench: HeldBench) -> None:
    bench.describe(day_only=True)
    bench.hold(OrderType.STOP_LIMIT, price=MID - 20, trigger_ticks=MID - 10)
    assert only(bench.show(MID - 10, MID - 9), OrderReleased).time_in_force is TimeInForce.DAY
    (order,) = bench.engine.state.working_orders()
    assert carriage(order) is Carriage.GATEWAY, "it was held until then"
