"""Random days, lived again: replayed, recovered from any point, with either gate, always the same events and state."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from meltica import hot
from meltica.domain.commands import AmendOrder, SubmitOrder
from meltica.domain.errors import InvariantError
from meltica.domain.inputs import Input, Record
from meltica.domain.limits import FirmLimits, InstrumentLimits, PortLimits, PositionLimits, SelfMatch, StrategyLimits
from meltica.domain.order import Side
from meltica.domain.order_events import OrderDenied
from meltica.domain.position import Position
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from meltica.engine.state import REQUEST_MEMORY, EngineState
from meltica.hot import Check
from meltica.hot.state import COLUMNS
from tests.engines import BTC, MARK_TICKS, TestBench
from tests.replay.judge import ROWS, assert_lossless, fresh_gate, recovered, replayed
from tests.unit.engine.machine import MACHINE
from tests.unit.engine.machine_doubts import DoubtfulMachine

BACKENDS = ("python", "cython")
RECOVERY = settings(MACHINE, max_examples=40, stateful_step_count=40)
assert set(BACKENDS) == set(hot.BACKENDS)


class RecoveredMachine(DoubtfulMachine):
    """After each random day: the same day on other engines."""

    def teardown(self) -> None:
        history = self.bench.history
        digest = snapshot.digest(self.bench.engine)
        assert_lossless(history)
        cuts = random.Random(len(history))  # The day's length is the seed, so that hypothesis can shrink it.
        for backend in BACKENDS:
            assert replayed(history, backend) == digest
            snapshot_at, restart_at = sorted(cuts.randint(0, len(history)) for _ in range(2))
            assert recovered(history, backend, snapshot_at, restart_at) == digest
            assert recovered(history, backend, len(history), len(history)) == digest


def test_a_day_lived_again_is_the_same_day():
    run_state_machine_as_test(RecoveredMachine, settings=RECOVERY)


def tell(bench: TestBench, kind: ExecType, name: str, **facts):
    return bench.step(ExecutionReport(venue="BINANCE", client_order_id=name, exec_type=kind, **facts))


def restarted(bench: TestBench, backend: str = "python") -> TestBench:
    """The same engine from its own snapshot."""
    gate = fresh_gate(backend)
    bench.engine = Engine(gate, **ROWS, state=snapshot.decode(snapshot.encode(bench.engine), gate))
    bench.gate = gate
    return bench


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_cut_of_a_day_with_everything_in_it(backend):
    """A replace, a fill under the replaced id, a bust, a kill: snapshot and restart at every pair of points."""
    limits = {"duplicate_window_ns": 5_000, "messages_per_second": 50, "message_burst": 9}
    bench = TestBench(backend, **limits, strategies=("other",), self_match=SelfMatch.CANCEL_OLDEST)
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.NEW, order.client_order_id, venue_order_id="v1")
    first = order.client_order_id
    bench.submit(quantity_lots=100)  # A duplicate within the window.
    away, _ = bench.submit(Side.SELL, 50, None, strategy="other")
    assert (away.order_id, away.reason) == (order.order_id, "self-match prevention: order 3 would trade with it")
    tell(bench, ExecType.REPLACED, "venue-made", original_client_order_id=first, order_quantity_lots=120)
    tell(
        bench, ExecType.TRADE, first, execution_id="a", last_quantity_lots=30, last_price_ticks=MARK_TICKS, fee_nanos=7
    )
    tell(bench, ExecType.TRADE_CANCEL, first, execution_id="b", reference_execution_id="a")
    for number in range(10):
        bench.submit(Side.BUY, 10 + number)  # The last ones are too many.
    history, digest = bench.history, snapshot.digest(bench.engine)
    assert any(isinstance(events[0], OrderDenied) and events[0].reason == "MESSAGE_RATE" for _, events in history)
    assert any(isinstance(events[0], OrderDenied) and events[0].reason == "DUPLICATE_ORDER" for _, events in history)
    for snapshot_at in range(len(history) + 1):
        for restart_at in range(snapshot_at, len(history) + 1):
            assert recovered(history, backend, snapshot_at, restart_at) == digest


def test_late_reports_find_their_order_after_a_restart_whatever_id_they_name():
    """Under its first id, a replaced one, a refused one, and one that the venue made."""
    bench = TestBench()
    order = bench.submitted(quantity_lots=1_000, client_order_id="first")
    tell(bench, ExecType.REPLACED, "venue-made", original_client_order_id="first", order_quantity_lots=1_000)
    tell(bench, ExecType.PENDING_CANCEL, "desk", original_client_order_id="venue-made")
    restarted(bench)
    for number, name in enumerate(["first", "venue-made", "desk"], 1):
        tell(bench, ExecType.TRADE, name, execution_id=f"e{number}", last_quantity_lots=10, last_price_ticks=MARK_TICKS)
        assert bench.engine.state.tables.orders[order.order_id].cumulative_lots == 10 * number


def test_executions_before_the_restart_are_not_booked_again():
    bench = TestBench()
    order = bench.submitted(quantity_lots=100)
    fill = {"execution_id": "e1", "last_quantity_lots": 40, "last_price_ticks": MARK_TICKS}
    tell(bench, ExecType.TRADE, order.client_order_id, **fill)
    before = snapshot.digest(restarted(bench).engine)
    (ignored,) = tell(bench, ExecType.TRADE, order.client_order_id, **fill)
    assert ignored.reason == "DUPLICATE_REPORT"
    assert bench.engine.state.position("main", BTC).lots == 40
    assert snapshot.digest(bench.engine) != before, "the input itself counts"


def test_money_beyond_64_bits_survives():
    """A year's turnover in nanos does not fit 64 bits."""
    bench = TestBench()
    huge = Position(
        account="main",
        instrument=BTC,
        lots=-5,
        cost_nanos=-(2**90) - 1,
        realised_nanos=2**80,
        traded_value_nanos=2**100,
    )
    bench.engine.state.tables.positions[f"main|{BTC}"] = huge
    digest = snapshot.digest(bench.engine)
    assert snapshot.digest(restarted(bench).engine) == digest
    assert bench.engine.state.position("main", BTC) == huge


def absorbed(bench: TestBench, kind: type, **limits: int) -> dict[str, list[dict[str, int]]]:
    """The gate's rows in an engine that absorbs the day with one row of limits recorded otherwise."""
    records = [Record(*each) for each in bench.history]
    entry = next(at for at, record in enumerate(records) if isinstance(getattr(record.input.body, "limits", 0), kind))
    event = records[entry].events[0]
    otherwise = msgspec.structs.replace(event, limits=msgspec.structs.replace(event.limits, **limits))
    records[entry] = msgspec.structs.replace(records[entry], events=(otherwise,))
    engine = Engine(fresh_gate("python"), **ROWS)
    for number, record in enumerate(records, 1):
        engine.absorb(number, record)
    assert engine.gate.counters()["faults"] == 0
    state = engine.gate.export_state()
    return {table: [dict(zip(names, row, strict=True)) for row in state[table]] for table, names in COLUMNS.items()}


def test_what_was_let_out_is_held_though_the_gate_would_refuse_it_today():
    bench = TestBench(max_long_lots=200)
    order = bench.submitted(quantity_lots=100)
    bench.step(AmendOrder(request_id="a", actor="x", order_id=order.order_id, quantity_lots=130))
    rows = absorbed(bench, PositionLimits, max_long_lots=50)
    assert (rows["positions"][0]["max_long_lots"], rows["positions"][0]["open_buy_lots"]) == (50, 130)
    for table in ("accounts", "firm"):
        assert rows[table][0]["open_orders"] == 1
    assert rows["strategies"][0]["open_value_nanos"] == rows["firm"][0]["open_value_nanos"] == 130 * MARK_TICKS * 100
    assert rows["orders"][0]["leaves_lots"] == 130


def test_what_was_let_out_is_held_at_its_price_though_the_gate_would_value_it_otherwise_today():
    bench = TestBench(collar_bps=100)
    order = bench.submitted(Side.BUY, 100, None)
    rows = absorbed(bench, InstrumentLimits, collar_bps=200)
    row = rows["accounts"][0]
    assert (row["open_value_nanos"], row["open_orders"]) == (order.reserved_price_ticks * 100 * 100, 1)
    assert rows["positions"][0]["open_buy_lots"] == 100


def test_a_journal_from_before_firm_strategies_and_ports_had_limits_is_taken_over():
    """Its orders are out, whatever today's gate says; new ones wait for limits."""
    bench = TestBench(strategies=("old",))
    first = bench.submitted(quantity_lots=100, strategy="old")
    tell(bench, ExecType.TRADE, first.client_order_id, execution_id="e", last_quantity_lots=30, last_price_ticks=1)
    tell(bench, ExecType.CANCELED, first.client_order_id)
    records = [Record(*each) for each in bench.history]
    new = FirmLimits | StrategyLimits | PortLimits
    before = [each for each in records if not isinstance(getattr(each.input.body, "limits", None), new)]
    engine = Engine(fresh_gate("python"), **ROWS)
    for number, record in enumerate(before, 1):
        engine.absorb(number, record)
    assert len(before) == len(records) - 4
    assert engine.gate.counters()["faults"] == 0
    assert all(row[7] == 0 for row in engine.gate.export_state()["strategies"]), "nothing stays open"
    assert engine.state.position("main", BTC).lots == 30
    body = msgspec.structs.replace(records[-3].input.body, request_id="again")
    denied = engine.step(Input(bench.now_ns + 1, body, records[-3].input.marks))[-1]
    assert isinstance(denied, OrderDenied)
    assert denied.fired_mask & (1 << Check.FIRM_CREDIT | 1 << Check.STRATEGY_DISABLED | 1 << Check.ACCOUNT_DISABLED)


def test_records_out_of_order_are_refused():
    bench = TestBench()
    record = Record(*bench.history[0])
    engine = Engine(fresh_gate("python"), **ROWS)
    engine.absorb(1, record)
    for sequence in (0, 1, 3):
        with pytest.raises(InvariantError):
            engine.absorb(sequence, record)


def _nothing(_data: bytes) -> bytes:
    return b""


def _changed(change):
    def spoil(data: bytes) -> bytes:
        content = msgspec.msgpack.decode(data)
        change(content)
        return msgspec.msgpack.encode(content)

    return spoil


SPOILED = {
    "empty": _nothing,
    "cut": lambda data: data[: len(data) // 2],
    "text": lambda _: b"no snapshot at all",
    "list": lambda _: msgspec.msgpack.encode([1, 2]),
    "format": _changed(lambda content: content.update(format=999)),
    "no gate": _changed(lambda content: content.update(gate={})),
    "gate of another size": _changed(lambda content: content["gate"]["accounts"].append([1, 2])),
    "gate of a bigger machine": _changed(lambda content: content["gate"]["accounts"][0].__setitem__(0, 99)),
    "gate of text": _changed(lambda content: content.update(gate={"version": "x", "instruments": "y"})),
    "position of text": _changed(lambda content: content["positions"].update({"a|b": {"lots": "many"}})),
    "order of nothing known": _changed(lambda content: content["tables"]["instruments"].clear()),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_what_is_no_snapshot_is_said_to_be_none(spoil, backend):
    """Recovery passes over it and goes on with an older one, with a gate of its own."""
    bench = TestBench(backend)
    bench.submitted()
    with pytest.raises(snapshot.SnapshotError):
        snapshot.decode(spoil(snapshot.encode(bench.engine)), fresh_gate(backend))


def test_request_ids_are_forgotten_oldest_first_and_a_restart_forgets_the_same():
    state = EngineState()
    for number in range(REQUEST_MEMORY):
        state.remember_request(f"r{number}", number)
    state.remember_request("r0", REQUEST_MEMORY)  # Came again: now it is the newest.
    other = EngineState(msgspec.msgpack.decode(msgspec.msgpack.encode(state.tables), type=type(state.tables)))
    for each in (state, other):
        each.remember_request("new", REQUEST_MEMORY + 1)
        assert len(each.tables.requests) == REQUEST_MEMORY
        assert "r1" not in each.tables.requests
        assert {"r0", "r2", "new"} <= each.tables.requests.keys()
    assert list(state.tables.requests) == list(other.tables.requests)


def test_a_command_with_every_field_set_survives_the_journal():
    bench = TestBench()
    bench.submit(post_only=True, client_order_id='ü|"x\\', strategy="m\u00fcller", actor="spiffe://a/person/b\n")
    assert isinstance(bench.history[-1][0].body, SubmitOrder)
    assert_lossless(bench.history)
