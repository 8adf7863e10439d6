"""Busts and corrections that could not be booked when they came: kept, found again when their trade comes, listed."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from meltica.domain.corrections import CorrectionKept
from meltica.domain.order import Order

MOST: Final = 10_000
"""A venue that corrects so many trades which it never told of is not to be believed any more: more are not kept."""


Place = TypeVar("Place")


class EarlyCorrections:
    """The kept ones, by the order and the execution that they refer to. ``table``: the part that a snapshot holds."""

    def __init__(self, table: dict[str, CorrectionKept]) -> None:
        self._table = table
        self._of: dict[tuple[int, str], list[str]] = {}
        """Those that wait for their trade."""
        self._orphans: dict[tuple[str, str], list[str]] = {}
        """(venue, client order id) of an order that nobody knows -> those about it."""
        for kept in table.values():
            self._index(kept)

    def __len__(self) -> int:
        return len(self._table)

    def all(self) -> list[CorrectionKept]:
        """Oldest first."""
        return list(self._table.values())

    def get(self, order_id: int, execution_id: str) -> CorrectionKept | None:
        """With order 0: the oldest one about an unknown order."""
        if order_id:
            return self._table.get(f"{order_id}|{execution_id}")
        orphans = (kept for kept in self._table.values() if not kept.order_id)
        return next((kept for kept in orphans if kept.execution_id == execution_id), None)

    def holds(self, kept: CorrectionKept) -> bool:
        return kept.key in self._table

    def of(self, order_id: int, reference_execution_id: str) -> CorrectionKept | None:
        """The oldest that waits for this execution."""
        keys = self._of.get((order_id, reference_execution_id))
        return self._table[keys[0]] if keys else None

    def keep(self, event: CorrectionKept) -> None:
        self._table[event.key] = event
        self._index(event)

    def take(self, key: str) -> None:
        """It is applied, or dropped; or was never kept."""
        if (kept := self._table.pop(key, None)) is not None:
            if not kept.order_id:
                _remove(self._orphans, (kept.venue, kept.client_order_id), key)
            elif not kept.why:
                _remove(self._of, (kept.order_id, kept.reference_execution_id), key)

    def adopted(self, order: Order, venue: str) -> None:
        """The order is known from now on: what was kept for it waits for its trades like any other."""
        for key in tuple(self._orphans.get((venue, order.client_order_id), ())):
            kept = self._table[key]
            self.take(key)
            self.keep(
                msgspec.structs.replace(
                    kept,
                    order_id=order.order_id,
                    account=order.account,
                    instrument=order.instrument,
                    why="",
                    venue="",
                    client_order_id="",
                )
            )

    def _index(self, kept: CorrectionKept) -> None:
        if not kept.order_id:
            self._orphans.setdefault((kept.venue, kept.client_order_id), []).append(kept.key)
        elif not kept.why:
            self._of.setdefault((kept.order_id, kept.reference_execution_id), []).append(kept.key)


def _remove(index: dict[Place, list[str]], place: Place, key: str) -> None:
    index[place].remove(key)
    if not index[place]:
        del index[place]
