"""Brackets and OCO as a strategy asks for them: one command, all of them or none."""

from __future__ import annotations

import pytest
from msgspec import structs

from meltica.domain.commands import CancelAllOrders, SubmitOrderList
from meltica.domain.errors import FieldError
from meltica.domain.groups import GROUP_ACTOR, GroupOpened, Link, Sizing
from meltica.domain.order import OrderType, Side
from meltica.domain.order_events import OrderDenied, OrderHeld, OrderReported, OrderSubmitted
from meltica.domain.terms import Terms
from tests.engines import MARK_TICKS, TestBench
from tests.unit.strategies.diary import NAME, Desk

UP, DOWN = MARK_TICKS + 1_000, MARK_TICKS - 1_000


def bracket(desk: Desk, price: int = MARK_TICKS) -> SubmitOrderList:
    asked = {"take_profit_ticks": UP, "stop_loss_ticks": DOWN}
    (command,) = desk.do(lambda c: desk.ids.append(c.submit_bracket(NAME, Side.BUY, 10, price, **asked)))
    assert isinstance(command, SubmitOrderList)
    return command


@pytest.fixture
def desk() -> Desk:
    found = Desk()
    found.ids = []
    return found


@pytest.fixture
def bench(desk: Desk) -> TestBench:
    found = TestBench()
    runner = desk.runner
    traded = structs.replace(runner._desk.instrument(NAME), handle=2, max_price_ticks=10**8)
    found.open_up(traded, runner.account, strategies=(runner.name,))
    return found


def answered(desk: Desk, bench: TestBench, command: SubmitOrderList):
    bench.step(CancelAllOrders(request_id="price", actor=command.actor, instrument=NAME))  # Brings the price.
    events = bench.step(command)
    desk.runner.on_answer(20, command, events)
    return events


def test_a_bracket_is_one_command_and_its_orders_are_own_orders(desk: Desk, bench: TestBench) -> None:
    command = bracket(desk)
    assert (command.link, command.sizing) == (Link.BRACKET, Sizing.PARTIAL)
    kinds = [(order.side, order.order_type) for order in command.orders]
    sell = Side.SELL
    assert kinds == [(Side.BUY, OrderType.LIMIT), (sell, OrderType.LIMIT), (sell, OrderType.STOP)]
    assert {(order.request_id, order.actor) for order in command.orders} == {("", "")}
    assert [order.order_id for order in desk.orders()] == [0, 0, 0]
    events = answered(desk, bench, command)
    assert [type(event) for event in events] == [OrderSubmitted, OrderHeld, OrderHeld, GroupOpened]
    orders = desk.orders()
    assert [order.client_order_id for order in orders] == list(desk.ids[0])
    assert {order.group_id for order in orders} == {orders[0].order_id}


def test_a_bracket_whose_entry_is_refused_leaves_nothing_on_its_way(desk: Desk, bench: TestBench) -> None:
    command = bracket(desk, price=3 * MARK_TICKS)
    events = answered(desk, bench, command)
    assert [type(event) for event in events] == [OrderDenied]
    assert desk.orders() == []
    assert sum("rejected" in line for line in desk.diary.heard) == 3


def test_a_list_that_contradicts_itself_leaves_nothing_on_its_way(desk: Desk, bench: TestBench) -> None:
    legs = ((Side.BUY, OrderType.LIMIT, MARK_TICKS, None), (Side.BUY, OrderType.MARKET, None, None))
    (command,) = desk.do(lambda c: desk.ids.append(c.submit_oco(NAME, 10, *legs)))
    answered(desk, bench, command)
    assert desk.orders() == []
    assert sum("rejected" in line and "LEG_MUST_REST" in line for line in desk.diary.heard) == 2


def test_an_oco_of_a_stop_and_a_limit(desk: Desk, bench: TestBench) -> None:
    legs = (
        (Side.BUY, OrderType.LIMIT, DOWN, None),
        (Side.BUY, OrderType.STOP, None, Terms(trigger_ticks=UP)),
    )
    (command,) = desk.do(lambda c: desk.ids.append(c.submit_oco(NAME, 10, *legs)))
    assert isinstance(command, SubmitOrderList)
    assert (command.link, [order.order_type for order in command.orders]) == (
        Link.OCO,
        [OrderType.LIMIT, OrderType.STOP],
    )
    answered(desk, bench, command)
    first, second = desk.orders()
    assert (first.held, second.held is None) == (None, False)
    (cancel,) = desk.do(lambda c: c.cancel(second))
    events = bench.step(cancel)
    assert [type(event).__name__ for event in events] == ["OrderReported", "CancelRequested"]
    assert isinstance(events[0], OrderReported)
    assert events[1].actor == GROUP_ACTOR
    desk.runner.on_events(30, events)
    assert [order.order_id for order in desk.orders()] == [first.order_id]


def test_what_a_failed_callback_asked_for_is_not_sent(desk: Desk) -> None:
    def fails(context) -> None:
        context.submit_bracket(NAME, Side.BUY, 10, MARK_TICKS, take_profit_ticks=UP, stop_loss_ticks=DOWN)
        raise ValueError("half a thought")

    assert desk.do(fails) == []
    assert desk.orders() == []


def test_odd_numbers_stop_the_strategy(desk: Desk) -> None:
    desk.do(lambda c: c.submit_bracket(NAME, Side.BUY, 10, 1, take_profit_ticks=1.5, stop_loss_ticks=1))
    assert FieldError.__name__ in desk.runner.failed
    assert "take_profit_ticks" in desk.runner.failed


def test_nothing_is_asked_for_once_stopped(desk: Desk) -> None:
    desk.runner.stop(10)
    found = desk.do(
        lambda c: desk.ids.append(c.submit_bracket(NAME, Side.BUY, 1, 1, take_profit_ticks=2, stop_loss_ticks=1))
    )
    assert (found, desk.ids) == ([], [()])
