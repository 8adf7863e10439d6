"""Named one-shot timers of a strategy, in simulated time."""

from __future__ import annotations

from meltica.domain.errors import FieldError

MAX_TIMERS = 64
"""Names, not instants: a strategy that needs more has a leak."""


class Timers:
    def __init__(self) -> None:
        self._due: dict[str, int] = {}

    def set(self, name: str, at_ns: int) -> None:
        """:raises FieldError: too many timers."""
        if name not in self._due and len(self._due) >= MAX_TIMERS:
            raise FieldError("timer", name, f"a strategy has at most {MAX_TIMERS} timers")
        self._due[name] = at_ns

    def next_ns(self) -> int | None:
        return min(self._due.values(), default=None)

    def pop_due(self, time_ns: int) -> str | None:
        """The earliest that is due, by name where two are at once; it is gone then."""
        due = [(at_ns, name) for name, at_ns in self._due.items() if at_ns <= time_ns]
        if not due:
            return None
        _, name = min(due)
        del self._due[name]
        return name
