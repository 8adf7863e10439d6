"""Moments that orders wait for. The first input at or after one rings it; ``Wake`` comes if nothing else does."""

from __future__ import annotations

from heapq import heappop

from meltica.domain.commands import Wake
from meltica.domain.errors import InvariantError
from meltica.domain.order import Order
from meltica.engine.desk import Desk


def wake(_desk: Desk, _command: Wake) -> None:
    """The moment itself is what counts: ``ring`` has looked at the clock before any handler is called."""


def ring(desk: Desk) -> None:
    """Look at each order whose moment has come, the earliest first; of two at the same time the older order."""
    state = desk.state
    while (due_ns := state.next_alarm_ns()) is not None and due_ns <= desk.now_ns:
        order = state.tables.orders[heappop(state.alarms)[1]]
        _due(desk, order)
        if order.due_ns == due_ns:
            raise InvariantError(f"order {order.order_id} was due and nothing came of it")


def _due(_desk: Desk, order: Order) -> None:
    raise InvariantError(f"order {order.order_id} waits for a moment, and nobody knows for what")
