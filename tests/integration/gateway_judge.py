"""Judges the journal that a gateway left behind: nothing here asks the gateway itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from meltica import hot
from meltica.app.recovery import recover
from meltica.app.replay import replay
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS
from meltica.domain.inputs import Record, decode_record
from meltica.domain.order_events import OrderFilled, OrderSubmitted
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from meltica.journal.reader import SqliteReader, entries
from meltica.journal.verify import verify

ROWS = {"max_instruments": GATE_INSTRUMENTS, "max_accounts": GATE_ACCOUNTS}


class Verdict(msgspec.Struct):
    entries: int
    snapshots: int
    records: list[Record]
    engine: Engine
    """Recovered as a start would: from the newest snapshot and the rest."""


def judge(journal: Path) -> Verdict:
    """The chain holds, the replay agrees, every way to the state ends in the same state, nothing happened twice."""
    report = verify(journal)
    assert report.ok, [str(problem) for problem in report.problems]
    again = replay(journal, hot.backend())
    assert again.differences == (), again.differences[0]
    assert again.entries == report.entries
    records = []
    genesis = Engine(hot.Gate(**ROWS), **ROWS)
    with SqliteReader(journal) as source:
        recovered = recover(source, hot.Gate(**ROWS))
        for entry in entries(source):
            records.append(decode_record(entry.payload))
            genesis.absorb(entry.seq, records[-1])
    states = {"snapshot and rest": snapshot.digest(recovered), "genesis": snapshot.digest(genesis)}
    assert states == dict.fromkeys(states, again.state_digest), "the replay's state is another one"
    assert_nothing_happened_twice(records)
    return Verdict(report.entries, report.snapshots, records, recovered)


def assert_nothing_happened_twice(records: list[Record]) -> None:
    seen: Counter[Any] = Counter()
    for record in records:
        if request_id := getattr(record.input.body, "request_id", ""):
            seen["request", request_id] += 1
        for event in record.events:
            if isinstance(event, OrderSubmitted):
                seen["order id", event.order_id] += 1
                seen["client order id", event.client_order_id] += 1
            elif isinstance(event, OrderFilled):
                seen["execution", event.execution_id] += 1
    assert [what for what, count in seen.items() if count > 1] == []


def assert_kept(records: list[Record], answered: dict[str, Any]) -> None:
    """Every answer's journal entry is there and is about that request."""
    for request_id, answer in answered.items():
        sequence = answer[1] if isinstance(answer, tuple) else answer.sequence
        assert sequence <= len(records), f"{request_id} was answered as {sequence}, the journal ends at {len(records)}"
        assert getattr(records[sequence - 1].input.body, "request_id", "") == request_id
