"""Positions from executions: what a correction, a restart or a strategy of several makes necessary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meltica.domain.accounting import SplitMark
from meltica.domain.instrument import Instrument
from meltica.domain.order import Order
from meltica.domain.position import Position


def booked(account: str, instrument: Instrument, orders: Iterable[Order], splits: Sequence[SplitMark] = ()) -> Position:
    """What the executions of these orders add up to that stand, booked in the order in which they came.

    Average cost depends on that order, so this is the only way to take one back.
    """
    position = Position(account=account, instrument=instrument.instrument)
    standing = [
        (execution.sequence, order.side.sign * execution.quantity_lots, execution)
        for order in orders
        for execution in order.executions.values()
    ]
    unit_nanos, known = instrument.value_per_tick_lot_nanos, 0
    for sequence, signed_lots, execution in sorted(standing, key=lambda entry: entry[0]):
        known = split_up_to(position, splits, known, sequence)
        position.apply(signed_lots, execution.price_ticks, unit_nanos, execution.fee_nanos)
    split_up_to(position, splits, known, None)
    return position


def split_up_to(position: Position, splits: Sequence[SplitMark], known: int, sequence: int | None) -> int:
    """The splits before the execution of this sequence, less the first ``known``; None: all. How many it knows then."""
    while known < len(splits) and (sequence is None or splits[known].sequence <= sequence):
        position.split(splits[known].numerator, splits[known].denominator)
        known += 1
    return known
