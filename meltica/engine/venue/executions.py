"""Trades, corrections and busts: booked once and exactly, whatever state the order is in and whichever comes first."""

from __future__ import annotations

from typing import Final

from meltica.domain import lifecycle, order_facts
from meltica.domain.corrections import CorrectionDropped, CorrectionKept, DropCorrection
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Execution, Order
from meltica.domain.order_events import OrderFilled, TradeCorrected
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.desk import Desk
from meltica.engine.state import execution_key
from meltica.engine.venue import early
from meltica.engine.venue.heard import ignore
from meltica.hot.layout_gen import LOTS_BOUND

VENUE: Final = "system:venue"
"""Who drops a kept correction that turns out to be impossible."""


def trade(desk: Desk, order: Order, report: ExecutionReport) -> None:
    if _seen(desk, order, report):
        return
    lots, price, fee = report.last_quantity_lots, report.last_price_ticks, report.fee_nanos
    why = _unreal(desk, order, lots, price, fee) or _unbearable(desk, order, lots, price, fee)
    if why:
        ignore(desk, report, "CONTRADICTS", why)
        return
    cumulative = order.cumulative_lots + lots
    desk.emit(
        OrderFilled(
            order_id=order.order_id,
            account=order.account,
            strategy=order.strategy,
            instrument=order.instrument,
            side=order.side,
            execution_id=report.execution_id,
            quantity_lots=lots,
            price_ticks=price,
            fee_nanos=fee,
            maker=report.maker,
            cumulative_lots=cumulative,
            leaves_lots=lifecycle.leaves_at(order, cumulative),
            sequence=desk.state.tables.next_execution,
            time_ns=desk.now_ns,
            overfill_lots=0 if cumulative <= order.quantity_lots else min(lots, cumulative - order.quantity_lots),
        )
    )
    if desk.state.tables.early:
        _apply_early(desk, order, report.execution_id)


def correct(desk: Desk, order: Order, report: ExecutionReport) -> None:
    """A correction gives an execution new numbers; a bust gives it none. One that overtook its trade waits for it."""
    if _seen(desk, order, report):
        return
    bust = report.exec_type is ExecType.TRADE_CANCEL
    numbers = (0, 0, 0) if bust else (report.last_quantity_lots, report.last_price_ticks, report.fee_nanos)
    if not bust and (why := _unreal(desk, order, *numbers)):
        ignore(desk, report, "CONTRADICTS", why)
        return
    found = order_facts.find_execution(order, report.reference_execution_id)
    if found is None:
        _keep(desk, order, report, numbers)
        return
    if found[1].sequence < order.restated_before:
        text = f"execution {report.reference_execution_id} was done in units of before the restatement: book it by hand"
        unbooked(desk, report, order, text)
        return
    if why := _unbearable(desk, order, *numbers, replaces=found[1]):
        ignore(desk, report, "CONTRADICTS", why)
        return
    _emit_corrected(desk, order, found[1], report.reference_execution_id, report.execution_id, numbers)
    if desk.state.tables.early:
        _apply_early(desk, order, report.execution_id)


def _emit_corrected(  # noqa: PLR0917 - one call a row
    desk: Desk, order: Order, found: Execution, reference: str, execution_id: str, numbers: tuple[int, int, int]
) -> None:
    cumulative = order.cumulative_lots - found.quantity_lots + numbers[0]
    desk.emit(
        TradeCorrected(
            order_id=order.order_id,
            account=order.account,
            instrument=order.instrument,
            reference_execution_id=reference,
            execution_id=execution_id,
            quantity_lots=numbers[0],
            price_ticks=numbers[1],
            fee_nanos=numbers[2],
            cumulative_lots=cumulative,
            leaves_lots=lifecycle.leaves_at(order, cumulative),
            time_ns=desk.now_ns,
        )
    )


# What came before its trade


def _keep(desk: Desk, order: Order, report: ExecutionReport, numbers: tuple[int, int, int]) -> None:
    reference = report.reference_execution_id
    venue = desk.state.tables.instruments[order.instrument].venue
    booked_for = desk.state.tables.executions.get(execution_key(venue, order.account, reference))
    if not reference:
        unbooked(desk, report, order, "it does not say which execution it is about")
    elif booked_for is None:
        _list(desk, report, order, numbers, "")
    elif booked_for != order.order_id:
        unbooked(desk, report, order, f"execution {reference} is one of order {booked_for}")
    elif numbers[0] == 0:
        ignore(desk, report, "UNKNOWN_EXECUTION", f"execution {reference} was busted before")
    else:
        unbooked(desk, report, order, f"execution {reference} was busted before, or corrected under another id")


def unbooked(desk: Desk, report: ExecutionReport, order: Order | None, why: str) -> None:
    """A correction or bust that nobody here can book. The venue has moved money all the same: it is listed."""
    bust = report.exec_type is ExecType.TRADE_CANCEL
    numbers = (0, 0, 0) if bust else (report.last_quantity_lots, report.last_price_ticks, report.fee_nanos)
    sized = 0 < numbers[0] <= LOTS_BOUND and max(abs(numbers[1]), abs(numbers[2])) <= INT64_MAX
    if not report.execution_id or not (bust or sized):
        ignore(desk, report, "CONTRADICTS", f"a {report.exec_type.value} of {numbers[0]} lots under no id, or of none")
    else:
        _list(desk, report, order, numbers, why)


def _list(desk: Desk, report: ExecutionReport, order: Order | None, numbers: tuple[int, int, int], why: str) -> None:
    kept = CorrectionKept(
        order_id=0 if order is None else order.order_id,
        account=report.account if order is None else order.account,
        instrument=report.instrument if order is None else order.instrument,
        reference_execution_id=report.reference_execution_id,
        execution_id=report.execution_id,
        quantity_lots=numbers[0],
        price_ticks=numbers[1],
        fee_nanos=numbers[2],
        time_ns=desk.now_ns,
        why=why,
        venue=report.venue if order is None else "",
        client_order_id=report.client_order_id if order is None else "",
    )
    if desk.state.early.holds(kept):
        ignore(desk, report, "DUPLICATE_REPORT", f"correction {report.execution_id} is kept already")
    elif len(desk.state.early) >= early.MOST:
        text = f"{early.MOST} corrections wait for trades that never came; a person must look at them first"
        ignore(desk, report, "TOO_MANY_KEPT", text)
    else:
        desk.emit(kept)


def _apply_early(desk: Desk, order: Order, reference: str) -> None:
    """The trade, or the correction, that others waited for is booked: now they are, oldest first."""
    venue, waiting = desk.state.tables.instruments[order.instrument].venue, [reference]
    while waiting:
        if (kept := desk.state.early.of(order.order_id, waiting[0])) is None:
            waiting.pop(0)
            continue
        numbers = kept.quantity_lots, kept.price_ticks, kept.fee_nanos
        found = order_facts.find_execution(order, kept.reference_execution_id)
        if execution_key(venue, order.account, kept.execution_id) in desk.state.tables.executions:
            why = f"{kept.execution_id} was booked for another trade before"
        elif found is None:
            why = f"execution {kept.reference_execution_id} was busted by another one first"
        else:
            why = _unbearable(desk, order, *numbers, replaces=found[1])
        if why or found is None:
            _drop(desk, kept, why, VENUE)
            continue
        _emit_corrected(desk, order, found[1], kept.reference_execution_id, kept.execution_id, numbers)
        waiting.append(kept.execution_id)


def _drop(desk: Desk, kept: CorrectionKept, reason: str, actor: str) -> None:
    desk.emit(
        CorrectionDropped(
            order_id=kept.order_id,
            execution_id=kept.execution_id,
            reason=reason,
            actor=actor,
            time_ns=desk.now_ns,
            key="" if kept.order_id else kept.key,
        )
    )


def drop_correction(desk: Desk, command: DropCorrection) -> None:
    kept = desk.state.early.get(command.order_id, command.execution_id)
    if kept is None:
        text = f"no correction {command.execution_id!r} of order {command.order_id} waits for its trade"
        desk.refuse(command.actor, "UNKNOWN_CORRECTION", "execution_id", text)
    elif not command.reason:
        desk.refuse(command.actor, "REASON_MISSING", "reason", "say why its trade will not come")
    else:
        _drop(desk, kept, command.reason, command.actor)


# What can't be


def _unreal(desk: Desk, order: Order, lots: int, price: int, fee: int) -> str:
    """Why this can't have been traded: what no register holds is a fault of the venue or of its session."""
    unit = desk.state.tables.instruments[order.instrument].value_per_tick_lot_nanos
    real = 0 < lots <= LOTS_BOUND and abs(price) * lots * unit <= INT64_MAX and abs(fee) <= INT64_MAX
    return "" if real else f"a trade of {lots} lots at {price} ticks"


def _unbearable(desk: Desk, order: Order, lots: int, price: int, fee: int, *, replaces: Execution | None = None) -> str:
    """Why the sums can't take it."""
    old = (replaces.quantity_lots, replaces.price_ticks, replaces.fee_nanos) if replaces is not None else (0, 0, 0)
    position = desk.state.position(order.account, order.instrument)
    held = 0 if position is None else position.lots
    if (
        abs(order.cumulative_lots + lots - old[0]) <= LOTS_BOUND
        and abs(held + order.side.sign * (lots - old[0])) <= LOTS_BOUND
        and abs(order.cumulative_value + lots * price - old[0] * old[1]) <= INT64_MAX
        and abs(order.fees_nanos + fee - old[2]) <= INT64_MAX
    ):
        return ""
    said = f"a trade of {lots} lots at {price} ticks"
    return f"{said}, with which the order or the position is more than any register holds"


def _seen(desk: Desk, order: Order, report: ExecutionReport) -> bool:
    """Duplicates are known by (venue, account, execution id), in constant time and across restarts."""
    if not report.execution_id:
        ignore(desk, report, "CONTRADICTS", f"a {report.exec_type.value} without an execution id")
        return True
    if execution_key(report.venue, order.account, report.execution_id) in desk.state.tables.executions:
        ignore(desk, report, "DUPLICATE_REPORT", f"execution {report.execution_id} was booked before")
        return True
    if desk.state.tables.early and desk.state.early.get(order.order_id, report.execution_id) is not None:
        ignore(desk, report, "DUPLICATE_REPORT", f"correction {report.execution_id} waits for its trade already")
        return True
    return False
