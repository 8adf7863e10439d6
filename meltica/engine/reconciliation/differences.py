"""Differences: suspected at first, found when a second look says the same, settled when the two agree again."""

from __future__ import annotations

from typing import Final

import msgspec

from meltica.domain import lifecycle
from meltica.domain.breakers import MarkKind, MarkState, mark_key
from meltica.domain.events import MarkChanged
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order
from meltica.domain.reports import OutcomeUnknown
from meltica.domain.statements import (
    MISMATCHING,
    BalanceAgreed,
    Difference,
    DifferenceKind,
    DifferenceNoted,
    DifferenceSettled,
    How,
)
from meltica.engine.desk import Desk
from meltica.engine.reconciliation import books
from meltica.engine.reconciliation.compare import Compared, money_since, traded_nanos
from meltica.engine.reconciliation.merge import Whole
from meltica.engine.venue import outcomes

LOOKS_NEEDED: Final = 2
"""A report that was on its way at the first look has come by the second, which is asked for FLIGHT_NS later."""
LOOKS_MOST: Final = 5
"""So often something may look different each time; then it is a difference, whatever it looks like."""
DIFFERENCES_MOST: Final = 10_000
"""More are counted, not listed: an account with so many is stopped, and a person looks at its venue first."""
RECONCILER: Final = "system:reconciliation"


def by_id(desk: Desk, difference_id: int) -> Difference | None:
    table = desk.state.tables.reconciliation.differences
    return next((d for d in table.values() if d.difference_id == difference_id > 0), None)


def look(desk: Desk, whole: Whole, compared: Compared) -> int:
    """Take over what a statement showed; how many differences the table had no room for."""
    table = desk.state.tables.reconciliation.differences
    unlisted = 0
    keys = set()
    for fresh in compared.found:
        keys.add(fresh.key)
        known = table.get(fresh.key)
        if known is not None:
            _again(desk, whole, known, fresh)
        elif len(table) < DIFFERENCES_MOST:
            desk.emit(DifferenceNoted(difference=fresh, time_ns=desk.now_ns))
        else:
            unlisted += 1
    for known in list(table.values()):
        mine = (known.venue, known.account) == (whole.first.venue, whole.first.account)
        if (
            mine
            and known.key not in keys
            and known.key not in compared.undecided
            and _spoken_of(whole, compared, known)
        ):
            end(desk, known, How.AGREED, f"statement {whole.first.statement_id} agrees", RECONCILER)
    if not compared.found:
        _agree_balances(desk, whole)
    return unlisted


def _again(desk: Desk, whole: Whole, known: Difference, fresh: Difference) -> None:
    same = (known.ours, known.theirs) == (fresh.ours, fresh.theirs)
    if known.difference_id:
        if not same:
            gap = known.theirs - known.ours == fresh.theirs - fresh.ours
            _note(desk, known, fresh, ignored=known.ignored if gap else "", revision=known.revision + 1)
        return
    if whole.first.asked_ns < known.last_ns + books.FLIGHT_NS:
        return  # The same look as the last one, as far as what is on its way goes.
    looks = known.looks + 1
    stands = _stands(known, fresh)
    found = looks >= LOOKS_MOST or (looks >= LOOKS_NEEDED and stands)
    number = desk.state.tables.reconciliation.next_difference_id if found else 0
    _note(desk, known, fresh, looks=looks, difference_id=number)
    if found and fresh.kind is DifferenceKind.ORDER_MISSING:
        _doubt(desk, desk.state.tables.orders[fresh.order_id], whole)


def _stands(known: Difference, fresh: Difference) -> bool:
    """Is it still what it was at the last look? A fill that was missing then may have come, and another be missing."""
    if known.kind is DifferenceKind.FILL_MISSING:
        return fresh.ours < known.theirs
    return fresh.theirs - fresh.ours == known.theirs - known.ours


def _note(desk: Desk, known: Difference, fresh: Difference, **changes: object) -> None:
    kept = {"first_ns": known.first_ns, "looks": known.looks, "difference_id": known.difference_id, **changes}
    desk.emit(DifferenceNoted(difference=msgspec.structs.replace(fresh, **kept), time_ns=desk.now_ns))


def _doubt(desk: Desk, order: Order, whole: Whole) -> None:
    """One that was never acknowledged may never have arrived: the venue is asked about it like any other in doubt."""
    if not order.acknowledged and outcomes.doubt_of(order, order.client_order_id) is None:
        outcomes.outcome_unknown(
            desk,
            OutcomeUnknown(
                venue=whole.first.venue,
                client_order_id=order.client_order_id,
                text=f"statement {whole.first.statement_id} does not have it",
            ),
        )


def _spoken_of(whole: Whole, compared: Compared, known: Difference) -> bool:
    """Does the statement say anything about what the difference is about?"""
    match known.kind:
        case DifferenceKind.FILL_MISSING | DifferenceKind.FILL_UNKNOWN_THERE:
            return known.order_id in compared.orders
        case DifferenceKind.ORDER_MISSING:
            return whole.orders_complete or known.order_id in compared.orders
        case DifferenceKind.ORDER_UNKNOWN_HERE:
            return whole.orders_complete
        case DifferenceKind.POSITION:
            return whole.positions_complete or any(p.instrument == known.instrument for p in whole.positions)
        case DifferenceKind.BALANCE:
            return any(balance.currency == known.subject for balance in whole.balances)


def end(  # noqa: PLR0917 - one call a row
    desk: Desk, known: Difference, how: How, reason: str, actor: str, approver: str = ""
) -> None:
    desk.emit(
        DifferenceSettled(
            key=known.key,
            difference_id=known.difference_id,
            how=how,
            reason=reason,
            actor=actor,
            time_ns=desk.now_ns,
            approver=approver,
        )
    )


def settle_explained(desk: Desk, order: Order) -> None:
    """Something was reported of the order: was that it?"""
    table = desk.state.tables.reconciliation.differences
    at = f"{desk.state.tables.instruments[order.instrument].venue}|{order.account}"
    position = desk.state.position(order.account, order.instrument)
    lots = 0 if position is None else position.lots
    filled = order.cumulative_lots
    agreed = (
        (DifferenceKind.FILL_MISSING, str(order.order_id), lambda known: filled >= known.theirs),
        (DifferenceKind.FILL_UNKNOWN_THERE, str(order.order_id), lambda known: filled <= known.theirs),
        (DifferenceKind.ORDER_MISSING, str(order.order_id), lambda _: not lifecycle.is_working(order)),
        (DifferenceKind.POSITION, order.instrument, lambda known: lots == known.theirs),
    )
    settled = False
    for kind, subject, is_so in agreed:
        known = table.get(f"{kind.name}|{at}|{subject}")
        if known is not None and is_so(known):
            end(desk, known, How.AGREED, f"a report of order {order.order_id} explains it", RECONCILER)
            settled = True
    if settled:
        guard(desk, order.account)


# Balances that the ledger does not keep


def offset_of(desk: Desk, found: Difference) -> int:
    return desk.state.tables.reconciliation.offsets.get(f"{found.venue}|{found.account}|{found.subject}", 0)


def _agree_balances(desk: Desk, whole: Whole) -> None:
    """The first balance of a currency, with all else in agreement, is what the next ones are compared with."""
    first = whole.first
    for balance in whole.balances:
        key = f"{first.venue}|{first.account}|{balance.currency}"
        offset = balance.nanos - traded_nanos(desk, first.venue, first.account, balance.currency)
        known = balance.booked_nanos is not None or key in desk.state.tables.reconciliation.offsets
        if known or abs(offset) > INT64_MAX:
            continue
        if money_since(desk, whole, balance.currency, first.asked_ns):
            continue  # Whether the venue's word has these in it or not nobody knows: a quieter one comes.
        desk.emit(
            BalanceAgreed(
                venue=first.venue,
                account=first.account,
                currency=balance.currency,
                offset_nanos=offset,
                actor=RECONCILER,
                time_ns=desk.now_ns,
            )
        )


# What stops new risk


def guard(desk: Desk, account: str) -> None:
    """Mark the account while it waits for its first statement, or while its position is in question."""
    tables = desk.state.tables
    why = _why_stopped(desk, account)
    known = tables.marks.get(mark_key(MarkKind.MISMATCHED, account))
    state = known or MarkState(mark=MarkKind.MISMATCHED, name=account)
    if bool(why) == state.on or (state.on and state.actor != RECONCILER):
        return  # What a person has set, two persons clear.
    desk.emit(
        MarkChanged(
            mark=MarkKind.MISMATCHED,
            name=account,
            on=bool(why),
            epoch=state.epoch + 1,
            reason=why or "reconciled",
            actor=RECONCILER,
            approver="",
            time_ns=desk.now_ns,
        )
    )


def _why_stopped(desk: Desk, account: str) -> str:
    tables = desk.state.tables.reconciliation
    for standing in tables.standings.values():
        if standing.account != account:
            continue
        if standing.guarded:
            return f"not reconciled with {standing.venue} yet"
        if standing.unlisted:
            return f"{standing.unlisted} differences with {standing.venue} beside those that are listed"
    for found in tables.differences.values():
        if found.account == account and found.difference_id and not found.ignored and found.kind in MISMATCHING:
            return f"difference {found.difference_id}: {found.kind.value} {found.subject}"
    return ""
