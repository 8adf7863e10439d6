"""A parent order is asked for: judged as the order that it is in the books, then as a schedule."""

from __future__ import annotations

import msgspec

from meltica.domain.algo_commands import SubmitAlgo
from meltica.domain.commands import SubmitOrder
from meltica.domain.order import OrderType, TimeInForce
from meltica.domain.schedule import ChildStyle
from meltica.engine.desk import Desk
from meltica.engine.orders import admission
from meltica.engine.orders.faults import strategy_fault
from meltica.engine.orders.orders import fault_of
from meltica.engine.parents.schedules.form import Fault, schedule_fault
from meltica.engine.parents.slicing import begin, started

RESTING = (TimeInForce.GTC, TimeInForce.DAY)


def submit_algo(desk: Desk, command: SubmitAlgo) -> None:
    schedule = started(command.schedule, desk.now_ns)
    whole = _as_order(command)
    fault = fault_of(desk, whole) or strategy_fault(desk.state.tables, command.strategy)
    fault = fault or _own_fault(command) or schedule_fault(schedule, command.price_ticks, desk.now_ns)
    if fault is not None:
        desk.refuse(command.actor, *fault)
        return
    if why := admission.killed(desk, whole):
        desk.refuse(command.actor, "KILL_SWITCH", "", why)
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
