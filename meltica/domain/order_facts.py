"""What each event adds to an order's facts. ``lifecycle.move`` is the one door to this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec

from meltica.domain.order import Ended, Execution, Order, Pending, PendingKind
from meltica.domain.order_events import (
    CancelRequested,
    HeldAmended,
    OrderFilled,
    OrderReleased,
    OrderReported,
    ReplaceRequested,
    RequestRejected,
    TradeCorrected,
)
from meltica.domain.outcomes import Doubt, DoubtEvent, DoubtGrew, DoubtRaised, QueryRequested, Sent
from meltica.domain.reports import ExecType


def amend_held(order: Order, event: HeldAmended) -> None:
    order.quantity_lots, order.price_ticks = event.quantity_lots, event.price_ticks
    order.terms, order.due_ns = event.terms, event.due_ns
    if event.held is not None:
        order.held = event.held


def release(order: Order, event: OrderReleased) -> None:
    order.held, order.due_ns, order.released = None, 0, True
    order.quantity_lots, order.price_ticks = event.quantity_lots, event.price_ticks


def remember_id(order: Order, client_order_id: str) -> None:
    if client_order_id and client_order_id != order.client_order_id and client_order_id not in order.chain:
        order.chain = (*order.chain, client_order_id)


def request(order: Order, event: CancelRequested | ReplaceRequested) -> None:
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


def execute(order: Order, event: OrderFilled) -> None:
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


def correct(order: Order, event: TradeCorrected) -> None:
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
    drop_pending(order, event.client_order_id)
    if event.original_client_order_id:
        order.pending = tuple(p for p in order.pending if not _replaced_by_now(p, event))
    if event.superseded:
        return
    if event.client_order_id and event.client_order_id != order.client_order_id:
        replaced, order.client_order_id = order.client_order_id, event.client_order_id
        remember_id(order, replaced)  # Late fills still name it.
    _restate(order, event)


def _replaced_by_now(request: Pending, event: OrderReported) -> bool:
    return request.kind is PendingKind.REPLACE and request.client_order_id == event.original_client_order_id


def _restate(order: Order, event: OrderReported) -> None:
    order.done_for_day = False
    order.suspended = False
    if event.cumulative_lots is not None:
        order.restated_lots += event.cumulative_lots - order.cumulative_lots
        order.cumulative_lots = event.cumulative_lots
        order.restated_before = max((x.sequence + 1 for x in order.executions.values()), default=0)
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


def doubt(order: Order, event: DoubtEvent) -> None:
    if isinstance(event, DoubtRaised):
        fresh = Doubt(
            sent=event.sent,
            client_order_id=event.client_order_id,
            since_ns=event.time_ns,
            text=event.text,
            query_ns=event.query_ns,
        )
        order.doubts = (*(known for known in order.doubts if known.client_order_id != fresh.client_order_id), fresh)
        return
    others = tuple(known for known in order.doubts if known.client_order_id != event.client_order_id)
    known = next((known for known in order.doubts if known.client_order_id == event.client_order_id), None)
    if known is not None and isinstance(event, QueryRequested):
        others = (*others, msgspec.structs.replace(known, queries=event.number, query_ns=event.query_ns))
    elif known is not None and isinstance(event, DoubtGrew):
        others = (*others, msgspec.structs.replace(known, not_found=event.not_found))
    order.doubts = others


def settle(order: Order, event: object) -> None:
    """What the venue has answered is in doubt no more. That it has the order shows in whatever it tells of it."""
    heard = isinstance(event, OrderReported | OrderFilled | TradeCorrected)
    waiting = {request.client_order_id for request in order.pending if not request.acknowledged}
    order.doubts = tuple(
        known for known in order.doubts if (not heard if known.sent is Sent.NEW else known.client_order_id in waiting)
    )


def drop_pending(order: Order, client_order_id: str) -> None:
    order.pending = tuple(p for p in order.pending if p.client_order_id != client_order_id)


REPORTED: Final[dict[ExecType, Callable[[Order, OrderReported], None]]] = {
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


def _report(order: Order, event: OrderReported) -> None:
    REPORTED[event.exec_type](order, event)
    remember_id(order, event.client_order_id)
    if event.venue_order_id:
        order.venue_order_id = event.venue_order_id


def _reject_request(order: Order, event: RequestRejected) -> None:
    drop_pending(order, event.client_order_id)


ADDED: Final[dict[type, Callable[[Order, Any], None]]] = {
    OrderReported: _report,
    OrderFilled: execute,
    TradeCorrected: correct,
    CancelRequested: request,
    ReplaceRequested: request,
    RequestRejected: _reject_request,
    HeldAmended: amend_held,
    OrderReleased: release,
    **dict.fromkeys(get_args(DoubtEvent), doubt),
}
"""Event -> the facts that it adds."""
