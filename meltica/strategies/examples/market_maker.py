"""Quotes both sides around a fair price, leans against its inventory, amends its quotes as the market moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from meltica.strategies.sdk import (
    MILLISECOND_NS,
    Annotated,
    Context,
    Meta,
    Order,
    OrderFilled,
    Parameters,
    Side,
    Strategy,
    TopOfBook,
)


class MarketMakerParameters(Parameters, frozen=True, kw_only=True):
    instrument: str
    quantity_lots: Annotated[int, Meta(ge=1)] = 20
    """Of each quote."""
    half_spread_ticks: Annotated[int, Meta(ge=1)] = 12
    """Distance of a quote from the fair price, without inventory."""
    skew_ticks_at_maximum: Annotated[int, Meta(ge=0)] = 12
    """How far both quotes move against a full inventory; in between, in proportion."""
    max_position_lots: Annotated[int, Meta(ge=1)] = 200
    requote_ticks: Annotated[int, Meta(ge=1)] = 3
    """A quote that is off by less stays where it is, and keeps its place in the queue."""
    pause_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 500
    """After a refusal, quoting waits this long."""


class MarketMaker(Strategy[MarketMakerParameters]):
    Parameters: ClassVar[type[MarketMakerParameters]] = MarketMakerParameters

    def __init__(self, parameters: MarketMakerParameters) -> None:
        super().__init__(parameters)
        self._paused_until_ns = 0

    def instruments(self) -> Sequence[str]:
        return (self.parameters.instrument,)

    def on_top_of_book(self, context: Context, top: TopOfBook) -> None:
        self._quote(context, top)

    def on_filled(self, context: Context, fill: OrderFilled) -> None:
        if (top := context.top(fill.instrument)) is not None:
            self._quote(context, top)

    def on_book_invalid(self, context: Context, instrument: str) -> None:
        context.cancel_all()

    def on_rejected(self, context: Context, order: Order, why: str) -> None:
        self._paused_until_ns = context.time_ns + self.parameters.pause_ms * MILLISECOND_NS

    def on_request_refused(self, context: Context, order: Order, why: str) -> None:
        self.on_rejected(context, order, why)

    def _quote(self, context: Context, top: TopOfBook) -> None:
        instrument = self.parameters.instrument
        fair = top.mid_ticks
        if fair is None or context.killed or context.halted(instrument) or context.time_ns < self._paused_until_ns:
            return
        position, most = context.position(instrument).lots, self.parameters.max_position_lots
        fair -= self.parameters.skew_ticks_at_maximum * max(-most, min(position, most)) // most
        orders = context.orders(instrument)
        for side in (Side.BUY, Side.SELL):
            price = fair - side.sign * self.parameters.half_spread_ticks
            mine = [order for order in orders if order.side is side]
            room = most - position * side.sign
            self._quote_side(context, side, self._passive(side, price, top), mine, room)

    def _quote_side(self, context: Context, side: Side, price_ticks: int, mine: list[Order], room_lots: int) -> None:
        """One quote on this side, at the price, no larger than what the position may still grow by."""
        quantity = min(self.parameters.quantity_lots, room_lots)
        if not mine:
            if quantity > 0:
                context.submit(self.parameters.instrument, side, quantity, price_ticks, post_only=True)
            return
        quote, *surplus = mine
        for order in surplus:
            context.cancel(order)
        if context.busy(quote):
            return
        if quantity <= 0:
            context.cancel(quote)
        elif quote.price_ticks is None or abs(quote.price_ticks - price_ticks) >= self.parameters.requote_ticks:
            context.amend(quote, price_ticks=price_ticks, quantity_lots=quote.cumulative_lots + quantity)

    def _passive(self, side: Side, price_ticks: int, top: TopOfBook) -> int:
        """Not through the other side of the market: a post-only order there would be refused."""
        if side is Side.BUY and top.ask is not None:
            return max(min(price_ticks, top.ask[0] - 1), 1)
        if side is Side.SELL and top.bid is not None:
            return max(price_ticks, top.bid[0] + 1)
        return price_ticks
