"""A journal in which the gate was lost in the middle of a step runs again without a difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meltica.app.replay import replay
from meltica.domain.commands import GateState, ReportGate, SubmitOrders
from meltica.domain.errors import GateUnreachableError
from meltica.domain.events import GateStateChanged
from meltica.domain.inputs import Record, encode_record
from meltica.domain.many import ManyAnswered
from meltica.domain.order import OrderType, Side
from meltica.domain.order_events import OrderDenied, OrderReleased, OrderSubmitted
from meltica.engine.snapshot import snapshot
from meltica.journal.chain import entry_hash
from meltica.journal.entry import Entry
from meltica.journal.store import SqliteStore
from tests.engines import MARK_TICKS, TestBench
from tests.unit.app.live import submit
from tests.unit.engine.held_orders import MID, HeldBench


class FragileGate:
    """Answers so often, and then not any more."""

    def __init__(self, gate: Any, answers: int) -> None:
        self._gate, self.answers = gate, answers

    def check(self, intent: Any) -> int:
        if self.answers == 0:
            raise GateUnreachableError("it does not answer")
        self.answers -= 1
        return self._gate.check(intent)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gate, name)


def report(state: GateState) -> ReportGate:
    return ReportGate(request_id="", actor="system:gateway", state=state, reason="a test")


def test_a_list_in_whose_middle_the_gate_was_lost_is_taken_over(tmp_path: Path) -> None:
    bench = TestBench("cython")
    gate = FragileGate(bench.gate, 1)
    bench.engine.use_gate(gate)  # type: ignore[arg-type]
    orders = tuple(submit("", actor="", side=Side.BUY, price_ticks=MARK_TICKS - n) for n in (1, 2))
    said = bench.step(SubmitOrders(request_id="two", actor="tara", orders=orders))
    assert [type(event) for event in said] == [OrderSubmitted, GateStateChanged, OrderDenied, ManyAnswered]
    gate.answers = 10
    bench.step(report(GateState.REGAINED))
    bench.submitted()
    result = replay(stored(bench, tmp_path / "journal.db"), "cython")
    assert result.differences == ()
    assert result.entries == len(bench.history)
    assert result.state_digest == snapshot.digest(bench.engine)


def test_what_a_step_said_before_its_gate_was_lost_is_taken_over(tmp_path: Path) -> None:
    """A quote lets two stops out, and the gate answers for one of them."""
    bench = HeldBench("cython")
    for _ in range(2):
        bench.hold(OrderType.STOP, trigger_ticks=MID - 10)
    gate = FragileGate(bench.gate, 1)
    bench.engine.use_gate(gate)  # type: ignore[arg-type]
    with pytest.raises(GateUnreachableError):
        bench.show(MID - 10, MID - 9)
    said = bench.step(report(GateState.LOST))
    assert isinstance(said[0], OrderReleased)
    gate.answers = 10
    bench.step(report(GateState.REGAINED))
    bench.submitted(Side.SELL)
    result = replay(stored(bench, tmp_path / "journal.db"), "cython")
    assert result.differences == ()
    assert result.entries == len(bench.history)


def stored(bench: TestBench, path: Path) -> Path:
    store = SqliteStore(path)
    head, rows = store.head(), []
    for number, entry in enumerate(bench.history, 1):
        payload, time_ns = encode_record(Record(*entry)), entry[0].time_ns
        head = head._replace(seq=number, hash=entry_hash(head.hash, number, time_ns, payload))
        rows.append(Entry(number, time_ns, payload, head.hash))
    store.append(rows)
    store.close()
    return path
