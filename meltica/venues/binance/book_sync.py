"""One symbol's order book stream, put in order by Binance's rules. Knows ids, not prices.

Spot: after a snapshot with id L, updates with u <= L are old; the first new one has U <= L+1, and so on from each u.
USD-M futures: old is u < L; the first new one has U <= L; each next one names the last (``pu`` == u). The difference by
one matters: with the wrong rule the book ends up crossed.
"""

from __future__ import annotations

import enum
from collections import deque

from meltica.venues.binance.messages import DepthUpdate

MAX_BUFFERED = 10_000
"""Updates kept while a snapshot is awaited: a quarter of an hour at ten a second. The oldest go first."""


class Verdict(enum.Enum):
    APPLY = "apply"
    OLD = "old"
    GAP = "gap"
    WAIT = "wait"
    """For a snapshot; the update is kept."""


class BookSync:
    """Feed it every update and snapshot id in the order of arrival."""

    def __init__(self) -> None:
        self.last_id: int | None = None
        """The book's id; None: no valid book."""
        self._from_snapshot = False
        """No update was applied since the snapshot."""
        self._buffered: deque[DepthUpdate] = deque(maxlen=MAX_BUFFERED)

    def update(self, update: DepthUpdate) -> Verdict:
        """What to do with an update; after GAP the book is invalid until the next snapshot."""
        if self.last_id is None:
            self._buffered.append(update)
            return Verdict.WAIT
        if self._is_old(update, self.last_id):
            return Verdict.OLD
        if not self._continues(update, self.last_id):
            self.last_id = None
            self._buffered.append(update)
            return Verdict.GAP
        self.last_id = update.last_id
        self._from_snapshot = False
        return Verdict.APPLY

    def snapshot(self, last_id: int) -> list[DepthUpdate]:
        """A snapshot arrived: take it, then put the returned updates through ``update``, oldest first."""
        self.last_id = last_id
        self._from_snapshot = True
        waiting = list(self._buffered)
        self._buffered.clear()
        return waiting

    def lost(self) -> None:
        """The connection is gone: what comes next does not continue what was."""
        self.last_id = None
        self._buffered.clear()

    def _is_old(self, update: DepthUpdate, book_id: int) -> bool:
        if self._from_snapshot and update.previous_id is not None:
            return update.last_id < book_id
        return update.last_id <= book_id

    def _continues(self, update: DepthUpdate, book_id: int) -> bool:
        if update.previous_id is None:
            return update.first_id <= book_id + 1
        if self._from_snapshot:
            # Also right after the snapshot's own last update, where U is already above L.
            return update.first_id <= book_id or update.previous_id == book_id
        return update.previous_id == book_id
