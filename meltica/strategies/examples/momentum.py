"""Follows the move: buys when the mid has risen enough over a while, sells when it fell; a timer ends the trade."""

from __future__ import annotations

from collections import deque
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
    TimeInForce,
    TopOfBook,
)

MAX_SAMPLES = 100_000
"""Mids remembered; at a thousand changes a second that is more than a minute and a half."""
EXIT = "exit"


class MomentumParameters(Parameters, frozen=True, kw_only=True):
    instrument: str
    quantity_lots: Annotated[int, Meta(ge=1)] = 10
    lookback_ms: Annotated[int, Meta(ge=1, le=3_600_000)] = 2_000
    entry_ticks: Annotated[int, Meta(ge=1)] = 40
    """How far the mid must have moved over the look-back."""
    hold_ms: Annotated[int, Meta(ge=1, le=3_600_000)] = 3_000
    slip_ticks: Annotated[int, Meta(ge=0)] = 5
    """How much worse than the best opposite price an order may trade."""


class Momentum(Strategy[MomentumParameters]):
    Parameters: ClassVar[type[MomentumParameters]] = MomentumParameters

    def __init__(self, parameters: MomentumParameters) -> None:
        super().__init__(parameters)
        self._mids: deque[tuple[int, int]] = deque(maxlen=MAX_SAMPLES)
        """(time_ns, mid_ticks), oldest first; the first is the last one at or before the start of the look-back."""
        self._leaving = False

    def instruments(self) -> Sequence[str]:
        return (self.parameters.instrument,)

    def on_top_of_book(self, context: Context, top: TopOfBook) -> None:
        if top.mid_ticks is None:
            return
        self._mids.append((context.time_ns, top.mid_ticks))
        start = context.time_ns - self.parameters.lookback_ms * MILLISECOND_NS
        while len(self._mids) > 1 and self._mids[1][0] <= start:
            self._mids.popleft()
        if self._leaving:
            self._leave(context)
        elif self._mids[0][0] <= start:
            self._enter(context, top.mid_ticks - self._mids[0][1])

    def on_book_invalid(self, context: Context, instrument: str) -> None:
        self._mids.clear()  # A move across a gap is not a move that was seen.

    def on_filled(self, context: Context, fill: OrderFilled) -> None:
        if context.position(fill.instrument).lots == 0:
            self._leaving = False

    def on_timer(self, context: Context, name: str) -> None:
        self._leaving = context.position(self.parameters.instrument).lots != 0
        self._leave(context)

    def on_rejected(self, context: Context, order: Order, why: str) -> None:
        """Wait for as long as a trade would have lasted: a quote later the answer would be the same."""
        self._mids.clear()
        self._leaving = False
        context.set_timer(EXIT, context.time_ns + self.parameters.hold_ms * MILLISECOND_NS)

    def _enter(self, context: Context, moved_ticks: int) -> None:
        instrument = self.parameters.instrument
        if abs(moved_ticks) < self.parameters.entry_ticks or context.halted(instrument):
            return
        if context.position(instrument).lots or context.orders(instrument):
            return
        side = Side.BUY if moved_ticks > 0 else Side.SELL
        if self._take(context, side, self.parameters.quantity_lots):
            context.set_timer(EXIT, context.time_ns + self.parameters.hold_ms * MILLISECOND_NS)

    def _leave(self, context: Context) -> None:
        lots = context.position(self.parameters.instrument).lots
        if lots and not context.orders(self.parameters.instrument):
            self._take(context, Side.SELL if lots > 0 else Side.BUY, abs(lots), reduce_only=True)

    def _take(self, context: Context, side: Side, quantity_lots: int, *, reduce_only: bool = False) -> bool:
        """An immediate limit order a little through the market: what it doesn't get at once is cancelled."""
        top = context.top(self.parameters.instrument)
        level = None if top is None else (top.ask if side is Side.BUY else top.bid)
        if level is None:
            return False
        price = max(level[0] + side.sign * self.parameters.slip_ticks, 1)
        instrument = self.parameters.instrument
        sent = context.submit(
            instrument, side, quantity_lots, price, time_in_force=TimeInForce.IOC, reduce_only=reduce_only
        )
        return bool(sent)
