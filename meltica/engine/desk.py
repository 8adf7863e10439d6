"""What a handler works with during one step: the state, the gate, the time, and a place to put events."""

from __future__ import annotations

from meltica.domain.events import CommandRefused, Event
from meltica.domain.market import Mark
from meltica.engine.fold.fold import Fold
from meltica.engine.state import EngineState
from meltica.hot import OrderIntent
from meltica.hot.ports import RiskGate


class Desk:
    """One step's workplace. ``emit`` applies each event at once, so later decisions see what earlier ones did."""

    def __init__(
        self, state: EngineState, gate: RiskGate, intent: type[OrderIntent], *, max_instruments: int, max_accounts: int
    ) -> None:
        self.state = state
        self.gate = gate
        self.new_intent = intent
        """Makes the records that this gate judges: each backend has its own."""
        self.max_instruments = max_instruments
        self.max_accounts = max_accounts
        self.now_ns = 0
        self.marks: tuple[Mark, ...] = ()
        """The reference prices that came with the input."""
        self.fold = Fold(state, gate)
        self._events: list[Event] = []
        self._unsaid: list[Event] = []
        """What a step said before its gate turned out to be unreachable: the next step says it first."""

    def use_gate(self, gate: RiskGate) -> None:
        self.gate = gate
        self.fold = Fold(self.state, gate)

    def begin(self, time_ns: int) -> None:
        self._events, self._unsaid = self._unsaid, []
        self.set_time(time_ns)

    def set_time(self, time_ns: int) -> None:
        """A clock that jumps back moves nothing back: until it has caught up all happens at the latest time seen."""
        latest = self.state.tables.time_ns
        self.now_ns = now_ns = time_ns if time_ns > latest else latest  # noqa: FURB136 - three times faster than max
        self.fold.begin(now_ns)

    def give_up(self) -> None:
        """The step ends here. What it has said already has happened: it is not lost."""
        self._unsaid = self._events

    def quantity(self, instrument: str, lots: int) -> str:
        """As people say it, in the instrument's own units; in lots of one that is not registered."""
        known = self.state.tables.instruments.get(instrument)
        return f"{lots} lots" if known is None else known.quantity_text(lots)

    def mark(self, instrument: str) -> Mark | None:
        return next((mark for mark in self.marks if mark.instrument == instrument), None)

    def emit(self, event: Event) -> None:
        self.fold.apply(event)
        self._events.append(event)

    def said(self) -> list[Event]:
        """The events of this step so far."""
        return self._events

    def take_back_refusals(self, start: int) -> list[Event]:
        """The events from there on. Refusals of a command stay no events: whoever asks for these answers for them."""
        said = self._events[start:]
        self._events[start:] = [event for event in said if not isinstance(event, CommandRefused)]
        return said

    def end(self) -> tuple[Event, ...]:
        return tuple(self._events)

    def refuse(self, actor: str, reason: str, field: str, text: str) -> None:
        """A normal "no": ``reason`` is a stable word for programs, ``text`` tells people why and what to do."""
        self.emit(CommandRefused(reason=reason, field=field, text=text, actor=actor, time_ns=self.now_ns))
