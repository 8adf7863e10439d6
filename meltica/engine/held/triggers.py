"""Held orders whose price is reached, and those that follow the market.

One quote may reach many. Those that fired before and had to wait go first, the first to fire before the others: of two
that exclude each other it is the one that goes out. Then those that fire now: the one whose trigger the market passed
first, that is by the greatest distance, before the others; of two at the same distance the older. Then trailing stops
move, then pegged orders. Each is looked at again when its turn comes: an earlier one may have ended it.
"""

from __future__ import annotations

import msgspec

from meltica.domain.commands import SeeMarket
from meltica.domain.instrument import Instrument
from meltica.domain.market import Quote
from meltica.domain.order import Order, OrderType
from meltica.domain.terms import NO_TERMS, Held
from meltica.engine import consequences
from meltica.engine.desk import Desk
from meltica.engine.held import again, held, pegs, prices
from meltica.engine.held.release import release
from meltica.engine.parents import parents
from meltica.engine.state import EngineState


def see_market(desk: Desk, command: SeeMarket) -> None:
    state, quote = desk.state, command.quote
    if quote.instrument not in state.tables.instruments:
        return
    quote = state.watch.believed(quote, desk.now_ns)
    parents.see_volume(desk, command)
    book = state.watch.is_fresh(quote, desk.now_ns) and prices.has_book(quote)
    orders = [state.tables.orders[order_id] for order_id in sorted(set(state.watch.reached(quote, desk.now_ns)))]
    for order in _by_turn(state, orders):
        if order.held is Held.RELEASE:
            let_go(desk, order, "its moment had come, and there is a price again")
            _settle(desk)
    for order in _by_distance(orders, quote, book=book):
        if order.held is Held.TRIGGER:
            _fire(desk, order, quote)
            _settle(desk)
    for order in orders:
        if order.held is Held.TRIGGER:
            _trail(desk, order, quote, book=book)
        elif order.held is Held.REFERENCE:
            pegs.send(desk, order, quote)
        elif order.held is None and order.order_type is OrderType.PEGGED:
            pegs.follow(desk, order, quote)
        _settle(desk)


def _settle(desk: Desk) -> None:
    """What follows from one goes before the next is looked at: of two that exclude each other only one goes out."""
    if desk.fold.changed:
        consequences.settle(desk)


def _by_turn(state: EngineState, orders: list[Order]) -> list[Order]:
    ready = [order for order in orders if order.held is Held.RELEASE]
    if len(ready) > 1:
        turns = {order_id: turn for turn, order_id in enumerate(state.tables.fired)}
        ready.sort(key=lambda order: turns[order.order_id])
    return ready


def _by_distance(orders: list[Order], quote: Quote, *, book: bool) -> list[Order]:
    found: list[tuple[int, int, Order]] = []
    for order in orders:
        want = prices.fires(order) if order.held is Held.TRIGGER else None
        if want is None:
            continue
        at = prices.on(want.line, quote, book=book)
        if at is not None and prices.reaches(want, at):
            found.append((-abs(at - want.half_ticks), order.order_id, order))
    return [order for _, _, order in sorted(found, key=lambda one: one[:2])]


def _fire(desk: Desk, order: Order, quote: Quote) -> None:
    instrument = desk.state.tables.instruments[order.instrument]
    trigger = (order.terms or NO_TERMS).trigger_ticks or 0
    source = (order.terms or NO_TERMS).trigger_source.name
    reason = f"triggered at {instrument.price_text(trigger)} by {source}: {_seen(instrument, quote)}"
    if not desk.state.watch.is_fresh(quote, desk.now_ns):
        reason = f"{reason}; it waits: there is no fresh price for the risk gate"
        held.amend(desk, order, price_ticks=prices.released_at(order), held=Held.RELEASE, reason=reason)
    else:
        let_go(desk, order, reason)


def let_go(desk: Desk, order: Order, reason: str) -> bool:
    """Through the gate and out, as what its type says."""
    tif = held.released_tif(desk, order)
    return release(desk, order, price_ticks=_limit(order), time_in_force=tif, reason=reason)


def ring(desk: Desk, order: Order) -> None:
    """The gate refused it for what passes by itself, and its alarm rings."""
    due_ns = order.due_ns
    if desk.mark(order.instrument) is None:
        again.unheard(desk, order)
    else:
        let_go(desk, order, "its moment had come")
        again.silence(desk, order, due_ns)


def _limit(order: Order) -> int | None:
    return order.price_ticks if order.held is Held.RELEASE else prices.released_at(order)


def _trail(desk: Desk, order: Order, quote: Quote, *, book: bool) -> None:
    want, terms = prices.trails(order), order.terms
    if want is None or terms is None:
        return
    at = prices.on(want.line, quote, book=book)
    if at is None or not prices.reaches(want, at):
        return
    moved = msgspec.structs.replace(terms, trigger_ticks=prices.trailed(order.side, terms, at))
    held.amend(desk, order, terms=moved, reason="it follows the market")


def _seen(instrument: Instrument, quote: Quote) -> str:
    def text(ticks: int | None) -> str:
        return "-" if ticks is None else instrument.price_text(ticks)

    bid, ask = quote.bid, quote.ask
    return (
        f"bid {text(bid and bid[0])}, ask {text(ask and ask[0])}, "
        f"last {text(quote.last_ticks)}, mark {_mark(instrument, quote)}"
    )


def _mark(instrument: Instrument, quote: Quote) -> str:
    if quote.mark_ticks is None:
        return "-"
    low = instrument.price_text(quote.mark_ticks)
    return f"{low} to {instrument.price_text(quote.mark_ticks + 1)}" if quote.mark_between else low
