"""A held order goes out: the gate judges it now, as it would judge a new one."""

from __future__ import annotations

import msgspec

from meltica.domain import lifecycle
from meltica.domain.order import Order, TimeInForce
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held
from meltica.engine.contingent import siblings
from meltica.engine.desk import Desk
from meltica.engine.held import again, held, own_way
from meltica.engine.orders import admission
from meltica.engine.orders.cancels import make_way
from meltica.engine.orders.intents import closable, new_intent, not_reducing
from meltica.engine.orders.refusals import Asked, explain
from meltica.engine.parents import slicing
from meltica.engine.parents.children import WAITING
from meltica.hot import PASS, Action, Check


def release(desk: Desk, order: Order, *, price_ticks: int | None, time_in_force: TimeInForce, reason: str) -> bool:
    """Send it out as a MARKET order, or with a price as a LIMIT order. False: it was refused and has ended, or
    waits: until the gate answers, for what passes by itself, or for another order to make room."""
    if (sliced := admission.in_slices(desk, order)) is not None:
        slicing.turn(desk, order, sliced)
        return True
    tables, gate = desk.state.tables, desk.gate
    instrument = tables.instruments[order.instrument]
    if tables.gate_lost:
        return _wait(desk, order, price_ticks, reason, "the risk gate does not answer")
    if own_way.clear_first(desk, order, price_ticks):
        return False
    if order.reduce_only and not _closes(desk, order, price_ticks):
        return False
    asked = held.letting_go(order, price_ticks=price_ticks, time_in_force=time_in_force, reason=reason)
    leaves = asked.quantity_lots
    intent = new_intent(desk, lifecycle.submission(order, asked), order.order_id, leaves, Action.REPLACE)
    verdict = gate.check(intent)
    reserved, allowed = gate.reserved_price_ticks, gate.allowed_lots
    if matches := gate.self_matches():
        make_way(desk, matches, order.order_id, order.actor)
    if verdict == Check.STALE_REFERENCE:
        return _wait(desk, order, price_ticks, reason, "there is no fresh price for the risk gate")
    if _makes_room(desk, order, verdict, price_ticks):
        return False
    if verdict != PASS:
        words = explain(
            verdict, Asked(desk.state, order.account, order.strategy, instrument, intent, desk.mark(order.instrument))
        )
        words = f"{Check(verdict).name}: {words}"
        if verdict not in WAITING:
            return _refuse(desk, order, words)
        again.wait(desk, order, price_ticks, f"{reason}; it waits: {words}")
        return False
    desk.emit(
        msgspec.structs.replace(
            asked,
            quantity_lots=allowed,
            asked_lots=0 if allowed == leaves else leaves,
            reserved_price_ticks=reserved,
            time_ns=desk.now_ns,
        )
    )
    return True


def _makes_room(desk: Desk, order: Order, verdict: int, price_ticks: int | None) -> bool:
    """Does something that is in its way go now, so that it need only wait?"""
    if verdict in siblings.ROOM and siblings.wait(desk, order, price_ticks):
        return True
    return verdict == Check.SELF_MATCH and own_way.clear(desk, order, price_ticks)


def _wait(desk: Desk, order: Order, price_ticks: int | None, reason: str, why: str) -> bool:
    """Nothing leaves without a gate, or without a price to judge it by; it goes out once there is. Said once."""
    if order.held is not Held.RELEASE:
        reason = f"{reason}; it waits: {why}"
        held.amend(desk, order, price_ticks=price_ticks, held=Held.RELEASE, reason=reason)
    return False


def _closes(desk: Desk, order: Order, price_ticks: int | None) -> bool:
    """Does it only reduce, if need be with less of it? False: it waits for another to make room, or has ended."""
    if not (why := _too_much(desk, order)):
        return True
    if siblings.wait(desk, order, price_ticks):
        return False
    return _reduced(desk, order) or _refuse(desk, order, f"REDUCE_ONLY_WOULD_INCREASE: {why}")


def _too_much(desk: Desk, order: Order) -> str:
    return not_reducing(desk, order.account, order.instrument, order.side, lifecycle.leaves_lots(order))


def _reduced(desk: Desk, order: Order) -> bool:
    """The position is smaller than it was when somebody asked for this: close what there is. False: nothing is."""
    room = closable(desk, order.account, order.instrument, order.side)
    if room <= 0:
        return False
    reason = "reduce-only: there is no more to close"
    held.amend(desk, order, quantity_lots=order.cumulative_lots + room, reason=reason)
    return True


def _refuse(desk: Desk, order: Order, text: str) -> bool:
    held.end(desk, order, ExecType.REJECTED, text)
    return False
