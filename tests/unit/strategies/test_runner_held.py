"""Held orders as a strategy sees them: asked for, held, changed, out."""

from __future__ import annotations

from typing import Any

import pytest

from meltica.domain.commands import AmendOrder, CancelOrder
from meltica.domain.errors import FieldError
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import HeldAmended, OrderHeld, OrderReleased
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held, Terms
from tests.unit.strategies.diary import NAME, Desk, Diary, order_facts, reported

STOP = Terms(trigger_ticks=90)


class Noting(Diary):
    def on_held(self, context, order):
        self.note(context, f"held {order.held.name} {order.terms.trigger_ticks}")

    def on_released(self, context, order):
        self.note(context, f"released {order.price_ticks}")


def test_a_stop_is_asked_for_held_changed_and_sent() -> None:
    desk = noting()
    (command,) = desk.do(lambda c: c.submit(NAME, Side.SELL, 10, order_type=OrderType.STOP, terms=STOP))
    assert (command.order_type, command.time_in_force, command.terms) == (OrderType.STOP, TimeInForce.GTC, STOP)
    held = OrderHeld(**order_facts(command, 1), held=Held.TRIGGER, terms=command.terms)
    desk.runner.on_answer(20, command, [held])
    desk.runner.on_events(20, [held])
    (order,) = desk.orders()
    assert order.held is Held.TRIGGER

    wider = Terms(trigger_ticks=80)
    (amend,) = desk.do(lambda c: c.amend(order, terms=wider))
    assert isinstance(amend, AmendOrder)
    assert amend.terms == wider
    desk.runner.on_events(21, [amended(STOP, "system:held")])
    assert desk.runner._desk.busy(order), "what the market changed is no answer"
    desk.runner.on_events(21, [amended(wider, "strategy:diary")])
    assert not desk.runner._desk.busy(order)
    desk.runner.on_events(22, [released()])
    desk.runner.on_events(23, [released(), amended(wider, "strategy:diary")])
    assert order.held is None
    heard = [line.partition(" ")[2] for line in desk.diary.heard if "held" in line or "released" in line]
    assert heard == ["held TRIGGER 90", "held TRIGGER 90", "held TRIGGER 80", "released None"]


def test_a_held_order_is_cancelled_like_any_other() -> None:
    desk = noting()
    (command,) = desk.do(lambda c: c.submit(NAME, Side.SELL, 10, order_type=OrderType.STOP, terms=STOP))
    desk.runner.on_answer(20, command, [OrderHeld(**order_facts(command, 1), held=Held.TRIGGER, terms=STOP)])
    (order,) = desk.orders()
    (cancel,) = desk.do(lambda c: c.cancel(order))
    assert isinstance(cancel, CancelOrder)
    desk.runner.on_events(30, [reported(ExecType.CANCELED, command.client_order_id)])
    assert desk.orders() == []
    assert "30 canceled Canceled" in desk.diary.heard


@pytest.mark.parametrize("terms", [Terms(trigger_ticks=1.5), Terms(expire_ns=2**63), Terms(min_lots=True)])  # type: ignore[arg-type]
def test_odd_numbers_never_reach_the_engine(terms: Terms) -> None:
    desk, errors = noting(), list[FieldError]()

    def ask(context: Any) -> None:
        with pytest.raises(FieldError) as caught:
            context.submit(NAME, Side.SELL, 10, order_type=OrderType.STOP, terms=terms)
        errors.append(caught.value)

    assert desk.do(ask) == []
    assert len(errors) == 1


def noting() -> Desk:
    desk = Desk()
    desk.diary = desk.runner.strategy = Noting()
    return desk


def amended(terms: Terms, actor: str) -> HeldAmended:
    return HeldAmended(order_id=1, quantity_lots=10, price_ticks=None, terms=terms, actor=actor, time_ns=21)


def released() -> OrderReleased:
    return OrderReleased(
        order_id=1,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        quantity_lots=10,
        price_ticks=None,
        reserved_price_ticks=100,
        reason="triggered",
        time_ns=22,
    )
