"""Corrections and busts that overtook their trade: kept, found again when it comes, listed until then."""

from __future__ import annotations

from typing import Final

from meltica.domain.corrections import CorrectionKept

MOST: Final = 10_000
"""A venue that corrects so many trades which it never told of is not to be believed any more: more are not kept."""


class EarlyCorrections:
    """The kept ones, by the order and the execution that they refer to. ``table``: the part that a snapshot holds."""

    def __init__(self, table: dict[str, CorrectionKept]) -> None:
        self._table = table
        self._of: dict[tuple[int, str], list[str]] = {}
        for key, kept in table.items():
            self._of.setdefault((kept.order_id, kept.reference_execution_id), []).append(key)

    def __len__(self) -> int:
        return len(self._table)

    def all(self) -> list[CorrectionKept]:
        """Oldest first."""
        return list(self._table.values())

    def get(self, order_id: int, execution_id: str) -> CorrectionKept | None:
        return self._table.get(_key(order_id, execution_id))

    def of(self, order_id: int, reference_execution_id: str) -> CorrectionKept | None:
        """The oldest that waits for this execution."""
        keys = self._of.get((order_id, reference_execution_id))
        return self._table[keys[0]] if keys else None

    def keep(self, event: CorrectionKept) -> None:
        key = _key(event.order_id, event.execution_id)
        self._table[key] = event
        self._of.setdefault((event.order_id, event.reference_execution_id), []).append(key)

    def take(self, order_id: int, execution_id: str) -> None:
        """It is applied, or dropped; or was never kept."""
        key = _key(order_id, execution_id)
        if (kept := self._table.pop(key, None)) is not None:
            place = order_id, kept.reference_execution_id
            self._of[place].remove(key)
            if not self._of[place]:
                del self._of[place]


def _key(order_id: int, execution_id: str) -> str:
    return f"{order_id}|{execution_id}"
