"""What an order of ours says beyond the ordinary, in OUCH 5.0's words; and what of that Nasdaq does by itself.

OUCH has no stops and nothing that outlives its day: those are held by the engine, and go out for the day. A peg is left
to the venue only with a limit and without an offset, a reserve only with whole round lots on display.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from meltica.domain.capabilities import Capabilities
from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.order import Order, OrderType, TimeInForce
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.terms import NO_TERMS, Peg
from meltica.venues.nasdaq.ouch50 import Tag
from meltica.venues.nasdaq.ouch_codec import TagValue
from meltica.venues.nasdaq.ouch_orders import OuchOrder, whole_shares

ROUND_LOT: Final = 100
NEW_YORK: Final = ZoneInfo("America/New_York")
NANOS: Final = 1_000_000_000
TIFS: Final = {
    TimeInForce.DAY: "0",
    TimeInForce.IOC: "3",
    TimeInForce.FOK: "3",
    TimeInForce.GTD: "6",
    TimeInForce.AT_THE_OPEN: "3",
    TimeInForce.AT_THE_CLOSE: "3",
}
"""GTD is OUCH's "good till time" of the same day. What is in a cross alone is IOC there (with DAY it would stay)."""
CROSSES: Final = {TimeInForce.AT_THE_OPEN: "O", TimeInForce.AT_THE_CLOSE: "C"}
KINDS: Final = frozenset({OrderType.MARKET, OrderType.LIMIT, OrderType.PEGGED})
PEGS: Final = {Peg.PRIMARY: "R", Peg.MARKET: "P", Peg.MID: "M"}
REPEATED: Final = frozenset({Tag.MAX_FLOOR, Tag.PRICE_TYPE, Tag.EXPIRE_TIME})
"""Tags that a Replace says again, so that the order stays what it is."""


def capabilities(venue: str, close_ns: int | None = None) -> Capabilities:
    return Capabilities(
        venue=venue,
        times_in_force=(TimeInForce.GTD, TimeInForce.AT_THE_OPEN, TimeInForce.AT_THE_CLOSE),
        min_quantity=(TimeInForce.IOC,),
        display=True,
        display_step_lots=ROUND_LOT,
        pegs=tuple(PEGS),
        day_only=True,
        close_ns=close_ns,
    )


def tags_of(command: OrderSubmitted, instrument: Instrument, now_ns: int) -> list[TagValue]:
    """:raises FieldError: OUCH has no such order."""
    if command.order_type not in KINDS:
        raise FieldError("order_type", command.order_type.name, "OUCH has MARKET, LIMIT and PEGGED orders")
    terms, tif = command.terms or NO_TERMS, command.time_in_force
    shares = whole_shares(instrument, command.quantity_lots)
    found = [TagValue(Tag.POST_ONLY, "P")] if command.post_only else []
    if tif is TimeInForce.FOK:
        found.append(TagValue(Tag.MIN_QTY, _round("quantity", shares, "fill or kill is a minimum quantity")))
    elif terms.min_lots:
        least = whole_shares(instrument, terms.min_lots)
        found.append(TagValue(Tag.MIN_QTY, _round("min_quantity", least, "a minimum quantity")))
    if terms.display_lots:
        if terms.display_spread_ppm:
            raise FieldError("display_spread", terms.display_spread_ppm, "what shows does not vary here")
        shown = whole_shares(instrument, terms.display_lots)
        found.append(TagValue(Tag.MAX_FLOOR, _round("display_quantity", shown, "what shows")))
    if command.order_type is OrderType.PEGGED:
        if terms.peg is None or terms.peg_offset_ticks:
            raise FieldError("peg_offset", terms.peg_offset_ticks, "a peg without an offset")
        found.append(TagValue(Tag.PRICE_TYPE, PEGS[terms.peg]))
    if tif is TimeInForce.GTD:
        found.append(TagValue(Tag.EXPIRE_TIME, expire_second(terms.expire_ns, now_ns)))
    return found


def hides(order: OrderSubmitted | Order) -> bool:
    """An order at the midpoint is not displayed: its price may lie between two that are."""
    return order.order_type is OrderType.PEGGED and (order.terms or NO_TERMS).peg is Peg.MID


def recall(order: OuchOrder, known: Order) -> OuchOrder:
    """How it was entered before a restart, where that differs from the usual: a Replace must say it again."""
    terms = known.terms or NO_TERMS
    if known.held is not None or known.released:
        return order
    found = []
    if terms.display_lots:
        found.append(TagValue(Tag.MAX_FLOOR, whole_shares(order.instrument, terms.display_lots)))
    if known.order_type is OrderType.PEGGED and terms.peg is not None:
        found.append(TagValue(Tag.PRICE_TYPE, PEGS[terms.peg]))
    if known.time_in_force is TimeInForce.GTD:
        found.append(TagValue(Tag.EXPIRE_TIME, expire_second(terms.expire_ns, terms.expire_ns)))
    order.repeated, order.display = tuple(found), "N" if hides(known) else ""
    return order


def expire_second(expire_ns: int, now_ns: int) -> int:
    """Seconds since midnight in New York, of today there; rounded down, so never later than was asked for.

    :raises FieldError: it is another day.
    """
    now, then = (datetime.fromtimestamp(ns // NANOS, UTC).astimezone(NEW_YORK) for ns in (now_ns, expire_ns))
    if now.date() != then.date():
        raise FieldError("expire_time", then.isoformat(), "OUCH orders end with their day: a time of today")
    return then.hour * 3600 + then.minute * 60 + then.second


def _round(field: str, shares: int, what: str) -> int:
    if shares % ROUND_LOT:
        raise FieldError(field, shares, f"{what}, in lots of {ROUND_LOT}")
    return shares
