"""What is journaled beside a record for those who look back: the market at that moment, and when an order left.

The engine sees none of it, so a replay decides the same without.
"""

from __future__ import annotations

import msgspec

from meltica.domain.market import Level


class Sight(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The market of an instrument when an order of ours began, was filled or ended.

    No prices at all: the book could not be trusted then, or they stand in the input's mark.
    """

    instrument: str
    bid: Level | None = None
    ask: Level | None = None
    last_ticks: int | None = None
    traded_lots: int = 0
    """What others traded since the last sight of this instrument, or since the driver started."""
    traded_value: int = 0
    """The same as the sum of price_ticks x quantity_lots."""
    mark_ticks: int | None = None
    """The venue's mark price, rounded down to the grid; None: it publishes none, or the prices stand in the input."""


class Dispatch(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """How an order left us; journaled with the first record that tells of it afterwards. Unix nanoseconds."""

    order_id: int
    stepped_ns: int
    """The engine had let it out."""
    durable_ns: int
    """The driver knew that this is on the disk."""
    sent_ns: int
    """Its venue's session had it."""
