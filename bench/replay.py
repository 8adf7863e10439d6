"""How fast a journal becomes an engine again: entries and events a second.

A day of market orders on the paper venue (submit, acknowledgement, fill: an entry and an event each) is written to a
journal as a gateway would; then it is read, its chain verified, decoded and absorbed: a recovery. CPU time. Floor: the
same bytes through SHA-256 and msgspec, which no recovery of this journal can do without.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import process_time
from typing import Final

from bench.measure import Row, Series, in_turn, row
from bench.paper_trading import PaperTrading
from meltica import hot
from meltica.app.recovery import recover
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS
from meltica.domain.events import Event
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from meltica.hot.ports import RiskGate
from meltica.journal.chain import entry_hash
from meltica.journal.entry import Entry
from meltica.journal.reader import SqliteReader
from meltica.journal.store import SqliteStore

ORDERS: Final = 30_000
FLOOR: Final = "SHA-256 and msgspec of the same bytes"


class _Noted(Engine):
    """An engine whose steps are written down, as they would be journaled."""

    def __init__(self, gate: RiskGate) -> None:
        super().__init__(gate, max_instruments=16, max_accounts=4)
        self.payloads: list[bytes] = []
        self.events = 0

    def step(self, happened: Input) -> tuple[Event, ...]:
        events = super().step(happened)
        self.payloads.append(encode_record(Record(happened, events)))
        self.events += len(events)
        return events


def rows(runs: int, orders: int = ORDERS) -> list[Row]:
    payloads, events, digest = _day(orders)
    records = [decode_record(payload) for payload in payloads]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        _write(path, payloads)
        taken = in_turn(
            {
                "whole": partial(_recovery, path, events, digest),
                "absorb": partial(_absorption, records, events, digest),
                "floor": partial(_floor, payloads, events),
            },
            runs,
        )
    floor, what = Series(FLOOR, taken["floor"]), f"{len(payloads):,} entries, {events:,} events"
    return [
        row(f"replay: read, verify, decode, absorb, {what}", "events/s", taken["whole"], floor=floor),
        row(f"replay: absorb alone, {what}", "events/s", taken["absorb"], floor=floor),
    ]


def _day(orders: int) -> tuple[list[bytes], int, str]:
    """Payloads, how many events are in them, and the digest of the engine that made them."""
    noted: list[_Noted] = []

    def make(gate: RiskGate) -> Engine:
        noted.append(_Noted(gate))
        return noted[0]

    PaperTrading(make=make).market_orders(orders)
    return noted[0].payloads, noted[0].events, snapshot.digest(noted[0])


def _write(path: Path, payloads: list[bytes]) -> None:
    with closing(SqliteStore(path)) as store:
        seq, last = store.head()
        batch: list[Entry] = []
        for payload in payloads:
            seq, last = seq + 1, entry_hash(last, seq + 1, 1, payload)
            batch.append(Entry(seq, 1, payload, last))
            if len(batch) == 1_000 or seq == len(payloads):
                store.append(batch)
                batch = []


def _engine() -> Engine:
    engine = Engine(hot.Gate(max_instruments=16, max_accounts=4), max_instruments=16, max_accounts=4)
    engine.state.track()  # As in recovery
    return engine


def _recovery(path: Path, events: int, digest: str) -> float:
    gate = hot.Gate(max_instruments=GATE_INSTRUMENTS, max_accounts=GATE_ACCOUNTS)
    begin = process_time()
    with SqliteReader(path) as source:
        engine = recover(source, gate)
    return _rate(engine, events, digest, process_time() - begin)


def _absorption(records: list[Record], events: int, digest: str) -> float:
    engine = _engine()
    begin = process_time()
    for seq, record in enumerate(records, 1):
        engine.absorb(seq, record)
    return _rate(engine, events, digest, process_time() - begin)


def _rate(engine: Engine, events: int, digest: str, seconds: float) -> float:
    if snapshot.digest(engine) != digest:
        raise AssertionError("the replayed engine is not the one that was")
    return events / seconds


def _floor(payloads: list[bytes], events: int) -> float:
    begin, last = process_time(), bytes(32)
    for payload in payloads:
        last = sha256(last + payload).digest()
        decode_record(payload)
    return events / (process_time() - begin)
