"""The market as a record tells it: the mid, and what an order would have traded with."""

from __future__ import annotations

import msgspec

from meltica.domain.inputs import Record
from meltica.domain.market import Level
from meltica.domain.order import Side


class Prices(msgspec.Struct, frozen=True, gc=False):
    """``mark_half_ticks`` is the mid, or the last trade where there is no sound two-sided book."""

    mark_half_ticks: int
    bid_ticks: int | None = None
    ask_ticks: int | None = None

    @property
    def mid_half_ticks(self) -> int | None:
        return None if self.bid_ticks is None or self.ask_ticks is None else self.bid_ticks + self.ask_ticks

    def touch_ticks(self, side: Side) -> int | None:
        """The best price of the other side."""
        return self.ask_ticks if side is Side.BUY else self.bid_ticks


def prices_in(record: Record, instrument: str, since_ns: int = -1) -> Prices | None:
    """What was seen of the instrument with this record; None: nothing that can be trusted.

    ``since_ns``: marks must be newer.
    """
    for sight in record.sights:
        if sight.instrument == instrument and (found := _sound(sight.bid, sight.ask, sight.last_ticks)) is not None:
            return found
    for mark in record.input.marks:
        if mark.instrument == instrument and mark.time_ns > since_ns:
            return _sound(mark.bid, mark.ask, mark.price_ticks)
    return None


def _sound(bid: Level | None, ask: Level | None, last_ticks: int | None) -> Prices | None:
    """A crossed or one-sided book has no mid."""
    if bid is not None and ask is not None and 0 < bid[0] < ask[0]:
        return Prices(bid[0] + ask[0], bid[0], ask[0])
    return None if last_ticks is None or last_ticks <= 0 else Prices(2 * last_ticks)
