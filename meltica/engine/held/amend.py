"""Amending an order that the engine holds: nobody else has to be asked, and all of its terms may change."""

from __future__ import annotations

from typing import Final

import msgspec

from meltica.domain.commands import AmendOrder, SubmitOrder
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order, TimeInForce
from meltica.domain.terms import NO_TERMS, Held, Terms
from meltica.engine.desk import Desk
from meltica.engine.held import faults as terms_faults
from meltica.engine.held import held
from meltica.engine.held.faults import Fault
from meltica.engine.held.prices import TRAILING
from meltica.engine.orders import admission
from meltica.engine.parents import amend as algo_amend

FIRED: Final = frozenset({Held.RELEASE, Held.SIBLING, Held.SELF_MATCH})


def amend(desk: Desk, order: Order, command: AmendOrder) -> None:
    """One that ``fault_of`` found nothing wrong with."""
    if order.held is Held.SLICES:
        algo_amend.amend_order(desk, order, command)
        return
    terms = order.terms if command.terms is None else _taken_over(order, command.terms)
    due_ns = order.due_ns
    if order.time_in_force is TimeInForce.GTD and order.held is not Held.SELF_MATCH:
        due_ns = (terms or NO_TERMS).expire_ns
    held.amend(
        desk,
        order,
        quantity_lots=command.quantity_lots,
        price_ticks=command.price_ticks,
        terms=terms,
        due_ns=due_ns,
        actor=command.actor,
    )


def fault_of(desk: Desk, order: Order, command: AmendOrder) -> Fault | None:
    if order.held is Held.SLICES:
        return algo_amend.order_fault(desk, order, command)
    if command.quantity_lots is None and command.price_ticks is None and command.terms is None:
        return "NOTHING_TO_AMEND", "quantity", "name a new quantity, a new price, new terms, or several of them"
    if command.client_order_id:
        text = "the order is held here: no venue hears of the change, so it needs no id"
        return "CLIENT_ORDER_ID_NOT_ALLOWED", "client_order_id", text
    if order.held in FIRED and command.terms is not None:
        return "TERMS_NOT_AMENDABLE", "terms", "its moment has come: it goes out as soon as the gate lets it"
    if command.quantity_lots is not None and not 0 < command.quantity_lots <= INT64_MAX:
        return "QUANTITY_OUT_OF_RANGE", "quantity", "must be positive; to end an order cancel it"
    if command.price_ticks is not None and not 0 < command.price_ticks <= INT64_MAX:
        return "PRICE_OUT_OF_RANGE", "price", "the new price must be positive, and no more than any instrument has"
    return _contradiction(desk, order, command)


def _contradiction(desk: Desk, order: Order, command: AmendOrder) -> Fault | None:
    """Would the order have been taken as it is to be?"""
    instrument, venue = (
        desk.state.tables.instruments[order.instrument],
        admission.venue_of(desk.state, order.instrument),
    )
    wanted = SubmitOrder(
        request_id="",
        actor=command.actor,
        account=order.account,
        strategy=order.strategy,
        instrument=order.instrument,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity_lots=order.quantity_lots if command.quantity_lots is None else command.quantity_lots,
        price_ticks=order.price_ticks if command.price_ticks is None else command.price_ticks,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        terms=_asked(order.terms, order) if command.terms is None else command.terms,
    )
    if command.price_ticks is None and order.order_type not in terms_faults.OWN_PRICE:
        wanted = msgspec.structs.replace(wanted, price_ticks=None)
    if wanted.quantity_lots > instrument.max_quantity_lots:
        most = instrument.quantity_text(instrument.max_quantity_lots)
        return "QUANTITY_OUT_OF_RANGE", "quantity", f"the most of {instrument.instrument} in one order is {most}"
    if wanted.quantity_lots < instrument.min_quantity_lots:
        least = instrument.quantity_text(instrument.min_quantity_lots)
        return "QUANTITY_BELOW_MINIMUM", "quantity", f"the least quantity of {instrument.instrument} is {least}"
    return terms_faults.fault(wanted, instrument, venue, desk.now_ns)


def _asked(terms: Terms | None, order: Order) -> Terms | None:
    """Its terms as they were asked for: the trigger of a trailing stop is ours."""
    if terms is None or order.order_type not in TRAILING:
        return terms
    return msgspec.structs.replace(terms, trigger_ticks=None)


def _taken_over(order: Order, terms: Terms) -> Terms:
    """A trailing stop that goes on trailing as before keeps the trigger that it has reached."""
    old = order.terms or NO_TERMS
    same = (terms.trail_offset, terms.trail_unit, terms.trigger_source, terms.activation_ticks) == (
        old.trail_offset,
        old.trail_unit,
        old.trigger_source,
        old.activation_ticks,
    )
    if order.order_type in TRAILING and same:
        return msgspec.structs.replace(terms, trigger_ticks=old.trigger_ticks)
    return terms
