"""Moments that orders wait for. The first input at or after one rings it; ``Wake`` comes if nothing else does."""

from __future__ import annotations

from meltica.domain.commands import Wake
from meltica.domain.errors import InvariantError
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order, TimeInForce
from meltica.domain.reports import ExecType
from meltica.domain.terms import NO_TERMS, Held
from meltica.engine.desk import Desk
from meltica.engine.held import blocked, held, sessions, triggers
from meltica.engine.orders.cancels import request_cancel
from meltica.engine.parents import parents

CLOCK = "system:clock"


def wake(_desk: Desk, _command: Wake) -> None:
    """The moment itself is what counts: ``ring`` has looked at the clock before any handler is called."""


def ring(desk: Desk) -> None:
    """Look at each order whose moment has come, the earliest first; of two at the same time the older order.

    The heap keeps the alarm until the order itself says otherwise: a step that breaks off here is taken again.
    """
    state = desk.state
    while (due_ns := state.next_alarm_ns()) is not None and due_ns <= desk.now_ns:
        order = state.tables.orders[state.alarms[0][1]]
        _due(desk, order)
        if order.due_ns == due_ns:
            raise InvariantError(f"order {order.order_id} was due and nothing came of it")


def _due(desk: Desk, order: Order) -> None:
    """What comes of it must move ``due_ns`` by an event: recovery then rings the same."""
    if order.held is Held.SLICES:
        parents.due(desk, order)
    elif order.held is None and order.time_in_force is TimeInForce.GTD:
        request_cancel(desk, order, CLOCK, reason="its time is over (good till date)")
    elif order.held is Held.SESSION and order.time_in_force is TimeInForce.AT_THE_CLOSE:
        sessions.closes(desk, order)
    elif order.held is Held.RELEASE and order.time_in_force is TimeInForce.AT_THE_CLOSE:
        held.end(desk, order, ExecType.EXPIRED, "the market has closed, and until then the gate did not let it out")
    elif order.held is Held.SELF_MATCH and desk.now_ns < ((order.terms or NO_TERMS).expire_ns or INT64_MAX):
        blocked.ring(desk, order)
    elif order.held is Held.RELEASE and desk.now_ns < ((order.terms or NO_TERMS).expire_ns or INT64_MAX):
        triggers.ring(desk, order)
    elif order.held is not None and order.time_in_force is TimeInForce.GTD:
        held.end(desk, order, ExecType.EXPIRED, "its time is over (good till date)")
    else:
        raise InvariantError(f"order {order.order_id} waits for a moment, and nobody knows for what")
