"""What an order says beyond the ordinary, at Nasdaq: sent in OUCH's own words where it has them, else refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from meltica.domain.capabilities import Capabilities
from meltica.domain.errors import FieldError
from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.terms import Peg, Terms
from meltica.venues.nasdaq.ouch50 import CODEC, Tag
from meltica.venues.nasdaq.ouch_codec import MARKET_PRICE, TagValue
from meltica.venues.nasdaq.ouch_terms import capabilities, expire_second
from sim.venues.nasdaq_ouch_book import Exchange
from tests.unit.venues.ouch_line import AAPL, DOLLAR, Line, cancel, order, replace, session, told

BUY, SELL = Side.BUY, Side.SELL
OPEN, CLOSE, GTD, IOC = TimeInForce.AT_THE_OPEN, TimeInForce.AT_THE_CLOSE, TimeInForce.GTD, TimeInForce.IOC
SECOND = 1_000_000_000
NOON = int(datetime(2026, 3, 6, 17, 0, tzinfo=UTC).timestamp()) * SECOND
"""In New York, two days before the clocks go forward there."""


def special(**facts: Any) -> OrderSubmitted:
    dollars = facts.pop("dollars", 10)
    return order(facts.pop("number", 1), facts.pop("side", BUY), facts.pop("lots", 300), dollars, **facts)


def pegged(peg: Peg, **facts: Any) -> OrderSubmitted:
    terms = Terms(peg=peg, peg_limit_ticks=10 * DOLLAR)
    return special(order_type=OrderType.PEGGED, terms=terms, **facts)


ENTERED = [
    (special(time_in_force=OPEN), {"Time In Force": "3", "CrossType": "O"}, ()),
    (special(time_in_force=CLOSE, dollars=None), {"Time In Force": "3", "CrossType": "C", "Price": MARKET_PRICE}, ()),
    (special(terms=Terms(display_lots=100)), {"Time In Force": "0", "Display": "Y"}, (TagValue(Tag.MAX_FLOOR, 100),)),
    (
        special(time_in_force=IOC, terms=Terms(min_lots=200)),
        {"Time In Force": "3", "CrossType": "N"},
        (TagValue(Tag.MIN_QTY, 200),),
    ),
    (
        special(time_in_force=GTD, terms=Terms(expire_ns=NOON + 1)),
        {"Time In Force": "6"},
        (TagValue(Tag.EXPIRE_TIME, 12 * 3600),),
    ),
    (pegged(Peg.MID), {"Display": "N", "Price": 100_000}, (TagValue(Tag.PRICE_TYPE, "M"),)),
    (
        pegged(Peg.PRIMARY, post_only=True),
        {"Display": "Y"},
        (TagValue(Tag.POST_ONLY, "P"), TagValue(Tag.PRICE_TYPE, "R")),
    ),
    (pegged(Peg.MARKET), {"Display": "Y"}, (TagValue(Tag.PRICE_TYPE, "P"),)),
    (special(time_in_force=IOC, iso=True), {"InterMarket Sweep Eligibility": "Y"}, ()),
    (special(post_only=True), {"Display": "Y"}, (TagValue(Tag.POST_ONLY, "P"),)),
]


def lines() -> tuple[Exchange, Line, Line]:
    """An exchange, we, and somebody else; both logged in, a second before noon."""
    exchange = Exchange()
    ours, others = (Line(exchange, session(name), exchange.open_account(name, "pw")) for name in ("OURS", "OTHERS"))
    for line in (ours, others):
        line.now_ns = NOON - SECOND
        line.connect()
    return exchange, ours, others


@pytest.mark.parametrize(("command", "fields", "tags"), ENTERED)
def test_in_the_words_of_ouch(command: OrderSubmitted, fields: dict, tags: tuple[TagValue, ...]) -> None:
    _, ours, _ = lines()
    assert ours.send(command)[0].exec_type is ExecType.NEW
    entered = ours.said[-1]
    assert {name: entered[name] for name in fields} == fields
    assert entered.appendage == tags


def test_the_bytes_of_a_reserve_order_at_the_midpoint_for_a_time() -> None:
    """Typed by hand from the specification's tables."""
    _, ours, _ = lines()
    terms = Terms(peg=Peg.MID, peg_limit_ticks=10 * DOLLAR, display_lots=100, expire_ns=NOON + 3600 * SECOND)
    ours.send(special(order_type=OrderType.PEGGED, time_in_force=GTD, terms=terms))
    assert CODEC.encode(ours.said[-1]) == bytes.fromhex(
        "4f 00000001 42 0000012c 4141504c20202020 00000000000186a0 36 4e 50 4e 4e"
        "4d30303030303030303030303031 000f"
        "05 05 00000064"  # MaxFloor 100
        "02 06 4d"  # PriceType M
        "05 0f 0000b6d0"  # ExpireTime 46,800 s: 13:00
    )


WRONG = [
    (special(terms=Terms(display_lots=150)), "display_quantity"),
    (special(terms=Terms(display_lots=100, display_spread_ppm=1)), "display_spread"),
    (special(time_in_force=IOC, terms=Terms(min_lots=50)), "min_quantity"),
    (special(time_in_force=GTD, terms=Terms(expire_ns=NOON + 86_400 * SECOND)), "expire_time"),
    (special(order_type=OrderType.STOP_LIMIT, terms=Terms(trigger_ticks=5)), "order_type"),
    (special(order_type=OrderType.PEGGED, terms=Terms(peg=Peg.MID, peg_offset_ticks=1)), "peg_offset"),
    (special(time_in_force=TimeInForce.GTC), "GTC"),
]


@pytest.mark.parametrize(("command", "field"), WRONG)
def test_what_it_has_no_words_for_is_refused_and_named(command: OrderSubmitted, field: str) -> None:
    exchange, ours, _ = lines()
    (report,) = ours.send(command)
    assert isinstance(report, ExecutionReport)
    assert (report.exec_type, field in report.text) == (ExecType.REJECTED, True), report.text
    assert exchange.depth("AAPL") == ([], [])
    assert [message.type for message in ours.said] == ["Q"], "nothing was sent, and no number is used up"
    assert ours.session.next_user_ref_num == 1


@pytest.mark.parametrize(
    ("now", "then", "second"),
    [
        ("2026-03-06T17:00:00", "2026-03-06T17:00:00.9", 12 * 3600),
        ("2026-03-08T04:59:59", "2026-03-08T04:59:59", 86_399),
        ("2026-03-09T03:59:59", "2026-03-09T03:59:59", 86_399),
        ("2026-03-08T05:00:00", "2026-03-09T03:59:59", 86_399),
        ("2026-11-01T04:00:00", "2026-11-02T04:59:59", 86_399),
    ],
)
def test_seconds_of_the_day_in_new_york(now: str, then: str, second: int) -> None:
    times = [int(datetime.fromisoformat(each + "+00:00").timestamp() * 10) * SECOND // 10 for each in (now, then)]
    assert expire_second(times[1], times[0]) == second
    with pytest.raises(FieldError, match="today"):
        expire_second(times[1] + 86_400 * SECOND, times[0])


def test_a_replace_says_again_how_it_works() -> None:
    _, ours, _ = lines()
    ours.send(pegged(Peg.MID, number=1))
    ours.send(replace(1, "m1a", 400, 10))
    again = ours.said[-1]
    assert (again.type, again["Display"], again.appendage) == ("U", "N", (TagValue(Tag.PRICE_TYPE, "M"),))
    ours.send(special(number=2, terms=Terms(display_lots=100)))
    ours.send(replace(2, "m2a", 300, 9))
    assert ours.said[-1].appendage == (TagValue(Tag.MAX_FLOOR, 100),)


def test_also_after_a_restart() -> None:
    exchange, ours, _ = lines()
    ours.send(pegged(Peg.MID, number=1))
    known = Order(
        order_id=1, client_order_id="m1", account="desk", strategy="s", instrument=AAPL.instrument, side=BUY,
        order_type=OrderType.PEGGED, time_in_force=TimeInForce.DAY, quantity_lots=300, price_ticks=10 * DOLLAR,
        acknowledged=True, terms=Terms(peg=Peg.MID, peg_limit_ticks=10 * DOLLAR),
    )  # fmt: skip
    again = Line(exchange, session(), ours.account)
    again.now_ns = ours.now_ns
    again.session.restore([known])
    again.connect()
    again.send(replace(1, "m1a", 400, 10))
    said = again.said[-1]
    assert (said.type, said["Display"], said.appendage) == ("U", "N", (TagValue(Tag.PRICE_TYPE, "M"),))


@pytest.mark.parametrize(("tif", "cross"), [(OPEN, "O"), (CLOSE, "C")])
def test_what_is_for_a_cross_waits_for_it_and_is_over_then(tif: TimeInForce, cross: str) -> None:
    exchange, ours, others = lines()
    assert told(ours.send(special(time_in_force=tif))) == [("New", "m1")]
    others.send(order(1, SELL, 100, 9.5))
    assert told(ours.run()) == []
    exchange.run_cross("AAPL", "C" if cross == "O" else "O")
    assert told(ours.run()) == []
    exchange.run_cross("AAPL", cross)
    assert [report.exec_type for report in ours.run()] == [ExecType.TRADE, ExecType.CANCELED]


def test_it_can_be_cancelled_before_the_cross() -> None:
    exchange, ours, others = lines()
    ours.send(special(time_in_force=CLOSE))
    assert told(ours.send(cancel(1, "m1c"))) == [("Canceled", "m1c", ("was", "m1"))]
    others.send(order(1, SELL, 100, 9.5))
    exchange.run_cross("AAPL", "C")
    assert told(ours.run()) == []


def test_good_till_time_expires_at_the_venue() -> None:
    exchange, ours, _ = lines()
    ours.send(special(time_in_force=GTD, terms=Terms(expire_ns=NOON)))
    exchange.pass_time(12 * 3600 - 1)
    assert told(ours.run()) == []
    exchange.pass_time(12 * 3600)
    assert [report.exec_type for report in ours.run()] == [ExecType.EXPIRED]


def test_a_reserve_shows_its_part_and_a_midpoint_nothing() -> None:
    exchange, ours, others = lines()
    ours.send(special(number=1, terms=Terms(display_lots=100)))
    assert exchange.depth("AAPL")[0] == [(10 * DOLLAR, 100)]
    others.send(order(1, SELL, 100, 10.5))
    ours.send(special(number=2, dollars=11, order_type=OrderType.PEGGED, terms=Terms(peg=Peg.MID)))
    assert exchange.depth("AAPL") == ([(10 * DOLLAR, 100)], [(105_000, 100)])
    (trade,) = [r for r in others.send(order(2, SELL, 300, 10.2)) if r.exec_type is ExecType.TRADE]
    assert (trade.last_price_ticks, trade.last_quantity_lots) == (102_500, 300)
    reports = ours.run()
    assert [(r.exec_type, r.price_ticks) for r in reports] == [(ExecType.TRADE, None)], "its limit stays its price"


def test_what_the_session_can_is_what_the_engine_is_told() -> None:
    found = capabilities("XNAS", close_ns=5)
    assert found == Capabilities(
        venue="XNAS",
        times_in_force=(GTD, OPEN, CLOSE),
        min_quantity=(IOC,),
        display=True,
        display_step_lots=100,
        pegs=(Peg.PRIMARY, Peg.MARKET, Peg.MID),
        day_only=True,
        close_ns=5,
    )
