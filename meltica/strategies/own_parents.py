"""A strategy's orders that go out in slices: how far each is, folded from the same events that the engine folds."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from meltica.domain.lifecycle import leaves_lots
from meltica.domain.order import Order
from meltica.domain.parent import AlgoView, Parent, Phase
from meltica.domain.parent_events import AlgoAmended, AlgoMoved, AlgoStarted
from meltica.domain.schedule import Schedule
from meltica.domain.terms import Held

Moved = AlgoStarted | AlgoMoved | AlgoAmended


class Algo(msgspec.Struct, frozen=True, gc=False):
    """How far an order is that goes out in slices. ``order`` has what is filled, and the limit."""

    order: Order
    schedule: Schedule
    phase: Phase
    reason: str
    """Why it is in this phase."""
    working_lots: int
    """What its slices may still fill."""
    slices: tuple[int, ...]
    """Their ids, oldest first."""


class _Own:
    def __init__(self, order: Order, schedule: Schedule) -> None:
        self.order = order
        self.schedule = schedule
        self.phase = Phase.RUNNING
        self.reason = ""
        self.slices: list[int] = []
        self.live: dict[int, Order] = {}
        """Slices that may still be filled, and some that may not any more."""


class OwnParents:
    def __init__(self) -> None:
        self._parents: dict[int, _Own] = {}

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._parents

    def adopt(self, order: Order, parent: Parent, view: AlgoView, slices: Iterable[Order]) -> None:
        """One from before this process; ``slices``: those of its that may still be filled."""
        own = self._parents[order.order_id] = _Own(order, parent.schedule)
        own.phase, own.reason = parent.phase, parent.reason
        own.slices = list(view.children)
        own.live = {each.order_id: each for each in slices}

    def move(self, order: Order, event: Moved) -> bool:
        """False: it was known already."""
        if isinstance(event, AlgoStarted):
            if order.order_id in self._parents:
                return False
            self._parents[order.order_id] = _Own(order, event.schedule)
            return True
        own = self._parents[order.order_id]
        if isinstance(event, AlgoAmended):
            known = (order.quantity_lots, order.price_ticks, own.schedule)
            order.quantity_lots, order.price_ticks, own.schedule = (
                event.quantity_lots,
                event.price_ticks,
                event.schedule,
            )
            return known != (order.quantity_lots, order.price_ticks, own.schedule)
        if (own.phase, own.reason) == (event.phase, event.reason):
            return False
        own.phase, own.reason = event.phase, event.reason
        order.held = None if event.phase is Phase.DONE else Held.SLICES
        return True

    def add(self, child: Order) -> None:
        if (own := self._parents.get(child.parent_id)) is not None:
            own.slices.append(child.order_id)
            own.live[child.order_id] = child

    def grown(self, child: Order, before: tuple[int, int, int]) -> Order | None:
        """The parent of a slice that had so much (lots, value, fees) before; None: a slice of nobody here."""
        if (own := self._parents.get(child.parent_id)) is None:
            return None
        lots, value, fees = before
        own.live[child.order_id] = child  # A bust may have opened it again.
        own.order.cumulative_lots += child.cumulative_lots - lots
        own.order.cumulative_value += child.cumulative_value - value
        own.order.fees_nanos += child.fees_nanos - fees
        return own.order

    def get(self, order_id: int) -> Algo | None:
        if (own := self._parents.get(order_id)) is None:
            return None
        own.live = {child.order_id: child for child in own.live.values() if leaves_lots(child)}
        working = sum(leaves_lots(child) for child in own.live.values())
        return Algo(own.order, own.schedule, own.phase, own.reason, working, tuple(own.slices))
