"""An order as the paper venue keeps it."""

from __future__ import annotations

from typing import NamedTuple

from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.terms import TriggerSource

IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK, TimeInForce.AT_THE_OPEN, TimeInForce.AT_THE_CLOSE})
"""What these don't fill at once is cancelled: they never rest. (The venue has no crosses: to it they came as IOC.)"""


_MARKET = OrderType.MARKET


class Trigger(NamedTuple):
    """A stop's: a buy fires at or above it, a sale at or below."""

    ticks: int
    source: TriggerSource


class PaperOrder:
    """What was asked for, how much is done, and where it stands in the queue. Lots and ticks."""

    __slots__ = (
        "chain",
        "client_order_id",
        "cumulative_lots",
        "display_lots",
        "finished",
        "instrument",
        "min_lots",
        "order_type",
        "post_only",
        "price_ticks",
        "quantity_lots",
        "queue_ahead_lots",
        "resting",
        "sequence",
        "shown_lots",
        "side",
        "time_in_force",
        "trigger",
        "venue_order_id",
    )

    def __init__(
        self,
        *,
        client_order_id: str,
        venue_order_id: str,
        instrument: str,
        side: Side,
        order_type: OrderType,
        time_in_force: TimeInForce,
        quantity_lots: int,
        price_ticks: int | None,
        post_only: bool,
        sequence: int,
        cumulative_lots: int = 0,
        min_lots: int = 0,
        display_lots: int = 0,
        trigger: Trigger | None = None,
    ) -> None:
        self.client_order_id = client_order_id
        self.venue_order_id = venue_order_id
        self.instrument = instrument
        self.side = side
        self.order_type = order_type
        self.time_in_force = time_in_force
        self.quantity_lots = quantity_lots
        self.price_ticks = price_ticks
        self.post_only = post_only
        self.cumulative_lots = cumulative_lots
        self.min_lots = min_lots
        """IOC: less than this at once is nothing."""
        self.display_lots = display_lots
        """How much shows at a time while it rests; 0: all."""
        self.shown_lots = 0
        """What is left of what shows."""
        self.trigger = trigger
        """What it waits for before it is in the book; None: nothing, or it has fired."""
        self.chain: tuple[str, ...] = (client_order_id,)
        """Every client order id that it was known under."""
        self.sequence = sequence
        """Time priority among our own orders; a replace that loses priority gets a new one."""
        self.queue_ahead_lots: int | None = None
        """Lots of others to be served before us at our price; None: not known until the book is."""
        self.resting = False
        self.finished = ""
        """How it ended; empty: it did not."""

    @property
    def leaves_lots(self) -> int:
        return self.quantity_lots - self.cumulative_lots

    def show(self) -> None:
        """Show the next part."""
        self.shown_lots = min(self.display_lots or self.leaves_lots, self.leaves_lots)

    @property
    def reach_lots(self) -> int:
        """How much of it can trade where it stands in the queue; the rest joins the end of it later."""
        return min(self.shown_lots, self.leaves_lots) if self.display_lots else self.leaves_lots

    @property
    def immediate(self) -> bool:
        return self.order_type is _MARKET or self.time_in_force in IMMEDIATE
