"""What fired is tried again where the gate says no to what passes by itself; a close that has passed is over."""

from __future__ import annotations

from typing import Any

import pytest

from meltica.domain.breakers import MarkKind
from meltica.domain.commands import AmendOrder, SeeMarket, SetMark, SubmitOrder, SubmitOrderList, Wake
from meltica.domain.events import Event
from meltica.domain.groups import Link
from meltica.domain.inputs import Input
from meltica.domain.limits import DAY_NS
from meltica.domain.market import Mark, TradingStatus
from meltica.domain.order import Ended, Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import HeldAmended, OrderReleased, OrderReported
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held, Terms, TriggerSource
from tests.engines import BTC, SECOND, START_NS
from tests.unit.engine.held_orders import MID, HeldBench
from tests.unit.engine.watch import ADA, SYSTEM, only

ONE_A_SECOND = {"messages_per_second": 1, "message_burst": 1}


@pytest.fixture(params=["python", "cython"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def wake(bench: HeldBench, at_ns: int | None = None) -> tuple[Event, ...]:
    at_ns = bench.engine.state.next_due_ns() if at_ns is None else at_ns
    assert at_ns is not None
    return bench.step(Wake(request_id="", actor=SYSTEM), after_ns=at_ns - bench.now_ns)


def without_price(bench: HeldBench) -> tuple[Event, ...]:
    bench.now_ns = bench.engine.state.next_due_ns() or 0
    happened = Input(bench.now_ns, Wake(request_id="", actor=SYSTEM))
    events = bench.engine.step(happened)
    bench.history.append((happened, events))
    return events


def throttled(backend: str, **facts: Any) -> tuple[HeldBench, Order]:
    """A stop that fired when the one message of this second was used up."""
    bench = HeldBench(backend, **ONE_A_SECOND)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10, **facts)
    bench.submitted(Side.SELL, 1, MID + 50)
    waits = only(bench.show(MID - 10, MID - 9), HeldAmended)
    assert "triggered at" in waits.reason
    assert "MESSAGE_RATE" in waits.reason
    return bench, stop


def test_a_rate_that_is_used_up_costs_no_stop(backend: str) -> None:
    bench, stop = throttled(backend)
    assert (stop.held, stop.due_ns) == (Held.RELEASE, bench.now_ns + SECOND)
    for engine in (bench.engine, bench.recovered(), bench.restored()):
        assert not engine.state.watched(bench.quote(MID - 20, MID - 19), bench.now_ns + 1000), "each quote is too often"
    bench.restart(by_journal=False)
    only(wake(bench), OrderReleased)
    assert bench.recovers()


def test_what_lasts_is_asked_about_less_and_less_often(backend: str) -> None:
    opens = START_NS % DAY_NS
    bench = HeldBench(backend, session_open_ns=opens, session_close_ns=opens + 1000 * SECOND)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    bench.step_to(bench.now_ns + 1000 * SECOND)
    assert "SESSION_WINDOW" in only(bench.show(MID - 10, MID - 9), HeldAmended).reason
    pauses = []
    for _ in range(9):
        pauses.append((stop.due_ns - bench.now_ns) // SECOND)
        only(wake(bench), HeldAmended)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    bench.restart(by_journal=True)
    only(wake(bench, START_NS + DAY_NS), OrderReleased)


def test_a_crossed_book_costs_no_stop_either(backend: str) -> None:
    bench = HeldBench(backend)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10, trigger_source=TriggerSource.LAST)
    at_ns = bench.now_ns + 1000
    crossed = (Mark(BTC, at_ns, MID, (MID + 5, 10), (MID + 5, 10)),)
    seen = SeeMarket(request_id="", actor=SYSTEM, quote=bench.quote(MID + 5, MID + 5, last=MID - 11))
    assert "CROSSED_BOOK" in only(bench.engine.step(Input(at_ns, seen, crossed)), HeldAmended).reason
    bench.step_to(at_ns)
    only(wake(bench, stop.due_ns), OrderReleased)


def test_without_a_price_it_is_tried_again_later(backend: str) -> None:
    bench, stop = throttled(backend)
    only(without_price(bench), HeldAmended)
    assert (stop.held, stop.due_ns) == (Held.RELEASE, bench.now_ns + 2 * SECOND)
    only(wake(bench), OrderReleased)


def test_with_an_old_price_it_waits_for_the_next_good_one(backend: str) -> None:
    bench, stop = throttled(backend)
    bench.now_ns = stop.due_ns
    old = (Mark(BTC, bench.now_ns - 5 * SECOND, MID),)
    bench.engine.step(Input(bench.now_ns, Wake(request_id="", actor=SYSTEM), old))
    assert (stop.held, stop.due_ns) == (Held.RELEASE, 0)
    assert bench.engine.state.next_due_ns() is None
    only(bench.show(MID + 20, MID + 21), OrderReleased)


def test_it_expires_at_its_time(backend: str) -> None:
    at_ns = START_NS + SECOND // 2
    bench, stop = throttled(backend, tif=TimeInForce.GTD, expire_ns=at_ns)
    assert stop.due_ns == at_ns
    assert only(wake(bench), OrderReported).exec_type is ExecType.EXPIRED
    bench, stop = throttled(backend, tif=TimeInForce.GTD, expire_ns=START_NS + 3600 * SECOND)
    bench.step(AmendOrder(request_id="x", actor=ADA, order_id=stop.order_id, quantity_lots=50))
    only(bench.show(MID + 20, MID + 21), HeldAmended)
    bench.step_to(bench.now_ns + SECOND)
    only(wake(bench), OrderReleased)


def test_an_exit_of_a_bracket_waits_too(backend: str) -> None:
    bench = HeldBench(backend, **ONE_A_SECOND)

    def leg(side: Side, kind: OrderType, price: int | None, terms: Terms | None = None) -> SubmitOrder:
        told = {"request_id": "", "actor": "", "account": "main", "strategy": "manual", "instrument": BTC}
        return SubmitOrder(
            side=side,
            order_type=kind,
            time_in_force=TimeInForce.GTC,
            quantity_lots=100,
            price_ticks=price,
            terms=terms,
            **told,  # type: ignore[arg-type]
        )

    orders = (
        leg(Side.BUY, OrderType.LIMIT, MID),
        leg(Side.SELL, OrderType.LIMIT, MID + 50),
        leg(Side.SELL, OrderType.STOP, None, Terms(trigger_ticks=MID - 50)),
    )
    bench.step(SubmitOrderList(request_id="b", actor=ADA, link=Link.BRACKET, orders=orders))
    entry, profit, _ = bench.engine.state.tables.orders.values()
    bench.fill(entry, 100)
    assert (profit.held, profit.quantity_lots) == (Held.RELEASE, 100)
    only(wake(bench), OrderReleased)


def test_books_that_differ_need_a_person(backend: str) -> None:
    """Nobody knows what there is to protect: it ends, and the log says so."""
    bench = HeldBench(backend)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    bench.step(
        SetMark(request_id="m", actor=SYSTEM, mark=MarkKind.MISMATCHED, name="main", on=True, reason="they differ")
    )
    bench.show(MID - 10, MID - 9)
    assert stop.ended is Ended.REJECTED


def closing(backend: str) -> tuple[HeldBench, Order, int]:
    bench = HeldBench(backend)
    close_at = bench.now_ns + 60 * SECOND
    bench.describe(close_ns=close_at % DAY_NS)
    order = bench.hold(OrderType.MARKET, Side.BUY, tif=TimeInForce.AT_THE_CLOSE)
    return bench, order, close_at


def test_a_close_that_was_slept_through_is_over(backend: str) -> None:
    bench, order, close_at = closing(backend)
    bench.restart(by_journal=False)
    order = bench.engine.state.tables.orders[order.order_id]
    assert only(wake(bench, close_at), OrderReported).exec_type is ExecType.EXPIRED
    assert order.ended is Ended.EXPIRED


def test_a_close_in_a_halt_is_over_when_the_halt_is(backend: str) -> None:
    bench, order, close_at = closing(backend)
    bench.step(TradingStatus(BTC, bench.now_ns, halted=True))
    wake(bench)
    assert (order.held, order.due_ns) == (Held.RELEASE, close_at)
    assert only(wake(bench), OrderReported).exec_type is ExecType.EXPIRED
    bench.step(TradingStatus(BTC, bench.now_ns, halted=False))
    assert bench.show(MID, MID + 1) == ()
    assert bench.recovers()


def test_a_refusal_before_the_close_is_followed_by_the_next_quote(backend: str) -> None:
    bench = HeldBench(backend, **ONE_A_SECOND)
    close_at = bench.now_ns + 60 * SECOND
    bench.describe(close_ns=close_at % DAY_NS)
    order = bench.hold(OrderType.MARKET, Side.BUY, tif=TimeInForce.AT_THE_CLOSE)
    wake(bench)
    bench.submitted(Side.BUY, 1, MID - 50)
    only(bench.show(MID, MID + 1), HeldAmended)
    assert order.due_ns == close_at
    bench.step_to(bench.now_ns + SECOND)
    only(bench.show(MID, MID + 1), OrderReleased)
