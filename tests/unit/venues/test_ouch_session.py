"""The OUCH session against a simulated exchange: what our commands become, what its messages mean, what a loss does."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meltica.domain.instrument import Instrument
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.reports import ExecType
from meltica.venues.nasdaq.ouch50 import CODEC
from meltica.venues.nasdaq.ouch_codec import MARKET_PRICE
from meltica.venues.nasdaq.ouch_session import OuchSession
from meltica.venues.nasdaq.soupbintcp import SoupClient
from sim.venues.nasdaq_ouch_book import Exchange
from tests.unit.venues.ouch_line import AAPL, MSFT, Line, cancel, market, order, replace, session, told

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


def test_the_venue_s_clock_is_told_where_its_day_is_known() -> None:
    midnight_ns = 1_700_000_000 * SECOND
    exchange = Exchange()
    ours = Line(exchange, session(midnight_ns=midnight_ns), exchange.open_account("OURS", "pw"))
    ours.connect()
    reports = [*ours.send(order(1, BUY, 100, 10)), *ours.send(order(2, SELL, 40, 10)), *ours.send(cancel(1, "c"))]
    kinds = [report.exec_type for report in reports]
    assert kinds == [ExecType.NEW, ExecType.NEW, ExecType.TRADE, ExecType.TRADE, ExecType.CANCELED]
    times = [report.venue_time_ns for report in reports]
    assert times == sorted(times)
    assert all(0 < time_ns - midnight_ns < 86_400 * SECOND for time_ns in times)
    known = next(iter(ours.session._book))
    (gone, *_) = ours.session._reporter.never_arrived(known, "nobody heard of it")
    assert gone.venue_time_ns == 0, "the venue said nothing of that"
    _, without, _ = market()
    assert without.send(order(1, BUY, 100, 10))[0].venue_time_ns == 0


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


def test_executions_between_the_ticks_are_rounded_against_us() -> None:
    cents = Instrument(
        instrument="AAPL@XNAS", handle=1, venue_symbol="AAPL", quote_currency="USD", tick_size=Decimal("0.01"),
        lot_size=Decimal(1), max_price_ticks=1_000_000, max_quantity_lots=999_999,
    )  # fmt: skip
    exchange = Exchange()
    line = Line(
        exchange, OuchSession("XNAS", [cents], SoupClient(username="U", password="p")), exchange.open_account("U", "p")
    )
    line.connect()
    line.send(order(1, BUY, 100, None, order_type=OrderType.LIMIT, price_ticks=1_000))
    line.send(order(2, SELL, 100, None, order_type=OrderType.LIMIT, price_ticks=2_000))
    for number in (1, 2):
        fields = {
            "Timestamp": 1, "UserRefNum": number, "Quantity": 40, "Price": 101_050, "Liquidity Flag": "m",
            "Match Number": number,
        }  # fmt: skip
        line.account.stream.append(CODEC.encode(CODEC.make("outbound", "E", fields, ())))
    moved = {"Timestamp": 1, "UserRefNum": 1, "Price": 99_900, "Display": "Y", "Order Reference Number": 77}
    line.account.stream.append(CODEC.encode(CODEC.make("outbound", "T", moved)))
    bought, sold, restated = line.run()
    assert (bought.last_price_ticks, sold.last_price_ticks, bought.maker) == (1_011, 1_010, False)
    assert (restated.exec_type, restated.price_ticks, restated.venue_order_id) == (ExecType.RESTATED, 999, "77")


def test_a_repriced_acceptance_is_a_restatement() -> None:
    """The simulated exchange never reprices: these messages are typed."""
    _, ours, _ = market()
    ours.session.send(order(1, BUY, 100, 10), ours.now_ns)
    ours.session.take_output(ours.now_ns)
    fields = {
        "Timestamp": 1, "UserRefNum": 1, "Side": "B", "Quantity": 100, "Symbol": "AAPL", "Price": 99_900,
        "Time In Force": "0", "Display": "Z", "Order Reference Number": 5, "Capacity": "P",
        "InterMarket Sweep Eligibility": "N", "CrossType": "N", "Order State": "L", "ClOrdID": "M0000000000001",
    }  # fmt: skip
    ours.account.stream.append(CODEC.encode(CODEC.make("outbound", "A", fields)))
    ours.account.stream.append(
        CODEC.encode(CODEC.make("outbound", "R", {"Timestamp": 1, "UserRefNum": 1, "Reason": "P"}))
    )
    ours.account.stream.append(
        CODEC.encode(CODEC.make("outbound", "M", {"Timestamp": 1, "UserRefNum": 1, "Side": "B", "Quantity": 60}))
    )
    new, repriced, restated, modified = ours.run()
    assert (new.exec_type, repriced.exec_type, repriced.price_ticks) == (ExecType.NEW, ExecType.RESTATED, 99_900)
    assert (restated.exec_type, restated.text) == (ExecType.RESTATED, "update of displayed price")
    assert (modified.exec_type, modified.order_quantity_lots) == (ExecType.RESTATED, 60)


def test_after_self_match_prevention_a_reduction_is_a_replacement() -> None:
    _, ours, _ = market(aiq="both")
    ours.send(order(1, BUY, 300, 10))
    ours.send(order(2, SELL, 100, 10))
    assert told(ours.send(replace(1, "m1r", 150, 10))) == [("Replaced", "m1r", ("total", 150), ("was", "m1"))]
    assert (ours.said[-1].type, ours.said[-1]["Quantity"]) == ("U", 250)
