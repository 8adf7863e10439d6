"""Orders that belong together, taken in: all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from meltica.domain.commands import SubmitOrder, SubmitOrderList
from meltica.domain.groups import LINKED, LIST_MOST, GroupOpened, Link, Sizing
from meltica.domain.order import Order, OrderType, TimeInForce
from meltica.domain.terms import NO_TERMS, Held
from meltica.engine.desk import Desk
from meltica.engine.fold.fold import IMMEDIATE
from meltica.engine.held import held
from meltica.engine.orders.bulk import Fault, as_asked, faults_of, let_all_in
from meltica.engine.orders.cancels import free_id

STOP_LOSSES: Final = frozenset(
    {OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT}
)
TAKE_PROFITS: Final = frozenset({OrderType.LIMIT, OrderType.LIMIT_IF_TOUCHED, OrderType.MARKET_IF_TOUCHED})
BRACKET_ORDERS: Final = 3


def submit_order_list(desk: Desk, command: SubmitOrderList) -> None:
    asked = [as_asked(order, command.actor) for order in command.orders]
    if (fault := _list_fault(command) or _orders_fault(desk, asked) or _legs_fault(command)) is not None:
        desk.refuse(command.actor, *fault)
        return
    group_id = desk.state.tables.next_order_id
    has_parent = command.link in (Link.OTO, Link.BRACKET)
    at_once, later = (asked[:1], asked[1:]) if has_parent else (asked, [])
    opened, denied = let_all_in(desk, at_once, group_id=group_id)
    if denied is not None:
        return  # OrderDenied tells why; those before it are withdrawn.
    opened.extend(_hold(desk, order, group_id) for order in later)
    desk.emit(
        GroupOpened(
            group_id=group_id,
            link=command.link,
            among=among(command),
            members=tuple((order.order_id, each.quantity_lots) for order, each in zip(opened, asked, strict=True)),
            parent_id=group_id if has_parent else 0,
            sizing=command.sizing,
            actor=command.actor,
            time_ns=desk.now_ns,
        )
    )


def among(command: SubmitOrderList) -> Link | None:
    """How the legs belong together."""
    if command.link is Link.BRACKET:
        return Link.OUO
    return command.among if command.link is Link.OTO else command.link


def _hold(desk: Desk, order: SubmitOrder, group_id: int) -> Order:
    tables = desk.state.tables
    order_id = tables.next_order_id
    venue = tables.instruments[order.instrument].venue
    client_order_id = order.client_order_id or free_id(desk, venue, f"m{order_id}", 0)
    due_ns = (order.terms or NO_TERMS).expire_ns
    held.hold(desk, order, client_order_id, Held.PARENT, group_id=group_id, due_ns=due_ns)
    return tables.orders[order_id]


def _list_fault(command: SubmitOrderList) -> Fault | None:
    """Of the list, before its orders are looked at."""
    least = BRACKET_ORDERS if command.link is Link.BRACKET else 2
    most = BRACKET_ORDERS if command.link is Link.BRACKET else LIST_MOST
    if not least <= len(command.orders) <= most:
        takes = f"{least} to {most}" if least < most else str(most)
        text = f"{command.link.name} takes {takes} orders, not {len(command.orders)}"
        return "LIST_LENGTH", "orders", text
    if command.link is not Link.OTO and command.among is not None:
        return "LINK_NOT_ALLOWED", "among", f"{command.link.name} says already how its orders belong together"
    if command.among not in {None, *LINKED}:
        return "LINK_NOT_ALLOWED", "among", "the orders after the first are OCO, OUO, or each by itself"
    if command.link in LINKED and command.sizing is not Sizing.FULL:
        return "SIZING_NOT_ALLOWED", "sizing", "nothing lets the orders of this list out: OTO and BRACKET have a sizing"
    if command.among is not None and len(command.orders) == 2:  # noqa: PLR2004 - the first, and one
        return "LIST_LENGTH", "orders", "one order after the first can't belong together with another"
    return None


def _orders_fault(desk: Desk, asked: Sequence[SubmitOrder]) -> Fault | None:
    """The first order that could not be asked for by itself."""
    for place, fault in enumerate(faults_of(desk, asked)):
        if fault is not None:
            reason, field, text = fault
            return reason, f"orders[{place}].{field}", text
    first = asked[0]
    for place, order in enumerate(asked):
        for field in ("account", "strategy"):
            if getattr(order, field) != getattr(first, field):
                return "LEGS_DIFFER", f"orders[{place}].{field}", f"all orders of a list have one {field}"
    return None


def _legs_fault(command: SubmitOrderList) -> Fault | None:
    """What the orders must have in common, so that what one trades can be taken off another."""
    has_parent = command.link in (Link.OTO, Link.BRACKET)
    start = 1 if has_parent else 0
    legs = list(enumerate(command.orders))[start:]
    for place, leg in legs:
        fault = _shared_fault(command, command.orders[start], leg) if among(command) in LINKED else None
        if fault is None and has_parent:
            fault = _child_fault(leg)
        if fault is None and command.link is Link.BRACKET:
            fault = _exit_fault(command, place)
        if fault is not None:
            reason, field, text = fault
            return reason, f"orders[{place}].{field}", text
    if has_parent:
        return _children_fault(command)
    return None


def _shared_fault(command: SubmitOrderList, first: SubmitOrder, leg: SubmitOrder) -> Fault | None:
    """Legs that share one quantity."""
    for field, name in (("instrument", "instrument"), ("quantity_lots", "quantity")):
        if getattr(leg, field) != getattr(first, field):
            return "LEGS_DIFFER", name, f"legs that end or reduce each other have one {name}"
    if among(command) is Link.OUO and leg.side is not first.side:
        return "LEGS_DIFFER", "side", "legs that update each other are all on one side; use OCO for two directions"
    if not _rests(leg):
        return "LEG_MUST_REST", "type", "a leg that trades at once leaves the others nothing to wait for"
    return None


def _rests(order: SubmitOrder) -> bool:
    return order.order_type is not OrderType.MARKET and order.time_in_force not in IMMEDIATE


def _child_fault(leg: SubmitOrder) -> Fault | None:
    if leg.time_in_force is TimeInForce.AT_THE_OPEN:
        return "LEG_MUST_REST", "time_in_force", "it can't wait for the first order's fills and for the opening too"
    return None


def _exit_fault(command: SubmitOrderList, place: int) -> Fault | None:
    entry, leg = command.orders[0], command.orders[place]
    if leg.side is entry.side:
        return "LEGS_DIFFER", "side", "an exit of a bracket is on the other side than its entry"
    if leg.instrument != entry.instrument:
        return "LEGS_DIFFER", "instrument", "an exit of a bracket is in the entry's instrument"
    if leg.quantity_lots != entry.quantity_lots:
        return "LEGS_DIFFER", "quantity", "an exit of a bracket has the entry's quantity"
    kinds = TAKE_PROFITS if place == 1 else STOP_LOSSES
    if leg.order_type not in kinds:
        names = ", ".join(sorted(kind.name for kind in kinds))
        what = "second order is the take-profit" if place == 1 else "third order is the stop-loss"
        return "LEG_TYPE", "type", f"the {what}: one of {names}"
    return None


def _children_fault(command: SubmitOrderList) -> Fault | None:
    """In the first order's own instrument its children never ask for more than it fills."""
    parent, children = command.orders[0], command.orders[1:]
    same = [child.quantity_lots for child in children if child.instrument == parent.instrument]
    most = (max(same, default=0)) if among(command) in LINKED else sum(same)
    if most > parent.quantity_lots:
        text = "the orders after the first, in its instrument, are together no larger than it is"
        return "LEGS_TOO_LARGE", "orders", text
    return None
