"""What the books are told of a command that never left."""

from __future__ import annotations

from meltica.domain.order_events import OrderSubmitted
from meltica.domain.ports import VenueCommand
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, VenueReport


def refused(command: VenueCommand, venue: str, text: str) -> VenueReport:
    if isinstance(command, OrderSubmitted):
        return ExecutionReport(
            venue=venue, client_order_id=command.client_order_id, exec_type=ExecType.REJECTED, text=text, unsent=True
        )
    return OrderCancelReject(venue=venue, client_order_id=command.client_order_id, text=text)
