"""What a venue can do with an order by itself. What it can't, the engine does for it, or refuses."""

from __future__ import annotations

import msgspec

from meltica.domain.order import OrderType, TimeInForce
from meltica.domain.terms import Peg, Terms, TriggerSource


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
    display: bool = False
    """Does it keep the part of a resting LIMIT order that does not show?"""
    display_step_lots: int = 1
    """What shows must be a multiple of this."""
    random_display: bool = False
    """Does it also vary what shows?"""
    pegs: tuple[Peg, ...] = ()
    """What it lets an order follow by itself: one with ``peg_limit_price`` and without an offset."""
    day_only: bool = False
    """Does every order end with its day at the latest? Then what is held here goes out as DAY instead of GTC."""
    mark_price: bool = False
    """Does it publish a mark price?"""
    mark_instruments: tuple[str, ...] = ()
    """For which instruments; empty: for all, if it publishes any."""
    close_ns: int | None = None
    """When its trading day closes, in nanoseconds after midnight UTC; None: it has no close that is known here."""

    def shows_part(self, terms: Terms, tif: TimeInForce) -> bool:
        """Can it do by itself what the terms say of what shows?"""
        if self._may_outlive(tif):
            return False
        varies = terms.display_spread_ppm > 0
        return self.display and terms.display_lots % self.display_step_lots == 0 and (self.random_display or not varies)

    def pegs_itself(self, terms: Terms, tif: TimeInForce) -> bool:
        """Only with a limit: what it follows is known there alone, and the gate judges by the worst that may come."""
        if self._may_outlive(tif):
            return False
        return terms.peg in self.pegs and terms.peg_offset_ticks == 0 and terms.peg_limit_ticks is not None

    def _may_outlive(self, tif: TimeInForce) -> bool:
        """Is it meant for longer than any order works there?"""
        return self.day_only and tif in (TimeInForce.GTC, TimeInForce.GTD)

    def has_mark(self, instrument: str) -> bool:
        return self.mark_price and (not self.mark_instruments or instrument in self.mark_instruments)


def nothing(venue: str) -> Capabilities:
    """Of a venue that nobody described: MARKET and LIMIT only."""
    return Capabilities(venue=venue)
