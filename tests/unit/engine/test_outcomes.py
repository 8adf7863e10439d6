"""Sent, outcome unknown: it stays exposure, the venue is asked, nothing is sent twice, persons decide."""

from __future__ import annotations

import msgspec
import pytest

from meltica.domain import lifecycle
from meltica.domain.commands import ApproveProposal, CancelAllOrders, Wake
from meltica.domain.events import ProposalMade
from meltica.domain.inputs import Record, decode_record, encode_record
from meltica.domain.order import Side
from meltica.domain.order_events import (
    CancelRequested,
    OrderFilled,
    OrderReported,
    OrderSubmitted,
    ReplaceRequested,
    ReportIgnored,
    RequestRejected,
)
from meltica.domain.outcomes import (
    DoubtGrew,
    DoubtRaised,
    OutcomeResolved,
    QueryRequested,
    ResolveOutcome,
    Sent,
    Verdict,
)
from meltica.domain.reports import ExecType, OrderCancelReject, OrderNotFound, OutcomeUnknown
from meltica.engine.venue.outcomes import FIRST_QUERY_NS, LONGEST_PAUSE_NS, NOT_FOUND_NEEDED, QUERIES_MAX
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.replay.judge import recovered, replayed
from tests.unit.engine.test_orders import amend, cancel, fill, held, tell
from tests.unit.engine.watch import ADA, BOB, changed, facts, only, refused

MINUTE = 60 * SECOND


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


def unknown(bench, name, text="timed out"):
    return bench.step(OutcomeUnknown(venue="BINANCE", client_order_id=name, text=text))


def not_found(bench, name, horizon_ns=0, after_ns=SECOND):
    return bench.step(OrderNotFound(venue="BINANCE", client_order_id=name, horizon_ns=horizon_ns), after_ns=after_ns)


def resolve(bench, order, name, verdict):
    request = {"request_id": bench.request(), "actor": ADA, "reason": "asked by telephone"}
    return ResolveOutcome(**request, order_id=order.order_id, client_order_id=name, verdict=verdict)


def approve(bench, proposal_id, actor=BOB):
    return bench.step(ApproveProposal(request_id=bench.request(), actor=actor, proposal_id=proposal_id))


def wake(bench, after_ns):
    return bench.step(Wake(request_id="", actor="system:clock"), after_ns=after_ns)


def in_doubt(order):
    return [(doubt.sent, doubt.client_order_id) for doubt in order.doubts]


def test_an_order_in_doubt_stays_exposure_and_its_fix_status_stays(bench):
    order = bench.submitted(quantity_lots=100)
    before, at_gate = facts(bench), held(bench)
    event = only(unknown(bench, "m1", "connection lost"), DoubtRaised)
    assert (event.sent, event.client_order_id, event.text) == (Sent.NEW, "m1", "connection lost")
    assert changed(before, facts(bench)) == {"orders"}
    assert held(bench) == at_gate == (1, 100 * MARK_TICKS * 100, 100, 0)
    assert (lifecycle.is_uncertain(order), lifecycle.status(order).value) == (True, "PendingNew")
    assert lifecycle.is_working(order)


def test_a_doubt_is_raised_once_and_never_about_what_was_answered(bench):
    order = bench.submitted()
    unknown(bench, "m1")
    assert only(unknown(bench, "m1"), ReportIgnored).reason == "DUPLICATE_REPORT"
    tell(bench, ExecType.NEW, order)
    assert only(unknown(bench, "m1"), ReportIgnored).reason == "DUPLICATE_REPORT"
    assert only(unknown(bench, "whose"), ReportIgnored).reason == "UNKNOWN_ORDER"
    assert not order.doubts


def test_queries_go_out_with_growing_pauses_and_not_for_ever(bench):
    order = bench.submitted()
    unknown(bench, "m1")
    asked, pauses = [], []
    while (due_ns := bench.engine.state.next_due_ns()) is not None:
        pauses.append(due_ns - bench.now_ns)
        event = only(wake(bench, due_ns - bench.now_ns), QueryRequested)
        assert (event.order_id, event.client_order_id, event.sent) == (order.order_id, "m1", Sent.NEW)
        asked.append(event.number)
    assert asked == list(range(1, QUERIES_MAX + 1))
    assert pauses == [min(FIRST_QUERY_NS << n, LONGEST_PAUSE_NS) for n in range(QUERIES_MAX)]
    assert order.doubts[0].query_ns == 0
    assert held(bench)[2] == 100
    assert not any(isinstance(e, OrderSubmitted) for _, events in bench.history[-QUERIES_MAX:] for e in events)


def test_any_input_asks_what_is_due_and_a_clock_that_jumps_asks_once(bench):
    bench.submitted()
    unknown(bench, "m1")
    bench.now_ns += 365 * 24 * 60 * MINUTE
    events = bench.submit()
    assert [type(event) for event in events] == [QueryRequested, OrderSubmitted]


@pytest.mark.parametrize(
    "kind", [ExecType.NEW, ExecType.PENDING_NEW, ExecType.CANCELED, ExecType.REJECTED, ExecType.SUSPENDED], ids=str
)
def test_any_later_report_of_the_order_settles_it(bench, kind):
    order = bench.submitted()
    unknown(bench, "m1")
    only(tell(bench, kind, order), OrderReported)
    assert not order.doubts
    assert bench.engine.state.next_due_ns() is None


def test_a_fill_settles_it_as_well(bench):
    order = bench.submitted(quantity_lots=100)
    unknown(bench, "m1")
    only(fill(bench, order, 100, "e1"), OrderFilled)
    assert (order.doubts, lifecycle.status(order).value, held(bench)[2]) == ((), "Filled", 0)


def test_a_status_in_answer_to_a_query_is_an_acknowledgment(bench):
    order = bench.submitted()
    unknown(bench, "m1")
    event = only(tell(bench, ExecType.ORDER_STATUS, order), OrderReported)
    assert (event.exec_type, event.unsent) == (ExecType.NEW, True)
    assert (order.doubts, lifecycle.status(order).value) == ((), "New")
    assert tell(bench, ExecType.ORDER_STATUS, order) == ()


@pytest.mark.parametrize("which", ["cancel", "replace"])
def test_a_request_in_doubt_stays_pending_until_its_own_answer(bench, which):
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.NEW, order)
    request = only(cancel(bench, order) if which == "cancel" else amend(bench, order, 150), object)
    name, at_gate = request.client_order_id, held(bench)
    assert only(unknown(bench, name), DoubtRaised).sent is Sent[which.upper()]
    fill(bench, order, 10, "e1")
    assert in_doubt(order) == [(Sent[which.upper()], name)]
    assert held(bench)[2] == at_gate[2] - 10
    only(bench.step(OrderCancelReject(venue="BINANCE", client_order_id=name)), RequestRejected)
    assert (order.doubts, order.pending) == ((), ())


def test_a_cancel_in_doubt_does_not_stop_another_cancel(bench):
    """Somebody wants it gone: a cancel that may never have arrived is none to rely on."""
    order = bench.submitted()
    everything = CancelAllOrders(request_id=bench.request(), actor=ADA)
    first = only(bench.step(everything), CancelRequested)
    assert bench.step(msgspec.structs.replace(everything, request_id=bench.request())) == ()
    unknown(bench, first.client_order_id)
    second = only(bench.step(msgspec.structs.replace(everything, request_id=bench.request())), CancelRequested)
    assert second.client_order_id != first.client_order_id
    tell(bench, ExecType.CANCELED, order, second.client_order_id)
    assert (order.doubts, lifecycle.status(order).value) == ((), "Canceled")


def test_not_found_is_no_end_without_the_venues_promise(bench):
    order = bench.submitted()
    unknown(bench, "m1")
    for times in range(1, 20):
        (event,) = [e for e in not_found(bench, "m1") if not isinstance(e, QueryRequested)]
        assert (type(event), event.not_found) == (DoubtGrew, times)
    assert (order.doubts[0].not_found, held(bench)[2]) == (19, 100)


def test_not_found_often_enough_and_after_the_horizon_is_an_end(bench):
    order = bench.submitted()
    unknown(bench, "m1")
    for _ in range(NOT_FOUND_NEEDED + 2):
        not_found(bench, "m1", 10 * SECOND)
    assert order.doubts, "often enough, but it may still arrive"
    *_, resolved, ended = not_found(bench, "m1", 10 * SECOND, after_ns=10 * SECOND)
    assert (resolved.verdict, resolved.actor) == (Verdict.NEVER_ARRIVED, "system:outcomes")
    assert (ended.exec_type, ended.unsent) == (ExecType.REJECTED, True)
    assert (order.doubts, lifecycle.status(order).value, held(bench)) == ((), "Rejected", (0, 0, 0, 0))
    assert bench.engine.state.tables.rejects.get("main", 0) == 0, "it is no reject of the venue"


def test_late_enough_but_not_often_enough_is_no_end(bench):
    order = bench.submitted()
    unknown(bench, "m1")
    for _ in range(NOT_FOUND_NEEDED - 1):
        not_found(bench, "m1", SECOND, after_ns=MINUTE)
    assert order.doubts
    not_found(bench, "m1", SECOND, after_ns=MINUTE)
    assert not order.doubts


def test_a_venue_that_fills_what_it_never_found_is_believed(bench):
    order = bench.submitted(quantity_lots=100)
    unknown(bench, "m1")
    for _ in range(NOT_FOUND_NEEDED):
        not_found(bench, "m1", SECOND, after_ns=MINUTE)
    only(fill(bench, order, 40, "e1"), OrderFilled)
    assert bench.engine.state.position("main", BTC).lots == 40
    assert (lifecycle.status(order).value, lifecycle.leaves_lots(order)) == ("PartiallyFilled", 0)


@pytest.mark.parametrize("which", ["cancel", "replace"])
def test_a_request_that_never_arrived_is_refused_and_the_order_lives_on(bench, which):
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.NEW, order)
    name = only(cancel(bench, order) if which == "cancel" else amend(bench, order, 150), object).client_order_id
    unknown(bench, name)
    for _ in range(NOT_FOUND_NEEDED):
        events = not_found(bench, name, SECOND, after_ns=MINUTE)
    assert isinstance(events[-1], RequestRejected)
    assert (order.pending, order.doubts, lifecycle.status(order).value, held(bench)[2]) == ((), (), "New", 100)


def test_not_found_of_what_is_in_no_doubt_changes_nothing(bench):
    order = bench.submitted()
    before = facts(bench)
    assert only(not_found(bench, "m1", 1), ReportIgnored).reason == "CONTRADICTS"
    assert only(not_found(bench, "whose", 1), ReportIgnored).reason == "CONTRADICTS"
    assert changed(before, facts(bench)) == set()
    assert lifecycle.is_working(order)


# Persons


def test_one_person_may_say_that_it_arrived(bench):
    order = bench.submitted(quantity_lots=100)
    unknown(bench, "m1")
    resolved, event = bench.step(resolve(bench, order, "m1", Verdict.CARRIED_OUT))
    assert isinstance(resolved, OutcomeResolved)
    assert (resolved.actor, resolved.approver, event.exec_type) == (ADA, "", ExecType.NEW)
    assert (order.doubts, lifecycle.status(order).value, held(bench)[2]) == ((), "New", 100)


def test_that_it_never_arrived_takes_two_persons(bench):
    order = bench.submitted(quantity_lots=100)
    unknown(bench, "m1")
    made = only(bench.step(resolve(bench, order, "m1", Verdict.NEVER_ARRIVED)), ProposalMade)
    assert held(bench)[2] == 100
    again = ApproveProposal(request_id=bench.request(), actor=ADA, proposal_id=made.proposal_id)
    refused(bench, again, "SAME_PERSON", "proposal_id")
    _, resolved, ended = approve(bench, made.proposal_id)
    assert (resolved.actor, resolved.approver, ended.exec_type) == (ADA, BOB, ExecType.REJECTED)
    assert (lifecycle.status(order).value, held(bench)) == ("Rejected", (0, 0, 0, 0))


def test_a_proposal_about_a_doubt_that_was_settled_meanwhile_is_void(bench):
    order = bench.submitted(quantity_lots=100)
    unknown(bench, "m1")
    made = only(bench.step(resolve(bench, order, "m1", Verdict.NEVER_ARRIVED)), ProposalMade)
    tell(bench, ExecType.NEW, order)
    late = ApproveProposal(request_id=bench.request(), actor=BOB, proposal_id=made.proposal_id)
    refused(bench, late, "PROPOSAL_OVERTAKEN", "proposal_id")
    assert lifecycle.status(order).value == "New"


@pytest.mark.parametrize(
    ("which", "verdict", "persons"),
    [
        ("cancel", Verdict.CARRIED_OUT, 2),
        ("cancel", Verdict.NEVER_ARRIVED, 1),
        ("increase", Verdict.CARRIED_OUT, 1),
        ("increase", Verdict.NEVER_ARRIVED, 2),
        ("decrease", Verdict.CARRIED_OUT, 2),
        ("decrease", Verdict.NEVER_ARRIVED, 1),
        ("cheaper", Verdict.CARRIED_OUT, 2),
    ],
)
def test_whatever_lowers_the_exposure_takes_two_persons(bench, which, verdict, persons):
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.NEW, order)
    asked = {"increase": {"quantity": 150}, "decrease": {"quantity": 50}, "cheaper": {"price": MARK_TICKS - 100}}
    sent = only(cancel(bench, order) if which == "cancel" else amend(bench, order, **asked[which]), object)
    unknown(bench, sent.client_order_id)
    before = held(bench)
    events = bench.step(resolve(bench, order, sent.client_order_id, verdict))
    if persons == 2:
        assert held(bench) == before
        approve(bench, only(events, ProposalMade).proposal_id)
        assert held(bench) != before
    assert (order.doubts, order.pending) == ((), ())
    done = verdict is Verdict.CARRIED_OUT
    if which == "cancel":
        assert lifecycle.status(order).value == ("Canceled" if done else "New")
    else:
        assert order.quantity_lots == (asked[which].get("quantity", 100) if done else 100)
        assert order.price_ticks == (asked[which].get("price", MARK_TICKS) if done else MARK_TICKS)
        assert order.client_order_id == (sent.client_order_id if done else "m1")


def test_resolving_what_is_wrong_is_refused_with_the_field(bench):
    order = bench.submitted()
    wrong = resolve(bench, order, "m1", Verdict.CARRIED_OUT)
    refused(bench, wrong, "NOT_UNCERTAIN", "client_order_id")
    unknown(bench, "m1")
    refused(bench, msgspec.structs.replace(wrong, request_id="a", order_id=99), "UNKNOWN_ORDER", "order_id")
    refused(bench, msgspec.structs.replace(wrong, request_id="b", client_order_id="x"), "NOT_UNCERTAIN")
    refused(bench, msgspec.structs.replace(wrong, request_id="c", reason=""), "REASON_MISSING", "reason")


# Across restarts


def test_a_day_of_doubts_recovered_anywhere_is_the_same_day():
    bench = TestBench()
    orders = [bench.submitted(side, 100, MARK_TICKS + at) for at, side in enumerate((Side.BUY, Side.BUY, Side.SELL))]
    tell(bench, ExecType.NEW, orders[0])
    replace = only(amend(bench, orders[0], 120), ReplaceRequested)
    for name in (replace.client_order_id, "m2", "m3"):
        unknown(bench, name)
    wake(bench, 3 * SECOND)
    not_found(bench, "m2", SECOND)
    made = only(bench.step(resolve(bench, orders[1], "m2", Verdict.NEVER_ARRIVED)), ProposalMade)
    wake(bench, MINUTE)
    approve(bench, made.proposal_id)
    fill(bench, orders[2], 30, "e1")
    wake(bench, MINUTE)
    digest = replayed(bench.history, "cython")
    for cut in range(len(bench.history) + 1):
        assert recovered(bench.history, "python", cut // 2, cut) == digest
    for entry in bench.history:
        assert decode_record(encode_record(Record(*entry))) == Record(*entry)


def test_a_restart_goes_on_asking():
    bench = TestBench()
    bench.submitted()
    unknown(bench, "m1")
    wake(bench, SECOND)
    state = type(bench.engine.state)(bench.engine.state.tables)
    assert state.next_due_ns() == bench.engine.state.next_due_ns()
    assert state.queries


@pytest.mark.parametrize("which", ["cancel", "replace"])
def test_a_request_that_the_venue_calls_pending_is_in_doubt_no_more(bench, which):
    order = bench.submitted()
    tell(bench, ExecType.NEW, order)
    name = only(cancel(bench, order) if which == "cancel" else amend(bench, order, 150), object).client_order_id
    unknown(bench, name)
    tell(bench, ExecType.PENDING_CANCEL if which == "cancel" else ExecType.PENDING_REPLACE, order, name)
    assert (order.doubts, len(order.pending)) == ((), 1)
    assert only(unknown(bench, name), ReportIgnored).reason == "DUPLICATE_REPORT"
