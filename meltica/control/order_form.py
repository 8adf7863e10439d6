"""Orders and amendments, read from what a caller sent: alone, or as items of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from meltica.control import decisions, resources, terms
from meltica.control.requests import Form
from meltica.domain.commands import Amendment, SubmitOrder
from meltica.domain.many import Unreadable
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.ports import State
from meltica.domain.terms import NO_TERMS
from meltica.v1 import order_pb2
from meltica.v1 import order_service_pb2 as api

TEXT_LIMIT: Final = 1000
"""Of what is wrong with one item: it is journaled, and there may be 500."""
SIDES: Final[dict[int, Side]] = {number: side for side, number in resources.SIDES.items()}
ORDER_TYPES: Final[dict[int, OrderType]] = {number: kind for kind, number in resources.ORDER_TYPES.items()}
TIMES_IN_FORCE: Final[dict[int, TimeInForce]] = {number: kind for kind, number in resources.TIMES_IN_FORCE.items()}


def order(
    form: Form, request: api.SubmitOrderRequest, state: State, *, request_id: str = "", actor: str = ""
) -> SubmitOrder:
    instrument = form.instrument("instrument", request.instrument, state)
    decision = decisions.read(form, request, instrument)
    return SubmitOrder(
        request_id=request_id,
        actor=actor,
        account=form.identifier("account", request.account, required=True),
        strategy=form.identifier("strategy", request.strategy),
        instrument=request.instrument,
        side=form.choice("side", request.side, SIDES, order_pb2.Side),
        order_type=form.choice("type", request.type, ORDER_TYPES, order_pb2.OrderType),
        time_in_force=form.choice("time_in_force", request.time_in_force, TIMES_IN_FORCE, order_pb2.TimeInForce),
        quantity_lots=form.quantity("quantity", request.quantity, instrument),
        price_ticks=form.price("price", request.price, instrument) if request.price else None,
        post_only=request.post_only,
        reduce_only=request.reduce_only,
        iso=request.intermarket_sweep,
        short=request.short_sale,
        short_exempt=request.short_exempt,
        client_order_id=form.client_order_id(request.client_order_id),
        terms=terms.read(form, request.terms, instrument) if request.HasField("terms") else None,
        decided_ns=decision.decided_ns,
        decision_ticks=decision.ticks,
    )


def items(form: Form, asked: Sequence[api.SubmitOrderRequest], state: State, most: int) -> tuple[SubmitOrder, ...]:
    """The orders of a list; no more of them are read than one may have. One wrong order makes the whole list wrong."""
    if not form.counted("orders", len(asked), most):
        return ()
    return tuple(item(form.item(f"orders[{place}]."), request, state) for place, request in enumerate(asked))


def item(form: Form, request: api.SubmitOrderRequest, state: State) -> SubmitOrder:
    if request.request_id:
        form.wrong("request_id", "stays empty: the list has one")
    return order(form, request, state)


def amendment(form: Form, request: api.Amendment, state: State) -> Amendment:
    order_id = form.number("order_id", request.order_id)
    known = state.order(order_id)
    instrument = None if known is None else state.instrument(known.instrument)
    if known is None and str(order_id) == request.order_id:
        form.missing("order_id", "UNKNOWN_ORDER", f"no order {order_id}")
    named = request.HasField("quantity"), request.HasField("price"), request.HasField("terms")
    if not any(named):
        form.wrong("quantity", "name a new quantity, a new price, or both")
    return Amendment(
        order_id=order_id,
        quantity_lots=form.quantity("quantity", request.quantity, instrument) if named[0] else None,
        price_ticks=form.price("price", request.price, instrument) if named[1] else None,
        client_order_id=form.client_order_id(request.client_order_id),
        terms=(terms.read(form, request.terms, instrument) or NO_TERMS) if named[2] else None,
    )


Asked = TypeVar("Asked")
Read = TypeVar("Read")


def apart(
    asked: Sequence[Asked], read: Callable[[Form, Asked], Read], most: int
) -> tuple[tuple[Read, ...], tuple[Unreadable, ...]]:
    """(items that could be read, what stands for the others); each is wrong by itself."""
    found: list[Read] = []
    unreadable: list[Unreadable] = []
    for place, request in enumerate(asked[:most]):
        form = Form()
        value = read(form, request)
        if (refusal := form.faults()) is None:
            found.append(value)
            continue
        field, why = refusal.violations[0]
        if len(refusal.violations) > 1:
            why = "; ".join(f"{name}: {fault}" for name, fault in refusal.violations)
        unreadable.append(Unreadable(place=place, reason=refusal.reason, field=field, text=why[:TEXT_LIMIT]))
    return tuple(found), tuple(unreadable)
