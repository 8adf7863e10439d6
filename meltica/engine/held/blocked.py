"""Orders that fired and wait for own ones to get out of their way: tried again as soon as one of those may be gone."""

from __future__ import annotations

from meltica.domain.order import Order
from meltica.domain.terms import NO_TERMS, Held
from meltica.engine.desk import Desk
from meltica.engine.held import held, own_way
from meltica.engine.held.release import release


def look(desk: Desk) -> None:
    """A venue said something: oldest first, each goes out if nothing is in its way any more."""
    for order_id in sorted(desk.state.blocked):
        order = desk.state.tables.orders[order_id]
        if desk.mark(order.instrument) is not None:
            _try(desk, order)


def ring(desk: Desk, order: Order) -> None:
    """Its alarm rang, too: what is in its way now is asked to go, whatever became of the first request."""
    if desk.mark(order.instrument) is not None:
        _try(desk, order)
    else:  # After a restart nobody knows the market yet, and its venue may not either.
        held.amend(desk, order, due_ns=own_way.next_look_ns(order, desk.now_ns))


def _try(desk: Desk, order: Order) -> None:
    if order.held is Held.SELF_MATCH:
        reason = "the own orders that it would have traded with are gone"
        tif = held.released_tif(desk, order)
        release(desk, order, price_ticks=order.price_ticks, time_in_force=tif, reason=reason)
        _silence(desk, order)


def _silence(desk: Desk, order: Order) -> None:
    """What it waits for now rings no alarm but that of its expiry."""
    if order.held is not None and order.held is not Held.SELF_MATCH:
        held.amend(desk, order, due_ns=(order.terms or NO_TERMS).expire_ns)
