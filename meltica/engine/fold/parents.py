"""How events change parent orders: their own, and those of their children. The only code that changes a parent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from meltica.domain.errors import InvariantError
from meltica.domain.order import Order
from meltica.domain.order_events import OrderDenied, OrderFilled, OrderReported, OrderSubmitted, TradeCorrected
from meltica.domain.parent import PHASES, Parent, Phase
from meltica.domain.parent_events import AlgoAmended, AlgoMoved, AlgoOverfilled, AlgoStarted, AlgoVolume, AlgoWaits
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held
from meltica.engine.fold import groups as fold_groups
from meltica.engine.parents.families import NOTHING
from meltica.engine.state import EngineState

_NEW: Final = ExecType.NEW
_REJECTED: Final = ExecType.REJECTED


class ParentsFold:
    def __init__(self, state: EngineState, changed: dict[int, None]) -> None:
        self._state = state
        self._changed = changed
        self.rows: dict[type, Callable[[Any], None]] = {
            AlgoStarted: self._started,
            AlgoMoved: self._moved,
            AlgoWaits: self._waits,
            AlgoAmended: self._amended,
            AlgoVolume: self._volume,
            AlgoOverfilled: self._overfilled,
        }

    # Children

    def child_began(self, child: Order, event: OrderSubmitted | OrderDenied) -> None:
        parent = self._parent(child.parent_id)
        self._state.families.add(child)
        parent.slices += 1
        if isinstance(event, OrderDenied):
            parent.refusals += 1
            return
        parent.waits = 0
        if parent.phase is Phase.CROSSING:
            parent.crossed_at_lots = self._state.tables.orders[child.parent_id].cumulative_lots

    def child_changed(self, child: Order, event: object) -> None:
        """Its parent has all that it has, whatever it was told by: a fill, a late one, a correction, a bust."""
        state = self._state
        parent = state.tables.parents[child.parent_id]
        state.families.touch(child)
        if isinstance(event, OrderReported):
            if event.exec_type is _NEW:
                parent.refusals = 0
            elif event.exec_type is _REJECTED:
                parent.refusals += 1
        lots, value, fees = grown = state.families.grown(child)
        if grown != NOTHING:
            order = state.tables.orders[child.parent_id]
            if state.unsaved is not None:
                state.unsaved.order(child.parent_id)
            order.cumulative_lots += lots
            order.cumulative_value += value
            order.fees_nanos += fees
            order.updated_ns = child.updated_ns
            parent.refusals = 0
            if order.group_id and isinstance(event, OrderFilled | TradeCorrected):
                fold_groups.moved(state.tables, order, event)
                self._changed[order.order_id] = None

    # The parent itself

    def _started(self, event: AlgoStarted) -> None:
        tables = self._state.tables
        parent = tables.parents[event.order_id] = Parent(
            order_id=event.order_id, schedule=event.schedule, arrival_half_ticks=event.arrival_half_ticks
        )
        self._state.families.watch(parent)

    def _moved(self, event: AlgoMoved) -> None:
        order, parent = self._both(event.order_id)
        if event.phase not in PHASES[parent.phase]:
            raise InvariantError(f"order {event.order_id} can't be {event.phase.value}: it is {parent.phase.value}")
        if event.phase is Phase.DONE:
            parent.before = Phase.RUNNING if parent.phase is Phase.CROSSING else parent.phase
            parent.done_at = self._state.tables.next_execution
        else:
            parent.how, parent.keep_children = event.how, event.keep_children
        if event.phase is Phase.CROSSING:
            parent.crossed_at_lots = -1
        parent.phase, parent.reason = event.phase, event.reason
        parent.refusals = parent.waits = parent.retry_ns = 0
        order.held = None if event.phase is Phase.DONE else Held.SLICES
        order.due_ns = 0
        order.updated_ns = event.time_ns
        self._state.keep(order)
        self._state.families.watch(parent)
        self._changed[event.order_id] = None

    def _waits(self, event: AlgoWaits) -> None:
        order, parent = self._both(event.order_id)
        order.due_ns = event.due_ns
        if event.retry_ns:
            parent.retry_ns = event.retry_ns
            parent.waits += 1
        parent.reason = event.reason
        self._state.keep(order)

    def _amended(self, event: AlgoAmended) -> None:
        order, parent = self._both(event.order_id)
        order.quantity_lots, order.price_ticks = event.quantity_lots, event.price_ticks
        order.updated_ns = event.time_ns
        parent.schedule = event.schedule
        self._changed[event.order_id] = None

    def _volume(self, event: AlgoVolume) -> None:
        parent = self._parent(event.order_id)
        parent.counter_lots, parent.market_lots = event.counter_lots, event.market_lots
        self._changed[event.order_id] = None

    def _overfilled(self, event: AlgoOverfilled) -> None:
        self._parent(event.order_id).overfilled_lots = event.lots

    def _parent(self, order_id: int) -> Parent:
        return self._state.tables.parents[order_id]

    def _both(self, order_id: int) -> tuple[Order, Parent]:
        return self._state.tables.orders[order_id], self._parent(order_id)
