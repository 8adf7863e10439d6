"""The life of an order as FIX tells it (Appendix D): facts first, status by precedence.

A status is never stored. ``status`` walks PRECEDENCE from the top and reports the first row whose fact holds, as FIX
4.2 to 5.0SP2 prescribe for an order that is in several states at once. Late fills, busts and corrections are facts like
any others, so each is accepted in every state and the status follows.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from sys import intern
from typing import Final

from meltica.domain import order_facts
from meltica.domain.limits import EXTERNAL
from meltica.domain.order import Ended, Order, OrderType, PendingKind, TimeInForce
from meltica.domain.order_events import (
    CancelRequested,
    HeldAmended,
    OrderAdopted,
    OrderDenied,
    OrderFilled,
    OrderHeld,
    OrderReleased,
    OrderReported,
    OrderSubmitted,
    ReplaceRequested,
    RequestRejected,
    TradeCorrected,
)
from meltica.domain.outcomes import DoubtEvent

find_execution = order_facts.find_execution


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
    (8, OrderStatus.FILLED, "cumulative >= quantity > 0", lambda o: o.cumulative_lots >= o.quantity_lots > 0),
    (7, OrderStatus.STOPPED, "the venue guarantees a price", lambda o: o.stopped),
    (6, OrderStatus.SUSPENDED, "the venue holds it back", lambda o: o.suspended),
    (5, OrderStatus.CANCELED, "it was cancelled", lambda o: o.ended is Ended.CANCELED),
    (5, OrderStatus.EXPIRED, "it expired", lambda o: o.ended is Ended.EXPIRED),
    (4, OrderStatus.PARTIALLY_FILLED, "cumulative > 0", lambda o: o.cumulative_lots > 0),
    (2, OrderStatus.REJECTED, "we or the venue refused it", lambda o: o.ended is Ended.REJECTED),
    (
        2,
        OrderStatus.NEW,
        "the venue has it, or the engine until its moment comes",
        lambda o: o.acknowledged or o.held is not None,
    ),
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
    return leaves_at(order, order.cumulative_lots)


def leaves_at(order: Order, cumulative_lots: int) -> int:
    """What the leaves would be, were this much filled."""
    if order.ended is not None or (order.done_for_day and not order.remainder_survives_day):
        return 0
    left = order.quantity_lots - cumulative_lots
    return left if left > 0 else 0  # noqa: FURB136 - three times faster than max


def overfill_lots(order: Order) -> int:
    """How much more than was ordered it got. It is position and money like the rest; the leaves are 0."""
    return max(order.cumulative_lots - order.quantity_lots, 0)


def is_uncertain(order: Order) -> bool:
    """Was something of it sent whose outcome nobody knows?"""
    return bool(order.doubts)


def is_working(order: Order) -> bool:
    """May it still be filled (a cancel-all cancels it)? It counts for exposure unless the engine holds it."""
    return order.ended is None and leaves_lots(order) > 0


def may_trade(order: Order) -> bool:
    """May it still be filled, or be reopened by a request that is on its way?"""
    return order.ended is None and (leaves_lots(order) > 0 or bool(order.pending))


BESIDE: Final[tuple[tuple[str, str, Callable[[Order], bool]], ...]] = (
    ("working", "it may still be filled", is_working),
    ("uncertain", "something of it was sent, and nobody knows the outcome", is_uncertain),
    ("overfilled", "it got more than was ordered", lambda o: overfill_lots(o) > 0),
    ("held", "the engine keeps it until its moment comes", lambda o: o.held is not None),
    ("asked", "a cancel or a replace has no answer yet", lambda o: bool(o.pending)),
    ("restated", "a split restated what is filled", lambda o: o.restated_lots != 0),
)
"""Facts that stand beside the status: FIX has no status for them."""


def opened(event: OrderSubmitted | OrderHeld | OrderDenied) -> Order:
    """The order that begins with this event. Names that a million orders share are kept once: less memory, and faster
    to look up than the copies that come from a journal or a client."""
    order = Order(
        order_id=event.order_id,
        client_order_id=event.client_order_id,
        account=intern(event.account),
        strategy=intern(event.strategy),
        instrument=intern(event.instrument),
        side=event.side,
        order_type=event.order_type,
        time_in_force=event.time_in_force,
        quantity_lots=event.quantity_lots,
        price_ticks=event.price_ticks,
        post_only=event.post_only,
        reduce_only=event.reduce_only,
        actor=intern(event.actor),
        created_ns=event.time_ns,
        updated_ns=event.time_ns,
    )  # With more than fifteen names the call goes through a dict, and takes four times as long.
    order.iso, order.short, order.short_exempt, order.terms = event.iso, event.short, event.short_exempt, event.terms
    if isinstance(event, OrderSubmitted):
        order.parent_id, order.group_id = event.parent_id, event.group_id
    elif isinstance(event, OrderHeld):
        order.group_id, order.held, order.due_ns = event.group_id, event.held, event.due_ns
    else:
        order.parent_id, order.ended, order.refusal = event.parent_id, Ended.REJECTED, event.reason
    return order


def submission(order: Order, event: OrderReleased) -> OrderSubmitted:
    """What a venue is told of an order that was held until now."""
    return OrderSubmitted(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account=order.account,
        strategy=order.strategy,
        instrument=order.instrument,
        side=order.side,
        order_type=event.order_type,
        time_in_force=event.time_in_force,
        quantity_lots=event.quantity_lots,
        price_ticks=event.price_ticks,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        iso=order.iso,
        short=order.short,
        short_exempt=order.short_exempt,
        reserved_price_ticks=event.reserved_price_ticks,
        asked_lots=event.asked_lots,
        actor=order.actor,
        time_ns=event.time_ns,
        parent_id=order.parent_id,
        group_id=order.group_id,
        terms=order.terms if order.terms is not None and order.terms.display_lots else None,
    )


def adopted(event: OrderAdopted) -> Order:
    """The order that the venue told us of. How long it works it did not say: until somebody cancels it."""
    return Order(
        order_id=event.order_id,
        client_order_id=event.client_order_id,
        account=event.account,
        strategy=event.strategy or EXTERNAL,
        gate=event.gate,
        instrument=event.instrument,
        side=event.side,
        order_type=OrderType.MARKET if event.price_ticks is None else OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity_lots=event.quantity_lots,
        price_ticks=event.price_ticks,
        actor=f"gate:{event.gate}" if event.gate else f"venue:{event.venue}",
        created_ns=event.time_ns,
        updated_ns=event.time_ns,
    )


OrderEvent = (
    HeldAmended
    | OrderReleased
    | CancelRequested
    | ReplaceRequested
    | OrderReported
    | OrderFilled
    | TradeCorrected
    | RequestRejected
    | DoubtEvent
)


def is_withdrawn(order: Order, event: OrderSubmitted | ReplaceRequested) -> bool:
    """Was what the event asks for taken back before it was sent?"""
    if isinstance(event, OrderSubmitted):
        return order.ended is not None
    return all(request.client_order_id != event.client_order_id for request in order.pending)


def move(order: Order, event: OrderEvent) -> None:
    """Add the event's fact to the order's. The only code that changes an order's facts."""
    order.updated_ns = event.time_ns
    order_facts.ADDED[type(event)](order, event)
    if order.doubts:
        order_facts.settle(order, event)
