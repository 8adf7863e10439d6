"""Pegged orders: limit orders at the venue whose price the engine changes as the market moves."""

from __future__ import annotations

from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder
from meltica.domain.market import Quote
from meltica.domain.order import Order
from meltica.engine.desk import Desk
from meltica.engine.held import held, prices
from meltica.engine.held.release import release
from meltica.engine.orders import amends
from meltica.engine.orders.cancels import request_cancel_once


def send(desk: Desk, order: Order, quote: Quote) -> None:
    """What it follows is known now: it goes out as a limit order there."""
    at = prices.on(prices.peg_line(order), quote, book=True)
    if at is None or (price := prices.pegged_at(order, at)) < 1:
        return
    tif = held.released_tif(desk, order)
    release(desk, order, price_ticks=price, time_in_force=tif, reason="what it follows is known")


def follow(desk: Desk, order: Order, quote: Quote) -> None:
    """One replace at a time; an order that may not follow is cancelled, since its price is nobody's wish any more."""
    line = prices.peg_line(order)
    at = prices.on(line, quote, book=True)
    leaves = lifecycle.leaves_lots(order)
    if at is None or order.pending or leaves == 0 or prices.is_own(order, line, quote, leaves):
        return
    price = prices.pegged_at(order, at)
    if price == order.price_ticks or price < 1:
        return
    asked = AmendOrder(request_id="", actor=amends.PEG_ACTOR, order_id=order.order_id, price_ticks=price)
    amends.amend(desk, asked)
    if not order.pending:
        request_cancel_once(desk, order, amends.PEG_ACTOR, "the gate does not let it follow the market")
