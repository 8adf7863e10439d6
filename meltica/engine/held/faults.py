"""What contradicts itself in an order that says more than the ordinary: field by field, with words."""

from __future__ import annotations

from typing import Final

import msgspec

from meltica.domain.capabilities import Capabilities
from meltica.domain.commands import SubmitOrder
from meltica.domain.instrument import Instrument
from meltica.domain.money import INT64_MAX
from meltica.domain.order import OrderType, TimeInForce
from meltica.domain.terms import NO_TERMS, OffsetUnit, Terms, TriggerSource
from meltica.engine.held.prices import BPS, TRAILING, TRIGGERED

Fault = tuple[str, str, str]
"""(reason, field, text)."""

PPM: Final = 1_000_000
OWN_PRICE: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED})
"""Their limit is named in the request; the other priced ones follow the market."""
CROSSES: Final = frozenset({TimeInForce.AT_THE_OPEN, TimeInForce.AT_THE_CLOSE})
IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})


_LIMIT, _FOK, _OPEN = int(OrderType.LIMIT), int(TimeInForce.FOK), int(TimeInForce.AT_THE_OPEN)


def is_special(command: SubmitOrder) -> bool:
    """Does it say anything beyond the ordinary? Asked for each order: integers, and no more than that."""
    tif = command.time_in_force
    return command.terms is not None or command.order_type > _LIMIT or tif > _FOK or tif == _OPEN


def fault(command: SubmitOrder, instrument: Instrument, venue: Capabilities, now_ns: int) -> Fault | None:
    """The first contradiction; None: there is none among the terms (``ordinary`` has the rest)."""
    terms = command.terms or NO_TERMS
    return (
        _ranges(terms, instrument)
        or _price(command)
        or _trigger(command, terms, instrument, venue)
        or _trail(command, terms)
        or _peg(command, terms)
        or _time(command, terms, venue, now_ns)
        or _display(command, terms)
        or _minimum(command, terms, venue)
    )


def ordinary(command: SubmitOrder, instrument: Instrument) -> SubmitOrder:
    """The same as a MARKET or LIMIT order, to be judged by the rules that hold for those."""
    limit, tif = command.order_type.sent_as is OrderType.LIMIT, command.time_in_force
    if tif in CROSSES:
        tif = TimeInForce.IOC
    elif tif in (TimeInForce.GTC, TimeInForce.GTD):
        tif = TimeInForce.GTC if limit else TimeInForce.DAY
    return msgspec.structs.replace(
        command,
        order_type=OrderType.LIMIT if limit else OrderType.MARKET,
        time_in_force=tif,
        price_ticks=instrument.max_price_ticks if limit and command.price_ticks is None else command.price_ticks,
    )


def _ranges(terms: Terms, instrument: Instrument) -> Fault | None:
    most = instrument.max_price_ticks
    for name, ticks in (
        ("trigger_price", terms.trigger_ticks),
        ("activation_price", terms.activation_ticks),
        ("peg_limit_price", terms.peg_limit_ticks),
    ):
        if ticks is not None and not 0 < ticks <= most:
            text = f"must be positive, and not above the instrument's largest price {instrument.price_text(most)}"
            return "PRICE_OUT_OF_RANGE", f"terms.{name}", text
    if not 0 <= terms.limit_offset_ticks <= most:
        return "OFFSET_OUT_OF_RANGE", "terms.limit_offset", "must not be negative, nor more than any price"
    if not -most <= terms.peg_offset_ticks <= most:
        return "OFFSET_OUT_OF_RANGE", "terms.peg_offset", "is more than any price of the instrument"
    return None


def _price(command: SubmitOrder) -> Fault | None:
    kind = command.order_type
    if kind in OWN_PRICE and command.price_ticks is None:
        return "PRICE_REQUIRED", "price", f"a {kind.name} order needs a price"
    if kind in OWN_PRICE or command.price_ticks is None:
        return None
    if kind is OrderType.PEGGED:
        text = "a PEGGED order's price follows the market; terms.peg_limit_price is how far it may go"
    elif kind is OrderType.TRAILING_STOP_LIMIT:
        text = "its limit follows its trigger; terms.limit_offset is how far behind"
    else:
        text = f"a {kind.name} order goes out at the market's price; leave the price out"
    return "PRICE_NOT_ALLOWED", "price", text


def _trigger(command: SubmitOrder, terms: Terms, instrument: Instrument, venue: Capabilities) -> Fault | None:
    kind = command.order_type
    triggered = kind in TRIGGERED
    if triggered and kind not in TRAILING and terms.trigger_ticks is None:
        return "TRIGGER_REQUIRED", "terms.trigger_price", f"a {kind.name} order needs the price that it waits for"
    if terms.trigger_ticks is not None and (not triggered or kind in TRAILING):
        why = (
            "the trigger of a trailing stop follows the market" if triggered else f"a {kind.name} order has no trigger"
        )
        return "TRIGGER_NOT_ALLOWED", "terms.trigger_price", why
    if not triggered and terms.trigger_source is not TriggerSource.BID_ASK:
        return "TRIGGER_NOT_ALLOWED", "terms.trigger_source", f"a {kind.name} order has no trigger"
    if terms.trigger_source is TriggerSource.MARK and not venue.has_mark(instrument.instrument):
        of = f" of {instrument.instrument}" if venue.mark_price else ""
        text = f"{venue.venue} publishes no mark price{of}; use BID_ASK, LAST or MID"
        return "NO_MARK_PRICE", "terms.trigger_source", text
    if terms.activation_ticks is not None and kind not in TRAILING:
        return "TRIGGER_NOT_ALLOWED", "terms.activation_price", "only a trailing stop is activated"
    return None


def _trail(command: SubmitOrder, terms: Terms) -> Fault | None:
    kind, field = command.order_type, "terms.trailing_offset"
    if kind not in TRAILING:
        if terms.trail_offset or terms.trail_unit is not OffsetUnit.TICKS:
            return "TRAIL_NOT_ALLOWED", field, f"a {kind.name} order does not trail"
    elif terms.trail_offset == 0:
        return "TRAIL_REQUIRED", field, f"a {kind.name} order needs an offset, in price or in basis points"
    elif not 0 < terms.trail_offset <= (BPS - 1 if terms.trail_unit is OffsetUnit.BASIS_POINTS else INT64_MAX // 4):
        return "OFFSET_OUT_OF_RANGE", field, "must be positive, and less than the price itself (10000 basis points)"
    if terms.limit_offset_ticks and kind is not OrderType.TRAILING_STOP_LIMIT:
        return "TRAIL_NOT_ALLOWED", "terms.limit_offset", "only a TRAILING_STOP_LIMIT has a limit that trails"
    return None


def _peg(command: SubmitOrder, terms: Terms) -> Fault | None:
    if command.order_type is not OrderType.PEGGED:
        for name, given in (
            ("peg", terms.peg is not None),
            ("peg_offset", terms.peg_offset_ticks != 0),
            ("peg_limit_price", terms.peg_limit_ticks is not None),
        ):
            if given:
                return "PEG_NOT_ALLOWED", f"terms.{name}", f"a {command.order_type.name} order follows nothing"
        return None
    if terms.peg is None:
        return "PEG_REQUIRED", "terms.peg", "a PEGGED order needs what it follows: PRIMARY, MARKET or MID"
    if command.time_in_force in IMMEDIATE or command.time_in_force in CROSSES:
        return "PEG_NOT_RESTING", "time_in_force", "a PEGGED order rests and follows: DAY, GTC or GTD"
    return None


def _time(command: SubmitOrder, terms: Terms, venue: Capabilities, now_ns: int) -> Fault | None:
    kind, tif = command.order_type, command.time_in_force
    if kind is OrderType.MARKET and tif in (TimeInForce.GTC, TimeInForce.GTD):
        return "MARKET_ORDER_CANNOT_REST", "time_in_force", "a MARKET order is DAY, IOC, FOK, or at the open or close"
    if tif is TimeInForce.GTD and terms.expire_ns == 0:
        return "EXPIRE_TIME_REQUIRED", "terms.expire_time", "a GTD order needs the time at which it expires"
    if tif is not TimeInForce.GTD and terms.expire_ns:
        return "EXPIRE_TIME_NOT_ALLOWED", "terms.expire_time", f"a {tif.name} order does not expire at a time: use GTD"
    if not 0 <= terms.expire_ns <= INT64_MAX:
        return "EXPIRE_TIME_OUT_OF_RANGE", "terms.expire_time", "is no time that there will be"
    if terms.expire_ns and terms.expire_ns <= now_ns:
        return "EXPIRE_TIME_PAST", "terms.expire_time", "has passed already"
    if tif not in CROSSES:
        return None
    if kind not in (OrderType.MARKET, OrderType.LIMIT):
        return "CROSS_WITH_TRIGGER", "time_in_force", f"a {kind.name} order waits for a price, not for open or close"
    if tif is TimeInForce.AT_THE_CLOSE and tif not in venue.times_in_force and venue.close_ns is None:
        text = f"nobody knows when {venue.venue} closes: settings name the time (paper.closes for the paper venue)"
        return "CLOSE_TIME_UNKNOWN", "time_in_force", text
    return None


def _display(command: SubmitOrder, terms: Terms) -> Fault | None:
    field = "terms.display_quantity"
    if terms.display_lots == 0:
        if terms.display_spread_ppm:
            return "DISPLAY_NOT_ALLOWED", "terms.display_spread", "there is no displayed quantity that it could vary"
        return None
    if not 0 < terms.display_lots <= command.quantity_lots:
        return "DISPLAY_OUT_OF_RANGE", field, "must be positive, and not more than the quantity"
    if not 0 <= terms.display_spread_ppm < PPM:
        return "DISPLAY_OUT_OF_RANGE", "terms.display_spread", "must be 0 or more, and less than 1"
    if command.order_type is not OrderType.LIMIT or command.time_in_force in IMMEDIATE | CROSSES:
        return "DISPLAY_NOT_ALLOWED", field, "only a LIMIT order that rests (DAY, GTC, GTD) can hide part of itself"
    return None


def _minimum(command: SubmitOrder, terms: Terms, venue: Capabilities) -> Fault | None:
    field, tif = "terms.min_quantity", command.time_in_force
    if terms.min_lots == 0:
        return None
    if not 0 < terms.min_lots <= command.quantity_lots:
        return "MIN_QUANTITY_OUT_OF_RANGE", field, "must be positive, and not more than the quantity"
    if command.order_type not in (OrderType.MARKET, OrderType.LIMIT) or tif not in venue.min_quantity:
        able = ", ".join(each.name for each in venue.min_quantity)
        with_these = f"takes one only with MARKET and LIMIT orders that are {able}" if able else "has no such thing"
        return "MIN_QUANTITY_NOT_SUPPORTED", field, f"a minimum quantity: {venue.venue} {with_these}; leave it out"
    if terms.display_lots:
        return "DISPLAY_NOT_ALLOWED", "terms.display_quantity", "an order that hides part of itself has no minimum"
    return None
