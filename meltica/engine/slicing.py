"""An order that goes out in slices is taken in."""

from __future__ import annotations

import msgspec

from meltica.domain.commands import SubmitOrder
from meltica.domain.order import Order
from meltica.domain.parent_events import AlgoStarted
from meltica.domain.schedule import ChildStyle, Schedule, ScheduleKind
from meltica.domain.terms import Held, Terms
from meltica.engine import held
from meltica.engine.cancels import free_id
from meltica.engine.desk import Desk


def begin(desk: Desk, command: SubmitOrder, schedule: Schedule, *, group_id: int = 0) -> Order:
    """Take it in; its first slice goes out when its alarm rings. Neither command nor schedule has a fault."""
    tables = desk.state.tables
    order_id = tables.next_order_id
    venue = tables.instruments[command.instrument].venue
    client_order_id = command.client_order_id or free_id(desk, venue, f"m{order_id}", 0)
    held.hold(desk, command, client_order_id, Held.SLICES, group_id=group_id, due_ns=schedule.start_ns)
    mark = desk.mark(command.instrument)
    sides = None if mark is None or mark.bid is None or mark.ask is None else mark.bid[0] + mark.ask[0]
    desk.emit(
        AlgoStarted(
            order_id=order_id,
            schedule=schedule,
            actor=command.actor,
            time_ns=desk.now_ns,
            arrival_half_ticks=sides,
        )
    )
    return tables.orders[order_id]


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
