"""Is an engine that was rebuilt the same engine? Compared with the one that never stopped."""

from __future__ import annotations

from collections.abc import Sequence

from meltica import hot
from meltica.domain.events import Event
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from meltica.hot.ports import RiskGate
from tests.engines import MAX_ACCOUNTS, MAX_INSTRUMENTS

History = Sequence[tuple[Input, tuple[Event, ...]]]
ROWS = {"max_instruments": MAX_INSTRUMENTS, "max_accounts": MAX_ACCOUNTS}


def fresh_gate(backend: str) -> RiskGate:
    gate: RiskGate = hot.load(backend).Gate(**ROWS)
    return gate


def replayed(history: History, backend: str) -> str:
    """The digest after the same inputs on a fresh engine, which must give the same events."""
    engine = Engine(fresh_gate(backend), **ROWS)
    go_on(engine, history)
    return snapshot.digest(engine)


def recovered(history: History, backend: str, snapshot_at: int, restart_at: int) -> str:
    """The digest after a life in three parts: absorbed up to a snapshot, read and absorbed up to a restart,
    then live. What the journal keeps are bytes, so the records go through them."""
    stored = [encode_record(Record(*entry)) for entry in history]
    engine = Engine(fresh_gate(backend), **ROWS)
    absorb(engine, stored[:snapshot_at])
    gate = fresh_gate(backend)
    engine = Engine(gate, **ROWS, state=snapshot.decode(snapshot.encode(engine), gate))
    absorb(engine, stored[snapshot_at:restart_at])
    go_on(engine, history[restart_at:])
    return snapshot.digest(engine)


def absorb(engine: Engine, stored: Sequence[bytes]) -> None:
    for payload in stored:
        engine.absorb(engine.state.tables.sequence + 1, decode_record(payload))


def go_on(engine: Engine, history: History) -> None:
    for happened, events in history:
        again = engine.step(happened)
        assert again == events, f"entry {engine.state.tables.sequence}: {again} instead of {events}"


def assert_lossless(history: History) -> None:
    for entry in history:
        record = Record(*entry)
        assert decode_record(encode_record(record)) == record
        assert encode_record(decode_record(encode_record(record))) == encode_record(record)
