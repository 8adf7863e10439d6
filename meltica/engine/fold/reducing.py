"""Where reduce-only orders may be more than there is to close by now: noted as it happens, looked at after the step."""

from __future__ import annotations

from meltica.domain.order import Order, PendingKind
from meltica.domain.order_events import RequestRejected
from meltica.engine.risk.reservations import Reservations

Shrunk = dict[tuple[str, str], dict[int, None]]
"""(account, instrument) whose position changed -> orders of it whose reduction was refused."""


def moved(shrunk: Shrunk, reservations: Reservations, order: Order) -> None:
    """The position that the order belongs to has changed."""
    if reservations.reducing:
        shrunk.setdefault((order.account, order.instrument), {})


def refused(shrunk: Shrunk, order: Order, event: RequestRejected) -> None:
    """The order is still as it was before the answer."""
    for request in order.pending if order.reduce_only else ():
        if request.client_order_id == event.client_order_id and request.kind is PendingKind.REPLACE:
            shrunk.setdefault((order.account, order.instrument), {})[order.order_id] = None
