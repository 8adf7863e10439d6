"""Busts and corrections that nobody here can book: the venue has moved money, so they are listed and never silent."""

from __future__ import annotations

import pytest

from meltica.domain.corrections import CorrectionDropped, CorrectionKept, DropCorrection
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Side
from meltica.domain.order_events import OrderAdopted, OrderFilled, OrderReported, ReportIgnored, TradeCorrected
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.venue import early
from tests.engines import BTC, MARK_TICKS, TestBench
from tests.replay.judge import assert_lossless, recovered, replayed
from tests.unit.engine.test_early import bust, correct, lots
from tests.unit.engine.test_orders import fill, tell
from tests.unit.engine.watch import ADA, changed, facts, only, refused

THEIRS = {"venue": "BINANCE", "client_order_id": "theirs"}


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


def stray(bench, kind=ExecType.TRADE_CANCEL, name="b1", of="e1", **fields):
    report = ExecutionReport(**THEIRS | fields, exec_type=kind, execution_id=name, reference_execution_id=of)
    return bench.step(report)


def adopt(bench, kind=ExecType.NEW, **fields):
    facts = {"account": "main", "instrument": BTC, "side": Side.BUY, "order_quantity_lots": 100}
    return bench.step(ExecutionReport(**THEIRS | facts | fields, exec_type=kind, price_ticks=MARK_TICKS))


def listed(bench):
    return [(kept.order_id, kept.execution_id, bool(kept.why)) for kept in bench.engine.state.kept_corrections()]


def drop(bench, order_id, execution_id, reason="booked by hand"):
    request = {"request_id": bench.request(), "actor": ADA, "reason": reason}
    return DropCorrection(**request, order_id=order_id, execution_id=execution_id)


def test_a_bust_of_an_order_that_nobody_knows_is_listed(bench):
    before = facts(bench)
    event = only(stray(bench, account="main", instrument=BTC), CorrectionKept)
    assert (event.order_id, event.venue, event.client_order_id) == (0, "BINANCE", "theirs")
    assert (event.account, event.instrument, event.reference_execution_id) == ("main", BTC, "e1")
    assert event.why == "no order of that name is known here"
    assert changed(before, facts(bench)) == {"early"}
    assert listed(bench) == [(0, "b1", True)]


def test_a_correction_keeps_its_numbers_and_the_venues_words(bench):
    told = {"last_quantity_lots": 7, "last_price_ticks": 9, "fee_nanos": -3, "text": "clearly erroneous"}
    event = only(stray(bench, ExecType.TRADE_CORRECT, **told), CorrectionKept)
    assert (event.quantity_lots, event.price_ticks, event.fee_nanos) == (7, 9, -3)
    assert (event.account, event.instrument, event.why) == ("", "", "clearly erroneous")


def test_told_twice_is_listed_once(bench):
    stray(bench)
    assert only(stray(bench), ReportIgnored).reason == "DUPLICATE_REPORT"
    only(stray(bench, client_order_id="others"), CorrectionKept)
    only(stray(bench, name="b2"), CorrectionKept)
    assert len(listed(bench)) == 3


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (ExecType.TRADE_CANCEL, {"name": ""}),
        (ExecType.TRADE_CORRECT, {"last_quantity_lots": 0, "last_price_ticks": 1}),
        (ExecType.TRADE_CORRECT, {"last_quantity_lots": -1, "last_price_ticks": 1}),
        (ExecType.TRADE_CORRECT, {"last_quantity_lots": 2**60 + 1, "last_price_ticks": 1}),
        (ExecType.TRADE_CORRECT, {"last_quantity_lots": 1, "last_price_ticks": INT64_MAX + 1}),
        (ExecType.TRADE_CORRECT, {"last_quantity_lots": 1, "last_price_ticks": 1, "fee_nanos": -INT64_MAX - 1}),
    ],
    ids=str,
)
def test_what_no_register_holds_is_not_listed(bench, kind, told):
    before = facts(bench)
    assert only(stray(bench, kind, **told), ReportIgnored).reason == "CONTRADICTS"
    assert changed(before, facts(bench)) == set()


def test_an_order_that_becomes_known_gets_what_was_kept_for_it(bench):
    """The bust overtook even the first word of the order."""
    stray(bench, of="e2", name="b2")
    stray(bench)
    stray(bench, client_order_id="others")
    adopted, _ = adopt(bench)
    assert isinstance(adopted, OrderAdopted)
    assert listed(bench) == [(0, "b1", True), (adopted.order_id, "b2", False), (adopted.order_id, "b1", False)]
    order = bench.engine.state.order(adopted.order_id)
    booked, corrected = fill(bench, order, 40, "e1")
    assert (type(booked), type(corrected), lots(bench)) == (OrderFilled, TradeCorrected, 0)
    assert listed(bench) == [(0, "b1", True), (adopted.order_id, "b2", False)]


def test_adopted_by_the_very_trade_that_was_busted(bench):
    stray(bench)
    told = {"execution_id": "e1", "last_quantity_lots": 40, "last_price_ticks": MARK_TICKS}
    kinds = [type(event) for event in adopt(bench, ExecType.TRADE, **told)]
    assert kinds == [OrderAdopted, OrderFilled, TradeCorrected]
    assert (lots(bench), listed(bench)) == (0, [])


def test_another_venues_order_of_the_same_name_is_another_order(bench):
    stray(bench, venue="KRAKEN")
    adopt(bench)
    assert listed(bench) == [(0, "b1", True)]


def test_of_an_order_that_is_known_but_not_bookable(bench):
    first, second = bench.submitted(quantity_lots=100), bench.submitted(quantity_lots=100)
    fill(bench, first, 40, "e1")
    event = only(bust(bench, second, "e1", "b1"), CorrectionKept)
    assert (event.order_id, event.why) == (second.order_id, f"execution e1 is one of order {first.order_id}")
    assert only(bust(bench, second, "", "b2"), CorrectionKept).why == "it does not say which execution it is about"
    bust(bench, first, "e1", "b3")
    assert only(bust(bench, first, "e1", "b4"), ReportIgnored).reason == "UNKNOWN_EXECUTION", "busted is busted"
    event = only(correct(bench, first, "e1", "c1", 30), CorrectionKept)
    assert event.why == "execution e1 was busted before, or corrected under another id"
    assert lots(bench) == 0
    wanted = [(second.order_id, "b1", True), (second.order_id, "b2", True), (first.order_id, "c1", True)]
    assert listed(bench) == wanted
    fill(bench, second, 5, "e9")
    assert listed(bench) == wanted, "they wait for nothing"


def test_a_person_says_that_it_was_seen_to(bench):
    stray(bench)
    stray(bench, client_order_id="others")
    refused(bench, drop(bench, 0, "b9"), "UNKNOWN_CORRECTION", "execution_id")
    refused(bench, drop(bench, 0, "b1", ""), "REASON_MISSING", "reason")
    event = only(bench.step(drop(bench, 0, "b1")), CorrectionDropped)
    assert (event.order_id, event.key, event.actor) == (0, "0|BINANCE|theirs|b1", ADA)
    assert [kept.client_order_id for kept in bench.engine.state.kept_corrections()] == ["others"]
    only(bench.step(drop(bench, 0, "b1")), CorrectionDropped)
    assert listed(bench) == []
    order = bench.submitted(quantity_lots=100)
    bust(bench, order, "", "b2")
    only(bench.step(drop(bench, order.order_id, "b2")), CorrectionDropped)
    assert listed(bench) == []


def test_the_list_has_a_bound_and_says_so(bench, monkeypatch):
    monkeypatch.setattr(early, "MOST", 3)
    for number in range(3):
        stray(bench, name=f"b{number}")
    assert only(stray(bench, name="b9"), ReportIgnored).reason == "TOO_MANY_KEPT"


def test_they_survive_a_restart_at_any_moment():
    bench = TestBench()
    order = bench.submitted(quantity_lots=100)
    stray(bench, of="e5", name="b5")
    stray(bench, client_order_id="others")
    bust(bench, order, "", "b0")
    adopt(bench)
    theirs = bench.engine.state.order(2)
    only(tell(bench, ExecType.STOPPED, theirs), OrderReported)
    fill(bench, theirs, 10, "e5")
    bench.step(drop(bench, 0, "b1"))
    assert (lots(bench), listed(bench)) == (0, [(1, "b0", True)])
    assert_lossless(bench.history)
    digest = replayed(bench.history, "cython")
    for cut in range(len(bench.history) + 1):
        assert recovered(bench.history, "python", cut // 2, cut) == digest
