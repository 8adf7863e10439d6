"""Time, ids, fees, restarts and bounds of the paper venue."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from meltica.domain.errors import InvariantError
from meltica.domain.lifecycle import opened
from meltica.domain.market import BookUpdate
from meltica.domain.order import Order, OrderType, Pending, PendingKind, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderSubmitted
from meltica.domain.reports import ExecutionReport, OrderCancelReject
from meltica.venues.paper import session as paper
from meltica.venues.paper.latency import Latency
from meltica.venues.paper.rules import fee_nanos
from meltica.venues.paper.session import PaperSession
from tests.unit.venues.orders import BTC, BUY, SELL, Floor, said, submitted

BOOK = BookUpdate(BTC.instrument, 0, ((100, 10), (99, 20)), ((102, 5), (103, 7)), snapshot=True)


class TestLatency:
    def test_commands_arrive_later_and_reports_later_still(self):
        session = PaperSession("PAPER", [BTC], latency=Latency(entry_ns=50, response_ns=30))
        session.receive(BOOK, 100)
        session.send(submitted("a", BUY, 5, 102), 100)
        assert session.next_deadline_ns() == 150
        assert session.due(149) == []
        assert session.due(150) == []
        assert session.next_deadline_ns() == 180
        assert said(session.due(180)) == ["a New", "a Trade 5@102 taker"]
        assert session.next_deadline_ns() is None

    def test_the_venue_says_when_it_happened(self):
        session = PaperSession("PAPER", [BTC], latency=Latency(entry_ns=50, response_ns=30))
        session.receive(BOOK, 100)
        session.send(submitted("a", BUY, 7, 103), 100)
        session.send(submitted("b", BUY, 7, 90), 100)
        session.send(submitted("c", BUY, 1, 90, time_in_force=TimeInForce.DAY), 110)
        early = [*session.due(180), *session.due(190)]
        assert [report.venue_time_ns for report in early] == [150, 150, 150, 150, 160]
        cancel = CancelRequested(order_id=1, client_order_id="d", original_client_order_id="b", actor="test", time_ns=0)
        session.send(cancel, 200)
        assert [report.venue_time_ns for report in session.due(280)] == [250]
        assert [report.venue_time_ns for report in [*session.end_session(300), *session.due(330)]] == [300]

    def test_the_market_may_move_while_an_order_travels(self):
        session = PaperSession("PAPER", [BTC], latency=Latency(entry_ns=50))
        session.receive(BOOK, 100)
        session.send(submitted("a", BUY, 5, 102), 100)
        session.receive(BookUpdate(BTC.instrument, 120, (), ((102, 0),)), 120)
        assert said(session.due(150)) == ["a New"]

    def test_an_order_arrives_before_a_later_market_event(self):
        session = PaperSession("PAPER", [BTC], latency=Latency(entry_ns=50))
        session.receive(BOOK, 100)
        session.send(submitted("a", BUY, 5, 102), 100)
        gone = BookUpdate(BTC.instrument, 160, (), ((102, 0),))
        assert said(session.receive(gone, 160)) == ["a New", "a Trade 5@102 taker"]

    def test_a_report_leaves_when_it_happened_not_when_somebody_looked(self):
        session = PaperSession("PAPER", [BTC], latency=Latency(entry_ns=50, response_ns=1000))
        session.receive(BOOK, 100)
        session.send(submitted("a", BUY, 5, 102), 100)
        session.due(900)
        assert session.next_deadline_ns() == 1150

    def test_a_clock_that_steps_back_reorders_nothing(self):
        session = PaperSession("PAPER", [BTC], latency=Latency(entry_ns=50))
        session.receive(BOOK, 100)
        session.send(submitted("a", BUY, 5, 102), 100)
        session.send(submitted("b", BUY, 5, 102), 10)
        assert [arrival for arrival, _ in session._commands] == [150, 150]
        assert session.due(20) == []
        assert [line.split()[0] for line in said(session.due(150))] == ["a", "a", "b"]


class TestIds:
    def test_execution_and_order_ids_never_repeat_across_epochs(self):
        seen: list[str] = []
        for epoch in (1, 2, 11):
            floor = Floor(epoch=epoch)
            reports = list(floor.session.receive(BOOK, 1))
            for n in range(12):
                floor.session.send(submitted(f"{epoch}/{n}", BUY, 1, 103), 2)
            reports += floor.session.due(2)
            trades = [r.execution_id for r in reports if isinstance(r, ExecutionReport) and r.execution_id]
            assert len(trades) == 12
            seen += trades
        assert len(set(seen)) == 36

    def test_every_report_of_an_order_carries_its_venue_id(self):
        floor = Floor()
        floor.session.receive(BOOK, 1)
        floor.session.send(submitted("a", BUY, 6, 102), 2)
        ids = {r.venue_order_id for r in floor.session.due(2) if isinstance(r, ExecutionReport)}
        assert ids == {"7-1"}


@pytest.mark.parametrize(
    ("ppm", "price", "lots", "fee"),
    [
        (50, 100, 1, 500),  # 10,000,000 nanos of value, exactly.
        (1, 1, 1, 1),  # 0.1 of a nano is a whole one to us.
        (33, 7, 3, 70),  # 69.3
        (-33, 7, 3, -69),  # A rebate of 69.3 is one of 69.
        (-1, 1, 1, 0),
        (0, 100, 5, 0),
    ],
)
def test_fees_round_against_us(ppm: int, price: int, lots: int, fee: int):
    maker = structs.replace(BTC, maker_fee_ppm=ppm, taker_fee_ppm=0)
    taker = structs.replace(BTC, maker_fee_ppm=0, taker_fee_ppm=ppm)
    assert BTC.value_per_tick_lot_nanos == 100_000
    assert fee_nanos(maker, price, lots, maker=True) == fee
    assert fee_nanos(taker, price, lots, maker=False) == fee
    exact = Decimal(100_000) * price * lots * ppm / 1_000_000
    assert exact <= fee < exact + 1


class TestRestore:
    def known(self, client_order_id: str, side: Any = BUY, price: int | None = 100, **facts: Any) -> Order:
        event: OrderSubmitted = submitted(client_order_id, side, 9, price)
        return structs.replace(opened(event), **facts)

    def test_resting_orders_come_back_at_the_end_of_the_queue(self):
        floor = Floor()
        order = self.known("a", acknowledged=True, venue_order_id="3-9", cumulative_lots=4)
        assert said(floor.session.restore([order], 5)) == []
        assert floor.book([(100, 10)], [(102, 5)], snapshot=True) == []
        assert floor.trade(100, 12, SELL) == ["a Trade 2@100 maker"]
        assert floor.trade(100, 99, SELL) == ["a Trade 3@100 maker"]
        assert floor.session.working_orders == 0

    def test_what_was_not_acknowledged_is_now(self):
        floor = Floor()
        assert said(floor.session.restore([self.known("a")], 5)) == ["a New"]

    def test_the_moment_of_immediate_orders_is_gone(self):
        floor = Floor()
        orders = [
            self.known("m", price=None),
            self.known("i", time_in_force=TimeInForce.IOC, acknowledged=True, cumulative_lots=2),
        ]
        assert said(floor.session.restore(orders, 5)) == [
            "m New",
            "m Canceled: the venue restarted before it was done",
            "i Canceled: the venue restarted before it was done",
        ]

    def test_what_was_held_comes_back_as_what_it_was_sent_as(self):
        floor = Floor()
        orders = [
            self.known("s", price=None, order_type=OrderType.STOP, time_in_force=TimeInForce.GTC, acknowledged=True),
            self.known("o", time_in_force=TimeInForce.AT_THE_OPEN, acknowledged=True),
            self.known("l", order_type=OrderType.STOP_LIMIT, acknowledged=True),
        ]
        assert said(floor.session.restore(orders, 5)) == [
            "s Canceled: the venue restarted before it was done",
            "o Canceled: the venue restarted before it was done",
        ]
        floor.book([(99, 10)], [(102, 5)], snapshot=True)
        assert floor.trade(100, 3, SELL) == ["l Trade 3@100 maker"]

    def test_requests_that_were_under_way_are_carried_out(self):
        floor = Floor()
        cancel = Pending(kind=PendingKind.CANCEL, client_order_id="a2", original_client_order_id="a")
        replace = Pending(
            kind=PendingKind.REPLACE,
            client_order_id="b2",
            original_client_order_id="b",
            quantity_lots=5,
            price_ticks=101,
        )
        orders = [self.known("a", acknowledged=True, pending=(cancel,)), self.known("b", pending=(replace,))]
        assert said(floor.session.restore(orders, 5)) == ["a2 Canceled for a", "b New", "b2 Replaced 5@101 for b"]

    def test_a_request_may_name_the_order_as_it_was_called_then(self):
        """The cancel was asked for while the replace was under way; the replace is known, the cancel is not."""
        floor = Floor()
        cancel = Pending(kind=PendingKind.CANCEL, client_order_id="a3", original_client_order_id="a")
        order = self.known("a", acknowledged=True, pending=(cancel,), chain=("a", "a3"))
        order.client_order_id = "a2"
        assert said(floor.session.restore([order], 5)) == ["a3 Canceled for a2"]
        assert floor.session.working_orders == 0

    def test_requests_for_what_is_filled_come_too_late(self):
        floor = Floor()
        cancel = Pending(kind=PendingKind.CANCEL, client_order_id="a2", original_client_order_id="a")
        order = self.known("a", acknowledged=True, pending=(cancel,), cumulative_lots=9)
        (report,) = floor.session.restore([order], 5)
        assert isinstance(report, OrderCancelReject)
        assert (report.client_order_id, report.original_client_order_id) == ("a2", "a")
        assert report.text == "too late to cancel: the order is filled"
        assert floor.session.working_orders == 0

    def test_an_instrument_that_is_gone(self):
        floor = Floor()
        order = self.known("a", acknowledged=True, instrument="X/Y@PAPER")
        assert said(floor.session.restore([order], 5)) == [
            "a Canceled: unknown instrument X/Y@PAPER since the venue restarted"
        ]

    def test_twice_is_a_mistake_of_ours(self):
        floor = Floor()
        floor.session.restore([self.known("a")], 5)
        with pytest.raises(InvariantError, match="a is known already"):
            floor.session.restore([self.known("a")], 6)

    def test_crossed_meanwhile_it_is_filled_as_a_maker_at_its_price(self):
        floor = Floor()
        floor.session.restore([self.known("a", acknowledged=True)], 5)
        assert floor.book([(90, 1)], [(95, 4)], snapshot=True) == ["a Trade 4@100 maker"]


class TestBounds:
    def test_working_orders(self, monkeypatch: pytest.MonkeyPatch):
        floor = Floor()
        floor.session.receive(BOOK, 1)
        floor.session._working = paper.MAX_WORKING_ORDERS
        assert "takes no more" in floor.order("a", BUY, 1, 90)[0]

    def test_commands_in_flight(self):
        session = PaperSession("PAPER", [BTC], latency=Latency(entry_ns=50))
        for n in range(paper.MAX_COMMANDS_IN_FLIGHT):
            session.send(submitted(f"c{n}", BUY, 1, 90), 1)
        session.send(submitted("one too many", BUY, 1, 90), 1)
        assert said(session.due(1)) == ["one too many Rejected: the venue's input queue is full"]

    def test_finished_orders_are_forgotten_in_the_end(self):
        floor = Floor()
        floor.session.receive(BOOK, 1)
        for n in range(paper.FINISHED_REMEMBERED + 3):
            floor.session.send(submitted(f"c{n}", BUY, 1, 50, time_in_force=TimeInForce.IOC), 1)
            floor.session.due(1)
        assert floor.cancel("c2", "x") == ["x refused for c2: unknown order: nothing to cancel"]
        assert floor.cancel("c3", "y") == ["y refused for c3: too late to cancel: it is canceled"]
        assert len(floor.session._orders) == paper.FINISHED_REMEMBERED


def test_two_instruments_do_not_mix():
    other = structs.replace(BTC, instrument="ETH/USDT@PAPER", handle=1)
    session = PaperSession("PAPER", [BTC, other])
    session.receive(BOOK, 1)
    session.receive(structs.replace(BOOK, instrument=other.instrument), 1)
    session.send(submitted("a", BUY, 5, 102), 2)
    session.send(submitted("b", SELL, 5, 101, instrument=other.instrument), 2)
    assert said(session.due(2)) == ["a New", "a Trade 5@102 taker", "b New"]
    session.send(submitted("c", BUY, 5, 102, instrument=other.instrument), 3)
    assert said(session.due(3))[-1].startswith("c Canceled: self-match")
