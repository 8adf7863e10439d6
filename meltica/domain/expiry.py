"""When a working good-till-date order wants to be looked at. A fact like any other: it follows from the events."""

from __future__ import annotations

from typing import Final

from meltica.domain.order import Order, PendingKind, TimeInForce
from meltica.domain.order_events import (
    CancelRequested,
    OrderFilled,
    OrderReleased,
    OrderReported,
    OrderSubmitted,
    RequestRejected,
    TradeCorrected,
)
from meltica.domain.reports import ExecType

AGAIN_NS: Final = 5_000_000_000
"""After the venue refused to cancel an order that has expired: how long until it is asked again."""

REOPENS: Final = (ExecType.REPLACED, ExecType.RESTATED)
"""After its time as well: the venue has made more of it, or brought it back on another day."""


def note(order: Order, event: object, leaves_lots: int) -> None:
    """Its alarm after this event. One that is held has its own, which the events about held orders carry."""
    if order.held is not None or order.time_in_force is not TimeInForce.GTD or order.terms is None:
        return
    expire_ns = order.terms.expire_ns
    if leaves_lots == 0:
        order.due_ns = 0
        return
    match event:
        case CancelRequested() if event.time_ns >= expire_ns:
            order.due_ns = 0  # Asked for: the answer decides what next.
        case RequestRejected() if event.time_ns >= expire_ns:
            order.due_ns = event.time_ns + AGAIN_NS
        case OrderSubmitted() | OrderReleased() | TradeCorrected():
            order.due_ns = expire_ns
        case OrderFilled() | OrderReported() if order.due_ns == 0 and event.time_ns < expire_ns:
            order.due_ns = expire_ns
        case OrderReported() if order.due_ns == 0 and event.exec_type in REOPENS and not _is_canceling(order):
            order.due_ns = event.time_ns


def _is_canceling(order: Order) -> bool:
    return any(request.kind is PendingKind.CANCEL for request in order.pending)
