"""Venues that lie, clocks that jump: nothing is lost, nothing counted twice, nobody touches the orders of others."""

from __future__ import annotations

import msgspec
import pytest

from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder, CancelAllOrders, CancelOrder, Wake
from meltica.domain.corrections import CorrectionKept
from meltica.domain.events import CommandRefused
from meltica.domain.inputs import Input
from meltica.domain.market import Mark
from meltica.domain.order import Side
from meltica.domain.order_events import (
    CancelRequested,
    OrderAdopted,
    OrderFilled,
    OrderReported,
    OrderSubmitted,
    ReplaceRequested,
    ReportIgnored,
    RequestRejected,
    TradeCorrected,
)
from meltica.domain.outcomes import DoubtRaised
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, OutcomeUnknown
from tests.engines import BTC, MARK_TICKS, SECOND, START_NS, TestBench, instrument
from tests.replay.judge import recovered, replayed
from tests.unit.engine.test_orders import amend, cancel, fill, held, tell
from tests.unit.engine.watch import changed, facts, only, refused

ETH = "ETH/USDT@BINANCE"
ENDS = [ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED, ExecType.CALCULATED]


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


def lots(bench, account="main"):
    position = bench.engine.state.position(account, BTC)
    return 0 if position is None else position.lots


def ignored(bench, reason, take):
    before = facts(bench)
    event = only(take(), ReportIgnored)
    assert event.reason == reason
    assert event.text
    assert changed(before, facts(bench)) == set()


def test_acknowledges_twice(bench):
    order = bench.submitted()
    tell(bench, ExecType.NEW, order, venue_order_id="v1")
    ignored(bench, "DUPLICATE_REPORT", lambda: tell(bench, ExecType.NEW, order, venue_order_id="v2"))
    assert order.venue_order_id == "v1"


def test_fills_more_than_was_asked_for(bench):
    order = bench.submitted(quantity_lots=100)
    assert only(fill(bench, order, 90, "e1"), OrderFilled).overfill_lots == 0
    event = only(fill(bench, order, 30, "e2"), OrderFilled)
    assert (event.overfill_lots, event.leaves_lots, event.cumulative_lots) == (20, 0, 120)
    assert only(fill(bench, order, 5, "e3"), OrderFilled).overfill_lots == 5
    assert (lifecycle.overfill_lots(order), lifecycle.status(order).value) == (25, "Filled")
    assert (lots(bench), held(bench), bench.gate.counters()["faults"]) == (125, (0, 0, 0, 0), 0)
    tell(bench, ExecType.TRADE_CANCEL, order, execution_id="b", reference_execution_id="e2")
    assert (lifecycle.overfill_lots(order), lifecycle.leaves_lots(order), lots(bench)) == (0, 5, 95)
    assert held(bench)[2] == 5


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.value)
def test_fills_after_the_end_beyond_the_quantity(bench, end):
    order = bench.submitted(quantity_lots=100)
    tell(bench, end, order)
    assert only(fill(bench, order, 130, "e1"), OrderFilled).overfill_lots == 30
    assert (lots(bench), held(bench), lifecycle.leaves_lots(order)) == (130, (0, 0, 0, 0), 0)


def test_cancels_what_was_filled(bench):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 100, "e1")
    only(tell(bench, ExecType.CANCELED, order), OrderReported)
    assert (lifecycle.status(order).value, lots(bench)) == ("Filled", 100)
    ignored(bench, "DUPLICATE_REPORT", lambda: tell(bench, ExecType.CANCELED, order))


def test_ends_it_twice_and_in_two_ways(bench):
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.CANCELED, order)
    for end in ENDS[1:]:
        ignored(bench, "CONTRADICTS", lambda end=end: tell(bench, end, order))
    ignored(bench, "CONTRADICTS", lambda: tell(bench, ExecType.NEW, order))
    assert lifecycle.status(order).value == "Canceled"


def test_answers_after_a_minute(bench):
    order = bench.submitted(quantity_lots=100)
    request = only(cancel(bench, order), CancelRequested)
    bench.step(OutcomeUnknown(venue="BINANCE", client_order_id=request.client_order_id))
    bench.now_ns += 60 * SECOND
    *_, event = tell(bench, ExecType.CANCELED, order, request.client_order_id)
    assert event.exec_type is ExecType.CANCELED
    assert (order.doubts, order.pending, held(bench)) == ((), (), (0, 0, 0, 0))
    ignored(bench, "CONTRADICTS", lambda: tell(bench, ExecType.REPLACED, order, request.client_order_id))


def test_fills_a_rejected_order(bench):
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.REJECTED, order, text="no")
    only(fill(bench, order, 40, "e1"), OrderFilled)
    assert (lots(bench), held(bench), order.refusal) == (40, (0, 0, 0, 0), "no")
    ignored(bench, "DUPLICATE_REPORT", lambda: fill(bench, order, 40, "e1"))


def test_fills_an_order_that_our_own_gate_refused(bench):
    event = only(bench.submit(quantity_lots=2 * 10**12), object)
    order = bench.engine.state.order(event.order_id)
    assert lifecycle.status(order).value == "Rejected"
    only(fill(bench, order, 40, "e1"), OrderFilled)
    assert (lots(bench), held(bench), bench.gate.counters()["faults"]) == (40, (0, 0, 0, 0), 0)


def test_tells_of_ids_that_nobody_knows(bench):
    for kind in ExecType:
        corrections = {ExecType.TRADE_CORRECT, ExecType.TRADE_CANCEL}  # Those are listed: test_unbooked
        if kind not in {ExecType.NEW, ExecType.PENDING_NEW, ExecType.TRADE, ExecType.RESTATED, *corrections}:
            report = ExecutionReport(
                venue="BINANCE", client_order_id="whose", exec_type=kind, execution_id="e", account="main"
            )
            ignored(bench, "UNKNOWN_ORDER", lambda report=report: bench.step(report))
    ignored(bench, "UNKNOWN_REQUEST", lambda: bench.step(OrderCancelReject(venue="BINANCE", client_order_id="whose")))


@pytest.mark.parametrize(
    "other", [{"account": "second"}, {"instrument": ETH}, {"side": Side.SELL}, {"account": "nobody"}], ids=str
)
def test_names_an_order_and_somebody_elses_account(bench, other):
    bench.open_up(instrument(ETH, 2, venue_symbol="ETHUSDT"), "second")
    order = bench.submitted(quantity_lots=100)
    ignored(bench, "CONTRADICTS", lambda: fill(bench, order, 40, "e1", **other))
    ignored(bench, "CONTRADICTS", lambda: tell(bench, ExecType.CANCELED, order, **other))
    right = {"account": "main", "instrument": BTC, "side": Side.BUY}
    only(fill(bench, order, 40, "e1", **right), OrderFilled)


@pytest.mark.parametrize("quantity", [0, -1, 2**60 + 1, 2**63, -(2**63)])
def test_restates_and_replaces_to_quantities_that_can_not_be(bench, quantity):
    order = bench.submitted(quantity_lots=100)
    name = only(amend(bench, order, 120), ReplaceRequested).client_order_id
    ignored(bench, "CONTRADICTS", lambda: tell(bench, ExecType.RESTATED, order, order_quantity_lots=quantity))
    ignored(bench, "CONTRADICTS", lambda: tell(bench, ExecType.REPLACED, order, name, order_quantity_lots=quantity))
    assert (held(bench)[2], order.quantity_lots) == (120, 100)


def test_refuses_a_request_that_it_carried_out(bench):
    order = bench.submitted(quantity_lots=100)
    name = only(amend(bench, order, 120), ReplaceRequested).client_order_id
    tell(bench, ExecType.REPLACED, order, name)
    reject = OrderCancelReject(venue="BINANCE", client_order_id=name, original_client_order_id="m1")
    ignored(bench, "UNKNOWN_REQUEST", lambda: bench.step(reject))
    assert (order.quantity_lots, order.client_order_id) == (120, name)


def test_carries_out_a_request_that_it_refused(bench):
    """The refusal was the lie: what a venue says that it works, it works."""
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.NEW, order)
    name = only(cancel(bench, order), CancelRequested).client_order_id
    only(bench.step(OrderCancelReject(venue="BINANCE", client_order_id=name)), RequestRejected)
    only(tell(bench, ExecType.CANCELED, order, name), OrderReported)
    assert (lifecycle.status(order).value, held(bench)) == ("Canceled", (0, 0, 0, 0))


def test_answers_that_overtake_each_other_leave_the_newest_terms(bench):
    """Three replaces on their way. The last is answered first; what the others became is told later, or never."""
    order = bench.submitted(quantity_lots=100)
    names = [only(amend(bench, order, lots), ReplaceRequested).client_order_id for lots in (110, 120, 130)]
    tell(bench, ExecType.REPLACED, order, names[2], original_client_order_id=names[1])
    assert (order.quantity_lots, [p.client_order_id for p in order.pending]) == (130, [names[0]])
    late = only(tell(bench, ExecType.REPLACED, order, names[0], original_client_order_id="m1"), OrderReported)
    assert late.superseded
    assert (order.quantity_lots, order.client_order_id, order.pending) == (130, names[2], ())
    assert held(bench)[2] == 130
    told = {"original_client_order_id": names[0]}
    ignored(bench, "DUPLICATE_REPORT", lambda: tell(bench, ExecType.REPLACED, order, names[1], **told))


def test_a_late_replace_that_says_that_it_came_last_came_last(bench):
    order = bench.submitted(quantity_lots=100)
    names = [only(amend(bench, order, lots), ReplaceRequested).client_order_id for lots in (110, 120)]
    tell(bench, ExecType.REPLACED, order, names[1], original_client_order_id="m1")
    tell(bench, ExecType.REPLACED, order, names[0], original_client_order_id=names[1])
    assert (order.quantity_lots, order.client_order_id, order.pending) == (110, names[0], ())
    assert held(bench)[2] == 110


def test_tells_the_end_of_what_a_replace_has_given_up(bench):
    """A venue that replaces by cancelling and entering anew: the replacement works on."""
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.NEW, order, venue_order_id="v1")
    name = only(amend(bench, order, 120), ReplaceRequested).client_order_id
    tell(bench, ExecType.REPLACED, order, name, original_client_order_id="m1", venue_order_id="v2")
    for end in ENDS:
        ignored(bench, "CONTRADICTS", lambda end=end: tell(bench, end, order, "m1", venue_order_id="v1"))
    assert (lifecycle.is_working(order), held(bench)[2]) == (True, 120)
    request = only(cancel(bench, order), CancelRequested).client_order_id
    only(tell(bench, ExecType.CANCELED, order, request, venue_order_id="v1"), OrderReported)
    assert lifecycle.status(order).value == "Canceled", "the answer to a request is an answer, whatever it names"


def test_ends_the_order_under_an_old_name(bench):
    """With the venue order id that works, or without one, the order is meant."""
    for told in ({"venue_order_id": "v2"}, {}):
        order = bench.submitted(quantity_lots=100)
        first = order.client_order_id
        name = only(amend(bench, order, 120), ReplaceRequested).client_order_id
        tell(bench, ExecType.REPLACED, order, name, venue_order_id="v2")
        only(tell(bench, ExecType.CANCELED, order, first, **told), OrderReported)


def test_tells_an_old_day_again(bench):
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.NEW, order)
    fill(bench, order, 40, "e1")
    name = only(amend(bench, order, 120), ReplaceRequested).client_order_id
    tell(bench, ExecType.PENDING_REPLACE, order, name)
    tell(bench, ExecType.REPLACED, order, name)
    tell(bench, ExecType.TRADE_CORRECT, order, execution_id="c1", reference_execution_id="e1", last_quantity_lots=30,
         last_price_ticks=MARK_TICKS)  # fmt: skip
    tell(bench, ExecType.CANCELED, order)
    told = [happened.body for happened, _ in bench.history if isinstance(happened.body, ExecutionReport)]
    before = facts(bench)
    for report in told + told[::-1]:
        for event in bench.step(report):
            assert isinstance(event, ReportIgnored), event
    assert changed(before, facts(bench)) == set()


def test_the_same_execution_for_two_orders(bench):
    first, second = bench.submitted(quantity_lots=100), bench.submitted(quantity_lots=100)
    fill(bench, first, 10, "e1")
    ignored(bench, "DUPLICATE_REPORT", lambda: fill(bench, second, 10, "e1"))
    assert lots(bench) == 10


# Restatements


def test_a_split_restates_what_is_filled_and_leaves_the_money_alone(bench):
    order = bench.submitted(quantity_lots=10_000)
    fill(bench, order, 2_000, "e1")
    position = msgspec.structs.replace(bench.engine.state.position("main", BTC))
    told = {"order_quantity_lots": 20_000, "cumulative_lots": 4_000, "price_ticks": MARK_TICKS // 2}
    tell(bench, ExecType.DONE_FOR_DAY, order)
    only(tell(bench, ExecType.RESTATED, order, **told), OrderReported)
    assert (order.quantity_lots, order.cumulative_lots, lifecycle.leaves_lots(order)) == (20_000, 4_000, 16_000)
    assert order.cumulative_value == 2_000 * MARK_TICKS, "twice as many at half the price"
    assert bench.engine.state.position("main", BTC) == position, "holdings are split in the books, not by an order"
    assert held(bench) == (1, 16_000 * MARK_TICKS // 2 * 100, 16_000, 0)
    event = only(fill(bench, order, 6_000, "e2", MARK_TICKS // 2), OrderFilled)
    assert (event.cumulative_lots, event.leaves_lots) == (10_000, 10_000)
    fill(bench, order, 10_000, "e3", MARK_TICKS // 2)
    assert (lifecycle.status(order).value, held(bench)) == ("Filled", (0, 0, 0, 0))
    bust = {"execution_id": "b1", "reference_execution_id": "e1"}
    kept = only(tell(bench, ExecType.TRADE_CANCEL, order, **bust), CorrectionKept)
    assert kept.why == "execution e1 was done in units of before the restatement: book it by hand"
    only(tell(bench, ExecType.TRADE_CANCEL, order, execution_id="b3", reference_execution_id="e3"), TradeCorrected)
    assert (order.cumulative_lots, lifecycle.leaves_lots(order)) == (10_000, 10_000)
    digest = replayed(bench.history, "python")
    assert recovered(bench.history, "cython", 7, len(bench.history)) == digest


@pytest.mark.parametrize(
    "told",
    [
        {"order_quantity_lots": 10_000, "cumulative_lots": 4_000},
        {"order_quantity_lots": 20_000, "cumulative_lots": 4_001},
        {"cumulative_lots": 4_000},
        {"order_quantity_lots": 20_000, "cumulative_lots": 0},
        {"order_quantity_lots": -20_000, "cumulative_lots": -4_000},
        {"order_quantity_lots": 5 * 2**61, "cumulative_lots": 2**61},
    ],
    ids=str,
)
def test_no_split_does_this(bench, told):
    order = bench.submitted(quantity_lots=10_000)
    fill(bench, order, 2_000, "e1")
    ignored(bench, "CONTRADICTS", lambda: tell(bench, ExecType.RESTATED, order, **told))


def test_a_restatement_that_repeats_what_is_filled_is_an_ordinary_one(bench):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 20, "e1")
    only(tell(bench, ExecType.RESTATED, order, order_quantity_lots=80, cumulative_lots=20), OrderReported)
    assert (order.quantity_lots, order.restated_lots) == (80, 0)
    tell(bench, ExecType.TRADE_CANCEL, order, execution_id="b1", reference_execution_id="e1")
    assert (order.cumulative_lots, order.restated_lots) == (0, 0)


# Somebody else's orders


def test_a_strategy_touches_its_own_orders_alone(bench):
    bench = TestBench(bench.backend, strategies=("momentum", "maker"))
    own = bench.submitted(strategy="momentum", actor="strategy:momentum")
    theirs = bench.submitted(strategy="maker", actor="strategy:maker")
    by_hand = bench.submitted()
    for order in (theirs, by_hand):
        request = {"request_id": bench.request(), "actor": "strategy:momentum", "order_id": order.order_id}
        refused(bench, CancelOrder(**request), "NOT_YOUR_ORDER", "order_id")
        refused(bench, AmendOrder(**request, quantity_lots=50), "NOT_YOUR_ORDER", "order_id")
    everything = CancelAllOrders(request_id=bench.request(), actor="strategy:momentum")
    assert only(bench.step(everything), CancelRequested).order_id == own.order_id
    refusal = only(bench.submit(strategy="maker", actor="strategy:momentum"), CommandRefused)
    assert (refusal.reason, refusal.field) == ("NOT_YOUR_STRATEGY", "strategy")
    people = CancelAllOrders(request_id=bench.request(), actor="spiffe://meltica.example/person/tara")
    assert {event.order_id for event in bench.step(people)} == {theirs.order_id, by_hand.order_id}


# The clock


def at(bench, time_ns, body):
    return bench.engine.step(Input(time_ns, body, (Mark(BTC, time_ns, MARK_TICKS),)))


def test_a_clock_that_jumps_back_moves_nothing_back(bench):
    order = bench.submitted()
    latest = bench.engine.state.tables.time_ns
    events = at(bench, START_NS - 3_600 * SECOND, CancelOrder(request_id="x", actor="a", order_id=order.order_id))
    assert only(events, CancelRequested).time_ns == latest
    assert bench.engine.state.tables.time_ns == order.updated_ns == latest
    bench.now_ns += 1
    assert bench.step(Wake(request_id="", actor="system:clock")) == ()
    assert bench.engine.state.tables.time_ns == bench.now_ns


def test_queries_are_not_asked_again_when_the_clock_jumps_back(bench):
    bench.submitted()
    only(bench.step(OutcomeUnknown(venue="BINANCE", client_order_id="m1")), DoubtRaised)
    assert len(bench.step(Wake(request_id="", actor="system:clock"), after_ns=SECOND)) == 1
    for hours in (1, 24, 24 * 365):
        assert at(bench, bench.now_ns - hours * 3_600 * SECOND, Wake(request_id="", actor="system:clock")) == ()
    assert at(bench, -1, Wake(request_id="", actor="system:clock")) == ()


def test_a_clock_that_jumps_ahead_makes_prices_stale_and_refuses(bench):
    """Fail closed: with a price of before the jump nothing goes out; with a fresh one it does."""
    bench.submitted()
    later, body = bench.now_ns + 3_600 * SECOND, bench.history[-1][0].body
    fresh = msgspec.structs.replace(body, request_id="again")
    stale = bench.engine.step(Input(later, fresh, (Mark(BTC, bench.now_ns, MARK_TICKS),)))
    assert not isinstance(stale[0], OrderSubmitted)
    back = at(bench, bench.now_ns, msgspec.structs.replace(body, request_id="and again"))
    assert back[0].time_ns == later
    assert isinstance(at(bench, later, msgspec.structs.replace(body, request_id="fresh"))[0], OrderSubmitted)


def test_a_day_with_a_clock_that_jumps_recovered_anywhere_is_the_same_day():
    bench = TestBench()
    order = bench.submitted()
    for number, jump in enumerate((5, -3_600, 86_400, -86_400, 1)):
        bench.now_ns += jump * SECOND
        fill(bench, order, 1, f"e{number}")
        bench.submit()
    digest = replayed(bench.history, "cython")
    for cut in range(len(bench.history)):
        assert recovered(bench.history, "python", cut // 2, cut) == digest


def test_an_order_of_another_session_that_lies_about_itself(bench):
    """It enters the books under the id that it gave; a second story under the same id contradicts the first."""
    told = {"venue": "BINANCE", "client_order_id": "theirs", "exec_type": ExecType.NEW, "instrument": BTC}
    adopt = ExecutionReport(**told, account="main", side=Side.SELL, order_quantity_lots=50, price_ticks=MARK_TICKS)
    first, _ = bench.step(adopt)
    assert isinstance(first, OrderAdopted)
    ignored(bench, "CONTRADICTS", lambda: bench.step(msgspec.structs.replace(adopt, side=Side.BUY)))
    ignored(bench, "DUPLICATE_REPORT", lambda: bench.step(adopt))
    assert held(bench)[2:] == (0, 50)
