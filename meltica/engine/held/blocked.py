"""Orders that fired and wait for own ones to get out of their way: tried again as soon as one of those may be gone."""

from __future__ import annotations

from meltica.domain.order import Order
from meltica.domain.terms import NO_TERMS, Held
from meltica.engine.desk import Desk
from meltica.engine.held import held
from meltica.engine.held.release import release


def look(desk: Desk) -> None:
    """A venue said something: oldest first, each goes out if nothing is in its way any more."""
    for order_id in sorted(desk.state.blocked):
        ring(desk, desk.state.tables.orders[order_id])


def ring(desk: Desk, order: Order) -> None:
    """Its alarm rang, too: what is in its way now is asked to go, whatever became of the first request."""
    if order.held is Held.SELF_MATCH:
        tif = held.released_tif(desk, order)
        reason = "the own orders that it would have traded with are gone"
        release(desk, order, price_ticks=order.price_ticks, time_in_force=tif, reason=reason)
        _silence(desk, order)


def _silence(desk: Desk, order: Order) -> None:
    """What it waits for now rings no alarm but that of its expiry."""
    if order.held is not None and order.held is not Held.SELF_MATCH:
        held.amend(desk, order, due_ns=(order.terms or NO_TERMS).expire_ns)
