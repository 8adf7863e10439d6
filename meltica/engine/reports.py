"""Reports of the venues: money and quantities first, in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meltica.domain import lifecycle, order_facts
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Ended, Execution, Order, Pending, PendingKind, Side, TimeInForce
from meltica.domain.order_events import (
    OrderAdopted,
    OrderFilled,
    OrderReported,
    ReportIgnored,
    RequestRejected,
    TradeCorrected,
)
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, VenueReport
from meltica.engine.desk import Desk
from meltica.engine.state import execution_key
from meltica.hot.layout_gen import LOTS_BOUND, TICKS_BOUND


def execution_report(desk: Desk, report: ExecutionReport) -> None:
    order = _find(desk, report) or _adopt(desk, report)
    if order is None:
        _ignore(desk, report, "UNKNOWN_ORDER", report.text or f"{report.exec_type.value} for an order that is not ours")
        return
    _REPORTS[report.exec_type](desk, order, report)


def order_cancel_reject(desk: Desk, report: OrderCancelReject) -> None:
    order = _find(desk, report)
    if order is None or all(p.client_order_id != report.client_order_id for p in order.pending):
        _ignore(desk, report, "UNKNOWN_REQUEST", report.text or "refuses a request that is not pending")
        return
    desk.emit(
        RequestRejected(
            order_id=order.order_id,
            client_order_id=report.client_order_id,
            text=report.text,
            time_ns=desk.now_ns,
        )
    )


def _find(desk: Desk, report: VenueReport) -> Order | None:
    for client_order_id in (report.client_order_id, report.original_client_order_id):
        if (order_id := desk.state.by_client_id.get((report.venue, client_order_id))) is not None:
            return desk.state.tables.orders[order_id]
    return None


ADOPTABLE: Final = frozenset({ExecType.PENDING_NEW, ExecType.NEW, ExecType.TRADE, ExecType.RESTATED})
"""What a living order is reported by; the end of one that we never knew is no reason to make it ours."""


def _adopt(desk: Desk, report: ExecutionReport) -> Order | None:
    """An order that did not come from us but is our account's: it is exposure all the same, so it enters the books."""
    tables, quantity = desk.state.tables, report.order_quantity_lots
    instrument = tables.instruments.get(report.instrument)
    known = instrument is not None and report.account in tables.accounts and report.side is not None
    if not known or report.exec_type not in ADOPTABLE or not report.client_order_id or quantity is None:
        return None
    price = report.price_ticks
    if not 0 < quantity <= LOTS_BOUND or not 0 < (1 if price is None else price) <= TICKS_BOUND:
        return None
    event = OrderAdopted(
        order_id=tables.next_order_id,
        client_order_id=report.client_order_id,
        account=report.account,
        instrument=report.instrument,
        side=report.side or Side.BUY,
        quantity_lots=quantity,
        price_ticks=price,
        venue=report.venue,
        time_ns=desk.now_ns,
        gate=report.gate,
        strategy=report.strategy,
    )
    if not desk.state.reservations.fits(lifecycle.adopted(event), quantity, price or 0):
        return None
    desk.emit(event)
    return tables.orders[event.order_id]


def _ignore(desk: Desk, report: VenueReport, reason: str, text: str) -> None:
    desk.emit(
        ReportIgnored(
            venue=report.venue,
            client_order_id=report.client_order_id,
            reason=reason,
            text=text,
            time_ns=desk.now_ns,
        )
    )


def _fact(desk: Desk, order: Order, report: ExecutionReport, quantity: int | None = None) -> None:
    survives = order.time_in_force is TimeInForce.GTC if report.leaves_lots is None else report.leaves_lots > 0
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
        )
    )


def _acknowledge(desk: Desk, order: Order, report: ExecutionReport) -> None:
    if order.acknowledged and not order.suspended:
        _ignore(desk, report, "DUPLICATE_REPORT", "acknowledged before")
    elif order.ended is not None:
        _ignore(desk, report, "CONTRADICTS", f"acknowledges an order that is {lifecycle.status(order).value}")
    else:
        _fact(desk, order, report)


def _pends(desk: Desk, order: Order, report: ExecutionReport) -> None:
    """A request that was answered is not pending any more, however late the venue says that it is."""
    answered = report.client_order_id in order.chain and _asked(order, report) is None
    if order.ended is not None or answered:
        _ignore(desk, report, "CONTRADICTS", f"{report.exec_type.value} for a request that was answered before")
    else:
        _fact(desk, order, report)


def _asked(order: Order, report: VenueReport) -> Pending | None:
    return next((p for p in order.pending if p.client_order_id == report.client_order_id), None)


def _ends(desk: Desk, order: Order, report: ExecutionReport) -> None:
    if order.ended is not None:
        duplicate = order.ended is _ENDED[report.exec_type]
        _ignore(desk, report, "DUPLICATE_REPORT" if duplicate else "CONTRADICTS", f"ended before: {order.ended.name}")
    else:
        _fact(desk, order, report)


def _holds(desk: Desk, order: Order, report: ExecutionReport) -> None:
    if order.ended is not None:
        _ignore(desk, report, "CONTRADICTS", f"{report.exec_type.value} for an order that ended: {order.ended.name}")
    else:
        _fact(desk, order, report)


def _replaced(desk: Desk, order: Order, report: ExecutionReport) -> None:
    """The new total is the venue's word if it gives one, else what was asked for; never below what is filled."""
    asked = _asked(order, report)
    if order.ended is not None:
        _ignore(desk, report, "CONTRADICTS", f"replaces an order that is {lifecycle.status(order).value}")
        return
    if asked is None and _told_before(order, report):
        _ignore(desk, report, "DUPLICATE_REPORT", "replaced before")
        return
    quantity = report.order_quantity_lots
    if quantity is None and asked is not None and asked.kind is PendingKind.REPLACE:
        quantity = asked.quantity_lots
    price = report.price_ticks if report.price_ticks is not None or asked is None else asked.price_ticks
    if (why := _unholdable(desk, order, quantity, price)) is not None:
        _ignore(desk, report, "CONTRADICTS", why)
        return
    desk.emit(
        OrderReported(
            order_id=order.order_id,
            exec_type=ExecType.REPLACED,
            client_order_id=report.client_order_id,
            time_ns=desk.now_ns,
            venue_order_id=report.venue_order_id,
            quantity_lots=None if quantity is None else max(quantity, order.cumulative_lots),
            price_ticks=price,
            text=report.text,
        )
    )


def _told_before(order: Order, report: ExecutionReport) -> bool:
    """Is an old replacement told again? One under the newest id that brings new terms is the venue's own."""
    if report.client_order_id in order.chain and report.client_order_id != order.client_order_id:
        return True
    news = (report.order_quantity_lots, order.quantity_lots), (report.price_ticks, order.price_ticks)
    return report.client_order_id == order.client_order_id and all(new in (None, old) for new, old in news)


def _restated(desk: Desk, order: Order, report: ExecutionReport) -> None:
    if order.ended is not None:
        _ignore(desk, report, "CONTRADICTS", f"restates an order that is {lifecycle.status(order).value}")
    elif (why := _unholdable(desk, order, report.order_quantity_lots, report.price_ticks)) is not None:
        _ignore(desk, report, "CONTRADICTS", why)
    else:
        _fact(desk, order, report, report.order_quantity_lots)


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


def _status(_desk: Desk, _order: Order, _report: ExecutionReport) -> None:
    """ExecType I tells what is so; nothing happened. The input itself stays in the journal."""


def _trade(desk: Desk, order: Order, report: ExecutionReport) -> None:
    if _seen(desk, order, report):
        return
    if (why := _impossible(desk, order, report)) is not None:
        _ignore(desk, report, "CONTRADICTS", why)
        return
    cumulative = order.cumulative_lots + report.last_quantity_lots
    desk.emit(
        OrderFilled(
            order_id=order.order_id,
            account=order.account,
            strategy=order.strategy,
            instrument=order.instrument,
            side=order.side,
            execution_id=report.execution_id,
            quantity_lots=report.last_quantity_lots,
            price_ticks=report.last_price_ticks,
            fee_nanos=report.fee_nanos,
            maker=report.maker,
            cumulative_lots=cumulative,
            leaves_lots=lifecycle.leaves_at(order, cumulative),
            sequence=desk.state.tables.next_execution,
            time_ns=desk.now_ns,
        )
    )


def _impossible(
    desk: Desk, order: Order, report: ExecutionReport, *, replaces: Execution | None = None, bust: bool = False
) -> str | None:
    """Why this can't have been traded: what no register holds is a fault of the venue or of its session."""
    lots, price, fee = (0, 0, 0) if bust else (report.last_quantity_lots, report.last_price_ticks, report.fee_nanos)
    said = f"a trade of {lots} lots at {price} ticks"
    if not (bust or 0 < lots <= LOTS_BOUND):
        return said
    unit = desk.state.tables.instruments[order.instrument].value_per_tick_lot_nanos
    if abs(price) * lots * unit > INT64_MAX or abs(fee) > INT64_MAX:
        return said
    old = (replaces.quantity_lots, replaces.price_ticks, replaces.fee_nanos) if replaces is not None else (0, 0, 0)
    position = desk.state.position(order.account, order.instrument)
    sums = (
        (order.cumulative_lots + lots - old[0], LOTS_BOUND),
        ((0 if position is None else position.lots) + order.side.sign * (lots - old[0]), LOTS_BOUND),
        (order.cumulative_value + lots * price - old[0] * old[1], INT64_MAX),
        (order.fees_nanos + fee - old[2], INT64_MAX),
    )
    if any(abs(total) > bound for total, bound in sums):
        return f"{said}, with which the order or the position is more than any register holds"
    return None


def _seen(desk: Desk, order: Order, report: ExecutionReport) -> bool:
    """Duplicates are known by (venue, account, execution id), in constant time and across restarts."""
    if not report.execution_id:
        _ignore(desk, report, "CONTRADICTS", f"a {report.exec_type.value} without an execution id")
        return True
    if execution_key(report.venue, order.account, report.execution_id) in desk.state.tables.executions:
        _ignore(desk, report, "DUPLICATE_REPORT", f"execution {report.execution_id} was booked before")
        return True
    return False


def _corrects(desk: Desk, order: Order, report: ExecutionReport) -> None:
    """A correction gives an execution new numbers; a bust gives it none."""
    if _seen(desk, order, report):
        return
    found = order_facts.find_execution(order, report.reference_execution_id)
    if found is None:
        _ignore(
            desk, report, "UNKNOWN_EXECUTION", f"no execution {report.reference_execution_id!r} stands on this order"
        )
        return
    bust = report.exec_type is ExecType.TRADE_CANCEL
    if (why := _impossible(desk, order, report, replaces=found[1], bust=bust)) is not None:
        _ignore(desk, report, "CONTRADICTS", why)
        return
    quantity = 0 if bust else report.last_quantity_lots
    cumulative = order.cumulative_lots - found[1].quantity_lots + quantity
    desk.emit(
        TradeCorrected(
            order_id=order.order_id,
            account=order.account,
            instrument=order.instrument,
            reference_execution_id=report.reference_execution_id,
            execution_id=report.execution_id,
            quantity_lots=quantity,
            price_ticks=0 if bust else report.last_price_ticks,
            fee_nanos=0 if bust else report.fee_nanos,
            cumulative_lots=cumulative,
            leaves_lots=lifecycle.leaves_at(order, cumulative),
            time_ns=desk.now_ns,
        )
    )


_ENDED: Final = {
    ExecType.CANCELED: Ended.CANCELED,
    ExecType.REJECTED: Ended.REJECTED,
    ExecType.EXPIRED: Ended.EXPIRED,
    ExecType.CALCULATED: Ended.CALCULATED,
}

_REPORTS: Final[dict[ExecType, Callable[[Desk, Order, ExecutionReport], None]]] = {
    ExecType.PENDING_NEW: _fact,
    ExecType.NEW: _acknowledge,
    ExecType.TRADE: _trade,
    ExecType.TRADE_CORRECT: _corrects,
    ExecType.TRADE_CANCEL: _corrects,
    ExecType.PENDING_CANCEL: _pends,
    ExecType.CANCELED: _ends,
    ExecType.PENDING_REPLACE: _pends,
    ExecType.REPLACED: _replaced,
    ExecType.REJECTED: _ends,
    ExecType.EXPIRED: _ends,
    ExecType.DONE_FOR_DAY: _fact,
    ExecType.RESTATED: _restated,
    ExecType.STOPPED: _holds,
    ExecType.SUSPENDED: _holds,
    ExecType.CALCULATED: _ends,
    ExecType.ORDER_STATUS: _status,
}
"""One row for each thing that a venue can say."""
