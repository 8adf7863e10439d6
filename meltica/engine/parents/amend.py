"""Parent orders are paused, resumed and amended."""

from __future__ import annotations

import msgspec

from meltica.domain import lifecycle
from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo
from meltica.domain.commands import AmendOrder
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order, OrderType
from meltica.domain.parent import Parent, Phase
from meltica.domain.parent_events import AlgoAmended
from meltica.engine.desk import Desk
from meltica.engine.orders.cancels import refuse_unknown
from meltica.engine.parents.schedules.form import Fault, schedule_fault
from meltica.engine.parents.slicing import move


def pause_algo(desk: Desk, command: PauseAlgo) -> None:
    if (found := _found(desk, command.actor, command.order_id)) is None:
        return
    order, parent = found
    if parent.phase is not Phase.RUNNING:
        text = f"order {order.order_id} is {parent.phase.value}: only one that runs can be paused"
        desk.refuse(command.actor, "ALGO_NOT_RUNNING", "order_id", text)
        return
    reason = command.reason or f"paused by {command.actor}"
    move(desk, order, Phase.PAUSED, reason, actor=command.actor, keep_children=command.keep_children)


def resume_algo(desk: Desk, command: ResumeAlgo) -> None:
    if (found := _found(desk, command.actor, command.order_id)) is None:
        return
    order, parent = found
    if parent.phase is not Phase.PAUSED:
        text = f"order {order.order_id} is {parent.phase.value}: only one that is paused can be resumed"
        desk.refuse(command.actor, "ALGO_NOT_PAUSED", "order_id", text)
        return
    move(desk, order, Phase.RUNNING, f"resumed by {command.actor}", actor=command.actor)


def amend_algo(desk: Desk, command: AmendAlgo) -> None:
    if (found := _found(desk, command.actor, command.order_id)) is None:
        return
    order, parent = found
    if (fault := _fault(desk, order, parent, command)) is not None:
        desk.refuse(command.actor, *fault)
    else:
        _carry_out(desk, order, parent, command)


def order_fault(desk: Desk, order: Order, command: AmendOrder) -> Fault | None:
    """``AmendOrder`` of an order that goes out in slices."""
    if command.terms is not None:
        return "TERMS_NOT_AMENDABLE", "terms", "it goes out in slices already: only quantity and price can be changed"
    if command.client_order_id:
        return "CLIENT_ORDER_ID_NOT_ALLOWED", "client_order_id", "no venue hears of the change, so it needs no id"
    return _fault(desk, order, desk.state.tables.parents[order.order_id], _as_algo(command))


def amend_order(desk: Desk, order: Order, command: AmendOrder) -> None:
    """One that ``order_fault`` found nothing wrong with."""
    _carry_out(desk, order, desk.state.tables.parents[order.order_id], _as_algo(command))


def _as_algo(command: AmendOrder) -> AmendAlgo:
    return AmendAlgo(
        request_id=command.request_id,
        actor=command.actor,
        order_id=command.order_id,
        quantity_lots=command.quantity_lots,
        price_ticks=command.price_ticks,
    )


def _carry_out(desk: Desk, order: Order, parent: Parent, command: AmendAlgo) -> None:
    schedule = parent.schedule
    if command.end_ns is not None:
        schedule = msgspec.structs.replace(schedule, end_ns=command.end_ns)
    quantity = order.quantity_lots if command.quantity_lots is None else command.quantity_lots
    desk.emit(
        AlgoAmended(
            order_id=order.order_id,
            quantity_lots=max(quantity, order.cumulative_lots),
            price_ticks=order.price_ticks if command.price_ticks is None else command.price_ticks,
            schedule=schedule,
            actor=command.actor,
            time_ns=desk.now_ns,
        )
    )


def _fault(desk: Desk, order: Order, parent: Parent, command: AmendAlgo) -> Fault | None:
    if parent.phase not in (Phase.RUNNING, Phase.PAUSED):
        return (
            "ALGO_NOT_RUNNING",
            "order_id",
            f"order {order.order_id} is {parent.phase.value}: too late for that",
        )
    if command.quantity_lots is None and command.price_ticks is None and command.end_ns is None:
        return "NOTHING_TO_AMEND", "quantity", "name a new quantity, a new price, a new end, or several"
    if command.quantity_lots is not None and not 0 < command.quantity_lots <= INT64_MAX:
        return "QUANTITY_OUT_OF_RANGE", "quantity", "the new total must be positive, and no more than any order has"
    most = desk.state.tables.instruments[order.instrument].max_price_ticks
    if command.price_ticks is not None and not 0 < command.price_ticks <= most:
        return "PRICE_OUT_OF_RANGE", "price", "must be positive, and no more than the instrument's largest price"
    if command.price_ticks is not None and order.order_type is OrderType.MARKET:
        return "PRICE_NOT_ALLOWED", "price", "it was begun without a limit; cancel it and begin one that has one"
    if command.end_ns is None:
        return None
    schedule = msgspec.structs.replace(parent.schedule, end_ns=command.end_ns)
    return schedule_fault(schedule, order.price_ticks, desk.now_ns)


def _found(desk: Desk, actor: str, order_id: int) -> tuple[Order, Parent] | None:
    order = desk.state.tables.orders.get(order_id)
    if order is None:
        refuse_unknown(desk, actor, order_id)
        return None
    if (parent := desk.state.tables.parents.get(order_id)) is None:
        desk.refuse(actor, "NOT_AN_ALGO", "order_id", f"order {order_id} does not go out in slices")
        return None
    if order.ended is not None:
        text = f"order {order_id} is {lifecycle.status(order).value}: nothing more comes of it"
        desk.refuse(actor, "ORDER_TERMINAL", "order_id", text)
        return None
    return order, parent
