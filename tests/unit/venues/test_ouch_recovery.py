"""The OUCH session when the connection is lost or the process starts again: nothing lost, nothing doubled."""

from __future__ import annotations

from random import Random

import pytest

from meltica.domain.order import Order, OrderType, Pending, PendingKind, Side, TimeInForce
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.venues.nasdaq.soupbintcp import LoginAsked
from meltica.venues.nasdaq.transport import Transport
from sim.venues.nasdaq_ouch_book import Exchange
from tests.unit.venues.ouch_line import AAPL, DOLLAR, Line, cancel, market, order, remembered, replace, session, told

BUY, SELL = Side.BUY, Side.SELL
SECOND = 1_000_000_000


def test_without_a_connection_orders_are_refused_and_cancels_wait() -> None:
    _, ours, _ = market()
    ours.send(order(1, BUY, 100, 10))
    ours.cut()
    assert told(ours.send(order(2, BUY, 100, 10))) == [("Rejected", "m2")]
    assert told(ours.send(replace(1, "m1r", 200, 11))) == [("CancelReject", "m1r", "not connected to XNAS")]
    assert told(ours.send(cancel(1, "m1c"))) == []
    assert told(ours.connect()) == [("Canceled", "m1c", ("was", "m1"))]


def test_an_order_that_was_lost_is_sent_again_under_its_number() -> None:
    exchange, ours, _ = market()
    ours.session.send(order(1, BUY, 100, 10), ours.now_ns)
    ours.session.take_output(ours.now_ns)  # into the void
    ours.cut()
    assert told(ours.connect()) == [("InDoubt", "m1"), ("New", "m1")]
    assert [m["UserRefNum"] for m in ours.said if m.type == "O"] == [1]
    assert exchange.depth("AAPL")[0] == [(100_000, 100)]


def test_all_that_had_no_answer_is_in_doubt_once_the_connection_is_gone() -> None:
    _, ours, _ = market()
    ours.send(order(1, BUY, 100, 10))
    for command in (order(2, BUY, 100, 9), cancel(1, "m1c"), replace(2, "m2r", 200, 11)):
        ours.session.send(command, ours.now_ns)
    ours.cut()
    assert told(ours.session.due(ours.now_ns)) == [("InDoubt", "m2"), ("InDoubt", "m1c"), ("InDoubt", "m2r")]
    ours.cut()
    assert told(ours.session.due(ours.now_ns)) == []
    ours.send(cancel(2, "m2c", "m2"))  # Never sent: there is no connection, so there is no doubt either.
    ours.cut()
    assert told(ours.session.due(ours.now_ns)) == []


def test_an_order_that_arrived_is_not_entered_twice() -> None:
    exchange, ours, _ = market()
    ours.session.send(order(1, BUY, 100, 10), ours.now_ns)
    for event in ours.server.receive(ours.session.take_output(ours.now_ns), ours.now_ns):
        exchange.take(ours.account, event.payload, ours.now_ns)
    ours.cut()  # the answer never left
    assert told(ours.connect()) == [("InDoubt", "m1"), ("New", "m1")]
    assert [m.type for m in ours.said] == ["Q", "Q"]
    assert exchange.depth("AAPL")[0] == [(100_000, 100)]


def test_an_order_that_was_lost_too_long_ago_is_given_up() -> None:
    exchange, ours, _ = market()
    ours.session.send(order(1, BUY, 100, 10), ours.now_ns)
    ours.session.take_output(ours.now_ns)
    ours.cut()
    ours.now_ns += 6 * SECOND
    doubt, report = ours.connect()
    assert told([doubt]) == [("InDoubt", "m1")]
    assert (report.exec_type, report.text) == (ExecType.REJECTED, "it never reached the venue")
    assert exchange.depth("AAPL") == ([], [])
    assert told(ours.send(order(2, BUY, 100, 10))) == [("New", "m2")]


def test_a_process_that_starts_again_learns_everything_from_the_replay() -> None:
    exchange, ours, others = market()
    ours.send(order(1, BUY, 300, 10))
    ours.send(order(2, BUY, 100, 9))
    ours.send(replace(2, "m2r", 150, 9.5))
    ours.session.send(replace(1, "m1r", 400, 10.5), ours.now_ns)
    ours.move([])
    ours.cut()  # we die before the answer
    others.send(order(1, SELL, 50, 10))
    known = [
        Order(
            order_id=number, client_order_id=newest, chain=chain, account="desk", strategy="s",
            instrument=AAPL.instrument, side=BUY, order_type=OrderType.LIMIT, time_in_force=TimeInForce.DAY,
            quantity_lots=lots, price_ticks=price, pending=pending,
        )
        for number, newest, chain, lots, price, pending in (
            (1, "m1", ("m1r",), 300, 10 * DOLLAR, (
                Pending(kind=PendingKind.REPLACE, client_order_id="m1r", original_client_order_id="m1",
                        quantity_lots=400, price_ticks=105_000),)),
            (2, "m2r", ("m2",), 150, 95_000, ()),
        )
    ]  # fmt: skip
    again = session()
    again.restore(known)
    line = Line(exchange, again, exchange.accounts["OURS"])
    assert told(line.connect()) == [
        ("New", "m1"),
        ("New", "m2r"),
        ("Replaced", "m2r", ("total", 150)),
        ("Replaced", "m1r", ("total", 400), ("was", "m1")),
        ("Trade", "m1r", ("last", (50, 105_000))),
    ]
    assert again.next_user_ref_num == 5
    assert told(line.send(cancel(1, "m1c", "m1r"))) == [("Canceled", "m1c", ("was", "m1r"))]
    assert told(line.send(order(3, BUY, 100, 10))) == [("New", "m3")]


class Books:
    """What the reports add up to, per client order id chain."""

    def __init__(self) -> None:
        self.executions: dict[str, int] = {}
        self.answers: dict[str, int] = {}

    def take(self, reports) -> None:
        for report in reports:
            if isinstance(report, ExecutionReport) and report.exec_type is ExecType.TRADE:
                assert report.execution_id not in self.executions
                self.executions[report.execution_id] = report.last_quantity_lots
            elif isinstance(report, ExecutionReport) and report.exec_type is ExecType.RESTATED:
                continue
            else:
                self.answers[report.client_order_id] = self.answers.get(report.client_order_id, 0) + 1


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_lost_or_doubled_whatever_is_cut(seed: int) -> None:
    chance = Random(seed)
    exchange = Exchange()
    ours = Line(exchange, session(resend_within_ns=10**18), exchange.open_account("OURS", "pw"))
    others = Line(exchange, session("OTHERS"), exchange.open_account("OTHERS", "pw"))
    others.connect()
    books, newest, asked = Books(), {}, 0
    for number in range(1, 150):
        roll = chance.random()
        if not ours.up and roll < 0.5:
            books.take(ours.connect())
        if ours.session.ready and roll < 0.6:
            ours.session.send(order(number, chance.choice((BUY, SELL)), 100, chance.randrange(98, 103)), ours.now_ns)
            newest[number] = f"m{number}"
            asked += 1
        elif newest and roll < 0.8:
            target = chance.choice(list(newest))
            request = f"m{target}-{number}"
            made = cancel(target, request, newest[target])
            if roll < 0.7:
                made = replace(target, request, chance.choice((50, 150)), chance.randrange(98, 103), newest[target])
            ours.session.send(made, ours.now_ns)
            asked += 1
        others.send(order(number, chance.choice((BUY, SELL)), 60, chance.randrange(98, 103)))
        reports: list = []
        if ours.up and chance.random() < 0.2:
            ours.move(reports, chance)
        else:
            reports = ours.run()
        books.take(reports)
        for report in reports:
            if isinstance(report, ExecutionReport) and report.exec_type is ExecType.REPLACED:
                newest[int(report.client_order_id[1:].split("-")[0])] = report.client_order_id
    if not ours.up:
        books.take(ours.connect())
    books.take(ours.run())
    exchange.end_of_day()
    books.take(ours.run())
    traded = {
        f"SIM0000001-{trade.match}{'B' if side.buys else 'S'}": trade.shares
        for trade in exchange.trades
        for side in trade.sides
        if side.account is ours.account
    }
    assert books.executions == traded, f"seed {seed}"
    assert len(books.answers) >= asked, f"seed {seed}: every command is answered"


def test_numbers_go_on_where_the_host_says() -> None:
    exchange = Exchange()
    exchange.open_account("OURS", "pw").last_urn = 50  # used by somebody who left nothing in this stream
    line = Line(exchange, session(), exchange.accounts["OURS"])
    line.connect()
    line.send(order(1, BUY, 100, 10))
    assert line.said[-1]["UserRefNum"] == 51


def test_an_old_replacement_told_again_is_not_the_one_on_its_way() -> None:
    exchange, ours, _ = market()
    ours.send(order(1, BUY, 100, 10))
    ours.send(replace(1, "m1r", 150, 11))
    ours.cut()
    known = Order(
        order_id=1, client_order_id="m1r", chain=("m1", "m1s"), account="desk", strategy="s",
        instrument=AAPL.instrument, side=BUY, order_type=OrderType.LIMIT, time_in_force=TimeInForce.DAY,
        quantity_lots=150, price_ticks=110_000,
        pending=(Pending(kind=PendingKind.REPLACE, client_order_id="m1s", original_client_order_id="m1r",
                         quantity_lots=200, price_ticks=120_000),),
    )  # fmt: skip
    again = session()
    again.restore([known])
    line = Line(exchange, again, exchange.accounts["OURS"])
    assert told(line.connect()) == [
        ("New", "m1r"),
        ("Replaced", "m1r", ("total", 150)),
        ("CancelReject", "m1s", "it never reached the venue"),
    ]


def asked(kind: PendingKind, name: str, original: str, **terms) -> Pending:
    return Pending(kind=kind, client_order_id=name, original_client_order_id=original, **terms)


def test_what_the_replay_says_nothing_of_never_arrived() -> None:
    """Killed between send and answer: one arrived, one did not; each is settled, none is entered again."""
    exchange, ours, _ = market()
    ours.session.send(order(1, BUY, 100, 10), ours.now_ns)
    for event in ours.server.receive(ours.session.take_output(ours.now_ns), ours.now_ns):
        exchange.take(ours.account, event.payload, ours.now_ns)
    ours.session.send(order(2, BUY, 100, 10), ours.now_ns)
    ours.cut()
    again = session()
    again.restore([remembered(1), remembered(2, pending=(asked(PendingKind.CANCEL, "m2c", "m2"),))])
    line = Line(exchange, again, exchange.accounts["OURS"])
    assert told(line.connect()) == [
        ("New", "m1"),
        ("Rejected", "m2"),
        ("CancelReject", "m2c", "too late to cancel: it is rejected"),
    ]
    assert [message.type for message in line.said] == ["Q"]
    assert exchange.depth("AAPL")[0] == [(100_000, 100)]
    line.cut()
    assert told(line.connect()) == []
    assert told(line.send(order(3, BUY, 100, 10))) == [("New", "m3")]


def test_a_reduction_of_before_a_restart_is_found_in_the_replay() -> None:
    exchange, ours, _ = market()
    ours.send(order(1, BUY, 100, 10))
    ours.session.send(replace(1, "m1r", 60, 10), ours.now_ns)
    ours.move([])
    ours.cut()
    again = session()
    terms = {"quantity_lots": 60, "price_ticks": 10 * DOLLAR}
    again.restore([remembered(1, acknowledged=True, pending=(asked(PendingKind.REPLACE, "m1r", "m1", **terms),))])
    line = Line(exchange, again, exchange.accounts["OURS"])
    assert told(line.connect()) == [("New", "m1"), ("Replaced", "m1r", ("total", 60), ("was", "m1"))]


def test_an_order_that_was_acknowledged_is_not_called_lost_because_a_stream_is_silent_of_it() -> None:
    exchange = Exchange()
    exchange.open_account("OURS", "pw")
    again = session()
    again.restore([remembered(1, acknowledged=True)])
    assert told(Line(exchange, again, exchange.accounts["OURS"]).connect()) == []


def test_answers_to_the_queries_of_earlier_processes_are_not_ours() -> None:
    """Three processes asked before: only the answer behind the whole replay says where the numbers go on."""
    exchange, ours, _ = market()
    for number in (1, 2, 3):
        ours.send(order(number, BUY, 100, 10))
        ours.cut()
        ours.connect()
    ours.cut()
    again = session()
    again.restore([])
    line = Line(exchange, again, exchange.accounts["OURS"])
    line.connect()
    line.cut()
    stream = exchange.accounts["OURS"].stream.messages
    queries = [number for number, payload in enumerate(stream, 1) if payload[:1] == b"Q"]
    assert len(queries) == 5
    fresh = session()
    fresh.restore([])
    line = Line(exchange, fresh, exchange.accounts["OURS"])
    line.connect_once()
    line.cut()
    fresh.connected(line.now_ns)
    line.server.connected(line.now_ns)
    for event in line.server.receive(fresh.take_output(line.now_ns), line.now_ns):
        assert isinstance(event, LoginAsked)
        assert line.server.accept(event, line.account.stream, line.now_ns)
    fresh.take_bytes(line.server.take_output(line.now_ns), line.now_ns)
    assert not fresh.ready, "all five have come again, and none of them is the answer to its own query"
    line.up = True
    line.run()
    assert (fresh.ready, fresh.next_user_ref_num) == (True, 4)
    assert told(line.send(order(4, BUY, 100, 10))) == [("New", "m4")]


def test_a_restart_on_a_stream_with_nothing_in_it_gets_ready() -> None:
    exchange = Exchange()
    account = exchange.open_account("OURS", "pw")
    account.stream.messages.clear()
    again = session()
    again.restore([])
    line = Line(exchange, again, account)
    line.connect()
    assert again.ready


def test_a_replace_of_an_order_that_is_over_is_not_asked_again() -> None:
    _, ours, others = market()
    ours.send(order(1, BUY, 100, 10))
    others.send(order(1, SELL, 100, 10))
    ours.session.send(replace(1, "m1r", 200, 11), ours.now_ns)
    assert [report[0] for report in told(ours.run())] == ["Trade", "CancelReject"]
    ours.cut()
    assert told(ours.connect()) == []
    assert [message.type for message in ours.said] == ["Q", "O", "U", "Q"]


def test_pauses_between_connections_grow_up_to_a_bound() -> None:
    transport = Transport(session(), "127.0.0.1", 1, now_ns=lambda: 0, reports=print, chance=Random(1))
    for failures, longest in ((1, 0.25), (2, 0.5), (5, 4.0), (8, 30.0), (10_000, 30.0)):
        pauses = [transport.pause_s(failures) for _ in range(200)]
        assert longest / 2 <= min(pauses) < 0.6 * longest
        assert 0.9 * longest < max(pauses) <= longest
