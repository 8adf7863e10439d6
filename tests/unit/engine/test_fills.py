"""Executions in every state, twice, too many, corrected and busted: money is booked once and exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meltica.domain import lifecycle
from meltica.domain.events import BreakerTripped
from meltica.domain.order import Side
from meltica.domain.order_events import OrderFilled, ReportIgnored, TradeCorrected
from meltica.domain.reports import ExecType, ExecutionReport
from tests.engines import BTC, MARK_TICKS, TestBench, instrument
from tests.unit.engine.test_orders import amend, cancel, fill, held, named, tell
from tests.unit.engine.watch import changed, facts, only

BOOKED = {"executions_count", "orders", "positions", "executions", "gate"}
ENDS = [ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED, ExecType.CALCULATED]


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


def test_a_fill_moves_from_open_to_position(bench):
    order = bench.submitted(quantity_lots=100)
    before = facts(bench)
    event = only(fill(bench, order, 40, "e1", MARK_TICKS - 1, fee_nanos=11, maker=True), OrderFilled)
    assert (event.cumulative_lots, event.leaves_lots, event.sequence) == (40, 60, 1)
    assert changed(before, facts(bench)) == BOOKED | {"next_execution"}
    assert held(bench) == (1, 60 * MARK_TICKS * 100, 60, 0)
    position = bench.engine.state.position("main", BTC)
    assert (position.lots, position.cost_nanos, position.fees_nanos) == (40, 40 * (MARK_TICKS - 1) * 100, 11)
    fill(bench, order, 60, "e2")
    assert (lifecycle.status(order).value, held(bench)) == ("Filled", (0, 0, 0, 0))


def test_profit_and_loss_of_a_round_trip(bench):
    fill(bench, bench.submitted(Side.BUY, 100), 100, "e1", fee_nanos=5)
    fill(bench, bench.submitted(Side.SELL, 30), 30, "e2", MARK_TICKS + 7, fee_nanos=-2)
    position = bench.engine.state.position("main", BTC)
    assert (position.lots, position.realised_nanos, position.fees_nanos) == (70, 30 * 7 * 100, 3)
    assert position.unrealised_nanos(MARK_TICKS - 1, 100) == -70 * 100


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.value)
def test_a_late_fill_is_money_whatever_ended_the_order(bench, end):
    order = bench.submitted(quantity_lots=100)
    tell(bench, end, order)
    assert held(bench) == (0, 0, 0, 0)
    event = only(fill(bench, order, 30, "late"), OrderFilled)
    assert (event.cumulative_lots, event.leaves_lots) == (30, 0)
    assert bench.engine.state.position("main", BTC).lots == 30
    assert (held(bench), bench.gate.counters()["faults"]) == ((0, 0, 0, 0), 0)
    assert named("positions", bench.gate.export_state()["positions"][0])["position_lots"] == 30


def test_a_fill_that_overtakes_the_acknowledgment(bench):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 10, "e1")
    assert lifecycle.status(order).value == "PartiallyFilled"
    assert only(tell(bench, ExecType.NEW, order), ReportIgnored).reason == "DUPLICATE_REPORT"


def test_more_filled_than_ordered_is_booked_and_the_gate_keeps_count(bench):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 130, "e1")
    assert bench.engine.state.position("main", BTC).lots == 130
    assert (lifecycle.leaves_lots(order), held(bench), bench.gate.counters()["faults"]) == (0, (0, 0, 0, 0), 0)


def test_a_duplicate_changes_nothing_even_with_other_numbers(bench):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 40, "e1")
    before = facts(bench)
    for lots in (40, 41):
        assert only(fill(bench, order, lots, "e1"), ReportIgnored).reason == "DUPLICATE_REPORT"
    assert changed(before, facts(bench)) == set()


def test_the_same_execution_id_of_another_account_is_another_execution(bench):
    bench.open_up(bench.engine.state.instrument(BTC), "second")
    fill(bench, bench.submitted(), 10, "e1")
    only(fill(bench, bench.submitted(account="second"), 10, "e1"), OrderFilled)


@pytest.mark.parametrize(
    "told",
    [
        {"last_quantity_lots": 0},
        {"last_quantity_lots": -1},
        {"last_quantity_lots": 2**60 + 1},
        {"last_quantity_lots": 2**60, "last_price_ticks": 1},
        {"last_price_ticks": 2**63},
        {"fee_nanos": 2**63},
        {"fee_nanos": -(2**63)},
        {"execution_id": ""},
    ],
    ids=str,
)
def test_a_trade_that_can_not_be_is_kept_as_said_and_not_booked(bench, told):
    order = bench.submitted()
    before = facts(bench)
    report = {"last_quantity_lots": 10, "last_price_ticks": MARK_TICKS, "execution_id": "e1", **told}
    assert only(tell(bench, ExecType.TRADE, order, **report), ReportIgnored).reason == "CONTRADICTS"
    assert changed(before, facts(bench)) == set()


def test_a_report_about_nothing_of_ours(bench):
    before = facts(bench)
    for venue, name in (("BINANCE", "whose"), ("XNAS", "m1"), ("BINANCE", "")):
        report = ExecutionReport(venue=venue, client_order_id=name, exec_type=ExecType.TRADE, execution_id="e1")
        assert only(bench.step(report), ReportIgnored).reason == "UNKNOWN_ORDER"
    assert changed(before, facts(bench)) == set()


def test_a_bust_undoes_an_execution_with_its_fee(bench):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 40, "e1", fee_nanos=9)
    fill(bench, order, 60, "e2", MARK_TICKS + 1, fee_nanos=3)
    bust = {"execution_id": "b1", "reference_execution_id": "e1", "fee_nanos": 5}
    event = only(tell(bench, ExecType.TRADE_CANCEL, order, **bust), TradeCorrected)
    assert (event.quantity_lots, event.cumulative_lots, event.leaves_lots, event.fee_nanos) == (0, 60, 40, 0)
    position = bench.engine.state.position("main", BTC)
    assert (position.lots, position.cost_nanos, position.fees_nanos) == (60, 60 * (MARK_TICKS + 1) * 100, 3)
    assert (order.fees_nanos, order.cumulative_value) == (3, 60 * (MARK_TICKS + 1))
    assert held(bench) == (1, 40 * MARK_TICKS * 100, 40, 0), "it is open again"
    assert only(tell(bench, ExecType.TRADE_CANCEL, order, **bust), ReportIgnored).reason == "DUPLICATE_REPORT"
    again = bust | {"execution_id": "b2"}
    assert only(tell(bench, ExecType.TRADE_CANCEL, order, **again), ReportIgnored).reason == "UNKNOWN_EXECUTION"


def test_a_correction_takes_its_place_in_the_order_of_trades(bench):
    """Average cost depends on the order of trades: the corrected one stays where it was."""
    fill(bench, bench.submitted(Side.BUY, 10), 10, "e1", 100 + MARK_TICKS)
    fill(bench, bench.submitted(Side.SELL, 10), 10, "e2", 150 + MARK_TICKS)
    fill(bench, bench.submitted(Side.BUY, 10), 10, "e3", 120 + MARK_TICKS)
    first = bench.engine.state.order(1)
    told = {"last_quantity_lots": 10, "last_price_ticks": 90 + MARK_TICKS}
    tell(bench, ExecType.TRADE_CORRECT, first, execution_id="c1", reference_execution_id="e1", **told)
    position = bench.engine.state.position("main", BTC)
    assert (position.lots, position.realised_nanos) == (10, 10 * 60 * 100)
    assert position.cost_nanos == 10 * (120 + MARK_TICKS) * 100
    tell(bench, ExecType.TRADE_CANCEL, first, execution_id="c2", reference_execution_id="c1")
    position = bench.engine.state.position("main", BTC)
    assert position.lots == 0
    assert position.realised_nanos == 10 * 30 * 100


@pytest.mark.parametrize("reference", ["e1", "c1"], ids=["by its first id", "by its newest"])
def test_a_correction_of_a_correction(bench, reference):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 40, "e1")
    for name, about, lots in (("c1", "e1", 50), ("c2", reference, 30)):
        told = {"last_quantity_lots": lots, "last_price_ticks": MARK_TICKS, "reference_execution_id": about}
        only(tell(bench, ExecType.TRADE_CORRECT, order, execution_id=name, **told), TradeCorrected)
    assert (order.cumulative_lots, bench.engine.state.position("main", BTC).lots) == (30, 30)


def test_leaves_of_events_are_the_orders_leaves(bench):
    """Also when it is done for the day for good."""
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 40, "e1")
    tell(bench, ExecType.DONE_FOR_DAY, order, leaves_lots=0)
    assert only(fill(bench, order, 10, "late"), OrderFilled).leaves_lots == lifecycle.leaves_lots(order) == 0
    told = {"execution_id": "b1", "reference_execution_id": "e1"}
    assert only(tell(bench, ExecType.TRADE_CANCEL, order, **told), TradeCorrected).leaves_lots == 0


def test_what_comes_after_the_end_changes_nothing(bench):
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.SUSPENDED, order)
    request = amend(bench, order, 150)[0].client_order_id
    stop = cancel(bench, order)[0].client_order_id
    tell(bench, ExecType.CANCELED, order, stop)
    assert lifecycle.status(order).value == "Canceled"
    before = facts(bench)
    late = (ExecType.PENDING_CANCEL, ExecType.PENDING_REPLACE, ExecType.REPLACED, ExecType.RESTATED, ExecType.NEW)
    for kind in (*late, ExecType.STOPPED, ExecType.SUSPENDED, ExecType.EXPIRED, ExecType.CANCELED):
        for name in (order.client_order_id, request, stop):
            only(tell(bench, kind, order, name, order_quantity_lots=500), ReportIgnored)
    assert changed(before, facts(bench)) == set()


def test_an_old_replacement_told_again_does_not_come_back(bench):
    order = bench.submitted(quantity_lots=100)
    first, second = amend(bench, order, 120)[0].client_order_id, amend(bench, order, 110)[0].client_order_id
    tell(bench, ExecType.REPLACED, order, first)
    tell(bench, ExecType.REPLACED, order, second)
    before = facts(bench)
    for name in (first, second, "m1"):
        assert only(tell(bench, ExecType.REPLACED, order, name), ReportIgnored).reason == "DUPLICATE_REPORT"
    assert only(tell(bench, ExecType.PENDING_REPLACE, order, first), ReportIgnored).reason == "CONTRADICTS"
    assert changed(before, facts(bench)) == set()
    tell(bench, ExecType.REPLACED, order, second, order_quantity_lots=90)
    assert order.quantity_lots == 90, "new terms under the newest id are the venue's own"


@pytest.mark.parametrize("kind", [ExecType.REPLACED, ExecType.RESTATED], ids=lambda kind: kind.value)
@pytest.mark.parametrize(
    "terms", [(0, None), (-1, None), (2**60 + 1, None), (None, -1), (None, 2**60 + 1), (2**59, 2**59)]
)
def test_terms_that_no_register_holds_are_not_taken_over(bench, kind, terms):
    order = bench.submitted(quantity_lots=100)
    before = facts(bench)
    told = {"order_quantity_lots": terms[0], "price_ticks": terms[1]}
    assert only(tell(bench, kind, order, **told), ReportIgnored).reason == "CONTRADICTS"
    assert changed(before, facts(bench)) == set()


TOO_MUCH = {
    "filled of one order, the position flat": ((2**60, 0, 0, 1), (2**60, 0, 0, 3), (1, 0, 0, 1)),
    "position over two orders": ((2**60, 0, 0, 1), (1, 0, 0, 2)),
    "value of one order": ((2**40, 2**22, 0, 1), (2**40, 2**22, 0, 1)),
    "fees of one order": ((1, 1, 2**62, 1), (1, 1, 2**62, 1)),
}


@pytest.mark.parametrize("trades", TOO_MUCH.values(), ids=TOO_MUCH)
def test_sums_that_no_register_holds_are_not_booked(bench, trades):
    """Each trade alone is possible. The state stays one that a snapshot can hold."""
    bench.open_up(instrument("A/B@BINANCE", 5, lot_size=Decimal("0.0000001")))
    for side, price in ((Side.BUY, MARK_TICKS), (Side.BUY, MARK_TICKS), (Side.SELL, MARK_TICKS + 1)):
        bench.submitted(side, 100, price, instrument="A/B@BINANCE")
    for number, (lots, price, fee, order_id) in enumerate(trades):
        order = bench.engine.state.order(order_id)
        before = facts(bench)
        kind = ReportIgnored if number == len(trades) - 1 else OrderFilled
        told = fill(bench, order, lots, f"e{number}", price, fee_nanos=fee)
        event = only([each for each in told if not isinstance(each, BreakerTripped)], kind)
    assert event.reason == "CONTRADICTS"
    assert changed(before, facts(bench)) == set()


def test_a_guaranteed_price_is_history_once_the_execution_came(bench):
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.STOPPED, order)
    assert lifecycle.status(order).value == "Stopped"
    fill(bench, order, 10, "e1")
    assert lifecycle.status(order).value == "PartiallyFilled"


def test_a_cancel_of_the_venues_own_desk_brings_nothing_back(bench):
    order = bench.submitted(Side.BUY, 100, None)
    tell(bench, ExecType.DONE_FOR_DAY, order, leaves_lots=0)
    tell(bench, ExecType.PENDING_CANCEL, order, "desk", original_client_order_id=order.client_order_id)
    assert (lifecycle.status(order).value, held(bench)) == ("PendingCancel", (0, 0, 0, 0))
