"""Orders that exclude each other, and the first quote after the market was silent: whichever way both of them fire, one
goes out, the one whose moment came first, and the same one if the engine is restarted in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from meltica.domain.commands import GateState, ReportGate, SubmitOrder, SubmitOrderList
from meltica.domain.events import Event
from meltica.domain.groups import GroupImbalanced, Link
from meltica.domain.order import Ended, Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, HeldAmended, OrderReleased
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held, Terms, TriggerSource
from tests.engines import BTC, SECOND
from tests.unit.engine.held_orders import MID, HeldBench
from tests.unit.engine.watch import SYSTEM

NEAR, FAR = MID - 10, MID - 30
STALE: Final = 20 * SECOND
LINKS = [Link.OCO, Link.OUO]

Restart = Callable[[HeldBench], None]
RESTARTS: Final[dict[str, Restart]] = {
    "on and on": lambda _: None,
    "from the journal": lambda bench: bench.restart(by_journal=True),
    "from a snapshot": lambda bench: bench.restart(by_journal=False),
}


@pytest.fixture(params=RESTARTS.values(), ids=RESTARTS)
def restarted(request: pytest.FixtureRequest) -> Restart:
    return request.param


def order(
    side: Side = Side.SELL, kind: OrderType = OrderType.LIMIT, price: int | None = None, **terms: Any
) -> SubmitOrder:
    return SubmitOrder(
        request_id="",
        actor="",
        account="main",
        strategy="manual",
        instrument=BTC,
        side=side,
        order_type=kind,
        time_in_force=TimeInForce.GTC,
        quantity_lots=100,
        price_ticks=price,
        terms=Terms(**terms) if terms else None,
    )


def stop(trigger: int, source: TriggerSource = TriggerSource.BID_ASK, **terms: Any) -> SubmitOrder:
    return order(kind=OrderType.STOP, trigger_ticks=trigger, trigger_source=source, **terms)


def begin(bench: HeldBench, link: Link, *orders: SubmitOrder) -> None:
    bench.step(SubmitOrderList(request_id=bench.request(), actor=SYSTEM, link=link, orders=orders))


def legs(bench: HeldBench, *numbers: int) -> list[Order]:
    return [bench.engine.state.tables.orders[number] for number in numbers]


def gate(bench: HeldBench, state: GateState) -> None:
    bench.step(ReportGate(request_id=bench.request(), actor=SYSTEM, state=state, reason="test"))


def only_out(bench: HeldBench, events: tuple[Event, ...], number: int, other: int) -> None:
    """It went out, the other ended, and neither market nor venue brings the other back."""
    assert [event.order_id for event in events if isinstance(event, OrderReleased)] == [number]
    one, two = legs(bench, number, other)
    assert (one.released, one.reserved_lots, two.held, two.ended) == (True, 100, None, Ended.CANCELED)
    assert bench.engine.state.tables.fired == {}
    assert bench.show(FAR - 50, FAR - 48, last=FAR - 50) == ()
    bench.answer(one, ExecType.NEW)
    bench.fill(one, 100)
    assert bench.show(FAR - 60, FAR - 58, last=FAR - 60) == ()
    (group,) = bench.engine.state.tables.groups.values()
    assert (group.winner_id, group.overfilled_lots) == (number, 0)
    assert not bench.engine.state.open_orders()
    assert bench.recovers()


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(("first", "second", "out"), [(NEAR, FAR, 1), (FAR, NEAR, 2), (NEAR, NEAR, 1)])
def test_both_are_jumped_over_at_once(restarted, link, first, second, out):
    bench = HeldBench()
    begin(bench, link, stop(first), stop(second))
    restarted(bench)
    bench.now_ns += STALE
    only_out(bench, bench.show(FAR - 20, FAR - 18), out, 3 - out)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("waits", [1, 2])
def test_one_fired_in_the_silence_and_the_other_on_the_first_quote(restarted, link, waits):
    """The one that waits goes first, although the market jumped over the other by more."""
    bench = HeldBench()
    both = [stop(NEAR - 15, TriggerSource.LAST), stop(NEAR)]
    begin(bench, link, *(both if waits == 1 else reversed(both)))
    bench.show(MID, MID + 2, last=NEAR - 15, age_ns=STALE)
    assert [leg.held for leg in legs(bench, waits, 3 - waits)] == [Held.RELEASE, Held.TRIGGER]
    restarted(bench)
    only_out(bench, bench.show(FAR - 20, FAR - 18, last=FAR - 20), waits, 3 - waits)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("first", [1, 2])
def test_both_fired_in_the_silence_one_after_the_other(restarted, link, first):
    bench = HeldBench()
    both = [stop(NEAR, TriggerSource.LAST), stop(FAR, TriggerSource.LAST)]
    begin(bench, link, *(both if first == 1 else reversed(both)))
    for last in (NEAR, FAR):
        (waits,) = bench.show(last=last, age_ns=STALE)
        assert isinstance(waits, HeldAmended)
        restarted(bench)
    assert [leg.held for leg in legs(bench, 1, 2)] == [Held.RELEASE] * 2
    only_out(bench, bench.show(FAR - 20, FAR - 18, last=FAR - 20), first, 3 - first)


@pytest.mark.parametrize("first", [1, 2])
def test_both_fired_while_the_gate_was_lost(restarted, first):
    bench = HeldBench()
    begin(bench, Link.OCO, *([stop(NEAR), stop(FAR)] if first == 1 else [stop(FAR), stop(NEAR)]))
    gate(bench, GateState.LOST)
    bench.show(NEAR - 5, NEAR - 3)
    bench.show(FAR - 5, FAR - 3)
    restarted(bench)
    gate(bench, GateState.REGAINED)
    only_out(bench, bench.show(FAR - 20, FAR - 18), first, 3 - first)


def test_the_one_that_fired_first_is_refused_and_the_other_goes(restarted):
    """A limit beyond the collar by now: what is left of the two protects the position."""
    bench = HeldBench(collar_bps=100)
    far_away = order(kind=OrderType.STOP_LIMIT, price=MID * 2, trigger_ticks=NEAR, trigger_source=TriggerSource.LAST)
    begin(bench, Link.OCO, stop(FAR, TriggerSource.LAST), far_away)
    bench.show(last=NEAR, age_ns=STALE)
    bench.show(last=FAR, age_ns=STALE)
    restarted(bench)
    events = bench.show(FAR - 20, FAR - 18, last=FAR - 20)
    assert [event.order_id for event in events if isinstance(event, OrderReleased)] == [1]
    one, two = legs(bench, 1, 2)
    assert (one.released, two.ended) == (True, Ended.REJECTED)


@pytest.mark.parametrize("fill_first", [True, False])
@pytest.mark.parametrize("fired_before", [True, False])
def test_a_brackets_take_profit_was_filled_in_the_silence(restarted, fill_first, fired_before):
    """The stop-loss fires on the first quote; what the venue says of the other leg comes before it, or after."""
    bench = HeldBench()
    loss = stop(FAR, TriggerSource.LAST if fired_before else TriggerSource.BID_ASK)
    begin(bench, Link.BRACKET, order(Side.BUY, price=MID), order(price=MID + 90), loss)
    entry, profit, loss = legs(bench, 1, 2, 3)
    bench.answer(entry, ExecType.NEW)
    bench.fill(entry, 100)
    bench.answer(profit, ExecType.NEW)
    if fired_before:
        bench.show(MID, MID + 2, last=FAR - 1, age_ns=STALE)
    restarted(bench)
    entry, profit, loss = legs(bench, 1, 2, 3)
    assert loss.held is (Held.RELEASE if fired_before else Held.TRIGGER)
    if fill_first:
        bench.fill(profit, 100)
        assert bench.show(FAR - 20, FAR - 18, last=FAR - 20) == ()
        assert (loss.released, loss.ended) == (False, Ended.CANCELED)
        assert bench.recovers()
        return
    events = bench.show(FAR - 20, FAR - 18, last=FAR - 20)
    assert [event.order_id for event in events if isinstance(event, OrderReleased)] == [3]
    assert [event.order_id for event in events if isinstance(event, CancelRequested)] == [2]
    restarted(bench)
    entry, profit, loss = legs(bench, 1, 2, 3)
    bench.fill(profit, 100)
    assert [event.order_id for event in bench.history[-1][1] if isinstance(event, CancelRequested)] == [3]
    bench.fill(loss, 100)
    said = [event.overfilled_lots for event in bench.history[-1][1] if isinstance(event, GroupImbalanced)]
    assert said == [100], "crossed on the wire: it is said, nothing is flattened"
    assert bench.recovers()


def test_there_is_room_for_only_one_of_the_two(restarted):
    """One leg works at its venue and holds the room that the other needs: it waits until that one is cancelled."""
    bench = HeldBench(max_open_orders=1)
    begin(bench, Link.OCO, order(price=MID + 90), stop(FAR, TriggerSource.LAST))
    working, loss = legs(bench, 1, 2)
    bench.answer(working, ExecType.NEW)
    bench.show(MID, MID + 2, last=FAR, age_ns=STALE)
    restarted(bench)
    events = bench.show(FAR - 20, FAR - 18, last=FAR - 20)
    working, loss = legs(bench, 1, 2)
    assert loss.held is Held.SIBLING
    assert [event.order_id for event in events if isinstance(event, CancelRequested)] == [1]
    restarted(bench)
    working, loss = legs(bench, 1, 2)
    bench.answer(working, ExecType.CANCELED, working.pending[0].client_order_id)
    assert [event.order_id for event in bench.history[-1][1] if isinstance(event, OrderReleased)] == [2]
    assert bench.engine.state.tables.fired == {}
    assert bench.recovers()
