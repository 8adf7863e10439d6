"""Reports of the venues: money and quantities first, in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meltica.domain import lifecycle
from meltica.domain.order import Ended, Order, Pending, PendingKind, TimeInForce
from meltica.domain.order_events import OrderReported, RequestRejected
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, VenueReport
from meltica.engine.desk import Desk
from meltica.engine.orders import adoption
from meltica.engine.venue import executions, outcomes
from meltica.engine.venue.heard import find, ignore
from meltica.hot.layout_gen import LOTS_BOUND, TICKS_BOUND

CORRECTIONS: Final = (ExecType.TRADE_CORRECT, ExecType.TRADE_CANCEL)
MONEY: Final = (ExecType.TRADE, *CORRECTIONS)
"""What is booked in whatever state the order is."""
DAYS: Final = (TimeInForce.GTC, TimeInForce.GTD)
"""Their rest comes back tomorrow, unless the venue says otherwise."""


def execution_report(desk: Desk, report: ExecutionReport) -> None:
    order = find(desk, report) or adoption.adopt(desk, report)
    if order is None and report.exec_type in CORRECTIONS:
        executions.unbooked(desk, report, None, report.text or "no order of that name is known here")
    elif order is None:
        ignore(desk, report, "UNKNOWN_ORDER", report.text or f"{report.exec_type.value} for an order that is not ours")
    elif (report.account or report.instrument or report.side) and (why := _of_another(order, report)):
        ignore(desk, report, "CONTRADICTS", why)
    elif order.held is not None and report.exec_type not in MONEY:
        text = (
            f"{report.exec_type.value} for order {order.order_id}, which never went out: another one has its id there"
        )
        ignore(desk, report, "CONTRADICTS", text)
    else:
        _REPORTS[report.exec_type](desk, order, report)


def _of_another(order: Order, report: ExecutionReport) -> str:
    """Why the report can't be about the order that its id names; nobody guesses which of the two is meant."""
    told = (report.account, report.instrument, report.side)
    ours = (order.account, order.instrument, order.side)
    if all(theirs in ("", None, mine) for theirs, mine in zip(told, ours, strict=True)):
        return ""
    return f"order {order.order_id} is of {ours[0]} in {ours[1]}, {ours[2].name}; the report names {told}"


def order_cancel_reject(desk: Desk, report: OrderCancelReject) -> None:
    order = find(desk, report)
    if order is None or all(p.client_order_id != report.client_order_id for p in order.pending):
        ignore(desk, report, "UNKNOWN_REQUEST", report.text or "refuses a request that is not pending")
        return
    desk.emit(
        RequestRejected(
            order_id=order.order_id,
            client_order_id=report.client_order_id,
            text=report.text,
            time_ns=desk.now_ns,
        )
    )


def _fact(
    desk: Desk,
    order: Order,
    report: ExecutionReport,
    quantity: int | None = None,
    cumulative: int | None = None,
) -> None:
    survives = order.time_in_force in DAYS if report.leaves_lots is None else report.leaves_lots > 0
    desk.emit(
        OrderReported(
            order_id=order.order_id,
            exec_type=report.exec_type,
            client_order_id=report.client_order_id,
            time_ns=desk.now_ns,
            venue_order_id=report.venue_order_id,
            quantity_lots=quantity,
            price_ticks=report.price_ticks,
            remainder_survives_day=survives,
            text=report.text,
            unsent=report.unsent,
            cumulative_lots=cumulative,
        )
    )


def _acknowledge(desk: Desk, order: Order, report: ExecutionReport) -> None:
    if order.acknowledged and not order.suspended:
        ignore(desk, report, "DUPLICATE_REPORT", "acknowledged before")
    elif order.ended is not None:
        ignore(desk, report, "CONTRADICTS", f"acknowledges an order that is {lifecycle.status(order).value}")
    else:
        _fact(desk, order, report)


def _pends(desk: Desk, order: Order, report: ExecutionReport) -> None:
    """A request that was answered is not pending any more, however late the venue says that it is."""
    answered = report.client_order_id in order.chain and _asked(order, report) is None
    if order.ended is not None or answered:
        ignore(desk, report, "CONTRADICTS", f"{report.exec_type.value} for a request that was answered before")
    else:
        _fact(desk, order, report)


def _asked(order: Order, report: VenueReport) -> Pending | None:
    return next((p for p in order.pending if p.client_order_id == report.client_order_id), None)


def _ends(desk: Desk, order: Order, report: ExecutionReport) -> None:
    if order.ended is not None:
        duplicate = order.ended is _ENDED[report.exec_type]
        ignore(desk, report, "DUPLICATE_REPORT" if duplicate else "CONTRADICTS", f"ended before: {order.ended.name}")
    elif _of_a_name_given_up(order, report):
        text = f"the end of {report.venue_order_id}, which a replace has given up; {order.venue_order_id} works on"
        ignore(desk, report, "CONTRADICTS", text)
    else:
        _fact(desk, order, report)


def _of_a_name_given_up(order: Order, report: ExecutionReport) -> bool:
    """A venue that replaces by cancelling and entering anew tells the end of what it replaced: not the order's end."""
    theirs, ours = report.venue_order_id, order.venue_order_id
    another = bool(theirs and ours) and theirs != ours
    return another and report.client_order_id != order.client_order_id and _asked(order, report) is None


def _holds(desk: Desk, order: Order, report: ExecutionReport) -> None:
    if order.ended is not None:
        ignore(desk, report, "CONTRADICTS", f"{report.exec_type.value} for an order that ended: {order.ended.name}")
    else:
        _fact(desk, order, report)


def _replaced(desk: Desk, order: Order, report: ExecutionReport) -> None:
    """The new total is the venue's word if it gives one, else what was asked for; never below what is filled."""
    asked = _asked(order, report)
    if order.ended is not None:
        ignore(desk, report, "CONTRADICTS", f"replaces an order that is {lifecycle.status(order).value}")
        return
    if asked is None and _told_before(order, report):
        ignore(desk, report, "DUPLICATE_REPORT", "replaced before")
        return
    superseded = asked is not None and _is_late_news(order, report)
    quantity = report.order_quantity_lots
    if quantity is None and asked is not None and asked.kind is PendingKind.REPLACE:
        quantity = asked.quantity_lots
    price = report.price_ticks if report.price_ticks is not None or asked is None else asked.price_ticks
    if not superseded and (why := _unholdable(desk, order, quantity, price)) is not None:
        ignore(desk, report, "CONTRADICTS", why)
        return
    desk.emit(
        OrderReported(
            order_id=order.order_id,
            exec_type=ExecType.REPLACED,
            client_order_id=report.client_order_id,
            time_ns=desk.now_ns,
            venue_order_id=report.venue_order_id,
            quantity_lots=None if quantity is None or superseded else max(quantity, order.cumulative_lots),
            price_ticks=None if superseded else price,
            text=report.text,
            original_client_order_id=report.original_client_order_id,
            superseded=superseded,
        )
    )


def _is_late_news(order: Order, report: ExecutionReport) -> bool:
    """A later request was answered first: unless this one says that it replaced just that, it came before."""
    name, newest, chain = report.client_order_id, order.client_order_id, order.chain
    if report.original_client_order_id == newest or newest not in chain or name not in chain:
        return False
    return chain.index(name) < chain.index(newest)


def _told_before(order: Order, report: ExecutionReport) -> bool:
    """Is an old replacement told again? One under the newest id that brings new terms is the venue's own."""
    if report.client_order_id in order.chain and report.client_order_id != order.client_order_id:
        return True
    news = (report.order_quantity_lots, order.quantity_lots), (report.price_ticks, order.price_ticks)
    return report.client_order_id == order.client_order_id and all(new in (None, old) for new, old in news)


def _restated(desk: Desk, order: Order, report: ExecutionReport) -> None:
    if order.ended is not None:
        ignore(desk, report, "CONTRADICTS", f"restates an order that is {lifecycle.status(order).value}")
    elif why := _unsplittable(order, report) or _unholdable(
        desk, order, report.order_quantity_lots, report.price_ticks
    ):
        ignore(desk, report, "CONTRADICTS", why)
    else:
        after = report.cumulative_lots
        _fact(desk, order, report, report.order_quantity_lots, after if after != order.cumulative_lots else None)


def _unsplittable(order: Order, report: ExecutionReport) -> str | None:
    """A split restates what is filled in the same ratio as the quantity. The executions stay as they were done, and so
    does the position: what a split makes of holdings is an entry of its own in the books."""
    before, after = order.cumulative_lots, report.cumulative_lots
    if after is None or after == before:
        return None
    quantity = report.order_quantity_lots
    if quantity is not None and 0 < after <= LOTS_BOUND and quantity * before == order.quantity_lots * after:
        return None
    told = order.quantity_lots if quantity is None else quantity
    return f"filled {before} of {order.quantity_lots} lots, restated to {after} of {told}: no split does both"


def _unholdable(desk: Desk, order: Order, quantity: int | None, price: int | None) -> str | None:
    """Why an order can't have these terms: no register of the gate holds them."""
    lots = order.quantity_lots if quantity is None else quantity
    ticks = price if price is not None else order.price_ticks or order.reserved_price_ticks
    said = f"an order of {lots} lots at {ticks} ticks"
    if not (0 < lots <= LOTS_BOUND and 0 <= ticks <= TICKS_BOUND) or price == 0:
        return said
    if lots <= order.reserved_lots and ticks <= order.reserved_price_ticks:
        return None  # It only reduces.
    most = max(lots, order.reserved_lots), max(ticks, order.reserved_price_ticks)
    return None if desk.state.reservations.fits(order, *most) else said


_ENDED: Final = {
    ExecType.CANCELED: Ended.CANCELED,
    ExecType.REJECTED: Ended.REJECTED,
    ExecType.EXPIRED: Ended.EXPIRED,
    ExecType.CALCULATED: Ended.CALCULATED,
}

_REPORTS: Final[dict[ExecType, Callable[[Desk, Order, ExecutionReport], None]]] = {
    ExecType.PENDING_NEW: _fact,
    ExecType.NEW: _acknowledge,
    ExecType.TRADE: executions.trade,
    ExecType.TRADE_CORRECT: executions.correct,
    ExecType.TRADE_CANCEL: executions.correct,
    ExecType.PENDING_CANCEL: _pends,
    ExecType.CANCELED: _ends,
    ExecType.PENDING_REPLACE: _pends,
    ExecType.REPLACED: _replaced,
    ExecType.REJECTED: _ends,
    ExecType.EXPIRED: _ends,
    ExecType.DONE_FOR_DAY: _holds,
    ExecType.RESTATED: _restated,
    ExecType.STOPPED: _holds,
    ExecType.SUSPENDED: _holds,
    ExecType.CALCULATED: _ends,
    ExecType.ORDER_STATUS: outcomes.order_status,
}
"""One row for each thing that a venue can say."""
