"""What the paper venue refuses, and what it charges."""

from __future__ import annotations

from meltica.domain.instrument import Instrument
from meltica.domain.order import Order, OrderType, Side
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.terms import NO_TERMS, Terms
from meltica.venues.paper.capabilities import STOPS
from meltica.venues.paper.matching import Matcher
from meltica.venues.paper.order import PaperOrder, Trigger

PPM = 1_000_000
_MARKET = OrderType.MARKET

HALTED = "trading is halted"
BOOK_INVALID = "the market's book is not valid: a market order has no price now"
POST_ONLY_BLIND = "post-only: the market's book is not valid, nobody can tell whether it would cross"
POST_ONLY_CROSSES = "post-only: it would take liquidity"


def malformed(instrument: Instrument, quantity_lots: int, price_ticks: int | None, *, priced: bool) -> str:
    """What is wrong with quantity or price, whatever the market does; empty: nothing."""
    if quantity_lots < instrument.min_quantity_lots:
        return f"quantity {quantity_lots} lots is below the minimum of {instrument.min_quantity_lots}"
    if quantity_lots > instrument.max_quantity_lots:
        return f"quantity {quantity_lots} lots is above the maximum of {instrument.max_quantity_lots}"
    if not priced:
        return ""
    if price_ticks is None or not 0 < price_ticks <= instrument.max_price_ticks:
        return f"price {price_ticks} ticks is not within 1..{instrument.max_price_ticks}"
    if instrument.value_nanos(price_ticks, quantity_lots) < instrument.min_value_nanos:
        return f"value is below the minimum of {instrument.min_value_nanos} nanos"
    return ""


def trigger(kind: OrderType, terms: Terms | None) -> Trigger | None:
    """What the venue itself waits for; None: nothing."""
    if kind not in STOPS or terms is None or terms.trigger_ticks is None:
        return None
    return Trigger(terms.trigger_ticks, terms.trigger_source)


def untimely(matcher: Matcher, command: OrderSubmitted) -> str:
    """Why the market can't take the order at this moment; empty: it can."""
    if command.terms is not None and trigger(command.order_type, command.terms) is not None:
        return ""
    if matcher.halted:
        return HALTED
    if command.order_type is _MARKET:
        return "" if matcher.book_valid else BOOK_INVALID
    return _crosses(matcher, command.post_only, command.side, command.price_ticks)


def bad_replace(
    instrument: Instrument, matcher: Matcher, order: PaperOrder, quantity_lots: int, price_ticks: int | None
) -> str:
    """Why the order can't be changed so; empty: it can. Reducing the quantity at the same price is always allowed."""
    if price_ticks == order.price_ticks and quantity_lots <= order.quantity_lots:
        return ""
    if matcher.halted:
        return HALTED
    priced = order.order_type is OrderType.LIMIT
    why = malformed(instrument, quantity_lots, price_ticks, priced=priced)
    return why if why or order.trigger is not None else _crosses(matcher, order.post_only, order.side, price_ticks)


def fee_nanos(instrument: Instrument, price_ticks: int, quantity_lots: int, *, maker: bool) -> int:
    """The fee of one execution, rounded against us: a fee up, a rebate (negative) towards zero."""
    ppm = instrument.maker_fee_ppm if maker else instrument.taker_fee_ppm
    return -(-instrument.value_nanos(price_ticks, quantity_lots) * ppm // PPM)


def _crosses(matcher: Matcher, post_only: bool, side: Side, price_ticks: int | None) -> str:
    if not post_only or price_ticks is None:
        return ""
    if not matcher.book_valid:
        return POST_ONLY_BLIND
    return POST_ONLY_CROSSES if matcher.would_cross(side, price_ticks) else ""


def too_late(what: str, order: PaperOrder | None) -> str:
    return f"unknown order: nothing to {what}" if order is None else f"too late to {what}: it is {order.finished}"


def remembered(known: Order, venue_order_id: str, sequence: int) -> PaperOrder:
    """A working order as the gateway remembers it."""
    return PaperOrder(
        client_order_id=known.client_order_id,
        venue_order_id=venue_order_id,
        instrument=known.instrument,
        side=known.side,
        order_type=known.order_type.sent_as,
        time_in_force=known.time_in_force,
        quantity_lots=known.quantity_lots,
        price_ticks=known.price_ticks,
        post_only=known.post_only,
        sequence=sequence,
        cumulative_lots=known.cumulative_lots,
        display_lots=(known.terms or NO_TERMS).display_lots,
        trigger=None if known.released or known.cumulative_lots else trigger(known.order_type, known.terms),
    )
