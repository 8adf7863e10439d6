"""The market's day: what waits for its open or its close, and what ends with it."""

from __future__ import annotations

from typing import Final

from meltica.domain.capabilities import Capabilities
from meltica.domain.commands import DescribeVenue
from meltica.domain.events import VenueDescribed
from meltica.domain.limits import DAY_NS
from meltica.domain.order import Order, TimeInForce
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held
from meltica.engine.desk import Desk
from meltica.engine.held import held

BEFORE_CLOSE_NS: Final = 2_000_000_000
"""How long before the close an order for it goes out: late enough to be the close, early enough to get there."""


def describe_venue(desk: Desk, command: DescribeVenue) -> None:
    found = command.capabilities
    if found.close_ns is not None and not 0 <= found.close_ns < DAY_NS:
        text = "the close is a time of day: 0 to 86400 seconds after midnight UTC"
        desk.refuse(command.actor, "LIMIT_OUT_OF_RANGE", "close", text)
    elif desk.state.tables.venues.get(found.venue) != found:
        desk.emit(VenueDescribed(capabilities=found, actor=command.actor, time_ns=desk.now_ns))


def next_close_ns(venue: Capabilities, now_ns: int) -> int:
    """When an order for the next close goes out."""
    at = now_ns - now_ns % DAY_NS + (venue.close_ns or 0) - BEFORE_CLOSE_NS
    return at if at > now_ns else at + DAY_NS


def closes(desk: Desk, order: Order) -> None:
    """Its close is near: it goes out with the next good price. One that is over is not followed by another."""
    closes_ns = order.due_ns + BEFORE_CLOSE_NS
    if desk.now_ns < closes_ns:
        held.amend(desk, order, held=Held.RELEASE, due_ns=closes_ns, reason="the market is about to close")
    else:
        held.end(desk, order, ExecType.EXPIRED, "the market has closed meanwhile")


def opened(desk: Desk, instrument: str) -> None:
    """Trading resumed: what was meant for the open goes out with the first good price of it."""
    for order in list(desk.state.held.values()):
        waits = order.held is Held.SESSION and order.time_in_force is TimeInForce.AT_THE_OPEN
        if waits and order.instrument == instrument:
            held.amend(desk, order, held=Held.RELEASE, reason="the market opened")


def end_day(desk: Desk) -> None:
    """Held DAY orders expire as those at the venue do. What waits for an open or a close waits on."""
    for order in list(desk.state.held.values()):
        if order.time_in_force is TimeInForce.DAY and order.held is not None and _ends_here(desk, order):
            held.end(desk, order, ExecType.EXPIRED, "end of the trading day")


def _ends_here(desk: Desk, order: Order) -> bool:
    """An iceberg with a slice at its venue ends with that; one that has none there now hears of no venue's day."""
    if order.held is not Held.SLICES:
        return True
    return order.terms is not None and order.terms.display_lots > 0 and not desk.state.families.live(order.order_id)
