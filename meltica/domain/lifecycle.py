"""The life of an order as FIX tells it (Appendix D): facts first, status by precedence.

A status is never stored. ``status`` walks PRECEDENCE from the top and reports the first row whose fact holds, as FIX
4.2 to 5.0SP2 prescribe for an order that is in several states at once. Late fills, busts and corrections are facts like any
others, so each is accepted in every state and the status follows.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

from meltica.domain.order import Ended, Order, PendingKind


class OrderStatus(enum.Enum):
    """FIX tag 39, by name."""

    PENDING_NEW = "PendingNew"
    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    DONE_FOR_DAY = "DoneForDay"
    CANCELED = "Canceled"
    PENDING_CANCEL = "PendingCancel"
    STOPPED = "Stopped"
    REJECTED = "Rejected"
    SUSPENDED = "Suspended"
    CALCULATED = "Calculated"
    EXPIRED = "Expired"
    PENDING_REPLACE = "PendingReplace"


def _pending(order: Order, kind: PendingKind) -> bool:
    return any(request.kind is kind and request.acknowledged for request in order.pending)


PRECEDENCE: Final[tuple[tuple[int, OrderStatus, str, Callable[[Order], bool]], ...]] = (
    (
        12,
        OrderStatus.PENDING_CANCEL,
        "a cancel is pending at the venue",
        lambda o: _pending(o, PendingKind.CANCEL),
    ),
    (
        11,
        OrderStatus.PENDING_REPLACE,
        "a replace is pending at the venue",
        lambda o: _pending(o, PendingKind.REPLACE),
    ),
    (10, OrderStatus.DONE_FOR_DAY, "the venue is done with it for today", lambda o: o.done_for_day),
    (9, OrderStatus.CALCULATED, "its trades are settled for the day", lambda o: o.ended is Ended.CALCULATED),
    (8, OrderStatus.FILLED, "cumulative >= quantity", lambda o: o.cumulative_lots >= o.quantity_lots),
    (7, OrderStatus.STOPPED, "the venue guarantees a price", lambda o: o.stopped),
    (6, OrderStatus.SUSPENDED, "the venue holds it back", lambda o: o.suspended),
    (5, OrderStatus.CANCELED, "it was cancelled", lambda o: o.ended is Ended.CANCELED),
    (5, OrderStatus.EXPIRED, "it expired", lambda o: o.ended is Ended.EXPIRED),
    (4, OrderStatus.PARTIALLY_FILLED, "cumulative > 0", lambda o: o.cumulative_lots > 0),
    (2, OrderStatus.REJECTED, "we or the venue refused it", lambda o: o.ended is Ended.REJECTED),
    (2, OrderStatus.NEW, "the venue has it", lambda o: o.acknowledged),
    (1, OrderStatus.PENDING_NEW, "it was sent", lambda _: True),
)
"""(FIX precedence, status, the fact in words, the fact). The first that holds is the status."""

TERMINAL: Final = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
        OrderStatus.CALCULATED,
    }
)
"""No more fills are expected; those that come all the same are applied."""


def status(order: Order) -> OrderStatus:
    """The order's FIX OrdStatus."""
    for _, name, _, fact in PRECEDENCE:
        if fact(order):
            return name
    raise AssertionError  # The last row always holds.


def leaves_lots(order: Order) -> int:
    """FIX LeavesQty: what may still be filled. 0 once it ended, or is done for the day for good."""
    if order.ended is not None or (order.done_for_day and not order.remainder_survives_day):
        return 0
    return max(order.quantity_lots - order.cumulative_lots, 0)


def is_working(order: Order) -> bool:
    """May it still be filled at the venue (it counts for exposure, and a cancel-all cancels it)?"""
    return order.ended is None and leaves_lots(order) > 0
