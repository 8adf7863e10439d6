"""What a group remembers, as its orders' events change it. Called by the fold alone."""

from __future__ import annotations

from meltica.domain.groups import GROUP_ACTOR, Group, GroupExtended, GroupImbalanced, GroupOpened, Link, Member
from meltica.domain.order import Order, OrderType
from meltica.domain.order_events import (
    AmendDenied,
    CancelRequested,
    HeldAmended,
    OrderFilled,
    OrderReleased,
    OrderReported,
    ReplaceRequested,
    RequestRejected,
    TradeCorrected,
)
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held
from meltica.engine.state import Tables

FIRES = frozenset(OrderType) - {OrderType.MARKET, OrderType.LIMIT, OrderType.PEGGED}
"""Those that go out when the market reaches a price: from then on they are meant to trade at once."""

NEWS = frozenset({ExecType.REPLACED, ExecType.RESTATED})
"""What makes a request worth asking once more."""


def opened(tables: Tables, event: GroupOpened) -> None:
    members = {order_id: Member(lots=lots) for order_id, lots in event.members}
    for order_id, member in members.items():
        order = tables.orders[order_id]
        if order.held is None:
            member.asked_lots = member.lots  # Self-match prevention may have let less out: that is not asked for again.
    tables.groups[event.group_id] = Group(
        group_id=event.group_id,
        link=event.link,
        among=event.among,
        members=members,
        parent_id=event.parent_id,
        sizing=event.sizing,
        actor=event.actor,
        created_ns=event.time_ns,
        updated_ns=event.time_ns,
    )


def extended(tables: Tables, event: GroupExtended) -> None:
    group = tables.groups[event.group_id]
    group.members[event.order_id] = Member(lots=group.members[event.after].lots, after=event.after)
    group.updated_ns = event.time_ns


def imbalanced(tables: Tables, event: GroupImbalanced) -> None:
    group = tables.groups[event.group_id]
    group.overfilled_lots, group.uncovered_lots = event.overfilled_lots, event.uncovered_lots
    group.updated_ns = event.time_ns


MemberEvent = (
    CancelRequested
    | ReplaceRequested
    | AmendDenied
    | RequestRejected
    | OrderReported
    | OrderFilled
    | TradeCorrected
    | OrderReleased
    | HeldAmended
)


def moved(tables: Tables, order: Order, event: MemberEvent) -> None:
    """One of the orders changed; it has been moved already."""
    group = tables.groups.get(order.group_id)
    if group is None:
        return  # It has none, or its list was refused.
    group.updated_ns = event.time_ns
    member = group.members[order.order_id]
    match event:
        case CancelRequested() | ReplaceRequested() | AmendDenied():
            _asked(member, event)
        case RequestRejected():
            member.refused += event.client_order_id == member.request
        case OrderReported() if event.exec_type in NEWS:
            member.refused = 0
        case OrderFilled() | TradeCorrected():
            member.refused = 0
            if group.among is Link.OCO:
                _wins(group, order)
        case OrderReleased() | HeldAmended():
            _went_on(group, order, event)


def _went_on(group: Group, order: Order, event: OrderReleased | HeldAmended) -> None:
    member = group.members[order.order_id]
    if isinstance(event, OrderReleased):
        member.asked_lots = order.cumulative_lots + (event.asked_lots or event.quantity_lots)
        fired = order.order_type in FIRES and event.order_type not in FIRES
    else:
        fired = event.held is Held.SIBLING or event.held is Held.SELF_MATCH
    if fired:
        member.fired = True
        _wins(group, order)


def _wins(group: Group, order: Order) -> None:
    if group.among is not None and not group.winner_id and order.order_id != group.parent_id:
        group.winner_id = order.order_id


def _asked(member: Member, event: CancelRequested | ReplaceRequested | AmendDenied) -> None:
    if event.actor != GROUP_ACTOR:
        return
    if not isinstance(event, CancelRequested):
        member.asked_lots = (event.asked_lots if isinstance(event, ReplaceRequested) else 0) or event.quantity_lots
    if not isinstance(event, AmendDenied):
        member.request = event.client_order_id
