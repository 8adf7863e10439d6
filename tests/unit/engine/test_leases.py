"""Hot gates in the engine: slices by journaled events, the own gate holds the rest, and a restart forgets nothing."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from meltica.domain.commands import ChangeCredit, SetLimits
from meltica.domain.events import CommandRefused
from meltica.domain.gates import AdmitGate, ArmGate, GateArmed, LoseGate, RegisterGate, ReportSlices, RetireGate
from meltica.domain.inputs import Record, decode_record, encode_record
from meltica.domain.leases import GateDied, GateEntered, GateFacts, GateRetired, GateReturned, LeaseGranted, Share
from meltica.domain.limits import AccountLimits
from meltica.domain.order import Side
from meltica.domain.order_events import OrderAdopted, OrderDenied, OrderFilled, OrderSubmitted
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.engine import Engine
from meltica.engine.risk.lease_rows import gate_row, in_scope
from meltica.engine.risk.rows import limits_row
from meltica.engine.snapshot import snapshot
from meltica.hot.layout_gen import AccountLimitsRecord
from meltica.hot.state import COLUMNS
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, TestBench

VALUE = "accounts/main/max_open_value_nanos"
LONG = f"accounts/main/positions/{BTC}/max_long_lots"
LIMIT = 10**15
LOTS = 1_000


@pytest.fixture(params=["python", "cython"])
def bench(request: pytest.FixtureRequest) -> Iterator[TestBench]:
    bench = TestBench(request.param, max_open_value_nanos=LIMIT, max_long_lots=LOTS, max_short_lots=LOTS)
    register(bench)
    yield bench
    replayed(bench)


def register(bench: TestBench, gate: str = "edge", first: int = 4_000, most: int = 6_000, **scope: tuple[str, ...]):
    facts = GateFacts(Share(first, most), **scope)
    return bench.step(RegisterGate(request_id=bench.request(), actor="system:hot", gate=gate, facts=facts))


def admit(bench: TestBench, epoch: int = 1, gate: str = "edge"):
    return bench.step(AdmitGate(request_id="", actor="system:hot", gate=gate, gate_epoch=epoch))


def report(bench: TestBench, number: int, in_use: dict[str, int], epoch: int = 1):
    version = bench.engine.state.tables.leases.version
    fields = {"gate": "edge", "gate_epoch": epoch, "number": number, "version": version, "in_use": in_use}
    return bench.step(ReportSlices(request_id="", actor="system:hot", **fields))


def hot(bench: TestBench, sequence: int, exec_type: ExecType, order: int = 1, **fields: object):
    usual = {
        "venue": "BINANCE",
        "client_order_id": f"edge:{order}",
        "account": "main",
        "instrument": BTC,
        "side": Side.BUY,
        "order_quantity_lots": 100,
        "price_ticks": MARK_TICKS,
        "gate": "edge",
        "drop_sequence": sequence,
        "strategy": "manual",
    }
    return bench.step(ExecutionReport(exec_type=exec_type, **(usual | fields)))


def own_limits(bench: TestBench) -> dict[str, int]:
    state = bench.gate.export_state()
    account = dict(zip(COLUMNS["accounts"], state["accounts"][0], strict=True))
    position = dict(zip(COLUMNS["positions"], state["positions"][0], strict=True))
    return {VALUE: account["max_open_value_nanos"], LONG: position["max_long_lots"]} | {
        "open": account["open_value_nanos"],
        "position": position["position_lots"],
    }


def replayed(bench: TestBench) -> Engine:
    """The same day from the journal alone ends in the same state, and so does one from a snapshot."""
    gate = bench.backend.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
    sizes = {"max_instruments": MAX_INSTRUMENTS, "max_accounts": MAX_ACCOUNTS, "intent": bench.backend.OrderIntent}
    engine = Engine(gate, **sizes)
    for sequence, (happened, events) in enumerate(bench.history, 1):
        engine.absorb(sequence, decode_record(encode_record(Record(happened, events))))
    assert snapshot.digest(engine) == snapshot.digest(bench.engine)
    other = bench.backend.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
    state = snapshot.decode(snapshot.encode(bench.engine), other)
    again = Engine(other, state=state, **sizes)
    assert snapshot.digest(again) == snapshot.digest(bench.engine)
    assert again.state.lease_limits == bench.engine.state.lease_limits
    return engine


def test_an_admitted_gate_gets_its_share_of_every_line_and_the_own_gate_the_rest(bench: TestBench) -> None:
    events = admit(bench)
    assert isinstance(events[0], GateEntered)
    granted = {event.line: event.amount for event in events[1:] if isinstance(event, LeaseGranted)}
    assert granted[VALUE] == LIMIT * 4 // 10
    assert granted[LONG] == 400
    assert granted["firm/max_open_orders"] == 400_000
    assert set(granted) == set(bench.engine.state.lease_limits)
    assert own_limits(bench)[VALUE] == LIMIT * 6 // 10
    assert own_limits(bench)[LONG] == 600


def test_the_own_gate_refuses_what_only_fits_with_the_granted_slice(bench: TestBench) -> None:
    admit(bench)
    (denied,) = bench.submit(quantity_lots=601)
    assert isinstance(denied, OrderDenied)
    assert denied.reason == "POSITION_LIMIT"
    (passed,) = bench.submit(quantity_lots=600)
    assert isinstance(passed, OrderSubmitted)


def test_what_the_own_gate_has_in_use_is_not_granted(bench: TestBench) -> None:
    bench.submitted(quantity_lots=900)
    admit(bench)
    assert bench.engine.state.leases.slices("edge")[LONG] == 100
    assert own_limits(bench)[LONG] == 900


def test_a_gate_gets_rows_with_its_slices(bench: TestBench) -> None:
    admit(bench)
    tables = bench.engine.state.tables
    limits, _ = tables.limits["accounts/main"]
    row = gate_row(bench.engine.state, "edge", "accounts/main", limits_row(tables, limits, 0))
    assert isinstance(row, AccountLimitsRecord)
    assert row.max_open_value_nanos == LIMIT * 4 // 10
    assert row.messages_per_second == 400_000
    assert row.max_daily_loss_nanos == limits.max_daily_loss_nanos  # Not a sum over gates
    other = gate_row(bench.engine.state, "nobody", "accounts/main", limits_row(tables, limits, 0))
    assert (other.max_open_value_nanos, other.max_open_orders) == (0, 0)


def test_orders_of_a_hot_gate_are_in_the_books_and_not_in_the_own_gate(bench: TestBench) -> None:
    admit(bench)
    (adopted, *_) = hot(bench, 1, ExecType.PENDING_NEW)
    assert isinstance(adopted, OrderAdopted)
    assert (adopted.gate, adopted.strategy) == ("edge", "manual")
    hot(bench, 2, ExecType.NEW)
    (filled,) = hot(bench, 3, ExecType.TRADE, execution_id="7", last_quantity_lots=60, last_price_ticks=MARK_TICKS)
    assert isinstance(filled, OrderFilled)
    tables = bench.engine.state.tables
    assert tables.positions[f"main|{BTC}"].lots == 60
    assert tables.leases.kept["edge"] == 4
    assert tables.hot_lots == {f"edge|main|{BTC}": 60}
    assert (own_limits(bench)["open"], own_limits(bench)["position"]) == (0, 0)


def test_a_gate_that_uses_its_slice_gets_more_and_gives_back_what_lies_idle(bench: TestBench) -> None:
    admit(bench)
    report(bench, 1, {})
    events = report(bench, 2, {LONG: 390})
    assert [e.amount for e in events if isinstance(e, LeaseGranted) and e.line == LONG] == [600]
    assert own_limits(bench)[LONG] == 400
    report(bench, 3, {LONG: 590})
    events = report(bench, 4, {})
    assert [e.amount for e in events if isinstance(e, LeaseGranted) and e.line == LONG] == [400]
    assert own_limits(bench)[LONG] == 400  # Until the gate has confirmed
    report(bench, 5, {})
    assert own_limits(bench)[LONG] == 600


def test_idle_reports_leave_no_events(bench: TestBench) -> None:
    admit(bench)
    assert report(bench, 1, {}) != ()
    assert report(bench, 2, {}) == ()
    assert report(bench, 1, {LONG: 400}) == ()


def test_a_lowered_limit_shrinks_slices_in_the_same_step(bench: TestBench) -> None:
    admit(bench)
    report(bench, 1, {})
    events = bench.step(lower(bench, max_open_value_nanos=LIMIT // 10))
    assert [e.amount for e in events if isinstance(e, LeaseGranted)] == [LIMIT // 10 * 4 // 10]
    assert bench.engine.state.leases.revoking() == [VALUE]
    assert own_limits(bench)[VALUE] == 0
    report(bench, 2, {})
    assert own_limits(bench)[VALUE] == LIMIT // 10 * 6 // 10


def lower(bench: TestBench, **changes: int):
    old, revision = bench.engine.state.tables.limits["accounts/main"]
    assert isinstance(old, AccountLimits)
    new = msgspec.structs.replace(old, **changes)
    return SetLimits(
        request_id=bench.request(), actor="spiffe://meltica.example/person/rita", limits=new, revision=revision
    )


def test_a_dead_gates_slice_stays_reserved_until_its_next_life_or_a_person(bench: TestBench) -> None:
    admit(bench)
    hot(bench, 1, ExecType.PENDING_NEW)
    (died,) = bench.step(LoseGate(request_id="", actor="system:hot", gate="edge", gate_epoch=1, reason="silent"))
    assert isinstance(died, GateDied)
    assert own_limits(bench)[LONG] == 600
    (returned,) = admit(bench)
    assert isinstance(returned, GateReturned)
    bench.step(LoseGate(request_id="", actor="system:hot", gate="edge", gate_epoch=1, reason="silent"))
    events = admit(bench, epoch=2)
    assert isinstance(events[0], GateEntered)
    assert events[0].in_use[LONG] == 100
    assert (
        events[0].in_use[VALUE]
        == 100 * MARK_TICKS * bench.engine.state.tables.instruments[BTC].value_per_tick_lot_nanos
    )
    assert bench.engine.state.leases.slices("edge")[LONG] == 400


def test_a_person_retires_a_dead_gate(bench: TestBench) -> None:
    retire = RetireGate(request_id=bench.request(), actor="person", gate="edge", reason="burnt down")
    assert isinstance(bench.step(retire)[0], CommandRefused)
    admit(bench)
    assert isinstance(bench.step(retire)[0], CommandRefused)
    hot(bench, 1, ExecType.PENDING_NEW)
    bench.step(LoseGate(request_id="", actor="system:hot", gate="edge", gate_epoch=1, reason="silent"))
    (retired,) = bench.step(retire)
    assert isinstance(retired, GateRetired)
    assert "edge" not in bench.engine.state.tables.leases.kept
    assert own_limits(bench)[LONG] == 900  # What works at the venue still counts
    assert isinstance(admit(bench)[0], CommandRefused)
    assert isinstance(admit(bench, epoch=2)[0], GateEntered)


def test_an_older_life_and_an_unknown_gate_are_not_admitted(bench: TestBench) -> None:
    admit(bench, epoch=5)
    assert isinstance(admit(bench, epoch=4)[0], CommandRefused)
    assert isinstance(admit(bench, gate="stranger")[0], CommandRefused)


def test_arming_is_journaled_with_who_and_why(bench: TestBench) -> None:
    arm = ArmGate(request_id=bench.request(), actor="person", gate="edge", armed=True, reason="looked at it")
    (armed,) = bench.step(arm)
    assert isinstance(armed, GateArmed)
    assert armed.actor == "person"
    unknown = ArmGate(request_id=bench.request(), actor="person", gate="other", armed=True, reason="")
    assert isinstance(bench.step(unknown)[0], CommandRefused)


def test_shares_that_are_more_than_the_whole_are_refused(bench: TestBench) -> None:
    (refused,) = register(bench, gate="second", first=7_000, most=7_000)
    assert isinstance(refused, CommandRefused)
    assert register(bench) == ()  # Nothing new


def test_a_gate_gets_nothing_outside_its_scope(bench: TestBench) -> None:
    register(bench, gate="narrow", first=1_000, most=1_000, accounts=("other",), instruments=("ETH/USDT@BINANCE",))
    events = admit(bench, gate="narrow")
    lines = {event.line.rpartition("/")[0] for event in events if isinstance(event, LeaseGranted)}
    assert lines == {"firm", "strategies/manual"}
    facts = GateFacts(Share(1, 1), accounts=("a",), strategies=("s",), instruments=("i",))
    for line in ("accounts/a/x", "strategies/s/x", "instruments/i/x", "accounts/a/positions/i/x", "firm/x"):
        assert in_scope(facts, line)
    for line in ("accounts/b/x", "strategies/t/x", "instruments/j/x", "accounts/a/positions/j/x"):
        assert not in_scope(facts, line)


def test_a_new_limit_is_granted_to_gates_that_are_there(bench: TestBench) -> None:
    admit(bench)
    row = AccountLimits(account="late", enabled=True, max_open_value_nanos=1_000, max_open_orders=10)
    events = bench.step(SetLimits(request_id=bench.request(), actor="system:test", limits=row, revision=0))
    granted = {event.line: event.amount for event in events if isinstance(event, LeaseGranted)}
    assert granted["accounts/late/max_open_value_nanos"] == 400
    assert granted["accounts/late/max_open_orders"] == 4


def test_credit_that_is_taken_away_is_not_granted(bench: TestBench) -> None:
    bench.step(
        ChangeCredit(
            request_id=bench.request(), actor="person", name="accounts/main", delta_nanos=-LIMIT // 2, reason=""
        )
    )
    assert bench.engine.state.lease_limits[VALUE] == LIMIT // 2
    admit(bench)
    assert bench.engine.state.leases.slices("edge")[VALUE] == LIMIT // 2 * 4 // 10


def test_drop_copies_count_once_across_a_restart(bench: TestBench) -> None:
    admit(bench)
    hot(bench, 1, ExecType.PENDING_NEW)
    hot(bench, 2, ExecType.TRADE, execution_id="1", last_quantity_lots=10, last_price_ticks=MARK_TICKS)
    engine = replayed(bench)
    assert engine.state.tables.leases.kept == {"edge": 3}
    events = hot(bench, 2, ExecType.TRADE, execution_id="1", last_quantity_lots=10, last_price_ticks=MARK_TICKS)
    assert not any(isinstance(event, OrderFilled) for event in events)
