"""Orders that belong together, brought to where they should be after each change of one of them.

One rule for all links: from the facts follows how much each leg may still trade (its room), and what was asked for is
brought to that. So it does not matter in which order the facts come. Crossing on the wire can't be undone: what was
traded too much, or is left without cover, is said (``GroupImbalanced``), and nothing is flattened.
"""

from __future__ import annotations

import msgspec

from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder, SubmitOrder
from meltica.domain.groups import GROUP_ACTOR, LINKED, Group, GroupExtended, GroupImbalanced, Link, Member, Sizing
from meltica.domain.order import Ended, Order, OrderType, PendingKind
from meltica.domain.order_events import HeldAmended, ReplaceRequested
from meltica.domain.reports import ExecType
from meltica.domain.terms import NO_TERMS, Held
from meltica.engine.contingent import siblings
from meltica.engine.desk import Desk
from meltica.engine.held import held
from meltica.engine.held.prices import TRAILING
from meltica.engine.held.release import release
from meltica.engine.orders import admission, amends
from meltica.engine.orders.cancels import free_id, next_client_id, request_cancel_once
from meltica.engine.orders.intents import leaves_after

REFUSALS_MOST = 2
"""Of the group's requests about one order with no news between: a reduction, then the cancel. Then it is left."""


def follow(desk: Desk, order: Order) -> None:
    """The rule: look at the whole group of an order that changed."""
    group = desk.state.tables.groups.get(order.group_id) if order.group_id else None
    if group is None:
        return
    table = desk.state.tables.orders
    for leg_id in group.legs:
        leg = table[leg_id]
        if leg.ended is None:
            _bring(desk, group, leg, room_of(table, group, leg_id))
    if group.parent_id:
        _look_at_entry(desk, group)
    _measure(desk, group)


def room_of(table: dict[int, Order], group: Group, leg_id: int) -> int:
    """How many lots the leg may still trade, all that is known considered."""
    may_trade = _total(table, group, leg_id)
    if group.among not in LINKED:
        return max(may_trade - _taken(table, group, leg_id), 0)
    if group.winner_id not in (0, leg_id) or _called_off(table, group):
        return 0
    return max(may_trade - _traded(table, group), 0)


def _traded(table: dict[int, Order], group: Group) -> int:
    return sum(table[leg_id].cumulative_lots for leg_id in group.legs)


def _taken(table: dict[int, Order], group: Group, leg_id: int) -> int:
    """What a child has traded, with those that it goes on for and that go on for it; and what these may still trade."""
    first = _first(group, leg_id)
    parts = [leg for leg in group.legs if _first(group, leg) == first]
    return sum(table[leg].cumulative_lots for leg in parts) + sum(
        leaves_after(table[leg]) for leg in parts if leg != leg_id
    )


def _first(group: Group, leg_id: int) -> int:
    while after := group.members[leg_id].after:
        leg_id = after
    return leg_id


def _called_off(table: dict[int, Order], group: Group) -> bool:
    """OCO: was one of them cancelled before any had traded or fired? (One that is refused or expires ends alone.)"""
    return (
        group.among is Link.OCO
        and not group.winner_id
        and any(table[leg_id].ended is Ended.CANCELED for leg_id in group.legs)
    )


def _total(table: dict[int, Order], group: Group, leg_id: int) -> int:
    """The total quantity of a leg: its own, or its share of what the parent has filled."""
    lots = group.members[leg_id].lots
    if not group.parent_id:
        return lots
    parent = table[group.parent_id]
    let_out = (
        group.sizing is Sizing.PARTIAL
        or not lifecycle.may_trade(parent)
        or any(table[leg].held is not Held.PARENT and table[leg].ended is None for leg in group.legs)
        or _traded(table, group) > 0
    )
    return _share(group, lots, parent.cumulative_lots) if let_out else 0


def _share(group: Group, lots: int, filled: int) -> int:
    return lots * filled // group.members[group.parent_id].lots


def _bring(desk: Desk, group: Group, leg: Order, room: int) -> None:
    if leg.held is Held.PARENT:
        _let_out(desk, group, leg, room)
    elif leg.held is not None and room == 0 and _is_taken_back(desk, group, leg):
        _wait_again(desk, group, leg)
    elif leg.held is not None and room == 0:
        held.end(desk, leg, ExecType.CANCELED, f"group {group.group_id}: nothing is left for it")
    elif leg.held is not None:
        _resize_held(desk, group, leg, leg.cumulative_lots + room)
        if leg.held is Held.SIBLING and not siblings.in_the_way(desk, leg):
            _send(desk, group, leg)
    else:
        _bring_working(desk, group, leg, room)


def _is_taken_back(desk: Desk, group: Group, leg: Order) -> bool:
    """Was all that let the leg out busted, while the parent goes on? None of them has begun to trade."""
    table = desk.state.tables.orders
    parent = table[group.parent_id] if group.parent_id else None
    if parent is None or parent.cumulative_lots > 0 or not lifecycle.may_trade(parent) or leg.held is Held.SLICES:
        return False
    return _traded(table, group) == 0


def _wait_again(desk: Desk, group: Group, leg: Order) -> None:
    """For the parent's next fill, as large as it was asked for; one that trailed begins anew."""
    terms = leg.terms
    if terms is not None and leg.order_type in TRAILING:
        terms = msgspec.structs.replace(terms, trigger_ticks=None)
    desk.emit(
        HeldAmended(
            order_id=leg.order_id,
            quantity_lots=group.members[leg.order_id].lots,
            price_ticks=leg.price_ticks,
            terms=terms,
            due_ns=(terms or NO_TERMS).expire_ns,
            held=Held.PARENT,
            actor=GROUP_ACTOR,
            reason=f"group {group.group_id}: what its parent had traded was busted",
            time_ns=desk.now_ns,
        )
    )


def _let_out(desk: Desk, group: Group, leg: Order, room: int) -> None:
    """A child that waits for its parent. It goes out with what the venue takes at least; less waits for more."""
    table = desk.state.tables.orders
    waits = (
        lifecycle.may_trade(table[group.parent_id])
        and group.winner_id in (0, leg.order_id)
        and not _called_off(table, group)
    )
    if room > 0 and _enough(desk, leg, room):
        _resize_held(desk, group, leg, leg.cumulative_lots + room)
        _send(desk, group, leg)
    elif room > 0 and not waits:
        left = desk.quantity(leg.instrument, room)
        text = f"group {group.group_id}: {left} is left for it, and the venue takes more than that at least"
        held.end(desk, leg, ExecType.REJECTED, text)
    elif not waits:
        held.end(desk, leg, ExecType.CANCELED, f"group {group.group_id}: its parent is over, nothing is left for it")


def _enough(desk: Desk, leg: Order, lots: int) -> bool:
    instrument = desk.state.tables.instruments[leg.instrument]
    value = instrument.value_nanos(leg.price_ticks, lots) if leg.price_ticks else instrument.min_value_nanos
    return lots >= instrument.min_quantity_lots and value >= instrument.min_value_nanos


def _resize_held(desk: Desk, group: Group, leg: Order, quantity: int, kept: tuple[Held, int] | None = None) -> None:
    """``kept``: what it is held for from now on, and until when at the latest."""
    if quantity == leg.quantity_lots and kept is None:
        return
    desk.emit(
        HeldAmended(
            order_id=leg.order_id,
            quantity_lots=quantity,
            price_ticks=leg.price_ticks,
            terms=leg.terms,
            due_ns=leg.due_ns if kept is None else kept[1],
            held=None if kept is None else kept[0],
            actor=GROUP_ACTOR,
            reason=f"group {group.group_id}",
            time_ns=desk.now_ns,
        )
    )


def _send(desk: Desk, group: Group, leg: Order) -> None:
    """Out to its venue; or on to what it waits for by itself."""
    if leg.held is Held.PARENT and (kept := admission.kept(desk, leg)) is not None:
        _resize_held(desk, group, leg, leg.quantity_lots, kept)
        return
    why = f"group {group.group_id}: its parent has traded" if leg.held is Held.PARENT else "the other leg is gone"
    tif = held.released_tif(desk, leg)
    release(desk, leg, price_ticks=leg.price_ticks, time_in_force=tif, reason=why)


def _bring_working(desk: Desk, group: Group, leg: Order, room: int) -> None:
    member = group.members[leg.order_id]
    asked = leaves_after(leg)
    if member.refused >= REFUSALS_MOST:
        return  # Its venue does neither. A fill is what usually comes next.
    if asked > room and (room == 0 or member.refused > 0):
        left = desk.quantity(leg.instrument, room)
        request_cancel_once(desk, leg, GROUP_ACTOR, f"group {group.group_id}: {left} is left for it")
    elif asked > room:
        _reduce(desk, group, leg, leg.cumulative_lots + room)
    elif lifecycle.leaves_lots(leg) == 0:
        if room > 0 and group.among is None and group.sizing is Sizing.PARTIAL:
            _go_on(desk, group, leg, room)
    elif asked < room and _may_grow(leg, member, leg.cumulative_lots + room) and not desk.state.tables.gate_lost:
        quantity = leg.cumulative_lots + room
        command = AmendOrder(request_id="", actor=GROUP_ACTOR, order_id=leg.order_id, quantity_lots=quantity)
        amends.amend(desk, command)


def _may_grow(leg: Order, member: Member, quantity: int) -> bool:
    """Each size is asked for once: what the gate or the venue refused is not asked for again until more is needed."""
    trades_now = member.fired or leg.order_type is OrderType.MARKET
    canceling = any(p.kind is PendingKind.CANCEL for p in leg.pending)
    return quantity > member.asked_lots and not trades_now and not canceling


def _reduce(desk: Desk, group: Group, leg: Order, quantity: int) -> None:
    """No gate is asked: it holds more than that already."""
    asked = [p for p in leg.pending if p.kind is PendingKind.REPLACE]
    left = desk.quantity(leg.instrument, quantity - leg.cumulative_lots)
    desk.emit(
        ReplaceRequested(
            order_id=leg.order_id,
            client_order_id=next_client_id(desk, leg),
            original_client_order_id=leg.client_order_id,
            quantity_lots=quantity,
            price_ticks=asked[-1].price_ticks if asked else leg.price_ticks,
            gate_lots=0,
            reserved_price_ticks=0,
            actor=GROUP_ACTOR,
            time_ns=desk.now_ns,
            reason=f"group {group.group_id}: {left} is left for it",
        )
    )


def _go_on(desk: Desk, group: Group, leg: Order, room: int) -> None:
    """A filled order can't grow: another one trades what its parent has filled since."""
    expire_ns = (leg.terms or NO_TERMS).expire_ns
    if leg.pending or any(member.after == leg.order_id for member in group.members.values()):
        return
    if 0 < expire_ns <= desk.now_ns:
        return  # So would be the one that goes on for it.
    order_id = desk.state.tables.next_order_id
    venue = desk.state.tables.instruments[leg.instrument].venue
    command = SubmitOrder(
        request_id="",
        actor=leg.actor,
        account=leg.account,
        strategy=leg.strategy,
        instrument=leg.instrument,
        side=leg.side,
        order_type=leg.order_type,
        time_in_force=leg.time_in_force,
        quantity_lots=room,
        price_ticks=leg.price_ticks,
        post_only=leg.post_only,
        reduce_only=leg.reduce_only,
        iso=leg.iso,
        short=leg.short,
        short_exempt=leg.short_exempt,
        terms=leg.terms,
    )
    client_order_id = free_id(desk, venue, f"m{order_id}", 0)
    held.hold(desk, command, client_order_id, Held.PARENT, group_id=group.group_id, due_ns=expire_ns)
    desk.emit(GroupExtended(group_id=group.group_id, order_id=order_id, after=leg.order_id, time_ns=desk.now_ns))


def _look_at_entry(desk: Desk, group: Group) -> None:
    """A bracket's entry takes no more once an exit has traded or fired, or none is left to protect it."""
    table = desk.state.tables.orders
    entry, member = table[group.parent_id], group.members[group.parent_id]
    if group.link is not Link.BRACKET or not lifecycle.may_trade(entry) or leaves_after(entry) == 0:
        return
    leaving = group.winner_id or _traded(table, group) > 0
    bare = all(table[leg].ended is not None for leg in group.legs)
    if (leaving or bare) and member.refused < REFUSALS_MOST:
        why = "an exit has begun" if leaving else "no exit is left"
        request_cancel_once(desk, entry, GROUP_ACTOR, f"group {group.group_id}: {why}")


def _measure(desk: Desk, group: Group) -> None:
    """Say what went beyond, and what is left without cover; once for each change of the figures."""
    table = desk.state.tables.orders
    over, bare = _overfilled(table, group), _uncovered(table, group)
    if (over, bare) == (group.overfilled_lots, group.uncovered_lots):
        return
    words, instrument = [], table[group.group_id].instrument
    if over:
        words.append(f"the legs have traded {desk.quantity(instrument, over)} more than they should")
    if bare:
        words.append(f"{desk.quantity(instrument, bare)} of the entry has no exit")
    desk.emit(
        GroupImbalanced(
            group_id=group.group_id,
            overfilled_lots=over,
            uncovered_lots=bare,
            text="; ".join(words) or "in balance again",
            time_ns=desk.now_ns,
        )
    )


def _overfilled(table: dict[int, Order], group: Group) -> int:
    if group.among in LINKED:
        return max(_traded(table, group) - max(_total(table, group, leg) for leg in group.legs), 0)
    traded: dict[int, int] = {}
    for leg in group.legs:
        first = _first(group, leg)
        traded[first] = traded.get(first, 0) + table[leg].cumulative_lots
    return sum(max(lots - _total(table, group, first), 0) for first, lots in traded.items())


def _uncovered(table: dict[int, Order], group: Group) -> int:
    if group.link is not Link.BRACKET:
        return 0
    lots = max(group.members[leg].lots for leg in group.legs)
    open_lots = _share(group, lots, table[group.parent_id].cumulative_lots) - _traded(table, group)
    cover = [
        open_lots if table[leg].held is Held.PARENT else leaves_after(table[leg])
        for leg in group.legs
        if table[leg].ended is None
    ]
    return max(open_lots - max(cover, default=0), 0)
