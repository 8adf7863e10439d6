"""Busts and corrections that overtake their trade: kept, applied when it comes, listed until then, never lost."""

from __future__ import annotations

import pytest

from meltica.domain import lifecycle
from meltica.domain.corrections import CorrectionDropped, CorrectionKept, DropCorrection
from meltica.domain.money import INT64_MAX
from meltica.domain.order_events import OrderFilled, ReportIgnored, TradeCorrected
from meltica.domain.reports import ExecType
from meltica.engine.venue import early
from tests.engines import BTC, MARK_TICKS, TestBench
from tests.replay.judge import recovered, replayed
from tests.unit.engine.test_orders import fill, held, tell
from tests.unit.engine.watch import ADA, changed, facts, only, refused


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


def bust(bench, order, reference, name):
    return tell(bench, ExecType.TRADE_CANCEL, order, execution_id=name, reference_execution_id=reference)


def correct(  # noqa: PLR0917 - reads as a venue would say it
    bench, order, reference, name, lots, price=MARK_TICKS, fee=0
):
    told = {"last_quantity_lots": lots, "last_price_ticks": price, "fee_nanos": fee}
    return tell(bench, ExecType.TRADE_CORRECT, order, execution_id=name, reference_execution_id=reference, **told)


def waiting(bench):
    return [(kept.reference_execution_id, kept.execution_id) for kept in bench.engine.state.early.all()]


def lots(bench):
    position = bench.engine.state.position("main", BTC)
    return 0 if position is None else position.lots


def test_a_bust_before_its_trade_is_kept_and_takes_it_back_when_it_comes(bench):
    order = bench.submitted(quantity_lots=100)
    before = facts(bench)
    event = only(bust(bench, order, "e1", "b1"), CorrectionKept)
    assert (event.reference_execution_id, event.quantity_lots) == ("e1", 0)
    assert changed(before, facts(bench)) == {"early"}
    booked, corrected = fill(bench, order, 40, "e1", fee_nanos=7)
    assert (type(booked), type(corrected)) == (OrderFilled, TradeCorrected)
    assert (corrected.cumulative_lots, corrected.leaves_lots) == (0, 100)
    assert (lots(bench), order.fees_nanos, order.executions, waiting(bench)) == (0, 0, {}, [])
    assert held(bench) == (1, 100 * MARK_TICKS * 100, 100, 0)


def test_a_correction_before_its_trade_wins(bench):
    order = bench.submitted(quantity_lots=100)
    correct(bench, order, "e1", "c1", 30, MARK_TICKS + 5, 3)
    fill(bench, order, 40, "e1", fee_nanos=7)
    assert (order.cumulative_lots, order.cumulative_value, order.fees_nanos) == (30, 30 * (MARK_TICKS + 5), 3)
    assert lots(bench) == 30


def test_a_bust_before_the_correction_before_the_trade(bench):
    """All three in the wrong order: each waits for the one before it."""
    order = bench.submitted(quantity_lots=100)
    bust(bench, order, "c1", "b1")
    correct(bench, order, "e1", "c1", 30)
    assert waiting(bench) == [("c1", "b1"), ("e1", "c1")]
    events = fill(bench, order, 40, "e1")
    assert [type(event) for event in events] == [OrderFilled, TradeCorrected, TradeCorrected]
    assert (lots(bench), waiting(bench)) == (0, [])


def test_a_bust_of_a_correction_that_comes_live(bench):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 40, "e1")
    bust(bench, order, "c1", "b1")
    first, second = correct(bench, order, "e1", "c1", 30)
    assert (first.quantity_lots, second.quantity_lots, lots(bench), waiting(bench)) == (30, 0, 0, [])


def test_a_kept_one_told_twice_is_kept_once(bench):
    order = bench.submitted(quantity_lots=100)
    bust(bench, order, "e1", "b1")
    before = facts(bench)
    assert only(bust(bench, order, "e1", "b1"), ReportIgnored).reason == "DUPLICATE_REPORT"
    assert only(correct(bench, order, "e1", "b1", 5), ReportIgnored).reason == "DUPLICATE_REPORT"
    assert changed(before, facts(bench)) == set()
    fill(bench, order, 40, "e1")
    assert only(bust(bench, order, "e1", "b1"), ReportIgnored).reason == "DUPLICATE_REPORT"
    assert only(fill(bench, order, 40, "e1"), ReportIgnored).reason == "DUPLICATE_REPORT"
    assert lots(bench) == 0


def test_two_that_contradict_each_other_are_applied_in_the_order_in_which_they_came(bench):
    order = bench.submitted(quantity_lots=100)
    correct(bench, order, "e1", "c1", 30)
    correct(bench, order, "e1", "c2", 20)
    fill(bench, order, 40, "e1")
    assert (lots(bench), waiting(bench)) == (20, [])


def test_a_correction_after_a_bust_of_the_same_trade_is_dropped_with_its_reason(bench):
    order = bench.submitted(quantity_lots=100)
    bust(bench, order, "e1", "b1")
    correct(bench, order, "e1", "c1", 20)
    *_, dropped = fill(bench, order, 40, "e1")
    assert isinstance(dropped, CorrectionDropped)
    assert (dropped.execution_id, dropped.actor) == ("c1", "system:venue")
    assert "busted" in dropped.reason
    assert (lots(bench), waiting(bench)) == (0, [])


def test_what_no_register_holds_is_not_kept(bench):
    order = bench.submitted(quantity_lots=100)
    before = facts(bench)
    for quantity, price, fee in ((0, 1, 0), (-1, 1, 0), (2**60 + 1, 1, 0), (1, 2**63, 0), (1, 1, 2**63)):
        told = {"last_quantity_lots": quantity, "last_price_ticks": price, "fee_nanos": fee}
        told |= {"execution_id": "c1", "reference_execution_id": "e1"}
        assert only(tell(bench, ExecType.TRADE_CORRECT, order, **told), ReportIgnored).reason == "CONTRADICTS"
    assert only(bust(bench, order, "e1", ""), ReportIgnored).reason == "CONTRADICTS"
    assert changed(before, facts(bench)) == set()


def test_one_that_fits_alone_and_not_with_the_rest_is_dropped_when_its_trade_comes(bench):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 10, "e1", fee_nanos=1)
    correct(bench, order, "e2", "c2", 5, fee=INT64_MAX)
    booked, dropped = fill(bench, order, 10, "e2")
    assert (type(booked), type(dropped)) == (OrderFilled, CorrectionDropped)
    assert "more than any register holds" in dropped.reason
    assert (lots(bench), order.fees_nanos, waiting(bench)) == (20, 1, [])


def test_a_trade_that_was_busted_before_is_not_waited_for_again(bench):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 40, "e1")
    bust(bench, order, "e1", "b1")
    assert only(bust(bench, order, "e1", "b2"), ReportIgnored).reason == "UNKNOWN_EXECUTION"
    assert waiting(bench) == []


def test_the_trade_of_another_order_is_not_touched(bench):
    first, second = bench.submitted(quantity_lots=100), bench.submitted(quantity_lots=100)
    bust(bench, first, "e1", "b1")
    only(fill(bench, second, 40, "e1"), OrderFilled)
    assert (lots(bench), waiting(bench)) == (40, [("e1", "b1")])


def test_one_id_kept_for_two_orders_is_booked_once(bench):
    """The same correction of two trades: the id can be booked for one of them only."""
    first, second = bench.submitted(quantity_lots=100), bench.submitted(quantity_lots=100)
    correct(bench, first, "e1", "c1", 10)
    correct(bench, second, "e2", "c1", 20)
    fill(bench, first, 40, "e1")
    *_, dropped = fill(bench, second, 40, "e2")
    assert isinstance(dropped, CorrectionDropped)
    assert "booked for another trade" in dropped.reason
    assert (first.cumulative_lots, second.cumulative_lots, lots(bench), waiting(bench)) == (10, 40, 50, [])


@pytest.mark.parametrize("end", [ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED, ExecType.CALCULATED], ids=str)
def test_kept_ones_wait_in_every_terminal_state(bench, end):
    order = bench.submitted(quantity_lots=100)
    bust(bench, order, "e1", "b1")
    tell(bench, end, order)
    correct(bench, order, "e2", "c2", 5)
    fill(bench, order, 40, "e1")
    fill(bench, order, 40, "e2")
    assert (lots(bench), lifecycle.leaves_lots(order), waiting(bench)) == (5, 0, [])


def test_the_store_has_a_bound_and_says_so(bench, monkeypatch):
    monkeypatch.setattr(early, "MOST", 3)
    order = bench.submitted(quantity_lots=100)
    for number in range(3):
        only(bust(bench, order, f"e{number}", f"b{number}"), CorrectionKept)
    before = facts(bench)
    assert only(bust(bench, order, "e9", "b9"), ReportIgnored).reason == "TOO_MANY_KEPT"
    assert changed(before, facts(bench)) == set()
    fill(bench, order, 10, "e1")
    only(bust(bench, order, "e9", "b9"), CorrectionKept)


def test_only_a_person_gives_up_waiting(bench):
    order = bench.submitted(quantity_lots=100)
    bust(bench, order, "e1", "b1")
    request = {"request_id": bench.request(), "actor": ADA, "order_id": order.order_id, "execution_id": "b1"}
    refused(bench, DropCorrection(**request, reason=""), "REASON_MISSING", "reason")
    wrong = request | {"execution_id": "b2"}
    refused(bench, DropCorrection(**wrong, reason="x"), "UNKNOWN_CORRECTION", "execution_id")
    refused(bench, DropCorrection(**request | {"order_id": 9}, reason="x"), "UNKNOWN_CORRECTION", "execution_id")
    event = only(bench.step(DropCorrection(**request, reason="the venue withdrew it")), CorrectionDropped)
    assert (event.actor, event.reason, waiting(bench)) == (ADA, "the venue withdrew it", [])
    only(fill(bench, order, 40, "e1"), OrderFilled)
    assert lots(bench) == 40


def test_they_survive_a_restart_at_any_moment():
    bench = TestBench()
    order = bench.submitted(quantity_lots=100)
    bust(bench, order, "c1", "b1")
    correct(bench, order, "e1", "c1", 30)
    correct(bench, order, "e2", "c2", 25)
    correct(bench, order, "e2", "c3", 20)
    bust(bench, order, "e3", "b3")
    fill(bench, order, 40, "e1")
    fill(bench, order, 40, "e2")
    request = {"request_id": bench.request(), "actor": ADA, "order_id": order.order_id, "execution_id": "b3"}
    bench.step(DropCorrection(**request, reason="gone"))
    assert (lots(bench), waiting(bench)) == (20, [])
    digest = replayed(bench.history, "cython")
    for cut in range(len(bench.history) + 1):
        assert recovered(bench.history, "python", cut, len(bench.history)) == digest
        assert recovered(bench.history, "python", cut // 2, cut) == digest
