"""Groups of orders as the API shows them."""

from __future__ import annotations

from typing import Final

from meltica.control import resources
from meltica.domain.groups import Group, GroupExtended, GroupImbalanced, GroupOpened, Link, Member, Sizing
from meltica.domain.instrument import Instrument
from meltica.domain.ports import State
from meltica.v1 import order_pb2, order_service_pb2

LINKS: Final = {link: order_pb2.Link.Value(f"LINK_{link.name}") for link in Link}
SIZINGS: Final = {sizing: order_pb2.GroupSizing.Value(f"GROUP_SIZING_{sizing.name}") for sizing in Sizing}

OrderEvent = order_service_pb2.OrderEvent


def shown(group: Group, instrument: Instrument, *, is_open: bool) -> order_pb2.OrderGroup:
    """``instrument``: that of its first leg, in whose lots its figures are."""
    return order_pb2.OrderGroup(
        group_id=str(group.group_id),
        link=LINKS[group.link],
        among=order_pb2.LINK_UNSPECIFIED if group.among is None else LINKS[group.among],
        sizing=SIZINGS[group.sizing],
        parent_order_id=str(group.parent_id) if group.parent_id else "",
        order_ids=[str(order_id) for order_id in group.members],
        winner_order_id=str(group.winner_id) if group.winner_id else "",
        open=is_open,
        overfilled_quantity=instrument.quantity_text(group.overfilled_lots),
        uncovered_quantity=instrument.quantity_text(group.uncovered_lots),
        actor=group.actor,
        create_time=resources.timestamp(group.created_ns),
        update_time=resources.timestamp(group.updated_ns),
    )


def as_opened(event: GroupOpened) -> Group:
    return Group(
        group_id=event.group_id,
        link=event.link,
        among=event.among,
        members={order_id: Member(lots=lots) for order_id, lots in event.members},
        parent_id=event.parent_id,
        sizing=event.sizing,
        actor=event.actor,
        created_ns=event.time_ns,
        updated_ns=event.time_ns,
    )


def instrument_of(state: State, group: Group) -> Instrument:
    """Of its first leg."""
    leg = state.order(group.legs[0])
    instrument = None if leg is None else state.instrument(leg.instrument)
    if instrument is None:
        raise LookupError(group.group_id)  # Never: neither orders nor instruments are forgotten.
    return instrument


def opened(event: GroupOpened, instrument: Instrument) -> OrderEvent.GroupOpened:
    return OrderEvent.GroupOpened(group=shown(as_opened(event), instrument, is_open=True))


def extended(event: GroupExtended, _instrument: Instrument) -> OrderEvent.GroupExtended:
    return OrderEvent.GroupExtended(group_id=str(event.group_id), after_order_id=str(event.after))


def imbalanced(event: GroupImbalanced, instrument: Instrument) -> OrderEvent.GroupImbalanced:
    return OrderEvent.GroupImbalanced(
        group_id=str(event.group_id),
        overfilled_quantity=instrument.quantity_text(event.overfilled_lots),
        uncovered_quantity=instrument.quantity_text(event.uncovered_lots),
        text=event.text,
    )
