"""Which orders a statement has spoken of so far."""

from __future__ import annotations

from collections.abc import Container, Mapping

from meltica.domain.statements import StatementKept


class Seen:
    """By ``venue|account|statement id``: our ids of the orders that agreed with its parts so far.

    It follows from the parts that are kept, and grows with them: put together at the end it would take too long.
    """

    def __init__(self) -> None:
        self._ids: dict[str, tuple[set[int], set[int]]] = {}
        """(numbers of parts, ids of orders)."""

    def of(self, key: str, parts: Mapping[int, StatementKept]) -> set[int]:
        numbers, ids = self._ids.setdefault(key, (set(), set()))
        for number in parts.keys() - numbers:
            numbers.add(number)
            ids.update(parts[number].seen)
        return ids

    def forget(self, kept: Container[str]) -> None:
        """All statements but those of which parts are kept."""
        for key in [key for key in self._ids if key not in kept]:
            del self._ids[key]
