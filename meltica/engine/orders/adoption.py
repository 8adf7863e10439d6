"""Orders that did not come from us: they are exposure of our accounts all the same."""

from __future__ import annotations

from typing import Final

from meltica.domain import lifecycle
from meltica.domain.order import Order, Side
from meltica.domain.order_events import OrderAdopted
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.desk import Desk
from meltica.hot.layout_gen import LOTS_BOUND, TICKS_BOUND

ADOPTABLE: Final = frozenset({ExecType.PENDING_NEW, ExecType.NEW, ExecType.TRADE, ExecType.RESTATED})
"""What a living order is reported by; the end of one that we never knew is no reason to make it ours."""


def adopt(desk: Desk, report: ExecutionReport) -> Order | None:
    """An order that did not come from us but is our account's: it is exposure all the same, so it enters the books."""
    tables, quantity = desk.state.tables, report.order_quantity_lots
    instrument = tables.instruments.get(report.instrument)
    known = instrument is not None and instrument.venue == report.venue
    known = known and report.account in tables.accounts and report.side is not None
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
