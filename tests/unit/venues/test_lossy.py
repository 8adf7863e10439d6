"""A bad line to the paper venue, with the engine at this end: whatever is lost, both ends agree in the end."""

from __future__ import annotations

import random

import pytest

from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder, CancelOrder, Wake
from meltica.domain.market import BookUpdate
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested, OrderSubmitted, ReplaceRequested
from meltica.domain.outcomes import DoubtRaised, QueryRequested
from meltica.domain.reports import OrderNotFound, OutcomeUnknown
from meltica.venues.paper.latency import Latency
from meltica.venues.paper.lossy import Faults, LossySession
from meltica.venues.paper.session import PaperSession
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.replay.judge import recovered, replayed
from tests.unit.engine.watch import ADA

VENUE = BTC.partition("@")[2]


class Line:
    """An engine, a paper venue and the line between them: a driver without sockets."""

    def __init__(self, faults: Faults) -> None:
        self.bench = TestBench()
        self.paper = PaperSession(VENUE, self.bench.engine.state.instruments(), latency=Latency(1000, 1000))
        self.line = LossySession(self.paper, faults)
        self.sent: list[str] = []
        book = BookUpdate(BTC, self.bench.now_ns, ((MARK_TICKS - 1, 500),), ((MARK_TICKS + 1, 500),), snapshot=True)
        self.take(self.line.receive(book, self.bench.now_ns))

    def take(self, reports) -> None:
        for report in reports:
            self.act(self.bench.step(report))

    def act(self, events) -> None:
        for event in events:
            if isinstance(event, OrderSubmitted | CancelRequested | ReplaceRequested):
                self.sent.append(event.client_order_id)
                self.line.send(event, self.bench.now_ns)
            elif isinstance(event, QueryRequested):
                self.line.query(event, self.bench.now_ns)

    def submit(self, *args, **kw):
        events = self.bench.submit(*args, **kw)
        self.act(events)
        return self.bench.engine.state.order(events[-1].order_id)

    def ask(self, body, order, **kw) -> None:
        self.act(self.bench.step(body(request_id=self.bench.request(), actor=ADA, order_id=order.order_id, **kw)))

    def run(self, seconds: float) -> None:
        """Time passes as at the driver: from one deadline to the next."""
        end_ns = self.bench.now_ns + int(seconds * SECOND)
        while True:
            asked = [self.line.next_deadline_ns(), self.bench.engine.state.next_due_ns()]
            due_ns = min((at for at in asked if at is not None), default=end_ns)
            if due_ns > end_ns or due_ns >= end_ns:
                break
            self.bench.now_ns = max(self.bench.now_ns, due_ns)
            self.act(self.bench.step(Wake(request_id="", actor="system:clock"), after_ns=1))
            self.take(self.line.due(self.bench.now_ns))
        self.bench.now_ns = end_ns

    def events(self, kind):
        return [event for _, events in self.bench.history for event in events if isinstance(event, kind)]

    def assert_both_ends_agree(self) -> None:
        """What the venue works, we show as working, and nothing else; nothing went out twice."""
        assert len(self.sent) == len(set(self.sent))
        state = self.bench.engine.state
        assert not state.uncertain_orders()
        theirs = {
            order.client_order_id: (order.quantity_lots, order.price_ticks, order.cumulative_lots)
            for order in self.paper._orders.values()
            if not order.finished
        }
        ours = {
            order.client_order_id: (order.quantity_lots, order.price_ticks, order.cumulative_lots)
            for order in state.orders()
            if lifecycle.is_working(order)
        }
        assert ours == theirs
        assert self.paper.working_orders == len(ours)


def test_a_lost_order_is_not_found_and_rejected_after_the_horizon():
    line = Line(Faults(lost_ppm=1_000_000))
    order = line.submit(price_ticks=MARK_TICKS - 100)
    line.run(1.5)
    assert lifecycle.is_uncertain(order)
    line.run(60)
    assert (lifecycle.status(order).value, order.doubts) == ("Rejected", ())
    assert len(line.events(QueryRequested)) >= 3
    line.assert_both_ends_agree()
    assert line.sent == ["m1"]


def test_an_order_whose_answer_is_lost_is_found_by_the_first_query():
    line = Line(Faults(unanswered_ppm=1_000_000))
    order = line.submit(price_ticks=MARK_TICKS - 100)
    line.run(1.5)
    assert lifecycle.is_uncertain(order)
    line.run(5)
    assert (lifecycle.status(order).value, len(line.events(QueryRequested))) == ("New", 1)
    line.assert_both_ends_agree()


def test_a_late_order_is_not_given_up_before_the_horizon():
    line = Line(Faults(late_ppm=1_000_000, late_ns=9 * SECOND, horizon_ns=10 * SECOND))
    order = line.submit(price_ticks=MARK_TICKS - 100)
    line.run(8.5)
    assert (lifecycle.is_uncertain(order), order.doubts[0].not_found) == (True, 3)
    line.run(30)
    assert lifecycle.status(order).value == "New"
    line.assert_both_ends_agree()


def test_without_a_promise_it_stays_in_doubt_until_a_person_decides():
    line = Line(Faults(lost_ppm=1_000_000, horizon_ns=0))
    order = line.submit(price_ticks=MARK_TICKS - 100)
    line.run(3_600)
    assert (lifecycle.is_uncertain(order), lifecycle.is_working(order)) == (True, True)
    assert line.bench.engine.state.next_due_ns() is None


def test_fills_of_an_order_whose_acknowledgment_is_lost_are_money_at_once():
    line = Line(Faults(unanswered_ppm=1_000_000))
    order = line.submit(Side.BUY, 50, MARK_TICKS + 1)
    line.run(0.5)
    assert (lifecycle.status(order).value, order.doubts) == ("Filled", ())
    line.run(60)
    line.assert_both_ends_agree()


@pytest.mark.parametrize("seed", range(40))
def test_a_random_day_behind_a_bad_line_ends_in_agreement(seed):
    faults = Faults(seed=seed, lost_ppm=200_000, unanswered_ppm=250_000, late_ppm=150_000)
    line, draw = Line(faults), random.Random(seed)
    orders = []
    for _ in range(60):
        choice = draw.random()
        working = [order for order in orders if lifecycle.is_working(order)]
        if choice < 0.5 or not working:
            side = draw.choice(list(Side))
            price = MARK_TICKS - side.sign * draw.randint(-1, 50)
            orders.append(line.submit(side, draw.randint(1, 80), price))
        elif choice < 0.75:
            line.ask(CancelOrder, draw.choice(working))
        else:
            line.ask(AmendOrder, draw.choice(working), quantity_lots=draw.randint(1, 120))
        line.run(draw.random() * 3)
    assert line.events(DoubtRaised), seed
    line.run(600)
    line.assert_both_ends_agree()
    digest = replayed(line.bench.history, "cython")
    cut = draw.randrange(len(line.bench.history))
    assert recovered(line.bench.history, "python", cut, len(line.bench.history)) == digest


def test_the_same_seed_loses_the_same_and_a_good_line_nothing():
    kinds = []
    for seed in (1, 1, 2):
        line = Line(Faults(seed=seed, lost_ppm=500_000))
        for _ in range(20):
            line.submit(price_ticks=MARK_TICKS - 100)
            line.run(0.01)
        line.run(2)
        kinds.append([event.client_order_id for event in line.events(DoubtRaised)])
    assert kinds[0] == kinds[1] != kinds[2]
    line = Line(Faults())
    order = line.submit(price_ticks=MARK_TICKS - 100)
    line.run(60)
    assert (lifecycle.status(order).value, line.events(DoubtRaised)) == ("New", [])


def test_what_the_line_says_itself():
    """No answer in time; not found; and a query about what was answered says nothing."""
    line = Line(Faults(lost_ppm=1_000_000))
    line.submit(price_ticks=MARK_TICKS - 100)
    (unknown,) = line.line.due(line.bench.now_ns + SECOND)
    assert unknown == OutcomeUnknown(venue=VENUE, client_order_id="m1", text="no answer in time")
    asked = {"order_id": 1, "sent": 1, "number": 1, "query_ns": 0, "time_ns": 0}
    line.line.query(QueryRequested(client_order_id="whose", **asked), line.bench.now_ns)
    assert line.line.due(line.bench.now_ns) == []
    line.line.query(QueryRequested(client_order_id="m1", **asked), line.bench.now_ns)
    (not_found,) = line.line.due(line.bench.now_ns)
    assert isinstance(not_found, OrderNotFound)
    assert not_found.horizon_ns == 10 * SECOND
