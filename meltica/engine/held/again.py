"""Orders whose moment came, and which the gate refused for what passes by itself: tried again, each time after twice as
long. A rate that is used up for a moment must not cost a position its protection."""

from __future__ import annotations

from typing import Final

from meltica.domain.order import Order, TimeInForce
from meltica.domain.terms import NO_TERMS, Held
from meltica.engine.desk import Desk
from meltica.engine.held import held
from meltica.engine.held.watch import waits_for_clock

RETRY_NS: Final = 1_000_000_000
LONGEST_NS: Final = 64_000_000_000


def wait(desk: Desk, order: Order, price_ticks: int | None, reason: str) -> None:
    """Until its alarm rings. Every quote would be too often: each try is an entry of the journal."""
    close = order.time_in_force is TimeInForce.AT_THE_CLOSE  # It has two seconds, and an alarm at their end.
    due_ns = order.due_ns if close else _next_ns(desk, order)
    held.amend(desk, order, price_ticks=price_ticks, held=Held.RELEASE, due_ns=due_ns, reason=reason)


def _next_ns(desk: Desk, order: Order) -> int:
    """The pause before is what lies between its last change and its alarm."""
    before = order.due_ns - order.updated_ns if waits_for_clock(order) else 0
    at_ns = desk.now_ns + min(max(2 * before, RETRY_NS), LONGEST_NS)
    expire_ns = (order.terms or NO_TERMS).expire_ns
    return min(at_ns, expire_ns) if expire_ns else at_ns


def unheard(desk: Desk, order: Order) -> None:
    """Nobody knows the market now."""
    held.amend(desk, order, due_ns=_next_ns(desk, order))


def silence(desk: Desk, order: Order, due_ns: int) -> None:
    """What it waits for by now rings no alarm but that of its expiry."""
    if order.held is not None and order.due_ns == due_ns:
        held.amend(desk, order, due_ns=(order.terms or NO_TERMS).expire_ns)
