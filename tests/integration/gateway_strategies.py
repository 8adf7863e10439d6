"""Strategies that misbehave, for a gateway that must not: ``tests.integration.gateway_strategies:X`` in settings."""

from __future__ import annotations

from collections.abc import Sequence

from meltica.domain.order_events import OrderFilled
from meltica.strategies.sdk import Context, Order, Parameters, Side, Strategy, TopOfBook

BTC = "BTC/USDT@PAPER"


class Where(Parameters, frozen=True):
    """``at``: the callback that raises. ``quantity_lots``: what is asked for, right or wrong."""

    at: str = ""
    quantity_lots: int = 1


class _OnBitcoin(Strategy[Where]):
    Parameters = Where

    def instruments(self) -> Sequence[str]:
        return (BTC,)

    def _perhaps_raise(self, at: str) -> None:
        if self.parameters.at == at:
            raise ZeroDivisionError(f"a bug of the author's in {at}")


class Raises(_OnBitcoin):
    """Two resting orders and one that fills; then it raises where it was told to."""

    def on_start(self, context: Context) -> None:
        self._perhaps_raise("on_start")

    def on_top_of_book(self, context: Context, top: TopOfBook) -> None:
        if top.bid is None or top.ask is None or context.orders(BTC) or context.position(BTC).lots:
            return
        for away in (8_000, 9_000):
            context.submit(BTC, Side.BUY, 1, top.bid[0] - away)
        context.submit(BTC, Side.BUY, 1, top.ask[0] + 500)

    def on_accepted(self, context: Context, order: Order) -> None:
        if len([o for o in context.orders(BTC) if o.acknowledged]) >= 2:
            self._perhaps_raise("on_accepted")

    def on_filled(self, context: Context, fill: OrderFilled) -> None:
        self._perhaps_raise("on_filled")

    def on_stop(self, context: Context) -> None:
        self._perhaps_raise("on_stop")
        super().on_stop(context)


class AsksForNonsense(_OnBitcoin):
    """One order with the quantity of the parameters, right or wrong."""

    def on_top_of_book(self, context: Context, top: TopOfBook) -> None:
        if top.bid is not None and not context.orders(BTC):
            context.submit(BTC, Side.BUY, self.parameters.quantity_lots, top.bid[0] - 8_000)


class NeverTakesNo(_OnBitcoin):
    """Each refusal makes it ask again, at once."""

    def on_top_of_book(self, context: Context, top: TopOfBook) -> None:
        if not context.orders(BTC):
            context.submit(BTC, Side.BUY, 500_000, top.bid[0] if top.bid else 1)

    def on_rejected(self, context: Context, order: Order, why: str) -> None:
        context.submit(BTC, Side.BUY, 500_000, order.price_ticks)
