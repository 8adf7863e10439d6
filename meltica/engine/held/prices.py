"""Which price an order waits for, and at which level. Pure arithmetic on ticks; what follows from it is elsewhere.

All levels here are in half ticks: the mid may lie between two.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from meltica.domain.market import Quote
from meltica.domain.order import Order, OrderType, Side
from meltica.domain.terms import NO_TERMS, OffsetUnit, Peg, Terms, TriggerSource

STOPS: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT})
TOUCHED: Final = frozenset({OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED})
TRAILING: Final = frozenset({OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT})
TRIGGERED: Final = STOPS | TOUCHED
BPS: Final = 10_000
ANYTHING: Final = -(2**70)
"""Below every price there is: the first good one will do."""


class Line(enum.IntEnum):
    """The prices of a quote that orders look at."""

    BID = 0
    ASK = 1
    LAST = 2
    MID = 3
    MARK = 4


class Want(NamedTuple):
    """The order wants to hear when the line is at ``half_ticks`` or beyond."""

    line: Line
    rising: bool
    half_ticks: int


def has_book(quote: Quote) -> bool:
    """Are both sides known, and apart? Otherwise neither bid, ask nor mid is a price."""
    return quote.bid is not None and quote.ask is not None and quote.bid[0] < quote.ask[0]


def on(line: Line, quote: Quote, *, book: bool) -> int | None:
    """Where the line is, in half ticks; ``book``: may bid and ask be believed?"""
    if line is Line.LAST:
        return None if quote.last_ticks is None else 2 * quote.last_ticks
    if line is Line.MARK:
        return quote.mark_half_ticks
    if not book or quote.bid is None or quote.ask is None:
        return None
    if line is Line.MID:
        return quote.bid[0] + quote.ask[0]
    return 2 * (quote.bid if line is Line.BID else quote.ask)[0]


_SOURCES: Final = {TriggerSource.LAST: Line.LAST, TriggerSource.MID: Line.MID, TriggerSource.MARK: Line.MARK}


def trigger_line(order: Order) -> Line:
    source = (order.terms or NO_TERMS).trigger_source
    if source is TriggerSource.BID_ASK:
        return Line.ASK if order.side is Side.BUY else Line.BID
    return _SOURCES[source]


def fires(order: Order) -> Want | None:
    """When it fires; None: it does not know yet, or does not wait for a price."""
    trigger = (order.terms or NO_TERMS).trigger_ticks
    if trigger is None or order.order_type not in TRIGGERED:
        return None
    rising = (order.side is Side.BUY) == (order.order_type in STOPS)
    return Want(trigger_line(order), rising, 2 * trigger)


def reaches(want: Want, half_ticks: int | None) -> bool:
    if half_ticks is None:
        return False
    return half_ticks >= want.half_ticks if want.rising else half_ticks <= want.half_ticks


# Trailing stops


def trails(order: Order) -> Want | None:
    """When a trailing stop moves: as soon as its trigger would be a tick better. None: it does not trail."""
    if order.order_type not in TRAILING or (terms := order.terms) is None:
        return None
    line, rising = trigger_line(order), order.side is Side.SELL
    if (trigger := terms.trigger_ticks) is not None:
        return Want(line, rising, 2 * _improves_at(order.side, terms, trigger))
    if terms.activation_ticks is not None:
        return Want(line, rising, 2 * terms.activation_ticks)
    return Want(line, rising, ANYTHING if rising else -ANYTHING)


def _improves_at(side: Side, terms: Terms, trigger: int) -> int:
    """The first price whose trigger is better than this one."""
    offset = terms.trail_offset
    if terms.trail_unit is OffsetUnit.TICKS:
        return trigger + side.opposite.sign * (1 + offset)
    if side is Side.SELL:
        return -(-(trigger + 1) * BPS // (BPS - offset))
    return (trigger - 1) * BPS // (BPS + offset)


def trailed(side: Side, terms: Terms, half_ticks: int) -> int:
    """The trigger that follows from this price. Roundings are away from the market: never closer than was asked for."""
    offset = terms.trail_offset
    if side is Side.SELL:
        price = half_ticks // 2
        return price - offset if terms.trail_unit is OffsetUnit.TICKS else price * (BPS - offset) // BPS
    price = -(-half_ticks // 2)
    return price + offset if terms.trail_unit is OffsetUnit.TICKS else -(-price * (BPS + offset) // BPS)


def released_at(order: Order) -> int | None:
    """The limit with which it goes out; None: as a market order."""
    if order.order_type.sent_as is OrderType.MARKET:
        return None
    if order.order_type is OrderType.TRAILING_STOP_LIMIT and (terms := order.terms) and terms.trigger_ticks is not None:
        return max(terms.trigger_ticks + order.side.sign * terms.limit_offset_ticks, 1)
    return order.price_ticks


# Pegs


def peg_line(order: Order) -> Line:
    peg = (order.terms or NO_TERMS).peg
    if peg is Peg.MID:
        return Line.MID
    return Line.BID if (peg is Peg.PRIMARY) == (order.side is Side.BUY) else Line.ASK


def pegged_at(order: Order, half_ticks: int) -> int:
    """Its price with the reference there; half a tick is rounded away from the market."""
    terms = order.terms or NO_TERMS
    if order.side is Side.BUY:
        price = half_ticks // 2 + terms.peg_offset_ticks
        return price if terms.peg_limit_ticks is None else min(price, terms.peg_limit_ticks)
    price = -(-half_ticks // 2) + terms.peg_offset_ticks
    return price if terms.peg_limit_ticks is None else max(price, terms.peg_limit_ticks)


def peg_moves(order: Order) -> tuple[Want, ...]:
    """When a pegged order that works at its venue has another price than it should have."""
    terms, price = order.terms, order.price_ticks
    if order.order_type is not OrderType.PEGGED or terms is None or price is None or order.pending:
        return ()
    if not order.released:
        return ()  # Its venue follows the market itself.
    line, reference, limit = peg_line(order), price - terms.peg_offset_ticks, terms.peg_limit_ticks
    up, down = 2 * (reference + 1), 2 * (reference - 1)
    if order.side is Side.BUY:
        falls = Want(line, rising=False, half_ticks=down + 1)
        return (falls,) if limit is not None and price >= limit else (Want(line, rising=True, half_ticks=up), falls)
    rises = Want(line, rising=True, half_ticks=up - 1)
    return (rises,) if limit is not None and price <= limit else (rises, Want(line, rising=False, half_ticks=down))


def is_own(order: Order, line: Line, quote: Quote, leaves_lots: int) -> bool:
    """Is the best price that it follows nobody's but its own? Then it would follow itself, up or down for ever."""
    level = quote.bid if order.side is Side.BUY else quote.ask
    own_side = Line.BID if order.side is Side.BUY else Line.ASK
    return (
        line in (own_side, Line.MID) and level is not None and level[0] == order.price_ticks and level[1] <= leaves_lots
    )
