"""What follows from an event for orders that say more than the ordinary: their alarm, and what they watch."""

from __future__ import annotations

from heapq import heappush

from meltica.domain import expiry
from meltica.domain.events import Event
from meltica.domain.lifecycle import leaves_lots
from meltica.domain.order_events import RequestRejected
from meltica.engine.held.watch import is_termed
from meltica.engine.state import EngineState


def follow(state: EngineState, event: Event) -> None:
    order = state.termed.get(getattr(event, "order_id", 0))
    if order is None:
        return
    due_ns = order.due_ns
    expiry.note(order, event, leaves_lots(order))
    if order.due_ns and order.due_ns != due_ns:
        heappush(state.alarms, (order.due_ns, order.order_id))
    # What was refused is not asked for again at the same price: that would go on as fast as the refusals come.
    state.watch.keep(order, at_once=not isinstance(event, RequestRejected))
    if not is_termed(order):
        del state.termed[order.order_id]
