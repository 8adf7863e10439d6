"""Journal records as the events of orders that StreamOrderEvents shows: one table, event -> how to show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from meltica.control import algo_events, groups, outcome_views, resources, terms
from meltica.control.errors import fired_checks
from meltica.domain import lifecycle
from meltica.domain.events import Event
from meltica.domain.groups import GroupExtended, GroupImbalanced, GroupOpened
from meltica.domain.instrument import Instrument
from meltica.domain.money import nanos_text
from meltica.domain.order import Order, Pending, PendingKind
from meltica.domain.order_events import (
    AmendDenied,
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
from meltica.domain.ports import State
from meltica.domain.reports import ExecType
from meltica.v1 import order_pb2, order_service_pb2

OrderEvent = order_service_pb2.OrderEvent

EXEC_TYPES: Final = {kind: order_service_pb2.ExecType.Value(f"EXEC_TYPE_{kind.name}") for kind in ExecType}


class Wanted(msgspec.Struct, frozen=True):
    """Which orders a reader asked for; empty matches all."""

    account: str = ""
    instrument: str = ""
    strategy: str = ""
    order_id: int = 0
    """And its slices, if it has some."""

    def matches(self, order: Order) -> bool:
        return (
            self.order_id in (0, order.order_id, order.parent_id)
            and self.account in ("", order.account)
            and self.instrument in ("", order.instrument)
            and self.strategy in ("", order.strategy)
        )


def shown(event: Event, sequence: int, state: State, wanted: Wanted) -> OrderEvent | None:
    """The event as the API shows it; None when it is not about an order, or not about one that is wanted."""
    if (row := _SHOWN.get(type(event))) is None:
        return None
    name, show = row
    found = _begun(event)
    if found is None and (found := state.order(_order_id(event))) is None:
        return None
    if not wanted.matches(found) or (instrument := state.instrument(found.instrument)) is None:
        return None
    result = OrderEvent(
        sequence=sequence,
        time=resources.timestamp(event.time_ns),
        order_id=str(found.order_id),
        account=found.account,
        strategy=found.strategy,
        instrument=found.instrument,
        parent_order_id=str(found.parent_id) if found.parent_id else "",
    )
    getattr(result, name).CopyFrom(show(event, instrument))
    return result


def _order_id(event: Any) -> int:
    """The order that it is told of; of a whole group that is its first."""
    found: int = event.group_id if isinstance(event, GroupOpened | GroupImbalanced) else event.order_id
    return found


def requested(event: CancelRequested | ReplaceRequested, instrument: Instrument) -> order_pb2.PendingRequest:
    """What was sent to the venue about a working order."""
    replace = event if isinstance(event, ReplaceRequested) else None
    pending = Pending(
        kind=PendingKind.CANCEL if replace is None else PendingKind.REPLACE,
        client_order_id=event.client_order_id,
        original_client_order_id=event.original_client_order_id,
        quantity_lots=0 if replace is None else replace.quantity_lots,
        price_ticks=None if replace is None else replace.price_ticks,
    )
    return resources.pending_request(pending, instrument)


def _submitted(event: OrderSubmitted, instrument: Instrument) -> OrderEvent.Submitted:
    return OrderEvent.Submitted(
        order=resources.order(lifecycle.opened(event), instrument),
        asked_quantity=_asked_text(event.asked_lots, instrument),
    )


def _asked_text(lots: int, instrument: Instrument) -> str:
    return instrument.quantity_text(lots) if lots else ""


def _begun(event: Event) -> Order | None:
    """The order that begins with this event, as it was then."""
    match event:
        case OrderSubmitted() | OrderHeld() | OrderDenied():
            return lifecycle.opened(event)
        case OrderAdopted():
            return lifecycle.adopted(event)
    return None


def _held(event: OrderHeld, instrument: Instrument) -> OrderEvent.Held:
    return OrderEvent.Held(order=resources.order(lifecycle.opened(event), instrument))


def _held_amended(event: HeldAmended, instrument: Instrument) -> OrderEvent.HeldAmended:
    return OrderEvent.HeldAmended(
        quantity=instrument.quantity_text(event.quantity_lots),
        price=resources.price_text(instrument, event.price_ticks),
        terms=terms.shown(event.terms, instrument),
        held=terms.held(event.held),
        actor=event.actor,
        reason=event.reason,
    )


def _released(event: OrderReleased, instrument: Instrument) -> OrderEvent.Released:
    return OrderEvent.Released(
        type=resources.ORDER_TYPES[event.order_type],
        time_in_force=resources.TIMES_IN_FORCE[event.time_in_force],
        quantity=instrument.quantity_text(event.quantity_lots),
        price=resources.price_text(instrument, event.price_ticks),
        reason=event.reason,
        asked_quantity=_asked_text(event.asked_lots, instrument),
    )


def _adopted(event: OrderAdopted, instrument: Instrument) -> OrderEvent.Adopted:
    return OrderEvent.Adopted(order=resources.order(lifecycle.adopted(event), instrument))


def _denied(event: OrderDenied, instrument: Instrument) -> OrderEvent.Denied:
    order = resources.order(lifecycle.opened(event), instrument)
    return OrderEvent.Denied(order=order, fired_checks=fired_checks(event.fired_mask), text=event.text)


def _requested(event: CancelRequested | ReplaceRequested, instrument: Instrument) -> OrderEvent.Requested:
    return OrderEvent.Requested(
        pending_request=requested(event, instrument),
        actor=event.actor,
        reason=event.reason,
        asked_quantity=_asked_text(event.asked_lots, instrument) if isinstance(event, ReplaceRequested) else "",
    )


def _amend_denied(event: AmendDenied, _instrument: Instrument) -> OrderEvent.AmendDenied:
    checks = fired_checks(event.fired_mask)
    return OrderEvent.AmendDenied(reason=event.reason, fired_checks=checks, text=event.text, actor=event.actor)


def _reported(event: OrderReported, instrument: Instrument) -> OrderEvent.Reported:
    return OrderEvent.Reported(
        exec_type=EXEC_TYPES[event.exec_type],
        client_order_id=event.client_order_id,
        venue_order_id=event.venue_order_id,
        quantity="" if event.quantity_lots is None else instrument.quantity_text(event.quantity_lots),
        price=resources.price_text(instrument, event.price_ticks),
        text=event.text,
    )


def _filled(event: OrderFilled, instrument: Instrument) -> OrderEvent.Filled:
    liquidity = order_service_pb2.LIQUIDITY_UNSPECIFIED
    if event.maker is not None:
        liquidity = order_service_pb2.LIQUIDITY_MAKER if event.maker else order_service_pb2.LIQUIDITY_TAKER
    return OrderEvent.Filled(
        execution_id=event.execution_id,
        side=resources.SIDES[event.side],
        quantity=instrument.quantity_text(event.quantity_lots),
        price=instrument.price_text(event.price_ticks),
        fee=nanos_text(event.fee_nanos),
        liquidity=liquidity,
        cumulative_quantity=instrument.quantity_text(event.cumulative_lots),
        leaves_quantity=instrument.quantity_text(event.leaves_lots),
        overfilled_quantity=_asked_text(event.overfill_lots, instrument),
    )


def _corrected(event: TradeCorrected, instrument: Instrument) -> OrderEvent.TradeCorrected:
    return OrderEvent.TradeCorrected(
        reference_execution_id=event.reference_execution_id,
        execution_id=event.execution_id,
        quantity=instrument.quantity_text(event.quantity_lots),
        price=instrument.price_text(event.price_ticks),
        fee=nanos_text(event.fee_nanos),
        cumulative_quantity=instrument.quantity_text(event.cumulative_lots),
        leaves_quantity=instrument.quantity_text(event.leaves_lots),
    )


def _rejected(event: RequestRejected, _instrument: Instrument) -> OrderEvent.RequestRejected:
    return OrderEvent.RequestRejected(client_order_id=event.client_order_id, text=event.text)


_SHOWN: Final[dict[type, tuple[str, Callable[[Any, Instrument], Any]]]] = {
    OrderSubmitted: ("submitted", _submitted),
    OrderHeld: ("held", _held),
    HeldAmended: ("held_amended", _held_amended),
    OrderReleased: ("released", _released),
    OrderDenied: ("denied", _denied),
    OrderAdopted: ("adopted", _adopted),
    CancelRequested: ("cancel_requested", _requested),
    ReplaceRequested: ("replace_requested", _requested),
    AmendDenied: ("amend_denied", _amend_denied),
    OrderReported: ("reported", _reported),
    OrderFilled: ("filled", _filled),
    TradeCorrected: ("trade_corrected", _corrected),
    RequestRejected: ("request_rejected", _rejected),
    GroupOpened: ("group_opened", groups.opened),
    GroupExtended: ("group_extended", groups.extended),
    GroupImbalanced: ("group_imbalanced", groups.imbalanced),
    **outcome_views.SHOWN,
    **algo_events.SHOWN,
}
"""Event of the domain -> (its name in the API's oneof, how to show it). What is missing is not about one order."""
