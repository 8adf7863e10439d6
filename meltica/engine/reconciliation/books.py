"""What a statement brings into the books: facts under their true names, on the ordinary path of reports."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from meltica.domain import lifecycle
from meltica.domain.order import Order, PendingKind
from meltica.domain.order_events import ReportIgnored
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.statements import StatedFill, StatedOrder, VenueStatement
from meltica.engine.desk import Desk
from meltica.engine.orders import adoption
from meltica.engine.reconciliation import adjust as adjusting
from meltica.engine.reconciliation.merge import Whole
from meltica.engine.state import execution_key
from meltica.engine.venue import reports

FLIGHT_NS: Final = 1_000_000_000
"""So long a command or a report may be on its way. What happened later than this before a statement was asked for is
no contradiction to it."""
ENDS: Final = frozenset({ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED, ExecType.CALCULATED})


def ignore(desk: Desk, part: VenueStatement, reason: str, text: str) -> None:
    desk.emit(ReportIgnored(venue=part.venue, client_order_id="", reason=reason, text=text, time_ns=desk.now_ns))


def match(desk: Desk, venue: str, names: Iterable[str]) -> Order | None:
    """By any client order id that the order ever had."""
    ids = desk.state.by_client_id
    for name in names:
        if name and (order_id := ids.get((venue, name))) is not None:
            return desk.state.tables.orders[order_id]
    return None


class Known:
    """Our orders by the names that a statement gives them."""

    def __init__(self, desk: Desk, whole: Whole) -> None:
        self._desk = desk
        self._whole = whole
        self._by_venue_id: dict[str, Order] | None = None
        """Of those that work. Made when it is needed: most venues tell client order ids, and then it never is."""

    def order(self, stated: StatedOrder) -> Order | None:
        """Which of ours it is; None: none, or the venue tells of another order under the same name."""
        found = match(self._desk, self._whole.first.venue, (stated.client_order_id, *stated.chain))
        if found is None and stated.venue_order_id:
            if self._by_venue_id is None:
                self._by_venue_id = {o.venue_order_id: o for o in working(self._desk, self._whole) if o.venue_order_id}
            found = self._by_venue_id.get(stated.venue_order_id)
        return None if found is None or is_another(self._whole, stated, found) else found


_NONE: Final[frozenset[int]] = frozenset()


def working(desk: Desk, whole: Whole, but: AbstractSet[int] = _NONE) -> list[Order]:
    """The account's orders that may be filled at this venue, by our books, but those with these ids."""
    first, instruments = whole.first, desk.state.tables.instruments
    return [
        order
        for order in desk.state.reservations.of(first.account, but)
        if order.held is None and instruments[order.instrument].venue == first.venue
    ]


def is_another(whole: Whole, stated: StatedOrder, order: Order) -> bool:
    return (order.account, order.instrument, order.side) != (whole.first.account, stated.instrument, stated.side)


def take_orders(desk: Desk, whole: Whole) -> None:
    """Orders that nobody here knew are adopted; acknowledgements and replacements that were lost are made up for."""
    known = Known(desk, whole)
    for stated in whole.orders:
        order = known.order(stated)
        if order is not None:
            _confirm(desk, whole, stated, order)
        elif stated.ended is None and match(desk, whole.first.venue, (stated.client_order_id, *stated.chain)) is None:
            fresh = _report(whole, stated, ExecType.NEW)
            if adoption.adopt(desk, fresh) is not None:
                reports.execution_report(desk, fresh)


def _confirm(desk: Desk, whole: Whole, stated: StatedOrder, order: Order) -> None:
    if order.ended is not None or order.held is not None or stated.ended in ENDS:
        return
    if not order.acknowledged:
        reports.execution_report(desk, _report(whole, stated, ExecType.NEW, name=order.client_order_id))
    for request in order.pending:
        if request.kind is PendingKind.REPLACE and request.client_order_id == stated.client_order_id:
            reports.execution_report(desk, _report(whole, stated, ExecType.REPLACED, request.original_client_order_id))
            return
    terms = (order.quantity_lots, order.price_ticks), (stated.quantity_lots, stated.price_ticks)
    quiet = order.updated_ns < whole.first.asked_ns - FLIGHT_NS
    if terms[0] != terms[1] and quiet and not order.pending and stated.ended is None:
        reports.execution_report(desk, _report(whole, stated, ExecType.RESTATED, name=order.client_order_id))


def take_fills(desk: Desk, part: VenueStatement, fills: Iterable[StatedFill]) -> None:
    """Executions that no report told of, under their true ids. The report may still come: then it is the duplicate."""
    executions = desk.state.tables.executions
    for fill in fills:
        if execution_key(part.venue, part.account, fill.execution_id) in executions:
            continue
        order = match(desk, part.venue, (fill.client_order_id,))
        if order is None:
            continue  # It is named where a position is explained.
        reports.execution_report(
            desk,
            ExecutionReport(
                venue=part.venue,
                client_order_id=order.client_order_id,
                exec_type=ExecType.TRADE,
                venue_order_id=fill.venue_order_id,
                execution_id=fill.execution_id,
                last_quantity_lots=fill.quantity_lots,
                last_price_ticks=fill.price_ticks,
                fee_nanos=fill.fee_nanos,
                maker=fill.maker,
                account=part.account,
                instrument=fill.instrument,
                side=fill.side,
                venue_time_ns=fill.venue_time_ns,
            ),
        )
        if desk.state.tables.reconciliation.adjustments:
            adjusting.take_back(desk, order, fill.execution_id, fill.venue_time_ns)


def unknown_fills(desk: Desk, part: VenueStatement) -> tuple[StatedFill, ...]:
    """Those that are not booked: nobody here knows their order yet."""
    executions = desk.state.tables.executions
    at = part.venue, part.account
    return tuple(fill for fill in part.fills if execution_key(*at, fill.execution_id) not in executions)


def take_ends(desk: Desk, whole: Whole) -> None:
    """An order that ended there has ended here, once every execution of it is booked. Not before: the rest may come."""
    known = Known(desk, whole)
    for stated in whole.orders:
        if stated.ended not in ENDS:
            continue
        order = known.order(stated)
        if order is not None and lifecycle.may_trade(order) and order.cumulative_lots == stated.cumulative_lots:
            reports.execution_report(desk, _report(whole, stated, stated.ended, name=order.client_order_id))


def end(desk: Desk, order: Order, why: str) -> None:
    """Persons know that it does not work any more."""
    reports.execution_report(
        desk,
        ExecutionReport(
            venue=desk.state.tables.instruments[order.instrument].venue,
            client_order_id=order.client_order_id,
            exec_type=ExecType.CANCELED,
            text=why,
            unsent=True,
        ),
    )


def _report(
    whole: Whole, stated: StatedOrder, kind: ExecType, original: str = "", *, name: str = ""
) -> ExecutionReport:
    return ExecutionReport(
        venue=whole.first.venue,
        client_order_id=name or stated.client_order_id,
        exec_type=kind,
        original_client_order_id=original,
        venue_order_id=stated.venue_order_id,
        order_quantity_lots=stated.quantity_lots,
        price_ticks=stated.price_ticks,
        account=whole.first.account,
        instrument=stated.instrument,
        side=stated.side,
        text=f"by statement {whole.first.statement_id}",
    )
