"""The parts of a statement made one, in whatever order they came; and what is no statement at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from meltica.domain.money import INT64_MAX
from meltica.domain.statements import (
    StatedBalance,
    StatedFill,
    StatedOrder,
    StatedPosition,
    StatementKept,
    VenueStatement,
    standing_key,
)
from meltica.engine.desk import Desk
from meltica.hot.layout_gen import LOTS_BOUND

PARTS_MOST: Final = 10_000
"""Ten thousand pages of a few hundred orders are more than any venue lets work."""
ROWS_MOST: Final = 1_000
"""Orders, fills, positions and balances of one part: the engine looks at it in one step, some milliseconds."""


class Whole(NamedTuple):
    """All parts together, less what agreed when its part came. What is complete must be so in each of them."""

    first: VenueStatement
    """Part 1: venue, account, id, when it was asked for."""
    taken_ns: int
    """The earliest of the parts."""
    orders_complete: bool
    positions_complete: bool
    orders: tuple[StatedOrder, ...]
    fills: tuple[StatedFill, ...]
    positions: tuple[StatedPosition, ...]
    balances: tuple[StatedBalance, ...]
    seen: set[int]
    """Our ids of the orders that agreed."""
    stated: tuple[int, int]
    """(orders, fills) that all parts have."""


def digest_of(part: VenueStatement) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(part)).hexdigest()


def merged(parts: Iterable[StatementKept], seen: set[int]) -> Whole:
    kept = sorted(parts, key=lambda each: each.statement.part)
    ordered = [each.statement for each in kept]
    return Whole(
        ordered[0],
        min(part.taken_ns for part in ordered),
        all(part.orders_complete for part in ordered),
        all(part.positions_complete for part in ordered),
        tuple(order for part in ordered for order in part.orders),
        tuple(fill for part in ordered for fill in part.fills),
        tuple(position for part in ordered for position in part.positions),
        tuple(balance for part in ordered for balance in part.balances),
        seen,
        (sum(each.orders for each in kept), sum(each.fills for each in kept)),
    )


def fault_of(desk: Desk, part: VenueStatement) -> tuple[str, str] | None:
    """(reason, text) why nobody can read it; None: one can."""
    if part.account not in desk.state.tables.accounts:
        return "UNKNOWN_ACCOUNT", f"a statement of {part.account!r}, which is not an account of this gateway"
    if not part.statement_id or not 1 <= part.part <= part.parts <= PARTS_MOST:
        return "CONTRADICTS", f"part {part.part} of {part.parts} of statement {part.statement_id!r}"
    if not 0 < part.asked_ns <= desk.now_ns:
        return "CONTRADICTS", f"statement {part.statement_id} answers what was not asked yet"
    if (rows := len(part.orders) + len(part.fills) + len(part.positions) + len(part.balances)) > ROWS_MOST:
        return "PART_TOO_LARGE", f"part {part.part} of {part.statement_id} has {rows} rows: at most {ROWS_MOST}"
    others = desk.state.tables.reconciliation.kept
    for kept in others.get(f"{standing_key(part.venue, part.account)}|{part.statement_id}", {}).values():
        other = kept.statement
        if (other.parts, other.asked_ns) != (part.parts, part.asked_ns):
            text = f"part {part.part} of statement {part.statement_id} does not belong to its part {other.part}"
            return "CONTRADICTS", text
    return _unreal(part)


def _unreal(part: VenueStatement) -> tuple[str, str] | None:
    """What no register holds is a fault of the venue or of its session."""
    for order in part.orders:
        if not (0 < order.quantity_lots <= LOTS_BOUND and 0 <= order.cumulative_lots <= LOTS_BOUND):
            name = order.client_order_id or order.venue_order_id
            return "CONTRADICTS", f"order {name!r}: {order.cumulative_lots} of {order.quantity_lots} lots"
    for position in part.positions:
        if abs(position.lots) > LOTS_BOUND:
            return "CONTRADICTS", f"a position of {position.lots} lots in {position.instrument}"
    for balance in part.balances:
        if abs(balance.nanos) > INT64_MAX or abs(balance.booked_nanos or 0) > INT64_MAX:
            return "CONTRADICTS", f"a balance of {balance.nanos} nanos of {balance.currency}"
    return None
