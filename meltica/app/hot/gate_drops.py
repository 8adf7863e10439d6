"""Drop copies of hot gates as reports for the engine: what a gate let out, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from meltica.domain.limits import MANUAL
from meltica.domain.order import Order, Side
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.state import EngineState
from meltica.hot.layout_gen import Action, DropCopyRecord, DropKind, OrderType

SILENT: Final = frozenset(
    {DropKind.REFUSED, DropKind.KILLED, DropKind.SESSION_UP, DropKind.SESSION_DOWN, DropKind.SELF_MATCH_CANCEL}
)
"""They move no order. Refused ones never left; how many there were is in the gate's own status."""


def drops_of(block: bytes) -> Iterator[DropCopyRecord]:
    for at in range(0, len(block), DropCopyRecord.SIZE):
        yield DropCopyRecord.from_bytes(block[at : at + DropCopyRecord.SIZE])


class DropReader:
    """Rows of the gate's tables as the engine's names."""

    def __init__(self, state: EngineState) -> None:
        self._state = state

    def report(self, gate: str, drop: DropCopyRecord) -> ExecutionReport | None:
        """None: it moves no order. An instrument or account that nobody knows comes as an empty name."""
        if drop.kind in SILENT:
            return None
        tables = self._state.tables
        instrument = next((i for i in tables.instruments.values() if i.handle == drop.instrument_id), None)
        client_order_id = f"{gate}:{drop.order_id}"
        venue = "" if instrument is None else instrument.venue
        order_id = self._state.by_client_id.get((venue, client_order_id))
        order = None if order_id is None else tables.orders[order_id]
        exec_type, quantity = _meaning(drop, order)
        priced = drop.order_type == OrderType.LIMIT and drop.price_ticks > 0
        return ExecutionReport(
            venue=venue,
            client_order_id=client_order_id,
            exec_type=exec_type,
            venue_order_id=str(drop.venue_order_id) if drop.venue_order_id else "",
            execution_id=_execution(drop, exec_type),
            reference_execution_id=str(drop.execution_id) if exec_type is ExecType.TRADE_CANCEL else "",
            last_quantity_lots=drop.last_lots if exec_type is ExecType.TRADE else 0,
            last_price_ticks=drop.last_price_ticks if exec_type is ExecType.TRADE else 0,
            order_quantity_lots=quantity,
            price_ticks=drop.price_ticks if priced and (order is None or exec_type is ExecType.RESTATED) else None,
            account=_named(tables.accounts, drop.account_id),
            instrument="" if instrument is None else instrument.instrument,
            side=Side(drop.side) if drop.side in tuple(Side) else None,
            text=_text(drop),
            gate=gate,
            drop_sequence=drop.sequence_number,
            strategy=_named(tables.strategies, drop.strategy_id) or MANUAL,
        )


def _meaning(drop: DropCopyRecord, order: Order | None) -> tuple[ExecType, int | None]:
    """What it says in FIX terms, and the order's total quantity where it tells one.

    The first that is heard of an order makes it known, whatever kind that is.
    """
    filled = 0 if order is None else order.cumulative_lots
    if order is None:
        return ExecType.PENDING_NEW, drop.quantity_lots
    match drop.kind:
        case DropKind.ACCEPTED:
            return ExecType.NEW, None
        case DropKind.EXECUTED:
            return ExecType.TRADE, None
        case DropKind.REJECTED:
            return ExecType.REJECTED, None
        case DropKind.CANCELED if drop.leaves_lots == 0:
            return ExecType.CANCELED, None
        case DropKind.CANCELED | DropKind.REPLACED | DropKind.RESTATED:
            return ExecType.RESTATED, filled + drop.leaves_lots
        case DropKind.SENT if drop.action == Action.REPLACE and drop.leaves_lots > order.reserved_lots:
            return ExecType.RESTATED, filled + drop.leaves_lots  # On its way: it counts already
        case DropKind.BROKEN:
            return ExecType.TRADE_CANCEL, None
    return ExecType.ORDER_STATUS, None


def _execution(drop: DropCopyRecord, exec_type: ExecType) -> str:
    if exec_type is ExecType.TRADE:
        return str(drop.execution_id)
    return f"broken-{drop.execution_id}" if exec_type is ExecType.TRADE_CANCEL else ""


def _text(drop: DropCopyRecord) -> str:
    if drop.kind not in tuple(DropKind):
        return f"drop copy of kind {drop.kind}"
    reason = f" {drop.reason:c}" if drop.kind in (DropKind.REJECTED, DropKind.CANCELED) and drop.reason else ""
    return f"{DropKind(drop.kind).name.lower()}{reason}"


def _named(rows: dict[str, int], row: int) -> str:
    return next((name for name, number in rows.items() if number == row), "")
