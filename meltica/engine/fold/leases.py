"""How events about hot gates' slices change state and gate, and limit rows as the own gate gets them."""

from __future__ import annotations

from meltica.domain.leases import LeaseEvent, LeaseGranted
from meltica.domain.limits import Limits, instrument_key, key_of
from meltica.domain.order import Order
from meltica.engine.risk import lease_rows, rows
from meltica.engine.state import EngineState
from meltica.hot.ports import RiskGate


class LeaseFold:
    """The part of ``Fold`` that divides what others decide."""

    def __init__(self, state: EngineState, gate: RiskGate) -> None:
        self._state = state
        self._gate = gate
        self.now_ns = 0
        """The time of the step."""
        self.lines: dict[str, None] = {}
        """Lines whose limit changed in this step."""
        self._elsewhere = lease_rows.Elsewhere()
        state.lease_limits.update(lease_rows.line_limits(state.tables))

    def _gate_of(self, order: Order) -> RiskGate | lease_rows.Elsewhere:
        return self._elsewhere if order.gate else self._gate

    def _tell_instrument(self, name: str) -> None:
        row = rows.instrument_row(self._state.tables, name, self.now_ns)
        self._gate.tell(lease_rows.house_row(self._state, instrument_key(name), row))

    def _tell_limits(self, limits: Limits) -> None:
        row = rows.limits_row(self._state.tables, limits, self.now_ns)
        self._gate.tell(lease_rows.house_row(self._state, key_of(limits), row))

    def _lines_changed(self, key: str) -> None:
        """The limits of this name, or their credit."""
        if (held := self._state.tables.limits.get(key)) is not None:
            lines = lease_rows.lines_of(self._state.tables, held[0])
            self._state.lease_limits.update(lines)
            self.lines.update(dict.fromkeys(lines))

    def _lease_moved(self, event: LeaseEvent) -> None:
        """The own gate holds what the others may not believe that they have: it is told as soon as that changes."""
        leases = self._state.leases
        book = self._state.tables.leases.gates.get(event.gate)
        # A gate's first grants are one event for each of its lines: each looks at its own alone.
        granted = {event.line} if isinstance(event, LeaseGranted) else None
        lines = granted or (set() if book is None else set(book.claims))
        before = {line: leases.claimed(line) for line in lines}
        leases.apply(event)
        if granted is None and event.gate in self._state.tables.leases.gates:
            lines |= set(self._state.tables.leases.gates[event.gate].claims)
        keys = {line.rpartition("/")[0] for line in lines if leases.claimed(line) != before.get(line, 0)}
        for key in sorted(keys):
            if (held := self._state.tables.limits.get(key)) is not None:
                self._tell_limits(held[0])
