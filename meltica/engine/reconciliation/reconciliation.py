"""Statements of venues against the books, and what persons decide where the two disagree.

Facts that a statement brings take the ordinary path of reports: a fill under its true execution id is booked like any
fill, an order that nobody here knew is adopted, an order that ended has ended. What is left is a difference: listed,
with a proposed action. Nothing is sent to a venue, no fill is made up, no working order is dropped.
"""

from __future__ import annotations

from typing import Final

import msgspec

from meltica.domain.cash import CashBooked, CashKind
from meltica.domain.events import ProposalKind, ProposalMade
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order
from meltica.domain.reports import ExecutionReport, VenueReport
from meltica.domain.statements import (
    MISMATCHING,
    Action,
    BalanceAgreed,
    Difference,
    DifferenceKind,
    DifferenceNoted,
    How,
    ReconciliationPolicySet,
    RequestStatement,
    SetReconciliationPolicy,
    SettleDifference,
    StatementCompared,
    StatementKept,
    StatementRequested,
    VenueStatement,
    standing_key,
)
from meltica.engine.desk import Desk
from meltica.engine.reconciliation import adjust as adjusting
from meltica.engine.reconciliation import books, differences
from meltica.engine.reconciliation.compare import agreed, compare
from meltica.engine.reconciliation.merge import Whole, digest_of, fault_of, merged
from meltica.engine.risk.proposals import propose
from meltica.engine.venue.heard import find
from meltica.hot.layout_gen import TICKS_BOUND

ADJUSTABLE: Final = frozenset({DifferenceKind.POSITION, DifferenceKind.ORDER_MISSING, DifferenceKind.BALANCE})
"""Where the venue's word can be taken. A fill is not booked on anybody's word: it has an id, a price and a fee."""


def statement(desk: Desk, part: VenueStatement) -> None:
    tables = desk.state.tables.reconciliation
    if (fault := fault_of(desk, part)) is not None:
        books.ignore(desk, part, *fault)
        return
    books.take_fills(desk, part, part.fills)
    standing = tables.standings.get(standing_key(part.venue, part.account))
    if standing is not None and part.asked_ns <= standing.asked_ns:
        return  # Told again, or overtaken by a newer one: its fills were news at the most.
    key = f"{standing_key(part.venue, part.account)}|{part.statement_id}"
    there = tables.kept.get(key, {})
    if part.part in there:
        if there[part.part].digest != digest_of(part):
            books.ignore(desk, part, "CONTRADICTS", f"part {part.part} of {part.statement_id} says something else now")
        return
    kept = _take_over(desk, part)
    seen = desk.state.seen.of(key, {**there, part.part: kept})
    if len(there) + 1 < part.parts:
        desk.emit(kept)
    else:
        _compare(desk, merged((*there.values(), kept), seen))
    desk.state.seen.forget(tables.kept)


def _take_over(desk: Desk, part: VenueStatement) -> StatementKept:
    """Its facts at once, so that no part costs more for how many there are; what does not agree yet waits for all."""
    whole = merged((StatementKept(statement=part, time_ns=desk.now_ns),), set())
    books.take_orders(desk, whole)
    books.take_fills(desk, part, part.fills)
    books.take_ends(desk, whole)
    seen, orders = agreed(desk, whole)
    return StatementKept(
        statement=msgspec.structs.replace(part, orders=orders, fills=books.unknown_fills(desk, part)),
        time_ns=desk.now_ns,
        seen=seen,
        orders=len(part.orders),
        fills=len(part.fills),
        digest=digest_of(part) if part.parts > 1 else "",
    )


def _compare(desk: Desk, whole: Whole) -> None:
    books.take_fills(desk, whole.first, whole.fills)
    books.take_ends(desk, whole)
    found = compare(desk, whole)
    unlisted = differences.look(desk, whole, found)
    first = whole.first
    desk.emit(
        StatementCompared(
            venue=first.venue,
            account=first.account,
            statement_id=first.statement_id,
            asked_ns=first.asked_ns,
            taken_ns=whole.taken_ns,
            orders=whole.stated[0],
            fills=whole.stated[1],
            positions=len(whole.positions),
            unlisted=unlisted,
            time_ns=desk.now_ns,
        )
    )
    differences.guard(desk, first.account)


def follow(desk: Desk, report: VenueReport) -> None:
    """A report may be what a difference waited for."""
    order = find(desk, report)
    if order is None:
        return
    if isinstance(report, ExecutionReport) and desk.state.tables.reconciliation.adjustments:
        adjusting.take_back(desk, order, report.execution_id, report.venue_time_ns)
    differences.settle_explained(desk, order)


# Decided by persons


def request_statement(desk: Desk, command: RequestStatement) -> None:
    tables = desk.state.tables
    if command.account not in tables.accounts:
        text = f"{command.account!r} is not an account of this gateway"
        desk.refuse(command.actor, "UNKNOWN_ACCOUNT", "account", text)
    elif all(instrument.venue != command.venue for instrument in tables.instruments.values()):
        text = f"no instrument of this gateway is traded at {command.venue!r}"
        desk.refuse(command.actor, "UNKNOWN_VENUE", "venue", text)
    else:
        _request(desk, command.venue, command.account, command.actor, command.reason, guard=command.guard)
        differences.guard(desk, command.account)


def _request(desk: Desk, venue: str, account: str, actor: str, reason: str, *, guard: bool = False) -> None:
    desk.emit(
        StatementRequested(venue=venue, account=account, actor=actor, reason=reason, guard=guard, time_ns=desk.now_ns)
    )


def settle_difference(desk: Desk, command: SettleDifference) -> None:
    found = differences.by_id(desk, command.difference_id)
    if found is None:
        text = f"no difference {command.difference_id} stands"
        desk.refuse(command.actor, "UNKNOWN_DIFFERENCE", "difference_id", text)
    elif not command.reason:
        desk.refuse(command.actor, "REASON_MISSING", "reason", "say how that became known")
    elif command.action is Action.QUERY:
        _request(desk, found.venue, found.account, command.actor, command.reason)
    elif (fault := _fault(desk, found, command)) is not None:
        desk.refuse(command.actor, *fault)
    elif _takes_two(desk, found, command.action):
        propose(
            desk,
            ProposalKind.DIFFERENCE,
            command.actor,
            command.reason,
            account=found.account,
            against=found.revision,
            action=command,
        )
    else:
        _carry_out(desk, found, command, "")


def _takes_two(desk: Desk, found: Difference, action: Action) -> bool:
    """Whatever changes a position, lets new risk in, or adjusts the ledger by more than one person may alone."""
    if found.kind in MISMATCHING or action is not Action.ACCEPT_VENUE:
        return found.kind in MISMATCHING
    if found.kind is DifferenceKind.BALANCE:
        return found.booked and abs(found.theirs - found.ours) > desk.state.tables.reconciliation.alone_nanos
    return found.kind is DifferenceKind.ORDER_MISSING


def set_policy(desk: Desk, command: SetReconciliationPolicy) -> None:
    if not 0 <= command.alone_nanos <= INT64_MAX:
        desk.refuse(command.actor, "AMOUNT_OUT_OF_RANGE", "alone", "must be 0 or more and fit 63 bits in nanos")
    elif command.alone_nanos != desk.state.tables.reconciliation.alone_nanos:
        desk.emit(ReconciliationPolicySet(alone_nanos=command.alone_nanos, actor=command.actor, time_ns=desk.now_ns))


def _fault(desk: Desk, found: Difference, command: SettleDifference) -> tuple[str, str, str] | None:
    price = command.price_ticks
    if price is not None and not 0 < price <= TICKS_BOUND:
        return "PRICE_OUT_OF_RANGE", "price", f"no instrument trades at {price} ticks"
    if command.action is Action.IGNORE:
        return None
    if found.kind not in ADJUSTABLE:
        text = f"{found.kind.value}: the venue's word has no execution id and no price; ask again, or ignore it"
        return "NOT_ACCEPTABLE", "action", text
    if found.kind is not DifferenceKind.POSITION:
        return None
    return adjusting.fault_of(desk, found, price)


def revision_of(desk: Desk, command: SettleDifference) -> int:
    """A proposal is bound to it; 0: the difference does not stand any more."""
    found = differences.by_id(desk, command.difference_id)
    return 0 if found is None else found.revision


def carry_out(desk: Desk, made: ProposalMade, approver: str) -> None:
    if isinstance(made.action, SettleDifference):
        found = differences.by_id(desk, made.action.difference_id)
        if found is not None:
            _carry_out(desk, found, made.action, approver)


def _carry_out(desk: Desk, found: Difference, command: SettleDifference, approver: str) -> None:
    how = How.IGNORED if command.action is Action.IGNORE else How.ACCEPTED
    if how is How.ACCEPTED and not _accept(desk, found, command, approver):
        text = "the books do not hold what the venue says; nothing was changed"
        desk.refuse(command.actor, "NOT_ACCEPTABLE", "action", text)
        return
    differences.end(desk, found, how, command.reason, command.actor, approver)
    if how is How.IGNORED:
        ignored = msgspec.structs.replace(found, ignored=command.reason)
        desk.emit(DifferenceNoted(difference=ignored, time_ns=desk.now_ns))
    differences.guard(desk, found.account)


def _accept(desk: Desk, found: Difference, command: SettleDifference, approver: str) -> bool:
    match found.kind:
        case DifferenceKind.POSITION:
            return adjusting.adjust(desk, found, command, approver)
        case DifferenceKind.ORDER_MISSING:
            order: Order = desk.state.tables.orders[found.order_id]
            books.end(desk, order, f"settled by {command.actor} and {approver}: {command.reason}")
        case DifferenceKind.BALANCE if found.booked:
            desk.emit(
                CashBooked(
                    account=found.account,
                    kind=CashKind.ADJUSTMENT,
                    currency=found.subject,
                    nanos=_within(found.theirs - found.ours),
                    reason=f"difference {found.difference_id}: {command.reason}",
                    actor=command.actor,
                    time_ns=desk.now_ns,
                    venue=found.venue,
                )
            )
        case DifferenceKind.BALANCE:
            desk.emit(
                BalanceAgreed(
                    venue=found.venue,
                    account=found.account,
                    currency=found.subject,
                    offset_nanos=_within(differences.offset_of(desk, found) + found.theirs - found.ours),
                    actor=command.actor,
                    time_ns=desk.now_ns,
                )
            )
    return True


def _within(nanos: int) -> int:
    return max(-INT64_MAX, min(INT64_MAX, nanos))
