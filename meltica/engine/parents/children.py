"""A slice goes out: an ordinary order, judged by the gate as any other."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from meltica.domain.capabilities import Capabilities
from meltica.domain.instrument import Instrument
from meltica.domain.market import Mark
from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderDenied, OrderSubmitted
from meltica.domain.schedule import ChildStyle
from meltica.engine.desk import Desk
from meltica.engine.held import own_way
from meltica.engine.held.held import sent_tif
from meltica.engine.orders.cancels import free_id, make_way
from meltica.engine.orders.intents import new_intent, not_reducing
from meltica.engine.orders.refusals import Asked, explain
from meltica.hot import PASS, Check

WAITING = frozenset(
    {
        Check.LEASE_EXPIRED,
        Check.HALTED,
        Check.SESSION_WINDOW,
        Check.PRICE_BAND,
        Check.MESSAGE_RATE,
        Check.INSTRUMENT_RATE,
        Check.STALE_REFERENCE,
        Check.CROSSED_BOOK,
        Check.PORT_DOWN,
    }
)
"""What passes by itself: the market, the clock or the line says no, and nothing is wrong with the order."""


class Refusal(NamedTuple):
    text: str
    passing: bool
    """Waiting will do: no child of its own tells of it."""


class Slice(msgspec.Struct, frozen=True):
    """What is to go out."""

    lots: int
    price_ticks: int | None
    time_in_force: TimeInForce


def priced(
    order: Order, style: ChildStyle, mark: Mark | None, venue: Capabilities
) -> tuple[int | None, TimeInForce] | str:
    """(price, time in force) of a child; as text, why there is none now."""
    if style is ChildStyle.MARKET:
        return order.price_ticks, TimeInForce.IOC
    rests = sent_tif(OrderType.LIMIT, order.time_in_force, venue)
    if style is ChildStyle.LIMIT:
        return order.price_ticks, rests
    touch = None if mark is None else mark.bid if order.side is Side.BUY else mark.ask
    if touch is None or touch[0] <= 0:
        return "the market has no price on its side"
    if order.price_ticks is None:
        return touch[0], rests
    nearer = min if order.side is Side.BUY else max
    return nearer(touch[0], order.price_ticks), rests


def least_lots(instrument: Instrument, price_ticks: int | None) -> int:
    """The smallest order that the venue takes at this price."""
    least = instrument.min_quantity_lots
    if price_ticks is not None and instrument.min_value_nanos > 0:
        least = max(least, -(-instrument.min_value_nanos // instrument.value_nanos(price_ticks, 1)))
    return least


def sized(want: int, left: int, least: int) -> int:
    """How much of ``want`` goes out, so that neither it nor the rest of ``left`` is too small to trade; 0: wait."""
    if want < least or left < least:
        return 0
    if 0 < left - want < least:
        return left - least if left - least >= least else left
    return want


def send(desk: Desk, order: Order, part: Slice) -> Refusal | None:
    """None: it went out.

    :raises GateUnreachableError: nothing was sent.
    """
    tables, gate = desk.state.tables, desk.gate
    if tables.gate_lost:
        return Refusal(f"GATE_LOST: the risk gate does not answer: {tables.gate_lost}", passing=True)
    asked = _submission(desk, order, part)
    if order.reduce_only and (why := not_reducing(desk, order.account, order.instrument, order.side, part.lots)):
        return _deny(desk, asked, "REDUCE_ONLY_WOULD_INCREASE", why, 0)
    if desk.state.blocked and (why := own_way.goes_first(desk, asked)):
        return Refusal(f"{Check.SELF_MATCH.name}: {why}", passing=True)
    intent = new_intent(desk, asked, asked.order_id, part.lots)
    verdict = gate.check(intent)
    fired_mask, reserved, allowed = gate.fired_mask, gate.reserved_price_ticks, gate.allowed_lots
    if matches := gate.self_matches():
        make_way(desk, matches, asked.order_id, order.actor)
    if verdict != PASS:
        instrument = tables.instruments[order.instrument]
        words = explain(
            verdict, Asked(desk.state, order.account, order.strategy, instrument, intent, desk.mark(order.instrument))
        )
        if verdict in WAITING:
            return Refusal(f"{Check(verdict).name}: {words}", passing=True)
        return _deny(desk, asked, Check(verdict).name, words, fired_mask)
    short = 0 if allowed == part.lots else part.lots
    desk.emit(msgspec.structs.replace(asked, quantity_lots=allowed, asked_lots=short, reserved_price_ticks=reserved))
    return None


def _submission(desk: Desk, order: Order, part: Slice) -> OrderSubmitted:
    tables = desk.state.tables
    venue = tables.instruments[order.instrument].venue
    immediate = part.time_in_force is TimeInForce.IOC
    asked = OrderSubmitted(
        order_id=tables.next_order_id,
        client_order_id=free_id(desk, venue, f"m{tables.next_order_id}", 0),
        account=order.account,
        strategy=order.strategy,
        instrument=order.instrument,
        side=order.side,
        order_type=OrderType.MARKET if part.price_ticks is None else OrderType.LIMIT,
        time_in_force=part.time_in_force,
        quantity_lots=part.lots,
        price_ticks=part.price_ticks,
        post_only=order.post_only and not immediate,
        reduce_only=order.reduce_only,
        reserved_price_ticks=0,
        actor=order.actor,
        time_ns=desk.now_ns,
    )  # With more than fifteen names the call goes through a dict, and takes four times as long.
    return msgspec.structs.replace(asked, parent_id=order.order_id, short=order.short, short_exempt=order.short_exempt)


def _deny(desk: Desk, asked: OrderSubmitted, reason: str, text: str, fired_mask: int) -> Refusal:
    desk.emit(
        OrderDenied(
            order_id=asked.order_id,
            client_order_id=asked.client_order_id,
            account=asked.account,
            strategy=asked.strategy,
            instrument=asked.instrument,
            side=asked.side,
            order_type=asked.order_type,
            time_in_force=asked.time_in_force,
            quantity_lots=asked.quantity_lots,
            price_ticks=asked.price_ticks,
            post_only=asked.post_only,
            reduce_only=asked.reduce_only,
            short=asked.short,
            short_exempt=asked.short_exempt,
            reason=reason,
            fired_mask=fired_mask,
            text=text,
            actor=asked.actor,
            time_ns=asked.time_ns,
            parent_id=asked.parent_id,
        )
    )
    return Refusal(f"{reason}: {text}", passing=False)
