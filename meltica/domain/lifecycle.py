"""The life of an order as FIX tells it (Appendix D): facts first, status by precedence.

A status is never stored. ``status`` walks PRECEDENCE from the top and reports the first row whose fact holds, as FIX
4.2 to 5.0SP2 prescribe for an order that is in several states at once. Late fills, busts and corrections are facts like
any others, so each is accepted in every state and the status follows.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

from meltica.domain.limits import EXTERNAL
from meltica.domain.order import Ended, Execution, Order, OrderType, Pending, PendingKind, TimeInForce
from meltica.domain.order_events import (
    CancelRequested,
    HeldAmended,
    OrderAdopted,
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


class OrderStatus(enum.Enum):
    """FIX tag 39, by name."""

    PENDING_NEW = "PendingNew"
    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    DONE_FOR_DAY = "DoneForDay"
    CANCELED = "Canceled"
    PENDING_CANCEL = "PendingCancel"
    STOPPED = "Stopped"
    REJECTED = "Rejected"
    SUSPENDED = "Suspended"
    CALCULATED = "Calculated"
    EXPIRED = "Expired"
    PENDING_REPLACE = "PendingReplace"


def _pending(order: Order, kind: PendingKind) -> bool:
    return any(request.kind is kind and request.acknowledged for request in order.pending)


PRECEDENCE: Final[tuple[tuple[int, OrderStatus, str, Callable[[Order], bool]], ...]] = (
    (
        12,
        OrderStatus.PENDING_CANCEL,
        "a cancel is pending at the venue",
        lambda o: _pending(o, PendingKind.CANCEL),
    ),
    (
        11,
        OrderStatus.PENDING_REPLACE,
        "a replace is pending at the venue",
        lambda o: _pending(o, PendingKind.REPLACE),
    ),
    (10, OrderStatus.DONE_FOR_DAY, "the venue is done with it for today", lambda o: o.done_for_day),
    (9, OrderStatus.CALCULATED, "its trades are settled for the day", lambda o: o.ended is Ended.CALCULATED),
    (8, OrderStatus.FILLED, "cumulative >= quantity > 0", lambda o: o.cumulative_lots >= o.quantity_lots > 0),
    (7, OrderStatus.STOPPED, "the venue guarantees a price", lambda o: o.stopped),
    (6, OrderStatus.SUSPENDED, "the venue holds it back", lambda o: o.suspended),
    (5, OrderStatus.CANCELED, "it was cancelled", lambda o: o.ended is Ended.CANCELED),
    (5, OrderStatus.EXPIRED, "it expired", lambda o: o.ended is Ended.EXPIRED),
    (4, OrderStatus.PARTIALLY_FILLED, "cumulative > 0", lambda o: o.cumulative_lots > 0),
    (2, OrderStatus.REJECTED, "we or the venue refused it", lambda o: o.ended is Ended.REJECTED),
    (
        2,
        OrderStatus.NEW,
        "the venue has it, or the engine until its moment comes",
        lambda o: o.acknowledged or o.held is not None,
    ),
    (1, OrderStatus.PENDING_NEW, "it was sent", lambda _: True),
)
"""(FIX precedence, status, the fact in words, the fact). The first that holds is the status."""

TERMINAL: Final = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
        OrderStatus.CALCULATED,
    }
)
"""No more fills are expected; those that come all the same are applied."""


def status(order: Order) -> OrderStatus:
    """The order's FIX OrdStatus."""
    for _, name, _, fact in PRECEDENCE:
        if fact(order):
            return name
    raise AssertionError  # The last row always holds.


def leaves_lots(order: Order) -> int:
    """FIX LeavesQty: what may still be filled. 0 once it ended, or is done for the day for good."""
    return leaves_at(order, order.cumulative_lots)


def leaves_at(order: Order, cumulative_lots: int) -> int:
    """What the leaves would be, were this much filled."""
    if order.ended is not None or (order.done_for_day and not order.remainder_survives_day):
        return 0
    return max(order.quantity_lots - cumulative_lots, 0)


def is_working(order: Order) -> bool:
    """May it still be filled (a cancel-all cancels it)? It counts for exposure unless the engine holds it."""
    return order.ended is None and leaves_lots(order) > 0


def opened(event: OrderSubmitted | OrderHeld | OrderDenied) -> Order:
    """The order that begins with this event."""
    return Order(
        order_id=event.order_id,
        client_order_id=event.client_order_id,
        account=event.account,
        strategy=event.strategy,
        instrument=event.instrument,
        side=event.side,
        order_type=event.order_type,
        time_in_force=event.time_in_force,
        quantity_lots=event.quantity_lots,
        price_ticks=event.price_ticks,
        post_only=event.post_only,
        reduce_only=event.reduce_only,
        iso=event.iso,
        short=event.short,
        short_exempt=event.short_exempt,
        actor=event.actor,
        created_ns=event.time_ns,
        updated_ns=event.time_ns,
        terms=event.terms,
        parent_id=event.parent_id if isinstance(event, OrderSubmitted) else 0,
        group_id=0 if isinstance(event, OrderDenied) else event.group_id,
        held=event.held if isinstance(event, OrderHeld) else None,
        due_ns=event.due_ns if isinstance(event, OrderHeld) else 0,
        ended=Ended.REJECTED if isinstance(event, OrderDenied) else None,
        refusal=event.reason if isinstance(event, OrderDenied) else "",
    )


def submission(order: Order, event: OrderReleased) -> OrderSubmitted:
    """What a venue is told of an order that was held until now."""
    return OrderSubmitted(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account=order.account,
        strategy=order.strategy,
        instrument=order.instrument,
        side=order.side,
        order_type=event.order_type,
        time_in_force=event.time_in_force,
        quantity_lots=event.quantity_lots,
        price_ticks=event.price_ticks,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        iso=order.iso,
        short=order.short,
        short_exempt=order.short_exempt,
        reserved_price_ticks=event.reserved_price_ticks,
        asked_lots=event.asked_lots,
        actor=order.actor,
        time_ns=event.time_ns,
        parent_id=order.parent_id,
        group_id=order.group_id,
    )


def adopted(event: OrderAdopted) -> Order:
    """The order that the venue told us of. How long it works it did not say: until somebody cancels it."""
    return Order(
        order_id=event.order_id,
        client_order_id=event.client_order_id,
        account=event.account,
        strategy=event.strategy or EXTERNAL,
        gate=event.gate,
        instrument=event.instrument,
        side=event.side,
        order_type=OrderType.MARKET if event.price_ticks is None else OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity_lots=event.quantity_lots,
        price_ticks=event.price_ticks,
        actor=f"gate:{event.gate}" if event.gate else f"venue:{event.venue}",
        created_ns=event.time_ns,
        updated_ns=event.time_ns,
    )


OrderEvent = (
    HeldAmended
    | OrderReleased
    | CancelRequested
    | ReplaceRequested
    | OrderReported
    | OrderFilled
    | TradeCorrected
    | RequestRejected
)


def move(order: Order, event: OrderEvent) -> None:
    """Add the event's fact to the order's. The only code that changes an order's facts."""
    order.updated_ns = event.time_ns
    match event:
        case OrderReported():
            _REPORTED[event.exec_type](order, event)
            _remember_id(order, event.client_order_id)
            if event.venue_order_id:
                order.venue_order_id = event.venue_order_id
        case OrderFilled():
            _execute(order, event)
        case TradeCorrected():
            _correct(order, event)
        case CancelRequested() | ReplaceRequested():
            _request(order, event)
        case RequestRejected():
            _drop_pending(order, event.client_order_id)
        case HeldAmended():
            _amend_held(order, event)
        case OrderReleased():
            _release(order, event)


def _amend_held(order: Order, event: HeldAmended) -> None:
    order.quantity_lots, order.price_ticks = event.quantity_lots, event.price_ticks
    order.terms, order.due_ns = event.terms, event.due_ns
    if event.held is not None:
        order.held = event.held


def _release(order: Order, event: OrderReleased) -> None:
    order.held, order.due_ns = None, 0
    order.quantity_lots, order.price_ticks = event.quantity_lots, event.price_ticks


def _remember_id(order: Order, client_order_id: str) -> None:
    if client_order_id and client_order_id != order.client_order_id and client_order_id not in order.chain:
        order.chain = (*order.chain, client_order_id)


def _request(order: Order, event: CancelRequested | ReplaceRequested) -> None:
    order.last_request += 1
    order.chain = (*order.chain, event.client_order_id)
    order.pending = (
        *order.pending,
        Pending(
            kind=PendingKind.REPLACE if isinstance(event, ReplaceRequested) else PendingKind.CANCEL,
            client_order_id=event.client_order_id,
            original_client_order_id=event.original_client_order_id,
            quantity_lots=event.quantity_lots if isinstance(event, ReplaceRequested) else 0,
            price_ticks=event.price_ticks if isinstance(event, ReplaceRequested) else None,
        ),
    )


def _execute(order: Order, event: OrderFilled) -> None:
    order.acknowledged = True
    order.stopped = False  # The guaranteed execution came.
    order.executions[event.execution_id] = Execution(
        event.execution_id, event.quantity_lots, event.price_ticks, event.fee_nanos, event.sequence, event.time_ns
    )
    order.cumulative_lots += event.quantity_lots
    order.cumulative_value += event.quantity_lots * event.price_ticks
    order.fees_nanos += event.fee_nanos


def find_execution(order: Order, execution_id: str) -> tuple[str, Execution] | None:
    """The execution that stands under this id: its own, or the newest one that a correction gave it."""
    if (found := order.executions.get(execution_id)) is not None:
        return execution_id, found
    return next(((k, x) for k, x in order.executions.items() if x.execution_id == execution_id), None)


def _correct(order: Order, event: TradeCorrected) -> None:
    found = find_execution(order, event.reference_execution_id)
    if found is None:
        return  # The engine emits no correction of an execution that does not stand.
    key, execution = found
    order.cumulative_lots += event.quantity_lots - execution.quantity_lots
    order.cumulative_value += event.quantity_lots * event.price_ticks - execution.quantity_lots * execution.price_ticks
    order.fees_nanos += event.fee_nanos - execution.fee_nanos
    if event.quantity_lots == 0:
        del order.executions[key]
        return
    execution.execution_id = event.execution_id
    execution.quantity_lots = event.quantity_lots
    execution.price_ticks = event.price_ticks
    execution.fee_nanos = event.fee_nanos


def _acknowledge(order: Order, _: OrderReported) -> None:
    order.acknowledged = True
    order.suspended = False


def _pend(kind: PendingKind) -> Callable[[Order, OrderReported], None]:
    def mark(order: Order, event: OrderReported) -> None:
        for request in order.pending:
            if request.client_order_id == event.client_order_id:
                request.acknowledged = True
                return
        order.pending = (
            *order.pending,
            Pending(  # Asked for by somebody else: the venue's own desk, another session.
                kind=kind,
                client_order_id=event.client_order_id,
                original_client_order_id=order.client_order_id,
                quantity_lots=order.quantity_lots if kind is PendingKind.REPLACE else 0,
                price_ticks=order.price_ticks if kind is PendingKind.REPLACE else None,
                acknowledged=True,
            ),
        )

    return mark


def _replace(order: Order, event: OrderReported) -> None:
    _acknowledge(order, event)
    _drop_pending(order, event.client_order_id)
    if event.client_order_id and event.client_order_id != order.client_order_id:
        replaced, order.client_order_id = order.client_order_id, event.client_order_id
        _remember_id(order, replaced)  # Late fills still name it.
    _restate(order, event)


def _restate(order: Order, event: OrderReported) -> None:
    order.done_for_day = False
    order.suspended = False
    if event.quantity_lots is not None:
        order.quantity_lots = max(event.quantity_lots, order.cumulative_lots)
    if event.price_ticks is not None:
        order.price_ticks = event.price_ticks


def _end(how: Ended) -> Callable[[Order, OrderReported], None]:
    def mark(order: Order, event: OrderReported) -> None:
        order.ended, order.held, order.due_ns = how, None, 0
        order.stopped = order.suspended = False  # There is nothing left to guarantee or to hold back.
        order.pending = ()
        if how is Ended.REJECTED:
            order.refusal = event.text or "rejected by the venue"

    return mark


def _done_for_day(order: Order, event: OrderReported) -> None:
    order.done_for_day = True
    order.remainder_survives_day = event.remainder_survives_day


def _stop(order: Order, _: OrderReported) -> None:
    order.stopped = True


def _suspend(order: Order, _: OrderReported) -> None:
    order.suspended = True


def _nothing(_order: Order, _: OrderReported) -> None:
    """The report says what is so, not what changed."""


def _drop_pending(order: Order, client_order_id: str) -> None:
    order.pending = tuple(p for p in order.pending if p.client_order_id != client_order_id)


_REPORTED: Final[dict[ExecType, Callable[[Order, OrderReported], None]]] = {
    ExecType.PENDING_NEW: _nothing,
    ExecType.NEW: _acknowledge,
    ExecType.PENDING_CANCEL: _pend(PendingKind.CANCEL),
    ExecType.PENDING_REPLACE: _pend(PendingKind.REPLACE),
    ExecType.CANCELED: _end(Ended.CANCELED),
    ExecType.REPLACED: _replace,
    ExecType.REJECTED: _end(Ended.REJECTED),
    ExecType.EXPIRED: _end(Ended.EXPIRED),
    ExecType.CALCULATED: _end(Ended.CALCULATED),
    ExecType.DONE_FOR_DAY: _done_for_day,
    ExecType.RESTATED: _restate,
    ExecType.STOPPED: _stop,
    ExecType.SUSPENDED: _suspend,
    ExecType.ORDER_STATUS: _nothing,
}
"""What each report adds to the facts. Trades, corrections and busts have events of their own."""
