"""A strategy's own orders, folded from the engine's events with the same code that the engine uses."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from meltica.domain import lifecycle
from meltica.domain.algo_commands import SubmitAlgo
from meltica.domain.commands import SubmitOrder
from meltica.domain.lifecycle import OrderEvent
from meltica.domain.order import Order, OrderType, PendingKind
from meltica.domain.order_events import (
    CancelRequested,
    HeldAmended,
    OrderDenied,
    OrderFilled,
    OrderHeld,
    OrderReleased,
    OrderSubmitted,
    ReplaceRequested,
)

FINISHED_REMEMBERED = 10_000
"""Finished orders that a late correction still finds; older ones no longer concern a running strategy."""


class OwnOrders:
    """Orders by the engine's number, and those on their way by their client order id."""

    def __init__(self) -> None:
        self._sent: dict[str, Order] = {}
        self._known: dict[int, Order] = {}
        self._working: dict[str, dict[int, Order]] = {}
        self._finished: deque[int] = deque()
        self._asked: dict[int, PendingKind] = {}
        """What was asked for and has not come back from the engine yet."""

    def sent(self, command: SubmitOrder | SubmitAlgo, time_ns: int) -> None:
        """Asked for; the engine has not answered. It has no number yet."""
        plain = OrderType.MARKET if command.price_ticks is None else OrderType.LIMIT
        self._sent[command.client_order_id] = Order(
            order_id=0,
            client_order_id=command.client_order_id,
            account=command.account,
            strategy=command.strategy,
            instrument=command.instrument,
            side=command.side,
            order_type=command.order_type if isinstance(command, SubmitOrder) else plain,
            time_in_force=command.time_in_force,
            quantity_lots=command.quantity_lots,
            price_ticks=command.price_ticks,
            post_only=command.post_only,
            reduce_only=command.reduce_only,
            actor=command.actor,
            created_ns=time_ns,
            terms=command.terms if isinstance(command, SubmitOrder) else None,
        )

    def refused(self, client_order_id: str) -> Order | None:
        """The engine refused the command itself: there is no order."""
        return self._sent.pop(client_order_id, None)

    def opened(self, event: OrderSubmitted | OrderHeld | OrderDenied) -> Order:
        if (known := self._known.get(event.order_id)) is not None:
            return known
        self._sent.pop(event.client_order_id, None)
        order = lifecycle.opened(event)
        self.adopt(order)
        return order

    def adopt(self, order: Order) -> None:
        """An order that exists already: just opened, or working since before this process."""
        self._known[order.order_id] = order
        if lifecycle.is_working(order):
            self._working.setdefault(order.instrument, {})[order.order_id] = order
        else:
            self._retire(order)

    def move(self, event: OrderEvent) -> Order | None:
        """Add the event's fact; None: not an order of ours, or it was known already."""
        order = self._known.get(event.order_id)
        if order is None or _repeats(order, event):
            return None
        asked = isinstance(event, HeldAmended) and event.actor.startswith("strategy:")
        if asked or isinstance(event, CancelRequested | ReplaceRequested):
            self._asked.pop(event.order_id, None)
        was_working = lifecycle.is_working(order)
        lifecycle.move(order, event)
        if was_working and not lifecycle.is_working(order):
            self._working[order.instrument].pop(order.order_id, None)
            self._retire(order)
        return order

    def refresh(self, order: Order) -> None:
        """One that its slices fill, or whose fill was taken back."""
        working = self._working.setdefault(order.instrument, {})
        if lifecycle.is_working(order):
            working[order.order_id] = order
        elif working.pop(order.order_id, None) is not None:
            self._retire(order)

    def asked(self, order: Order, kind: PendingKind) -> None:
        self._asked[order.order_id] = kind

    def answered(self, order_id: int) -> None:
        """The engine answered a change or cancel with a refusal."""
        self._asked.pop(order_id, None)

    def is_asked(self, order: Order, kind: PendingKind | None = None) -> bool:
        """Is a request (of this kind) on its way, to the engine or to the venue?"""
        asked = self._asked.get(order.order_id)
        if asked is not None and kind in (None, asked):
            return True
        return any(kind in (None, request.kind) for request in order.pending)

    def get(self, order_id: int) -> Order | None:
        return self._known.get(order_id)

    def working(self, instrument: str) -> list[Order]:
        """Oldest first; those on their way last."""
        found = list(self._working.get(instrument, {}).values())
        found.extend(order for order in self._sent.values() if order.instrument == instrument)
        return found

    def all_working(self) -> Iterator[Order]:
        for orders in self._working.values():
            yield from orders.values()

    def all_sent(self) -> Iterator[Order]:
        return iter(self._sent.values())

    def _retire(self, order: Order) -> None:
        self._asked.pop(order.order_id, None)
        self._finished.append(order.order_id)
        if len(self._finished) > FINISHED_REMEMBERED:
            self._known.pop(self._finished.popleft(), None)


def _repeats(order: Order, event: OrderEvent) -> bool:
    """Events may come twice, as the answer to a command and in the stream: the second time they change nothing."""
    if isinstance(event, CancelRequested | ReplaceRequested):
        return event.client_order_id in order.chain
    if isinstance(event, HeldAmended | OrderReleased):
        return order.held is None
    return isinstance(event, OrderFilled) and event.execution_id in order.executions
