"""Many orders in one input: each answered by itself, all or none of them, and the same after a recovery."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.domain.commands import (
    Amendment,
    AmendOrders,
    CancelOrders,
    EngageKillSwitch,
    GateState,
    ReportGate,
    SubmitOrder,
    SubmitOrders,
    asks_the_same,
)
from meltica.domain.groups import Link
from meltica.domain.limits import SelfMatch
from meltica.domain.many import ITEMS_MOST, ManyAnswered, Outcome
from meltica.domain.order import Side
from meltica.domain.order_events import (
    AmendDenied,
    CancelRequested,
    HeldAmended,
    OrderDenied,
    OrderHeld,
    OrderReported,
    OrderSubmitted,
    ReplaceRequested,
)
from meltica.engine.snapshot import snapshot
from meltica.hot.state import COLUMNS
from tests.engines import MARK_TICKS, SECOND, TestBench
from tests.replay.judge import assert_lossless, recovered, replayed
from tests.unit.engine.group_day import TARA, GroupDay, leg, stop_loss
from tests.unit.engine.watch import refused

TOO_DEAR = 3 * MARK_TICKS
"""Outside of the price collar."""


def many(bench: TestBench, *orders: SubmitOrder, **kw: Any):
    return bench.step(SubmitOrders(request_id=bench.request(), actor=TARA, orders=orders, **kw))


def answers(events: Any) -> list[tuple[str, int, str, str]]:
    (said,) = [event for event in events if isinstance(event, ManyAnswered)]
    return [(item.outcome.name, item.order_id, item.reason, item.field) for item in said.items]


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


def assert_recovers(bench: TestBench, backend: str = "python") -> None:
    digest = snapshot.digest(bench.engine)
    assert_lossless(bench.history)
    for at in range(len(bench.history) + 1):
        assert recovered(bench.history, backend, at, at) == digest


def test_each_order_is_judged_by_itself(bench):
    events = many(bench, leg(), leg(lots=0), leg(price=TOO_DEAR), stop_loss(), leg(instrument="X"))
    assert answers(events) == [
        ("DONE", 1, "", ""),
        ("REFUSED", 0, "QUANTITY_NOT_POSITIVE", "quantity"),
        ("REFUSED", 2, "PRICE_COLLAR", ""),
        ("DONE", 3, "", ""),
        ("REFUSED", 0, "UNKNOWN_INSTRUMENT", "instrument"),
    ]
    assert [type(event) for event in events] == [OrderSubmitted, OrderDenied, OrderHeld, ManyAnswered]
    assert events[-1].items[2].fired_mask == events[1].fired_mask
    assert len(bench.history[-1][1]) == 4, "one input, one entry"


@pytest.mark.parametrize("backend", ["python", "cython"])
def test_all_or_none_and_one_is_refused(backend):
    """Nothing is left in the gate but what any order leaves there: tokens, the day's quantity, its number."""
    bench = TestBench(backend)
    events = many(bench, leg(), stop_loss(), leg(price=TOO_DEAR), leg(), all_or_none=True)
    assert answers(events) == [
        ("WITHDRAWN", 1, "", ""),
        ("WITHDRAWN", 2, "", ""),
        ("REFUSED", 3, "PRICE_COLLAR", ""),
        ("NOT_JUDGED", 0, "", ""),
    ]
    withdrawn = [event for event in events if isinstance(event, OrderReported)]
    assert [(event.order_id, event.unsent) for event in withdrawn] == [(1, True), (2, True)]
    assert bench.engine.state.open_orders() == []
    exported = bench.gate.export_state()
    for table, names in (("positions", ("open_buy_lots", "open_sell_lots")), ("accounts", ("open_value_nanos",))):
        rows = [dict(zip(COLUMNS[table], row, strict=True)) for row in exported[table]]
        assert all(row[name] == 0 for row in rows for name in names), table
    assert bench.engine.state.tables.rejects == {}, "no reject of a venue"
    assert_recovers(bench, backend)


def test_all_or_none_and_one_contradicts_itself(bench):
    before = snapshot.digest(bench.engine)
    events = many(bench, leg(), leg(lots=-5), leg(client_order_id="a"), leg(client_order_id="a"), all_or_none=True)
    assert answers(events) == [
        ("NOT_JUDGED", 0, "", ""),
        ("REFUSED", 0, "QUANTITY_NOT_POSITIVE", "quantity"),
        ("NOT_JUDGED", 0, "", ""),
        ("REFUSED", 0, "DUPLICATE_CLIENT_ORDER_ID", "client_order_id"),
    ]
    assert [type(event) for event in events] == [ManyAnswered], "no gate was asked"
    assert bench.engine.state.tables.orders == {}
    assert snapshot.digest(bench.engine) != before, "the input itself counts"


def test_all_or_none_and_all_pass(bench):
    events = many(bench, leg(), leg(Side.SELL, price=MARK_TICKS + 500), stop_loss(), all_or_none=True)
    assert answers(events) == [("DONE", number, "", "") for number in (1, 2, 3)]
    assert [order.order_id for order in bench.engine.state.open_orders()] == [1, 2, 3]


def test_tokens_that_a_withdrawn_list_took_are_taken_in_a_recovery_too():
    """Nine messages at once, then one second later as many as came back: live, and recovered at every point."""
    bench = TestBench(messages_per_second=2, message_burst=9)
    many(bench, *[leg(price=MARK_TICKS - number) for number in range(8)], leg(price=TOO_DEAR), all_or_none=True)
    events = many(bench, *[leg(price=MARK_TICKS - 20 - number) for number in range(3)])
    assert [name for name, *_ in answers(events)] == ["DONE", "REFUSED", "REFUSED"]
    bench.now_ns += SECOND
    events = many(bench, *[leg(price=MARK_TICKS - 40 - number) for number in range(3)])
    assert [name for name, *_ in answers(events)] == ["DONE", "DONE", "REFUSED"]
    for backend in ("python", "cython"):
        assert replayed(bench.history, backend)
    assert_recovers(bench)


def test_a_list_that_fails_makes_nothing_give_way():
    """Self-match prevention cancels the oldest; but only once all of the list are in."""
    bench = TestBench(self_match=SelfMatch.CANCEL_OLDEST)
    bench.submit(Side.SELL, 10, MARK_TICKS)
    events = many(bench, leg(), leg(price=TOO_DEAR), all_or_none=True)
    assert not [event for event in events if isinstance(event, CancelRequested)]
    events = many(bench, leg(), leg(price=MARK_TICKS - 100), all_or_none=True)
    assert [event.order_id for event in events if isinstance(event, CancelRequested)] == [1]
    assert_recovers(bench)


def test_without_a_gate_nothing_is_let_in(bench):
    bench.step(ReportGate(request_id="g", actor="system:test", state=GateState.LOST))
    events = many(bench, leg(), leg(), all_or_none=True)
    assert [row[::2] for row in answers(events)] == [("REFUSED", "GATE_LOST"), ("NOT_JUDGED", "")]


def test_under_the_kill_switch_nothing_is_let_in(bench):
    bench.step(EngageKillSwitch(request_id="k", actor=TARA, reason="test"))
    events = many(bench, leg(), stop_loss())
    assert [row[::2] for row in answers(events)] == [("REFUSED", "KILL_SWITCH"), ("REFUSED", "KILL_SWITCH")]


@settings(max_examples=40, deadline=None, print_blob=True)
@given(
    lots=st.lists(st.tuples(st.integers(1, 60), st.booleans(), st.sampled_from(Side)), min_size=1, max_size=12),
    all_or_none=st.booleans(),
    limit=st.integers(20, 200),
)
def test_the_gate_counts_what_is_open_and_nothing_else(lots, all_or_none, limit):
    """Against sums made here: which pass under a position limit, and what is held afterwards."""
    bench = TestBench(max_long_lots=limit, max_short_lots=limit)
    orders = [
        leg(side, number, MARK_TICKS - 500 if side is Side.BUY else MARK_TICKS + 500, reduce_only=False)
        for number, _, side in lots
    ]
    outcomes = [name for name, *_ in answers(many(bench, *orders, all_or_none=all_or_none))]
    held = dict.fromkeys(Side, 0)
    expected = []
    for number, _, side in lots:
        passes = held[side] + number <= limit
        held[side] += number if passes else 0
        expected.append("DONE" if passes else "REFUSED")
    if all_or_none and "REFUSED" in expected:
        at = expected.index("REFUSED")
        expected = ["WITHDRAWN"] * at + ["REFUSED"] + ["NOT_JUDGED"] * (len(expected) - at - 1)
        held = dict.fromkeys(Side, 0)
    assert outcomes == expected
    for side in Side:
        assert bench.engine.state.reservations.lots("main", orders[0].instrument, side) == held[side]
    assert_recovers(bench)


@pytest.mark.parametrize("number", [0, ITEMS_MOST + 1])
@pytest.mark.parametrize("kind", ["orders", "amendments", "order_ids"])
def test_no_list_is_empty_or_beyond_its_bound(bench, kind, number):
    common = {"request_id": bench.request(), "actor": TARA}
    if kind == "order_ids" and number == 0:
        refused(bench, CancelOrders(**common), "NOTHING_TO_CANCEL", "order_ids")
        return
    body = {
        "orders": lambda: SubmitOrders(**common, orders=(leg(),) * number),
        "amendments": lambda: AmendOrders(**common, amendments=(Amendment(order_id=1),) * number),
        "order_ids": lambda: CancelOrders(**common, order_ids=tuple(range(number))),
    }[kind]()
    refused(bench, body, "ITEMS_OUT_OF_RANGE", kind)


def test_five_hundred_at_once_are_one_entry(bench):
    events = many(bench, *[leg(lots=1, price=MARK_TICKS - number) for number in range(ITEMS_MOST)])
    assert len(answers(events)) == ITEMS_MOST
    assert len(bench.engine.state.working_orders()) == ITEMS_MOST
    assert len(encode := bench.history[-1][1]) == ITEMS_MOST + 1, encode[-1]


# Cancels


def cancelled(bench: TestBench, **kw: Any) -> list[tuple[str, int, str, str]]:
    return answers(bench.step(CancelOrders(request_id=bench.request(), actor=kw.pop("actor", TARA), **kw)))


@pytest.fixture
def six(bench):
    """1, 2: BUY of manual; 3: SELL; 4: a stop that is held; 5: ended; 6: of a strategy, ten seconds younger."""
    bench.open_up(next(iter(bench.engine.state.instruments())), strategies=("other",))
    many(bench, leg(), leg(price=MARK_TICKS - 50), leg(Side.SELL, price=MARK_TICKS + 50), stop_loss())
    many(bench, leg(price=TOO_DEAR))
    bench.now_ns += 10 * SECOND
    many(bench, leg(strategy="other"))
    return bench


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"account": "main"}, [1, 2, 3, 4, 6]),
        ({"account": "nobody"}, []),
        ({"side": Side.SELL}, [3, 4]),
        ({"strategy": "other"}, [6]),
        ({"older_than_ns": 5 * SECOND}, [1, 2, 3, 4]),
        ({"older_than_ns": 5 * SECOND, "side": Side.BUY}, [1, 2]),
        ({"instrument": "BTC/USDT@BINANCE", "strategy": "manual"}, [1, 2, 3, 4]),
        ({"group_id": 99}, []),
    ],
)
def test_cancel_by_filter(six, wanted, found):
    assert cancelled(six, **wanted) == [("DONE", number, "", "") for number in found]
    for number in found:
        order = six.engine.state.tables.orders[number]
        assert order.ended is not None or order.pending


def test_cancel_by_number_answers_each(six):
    wanted = (1, 5, 77, 4, 1, 6)
    assert cancelled(six, order_ids=wanted, strategy="manual") == [
        ("DONE", 1, "", ""),
        ("REFUSED", 5, "ORDER_TERMINAL", "order_ids"),
        ("REFUSED", 0, "UNKNOWN_ORDER", "order_ids"),
        ("DONE", 4, "", ""),
        ("REFUSED", 6, "NOT_WANTED", "order_ids"),
    ]


def test_a_cancel_that_is_on_its_way_is_not_sent_again(six):
    cancelled(six, order_ids=(1,))
    assert cancelled(six, order_ids=(1,)) == [("DONE", 1, "", "")]
    assert len(six.engine.state.tables.orders[1].pending) == 1


def test_a_strategy_cancels_its_own_alone(six):
    assert cancelled(six, actor="strategy:other", account="main") == [("DONE", 6, "", "")]
    ((_, _, reason, _),) = cancelled(six, actor="strategy:other", order_ids=(1,))
    assert reason == "NOT_YOUR_ORDER"


def test_cancels_pass_under_the_kill_switch_and_without_a_gate(six):
    six.step(ReportGate(request_id="g", actor="system:test", state=GateState.LOST))
    assert len(cancelled(six, account="main")) == 5


def test_a_negative_age_is_refused(six):
    body = CancelOrders(request_id="a", actor=TARA, older_than_ns=-1)
    refused(six, body, "AGE_OUT_OF_RANGE", "older_than")


# Amendments


def test_each_amendment_is_judged_by_itself(six):
    amendments = (
        Amendment(order_id=1, quantity_lots=120),
        Amendment(order_id=2, price_ticks=TOO_DEAR),
        Amendment(order_id=1, quantity_lots=5),
        Amendment(order_id=5, quantity_lots=5),
        Amendment(order_id=77, quantity_lots=5),
        Amendment(order_id=3),
        Amendment(order_id=4, quantity_lots=50),
        Amendment(order_id=6, quantity_lots=0),
    )
    events = six.step(AmendOrders(request_id=six.request(), actor=TARA, amendments=amendments))
    assert answers(events) == [
        ("DONE", 1, "", ""),
        ("REFUSED", 2, "PRICE_COLLAR", ""),
        ("REFUSED", 0, "NAMED_TWICE", "order_id"),
        ("REFUSED", 0, "ORDER_TERMINAL", "order_id"),
        ("REFUSED", 0, "UNKNOWN_ORDER", "order_id"),
        ("REFUSED", 0, "NOTHING_TO_AMEND", "quantity"),
        ("DONE", 4, "", ""),
        ("REFUSED", 0, "QUANTITY_NOT_POSITIVE", "quantity"),
    ]
    assert [type(event) for event in events] == [ReplaceRequested, AmendDenied, HeldAmended, ManyAnswered]
    assert_recovers(six)


def test_items_of_accounts_that_the_caller_does_not_act_for(six):
    """None acts for all, an empty list for nobody."""
    given = {"actor": TARA, "amendments": (Amendment(order_id=1, price_ticks=MARK_TICKS - 5), Amendment(order_id=77))}
    for accounts, amended, let_in in (
        (("other", "third"), ("REFUSED", 1, "NOT_YOUR_ACCOUNT", "order_id"), False),
        ((), ("REFUSED", 1, "NOT_YOUR_ACCOUNT", "order_id"), False),
        (("main", "other"), ("DONE", 1, "", ""), True),
    ):
        body = AmendOrders(request_id=six.request(), accounts=accounts, **given)
        assert answers(six.step(body)) == [amended, ("REFUSED", 0, "UNKNOWN_ORDER", "order_id")]
        new = SubmitOrders(request_id=six.request(), actor=TARA, accounts=accounts, orders=(leg(),))
        ((outcome, number, reason, _),) = answers(six.step(new))
        assert (outcome == "DONE", number > 0, reason == "") == (let_in,) * 3
    assert answers(six.step(AmendOrders(request_id="", **given)))[0] == ("DONE", 1, "", "")
    assert_recovers(six)


def test_cancels_for_some_accounts(six):
    assert cancelled(six, side=Side.BUY, accounts=("other",)) == []
    assert cancelled(six, order_ids=(1, 77), accounts=()) == [
        ("REFUSED", 1, "NOT_YOUR_ACCOUNT", "order_ids"),
        ("REFUSED", 0, "UNKNOWN_ORDER", "order_ids"),
    ]
    assert [number for _, number, _, _ in cancelled(six, side=Side.SELL, accounts=("main",))] == [3, 4]


def test_whom_the_caller_acts_for_is_no_part_of_what_it_asks():
    for first in (
        CancelOrders(request_id="a", actor=TARA, order_ids=(1,), accounts=("main",)),
        AmendOrders(request_id="a", actor=TARA, amendments=(), accounts=()),
        SubmitOrders(request_id="a", actor=TARA, orders=(leg(),)),
    ):
        assert asks_the_same(msgspec.structs.replace(first, accounts=("other",)), first)
        assert not asks_the_same(msgspec.structs.replace(first, actor="tom"), first)
        assert not asks_the_same(CancelOrders(request_id="a", actor=TARA, order_ids=(2,)), first)


def test_a_leg_is_amended_in_price_alone_in_a_list_too():
    day = GroupDay()
    day.list(Link.OCO, leg(price=MARK_TICKS - 100), leg(price=MARK_TICKS - 200))
    amendments = (Amendment(order_id=1, quantity_lots=5), Amendment(order_id=2, price_ticks=MARK_TICKS - 150))
    events = day.step(AmendOrders(request_id="a", actor=TARA, amendments=amendments))
    assert answers(events) == [("REFUSED", 0, "GROUP_SIZES_LEG", "quantity"), ("DONE", 2, "", "")]


def test_every_outcome_has_a_word_for_callers():
    assert [outcome.name for outcome in Outcome] == ["DONE", "REFUSED", "WITHDRAWN", "NOT_JUDGED"]
