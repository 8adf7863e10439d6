"""Who does what an order asks for beyond the ordinary: its venue, or the gateway for it."""

from __future__ import annotations

import enum

from meltica.domain.order import Order, OrderType, TimeInForce
from meltica.domain.terms import NO_TERMS, Held

CROSSES = frozenset({TimeInForce.AT_THE_OPEN, TimeInForce.AT_THE_CLOSE})


class Carriage(enum.IntEnum):
    GATEWAY = 1
    """It is held here until its moment, follows the market from here, or goes out in slices."""
    VENUE = 2
    """It was sent as it is."""


def carriage(order: Order) -> Carriage | None:
    """None: it asks for nothing that a venue might not do, or it ended before it went anywhere."""
    terms = order.terms or NO_TERMS
    special = order.order_type > OrderType.LIMIT or terms.display_lots or order.time_in_force in CROSSES
    if order.held is Held.PARENT or not special:
        return None
    if order.held is not None or order.released:
        return Carriage.GATEWAY
    at_venue = order.ended is None and order.cumulative_lots < order.quantity_lots
    if order.acknowledged or order.executions or at_venue:
        return Carriage.VENUE
    return Carriage.GATEWAY if order.cumulative_lots else None
