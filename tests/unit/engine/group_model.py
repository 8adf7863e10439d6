"""What a group may do, in other words than the engine's: sums over what venues were told and what they reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from meltica.domain.events import Event
from meltica.domain.groups import GROUP_ACTOR, GroupExtended, GroupImbalanced, GroupOpened, Link, Sizing
from meltica.domain.order import Side
from meltica.domain.order_events import (
    AmendDenied,
    CancelRequested,
    HeldAmended,
    OrderDenied,
    OrderFilled,
    OrderHeld,
    OrderReleased,
    OrderReported,
    OrderSubmitted,
    ReplaceRequested,
    RequestRejected,
    TradeCorrected,
)
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held

ENDS = {ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED}


@dataclass
class Told:
    """One order as its venue knows it, or as it is held."""

    side: Side
    quantity: int
    outside: bool
    waits_for_parent: bool = False
    trades: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    """Client order id -> the total that was asked for; 0: a cancel."""
    of_group: set[str] = field(default_factory=set)
    ended: bool = False
    refusals: int = 0

    @property
    def traded(self) -> int:
        return sum(self.trades.values())

    @property
    def leaves(self) -> int:
        return 0 if self.ended else max(0, self.quantity - self.traded)

    @property
    def may_trade(self) -> bool:
        return not self.ended and (self.leaves > 0 or bool(self.requests))

    @property
    def after_all(self) -> int:
        """What may still trade once every request is carried out, the newest last."""
        if self.ended or 0 in self.requests.values():
            return 0
        return max(0, ([self.quantity, *self.requests.values()][-1]) - self.traded)


@dataclass
class Group:
    opened: GroupOpened
    shares: dict[int, int]
    chains: dict[int, int]
    """Order -> the child that it goes on for, or itself."""
    overfilled: int = 0
    uncovered: int = 0
    first_traded: int = 0
    """Of the legs."""

    @property
    def legs(self) -> list[int]:
        return [each for each in self.chains if each != self.opened.parent_id]


class Model:
    """Folds events; ``judge`` says what is wrong."""

    def __init__(self) -> None:
        self.orders: dict[int, Told] = {}
        self.groups: dict[int, Group] = {}

    def hear(self, events: Iterable[Event]) -> None:
        for event in events:
            self._hear(event)

    def _hear(self, event: Event) -> None:  # noqa: C901, PLR0912 - one row an event
        match event:
            case OrderSubmitted():
                self.orders[event.order_id] = Told(event.side, event.quantity_lots, outside=True)
            case OrderHeld():
                told = Told(event.side, event.quantity_lots, outside=False)
                told.waits_for_parent = event.held is Held.PARENT
                self.orders[event.order_id] = told
            case OrderDenied():
                self.orders[event.order_id] = Told(event.side, 0, outside=False, ended=True)
            case HeldAmended():
                order = self.orders[event.order_id]
                order.quantity = event.quantity_lots
                if event.held is not None:
                    order.waits_for_parent = event.held is Held.PARENT
            case OrderReleased():
                order = self.orders[event.order_id]
                order.outside, order.waits_for_parent = True, False
                order.quantity = order.traded + event.quantity_lots
            case ReplaceRequested() | CancelRequested():
                order = self.orders[event.order_id]
                asked = event.quantity_lots if isinstance(event, ReplaceRequested) else 0
                order.requests[event.client_order_id] = asked
                if event.actor == GROUP_ACTOR:
                    order.of_group.add(event.client_order_id)
            case RequestRejected():
                order = self.orders[event.order_id]
                order.requests.pop(event.client_order_id, None)
                order.refusals += event.client_order_id in order.of_group
            case OrderFilled():
                order = self.orders[event.order_id]
                order.trades[event.execution_id] = event.quantity_lots
                order.refusals = 0
                for group in self.groups.values():
                    if event.order_id in group.legs and not group.first_traded:
                        group.first_traded = event.order_id
            case TradeCorrected():
                self._corrected(event)
            case OrderReported():
                self._reported(event)
            case GroupOpened():
                self.groups[event.group_id] = Group(
                    event, dict(event.members), {each: each for each, _ in event.members}
                )
            case GroupExtended():
                group = self.groups[event.group_id]
                group.chains[event.order_id] = group.chains[event.after]
            case GroupImbalanced():
                group = self.groups[event.group_id]
                group.overfilled, group.uncovered = event.overfilled_lots, event.uncovered_lots
            case AmendDenied():
                pass

    def _corrected(self, event: TradeCorrected) -> None:
        order = self.orders[event.order_id]
        order.refusals = 0
        order.trades[event.reference_execution_id] = event.quantity_lots
        if event.quantity_lots == 0:
            del order.trades[event.reference_execution_id]

    def _reported(self, event: OrderReported) -> None:
        order = self.orders[event.order_id]
        if event.exec_type in ENDS:
            order.ended, order.requests, order.waits_for_parent = True, {}, False
        elif event.exec_type in (ExecType.REPLACED, ExecType.RESTATED):
            order.requests.pop(event.client_order_id, None)
            order.refusals = 0
            if event.quantity_lots is not None:
                order.quantity = max(event.quantity_lots, order.traded)

    # What must hold

    def judge(self, *, gate_lost: bool) -> None:
        for group in self.groups.values():
            if group.opened.among is None:
                self._judge_children(group)
            else:
                self._judge_linked(group)
            self._judge_waiting(group, gate_lost=gate_lost)

    def may_have(self, group: Group, leg: int) -> int:
        """The most that the leg (with those that share its quantity) may trade in all, as of now."""
        lots = group.shares[group.chains[leg]]
        if not group.opened.parent_id:
            return lots
        return lots * self.orders[group.opened.parent_id].traded // group.shares[group.opened.parent_id]

    def _judge_linked(self, group: Group) -> None:
        most = max(self.may_have(group, leg) for leg in group.legs)
        traded = sum(self.orders[leg].traded for leg in group.legs)
        for leg in group.legs:
            order = self.orders[leg]
            if group.opened.among is Link.OCO and group.first_traded not in {0, leg} and order.refusals == 0:
                others = [self.orders[other].after_all for other in group.legs if not self.orders[other].refusals]
                assert sum(lots > 0 for lots in others) <= 1, group
            if not order.waits_for_parent and order.refusals == 0:
                assert order.after_all <= max(0, most - traded), (leg, order, most, traded)
        if group.opened.sizing is Sizing.PARTIAL or not group.opened.parent_id:
            assert group.overfilled == max(0, traded - most), (group.overfilled, traded, most)

    def _judge_children(self, group: Group) -> None:
        over = 0
        for first in {group.chains[leg] for leg in group.legs}:
            parts = [self.orders[leg] for leg in group.legs if group.chains[leg] == first]
            traded, most = sum(part.traded for part in parts), self.may_have(group, first)
            asked = sum(part.after_all for part in parts if not part.waits_for_parent and part.refusals == 0)
            assert asked <= max(0, most - traded), (first, parts, most)
            over += max(0, traded - most)
        assert group.overfilled == over

    def _judge_waiting(self, group: Group, *, gate_lost: bool) -> None:
        """Nothing waits for an order that is over."""
        if not group.opened.parent_id or self.orders[group.opened.parent_id].may_trade or gate_lost:
            return
        assert not any(self.orders[leg].waits_for_parent for leg in group.legs), group
