"""What has changed since the last snapshot: kept up as it happens, so that the next one need not look at everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

NOBODY: Final = object()


class Taken(NamedTuple):
    """What one snapshot has to save."""

    orders: dict[int, object]
    """By id: which snapshot has saved it as it is now. Marked, not removed and not copied: the first one has them all,
    and each copy of a million entries is a stop of the engine."""
    executions: list[tuple[str, int]]
    requests: list[tuple[str, int]]


class Preserving(Protocol):
    """A snapshot that is being made."""

    taken: Taken

    def preserve(self, order_id: int) -> None: ...


class Unsaved:
    """``kept`` is what the parts that the last snapshot kept are stored as; opaque here."""

    def __init__(self, saved_sequence: int = 0, kept: Sequence[Any] = ()) -> None:
        self.saved_sequence = saved_sequence
        self.kept: tuple[Any, ...] = tuple(kept)
        self._fresh = Taken({}, [], [])
        self._saving: Preserving | None = None

    @property
    def saving(self) -> bool:
        return self._saving is not None

    def order(self, order_id: int) -> None:
        """It is about to change."""
        self._fresh.orders[order_id] = NOBODY
        if self._saving is not None:
            self._saving.preserve(order_id)

    def execution(self, key: str, order_id: int) -> None:
        self._fresh.executions.append((key, order_id))

    def request(self, request_id: str, sequence: int) -> None:
        self._fresh.requests.append((request_id, sequence))

    def everything(self, orders: dict[int, Any], executions: dict[str, int], requests: dict[str, int]) -> None:
        """Nothing is saved yet, or nobody knows what."""
        self.kept = ()
        self._fresh = Taken(dict.fromkeys(orders, NOBODY), list(executions.items()), list(requests.items()))

    def take(self, saving: Preserving) -> Taken:
        if self._saving is not None:
            raise RuntimeError("a snapshot is being made already")
        taken, self._fresh = self._fresh, Taken({}, [], [])
        self._saving = saving
        return taken

    def saved(self, sequence: int, kept: Sequence[Any]) -> None:
        self.saved_sequence, self.kept, self._saving = sequence, tuple(kept), None

    def put_back(self) -> None:
        """It was given up: what it should have saved, and what is new since, is for the next one."""
        if self._saving is not None:
            old, new = self._saving.taken, self._fresh
            old.orders.update(new.orders)
            old.executions.extend(new.executions)
            old.requests.extend(new.requests)
            self._fresh, self._saving = old, None
