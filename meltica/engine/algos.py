"""Commands about parent orders: judge them, take them in, let ``parents`` do the rest."""

from __future__ import annotations

import msgspec

from meltica.domain import lifecycle
from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo, SubmitAlgo
from meltica.domain.commands import AmendOrder, SubmitOrder
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order, OrderType, TimeInForce
from meltica.domain.parent import Parent, Phase
from meltica.domain.parent_events import AlgoAmended
from meltica.domain.schedule import ChildStyle
from meltica.engine.cancels import refuse_unknown
from meltica.engine.desk import Desk
from meltica.engine.orders import fault_of
from meltica.engine.parents import move
from meltica.engine.schedules.form import Fault, schedule_fault
from meltica.engine.slicing import begin, started

RESTING = (TimeInForce.GTC, TimeInForce.DAY)


def submit_algo(desk: Desk, command: SubmitAlgo) -> None:
    schedule = started(command.schedule, desk.now_ns)
    whole = _as_order(command)
    fault = fault_of(desk, whole) or _own_fault(command) or schedule_fault(schedule, command.price_ticks, desk.now_ns)
    if fault is not None:
        desk.refuse(command.actor, *fault)
        return
    # The books show what its children will be: only a MARKET order could not have these.
    kept = msgspec.structs.replace(whole, post_only=command.post_only, time_in_force=command.time_in_force)
    begin(desk, kept, schedule)


def _as_order(command: SubmitAlgo) -> SubmitOrder:
    """The order that the parent is in the books."""
    priced = command.price_ticks is not None
    return SubmitOrder(
        request_id=command.request_id,
        actor=command.actor,
        account=command.account,
        strategy=command.strategy,
        instrument=command.instrument,
        side=command.side,
        order_type=OrderType.LIMIT if priced else OrderType.MARKET,
        time_in_force=command.time_in_force if priced else TimeInForce.DAY,
        quantity_lots=command.quantity_lots,
        price_ticks=command.price_ticks,
        post_only=command.post_only and priced,
        reduce_only=command.reduce_only,
        short=command.short,
        short_exempt=command.short_exempt,
        client_order_id=command.client_order_id,
    )


def _own_fault(command: SubmitAlgo) -> Fault | None:
    if command.time_in_force not in RESTING:
        return "INVALID_SCHEDULE", "time_in_force", "children that rest are GTC or DAY"
    if command.post_only and command.schedule.style is ChildStyle.MARKET:
        return "POST_ONLY_NOT_RESTING", "post_only", "children of this style never rest"
    return None


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
    if parent.phase not in (Phase.RUNNING, Phase.PAUSED):
        text = f"order {order.order_id} is {parent.phase.value}: it takes no amendment any more"
        desk.refuse(command.actor, "ALGO_NOT_RUNNING", "order_id", text)
        return
    if (fault := _amend_fault(desk, order, parent, command)) is not None:
        desk.refuse(command.actor, *fault)
        return
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


def amend_order(desk: Desk, command: AmendOrder) -> None:
    """``AmendOrder`` of an order that goes out in slices."""
    if command.terms is not None:
        desk.refuse(command.actor, "TERMS_NOT_ALLOWED", "terms", "the terms of an order that is being sliced stay")
        return
    amend_algo(
        desk,
        AmendAlgo(
            request_id=command.request_id,
            actor=command.actor,
            order_id=command.order_id,
            quantity_lots=command.quantity_lots,
            price_ticks=command.price_ticks,
        ),
    )


def _amend_fault(desk: Desk, order: Order, parent: Parent, command: AmendAlgo) -> Fault | None:
    if command.quantity_lots is None and command.price_ticks is None and command.end_ns is None:
        return "NOTHING_TO_AMEND", "quantity", "name a new quantity, a new price, a new end, or several"
    if command.quantity_lots is not None and not 0 < command.quantity_lots <= INT64_MAX:
        return "QUANTITY_OUT_OF_RANGE", "quantity", "the new total must be positive, and no more than any order has"
    most = desk.state.tables.instruments[order.instrument].max_price_ticks
    if command.price_ticks is not None and not 0 < command.price_ticks <= most:
        return (
            "PRICE_OUT_OF_RANGE",
            "price",
            "must be positive, and no more than the instrument's largest price",
        )
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
