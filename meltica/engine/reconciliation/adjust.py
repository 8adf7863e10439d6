"""A position that two persons take the venue's word for: an order of its own, whose one execution can be taken back."""

from __future__ import annotations

from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order, Side
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.statements import Difference, PositionAdjusted, SettleDifference, standing_key
from meltica.engine.desk import Desk
from meltica.engine.orders import adoption
from meltica.engine.state import execution_key
from meltica.engine.venue import executions, reports
from meltica.hot.layout_gen import LOTS_BOUND


def fault_of(desk: Desk, found: Difference, price_ticks: int | None) -> tuple[str, str, str] | None:
    """Why this position can't be taken over as the venue has it."""
    instrument = desk.state.tables.instruments.get(found.instrument)
    if instrument is None:
        text = f"{found.instrument} is not registered here: register it first"
        return "NOT_ACCEPTABLE", "action", text
    price = _price(desk, found, price_ticks)
    if price is None:
        return "PRICE_REQUIRED", "price", f"{found.instrument} has no mark yet: say at which price it is booked"
    lots = abs(_missing(desk, found))
    if not 0 < lots <= LOTS_BOUND or lots * price * instrument.value_per_tick_lot_nanos > INT64_MAX:
        return (
            "NOT_ACCEPTABLE",
            "action",
            f"{instrument.quantity_text(lots)} at {instrument.price_text(price)} can't be booked",
        )
    return None


def _price(desk: Desk, found: Difference, price_ticks: int | None) -> int | None:
    return desk.state.tables.prices.get(found.instrument) if price_ticks is None else price_ticks


def _missing(desk: Desk, found: Difference) -> int:
    position = desk.state.position(found.account, found.instrument)
    return found.theirs - (0 if position is None else position.lots)


def adjust(desk: Desk, found: Difference, command: SettleDifference, approver: str) -> bool:
    """Book the difference as it is now. False: the books do not hold it."""
    if fault_of(desk, found, command.price_ticks) is not None:
        return False
    lots, price = _missing(desk, found), _price(desk, found, command.price_ticks) or 0
    name = f"adjustment-{found.difference_id}-{found.revision}"
    booked = ExecutionReport(
        venue=found.venue,
        client_order_id=name,
        exec_type=ExecType.TRADE,
        execution_id=name,
        last_quantity_lots=abs(lots),
        last_price_ticks=price,
        order_quantity_lots=abs(lots),
        price_ticks=price,
        account=found.account,
        instrument=found.instrument,
        side=Side.BUY if lots > 0 else Side.SELL,
        text=command.reason,
    )
    order = adoption.adopt(desk, booked)
    if order is None:
        return False
    executions.trade(desk, order, booked)
    _close(desk, order, booked)
    if not order.executions:
        return False
    standing = desk.state.tables.reconciliation.standings.get(standing_key(found.venue, found.account))
    desk.emit(
        PositionAdjusted(
            order_id=order.order_id,
            execution_id=name,
            account=found.account,
            instrument=found.instrument,
            lots=lots,
            before_ns=0 if standing is None else standing.taken_ns,
            actor=command.actor,
            approver=approver,
            time_ns=desk.now_ns,
        )
    )
    return True


def _close(desk: Desk, order: Order, booked: ExecutionReport) -> None:
    """Nothing of it works anywhere, also when its execution is taken back."""
    closed = ExecutionReport(
        venue=booked.venue,
        client_order_id=order.client_order_id,
        exec_type=ExecType.CANCELED,
        text="an adjustment, not an order",
        unsent=True,
    )
    reports.execution_report(desk, closed)


def take_back(desk: Desk, order: Order, execution_id: str, venue_time_ns: int) -> None:
    """The true fill has come: so much of an adjustment that stood for it goes."""
    fill = order.executions.get(execution_id)
    if fill is None or fill.time_ns != desk.now_ns or venue_time_ns <= 0:
        return
    signed = order.side.sign * fill.quantity_lots
    for found in list(desk.state.tables.reconciliation.adjustments.values()):
        stands_for_it = (
            (found.account, found.instrument) == (order.account, order.instrument)
            and found.order_id != order.order_id
            and venue_time_ns <= found.before_ns
            and (found.lots > 0) == (signed > 0)
        )
        if stands_for_it and signed:
            taken = min(abs(found.lots), abs(signed)) * order.side.sign
            _lower(desk, found, found.lots - taken, execution_id)
            signed -= taken


def _lower(desk: Desk, found: PositionAdjusted, lots: int, execution_id: str) -> None:
    order = desk.state.tables.orders[found.order_id]
    venue = desk.state.tables.instruments[found.instrument].venue
    name = f"{found.execution_id}|{execution_id}"
    if execution_key(venue, found.account, name) in desk.state.tables.executions:
        return
    standing = order.executions[found.execution_id]
    executions.correct(
        desk,
        order,
        ExecutionReport(
            venue=venue,
            client_order_id=order.client_order_id,
            exec_type=ExecType.TRADE_CORRECT if lots else ExecType.TRADE_CANCEL,
            execution_id=name,
            reference_execution_id=found.execution_id,
            last_quantity_lots=abs(lots),
            last_price_ticks=standing.price_ticks,
        ),
    )
    desk.emit(
        PositionAdjusted(
            order_id=found.order_id,
            execution_id=found.execution_id,
            account=found.account,
            instrument=found.instrument,
            lots=lots,
            before_ns=found.before_ns,
            actor=found.actor,
            approver=found.approver,
            time_ns=desk.now_ns,
        )
    )
