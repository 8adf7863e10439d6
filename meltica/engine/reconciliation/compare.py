"""Where a whole statement and the books disagree, less what a report or a command on its way explains.

Orders and positions here are those of now; the statement is of ``asked_ns`` or later. What was booked since then may
be in it or not, a part of it even: every state in between agrees with it.
"""

from __future__ import annotations

from itertools import accumulate
from operator import itemgetter, sub
from typing import Final, NamedTuple

import msgspec

from meltica.domain import lifecycle
from meltica.domain.money import INT64_MAX, nanos_text
from meltica.domain.order import Order, Side
from meltica.domain.statements import Action, Difference, DifferenceKind, StatedBalance, StatedOrder
from meltica.engine.desk import Desk
from meltica.engine.reconciliation import books
from meltica.engine.reconciliation.merge import Whole
from meltica.engine.state import execution_key, position_key

_ACCEPT: Final = Action.ACCEPT_VENUE


class Compared(NamedTuple):
    found: list[Difference]
    undecided: set[str]
    """Keys of what can't be judged by this statement: something is on its way."""
    orders: set[int]
    """Those that the statement speaks of."""


def compare(desk: Desk, whole: Whole) -> Compared:
    result = Compared([], set(), whole.seen)
    _orders(desk, whole, result)
    if whole.orders_complete:
        _missing(desk, whole, result)
    _positions(desk, whole, result)
    _balances(desk, whole, result)
    return result


def _difference(  # noqa: PLR0917 - one call a row
    desk: Desk,
    whole: Whole,
    kind: DifferenceKind,
    subject: str,
    ours: int,
    theirs: int,
    text: str,
    *,
    instrument: str = "",
    order_id: int = 0,
    proposed: Action = Action.QUERY,
) -> Difference:
    return Difference(
        kind=kind,
        venue=whole.first.venue,
        account=whole.first.account,
        subject=subject,
        ours=ours,
        theirs=theirs,
        proposed=proposed,
        text=text,
        instrument=instrument,
        order_id=order_id,
        first_ns=desk.now_ns,
        last_ns=desk.now_ns,
    )


# Orders


def agreed(desk: Desk, whole: Whole) -> tuple[tuple[int, ...], tuple[StatedOrder, ...]]:
    """(our ids of the orders that are as the statement says, the orders of which more must be known)."""
    known, seen, others = books.Known(desk, whole), [], []
    for stated in whole.orders:
        order = known.order(stated)
        if order is None:
            if stated.ended is None:
                others.append(stated)
            continue
        ends = stated.ended in books.ENDS and lifecycle.may_trade(order)
        if ends or _filled_apart(whole, order, stated.cumulative_lots):
            others.append(stated)
        else:
            seen.append(order.order_id)
    return tuple(seen), tuple(others)


def _orders(desk: Desk, whole: Whole, result: Compared) -> None:
    known = books.Known(desk, whole)
    for stated in whole.orders:
        order = known.order(stated)
        if order is None:
            if stated.ended is None:
                result.found.append(_unknown(desk, whole, stated))
            continue
        result.orders.add(order.order_id)
        _filled(desk, whole, order, stated.cumulative_lots, result)


def _unknown(desk: Desk, whole: Whole, stated: StatedOrder) -> Difference:
    name = stated.venue_order_id or stated.client_order_id
    other = books.match(desk, whole.first.venue, (stated.client_order_id, *stated.chain))
    if other is not None:
        why = f"the name {stated.client_order_id!r} is that of our order {other.order_id}, which is another one"
    elif stated.instrument not in desk.state.tables.instruments:
        why = f"{stated.instrument} is not registered here"
    else:
        why = "it has no client order id, or the gate can't hold it"
    said = f"{stated.side.name} {desk.quantity(stated.instrument, stated.quantity_lots)} {stated.instrument}"
    text = f"{said} works there and was not adopted: {why}"
    lots = stated.quantity_lots - stated.cumulative_lots
    kind = DifferenceKind.ORDER_UNKNOWN_HERE
    return _difference(desk, whole, kind, name, 0, lots, text, instrument=stated.instrument)


def _filled_apart(whole: Whole, order: Order, theirs: int) -> bool:
    """The venue's count of what is filled against ours; each state since the statement was asked for agrees."""
    ours = order.cumulative_lots
    if theirs >= ours:
        return theirs > ours
    since = [x for x in order.executions.values() if x.time_ns >= whole.first.asked_ns]
    return theirs < ours - sum(x.quantity_lots for x in since)


def _filled(desk: Desk, whole: Whole, order: Order, theirs: int, result: Compared) -> None:
    if not _filled_apart(whole, order, theirs):
        return
    ours = order.cumulative_lots
    there, here = (desk.quantity(order.instrument, lots) for lots in (theirs, ours))
    if theirs > ours:
        text = f"the venue has filled {there}, {here} is booked; the executions have not come"
        kind = DifferenceKind.FILL_MISSING
        result.found.append(_of_order(desk, whole, kind, order, ours, theirs, text))
        return
    text = f"{here} is booked, the venue says {there}; a bust may be on its way"
    kind = DifferenceKind.FILL_UNKNOWN_THERE
    result.found.append(_of_order(desk, whole, kind, order, ours, theirs, text))


def _of_order(  # noqa: PLR0917 - one call a row
    desk: Desk, whole: Whole, kind: DifferenceKind, order: Order, ours: int, theirs: int, text: str
) -> Difference:
    name = str(order.order_id)
    return _difference(
        desk, whole, kind, name, ours, theirs, text, instrument=order.instrument, order_id=order.order_id
    )


def _missing(desk: Desk, whole: Whole, result: Compared) -> None:
    """Orders that work here and are not among all those that work there. They stay exposure, whatever comes of it."""
    asked_ns = whole.first.asked_ns
    for order in books.working(desk, whole, result.orders):
        if not lifecycle.is_working(order):
            continue  # One that is filled, with a request that has no answer, need not be there any more.
        new = not order.acknowledged
        if order.updated_ns >= (asked_ns - books.FLIGHT_NS if new else asked_ns):
            result.undecided.add(_key(whole, DifferenceKind.ORDER_MISSING, str(order.order_id)))
            continue
        leaves = lifecycle.leaves_lots(order)
        said = desk.quantity(order.instrument, leaves)
        if new:
            text = f"{said} was sent and never acknowledged; the venue does not have the order (any more)"
        else:
            text = f"{said} works here; the venue does not have the order any more: its last reports may be lost"
        result.found.append(_of_order(desk, whole, DifferenceKind.ORDER_MISSING, order, leaves, 0, text))


def _key(whole: Whole, kind: DifferenceKind, subject: str) -> str:
    return f"{kind.name}|{whole.first.venue}|{whole.first.account}|{subject}"


# Positions


def _positions(desk: Desk, whole: Whole, result: Compared) -> None:
    tables, first = desk.state.tables, whole.first
    stated = {position.instrument: position.lots for position in whole.positions}
    ours = {
        position.instrument: position.lots
        for position in tables.positions.values()
        if position.account == first.account and tables.instruments[position.instrument].venue == first.venue
    }
    names = {**stated, **ours} if whole.positions_complete else stated
    for name in names:
        theirs = stated.get(name, 0)
        nearest = _nearest(ours.get(name, 0), _booked_since(desk, whole, name), theirs)
        if nearest != theirs:
            text, proposed = _explained(desk, whole, result, name, theirs - nearest)
            kind = DifferenceKind.POSITION
            result.found.append(
                _difference(desk, whole, kind, name, nearest, theirs, text, instrument=name, proposed=proposed)
            )


def _booked_since(desk: Desk, whole: Whole, instrument: str) -> list[int]:
    """Signed lots of the executions booked since the statement was asked for, the newest first."""
    bookings = desk.state.bookings.get(position_key(whole.first.account, instrument))
    return [] if bookings is None else bookings.lots_since(whole.first.asked_ns)


def _nearest(now: int, since: list[int], theirs: int) -> int:
    """What the position was when the statement was asked for; or later, if that is what the statement says."""
    lots = now
    for signed in since:
        if lots == theirs:
            return lots
        lots -= signed
    return lots


def _explained(desk: Desk, whole: Whole, result: Compared, instrument: str, lots: int) -> tuple[str, Action]:
    """What might explain a difference of so many lots, and what is best done about it."""
    tables = desk.state.tables
    apart = desk.quantity(instrument, abs(lots))
    lines, missing, unknown = [f"the venue's position is {apart} {'above' if lots > 0 else 'below'} ours"], 0, 0
    for found in result.found:
        if found.kind in {DifferenceKind.FILL_MISSING, DifferenceKind.FILL_UNKNOWN_THERE}:
            order = tables.orders[found.order_id]
            missing += order.side.sign * (found.theirs - found.ours) if order.instrument == instrument else 0
    first = whole.first
    for fill in whole.fills:
        known = execution_key(first.venue, first.account, fill.execution_id) in tables.executions
        if fill.instrument == instrument and not known:
            unknown += fill.side.sign * fill.quantity_lots
    if missing:
        lines.append(f"fills of our orders that are missing add up to {_signed(desk, instrument, missing)}")
    if unknown:
        lines.append(f"fills of orders that nobody here knows add up to {_signed(desk, instrument, unknown)}")
    open_lots = desk.state.reservations.lots(first.account, instrument, Side.BUY if lots > 0 else Side.SELL)
    if not missing and not unknown and open_lots >= abs(lots):
        lines.append(f"{desk.quantity(instrument, open_lots)} that works on that side could have been filled")
    if not missing and not unknown and open_lots < abs(lots):
        lines.append("nothing that is known here explains it")
    return "; ".join(lines), Action.QUERY if lots in {missing, missing + unknown} else Action.ACCEPT_VENUE


def _signed(desk: Desk, instrument: str, lots: int) -> str:
    return f"{'+' if lots > 0 else ''}{desk.quantity(instrument, lots)}"


# Balances


def _balances(desk: Desk, whole: Whole, result: Compared) -> None:
    """With the ledger's balance, where it came with the statement; else with what fills moved since the first one.

    While trading goes on the statement is of some moment since it was asked for: that with the smallest difference.
    """
    asked_ns = whole.first.asked_ns
    for balance in whole.balances:
        ours = _ours_now(desk, whole, balance)
        if ours is None:
            continue  # Nothing to compare with yet; see ``differences``.
        since = [nanos for at_ns, nanos in money_since(desk, whole, balance.currency, asked_ns) if at_ns >= asked_ns]
        nearest = min(accumulate((ours, *since), sub), key=lambda nanos: abs(balance.nanos - nanos))
        if nearest == balance.nanos or abs(nearest) > INT64_MAX:
            continue
        gap = balance.nanos - nearest
        more = "more" if gap > 0 else "less"
        text = f"the venue has {nanos_text(abs(gap))} {balance.currency} {more} than the books"
        found = _difference(
            desk, whole, DifferenceKind.BALANCE, balance.currency, nearest, balance.nanos, text, proposed=_ACCEPT
        )
        result.found.append(msgspec.structs.replace(found, booked=balance.booked_nanos is not None))


def _ours_now(desk: Desk, whole: Whole, balance: StatedBalance) -> int | None:
    """The ledger hears of an entry when it is durable: what it had not heard of yet is added."""
    first = whole.first
    if balance.booked_nanos is not None:
        after = money_since(desk, whole, balance.currency, balance.booked_ns + 1)
        return balance.booked_nanos + sum(nanos for _, nanos in after)
    offset = desk.state.tables.reconciliation.offsets.get(f"{first.venue}|{first.account}|{balance.currency}")
    return None if offset is None else offset + traded_nanos(desk, first.venue, first.account, balance.currency)


def money_since(desk: Desk, whole: Whole, currency: str, time_ns: int) -> list[tuple[int, int]]:
    """(when, nanos) of the executions booked since then in this currency, the newest first."""
    found: list[tuple[int, int]] = []
    for instrument in desk.state.tables.instruments.values():
        if (instrument.venue, instrument.quote_currency) == (whole.first.venue, currency):
            bookings = desk.state.bookings.get(position_key(whole.first.account, instrument.instrument))
            found += [] if bookings is None else bookings.money_since(time_ns)
    return sorted(found, key=itemgetter(0), reverse=True)


def traded_nanos(desk: Desk, venue: str, account: str, currency: str) -> int:
    """What all fills together brought in this currency: nothing but sums that are exact."""
    tables = desk.state.tables
    return sum(
        position.realised_nanos - position.cost_nanos - position.fees_nanos
        for position in tables.positions.values()
        if position.account == account
        and (at := tables.instruments[position.instrument]).venue == venue
        and at.quote_currency == currency
    )
