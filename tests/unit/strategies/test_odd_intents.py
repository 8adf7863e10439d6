"""What a strategy asks for with one argument wrong: it hears which, and nothing reaches the engine."""

from __future__ import annotations

from typing import Any, Final

import pytest

from meltica.domain.commands import SubmitOrder
from meltica.domain.errors import FieldError
from meltica.domain.money import INT64_MAX
from meltica.domain.order import OrderType, Side
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.terms import Terms
from meltica.strategies.sdk import twap
from tests.unit.strategies.diary import NAME, Desk, order_facts

NO_NUMBERS: Final = (1.5, "10", True, INT64_MAX + 1, -INT64_MAX - 1, float("nan"))
NO_CHOICES: Final = (0, 99, "BUY", 1.5)
NO_FLAGS: Final = ("no", 1, 0)

SUBMIT: Final = [
    *(("instrument", value) for value in ("", "NO/SUCH@X", 5)),
    *((name, value) for name in ("quantity_lots", "price_ticks", "decision_ticks") for value in NO_NUMBERS),
    ("quantity_lots", None),
    *((name, value) for name in ("side", "order_type") for value in NO_CHOICES),
    *(("time_in_force", value) for value in NO_CHOICES[1:]),
    *((name, value) for name in ("post_only", "reduce_only") for value in (*NO_FLAGS, None)),
    *(("terms", value) for value in ("x", 5, {"trigger_ticks": 5})),
]
RIGHT: Final[dict[str, Any]] = {"instrument": NAME, "side": Side.BUY, "quantity_lots": 10, "price_ticks": 100}
BRACKET: Final[dict[str, Any]] = {**RIGHT, "take_profit_ticks": 110, "stop_loss_ticks": 90}
ALGO: Final[dict[str, Any]] = {**RIGHT, "schedule": twap(end_ns=10**18, slices=5)}


def refused(desk: Desk, ask: Any) -> FieldError:
    """The error that the strategy sees; nothing was asked for."""
    errors: list[FieldError] = []

    def act(context: Any) -> None:
        with pytest.raises(FieldError) as caught:
            ask(context)
        errors.append(caught.value)

    assert desk.do(act) == []
    (error,) = errors
    return error


@pytest.mark.parametrize(("field", "value"), SUBMIT, ids=str)
def test_an_order(field: str, value: object) -> None:
    error = refused(Desk(), lambda context: context.submit(**{**RIGHT, field: value}))
    assert error.field == field
    assert error.why


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, value) for name in ("take_profit_ticks", "stop_loss_ticks") for value in NO_NUMBERS),
        *(("side", value) for value in NO_CHOICES),
        *(("sizing", value) for value in NO_CHOICES[1:]),
        *(("instrument", value) for value in ("", "NO/SUCH@X")),
    ],
    ids=str,
)
def test_a_bracket(field: str, value: object) -> None:
    desk = Desk()
    assert refused(desk, lambda context: context.submit_bracket(**{**BRACKET, field: value})).field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, value) for name in ("quantity_lots", "price_ticks") for value in NO_NUMBERS),
        *(("side", value) for value in NO_CHOICES),
        *(("time_in_force", value) for value in NO_CHOICES[1:]),
        *((name, value) for name in ("post_only", "reduce_only") for value in NO_FLAGS),
        *(("schedule", value) for value in ("twap", None, 5)),
    ],
    ids=str,
)
def test_a_schedule(field: str, value: object) -> None:
    assert refused(Desk(), lambda context: context.submit_algo(**{**ALGO, field: value})).field == field


@pytest.mark.parametrize("field", ["quantity_lots", "price_ticks"])
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_an_amendment(field: str, value: object) -> None:
    desk = Desk()
    (command,) = desk.do(lambda context: context.submit(**RIGHT))
    desk.runner.on_answer(20, command, [OrderSubmitted(**order_facts(command, 1), reserved_price_ticks=100)])
    (order,) = desk.orders()
    assert refused(desk, lambda context: context.amend(order, **{field: value})).field == field


def test_one_odd_leg_takes_all_of_its_list_with_it() -> None:
    """A strategy that catches the error must not be left with half of what it wanted, nor lose what it asked before."""
    desk = Desk()
    legs = [(Side.SELL, OrderType.LIMIT, 110, None), (Side.SELL, OrderType.LIMIT, 1.5, None)]

    def act(context: Any) -> None:
        context.submit(**RIGHT)
        with pytest.raises(FieldError):
            context.submit_oco(NAME, 10, *legs)
        with pytest.raises(FieldError):
            context.submit_bracket(**{**BRACKET, "quantity_lots": 2.5})

    assert [type(command) for command in desk.do(act)] == [SubmitOrder]
    assert len(list(desk.runner._desk.own.all_sent())) == 1


def test_what_is_right_goes_out() -> None:
    desk = Desk()
    assert len(desk.do(lambda context: context.submit(**RIGHT))) == 1
    assert len(desk.do(lambda context: context.submit_bracket(**BRACKET))) == 1
    assert len(desk.do(lambda context: context.submit_algo(**ALGO))) == 1
    stop = {"order_type": OrderType.STOP, "price_ticks": None, "terms": Terms(trigger_ticks=90)}
    assert len(desk.do(lambda context: context.submit(**{**RIGHT, **stop}))) == 1
