"""Many amendments in one input, all of them or none; and items of a list that nobody could read."""

from __future__ import annotations

from typing import Any

import pytest

from meltica.domain.commands import Amendment, AmendOrders, GateState, ReportGate, SubmitOrders
from meltica.domain.limits import SelfMatch
from meltica.domain.many import ITEMS_MOST, Unreadable
from meltica.domain.order import Side
from meltica.domain.order_events import (
    AmendDenied,
    CancelRequested,
    HeldAmended,
    OrderSubmitted,
    ReplaceRequested,
    RequestRejected,
)
from meltica.domain.terms import Terms
from meltica.engine.engine import Engine
from tests.engines import MARK_TICKS, TestBench
from tests.unit.engine.group_day import TARA, leg, stop_loss
from tests.unit.engine.test_bulk import TOO_DEAR, answers, assert_recovers, many
from tests.unit.engine.watch import refused


@pytest.fixture(params=["python", "cython"])
def four(request):
    """1, 2: BUY; 3: SELL; 4: a stop that is held."""
    bench = TestBench(request.param)
    many(bench, leg(), leg(price=MARK_TICKS - 50), leg(Side.SELL, price=MARK_TICKS + 50), stop_loss())
    return bench


def together(bench: TestBench, *amendments: Amendment, **fields: Any):
    facts: dict[str, Any] = {"request_id": bench.request(), "actor": TARA, "all_or_none": True}
    return bench.step(AmendOrders(amendments=amendments, **{**facts, **fields}))


def held_by_the_gate(engine: Engine) -> list[tuple[int, int, int]]:
    orders = engine.state.tables.orders.values()
    return [(order.order_id, order.reserved_lots, order.reserved_price_ticks) for order in orders]


def test_all_of_them(four):
    amendments = Amendment(order_id=4, quantity_lots=50), Amendment(order_id=1, quantity_lots=120)
    events = together(four, *amendments, Amendment(order_id=2, price_ticks=MARK_TICKS - 60))
    assert answers(events) == [("DONE", 4, "", ""), ("DONE", 1, "", ""), ("DONE", 2, "", "")]
    # What the engine holds itself changes last: the gate could still have said no.
    assert [type(event) for event in events[:3]] == [ReplaceRequested, ReplaceRequested, HeldAmended]
    assert_recovers(four)


def test_the_gate_refuses_one_and_none_goes_out(four):
    before = held_by_the_gate(four.engine)
    amendments = (
        Amendment(order_id=4, quantity_lots=50),
        Amendment(order_id=1, quantity_lots=120),
        Amendment(order_id=2, price_ticks=TOO_DEAR),
        Amendment(order_id=3, quantity_lots=120),
    )
    events = together(four, *amendments)
    assert answers(events) == [
        ("NOT_JUDGED", 0, "", ""),
        ("WITHDRAWN", 1, "", ""),
        ("REFUSED", 2, "PRICE_COLLAR", ""),
        ("NOT_JUDGED", 0, "", ""),
    ]
    assert [type(event) for event in events[:3]] == [ReplaceRequested, AmendDenied, RequestRejected]
    assert "amendment 3 of the list" in events[2].text
    assert held_by_the_gate(four.engine) == before
    assert not four.engine.state.tables.orders[1].pending
    assert four.engine.state.tables.orders[4].quantity_lots == 100
    assert_recovers(four)


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        (Amendment(order_id=77, quantity_lots=5), ("REFUSED", 0, "UNKNOWN_ORDER", "order_id")),
        (Amendment(order_id=1, quantity_lots=5), ("REFUSED", 0, "NAMED_TWICE", "order_id")),
        (Amendment(order_id=2), ("REFUSED", 0, "NOTHING_TO_AMEND", "quantity")),
        (Amendment(order_id=2, quantity_lots=0), ("REFUSED", 0, "QUANTITY_NOT_POSITIVE", "quantity")),
        (
            Amendment(order_id=2, quantity_lots=5, client_order_id="x"),
            ("REFUSED", 0, "DUPLICATE_CLIENT_ORDER_ID", "client_order_id"),
        ),
        (
            Amendment(order_id=2, quantity_lots=5, client_order_id="m3"),
            ("REFUSED", 0, "DUPLICATE_CLIENT_ORDER_ID", "client_order_id"),
        ),
        (Amendment(order_id=4, terms=Terms()), ("REFUSED", 0, "TRIGGER_REQUIRED", "terms.trigger_price")),
    ],
)
def test_one_contradicts_itself_and_no_gate_is_asked(four, wrong, answer):
    before = four.gate.export_state()
    right = Amendment(order_id=1, quantity_lots=120, client_order_id="x")
    events = together(four, right, wrong, Amendment(order_id=3, quantity_lots=120))
    assert answers(events) == [("NOT_JUDGED", 0, "", ""), answer, ("NOT_JUDGED", 0, "", "")]
    assert len(events) == 1
    assert four.gate.export_state()["accounts"] == before["accounts"]


def test_nothing_makes_way_for_amendments_that_are_withdrawn():
    bench = TestBench("cython", self_match=SelfMatch.CANCEL_OLDEST)
    many(bench, leg(), leg(Side.SELL, price=MARK_TICKS + 50))
    crossing = Amendment(order_id=1, price_ticks=MARK_TICKS + 60)
    events = together(bench, crossing, Amendment(order_id=2, price_ticks=TOO_DEAR))
    assert [answer[0] for answer in answers(events)] == ["WITHDRAWN", "REFUSED"]
    assert not any(isinstance(event, CancelRequested) for event in events)
    events = together(bench, crossing)
    assert [event.order_id for event in events if isinstance(event, CancelRequested)] == [2]


def test_without_a_gate_only_what_can_reduce_goes_out(four):
    four.step(ReportGate(request_id=four.request(), actor="system:test", state=GateState.LOST, reason="silent"))
    events = together(four, Amendment(order_id=4, quantity_lots=50), Amendment(order_id=1, quantity_lots=120))
    assert answers(events) == [("NOT_JUDGED", 0, "", ""), ("REFUSED", 1, "GATE_LOST", "")]
    assert four.engine.state.tables.orders[4].quantity_lots == 100


def nobody_reads(place: int, field: str = "price") -> Unreadable:
    return Unreadable(place=place, reason="INVALID_REQUEST", field=field, text="no number")


WRONG = ("REFUSED", 0, "INVALID_REQUEST", "price")


def test_what_can_not_be_read_is_answered_in_its_place(four):
    facts = {"request_id": "m", "actor": TARA}
    unreadable = nobody_reads(0), nobody_reads(2)
    events = four.step(SubmitOrders(orders=(leg(), leg(lots=5)), unreadable=unreadable, **facts))
    assert answers(events) == [WRONG, ("DONE", 5, "", ""), WRONG, ("DONE", 6, "", "")]
    amendments = Amendment(order_id=1, quantity_lots=120), Amendment(order_id=2, quantity_lots=120)
    unreadable = nobody_reads(1), nobody_reads(3)
    events = together(four, *amendments, unreadable=unreadable, all_or_none=False)
    assert answers(events) == [("DONE", 1, "", ""), WRONG, ("DONE", 2, "", ""), WRONG]
    assert_recovers(four)


def test_all_or_none_of_what_can_not_be_read_is_none(four):
    facts = {"request_id": "m", "actor": TARA, "all_or_none": True}
    events = four.step(SubmitOrders(orders=(leg(),), unreadable=(nobody_reads(1),), **facts))
    assert answers(events) == [("NOT_JUDGED", 0, "", ""), WRONG]
    events = together(four, Amendment(order_id=1, quantity_lots=120), unreadable=(nobody_reads(0),))
    assert answers(events) == [WRONG, ("NOT_JUDGED", 0, "", "")]
    assert not any(isinstance(event, OrderSubmitted | ReplaceRequested) for event in events)


def test_the_bound_counts_them_too(four):
    unreadable = tuple(nobody_reads(place) for place in range(ITEMS_MOST))
    events = four.step(SubmitOrders(request_id="m", actor=TARA, orders=(), unreadable=unreadable))
    assert answers(events) == [WRONG] * ITEMS_MOST
    body = SubmitOrders(request_id="n", actor=TARA, orders=(leg(),), unreadable=unreadable)
    refused(four, body, "ITEMS_OUT_OF_RANGE", "orders")
