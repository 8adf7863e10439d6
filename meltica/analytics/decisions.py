"""Who decided what: the command behind an order."""

from __future__ import annotations

from meltica.domain.algo_commands import SubmitAlgo
from meltica.domain.commands import SubmitOrder, SubmitOrderList, SubmitOrders
from meltica.domain.inputs import Record
from meltica.domain.order_events import OrderAdopted, OrderDenied, OrderHeld, OrderSubmitted

Opening = OrderSubmitted | OrderHeld | OrderDenied | OrderAdopted
Asked = SubmitOrder | SubmitAlgo


def asked_by(record: Record, event: Opening) -> Asked | None:
    """What asked for the order that begins with this event; None: nobody did, or it can't be told from others."""
    body = record.input.body
    if isinstance(body, SubmitOrders | SubmitOrderList):
        return next((each for each in body.orders if each.client_order_id == event.client_order_id), None)
    is_slice = isinstance(event, OrderSubmitted | OrderDenied) and event.parent_id != 0
    return body if isinstance(body, SubmitOrder | SubmitAlgo) and not is_slice else None
