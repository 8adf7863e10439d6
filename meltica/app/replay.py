"""``meltica journal replay``: run the recorded inputs through a fresh engine and compare every event."""

from __future__ import annotations

from pathlib import Path

import msgspec

from meltica import hot
from meltica.app.gates import local_gate
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS, GATE_WORKING_ORDERS
from meltica.domain.commands import AmendOrders, GateState, ReportGate, SubmitOrderList, SubmitOrders
from meltica.domain.events import GateStateChanged
from meltica.domain.inputs import Record, decode_record
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from meltica.journal.reader import SqliteReader, entries

MAX_DIFFERENCES = 20
"""After the first difference the states part; twenty are enough to see where it began."""


class Difference(msgspec.Struct, frozen=True):
    sequence: int
    recorded: str
    replayed: str


class ReplayReport(msgspec.Struct, frozen=True):
    entries: int
    events: int
    differences: tuple[Difference, ...]
    state_digest: str
    """SHA-256 of the engine's state after the last entry."""


def replay(path: Path, backend: str, working_orders: int = GATE_WORKING_ORDERS) -> ReplayReport:
    """With a gate of this backend, which need not be the one that decided at the time, but has room for as many
    working orders (``gate_working_orders`` in the settings).

    :raises JournalDamagedError: the chain does not hold. :raises JournalMissingError: there is none."""
    module = hot.load(backend)
    engine = Engine(
        local_gate(backend, working_orders),
        max_instruments=GATE_INSTRUMENTS,
        max_accounts=GATE_ACCOUNTS,
        intent=module.OrderIntent,
    )
    count = events = 0
    differences: list[Difference] = []
    with SqliteReader(path) as source:
        for entry in entries(source):
            record = decode_record(entry.payload)
            if is_gates_end(record):
                engine.absorb(entry.seq, record)
                replayed = record.events
            else:
                replayed = engine.step(record.input)
            count += 1
            events += len(replayed)
            if replayed != record.events:
                differences.append(Difference(entry.seq, _text(record.events), _text(replayed)))
                if len(differences) >= MAX_DIFFERENCES:
                    break
    return ReplayReport(count, events, tuple(differences), snapshot.digest(engine))


def is_gates_end(record: Record) -> bool:
    """Its gate was lost, perhaps in the middle of a step: what that one had said by then stands in this entry. Or the
    step, about many orders, went on without it.

    Where it broke off no gate that answers can tell again, so the entry is taken over as it is."""
    body = record.input.body
    if isinstance(body, SubmitOrders | SubmitOrderList | AmendOrders):
        return any(isinstance(event, GateStateChanged) for event in record.events)
    return isinstance(body, ReportGate) and body.state is GateState.LOST


def _text(events: object) -> str:
    return msgspec.json.encode(events).decode()
