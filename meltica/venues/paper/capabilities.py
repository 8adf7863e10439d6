"""What the paper venue does by itself; the rest is the engine's."""

from __future__ import annotations

from typing import Final

from meltica.domain.capabilities import Capabilities
from meltica.domain.order import OrderType, TimeInForce
from meltica.domain.terms import TriggerSource

STOPS: Final = (OrderType.STOP, OrderType.STOP_LIMIT)


def capabilities(
    venue: str,
    close_ns: int | None = None,
    *,
    stops: bool = False,
    display: bool = False,
    mark_prices: tuple[str, ...] = (),
) -> Capabilities:
    """``close_ns``: when the market that it trades closes, in nanoseconds after midnight UTC, where it does.
    ``stops``: it keeps stops itself, which the engine then does not hold. ``display``: and the part of an order that
    does not show, which then goes out in no slices. ``mark_prices``: of which instruments."""
    return Capabilities(
        venue=venue,
        order_types=STOPS if stops else (),
        trigger_sources=(TriggerSource.BID_ASK, TriggerSource.LAST) if stops else (),
        min_quantity=(TimeInForce.IOC,),
        display=display,
        mark_price=bool(mark_prices),
        mark_instruments=mark_prices,
        close_ns=close_ns,
    )
