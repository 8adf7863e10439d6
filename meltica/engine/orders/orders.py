"""Commands about orders: judge them, ask the gate, say what to send."""

from __future__ import annotations

from typing import Final

import msgspec

from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder, SubmitOrder
from meltica.domain.groups import GROUP_ACTOR
from meltica.domain.instrument import Instrument
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order, OrderType, PendingKind, Side, TimeInForce
from meltica.domain.order_events import AmendDenied, OrderDenied, OrderSubmitted, ReplaceRequested
from meltica.engine.desk import Desk
from meltica.engine.fold.fold import strategy_row, waits_at_venue
from meltica.engine.held import amend as held_amend
from meltica.engine.held import faults as terms_faults
from meltica.engine.held import held, own_way
from meltica.engine.orders import admission
from meltica.engine.orders.cancels import (
    STRATEGY,
    Ways,
    foreign_fault,
    free_id,
    give_way,
    id_fault,
    next_client_id,
    refuse_unknown,
    used_before,
)
from meltica.engine.orders.faults import child_fault, form_fault, quantity_fault, strategy_fault
from meltica.engine.orders.refusals import Asked, explain
from meltica.engine.parents import slicing
from meltica.hot import PASS, Action, Check, Flag, OrderIntent


def submit(desk: Desk, command: SubmitOrder) -> None:
    if (fault := fault_of(desk, command)) is not None:
        desk.refuse(command.actor, *fault)
        return
    admit(desk, command)


def fault_of(desk: Desk, command: SubmitOrder) -> tuple[str, str, str] | None:
    """(reason, field, text) of what can't be asked for at all. Such an order never is one; nothing has changed."""
    tables = desk.state.tables
    instrument = tables.instruments.get(command.instrument)
    if instrument is None:
        text = f"{command.instrument} is not an instrument of this gateway; MarketDataService.ListInstruments has them"
        return "UNKNOWN_INSTRUMENT", "instrument", text
    if command.account not in tables.accounts:
        text = f"{command.account!r} is not an account of this gateway; its limits make it one (RiskService.SetLimits)"
        return "UNKNOWN_ACCOUNT", "account", text
    if command.actor.startswith(STRATEGY) and command.actor != STRATEGY + command.strategy:
        return "NOT_YOUR_STRATEGY", "strategy", f"{command.actor} sends orders of its own only"
    if terms_faults.is_special(command):
        if (fault := strategy_fault(tables, command.strategy)) is not None:
            return fault
        venue = admission.venue_of(desk.state, command.instrument)
        if (fault := terms_faults.fault(command, instrument, venue, desk.now_ns)) is not None:
            return fault
        fault = form_fault(terms_faults.ordinary(command, instrument), instrument)
    else:
        fault = form_fault(command, instrument)
    if fault is None and command.client_order_id:
        fault = id_fault(desk, instrument.venue, command.client_order_id)
    return fault


def admit(desk: Desk, command: SubmitOrder, *, group_id: int = 0, ways: Ways | None = None) -> Order:
    """One without a fault is an order from here on: sent, held until its moment comes, or refused by the gate.

    With ``ways`` what must make way for it is noted there and not told yet: the order may be withdrawn.
    """
    tables = desk.state.tables
    instrument = tables.instruments[command.instrument]
    order_id = tables.next_order_id
    client_order_id = command.client_order_id or free_id(desk, instrument.venue, f"m{order_id}", 0)
    lots = command.quantity_lots
    sliced = command.terms and admission.in_slices(desk, command)
    if sliced and not (why := admission.killed(desk, command)):
        slicing.begin(desk, command, slicing.iceberg(sliced, desk.now_ns), group_id=group_id)
    elif terms_faults.is_special(command) and (kept := admission.kept(desk, command)) is not None:
        if why := admission.killed(desk, command):
            _deny(desk, command, client_order_id, Check.KILL_SWITCH.name, why)
        else:
            held.hold(desk, command, client_order_id, kept[0], group_id=group_id, due_ns=kept[1])
    elif tables.gate_lost:
        _deny(desk, command, client_order_id, "GATE_LOST", f"the risk gate does not answer: {tables.gate_lost}")
    elif command.reduce_only and (why := not_reducing(desk, command.account, command.instrument, command.side, lots)):
        _deny(desk, command, client_order_id, "REDUCE_ONLY_WOULD_INCREASE", why)
    elif desk.state.blocked and (why := own_way.goes_first(desk, command)):
        _deny(desk, command, client_order_id, Check.SELF_MATCH.name, why)
    else:
        judged = admission.as_judged(command) if command.order_type is OrderType.PEGGED else command
        _ask_gate(desk, judged, instrument, client_order_id, group_id=group_id, ways=ways)
    return tables.orders[order_id]


def _ask_gate(
    desk: Desk,
    command: SubmitOrder,
    instrument: Instrument,
    client_order_id: str,
    *,
    group_id: int,
    ways: Ways | None,
) -> None:
    tables = desk.state.tables
    gate = desk.gate
    intent = new_intent(desk, command, tables.next_order_id, command.quantity_lots)
    reason = gate.check(intent)
    fired_mask, reserved, allowed = gate.fired_mask, gate.reserved_price_ticks, gate.allowed_lots
    if matches := gate.self_matches():
        give_way(desk, matches, tables.next_order_id, command.actor, ways)
    if reason != PASS:
        why = explain(reason, Asked(desk.state, command.account, command.strategy, instrument, intent))
        _deny(desk, command, client_order_id, Check(reason).name, why, fired_mask=fired_mask)
        return
    submitted = OrderSubmitted(
        order_id=tables.next_order_id,
        client_order_id=client_order_id,
        account=command.account,
        strategy=command.strategy,
        instrument=command.instrument,
        side=command.side,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        quantity_lots=allowed,
        price_ticks=command.price_ticks,
        post_only=command.post_only,
        reduce_only=command.reduce_only,
        reserved_price_ticks=reserved,
        actor=command.actor,
        time_ns=desk.now_ns,
    )
    marked = command.short or command.short_exempt or command.iso
    if marked or command.terms is not None or group_id or allowed != command.quantity_lots:
        submitted = msgspec.structs.replace(
            submitted,
            iso=command.iso,
            short=command.short,
            short_exempt=command.short_exempt,
            asked_lots=0 if allowed == command.quantity_lots else command.quantity_lots,
            terms=command.terms,
            group_id=group_id,
        )
    desk.emit(submitted)


def not_reducing(desk: Desk, account: str, instrument: str, side: Side, quantity_lots: int) -> str:
    """Why a reduce-only order would not only reduce; empty: it does."""
    position = desk.state.position(account, instrument)
    lots = 0 if position is None else position.lots
    closable = -lots * side.sign
    if closable <= 0:
        return f"the position is {lots} lots: there is nothing to {side.name} back"
    working = desk.state.reservations.lots(account, instrument, side)
    if quantity_lots + working > closable:
        return f"{closable} lots can be closed and {working} are already working on that side"
    return ""


PEG_ACTOR: Final = "system:peg"
GATE_TIF: Final = (
    *(TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.IOC, TimeInForce.FOK),
    *(TimeInForce.IOC, TimeInForce.GTC, TimeInForce.IOC),
)
"""By time in force: as which of the gate's four it is judged. GTD rests like GTC, the open and the close don't."""
_IOC: Final = TimeInForce.IOC


def closable(desk: Desk, account: str, instrument: str, side: Side) -> int:
    """How many lots of this side would only reduce, beside what is already working."""
    position = desk.state.position(account, instrument)
    lots = 0 if position is None else -position.lots * side.sign
    return lots - desk.state.reservations.lots(account, instrument, side)


def gate_tif(order: SubmitOrder | OrderSubmitted | Order) -> TimeInForce:
    return _IOC if waits_at_venue(order) else GATE_TIF[order.time_in_force]


def new_intent(
    desk: Desk, order: SubmitOrder | OrderSubmitted, order_id: int, quantity_lots: int, action: Action = Action.NEW
) -> OrderIntent:
    """One that was held is judged as a REPLACE of nothing: its number is older than the last that the gate saw."""
    tables = desk.state.tables
    return desk.new_intent(
        action=action,
        side=order.side,
        flags=flags(order),
        order_type=order.order_type.sent_as,
        tif=gate_tif(order),
        instrument_id=tables.instruments[order.instrument].handle,
        account_id=tables.accounts[order.account],
        strategy_id=strategy_row(tables, order.strategy),
        order_id=order_id,
        price_ticks=order.price_ticks or 0,
        quantity_lots=quantity_lots,
        time_ns=desk.now_ns,
    )


_SHORT, _SHORT_EXEMPT, _ISO = int(Flag.SHORT), int(Flag.SHORT_EXEMPT), int(Flag.ISO)
_POST_ONLY, _REDUCE_ONLY = int(Flag.POST_ONLY), int(Flag.REDUCE_ONLY)


def flags(order: SubmitOrder | OrderSubmitted | Order) -> int:
    """As bits of the gate's record; as plain integers, since adding flags of the enum takes a microsecond each."""
    return (
        (_POST_ONLY if order.post_only else 0)
        | (_REDUCE_ONLY if order.reduce_only else 0)
        | (_ISO if order.iso else 0)
        | (_SHORT if order.short else 0)
        | (_SHORT_EXEMPT if order.short_exempt else 0)
    )


def _deny(
    desk: Desk, command: SubmitOrder, client_order_id: str, reason: str, text: str, *, fired_mask: int = 0
) -> None:
    desk.emit(
        OrderDenied(
            order_id=desk.state.tables.next_order_id,
            client_order_id=client_order_id,
            account=command.account,
            strategy=command.strategy,
            instrument=command.instrument,
            side=command.side,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            quantity_lots=command.quantity_lots,
            price_ticks=command.price_ticks,
            post_only=command.post_only,
            reduce_only=command.reduce_only,
            iso=command.iso,
            short=command.short,
            short_exempt=command.short_exempt,
            reason=reason,
            fired_mask=fired_mask,
            text=text,
            actor=command.actor,
            time_ns=desk.now_ns,
            terms=command.terms,
        )
    )


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
            why = explain(reason, Asked(desk.state, order.account, order.strategy, instrument, intent))
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
    if order.order_type is OrderType.MARKET and command.price_ticks is not None:
        return "PRICE_NOT_ALLOWED", "price", "a MARKET order has no price"
    quantity, _ = _amended(order, command)
    reopens = lifecycle.status(order) is OrderStatus.FILLED and quantity > order.cumulative_lots
    if order.ended is not None or (lifecycle.leaves_lots(order) == 0 and not reopens):
        return "ORDER_TERMINAL", "order_id", f"order {order.order_id} is {lifecycle.status(order).value}"
    return None


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


def replace_intent(desk: Desk, order: Order, lots: int, price: int | None) -> OrderIntent:
    tables = desk.state.tables
    return desk.new_intent(
        action=Action.REPLACE,
        side=order.side,
        flags=flags(order),
        order_type=order.order_type.sent_as,
        tif=gate_tif(order),
        instrument_id=tables.instruments[order.instrument].handle,
        account_id=tables.accounts[order.account],
        strategy_id=strategy_row(tables, order.strategy),
        order_id=order.order_id,
        price_ticks=price or 0,
        quantity_lots=lots,
        time_ns=desk.now_ns,
        working_lots=order.reserved_lots,
        working_price_ticks=order.reserved_price_ticks if order.reserved_lots else 0,
    )


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
