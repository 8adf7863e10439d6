"""Orders that the engine keeps until their moment comes: taken in, let go through the gate, ended."""

from __future__ import annotations

from meltica.domain import lifecycle
from meltica.domain.capabilities import Capabilities, nothing
from meltica.domain.commands import SubmitOrder
from meltica.domain.order import Order, OrderType, TimeInForce
from meltica.domain.order_events import HeldAmended, OrderHeld, OrderReleased, OrderReported
from meltica.domain.parent import Phase
from meltica.domain.parent_events import AlgoMoved
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held, Terms
from meltica.engine.desk import Desk

SYSTEM = "system:held"
"""Who changes a held order when nobody asked for it: the market, the clock, the gate."""


def hold(
    desk: Desk, command: SubmitOrder, client_order_id: str, why: Held, *, group_id: int = 0, due_ns: int = 0
) -> None:
    """Take it in. No gate is asked and nothing is reserved: ``release`` does both when its moment comes."""
    desk.emit(
        OrderHeld(
            order_id=desk.state.tables.next_order_id,
            client_order_id=client_order_id,
            account=command.account,
            strategy=command.strategy,
            instrument=command.instrument,
            side=command.side,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            quantity_lots=command.quantity_lots,
            price_ticks=command.price_ticks,
            post_only=command.post_only,
            reduce_only=command.reduce_only,
            iso=command.iso,
            short=command.short,
            short_exempt=command.short_exempt,
            terms=command.terms,
            held=why,
            group_id=group_id,
            due_ns=due_ns,
            actor=command.actor,
            time_ns=desk.now_ns,
        )
    )


def amend(
    desk: Desk,
    order: Order,
    *,
    quantity_lots: int | None = None,
    price_ticks: int | None = None,
    terms: Terms | None = None,
    held: Held | None = None,
    due_ns: int | None = None,
    actor: str = SYSTEM,
    reason: str = "",
) -> None:
    """Make another order of a held one; what is not named stays as it is."""
    desk.emit(
        HeldAmended(
            order_id=order.order_id,
            quantity_lots=order.quantity_lots if quantity_lots is None else quantity_lots,
            price_ticks=order.price_ticks if price_ticks is None else price_ticks,
            terms=order.terms if terms is None else terms,
            held=held,
            due_ns=order.due_ns if due_ns is None else due_ns,
            actor=actor,
            reason=reason,
            time_ns=desk.now_ns,
        )
    )


def sent_tif(kind: OrderType, tif: TimeInForce, venue: Capabilities) -> TimeInForce:
    """What the venue is told: it knows no held orders, and of our times in force not all."""
    if tif in (TimeInForce.AT_THE_OPEN, TimeInForce.AT_THE_CLOSE):
        return TimeInForce.IOC
    if tif in (TimeInForce.GTC, TimeInForce.GTD):
        rests = TimeInForce.DAY if venue.day_only else TimeInForce.GTC
        return rests if kind.sent_as is OrderType.LIMIT else TimeInForce.IOC
    return tif


def released_tif(desk: Desk, order: Order) -> TimeInForce:
    """The time in force with which it goes out."""
    code = desk.state.tables.instruments[order.instrument].venue
    venue = desk.state.tables.venues.get(code) or nothing(code)
    return sent_tif(order.order_type, order.time_in_force, venue)


def letting_go(order: Order, *, price_ticks: int | None, time_in_force: TimeInForce, reason: str) -> OrderReleased:
    """The release that would be, were the gate to let all of it out."""
    return OrderReleased(
        order_id=order.order_id,
        order_type=OrderType.MARKET if price_ticks is None else OrderType.LIMIT,
        time_in_force=time_in_force,
        quantity_lots=lifecycle.leaves_lots(order),
        price_ticks=price_ticks,
        reserved_price_ticks=0,
        reason=reason,
        time_ns=0,
    )


def end(desk: Desk, order: Order, how: ExecType, text: str) -> None:
    """It never went out, so nobody has to be asked: CANCELED, EXPIRED or REJECTED at once.

    One that goes out in slices ends once its last child is answered.
    """
    if order.held is Held.SLICES:
        close(desk, order, how, text)
        return
    desk.emit(
        OrderReported(
            order_id=order.order_id,
            exec_type=how,
            client_order_id=order.client_order_id,
            text=text,
            unsent=True,
            time_ns=desk.now_ns,
        )
    )


def close(desk: Desk, order: Order, how: ExecType, text: str) -> None:
    """Begin to end a parent order; its children are cancelled by what follows."""
    parent = desk.state.tables.parents[order.order_id]
    if parent.phase is not Phase.CLOSING:
        desk.emit(
            AlgoMoved(
                order_id=order.order_id,
                phase=Phase.CLOSING,
                reason=text,
                actor=order.actor,
                time_ns=desk.now_ns,
                how=how,
            )
        )
