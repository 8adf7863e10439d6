"""A fired order that would trade with own working orders: they get out of its way first, whatever the account's mode.

What fired protects a position, so it is not given up for an own quote. Those that it would trade with are cancelled; it
stays held (``Held.SELF_MATCH``) until they are gone; and meanwhile no new own order gets in front of it.
"""

from __future__ import annotations

from typing import Final

from meltica.domain.commands import AmendOrder, SubmitOrder
from meltica.domain.limits import AccountLimits, SelfMatch, account_key
from meltica.domain.order import Order, Side, TimeInForce
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.terms import NO_TERMS, Held
from meltica.engine.desk import Desk
from meltica.engine.fold.fold import table_id
from meltica.engine.fold.groups import FIRES
from meltica.engine.held import held
from meltica.engine.orders.cancels import request_cancel_once
from meltica.engine.state import EngineState

RETRY_NS: Final = 1_000_000_000
"""How often it is looked at again: a venue may have refused a cancel, or not know the order any more."""

Fault = tuple[str, str, str]


def clear(desk: Desk, order: Order, price_ticks: int | None) -> bool:
    """The gate refused it because of own orders. True: they are cancelled, and it waits; False: there are none."""
    if order.order_type not in FIRES:
        return False
    if _waits(desk, order):
        return True  # Some of them are gone.
    return _ask(desk, order, price_ticks, in_the_way(desk.state, order, price_ticks))


def clear_first(desk: Desk, order: Order, price_ticks: int | None) -> bool:
    """The same before the gate is asked, where it would let less of it out instead of refusing it (DECREMENT)."""
    if order.order_type not in FIRES or _mode(desk.state, order.account) is not SelfMatch.DECREMENT:
        return False
    ways = in_the_way(desk.state, order, price_ticks)
    return bool(ways) if _waits(desk, order) else _ask(desk, order, price_ticks, ways)


def _waits(desk: Desk, order: Order) -> bool:
    return order.held is Held.SELF_MATCH and order.due_ns > desk.now_ns


def _ask(desk: Desk, order: Order, price_ticks: int | None, ways: list[Order]) -> bool:
    for own in ways:
        request_cancel_once(desk, own, held.SYSTEM, f"order {order.order_id} fired and would trade with it")
    if ways:
        reason = f"self-match prevention: {len(ways)} own orders are cancelled first, order {ways[0].order_id} of them"
        due_ns = next_look_ns(order, desk.now_ns)
        held.amend(desk, order, price_ticks=price_ticks, held=Held.SELF_MATCH, due_ns=due_ns, reason=reason)
    return bool(ways)


def in_the_way(state: EngineState, order: Order, price_ticks: int | None) -> list[Order]:
    """Own working orders that it would trade with, oldest first. Looks at all that work: only when the gate says so."""
    group = _group(state, order.account)
    return [
        own
        for own in state.working_orders()
        if own.instrument == order.instrument
        and own.side is not order.side
        and not own.gate
        and table_id(own)
        and _crosses(order.side, price_ticks, own.crossing_price_ticks)
        and _group(state, own.account) == group
    ]


def next_look_ns(order: Order, now_ns: int) -> int:
    """Soon again, or when it expires."""
    expire_ns, at_ns = (order.terms or NO_TERMS).expire_ns, now_ns + RETRY_NS
    return min(at_ns, expire_ns) if expire_ns else at_ns


def goes_first(desk: Desk, command: SubmitOrder | OrderSubmitted) -> str:
    """Why a new order has to wait for one that fired; empty: it has not. Asked only while one waits."""
    return _blocked_by(desk, command, command.price_ticks, command.time_in_force)


def amend_fault(desk: Desk, order: Order, command: AmendOrder) -> Fault | None:
    if command.price_ticks is None or not desk.state.blocked:
        return None
    why = _blocked_by(desk, order, command.price_ticks, order.time_in_force)
    return ("SELF_MATCH", "price", why) if why else None


def _blocked_by(
    desk: Desk, order: SubmitOrder | OrderSubmitted | Order, price_ticks: int | None, tif: TimeInForce
) -> str:
    if price_ticks is None or tif in (TimeInForce.IOC, TimeInForce.FOK):
        return ""  # It does not rest, so nothing trades with it later.
    for number in sorted(desk.state.blocked):  # In whichever order they came to wait, also before a restart.
        fired = desk.state.tables.orders[number]
        if (
            fired.instrument == order.instrument
            and fired.side is not order.side
            and _crosses(fired.side, fired.price_ticks, price_ticks)
            and _group(desk.state, fired.account) == _group(desk.state, order.account)
        ):
            return f"order {number} has fired and goes first; it would trade with this one"
    return ""


def _crosses(side: Side, price_ticks: int | None, own_ticks: int) -> bool:
    """Would an order of this side, with this limit or none, trade with an own one there?"""
    return price_ticks is None or (own_ticks <= price_ticks if side is Side.BUY else own_ticks >= price_ticks)


def _group(state: EngineState, account: str) -> int:
    limits, _ = state.tables.limits.get(account_key(account), (None, 0))
    return limits.self_match_group if isinstance(limits, AccountLimits) else 0


def _mode(state: EngineState, account: str) -> SelfMatch | None:
    limits, _ = state.tables.limits.get(account_key(account), (None, 0))
    return limits.self_match if isinstance(limits, AccountLimits) else None
