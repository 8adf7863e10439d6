"""Whose order a venue's report is about; and reports that change nothing, kept because they were said."""

from __future__ import annotations

from meltica.domain.order import Order
from meltica.domain.order_events import ReportIgnored
from meltica.domain.reports import VenueReport
from meltica.engine.desk import Desk


def find(desk: Desk, report: VenueReport) -> Order | None:
    known = desk.state.by_client_id
    order_id = known.get((report.venue, report.client_order_id))
    if order_id is None:
        order_id = known.get((report.venue, report.original_client_order_id))
    return None if order_id is None else desk.state.tables.orders[order_id]


def ignore(desk: Desk, report: VenueReport, reason: str, text: str) -> None:
    desk.emit(
        ReportIgnored(
            venue=report.venue,
            client_order_id=report.client_order_id,
            reason=reason,
            text=text,
            time_ns=desk.now_ns,
        )
    )
