"""Commands that were sent and whose outcome nobody knows: asked about, never sent again, settled by reports or persons.

A query goes out 1 s after the doubt began, then after 2, 4, … up to 32 s, QUERIES_MAX times in all. The venue's answer
is any report of the order; "not found" counts. NOT_FOUND_NEEDED of them, the last one later than the venue's own
horizon, mean that it never arrived. A venue that gives no horizon leaves that to a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from meltica.domain import lifecycle
from meltica.domain.events import ProposalKind, ProposalMade
from meltica.domain.order import Order, PendingKind
from meltica.domain.order_events import OrderReported, RequestRejected
from meltica.domain.outcomes import (
    Doubt,
    DoubtGrew,
    DoubtRaised,
    DoubtUnanswered,
    OutcomeResolved,
    QueryRequested,
    ResolveOutcome,
    Sent,
    Verdict,
)
from meltica.domain.reports import ExecType, ExecutionReport, OrderNotFound, OutcomeUnknown
from meltica.engine.desk import Desk
from meltica.engine.fold.fold import worst_case
from meltica.engine.orders.cancels import refuse_unknown
from meltica.engine.risk.proposals import propose
from meltica.engine.state import Tables
from meltica.engine.venue.heard import find, ignore

FIRST_QUERY_NS: Final = 1_000_000_000
LONGEST_PAUSE_NS: Final = 32_000_000_000
QUERIES_MAX: Final = 10
"""About four minutes; what a venue has not told by then a person asks by telephone."""
NOT_FOUND_NEEDED: Final = 3
"""One answer may come from a part of the venue that has not heard of the order yet."""
RESOLVER: Final = "system:outcomes"
FROM_OUTSIDE: Final = ("venue:", "gate:")
"""Actors of adopted orders: those were never sent from here."""


def outcome_unknown(desk: Desk, report: OutcomeUnknown) -> None:
    order = find(desk, report)
    if order is None:
        ignore(desk, report, "UNKNOWN_ORDER", "the outcome of what was never ours")
        return
    sent = _unanswered(order, report.client_order_id)
    if sent is None or doubt_of(order, report.client_order_id) is not None:
        ignore(
            desk, report, "DUPLICATE_REPORT", f"{report.client_order_id} was answered before, or is in doubt already"
        )
        return
    _doubt(desk, order, sent, report.client_order_id, report.text)


def _doubt(desk: Desk, order: Order, sent: Sent, client_order_id: str, text: str) -> None:
    desk.emit(
        DoubtRaised(
            order_id=order.order_id,
            sent=sent,
            client_order_id=client_order_id,
            text=text,
            query_ns=desk.now_ns + FIRST_QUERY_NS,
            time_ns=desk.now_ns,
        )
    )


def doubt_unanswered(desk: Desk, command: DoubtUnanswered) -> None:  # noqa: ARG001 - the form of a handler
    """After a restart. A request for an order of a hot gate never leaves from here: that one is no doubt, it is off."""
    for order, client_order_id, sent in list(unanswered(desk.state.tables)):
        if order.gate:
            text = f"never sent: it works at gate {order.gate}"
            never = RequestRejected(
                order_id=order.order_id, client_order_id=client_order_id, text=text, time_ns=desk.now_ns
            )
            desk.emit(never)
        else:
            _doubt(desk, order, sent, client_order_id, "no answer before the restart")


def unanswered(tables: Tables) -> Iterator[tuple[Order, str, Sent]]:
    """What was or may have been sent, has no answer, and is in no doubt yet. Parent orders never go out themselves."""
    for order in tables.orders.values():
        if order.ended is not None or order.held is not None or (order.acknowledged and not order.pending):
            continue
        if order.order_id in tables.parents:
            continue
        names = [request.client_order_id for request in order.pending]
        if not order.actor.startswith(FROM_OUTSIDE):
            names.insert(0, order.client_order_id)
        for name in names:
            if doubt_of(order, name) is None and (sent := _unanswered(order, name)) is not None:
                yield order, name, sent


def _unanswered(order: Order, client_order_id: str) -> Sent | None:
    """What of the order was sent under this id and has no answer yet; None: nothing."""
    for request in order.pending:
        if request.client_order_id == client_order_id:
            if request.acknowledged:
                return None
            return Sent.CANCEL if request.kind is PendingKind.CANCEL else Sent.REPLACE
    told = order.acknowledged or order.stopped or order.suspended or order.done_for_day
    fresh = order.held is None and order.ended is None and not told
    return Sent.NEW if fresh and client_order_id == order.client_order_id else None


def doubt_of(order: Order, client_order_id: str) -> Doubt | None:
    return next((doubt for doubt in order.doubts if doubt.client_order_id == client_order_id), None)


def ring(desk: Desk) -> None:
    """Ask the venues about all that is due."""
    while (due := desk.state.next_query()) is not None and due[0] <= desk.now_ns:
        _, order, doubt = due
        number = doubt.queries + 1
        pause = min(FIRST_QUERY_NS << number, LONGEST_PAUSE_NS)
        desk.emit(
            QueryRequested(
                order_id=order.order_id,
                sent=doubt.sent,
                client_order_id=doubt.client_order_id,
                number=number,
                query_ns=desk.now_ns + pause if number < QUERIES_MAX else 0,
                time_ns=desk.now_ns,
            )
        )


def order_status(desk: Desk, order: Order, report: ExecutionReport) -> None:
    """An answer to a query. What is so was told before, or will be; but the venue knows the order: no doubt of that."""
    doubt = doubt_of(order, report.client_order_id)
    if doubt is not None and doubt.sent is Sent.NEW:
        _carried_out(desk, order, doubt, report.text or "the venue tells its status")


def order_not_found(desk: Desk, report: OrderNotFound) -> None:
    order = find(desk, report)
    doubt = None if order is None else doubt_of(order, report.client_order_id)
    if order is None or doubt is None:
        ignore(desk, report, "CONTRADICTS", report.text or "does not find what is in no doubt")
        return
    times = doubt.not_found + 1
    desk.emit(
        DoubtGrew(
            order_id=order.order_id,
            client_order_id=doubt.client_order_id,
            not_found=times,
            text=report.text,
            time_ns=desk.now_ns,
        )
    )
    if times >= NOT_FOUND_NEEDED and 0 < report.horizon_ns <= desk.now_ns - doubt.since_ns:
        why = f"not found {times} times, the last one {(desk.now_ns - doubt.since_ns) // 1_000_000} ms after the send"
        _resolved(desk, order, doubt, Verdict.NEVER_ARRIVED, why, RESOLVER)
        _never_arrived(desk, order, doubt, f"it never arrived: {why}")


# Decided by persons


def resolve_outcome(desk: Desk, command: ResolveOutcome) -> None:
    order = desk.state.tables.orders.get(command.order_id)
    if order is None:
        refuse_unknown(desk, command.actor, command.order_id)
    elif (doubt := doubt_of(order, command.client_order_id)) is None:
        text = f"the outcome of {command.client_order_id!r} of order {command.order_id} is in no doubt"
        desk.refuse(command.actor, "NOT_UNCERTAIN", "client_order_id", text)
    elif not command.reason:
        desk.refuse(command.actor, "REASON_MISSING", "reason", "say how the outcome became known")
    elif _lowers(order, doubt, command.verdict):
        propose(
            desk,
            ProposalKind.OUTCOME,
            command.actor,
            command.reason,
            account=order.account,
            against=doubt.since_ns,
            action=command,
        )
    else:
        _decide(desk, order, doubt, command, "")


def since_of(desk: Desk, command: ResolveOutcome) -> int:
    """When the doubt began; 0: there is none any more. A proposal is bound to it."""
    order = desk.state.tables.orders[command.order_id]
    doubt = doubt_of(order, command.client_order_id)
    return 0 if doubt is None else doubt.since_ns


def carry_out(desk: Desk, made: ProposalMade, approver: str) -> None:
    command = made.action
    if isinstance(command, ResolveOutcome):
        order = desk.state.tables.orders[command.order_id]
        if (doubt := doubt_of(order, command.client_order_id)) is not None:
            _decide(desk, order, doubt, command, approver)


def _decide(desk: Desk, order: Order, doubt: Doubt, command: ResolveOutcome, approver: str) -> None:
    _resolved(desk, order, doubt, command.verdict, command.reason, command.actor, approver)
    if command.verdict is Verdict.CARRIED_OUT:
        _carried_out(desk, order, doubt, command.reason)
    else:
        _never_arrived(desk, order, doubt, command.reason)


def _lowers(order: Order, doubt: Doubt, verdict: Verdict) -> bool:
    """Would the gate hold less for the order, in lots or in value?"""
    after = msgspec.structs.replace(order)
    for event in _consequence(order, doubt, verdict, "", 0):
        lifecycle.move(after, event)
    lots, price, _ = worst_case(order)
    fewer, lower, _ = worst_case(after)
    return fewer < lots or fewer * lower < lots * price


def _resolved(  # noqa: PLR0917 - one call a row
    desk: Desk, order: Order, doubt: Doubt, verdict: Verdict, reason: str, actor: str, approver: str = ""
) -> None:
    desk.emit(
        OutcomeResolved(
            order_id=order.order_id,
            sent=doubt.sent,
            client_order_id=doubt.client_order_id,
            verdict=verdict,
            reason=reason,
            actor=actor,
            time_ns=desk.now_ns,
            approver=approver,
        )
    )


def _carried_out(desk: Desk, order: Order, doubt: Doubt, why: str) -> None:
    for event in _consequence(order, doubt, Verdict.CARRIED_OUT, why, desk.now_ns):
        desk.emit(event)


def _never_arrived(desk: Desk, order: Order, doubt: Doubt, why: str) -> None:
    for event in _consequence(order, doubt, Verdict.NEVER_ARRIVED, why, desk.now_ns):
        desk.emit(event)


def _consequence(
    order: Order, doubt: Doubt, verdict: Verdict, why: str, now_ns: int
) -> tuple[OrderReported | RequestRejected, ...]:
    """What the venue would have said."""
    name = doubt.client_order_id
    if verdict is Verdict.NEVER_ARRIVED and doubt.sent is not Sent.NEW:
        return (RequestRejected(order_id=order.order_id, client_order_id=name, text=why, time_ns=now_ns),)
    if verdict is Verdict.NEVER_ARRIVED:
        kind = ExecType.REJECTED
    else:
        kind = {Sent.NEW: ExecType.NEW, Sent.CANCEL: ExecType.CANCELED, Sent.REPLACE: ExecType.REPLACED}[doubt.sent]
    asked = next((p for p in order.pending if p.client_order_id == name), None)
    replaces = asked if kind is ExecType.REPLACED else None
    return (
        OrderReported(
            order_id=order.order_id,
            exec_type=kind,
            client_order_id=name,
            time_ns=now_ns,
            quantity_lots=None if replaces is None else max(replaces.quantity_lots, order.cumulative_lots),
            price_ticks=None if replaces is None else replaces.price_ticks,
            text=why,
            unsent=True,
        ),
    )
