"""A held order goes out: the gate judges it now, as it would judge a new one."""

from __future__ import annotations

import msgspec

from meltica.domain import lifecycle
from meltica.domain.order import Order, TimeInForce
from meltica.domain.reports import ExecType
from meltica.engine import held, siblings
from meltica.engine.cancels import make_way
from meltica.engine.desk import Desk
from meltica.engine.orders import new_intent, not_reducing
from meltica.engine.refusals import Asked, explain
from meltica.hot import PASS, Check


def release(desk: Desk, order: Order, *, price_ticks: int | None, time_in_force: TimeInForce, reason: str) -> bool:
    """Send it out as a MARKET order, or with a price as a LIMIT order. False: it was refused, and has ended."""
    tables, gate = desk.state.tables, desk.gate
    instrument = tables.instruments[order.instrument]
    asked = held.letting_go(order, price_ticks=price_ticks, time_in_force=time_in_force, reason=reason)
    if tables.gate_lost:
        return _refuse(desk, order, f"GATE_LOST: the risk gate does not answer: {tables.gate_lost}")
    leaves = asked.quantity_lots
    why = not_reducing(desk, order.account, order.instrument, order.side, leaves) if order.reduce_only else ""
    if why:
        if siblings.wait(desk, order, price_ticks):
            return False
        return _refuse(desk, order, f"REDUCE_ONLY_WOULD_INCREASE: {why}")
    intent = new_intent(desk, lifecycle.submission(order, asked), order.order_id, leaves)
    verdict = gate.check(intent)
    reserved, allowed = gate.reserved_price_ticks, gate.allowed_lots
    if matches := gate.self_matches():
        make_way(desk, matches, order.order_id, order.actor)
    if verdict != PASS and verdict in siblings.ROOM and siblings.wait(desk, order, price_ticks):
        return False
    if verdict != PASS:
        words = explain(verdict, Asked(desk.state, order.account, order.strategy, instrument, intent))
        return _refuse(desk, order, f"{Check(verdict).name}: {words}")
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


def _refuse(desk: Desk, order: Order, text: str) -> bool:
    held.end(desk, order, ExecType.REJECTED, text)
    return False
