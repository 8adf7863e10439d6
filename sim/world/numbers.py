"""How far a venue was heard, as a session keeps it beside the journal: it outlives the process."""

from __future__ import annotations

from collections import deque


class Numbers:
    """Of the venue's reports, by the journal entry with which they were booked."""

    def __init__(self) -> None:
        self._noted: deque[tuple[int, int]] = deque([(0, 1)])

    def note(self, entry: int, next_number: int) -> None:
        """When this journal entry is durable, all reports before that number are."""
        self._noted.append((entry, next_number))

    def next_after(self, entry: int) -> int:
        """The journal ends with this entry: from which report on the venue must tell. Later notes were not kept."""
        while self._noted[-1][0] > entry:
            self._noted.pop()
        while len(self._noted) > 1:
            self._noted.popleft()
        return self._noted[0][1]
