"""In which instruments an input may lead to an order that the gate judges: it needs their prices."""

from __future__ import annotations

from collections.abc import Iterable

from meltica.domain.commands import (
    AmendOrders,
    CancelAllOrders,
    CancelOrder,
    CancelOrders,
    SubmitOrderList,
    SubmitOrders,
)
from meltica.domain.order import Order
from meltica.domain.reports import ExecutionReport, OrderCancelReject
from meltica.engine.state import EngineState


def instruments_of(body: object, state: EngineState) -> Iterable[str]:
    """Cancels are judged by none; of reports those about a group are, whose other orders may go out, and all while an
    order that fired waits for own ones to go."""
    match body:
        case CancelOrder() | CancelAllOrders() | CancelOrders():
            return ()
        case SubmitOrders() | SubmitOrderList():
            return dict.fromkeys(order.instrument for order in body.orders)
        case AmendOrders():
            amended = (state.order(each.order_id) for each in body.amendments)
            return dict.fromkeys(order.instrument for order in amended if order is not None)
        case ExecutionReport() | OrderCancelReject():
            found = _of_group(body, state)
            return dict.fromkeys((*found, *_of_blocked(state))) if state.blocked else found
    instrument = getattr(body, "instrument", None)
    if instrument is None and (order_id := getattr(body, "order_id", None)) is not None:
        order = state.order(order_id)
        instrument = None if order is None else order.instrument
    return (instrument,) if isinstance(instrument, str) else ()


def _of_group(report: ExecutionReport | OrderCancelReject, state: EngineState) -> Iterable[str]:
    if not state.tables.groups:
        return ()
    order_id = state.by_client_id.get((report.venue, report.client_order_id))
    order: Order | None = None if order_id is None else state.order(order_id)
    group = None if order is None else state.tables.groups.get(order.group_id)
    if group is None:
        return ()
    return dict.fromkeys(state.tables.orders[member].instrument for member in group.members)


def _of_blocked(state: EngineState) -> Iterable[str]:
    return (state.tables.orders[order_id].instrument for order_id in state.blocked)
