"""Orders as the gate reads them, and what of an order would only reduce."""

from __future__ import annotations

from typing import Final

from meltica.domain import lifecycle
from meltica.domain.commands import SubmitOrder
from meltica.domain.order import Order, PendingKind, Side, TimeInForce
from meltica.domain.order_events import OrderSubmitted
from meltica.engine.desk import Desk
from meltica.engine.fold.fold import strategy_row, waits_at_venue
from meltica.hot import Action, Flag, OrderIntent

GATE_TIF: Final = (
    *(TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.IOC, TimeInForce.FOK),
    *(TimeInForce.IOC, TimeInForce.GTC, TimeInForce.IOC),
)
"""By time in force: as which of the gate's four it is judged. GTD rests like GTC, the open and the close don't."""
_IOC: Final = TimeInForce.IOC
_SHORT, _SHORT_EXEMPT, _ISO = int(Flag.SHORT), int(Flag.SHORT_EXEMPT), int(Flag.ISO)
_POST_ONLY, _REDUCE_ONLY = int(Flag.POST_ONLY), int(Flag.REDUCE_ONLY)


def gate_tif(order: SubmitOrder | OrderSubmitted | Order) -> TimeInForce:
    return _IOC if waits_at_venue(order) else GATE_TIF[order.time_in_force]


def new_intent(
    desk: Desk, order: SubmitOrder | OrderSubmitted, order_id: int, quantity_lots: int, action: Action = Action.NEW
) -> OrderIntent:
    """One that was held is judged as a REPLACE of nothing: its number is older than the last that the gate saw."""
    tables = desk.state.tables
    return desk.new_intent(
        action=action,
        side=order.side,
        flags=flags(order),
        order_type=order.order_type.sent_as,
        tif=gate_tif(order),
        instrument_id=tables.instruments[order.instrument].handle,
        account_id=tables.accounts[order.account],
        strategy_id=strategy_row(tables, order.strategy),
        order_id=order_id,
        price_ticks=order.price_ticks or 0,
        quantity_lots=quantity_lots,
        time_ns=desk.now_ns,
    )


def flags(order: SubmitOrder | OrderSubmitted | Order) -> int:
    """As bits of the gate's record; as plain integers, since adding flags of the enum takes a microsecond each."""
    return (
        (_POST_ONLY if order.post_only else 0)
        | (_REDUCE_ONLY if order.reduce_only else 0)
        | (_ISO if order.iso else 0)
        | (_SHORT if order.short else 0)
        | (_SHORT_EXEMPT if order.short_exempt else 0)
    )


def replace_intent(desk: Desk, order: Order, lots: int, price: int | None) -> OrderIntent:
    tables = desk.state.tables
    return desk.new_intent(
        action=Action.REPLACE,
        side=order.side,
        flags=flags(order),
        order_type=order.order_type.sent_as,
        tif=gate_tif(order),
        instrument_id=tables.instruments[order.instrument].handle,
        account_id=tables.accounts[order.account],
        strategy_id=strategy_row(tables, order.strategy),
        order_id=order.order_id,
        price_ticks=price or 0,
        quantity_lots=lots,
        time_ns=desk.now_ns,
        working_lots=order.reserved_lots,
        working_price_ticks=order.reserved_price_ticks if order.reserved_lots else 0,
    )


def not_reducing(desk: Desk, account: str, instrument: str, side: Side, quantity_lots: int) -> str:
    """Why a reduce-only order would not only reduce; empty: it does."""
    position = desk.state.position(account, instrument)
    lots = 0 if position is None else position.lots
    closable = -lots * side.sign
    if closable <= 0:
        return f"the position is {desk.quantity(instrument, lots)}: there is nothing to {side.name} back"
    working = desk.state.reservations.lots(account, instrument, side)
    if quantity_lots + working > closable:
        left, beside = desk.quantity(instrument, closable), desk.quantity(instrument, working)
        return f"{left} can be closed and {beside} is working on that side already"
    return ""


def closable(desk: Desk, account: str, instrument: str, side: Side) -> int:
    """How many lots of this side would only reduce, beside what is already working."""
    position = desk.state.position(account, instrument)
    lots = 0 if position is None else -position.lots * side.sign
    return lots - desk.state.reservations.lots(account, instrument, side)


def leaves_after(order: Order) -> int:
    """What may still trade of an order once all that was asked for about it is done."""
    if order.ended is not None or any(p.kind is PendingKind.CANCEL for p in order.pending):
        return 0
    asked = [p.quantity_lots for p in order.pending if p.kind is PendingKind.REPLACE]
    if asked:
        return max(asked[-1] - order.cumulative_lots, 0)
    return lifecycle.leaves_lots(order)
