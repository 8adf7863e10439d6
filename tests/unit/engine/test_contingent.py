"""Orders that belong together: every situation of the guide, on both gates, and across a restart at every point."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from meltica.domain.commands import AmendOrder, CancelAllOrders, CancelOrders, SubmitOrderList
from meltica.domain.events import CommandRefused
from meltica.domain.groups import GroupImbalanced, GroupOpened, Link, Sizing
from meltica.domain.inputs import Input
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import AmendDenied, OrderDenied, OrderHeld, OrderReported, OrderSubmitted
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.snapshot import snapshot
from tests.engines import BTC, MARK_TICKS, TestBench, instrument
from tests.replay.judge import assert_lossless, recovered, replayed
from tests.unit.engine.group_day import TARA, GroupDay, leg, stop, stop_loss, take_profit
from tests.unit.engine.group_situations import SITUATIONS
from tests.unit.engine.group_steps import Situation
from tests.unit.engine.watch import refused

GUIDE = Path(__file__).resolve().parents[3] / "docs/guides/contingent_orders.md"
ALL = [(link, one) for link, rows in SITUATIONS.items() for one in rows]
NAMES = [f"{link}: {one.name}" for link, one in ALL]


def played(one: Situation, backend: str) -> GroupDay:
    day = GroupDay(backend, **one.limits)
    one.play(day)
    return day


def extended(day: GroupDay) -> list[int]:
    return [order_id for order_id in day.group.members if order_id not in day.ids]


@pytest.mark.parametrize("backend", ["python", "cython"])
@pytest.mark.parametrize(("link", "one"), ALL, ids=NAMES)
def test_situation(link: str, one: Situation, backend: str):
    day = played(one, backend)
    assert day.group.link.name == link or (link == "OTO" and day.group.link is Link.OTO)
    assert day.stands(*extended(day)) == one.stands
    assert day.balance == one.balance
    assert len(extended(day)) == one.extended


@pytest.mark.parametrize(("link", "one"), ALL, ids=NAMES)
def test_situation_across_a_restart_at_every_point(link: str, one: Situation):
    """Absorbed from its records up to there, from there on live: the same events, the same digest."""
    history = played(one, "python").bench.history
    digest = replayed(history, "python")
    assert_lossless(history)
    start = next(place for place, (happened, _) in enumerate(history) if isinstance(happened.body, SubmitOrderList))
    for at in range(start, len(history) + 1):
        assert recovered(history, "python", at, at) == digest, (link, at)
    assert recovered(history, "cython", len(history), len(history)) == replayed(history, "cython")


def test_the_guide_tells_of_exactly_these_situations():
    told: dict[str, list[str]] = {}
    section = ""
    for line in GUIDE.read_text("utf-8").splitlines():
        if heading := re.match(r"### (OCO|OUO|OTO|BRACKET)\b", line):
            section = heading[1]
        elif section and (row := re.match(r"\| ([^|]+?) \|", line)) and row[1] not in {"what happens", "---"}:
            told.setdefault(section, []).append(row[1])
        elif line.startswith("## "):
            section = ""
    assert told == {link: [one.name for one in rows] for link, rows in SITUATIONS.items()}


def test_what_was_traded_too_much_is_said_once_and_again_when_it_is_no_longer_so():
    day = GroupDay()
    day.oco()
    day.trades(1, 60)
    name = day.trades(2, 70)
    (said,) = [event for event in day.events if isinstance(event, GroupImbalanced)]
    assert (said.overfilled_lots, said.text) == (30, "the legs have traded 0.00030 more than they should")
    day.tell(1, ExecType.ORDER_STATUS)
    assert not [event for event in day.events if isinstance(event, GroupImbalanced)]
    day.corrected(2, name, 0)
    (said,) = [event for event in day.events if isinstance(event, GroupImbalanced)]
    assert (said.overfilled_lots, said.text) == (0, "in balance again")


def test_what_the_gate_refuses_is_asked_for_once():
    day = GroupDay()
    day.list(Link.OTO, leg(), take_profit(), sizing=Sizing.PARTIAL)
    day.trades(1, 30)
    day.halts()
    day.trades(1, 30)
    day.tell(2, ExecType.NEW)
    day.amend(1, price_ticks=MARK_TICKS - 10)
    day.tell(1, ExecType.NEW)
    denied = [event for _, events in day.bench.history for event in events if isinstance(event, AmendDenied)]
    assert [(event.actor, event.quantity_lots) for event in denied if event.order_id == day.ids[1]] == [
        ("system:group", 60)
    ]


@pytest.mark.parametrize("backend", ["python", "cython"])
def test_a_list_of_which_one_is_refused_leaves_nothing_behind_but_refusals(backend):
    day = GroupDay(backend, max_quantity_lots=100)
    before = day.bench.gate.export_state()
    events = day.list(Link.OCO, leg(price=MARK_TICKS - 100), leg(price=3 * MARK_TICKS))
    kinds = [type(event) for event in events]
    assert kinds == [OrderSubmitted, OrderDenied, OrderReported]
    assert (events[2].exec_type, events[2].unsent) == (ExecType.REJECTED, True)
    assert "order 2 of the list was refused" in events[2].text
    tables = day.bench.engine.state.tables
    assert tables.groups == {}
    assert day.bench.engine.state.open_orders() == []
    after = day.bench.gate.export_state()
    assert [row[:4] for row in after["positions"]] == [row[:4] for row in before["positions"]]
    history = day.bench.history
    for at in range(len(history) + 1):
        assert recovered(history, backend, at, at) == snapshot.digest(day.bench.engine)


def test_a_bracket_whose_entry_is_refused_holds_nothing():
    day = GroupDay(max_quantity_lots=50)
    events = day.list(Link.BRACKET, leg(), take_profit(), stop_loss())
    assert [type(event) for event in events] == [OrderDenied]
    assert day.bench.engine.state.held == {}


def test_a_list_is_one_entry_and_the_exits_wait():
    day = GroupDay()
    events = day.list(Link.BRACKET, leg(), take_profit(), stop_loss(), sizing=Sizing.PARTIAL)
    assert [type(event) for event in events] == [OrderSubmitted, OrderHeld, OrderHeld, GroupOpened]
    assert {event.group_id for event in events} == {day.ids[0]}
    assert day.stands() == ["works 100", "waits 100", "waits 100"]


def test_children_are_sized_by_their_share_and_never_beyond_it():
    """Three lots in seven: each child gets the whole lots of its share, and all of it once the parent is filled."""
    day = GroupDay()
    children = (leg(Side.SELL, 40, MARK_TICKS + 500), leg(Side.SELL, 60, MARK_TICKS + 900))
    day.list(Link.OTO, leg(), *children, sizing=Sizing.PARTIAL)
    for filled, parts in ((7, ("works 2", "works 4")), (33, ("works 13", "works 19")), (100, ("works 40", "works 60"))):
        day.trades(1, filled - day.order(1).cumulative_lots)
        assert tuple(day.stands()[1:]) == parts
        day.answers_requests(2)
        day.answers_requests(3)


def test_less_than_the_venue_takes_waits_for_more_and_ends_if_no_more_comes():
    bench = GroupDay()
    small = instrument("SOL/USDT@BINANCE", 2, min_quantity_lots=50)
    bench.bench.open_up(small)
    bench.step(CancelAllOrders(request_id="x", actor=TARA, instrument=small.instrument))  # Brings its price.
    orders = [leg(instrument=small.instrument), leg(Side.SELL, price=MARK_TICKS + 100, instrument=small.instrument)]
    bench.list(Link.OTO, *orders, sizing=Sizing.PARTIAL)
    bench.trades(1, 30)
    assert bench.stands() == ["works 70", "waits 100"]
    bench.ends(1)
    assert bench.stands() == ["canceled", "rejected"]
    assert "the venue takes more" in bench.order(2).refusal


def test_another_instrument_is_traded_in_proportion():
    day = GroupDay()
    eth = instrument("ETH/USDT@BINANCE", 2, venue_symbol="ETHUSDT")
    day.bench.open_up(eth)
    day.bench.step(CancelAllOrders(request_id="x", actor=TARA, instrument=eth.instrument))  # Brings its price.
    hedge = leg(Side.SELL, 1_000, MARK_TICKS, instrument=eth.instrument)
    day.list(Link.OTO, leg(), hedge, sizing=Sizing.PARTIAL)
    day.trades(1, 30)
    assert day.stands()[1] in {"works 300", "ready 300"}


def test_without_a_fresh_price_a_child_waits_for_one():
    day = GroupDay()
    day.list(Link.OTO, leg(), take_profit())
    day.bench.mark_ticks = 0
    name = day.order(1).client_order_id
    report = ExecutionReport(
        venue="BINANCE",
        client_order_id=name,
        exec_type=ExecType.TRADE,
        execution_id="late",
        last_quantity_lots=100,
        last_price_ticks=MARK_TICKS,
    )
    day.bench.now_ns += 10**12
    happened = Input(day.bench.now_ns, report)
    day.bench.history.append((happened, day.bench.engine.step(happened)))
    assert day.stands() == ["filled", "ready 100"]
    day.market(MARK_TICKS)
    assert day.stands() == ["filled", "works 100"]


def test_a_market_without_limit_child_of_a_whole_order():
    day = GroupDay()
    day.list(Link.OTO, leg(), leg(Side.SELL, price=None))
    day.trades(1, 100)
    assert day.stands() == ["filled", "works 100"]
    day.trades(2, 100)
    assert not day.bench.engine.state.is_group_open(day.group)


def test_a_group_is_over_only_when_none_of_its_orders_may_trade():
    day = GroupDay()
    day.ouo()
    state = day.bench.engine.state
    assert state.is_group_open(day.group)
    day.trades(1, 100)
    assert not state.is_group_open(day.group)


def test_all_of_a_group_is_cancelled_by_its_number():
    day = GroupDay()
    day.oco()
    other = day.ids
    day.bracket()
    request = {"request_id": day.bench.request(), "actor": TARA}
    day.step(CancelOrders(**request, group_id=day.group.group_id))
    assert day.stands() == ["ending", "canceled", "canceled"]
    day.ids = other
    assert day.stands() == ["works 100", "works 100"]


def test_the_quantity_of_a_leg_is_its_groups_business():
    day = GroupDay()
    day.bracket()
    day.trades(1, 30)

    body = AmendOrder(request_id=day.bench.request(), actor=TARA, order_id=day.ids[1], quantity_lots=10)
    refused(day.bench, body, "GROUP_SIZES_LEG", "quantity")
    day.amend(2, price_ticks=MARK_TICKS + 700)
    day.answers_requests(2)
    assert (day.order(2).price_ticks, day.stands()[1]) == (MARK_TICKS + 700, "works 30")


SOL = "SOL/USDT@BINANCE"
SELL = {"side": Side.SELL}
UP = MARK_TICKS + 1_000
WRONG_LISTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("none", {"link": Link.OCO, "orders": ()}, "LIST_LENGTH", "orders"),
    ("one", {"link": Link.OCO, "orders": (leg(),)}, "LIST_LENGTH", "orders"),
    ("too many", {"link": Link.OCO, "orders": (leg(),) * 11}, "LIST_LENGTH", "orders"),
    ("a bracket of two", {"link": Link.BRACKET, "orders": (leg(), take_profit())}, "LIST_LENGTH", "orders"),
    ("a bracket of four", {"link": Link.BRACKET, "orders": (leg(),) * 4}, "LIST_LENGTH", "orders"),
    ("link twice", {"link": Link.OCO, "orders": (leg(), leg()), "among": Link.OUO}, "LINK_NOT_ALLOWED", "among"),
    ("nested twice", {"link": Link.OTO, "orders": (leg(),) * 3, "among": Link.OTO}, "LINK_NOT_ALLOWED", "among"),
    ("one child linked", {"link": Link.OTO, "orders": (leg(),) * 2, "among": Link.OCO}, "LIST_LENGTH", "orders"),
    ("sizing", {"link": Link.OCO, "orders": (leg(), leg()), "sizing": Sizing.PARTIAL}, "SIZING_NOT_ALLOWED", "sizing"),
    (
        "an order's own fault",
        {"link": Link.OCO, "orders": (leg(), leg(lots=0))},
        "QUANTITY_NOT_POSITIVE",
        "orders[1].quantity",
    ),
    (
        "an unknown instrument",
        {"link": Link.OCO, "orders": (leg(instrument=SOL), leg())},
        "UNKNOWN_INSTRUMENT",
        "orders[0].instrument",
    ),
    (
        "an unknown account",
        {"link": Link.OCO, "orders": (leg(), leg(account="x"))},
        "UNKNOWN_ACCOUNT",
        "orders[1].account",
    ),
    ("two accounts", {"link": Link.OCO, "orders": (leg(), leg(account="second"))}, "LEGS_DIFFER", "orders[1].account"),
    ("two strategies", {"link": Link.OCO, "orders": (leg(), leg(strategy="x"))}, "LEGS_DIFFER", "orders[1].strategy"),
    (
        "an id twice",
        {"link": Link.OCO, "orders": (leg(client_order_id="a"), leg(client_order_id="a"))},
        "DUPLICATE_CLIENT_ORDER_ID",
        "orders[1].client_order_id",
    ),
    ("two quantities", {"link": Link.OUO, "orders": (leg(), leg(lots=50))}, "LEGS_DIFFER", "orders[1].quantity"),
    (
        "two instruments",
        {"link": Link.OCO, "orders": (leg(), leg(instrument="ETH/USDT@BINANCE"))},
        "LEGS_DIFFER",
        "orders[1].instrument",
    ),
    ("two sides", {"link": Link.OUO, "orders": (leg(), leg(Side.SELL))}, "LEGS_DIFFER", "orders[1].side"),
    (
        "a leg that trades at once",
        {"link": Link.OCO, "orders": (leg(), leg(price=None))},
        "LEG_MUST_REST",
        "orders[1].type",
    ),
    (
        "an IOC leg",
        {"link": Link.OUO, "orders": (leg(), leg(time_in_force=TimeInForce.IOC))},
        "LEG_MUST_REST",
        "orders[1].type",
    ),
    (
        "a child at the open",
        {"link": Link.OTO, "orders": (leg(), leg(Side.SELL, time_in_force=TimeInForce.AT_THE_OPEN))},
        "LEG_MUST_REST",
        "orders[1].time_in_force",
    ),
    ("a child too large", {"link": Link.OTO, "orders": (leg(), leg(lots=101))}, "LEGS_TOO_LARGE", "orders"),
    (
        "children too large",
        {"link": Link.OTO, "orders": (leg(), leg(lots=60), leg(lots=41))},
        "LEGS_TOO_LARGE",
        "orders",
    ),
    (
        "an exit on the entry's side",
        {"link": Link.BRACKET, "orders": (leg(), leg(price=UP), leg(price=UP))},
        "LEGS_DIFFER",
        "orders[1].side",
    ),
    (
        "an exit of another size",
        {"link": Link.BRACKET, "orders": (leg(), take_profit(lots=50), stop_loss(lots=50))},
        "LEGS_DIFFER",
        "orders[1].quantity",
    ),
    (
        "no take-profit",
        {"link": Link.BRACKET, "orders": (leg(), stop_loss(), stop_loss())},
        "LEG_TYPE",
        "orders[1].type",
    ),
    (
        "no stop-loss",
        {"link": Link.BRACKET, "orders": (leg(), take_profit(), take_profit())},
        "LEG_TYPE",
        "orders[2].type",
    ),
]


@pytest.fixture(scope="module")
def second_account() -> TestBench:
    bench = TestBench()
    eth = instrument("ETH/USDT@BINANCE", 2, venue_symbol="ETHUSDT")
    bench.open_up(eth)
    bench.open_up(bench.engine.state.tables.instruments[BTC], "second")
    return bench


@pytest.mark.parametrize(
    ("facts", "reason", "field"), [row[1:] for row in WRONG_LISTS], ids=[row[0] for row in WRONG_LISTS]
)
def test_a_wrong_list_is_refused_whole_with_the_field_named(second_account, facts, reason, field):
    body = SubmitOrderList(request_id=second_account.request(), actor=TARA, **facts)
    refused(second_account, body, reason, field)


def test_a_strategy_can_t_put_others_orders_into_a_list(second_account):
    body = SubmitOrderList(
        request_id=second_account.request(), actor="strategy:x", link=Link.OCO, orders=(leg(), leg())
    )
    event = refused(second_account, body, "NOT_YOUR_STRATEGY", "orders[0].strategy")
    assert isinstance(event, CommandRefused)


def test_ordinary_orders_have_no_group():
    bench = TestBench()
    order = bench.submitted()
    assert (order.group_id, bench.engine.state.tables.groups) == (0, {})
    assert stop(Side.SELL, 1).order_type is OrderType.STOP
