"""The first word after a restart: what was sent before and has no answer is in doubt, asked about, never sent again."""

from __future__ import annotations

import pytest

from meltica.domain import lifecycle
from meltica.domain.commands import CancelAllOrders, Wake
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested, OrderAdopted, OrderSubmitted, ReplaceRequested, RequestRejected
from meltica.domain.outcomes import DoubtRaised, DoubtUnanswered, QueryRequested, Sent
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, OutcomeUnknown
from meltica.engine.venue.outcomes import FIRST_QUERY_NS, unanswered
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.replay.judge import assert_lossless, recovered, replayed
from tests.replay.test_recovery import restarted
from tests.unit.engine.algos import T0, AlgoBench, twap
from tests.unit.engine.test_orders import amend, cancel, fill, held, tell
from tests.unit.engine.watch import ADA, changed, facts, only


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


def doubt_all(bench):
    return bench.step(DoubtUnanswered(request_id="", actor="system:recovery"))


def doubted(events):
    assert all(isinstance(event, DoubtRaised) for event in events), events
    return [(event.order_id, event.client_order_id, event.sent) for event in events]


def acknowledged(bench, **kw):
    order = bench.submitted(**{"quantity_lots": 100} | kw)
    tell(bench, ExecType.NEW, order)
    return order


def test_all_that_has_no_answer_is_in_doubt_and_stays_exposure(bench):
    fresh = bench.submitted(quantity_lots=100)
    calm, leaving, changing = acknowledged(bench), acknowledged(bench), acknowledged(bench)
    stop = only(cancel(bench, leaving), CancelRequested).client_order_id
    more = only(amend(bench, changing, 150), ReplaceRequested).client_order_id
    bench = restarted(bench)
    at_gate = held(bench)
    found = doubted(doubt_all(bench))
    assert found == [(fresh.order_id, "m1", Sent.NEW), (leaving.order_id, stop, Sent.CANCEL),
                     (changing.order_id, more, Sent.REPLACE)]  # fmt: skip
    assert held(bench) == at_gate
    assert not lifecycle.is_uncertain(bench.engine.state.order(calm.order_id))
    assert bench.engine.state.next_due_ns() == bench.now_ns + FIRST_QUERY_NS


def test_asked_about_never_sent_again(bench):
    bench.submitted(quantity_lots=100)
    bench = restarted(bench)
    doubt_all(bench)
    events = bench.step(Wake(request_id="", actor="system:clock"), after_ns=FIRST_QUERY_NS)
    assert only(events, QueryRequested).client_order_id == "m1"
    assert not any(isinstance(event, OrderSubmitted) for _, events in bench.history[-2:] for event in events)


def test_two_commands_of_one_order_are_two_doubts(bench):
    order = bench.submitted(quantity_lots=100)
    first = only(amend(bench, order, 150), ReplaceRequested).client_order_id
    second = only(cancel(bench, order), CancelRequested).client_order_id
    wanted = [(1, "m1", Sent.NEW), (1, first, Sent.REPLACE), (1, second, Sent.CANCEL)]
    assert doubted(doubt_all(bench)) == wanted
    tell(bench, ExecType.CANCELED, order, second)
    assert not order.doubts


def test_what_was_answered_or_is_in_doubt_already_is_not_doubted(bench):
    doubtful = bench.submitted()
    bench.step(OutcomeUnknown(venue="BINANCE", client_order_id="m1"))
    pending, ended, filled, refused_one = acknowledged(bench), bench.submitted(), bench.submitted(), acknowledged(bench)
    name = only(cancel(bench, pending), CancelRequested).client_order_id
    tell(bench, ExecType.PENDING_CANCEL, pending, name)
    tell(bench, ExecType.REJECTED, ended)
    fill(bench, filled, filled.quantity_lots, "e1")
    name = only(cancel(bench, refused_one), CancelRequested).client_order_id
    bench.step(OrderCancelReject(venue="BINANCE", client_order_id=name))
    (denied,) = bench.submit(quantity_lots=2 * 10**12)
    before = facts(bench)
    assert doubt_all(bench) == ()
    assert changed(before, facts(bench)) == set()
    assert len(doubtful.doubts) == 1
    assert bench.engine.state.order(denied.order_id).ended


def test_a_filled_order_whose_cancel_has_no_answer_is_asked_about(bench):
    order = acknowledged(bench)
    name = only(cancel(bench, order), CancelRequested).client_order_id
    fill(bench, order, 100, "e1")
    assert doubted(doubt_all(bench)) == [(1, name, Sent.CANCEL)]
    bench.step(OrderCancelReject(venue="BINANCE", client_order_id=name, text="too late"))
    assert (order.doubts, order.pending, held(bench)) == ((), (), (0, 0, 0, 0))


def test_a_cancel_of_before_the_restart_is_none_to_rely_on(bench):
    order = acknowledged(bench)
    first = only(cancel(bench, order), CancelRequested).client_order_id
    everything = {"actor": ADA}
    assert bench.step(CancelAllOrders(request_id=bench.request(), **everything)) == ()
    bench = restarted(bench)
    doubt_all(bench)
    again = only(bench.step(CancelAllOrders(request_id=bench.request(), **everything)), CancelRequested)
    assert again.client_order_id != first
    order = bench.engine.state.order(order.order_id)
    tell(bench, ExecType.CANCELED, order, first)
    assert (order.doubts, order.pending, lifecycle.status(order).value) == ((), (), "Canceled")


@pytest.mark.parametrize(
    "kind", [ExecType.NEW, ExecType.PENDING_NEW, ExecType.REJECTED, ExecType.ORDER_STATUS], ids=str
)
def test_any_word_of_the_venue_settles_it(bench, kind):
    order = bench.submitted()
    doubt_all(bench)
    tell(bench, kind, order)
    assert not order.doubts


def test_an_order_of_a_hot_gate_is_not_doubted_and_a_request_for_it_never_left(bench):
    told = ExecutionReport(
        venue="BINANCE", client_order_id="hot-1", exec_type=ExecType.RESTATED, account="main", instrument=BTC,
        side=Side.BUY, order_quantity_lots=50, price_ticks=MARK_TICKS, gate="hot", strategy="manual",
    )  # fmt: skip
    adopted = bench.step(told)[0]
    assert isinstance(adopted, OrderAdopted)
    order = bench.engine.state.order(adopted.order_id)
    assert doubt_all(bench) == ()
    name = only(cancel(bench, order), CancelRequested).client_order_id
    refusal = only(doubt_all(bench), RequestRejected)
    assert (refusal.client_order_id, refusal.text) == (name, "never sent: it works at gate hot")
    assert (order.pending, order.doubts, lifecycle.is_working(order)) == ((), (), True)


def test_an_order_of_another_session_was_never_sent_by_us(bench):
    told = ExecutionReport(
        venue="BINANCE", client_order_id="theirs", exec_type=ExecType.RESTATED, account="main", instrument=BTC,
        side=Side.BUY, order_quantity_lots=50, price_ticks=MARK_TICKS,
    )  # fmt: skip
    order = bench.engine.state.order(bench.step(told)[0].order_id)
    assert doubt_all(bench) == ()
    name = only(cancel(bench, order), CancelRequested).client_order_id
    assert doubted(doubt_all(bench)) == [(order.order_id, name, Sent.CANCEL)]


def test_what_the_engine_holds_never_left():
    """A parent goes out in slices: those may be in doubt, it can't, whatever has become of it."""
    bench = AlgoBench()
    parent = bench.begin(twap())
    bench.at(T0 + 25 * SECOND)
    children = [order for order in bench.engine.state.orders() if order.parent_id]
    tables = bench.engine.state.tables
    assert [found[0] for found in unanswered(tables)] == children != []
    for child in children:
        bench.fill(child, child.quantity_lots)
    assert not list(unanswered(tables))
    bench.cancel(parent)
    assert parent.ended is not None
    assert not list(unanswered(tables))


def test_a_parent_that_is_done_was_never_sent():
    bench = AlgoBench()
    parent = bench.begin(twap(), 20)
    bench.at(T0 + 100 * SECOND)
    for child in [order for order in bench.engine.state.orders() if order.parent_id]:
        bench.fill(child)
    assert (lifecycle.status(parent).value, parent.held, parent.ended) == ("Filled", None, None)
    assert parent.order_id not in {order.order_id for order, _, _ in unanswered(bench.engine.state.tables)}


def test_it_is_in_the_journal_and_recovers_like_the_rest():
    bench = TestBench()
    order, other = bench.submitted(quantity_lots=100), bench.submitted(quantity_lots=100)
    cancel(bench, other)
    doubt_all(bench)
    bench.step(Wake(request_id="", actor="system:clock"), after_ns=2 * SECOND)
    doubt_all(bench)
    tell(bench, ExecType.NEW, order)
    assert_lossless(bench.history)
    digest = replayed(bench.history, "cython")
    for cut in range(len(bench.history) + 1):
        assert recovered(bench.history, "python", cut // 2, cut) == digest
