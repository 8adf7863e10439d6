"""Orders and amendments, read from what a caller sent: alone, or as items of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from meltica.control import decisions, resources, terms
from meltica.control.requests import Form
from meltica.domain.commands import Amendment, SubmitOrder
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.ports import State
from meltica.domain.terms import NO_TERMS
from meltica.v1 import order_pb2
from meltica.v1 import order_service_pb2 as api

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
    """The orders of a list; no more of them are read than one may have."""
    if not form.counted("orders", len(asked), most):
        return ()
    found: list[SubmitOrder] = []
    for place, request in enumerate(asked):
        item = form.item(f"orders[{place}].")
        if request.request_id:
            item.wrong("request_id", "stays empty: the list has one")
        found.append(order(item, request, state))
    return tuple(found)


def amendments(form: Form, asked: Sequence[api.Amendment], state: State, most: int) -> tuple[Amendment, ...]:
    if not form.counted("amendments", len(asked), most):
        return ()
    found: list[Amendment] = []
    for place, request in enumerate(asked):
        item = form.item(f"amendments[{place}].")
        order_id = item.number("order_id", request.order_id)
        if (known := state.order(order_id)) is None:
            item.wrong("order_id", f"no order {order_id}")
        instrument = None if known is None else state.instrument(known.instrument)
        named = request.HasField("quantity"), request.HasField("price"), request.HasField("terms")
        if not any(named):
            item.wrong("quantity", "name a new quantity, a new price, or both")
        found.append(
            Amendment(
                order_id=order_id,
                quantity_lots=item.quantity("quantity", request.quantity, instrument) if named[0] else None,
                price_ticks=item.price("price", request.price, instrument) if named[1] else None,
                client_order_id=item.client_order_id(request.client_order_id),
                terms=(terms.read(item, request.terms, instrument) or NO_TERMS) if named[2] else None,
            )
        )
    return tuple(found)
