"""Builds a position up in slices, and pauses while the market's spread is too wide to pay for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from meltica.strategies.sdk import (
    SECOND_NS,
    Algo,
    Annotated,
    AtEnd,
    CatchUp,
    ChildStyle,
    Context,
    Meta,
    Order,
    Parameters,
    Phase,
    Schedule,
    Side,
    Strategy,
    TopOfBook,
    iceberg,
    pov,
    twap,
)


class AccumulatorParameters(Parameters, frozen=True, kw_only=True):
    instrument: str
    target_lots: Annotated[int, Meta(ge=1)] = 100
    """The position to have in the end."""
    by: Literal["twap", "pov", "iceberg"] = "twap"
    seconds: Annotated[int, Meta(ge=1, le=86_400)] = 60
    """How long it may take."""
    slices: Annotated[int, Meta(ge=1, le=1_000)] = 10
    """TWAP: how many. POV and ICEBERG: a slice is the target divided by it."""
    rate_ppm: Annotated[int, Meta(ge=1, le=900_000)] = 100_000
    """POV: our share of all that trades."""
    widest_ticks: Annotated[int, Meta(ge=1)] = 20
    """With a wider spread it pauses; from three quarters of it on it resumes."""


class Accumulator(Strategy[AccumulatorParameters]):
    Parameters: ClassVar[type[AccumulatorParameters]] = AccumulatorParameters

    def __init__(self, parameters: AccumulatorParameters) -> None:
        super().__init__(parameters)
        self._asked = False

    def instruments(self) -> Sequence[str]:
        return (self.parameters.instrument,)

    def on_top_of_book(self, context: Context, top: TopOfBook) -> None:
        if top.bid is None or top.ask is None:
            return
        orders = context.orders(top.instrument)
        if not orders:
            self._begin(context, top.ask[0])
        elif (algo := context.algo(orders[0])) is not None:
            self._judge(context, algo, top.ask[0] - top.bid[0])

    def on_book_invalid(self, context: Context, instrument: str) -> None:
        for order in context.orders(instrument):
            context.pause_algo(order)

    def on_rejected(self, context: Context, order: Order, why: str) -> None:
        """Wrong limits or parameters do not get right by themselves."""
        self._asked = True

    def on_canceled(self, context: Context, order: Order) -> None:
        """Whoever ended it, or its end came: it is not begun again."""
        self._asked = True

    def _begin(self, context: Context, ask_ticks: int) -> None:
        """Once; after a restart for what is missing."""
        missing = self.parameters.target_lots - context.position(self.parameters.instrument).lots
        if self._asked or missing <= 0 or context.halted(self.parameters.instrument):
            return
        at = ask_ticks if self.parameters.by == "iceberg" else None
        sent = context.submit_algo(
            self.parameters.instrument, Side.BUY, missing, self._schedule(context), at, decision_ticks=ask_ticks
        )
        self._asked = bool(sent)

    def _schedule(self, context: Context) -> Schedule:
        wanted = self.parameters
        end_ns, slice_lots = context.time_ns + wanted.seconds * SECOND_NS, max(wanted.target_lots // wanted.slices, 1)
        match wanted.by:
            case "pov":
                return pov(end_ns=end_ns, rate_ppm=wanted.rate_ppm, max_child_lots=slice_lots, style=ChildStyle.MARKET)
            case "iceberg":
                return iceberg(display_lots=slice_lots, end_ns=end_ns)
        return twap(
            end_ns=end_ns,
            slices=wanted.slices,
            style=ChildStyle.PASSIVE,
            catch_up=CatchUp.REPRICE,
            at_end=AtEnd.CROSS,
        )

    def _judge(self, context: Context, algo: Algo, spread_ticks: int) -> None:
        if algo.phase is Phase.RUNNING and spread_ticks > self.parameters.widest_ticks:
            context.pause_algo(algo.order)
        elif algo.phase is Phase.PAUSED and 4 * spread_ticks <= 3 * self.parameters.widest_ticks:
            context.resume_algo(algo.order)
