"""New orders: judge them, ask the gate, say what to send."""

from __future__ import annotations

import msgspec

from meltica.domain.commands import SubmitOrder
from meltica.domain.instrument import Instrument
from meltica.domain.order import Order, OrderType
from meltica.domain.order_events import OrderDenied, OrderSubmitted
from meltica.engine.desk import Desk
from meltica.engine.held import faults as terms_faults
from meltica.engine.held import held, own_way
from meltica.engine.orders import admission
from meltica.engine.orders.cancels import (
    STRATEGY,
    Ways,
    free_id,
    give_way,
    id_fault,
)
from meltica.engine.orders.faults import form_fault, strategy_fault
from meltica.engine.orders.intents import new_intent, not_reducing
from meltica.engine.orders.refusals import Asked, explain
from meltica.engine.parents import slicing
from meltica.hot import PASS, Check


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
        why = explain(
            reason,
            Asked(desk.state, command.account, command.strategy, instrument, intent, desk.mark(command.instrument)),
        )
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
