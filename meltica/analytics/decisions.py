"""Who decided what: the command behind an order."""

from __future__ import annotations

from collections.abc import Mapping

from meltica.domain.algo_commands import SubmitAlgo
from meltica.domain.commands import SubmitOrder, SubmitOrderList, SubmitOrders
from meltica.domain.inputs import Record
from meltica.domain.many import ManyAnswered
from meltica.domain.order_events import OrderAdopted, OrderDenied, OrderHeld, OrderSubmitted

Opening = OrderSubmitted | OrderHeld | OrderDenied | OrderAdopted
Asked = SubmitOrder | SubmitAlgo


class Decisions:
    """Of one record. An item of a list is found by its place: most leave their client order id to the engine."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._items: Mapping[int, SubmitOrder] | None = None
        """By order id."""

    def behind(self, event: Opening) -> Asked | None:
        """What asked for the order that begins with this event; None: nobody did, or it can't be told from others."""
        body = self._record.input.body
        if isinstance(body, SubmitOrders | SubmitOrderList):
            if self._items is None:
                self._items = _items(self._record)
            return self._items.get(event.order_id)
        is_slice = isinstance(event, OrderSubmitted | OrderDenied) and event.parent_id != 0
        return body if isinstance(body, SubmitOrder | SubmitAlgo) and not is_slice else None


def _items(record: Record) -> dict[int, SubmitOrder]:
    body = record.input.body
    if isinstance(body, SubmitOrderList):
        kinds = OrderSubmitted | OrderHeld | OrderDenied
        begun = [e.order_id for e in record.events if isinstance(e, kinds) and not getattr(e, "parent_id", 0)]
        return dict(zip(begun, body.orders, strict=False))  # Those after one that was refused never began.
    if not isinstance(body, SubmitOrders):
        return {}
    answered = next((event.items for event in record.events if isinstance(event, ManyAnswered)), ())
    unreadable = {each.place for each in body.unreadable}
    read = [item for place, item in enumerate(answered) if place not in unreadable]
    return {item.order_id: order for item, order in zip(read, body.orders, strict=False) if item.order_id}
