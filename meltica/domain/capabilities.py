"""What a venue can do with an order by itself. What it can't, the engine does for it, or refuses."""

from __future__ import annotations

import msgspec

from meltica.domain.order import OrderType, TimeInForce
from meltica.domain.terms import TriggerSource


class Capabilities(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Beyond MARKET and LIMIT orders with DAY, GTC, IOC and FOK. Journaled: a replay decides as the day did."""

    venue: str
    order_types: tuple[OrderType, ...] = ()
    """Sent as they are; the others are held here until they fire."""
    trigger_sources: tuple[TriggerSource, ...] = ()
    """With which a native order of a trigger type may fire; others are held here."""
    times_in_force: tuple[TimeInForce, ...] = ()
    """Of GTD, AT_THE_OPEN and AT_THE_CLOSE, those that the venue itself honours."""
    min_quantity: tuple[TimeInForce, ...] = ()
    """With which times in force it honours a minimum quantity."""
    mark_price: bool = False
    """Does it publish a mark price?"""
    mark_instruments: tuple[str, ...] = ()
    """For which instruments; empty: for all, if it publishes any."""
    close_ns: int | None = None
    """When its trading day closes, in nanoseconds after midnight UTC; None: it has no close that is known here."""

    def has_mark(self, instrument: str) -> bool:
        return self.mark_price and (not self.mark_instruments or instrument in self.mark_instruments)


def nothing(venue: str) -> Capabilities:
    """Of a venue that nobody described: MARKET and LIMIT only."""
    return Capabilities(venue=venue)
