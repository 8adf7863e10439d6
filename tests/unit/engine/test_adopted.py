"""Orders that did not come from us but are our account's: they enter the books, and are exposure like any other."""

from __future__ import annotations

import msgspec
import pytest

from meltica.domain import lifecycle
from meltica.domain.commands import EngageKillSwitch, Wake
from meltica.domain.inputs import Record
from meltica.domain.order import OrderType, Side
from meltica.domain.order_events import (
    CancelRequested,
    OrderAdopted,
    OrderFilled,
    OrderReleased,
    OrderReported,
    ReportIgnored,
)
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.terms import Terms
from meltica.engine.snapshot import snapshot
from meltica.engine.venue.reports import MONEY
from tests.engines import BTC, MARK_TICKS, WIDE, TestBench
from tests.unit.engine.held_orders import HeldBench
from tests.unit.engine.test_orders import held
from tests.unit.engine.watch import only


@pytest.fixture(params=["python", "cython"])
def backend(request):
    return request.param


@pytest.fixture
def bench(backend):
    return TestBench(backend)


def foreign(**fields) -> ExecutionReport:
    told = {
        "venue": "BINANCE",
        "client_order_id": "by-telephone",
        "exec_type": ExecType.NEW,
        "account": "main",
        "instrument": BTC,
        "side": Side.SELL,
        "order_quantity_lots": 100,
        "price_ticks": MARK_TICKS,
    }
    return ExecutionReport(**{**told, **fields})


def test_it_is_adopted_and_acknowledged(bench):
    adopted, acknowledged = bench.step(foreign())
    assert isinstance(adopted, OrderAdopted)
    assert isinstance(acknowledged, OrderReported)
    order = bench.engine.state.order(adopted.order_id)
    assert (lifecycle.status(order).value, order.strategy, order.actor) == ("New", "external", "venue:BINANCE")
    assert held(bench) == (1, 100 * MARK_TICKS * 100, 0, 100)


def test_its_fills_are_ours(bench):
    bench.step(foreign())
    fill = foreign(exec_type=ExecType.TRADE, execution_id="e1", last_quantity_lots=30, last_price_ticks=MARK_TICKS)
    only(bench.step(fill), OrderFilled)
    assert bench.engine.state.position("main", BTC).lots == -30
    assert held(bench) == (1, 70 * MARK_TICKS * 100, 0, 70)
    assert only(bench.step(fill), ReportIgnored).reason == "DUPLICATE_REPORT"


def test_a_fill_may_be_the_first_that_is_heard_of_it(bench):
    fill = foreign(exec_type=ExecType.TRADE, execution_id="e1", last_quantity_lots=100, last_price_ticks=MARK_TICKS)
    adopted, filled = bench.step(fill)
    assert (type(adopted), type(filled)) == (OrderAdopted, OrderFilled)
    assert lifecycle.status(bench.engine.state.order(adopted.order_id)).value == "Filled"
    assert (bench.engine.state.position("main", BTC).lots, held(bench)) == (-100, (0, 0, 0, 0))


def test_the_kill_switch_cancels_it(bench):
    bench.step(foreign())
    _, cancel = bench.step(EngageKillSwitch(request_id=bench.request(), actor="x", reason="test"))
    assert isinstance(cancel, CancelRequested)
    assert cancel.original_client_order_id == "by-telephone"


@pytest.mark.parametrize(
    "fields",
    [
        {"account": ""},
        {"account": "nobody"},
        {"instrument": "X/Y@BINANCE"},
        {"side": None},
        {"client_order_id": ""},
        {"order_quantity_lots": None},
        {"order_quantity_lots": 0},
        {"order_quantity_lots": WIDE**2},
        {"price_ticks": -1},
        {"exec_type": ExecType.CANCELED},
        {"exec_type": ExecType.ORDER_STATUS},
    ],
    ids=str,
)
def test_what_is_not_ours_or_not_whole_is_only_noted(bench, fields):
    before = bench.engine.state.tables.next_order_id
    assert only(bench.step(foreign(**fields)), ReportIgnored).reason == "UNKNOWN_ORDER"
    assert bench.engine.state.tables.next_order_id == before
    assert held(bench) == (0, 0, 0, 0)


def test_recovery_knows_it(bench):
    bench.step(foreign())
    again = TestBench(bench.backend)
    opened = len(again.history)
    for sequence, (happened, events) in enumerate(bench.history[opened:], opened + 1):
        again.engine.absorb(sequence, Record(happened, events))
    assert snapshot.digest(again.engine) == snapshot.digest(bench.engine)


def test_a_venue_has_no_orders_in_another_ones_instruments(bench):
    """Its reports would be found under no id, and each of its fills would be an order of its own."""
    fill = foreign(
        venue="KRAKEN", exec_type=ExecType.TRADE, execution_id="e1", last_quantity_lots=10, last_price_ticks=MARK_TICKS
    )
    for _ in range(2):
        assert only(bench.step(fill), ReportIgnored).reason == "UNKNOWN_ORDER"
    assert bench.engine.state.position("main", BTC) is None


@pytest.mark.parametrize("kind", [kind for kind in ExecType if kind not in MONEY])
def test_a_report_about_an_order_that_never_went_out_is_of_another_with_its_id(backend, kind):
    bench = HeldBench(backend)
    stop = bench.hold(OrderType.STOP, trigger_ticks=MARK_TICKS - 10)
    bench.submit(Side.SELL, 100, MARK_TICKS, terms=Terms(display_lots=20), client_order_id="mine")
    bench.step(Wake(request_id="", actor="system:clock"))
    slices = bench.engine.state.tables.orders[2]
    for order in (stop, slices):
        before = msgspec.structs.replace(order)
        report = ExecutionReport(venue="BINANCE", client_order_id=order.client_order_id, exec_type=kind, leaves_lots=0)
        assert only(bench.step(report), ReportIgnored).reason == "CONTRADICTS"
        assert order == before
    only(bench.show(MARK_TICKS - 10, MARK_TICKS - 9), OrderReleased)
