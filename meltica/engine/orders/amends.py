"""Amendments: what may not be asked for, what the gate has to say, what the venue is asked."""

from __future__ import annotations

from typing import Final

from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder
from meltica.domain.groups import GROUP_ACTOR
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order, OrderType, PendingKind
from meltica.domain.order_events import AmendDenied, ReplaceRequested
from meltica.engine.desk import Desk
from meltica.engine.held import amend as held_amend
from meltica.engine.held import own_way
from meltica.engine.orders.cancels import (
    Ways,
    foreign_fault,
    give_way,
    next_client_id,
    refuse_unknown,
    used_before,
)
from meltica.engine.orders.faults import child_fault, quantity_fault
from meltica.engine.orders.intents import replace_intent
from meltica.engine.orders.refusals import Asked, explain
from meltica.hot import PASS, Check

PEG_ACTOR: Final = "system:peg"


def amend(desk: Desk, command: AmendOrder, *, ways: Ways | None = None) -> None:
    order = desk.state.tables.orders.get(command.order_id)
    if order is None:
        refuse_unknown(desk, command.actor, command.order_id)
        return
    if (fault := no_amending(desk, order, command)) is not None:
        desk.refuse(command.actor, *fault)
        return
    if order.held is not None:
        held_amend.amend(desk, order, command)
    else:
        _ask_replace(desk, order, command, ways)


def _ask_replace(desk: Desk, order: Order, command: AmendOrder, ways: Ways | None) -> None:
    venue = desk.state.tables.instruments[order.instrument].venue
    if used_before(desk, venue, command.actor, command.client_order_id):
        return
    quantity, price = _amended(order, command)
    gate_lots, reserved, asked = 0, 0, 0
    if quantity > order.cumulative_lots:
        if desk.state.tables.gate_lost:
            _deny_amend(desk, command, "GATE_LOST", 0, f"the risk gate does not answer: {desk.state.tables.gate_lost}")
            return
        gate_lots = quantity - order.cumulative_lots
        if not _holdable(desk, order, gate_lots, price):
            text = "with the amendments that are on their way the order is worth more than any register holds"
            desk.refuse(command.actor, "QUANTITY_OUT_OF_RANGE", "quantity", text)
            return
        intent = replace_intent(desk, order, gate_lots, price)
        gate = desk.gate
        reason = gate.check(intent)
        fired_mask, reserved, allowed = gate.fired_mask, gate.reserved_price_ticks, gate.allowed_lots
        if matches := gate.self_matches():
            give_way(desk, matches, order.order_id, command.actor, ways)
        if reason != PASS:
            instrument = desk.state.tables.instruments[order.instrument]
            why = explain(
                reason,
                Asked(desk.state, order.account, order.strategy, instrument, intent, desk.mark(order.instrument)),
            )
            _deny_amend(desk, command, Check(reason).name, fired_mask, why)
            return
        if allowed != gate_lots:
            asked, gate_lots = quantity, allowed
            quantity = order.cumulative_lots + allowed
    desk.emit(
        ReplaceRequested(
            order_id=order.order_id,
            client_order_id=command.client_order_id or next_client_id(desk, order),
            original_client_order_id=order.client_order_id,
            quantity_lots=quantity,
            price_ticks=price,
            gate_lots=gate_lots,
            reserved_price_ticks=reserved,
            actor=command.actor,
            time_ns=desk.now_ns,
            asked_lots=asked,
        )
    )


def no_amending(desk: Desk, order: Order, command: AmendOrder) -> tuple[str, str, str] | None:
    return (
        foreign_fault(order, command.actor)
        or child_fault(order)
        or _done_fault(desk, order)
        or group_fault(desk, order, command)
        or own_way.amend_fault(desk, order, command)
        or (_amend_fault(order, command) if order.held is None else held_amend.fault_of(desk, order, command))
    )


def _amended(order: Order, command: AmendOrder) -> tuple[int, int | None]:
    """(total quantity, price) that the order is to have; what is not named stays as it last was asked to be."""
    replaces = [request for request in order.pending if request.kind is PendingKind.REPLACE]
    quantity = replaces[-1].quantity_lots if replaces else order.quantity_lots
    price = replaces[-1].price_ticks if replaces else order.price_ticks
    return (
        quantity if command.quantity_lots is None else command.quantity_lots,
        price if command.price_ticks is None else command.price_ticks,
    )


def _amend_fault(order: Order, command: AmendOrder) -> tuple[str, str, str] | None:
    if command.terms is not None:
        return "TERMS_NOT_AMENDABLE", "terms", "the venue has it already: only quantity and price can be changed"
    if order.order_type is OrderType.PEGGED and command.price_ticks is not None and command.actor != PEG_ACTOR:
        return "PRICE_NOT_ALLOWED", "price", "a PEGGED order's price follows the market; cancel it and send another"
    if command.quantity_lots is None and command.price_ticks is None:
        return "NOTHING_TO_AMEND", "quantity", "name a new quantity, a new price, or both"
    if command.quantity_lots is not None and not 0 < command.quantity_lots <= INT64_MAX:
        return quantity_fault(command.quantity_lots)
    if command.price_ticks is not None and not 0 < command.price_ticks <= INT64_MAX:
        return "PRICE_OUT_OF_RANGE", "price", "the new price must be positive, and no more than any instrument has"
    if order.order_type.sent_as is OrderType.MARKET and command.price_ticks is not None:
        return "PRICE_NOT_ALLOWED", "price", f"a {order.order_type.name} order goes out at the market's price"
    quantity, _ = _amended(order, command)
    reopens = lifecycle.status(order) is OrderStatus.FILLED and quantity > order.cumulative_lots
    if order.ended is not None or (lifecycle.leaves_lots(order) == 0 and not reopens):
        return "ORDER_TERMINAL", "order_id", f"order {order.order_id} is {lifecycle.status(order).value}"
    return None


def _done_fault(desk: Desk, order: Order) -> tuple[str, str, str] | None:
    """Its slices are known to the venue, it is not: once they have filled it there is nothing to replace."""
    if order.held is not None or order.order_id not in desk.state.tables.parents:
        return None
    text = f"order {order.order_id} went out in slices and is {lifecycle.status(order).value}"
    return "ORDER_TERMINAL", "order_id", text


def group_fault(desk: Desk, order: Order, command: AmendOrder) -> tuple[str, str, str] | None:
    """A leg's quantity is its group's business: what somebody set would be set back with the next fill."""
    group = desk.state.tables.groups.get(order.group_id) if order.group_id else None
    if group is None or command.quantity_lots is None or command.actor == GROUP_ACTOR:
        return None
    if order.order_id == group.parent_id:
        return None
    text = f"order {order.order_id} is a leg of group {group.group_id}, which sets its quantity; amend its price alone"
    return "GROUP_SIZES_LEG", "quantity", text


def _holdable(desk: Desk, order: Order, lots: int, price: int | None) -> bool:
    """Until the venue answers, the gate holds the larger quantity at the higher price: does that fit its registers?"""
    most = max(lots, order.reserved_lots), max(price or 0, order.reserved_price_ticks)
    if order.reserved_lots == 0 or most in ((lots, price), (order.reserved_lots, order.reserved_price_ticks)):
        return True  # The gate judges it, or holds it already.
    return desk.state.reservations.fits(order, *most)


def _deny_amend(desk: Desk, command: AmendOrder, reason: str, fired_mask: int, text: str) -> None:
    desk.emit(
        AmendDenied(
            order_id=command.order_id,
            reason=reason,
            fired_mask=fired_mask,
            text=text,
            actor=command.actor,
            time_ns=desk.now_ns,
            quantity_lots=command.quantity_lots or 0,
        )
    )
