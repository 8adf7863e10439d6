"""Where a new order begins that says more than the ordinary: at its venue, or held here."""

from __future__ import annotations

import msgspec

from meltica.domain.capabilities import Capabilities, nothing
from meltica.domain.commands import SubmitOrder
from meltica.domain.limits import OWN_PORT, instrument_key, port_key, strategy_key
from meltica.domain.order import Order, OrderType, TimeInForce
from meltica.domain.terms import NO_TERMS, Held, Terms
from meltica.engine.desk import Desk
from meltica.engine.held.prices import TRAILING, TRIGGERED
from meltica.engine.held.sessions import next_close_ns
from meltica.engine.state import GLOBAL, EngineState


def venue_of(state: EngineState, instrument: str) -> Capabilities:
    code = state.tables.instruments[instrument].venue
    return state.tables.venues.get(code) or nothing(code)


def kept(desk: Desk, order: SubmitOrder | Order) -> tuple[Held, int] | None:
    """(why, until when at the latest) it is held here; None: it goes out now."""
    venue = venue_of(desk.state, order.instrument)
    terms, tif = order.terms or NO_TERMS, order.time_in_force
    if order.order_type in TRIGGERED:
        native = order.order_type in venue.order_types and terms.trigger_source in venue.trigger_sources
        if native and order.order_type not in TRAILING and isinstance(order, SubmitOrder):
            return None
        return Held.TRIGGER, terms.expire_ns
    if order.order_type is OrderType.PEGGED:
        native = isinstance(order, SubmitOrder) and venue.pegs_itself(terms, tif)
        return None if native else (Held.REFERENCE, terms.expire_ns)
    if tif in venue.times_in_force:
        return None
    if tif is TimeInForce.AT_THE_OPEN:
        return Held.SESSION, 0
    if tif is TimeInForce.AT_THE_CLOSE:
        return Held.SESSION, next_close_ns(venue, desk.now_ns)
    return None


def in_slices(desk: Desk, order: SubmitOrder | Order) -> Terms | None:
    """Its terms, where only a part of it is to show and its venue can't do that by itself."""
    terms = order.terms
    if terms is None or not terms.display_lots:
        return None
    native = venue_of(desk.state, order.instrument).shows_part(terms, order.time_in_force)
    return None if native else terms


def as_judged(command: SubmitOrder) -> SubmitOrder:
    """What its venue pegs by itself is judged, and counted as exposure, at the worst price that it may have."""
    return msgspec.structs.replace(command, price_ticks=(command.terms or NO_TERMS).peg_limit_ticks)


def killed(desk: Desk, command: SubmitOrder) -> str:
    """Why nothing is taken in for this account, strategy or instrument; empty: it is."""
    switches = desk.state.tables.kill_switches
    for name in (
        GLOBAL,
        command.account,
        strategy_key(command.strategy),
        port_key(OWN_PORT),
        instrument_key(command.instrument),
    ):
        if (switch := switches.get(name)) is not None and switch.engaged:
            return f"the kill switch is engaged by {switch.actor}: {switch.reason}"
    return ""
