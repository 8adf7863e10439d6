"""Which orders are the slices of which: follows from the tables, and makes no question about it look at every order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from meltica.domain.market import Quote
from meltica.domain.order import Order
from meltica.domain.parent import AlgoView, Parent, Phase
from meltica.domain.schedule import ScheduleKind
from meltica.engine.parents import schedules
from meltica.engine.parents.schedules import Plan, pov

Totals = tuple[int, int, int]
"""Lots, price_ticks x lots, fees in nanos."""
_WATCHING = (Phase.RUNNING, Phase.PAUSED)
NOTHING: Final = (0, 0, 0)
PLANS_KEPT: Final = 4096
"""Plans that are remembered with their curves, up to a thousand slices each; of more the oldest are computed anew."""


class Families:
    def __init__(self, orders: Mapping[int, Order], parents: Mapping[int, Parent]) -> None:
        self._orders = orders
        self._parents = parents
        self._children: dict[int, list[int]] = {}
        self._maybe_live: dict[int, dict[int, Order]] = {}
        """By parent its children of which something was heard since they were dead, oldest first."""
        self._counted: dict[int, Totals] = {}
        """Child -> what of it is in its parent's totals."""
        self._plans: dict[int, Plan] = {}
        self._volume: dict[str, dict[int, Parent]] = {}
        """Instrument -> the parents that follow its volume."""
        for order in orders.values():
            if order.parent_id:
                self.add(order)
                self.grown(order)
        for parent in parents.values():
            self.watch(parent)

    def add(self, child: Order) -> None:
        self._children.setdefault(child.parent_id, []).append(child.order_id)
        self.touch(child)

    def touch(self, child: Order) -> None:
        """Something became known of it; so it may be alive again."""
        maybe = self._maybe_live.setdefault(child.parent_id, {})
        if child.order_id not in maybe:
            late = bool(maybe) and child.order_id < next(reversed(maybe))
            maybe[child.order_id] = child
            if late:
                self._maybe_live[child.parent_id] = {number: maybe[number] for number in sorted(maybe)}

    def grown(self, child: Order) -> Totals:
        """By how much the child's executions differ from what its parent's totals have of it; now they have it."""
        before = self._counted.get(child.order_id, NOTHING)
        after = child.cumulative_lots, child.cumulative_value, child.fees_nanos
        if after == before:
            return NOTHING
        self._counted[child.order_id] = after
        return after[0] - before[0], after[1] - before[1], after[2] - before[2]

    def live(self, parent_id: int) -> list[Order]:
        """The children that may still be filled, oldest first."""
        maybe = self._maybe_live.get(parent_id)
        if not maybe:
            return []
        living = [child for child in maybe.values() if child.reserved_lots > 0]
        if len(living) < len(maybe):
            self._maybe_live[parent_id] = {child.order_id: child for child in living}
        return living

    def plan(self, order: Order, parent: Parent) -> Plan:
        """What the parent is to do by when, as its order and its schedule are now."""
        plan = self._plans.get(order.order_id)
        if plan is None or plan.schedule is not parent.schedule or plan.quantity_lots != order.quantity_lots:
            plan = self._plans[order.order_id] = Plan(order.order_id, order.quantity_lots, parent.schedule)
            if len(self._plans) > PLANS_KEPT:
                del self._plans[next(iter(self._plans))]
        return plan

    def children(self, parent_id: int) -> tuple[int, ...]:
        return tuple(self._children.get(parent_id, ()))

    def view(self, order: Order, parent: Parent, now_ns: int) -> AlgoView:
        live = self.live(order.order_id)
        return AlgoView(
            target_lots=schedules.due(self.plan(order, parent), now_ns, parent.market_lots),
            working_lots=sum(child.reserved_lots for child in live),
            children=self.children(order.order_id),
            live=tuple(child.order_id for child in live),
        )

    def watch(self, parent: Parent) -> None:
        """Begin or cease to follow the market's volume, as the parent's phase says."""
        name = self._orders[parent.order_id].instrument
        if parent.schedule.kind is ScheduleKind.POV and parent.phase in _WATCHING:
            self._volume.setdefault(name, {})[parent.order_id] = parent
        elif name in self._volume:
            self._volume[name].pop(parent.order_id, None)
            if not self._volume[name]:
                del self._volume[name]

    def following(self, instrument: str) -> Iterable[Parent]:
        """Those that follow the instrument's volume, oldest first."""
        found = self._volume.get(instrument)
        return () if found is None else [found[number] for number in sorted(found)]

    def watched(self, quote: Quote, now_ns: int) -> bool:
        """Does a parent want to hear of this volume?"""
        found = self._volume.get(quote.instrument)
        return found is not None and any(self.wants(parent, quote, now_ns) for parent in found.values())

    def wants(self, parent: Parent, quote: Quote, now_ns: int) -> bool:
        """Yes at first, when the driver counts anew, and once enough has traded for the next child."""
        if now_ns < parent.schedule.start_ns:
            return False
        if parent.counter_lots is None or quote.traded_lots < parent.counter_lots:
            return True
        traded = quote.traded_lots - parent.counter_lots
        if traded == 0:
            return False
        order, schedule = self._orders[parent.order_id], parent.schedule
        under_way = order.cumulative_lots + sum(child.reserved_lots for child in self.live(order.order_id))
        child = schedules.child_lots(self.plan(order, parent), parent.slices)
        needed = min(under_way + child, order.quantity_lots)
        if pov.due(schedule, order.quantity_lots, parent.market_lots) >= needed:
            return False  # It knows of enough: something else holds it back.
        return parent.market_lots + traded >= pov.volume_for(schedule, needed)
