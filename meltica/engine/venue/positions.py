"""Positions from executions: what a correction, a restart or a strategy of several makes necessary."""

from __future__ import annotations

from collections.abc import Iterable

from meltica.domain.instrument import Instrument
from meltica.domain.order import Order
from meltica.domain.position import Position


def booked(account: str, instrument: Instrument, orders: Iterable[Order]) -> Position:
    """What the executions of these orders add up to that stand, booked in the order in which they came.

    Average cost depends on that order, so this is the only way to take one back.
    """
    position = Position(account=account, instrument=instrument.instrument)
    standing = [
        (execution.sequence, order.side.sign * execution.quantity_lots, execution)
        for order in orders
        for execution in order.executions.values()
    ]
    unit_nanos = instrument.value_per_tick_lot_nanos
    for _, signed_lots, execution in sorted(standing, key=lambda entry: entry[0]):
        position.apply(signed_lots, execution.price_ticks, unit_nanos, execution.fee_nanos)
    return position
