"""A leg that fired while an order that it ends still holds the room that it needs."""

from __future__ import annotations

from typing import Final

from meltica.domain.groups import GROUP_ACTOR, LINKED, Link
from meltica.domain.order import Order
from meltica.domain.order_events import HeldAmended
from meltica.domain.terms import Held
from meltica.engine.desk import Desk
from meltica.engine.fold.groups import FIRES
from meltica.hot import Check

ROOM: Final = frozenset(
    {
        Check.POSITION_LIMIT,
        Check.SHORT_SALE,
        Check.OPEN_EXPOSURE,
        Check.FIRM_CREDIT,
        Check.STRATEGY_EXPOSURE,
        Check.OPEN_ORDER_COUNT,
        Check.SELF_MATCH,
    }
)
"""The checks that let more pass once something else is cancelled."""


def in_the_way(desk: Desk, order: Order) -> bool:
    """Does the gate hold something for an order that this leg's firing ends: one that shares its quantity, or the
    entry that both protect?"""
    group = desk.state.tables.groups.get(order.group_id) if order.group_id else None
    if group is None or group.among not in LINKED or order.order_id == group.parent_id:
        return False
    table = desk.state.tables.orders
    ends = group.members if group.link is Link.BRACKET else group.legs
    return any(table[other].reserved_lots > 0 for other in ends if other != order.order_id)


def wait(desk: Desk, order: Order, price_ticks: int | None) -> bool:
    """Keep a leg that fired until the others are cancelled, instead of refusing it; False: there is no such reason."""
    if order.held is None or order.order_type not in FIRES or not in_the_way(desk, order):
        return False
    if order.held is not Held.SIBLING:
        desk.emit(
            HeldAmended(
                order_id=order.order_id,
                quantity_lots=order.quantity_lots,
                price_ticks=price_ticks,
                terms=order.terms,
                due_ns=order.due_ns,
                held=Held.SIBLING,
                actor=GROUP_ACTOR,
                reason="the gate has no room for it beside what it ends, which is cancelled first",
                time_ns=desk.now_ns,
            )
        )
    return True
