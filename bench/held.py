"""What market data costs while orders are held: a quote that fires nothing.

Floor: two numbers, the nearest trigger above and below, compared with the quote's bid and ask. No index, no staleness,
no halts. Peer: a list of all triggers that is looked through for each quote, as a book of stops is easily written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from bench.measure import Row, Series, cpu_microseconds, in_turn, row
from bench.paper_trading import ACCOUNT, ACTOR, BTC, MARK_TICKS, START_NS, STRATEGY, PaperTrading
from meltica.domain.commands import SubmitOrder
from meltica.domain.inputs import Input
from meltica.domain.market import Quote
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.terms import Terms
from meltica.engine.state import EngineState

HELD: Final = 10_000
QUOTES: Final = 100_000
FLOOR: Final = "two numbers compared"
PEER: Final = "a list of all triggers"


def rows(runs: int, held: int = HELD, quotes: int = QUOTES) -> list[Row]:
    taken = in_turn(
        {
            "none": partial(_watched, _engine(0), quotes),
            "held": partial(_watched, _engine(held), quotes),
            "floor": partial(_floor, quotes),
            "list": partial(_listed, held),
        },
        runs,
    )
    floor, listed = Series(FLOOR, taken["floor"]), Series(PEER, taken["list"])
    return [
        row("engine: held orders, a quote with none held", "µs/quote", taken["none"], floor=floor),
        row(f"engine: held orders, a quote with {held:,} held", "µs/quote", taken["held"], floor=floor, peer=listed),
    ]


def _engine(held: int) -> EngineState:
    """Half of them stops below the market, half above: stops and orders that wait to be touched."""
    trading = PaperTrading()
    for number in range(held):
        away = 100 + number
        kind = OrderType.STOP if number % 4 < 2 else OrderType.MARKET_IF_TOUCHED
        side = Side.BUY if number % 2 else Side.SELL
        above = (side is Side.BUY) == (kind is OrderType.STOP)
        command = SubmitOrder(
            request_id="",
            actor=ACTOR,
            account=ACCOUNT,
            strategy=STRATEGY,
            instrument=BTC.instrument,
            side=side,
            order_type=kind,
            time_in_force=TimeInForce.GTC,
            quantity_lots=1,
            terms=Terms(trigger_ticks=MARK_TICKS + (away if above else -away)),
        )
        trading.engine.step(Input(START_NS, command))
    if len(trading.engine.state.held) != held:
        raise AssertionError("not all of them are held")
    return trading.engine.state


def _quotes() -> list[Quote]:
    return [Quote(BTC.instrument, 0, (MARK_TICKS + at, 5), (MARK_TICKS + at + 1, 5)) for at in range(-40, 40)]


def _watched(state: EngineState, count: int) -> float:
    quotes = _quotes()
    turns = count // len(quotes)

    def work() -> None:
        watched = state.watched
        for _ in range(turns):
            for quote in quotes:
                if watched(quote, 0):
                    raise AssertionError("it fires")

    return cpu_microseconds(work, turns * len(quotes))


def _floor(count: int) -> float:
    quotes = _quotes()
    turns = count // len(quotes)
    low, high = MARK_TICKS - 100, MARK_TICKS + 100

    def work() -> None:
        for _ in range(turns):
            for quote in quotes:
                bid, ask = quote.bid, quote.ask
                if bid is not None and ask is not None and (bid[0] <= low or ask[0] >= high):
                    raise AssertionError("it fires")

    return cpu_microseconds(work, turns * len(quotes))


def _listed(held: int) -> float:
    triggers = [(MARK_TICKS + 100 + n, True) if n % 2 else (MARK_TICKS - 100 - n, False) for n in range(held)]
    quotes = _quotes()
    work: Callable[[], None] = partial(_look_through, triggers, quotes)
    return cpu_microseconds(work, len(quotes))


def _look_through(triggers: list[tuple[int, bool]], quotes: list[Quote]) -> None:
    for quote in quotes:
        bid, ask = quote.bid, quote.ask
        if bid is None or ask is None:
            continue
        for trigger, above in triggers:
            if ask[0] >= trigger if above else bid[0] <= trigger:
                raise AssertionError("it fires")
