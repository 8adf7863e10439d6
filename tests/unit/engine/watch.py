"""What an engine knows, less what every input changes: to say that a step changed nothing, or what it did."""

from __future__ import annotations

from typing import Any

import msgspec

from meltica.domain.events import CommandRefused, Event
from meltica.hot.state import COLUMNS
from tests.engines import TestBench

EVERY_STEP = {"sequence", "time_ns", "requests", "prices"}
PRICE = [COLUMNS["instruments"].index(name) for name in ("reference_price_ticks", "reference_time_ns")]
ADA, BOB = (f"spiffe://meltica.example/person/{name}" for name in ("ada", "bob"))
SYSTEM = "system:test"


def facts(bench: TestBench) -> dict[str, Any]:
    """The tables and the gate, as plain values."""
    tables = msgspec.to_builtins(bench.engine.state.tables)
    gate = bench.gate.export_state()
    rows = [[v for at, v in enumerate(row) if at not in PRICE] for row in gate["instruments"]]
    kept = {name: value for name, value in tables.items() if name not in EVERY_STEP}
    kept["gate"] = gate | {"instruments": rows, "counters": gate["counters"]["faults"]}
    kept["ids"] = dict(bench.engine.state.by_client_id)
    kept["working"] = [order.order_id for order in bench.engine.state.working_orders()]
    return kept


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in after if before[name] != after[name]}


def refused(bench: TestBench, body: Any, reason: str, field: str | None = None) -> CommandRefused:
    """Take a step that must be refused for this reason, and must leave no trace."""
    before = facts(bench)
    (event,) = bench.step(body)
    assert isinstance(event, CommandRefused), event
    assert (event.reason, event.field) == (reason, event.field if field is None else field), event
    assert event.text
    assert changed(before, facts(bench)) == set()
    return event


def only(events: tuple[Event, ...], kind: type) -> Any:
    """The one event, of this kind."""
    (event,) = events
    assert isinstance(event, kind), event
    return event
