"""The least that Python must do to keep double-entry books of the same fills: the ledger's floor.

A dict of balances, an average cost, a list of tuples. No lots, no strategies, no checks, no days, no corrections, no
fees to compare, nothing that can be read again from a file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class PlainPosition:
    lots: int = 0
    cost: int = 0


class PlainBooks:
    """The same fills as ``Ledger.apply`` gets."""

    def __init__(self, unit: int) -> None:
        self.unit = unit
        self.balances: dict[tuple[str, str, str], int] = {}
        self.positions: dict[tuple[str, str], PlainPosition] = {}
        self.entries: list[tuple[int, int, str, tuple[tuple[str, str, int], ...]]] = []

    def apply(self, sequence: int, time_ns: int, record: object) -> None:
        for fill in record.events:  # type: ignore[attr-defined]
            self._fill(sequence, time_ns, fill)

    def _fill(self, sequence: int, time_ns: int, fill: object) -> None:
        account, instrument = fill.account, fill.instrument  # type: ignore[attr-defined]
        key = account, instrument
        position = self.positions.get(key)
        if position is None:
            position = self.positions[key] = PlainPosition()
        lots = fill.side.sign * fill.quantity_lots  # type: ignore[attr-defined]
        value = lots * fill.price_ticks * self.unit  # type: ignore[attr-defined]
        realised, cost = 0, value
        if position.lots and (position.lots > 0) != (lots > 0):
            closing = lots if abs(lots) <= abs(position.lots) else -position.lots
            closed = position.cost * abs(closing) // abs(position.lots)
            realised = -closing * fill.price_ticks * self.unit - closed  # type: ignore[attr-defined]
            cost = (lots - closing) * fill.price_ticks * self.unit - closed  # type: ignore[attr-defined]
        position.lots += lots
        position.cost += cost
        fee = fill.fee_nanos  # type: ignore[attr-defined]
        postings = (
            ("cash", "USDT", -value - fee),
            ("position", "USDT", cost),
            ("realised", "USDT", -realised),
            ("fees", "USDT", fee),
        )
        for book, currency, nanos in postings:
            at = account, currency, book
            self.balances[at] = self.balances.get(at, 0) + nanos
        self.entries.append((sequence, time_ns, "fill", postings))
