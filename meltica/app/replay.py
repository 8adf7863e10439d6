"""``meltica journal replay``: run the recorded inputs through a fresh engine and compare every event."""

from __future__ import annotations

from pathlib import Path

import msgspec

from meltica.domain.inputs import decode_record
from meltica.engine import snapshot
from meltica.engine.engine import Engine
from meltica.hot.ports import RiskGate
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


def replay(path: Path, gate: RiskGate, *, max_instruments: int, max_accounts: int) -> ReplayReport:
    """:raises JournalDamagedError: the chain does not hold. :raises JournalMissingError: there is none."""
    engine = Engine(gate, max_instruments=max_instruments, max_accounts=max_accounts)
    count = events = 0
    differences: list[Difference] = []
    with SqliteReader(path) as source:
        for entry in entries(source):
            record = decode_record(entry.payload)
            replayed = engine.step(record.input)
            count += 1
            events += len(replayed)
            if replayed != record.events:
                differences.append(Difference(entry.seq, _text(record.events), _text(replayed)))
                if len(differences) >= MAX_DIFFERENCES:
                    break
    return ReplayReport(count, events, tuple(differences), snapshot.digest(engine))


def _text(events: object) -> str:
    return msgspec.json.encode(events).decode()
