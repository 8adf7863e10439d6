"""The status is the first row of the table whose fact holds, for any facts whatever."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.domain import lifecycle
from meltica.domain.lifecycle import PRECEDENCE, TERMINAL, OrderStatus
from meltica.domain.order import Ended, Order, OrderType, Pending, PendingKind, Side, TimeInForce

BARE = Order(
    order_id=1,
    client_order_id="X",
    account="main",
    strategy="manual",
    instrument="BTC/USDT@BINANCE",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    quantity_lots=10,
    price_ticks=100,
)


def order(**facts) -> Order:
    return msgspec.structs.replace(BARE, **facts)


def pending(kind: PendingKind, acknowledged: bool = True) -> list[Pending]:
    return [Pending(kind=kind, client_order_id="Y", original_client_order_id="X", acknowledged=acknowledged)]


REACHED = [
    ({"pending": pending(PendingKind.CANCEL)}, "PendingCancel"),
    ({"pending": pending(PendingKind.REPLACE)}, "PendingReplace"),
    ({"done_for_day": True}, "DoneForDay"),
    ({"ended": Ended.CALCULATED}, "Calculated"),
    ({"cumulative_lots": 10}, "Filled"),
    ({"stopped": True}, "Stopped"),
    ({"suspended": True}, "Suspended"),
    ({"ended": Ended.CANCELED}, "Canceled"),
    ({"ended": Ended.EXPIRED}, "Expired"),
    ({"cumulative_lots": 9}, "PartiallyFilled"),
    ({"ended": Ended.REJECTED}, "Rejected"),
    ({"acknowledged": True}, "New"),
    ({}, "PendingNew"),
]


@pytest.mark.parametrize(("facts", "status"), REACHED, ids=[status for _, status in REACHED])
def test_each_row_is_reached(facts, status):
    assert lifecycle.status(order(**facts)).value == status


def test_every_status_has_its_row_and_precedence_falls():
    assert {row[1] for row in PRECEDENCE} == set(OrderStatus) == {OrderStatus(status) for _, status in REACHED}
    assert [row[0] for row in PRECEDENCE] == sorted((row[0] for row in PRECEDENCE), reverse=True)


@pytest.mark.parametrize("pair", list(itertools.combinations(range(len(REACHED)), 2)), ids=str)
def test_of_two_facts_the_higher_row_is_told(pair):
    (high, status), (low, _) = REACHED[pair[0]], REACHED[pair[1]]
    if not high.keys() & low.keys():  # One field can't say two things.
        assert lifecycle.status(order(**low, **high)).value == status


def test_a_request_shows_only_when_the_venue_says_that_it_is_pending():
    assert lifecycle.status(order(pending=pending(PendingKind.CANCEL, acknowledged=False))) is OrderStatus.PENDING_NEW


def test_nothing_ordered_is_not_filled():
    assert lifecycle.status(order(quantity_lots=0, ended=Ended.REJECTED)) is OrderStatus.REJECTED


facts = st.fixed_dictionaries(
    {
        "quantity_lots": st.integers(0, 12),
        "cumulative_lots": st.integers(0, 15),
        "ended": st.none() | st.sampled_from(Ended),
        "done_for_day": st.booleans(),
        "remainder_survives_day": st.booleans(),
        "stopped": st.booleans(),
        "suspended": st.booleans(),
        "acknowledged": st.booleans(),
    }
)


@settings(print_blob=True, deadline=None, max_examples=300)
@given(facts)
def test_status_and_leaves_are_told_for_any_facts(given_facts):
    it = order(**given_facts)
    leaves = lifecycle.leaves_lots(it)
    assert lifecycle.status(it) in OrderStatus
    assert 0 <= leaves <= it.quantity_lots
    assert lifecycle.is_working(it) == (leaves > 0)
    if it.ended is not None or it.cumulative_lots >= it.quantity_lots:
        assert leaves == 0
    if it.quantity_lots > 0 and lifecycle.status(it) in TERMINAL:
        assert leaves == 0
