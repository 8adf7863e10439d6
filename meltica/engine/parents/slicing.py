"""An order that goes out in slices is taken in, or is in another phase."""

from __future__ import annotations

import msgspec

from meltica.domain.commands import SubmitOrder
from meltica.domain.order import Order
from meltica.domain.parent import Phase
from meltica.domain.parent_events import AlgoMoved, AlgoStarted
from meltica.domain.reports import ExecType
from meltica.domain.schedule import ChildStyle, Schedule, ScheduleKind
from meltica.domain.terms import Held, Terms
from meltica.engine.desk import Desk
from meltica.engine.held import held
from meltica.engine.orders.cancels import free_id

SYSTEM = "system:algo"
"""Who changes a parent order when nobody asked for it: its schedule, its children, the market."""


def begin(desk: Desk, command: SubmitOrder, schedule: Schedule, *, group_id: int = 0) -> Order:
    """Take it in; its first slice goes out when its alarm rings. Neither command nor schedule has a fault."""
    tables = desk.state.tables
    order_id = tables.next_order_id
    venue = tables.instruments[command.instrument].venue
    client_order_id = command.client_order_id or free_id(desk, venue, f"m{order_id}", 0)
    held.hold(desk, command, client_order_id, Held.SLICES, group_id=group_id, due_ns=schedule.start_ns)
    _start(desk, order_id, command.instrument, schedule, command.actor)
    return tables.orders[order_id]


def turn(desk: Desk, order: Order, terms: Terms) -> None:
    """One that waited for another to be filled: its moment came, and little of it is to show."""
    now = desk.now_ns
    held.amend(desk, order, held=Held.SLICES, due_ns=now, reason="its moment came: it goes out in slices")
    _start(desk, order.order_id, order.instrument, iceberg(terms, now), order.actor)


def _start(desk: Desk, order_id: int, instrument: str, schedule: Schedule, actor: str) -> None:
    mark = desk.mark(instrument)
    sides = None if mark is None or mark.bid is None or mark.ask is None else mark.bid[0] + mark.ask[0]
    desk.emit(
        AlgoStarted(order_id=order_id, schedule=schedule, actor=actor, time_ns=desk.now_ns, arrival_half_ticks=sides)
    )


def started(schedule: Schedule, now_ns: int) -> Schedule:
    """A start that has passed, or none, is now."""
    if 0 <= schedule.start_ns < now_ns:
        return msgspec.structs.replace(schedule, start_ns=now_ns)
    return schedule


def iceberg(terms: Terms, now_ns: int) -> Schedule:
    """What an order whose terms say that little of it shows is here, where its venue has no such thing."""
    return Schedule(
        kind=ScheduleKind.ICEBERG,
        start_ns=now_ns,
        end_ns=terms.expire_ns,
        max_child_lots=terms.display_lots,
        randomise_ppm=terms.display_spread_ppm,
        style=ChildStyle.LIMIT,
    )


def move(
    desk: Desk,
    order: Order,
    phase: Phase,
    reason: str,
    *,
    actor: str = SYSTEM,
    how: ExecType | None = None,
    keep_children: bool = False,
) -> None:
    desk.emit(
        AlgoMoved(
            order_id=order.order_id,
            phase=phase,
            reason=reason,
            actor=actor,
            time_ns=desk.now_ns,
            how=how,
            keep_children=keep_children,
        )
    )
