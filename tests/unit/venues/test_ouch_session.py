"""The OUCH session against a simulated exchange: what our commands become, what its messages mean, what a loss does."""

from __future__ import annotations

from random import Random

import pytest

from meltica.domain.order import Order, OrderType, Pending, PendingKind, Side, TimeInForce
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.venues.nasdaq.ouch_codec import MARKET_PRICE
from meltica.venues.nasdaq.ouch_session import OuchSession
from meltica.venues.nasdaq.soupbintcp import SoupClient
from sim.venues.nasdaq_ouch_book import Exchange
from tests.unit.venues.ouch_line import AAPL, DOLLAR, MSFT, Line, cancel, market, order, replace, session, told

BUY, SELL = Side.BUY, Side.SELL
SECOND = 1_000_000_000


def test_an_order_rests_and_is_filled_in_two_parts() -> None:
    _, ours, others = market()
    (new,) = ours.send(order(1, BUY, 300, 150.25))
    assert (new.exec_type, new.client_order_id, new.venue_order_id) == (ExecType.NEW, "m1", "1")
    entered = ours.said[-1]
    assert (entered["UserRefNum"], entered["Side"], entered["Quantity"], entered["Symbol"]) == (1, "B", 300, "AAPL")
    assert (entered["Price"], entered["Time In Force"]) == (1_502_500, "0")
    others.send(order(1, SELL, 100, 150.0))
    (trade,) = ours.run()
    assert (trade.last_quantity_lots, trade.last_price_ticks, trade.maker) == (100, 1_502_500, True)
    assert trade.execution_id == "SIM0000001-1B"
    assert trade.fee_nanos == AAPL.value_nanos(1_502_500, 100) * -10 // 1_000_000
    taker = others.send(order(2, SELL, 500, None, time_in_force=TimeInForce.IOC))
    assert told(taker) == [
        ("New", "m2"), ("Trade", "m2", ("last", (200, 1_502_500))), ("Canceled", "m2"),
    ]  # fmt: skip
    assert others.said[-1]["Price"] == MARKET_PRICE
    assert told(ours.run()) == [("Trade", "m1", ("last", (200, 1_502_500)))]
    assert told(ours.send(cancel(1, "m1c"))) == [("CancelReject", "m1c", "too late to cancel")]


def test_both_sides_of_a_trade_with_ourselves_have_ids_of_their_own() -> None:
    _, ours, _ = market()
    ours.send(order(1, BUY, 100, 10))
    reports = ours.send(order(2, SELL, 100, 10))
    assert [r.execution_id for r in reports if r.exec_type is ExecType.TRADE] == ["SIM0000001-1B", "SIM0000001-1S"]


def test_a_cancel() -> None:
    _, ours, _ = market()
    ours.send(order(1, BUY, 100, 10))
    assert told(ours.send(cancel(1, "m1c"))) == [("Canceled", "m1c", ("was", "m1"))]
    assert ours.said[-1].fields == {"UserRefNum": 1, "Quantity": 0}
    assert told(ours.send(cancel(9, "m9c"))) == [("CancelReject", "m9c", "unknown order: nothing to cancel")]


def test_less_at_the_same_price_keeps_the_place_in_the_queue() -> None:
    exchange, ours, others = market()
    ours.send(order(1, BUY, 300, 10))
    others.send(order(1, BUY, 50, 10))
    assert told(ours.send(replace(1, "m1r", 200, 10))) == [("Replaced", "m1r", ("total", 200), ("was", "m1"))]
    assert (ours.said[-1].type, ours.said[-1]["Quantity"]) == ("X", 200)
    assert exchange.depth("AAPL")[0] == [(100_000, 200), (100_000, 50)]
    assert told(ours.send(cancel(1, "m1c", "m1r"))) == [("Canceled", "m1c", ("was", "m1r"))]


def test_a_reduction_below_what_is_done_ends_the_order() -> None:
    _, ours, others = market()
    ours.send(order(1, BUY, 300, 10))
    others.send(order(1, SELL, 100, 10))
    ours.run()
    assert told(ours.send(replace(1, "m1r", 50, 10))) == [("Replaced", "m1r", ("total", 100), ("was", "m1"))]
    assert told(ours.send(cancel(1, "m1c", "m1r"))) == [("CancelReject", "m1c", "too late to cancel")]


def test_a_replacement_counts_what_was_done() -> None:
    exchange, ours, others = market()
    ours.send(order(1, BUY, 300, 10))
    others.send(order(1, SELL, 100, 10))
    ours.run()
    assert told(ours.send(replace(1, "m1r", 500, 10.5))) == [("Replaced", "m1r", ("total", 500), ("was", "m1"))]
    asked = ours.said[-1]
    assert (asked.type, asked["OrigUserRefNum"], asked["UserRefNum"], asked["Quantity"]) == ("U", 1, 2, 500)
    assert exchange.depth("AAPL")[0] == [(105_000, 400)]
    assert told(ours.send(replace(1, "m1s", 450, 10.5, "m1r"))) == [("Replaced", "m1s", ("total", 450), ("was", "m1r"))]
    assert ours.said[-1].type == "U"  # a size means different things after a replacement: not left to guessing
    assert exchange.depth("AAPL")[0] == [(105_000, 350)]


def test_requests_that_come_too_late_are_answered() -> None:
    exchange, ours, others = market()
    ours.send(order(1, BUY, 100, 10))
    others.send(order(1, SELL, 100, 10))  # the execution is on its way while we ask
    ours.session.send(cancel(1, "m1c"), ours.now_ns)
    ours.session.send(replace(1, "m1r", 200, 11), ours.now_ns)
    assert told(ours.run()) == [
        ("Trade", "m1", ("last", (100, 100_000))),
        ("CancelReject", "m1c", "too late to cancel: it is filled"),
        ("CancelReject", "m1r", "too late to replace: it is filled"),
    ]
    assert exchange.depth("AAPL") == ([], [])


def test_a_cancel_behind_a_replacement_cancels_it_either_way() -> None:
    exchange, ours, _ = market()
    ours.send(order(1, BUY, 100, 10))
    ours.session.send(replace(1, "m1r", 200, 11), ours.now_ns)
    ours.session.send(cancel(1, "m1c"), ours.now_ns)
    assert told(ours.run()) == [
        ("Replaced", "m1r", ("total", 200), ("was", "m1")), ("Canceled", "m1c", ("was", "m1r")),
    ]  # fmt: skip
    ours.send(order(2, BUY, 100, 10))
    exchange.halted.add("AAPL")
    ours.session.send(replace(2, "m2r", 200, 11), ours.now_ns)
    ours.session.send(cancel(2, "m2c"), ours.now_ns)
    assert told(ours.run()) == [
        ("CancelReject", "m2r", "0x0007 HALTED"), ("Canceled", "m2c", ("was", "m2")),
    ]  # fmt: skip
    assert exchange.depth("AAPL") == ([], [])


def test_one_replacement_at_a_time() -> None:
    _, ours, _ = market()
    ours.send(order(1, BUY, 100, 10))
    ours.session.send(replace(1, "m1r", 200, 11), ours.now_ns)
    ours.session.send(replace(1, "m1s", 200, 12), ours.now_ns)
    assert ("CancelReject", "m1s", "another replace of this order has no answer yet") in told(ours.run())


def test_every_reject_code_has_its_words() -> None:
    exchange, ours, _ = market(symbols=frozenset({"AAPL"}))
    exchange.halted.add("AAPL")
    (halted,) = ours.send(order(1, BUY, 100, 10))
    (unknown,) = ours.send(order(2, BUY, 100, 10, instrument=MSFT.instrument))
    exchange.accounts["OURS"].enabled = False
    exchange.halted.clear()
    (disabled,) = ours.send(order(3, BUY, 100, 10))
    assert [r.text for r in (halted, unknown, disabled)] == [
        "0x0007 HALTED", "0x0017 INVALID_SYMBOL", "0x000C FIRM_NOT_AUTHORIZED",
    ]  # fmt: skip
    assert {r.exec_type for r in (halted, unknown, disabled)} == {ExecType.REJECTED}


def test_post_only_and_fill_or_kill_are_tags() -> None:
    _, ours, others = market()
    others.send(order(1, SELL, 100, 10))
    assert told(ours.send(order(1, BUY, 100, 10, post_only=True))) == [("New", "m1"), ("Canceled", "m1")]
    assert ours.said[-1].tag(12) == "P"
    assert told(ours.send(order(2, BUY, 200, 10, time_in_force=TimeInForce.FOK))) == [("New", "m2"), ("Canceled", "m2")]
    assert (ours.said[-1].tag(3), ours.said[-1]["Time In Force"]) == (200, "3")
    assert told(ours.send(order(3, BUY, 150, 10, time_in_force=TimeInForce.FOK)))[0][0] == "Rejected"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"instrument": "IBM@XNAS"}, "unknown instrument IBM@XNAS"),
        ({"time_in_force": TimeInForce.GTC}, "OUCH has no GTC orders"),
        ({"quantity_lots": 1_000_000}, "Quantity"),
        ({"price_ticks": 2_000_000_001}, "Price"),
        ({"price_ticks": 0}, "a limit order has a price"),
        ({"client_order_id": "m7"}, "duplicate client order id"),
        ({"order_id": 7}, "duplicate order id 7"),
    ],
)
def test_what_can_not_be_said_is_rejected_here(changed: dict, words: str) -> None:
    _, ours, _ = market()
    ours.send(order(7, BUY, 100, 10))
    before = len(ours.said), ours.session.next_user_ref_num
    (report,) = ours.send(order(8, BUY, 100, 10, **changed))
    assert report.exec_type is ExecType.REJECTED
    assert words in report.text
    assert (len(ours.said), ours.session.next_user_ref_num) == before


def test_busts_and_corrections_name_the_execution() -> None:
    exchange, ours, others = market()
    ours.send(order(1, BUY, 100, 10))
    others.send(order(1, SELL, 100, 10))
    exchange.correct(1, 99_000)
    exchange.bust(1)
    trade, corrected, bust = ours.run()
    assert (corrected.exec_type, corrected.reference_execution_id) == (ExecType.TRADE_CORRECT, trade.execution_id)
    assert (corrected.last_quantity_lots, corrected.last_price_ticks) == (100, 99_000)
    assert (bust.exec_type, bust.reference_execution_id, bust.text) == (
        ExecType.TRADE_CANCEL, trade.execution_id, "erroneous",
    )  # fmt: skip
    assert len({trade.execution_id, corrected.execution_id, bust.execution_id}) == 3


def test_near_the_cross_a_cancel_waits_and_a_reduction_is_refused() -> None:
    exchange, ours, _ = market()
    ours.send(order(1, BUY, 100, 10))
    exchange.late_cross.add("AAPL")
    assert told(ours.send(replace(1, "m1r", 50, 10))) == [
        ("CancelReject", "m1r", "the cross is too near to reduce the order")
    ]
    assert told(ours.send(replace(1, "m1s", 50, 11))) == [("CancelReject", "m1s", "0x0010 CANCEL_NOT_ALLOWED")]
    assert told(ours.send(cancel(1, "m1c"))) == [("PendingCancel", "m1c", ("was", "m1"))]
    exchange.cross("AAPL")
    assert told(ours.run()) == [("Canceled", "m1c", ("was", "m1"))]


@pytest.mark.parametrize(
    ("aiq", "expected"),
    [
        ("newest", [("New", "m2"), ("Canceled", "m2")]),
        ("oldest", [("New", "m2"), ("Canceled", "m1")]),
        ("both", [("New", "m2"), ("Canceled", "m2"), ("Restated", "m1", ("total", 200))]),
    ],
)
def test_self_match_prevention(aiq: str, expected: list) -> None:
    exchange, ours, _ = market(aiq=aiq)
    ours.send(order(1, BUY, 300, 10))
    assert told(ours.send(order(2, SELL, 100, 10))) == expected
    if aiq == "both":  # what was prevented counts as done for the exchange
        ours.send(replace(1, "m1r", 250, 10))
        assert ours.said[-1]["Quantity"] == 350
        assert exchange.depth("AAPL")[0] == [(100_000, 250)]


def test_the_end_of_the_day() -> None:
    exchange, ours, _ = market()
    ours.send(order(1, BUY, 100, 10))
    exchange.end_of_day()
    (expired,) = ours.run()
    assert (expired.exec_type, expired.text) == (ExecType.EXPIRED, "closed")
    assert ours.session.ended
    assert not ours.session.ready
    (report,) = ours.send(order(2, BUY, 100, 10))
    assert report.text == "not connected to XNAS"


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
    assert told(ours.connect()) == [("New", "m1")]
    assert [m["UserRefNum"] for m in ours.said if m.type == "O"] == [1]
    assert exchange.depth("AAPL")[0] == [(100_000, 100)]


def test_an_order_that_arrived_is_not_entered_twice() -> None:
    exchange, ours, _ = market()
    ours.session.send(order(1, BUY, 100, 10), ours.now_ns)
    for event in ours.server.receive(ours.session.take_output(ours.now_ns), ours.now_ns):
        exchange.take(ours.account, event.payload, ours.now_ns)
    ours.cut()  # the answer never left
    assert told(ours.connect()) == [("New", "m1")]
    assert [m.type for m in ours.said] == ["Q", "Q"]
    assert exchange.depth("AAPL")[0] == [(100_000, 100)]


def test_an_order_that_was_lost_too_long_ago_is_given_up() -> None:
    exchange, ours, _ = market()
    ours.session.send(order(1, BUY, 100, 10), ours.now_ns)
    ours.session.take_output(ours.now_ns)
    ours.cut()
    ours.now_ns += 6 * SECOND
    (report,) = ours.connect()
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


def test_messages_about_strangers_and_unreadable_ones_are_counted() -> None:
    exchange, ours, _ = market()
    ours.account.stream.append(b"?")
    exchange.take(ours.account, bytes.fromhex("4f00000009420000006441504c20202020202000000000000186a0"), 0)
    assert ours.run() == []
    assert ours.session.unreadable == 1


def test_options_of_the_firm_are_on_every_order() -> None:
    exchange = Exchange()
    soup = SoupClient(username="OURS", password="pw")
    ours = OuchSession("XNAS", [AAPL], soup, firm="LIME", capacity="A", display="N", sell_code=lambda _: "T")
    line = Line(exchange, ours, exchange.open_account("OURS", "pw"))
    line.connect()
    line.send(order(1, SELL, 100, 10))
    entered = line.said[-1]
    assert (entered["Capacity"], entered["Display"], entered["Side"], entered.tag(2)) == ("A", "N", "T", "LIME")


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
