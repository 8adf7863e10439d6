"""Stops that the paper venue keeps itself."""

from __future__ import annotations

from typing import Any

import pytest

from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.terms import Terms, TriggerSource
from tests.unit.venues.orders import BUY, SELL, Floor


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.book([(100, 10), (99, 20)], [(102, 5), (103, 7)], snapshot=True)
    return floor


def stop(floor: Floor, name: str, side: Side, trigger: int, price: int | None = None, **kw: Any) -> list[str]:
    kind = OrderType.STOP if price is None else OrderType.STOP_LIMIT
    terms = Terms(trigger_ticks=trigger, trigger_source=kw.pop("source", TriggerSource.BID_ASK))
    facts = {"time_in_force": TimeInForce.GTC, **kw}
    return floor.order(name, side, 4, price, order_type=kind, terms=terms, **facts)


def test_a_stop_waits_for_the_other_side_and_takes_what_there_is(floor: Floor) -> None:
    assert stop(floor, "s", SELL, 99) == ["s New"]
    assert stop(floor, "b", BUY, 103) == ["b New"]
    assert floor.trade(99, 1, SELL) == []
    assert floor.book([(100, 0)], []) == ["s Trade 4@99 taker"]
    assert floor.book([], [(102, 0)]) == ["b Trade 4@103 taker"]


def test_one_that_looks_at_trades_waits_for_one(floor: Floor) -> None:
    assert stop(floor, "s", SELL, 99, source=TriggerSource.LAST) == ["s New"]
    assert floor.book([(100, 0)], []) == []
    assert floor.trade(100, 1, SELL) == []
    assert floor.trade(99, 1, SELL) == ["s Trade 4@99 taker"]


def test_a_stop_limit_rests_at_its_limit_once_it_fired(floor: Floor) -> None:
    assert stop(floor, "s", SELL, 99, 101) == ["s New"]
    assert floor.trade(101, 50, BUY) == []
    floor.book([(100, 0)], [])
    assert floor.trade(101, 50, BUY) == ["s Trade 4@101 maker"]


def test_on_the_wrong_side_it_fires_at_once(floor: Floor) -> None:
    assert stop(floor, "s", SELL, 100) == ["s New", "s Trade 4@100 taker"]


def test_post_only_that_would_take_when_it_fires_is_cancelled(floor: Floor) -> None:
    stop(floor, "s", SELL, 99, 98, post_only=True)
    assert floor.book([(100, 0)], []) == ["s Canceled: post-only: when it fired it would have taken liquidity"]


def test_without_a_book_nothing_fires_until_the_snapshot(floor: Floor) -> None:
    stop(floor, "s", SELL, 99)
    floor.gap()
    assert floor.trade(90, 5, SELL) == []
    assert floor.book([(95, 9)], [(96, 9)], snapshot=True) == ["s Trade 4@95 taker"]


def test_it_is_cancelled_replaced_and_expires_like_any_other(floor: Floor) -> None:
    stop(floor, "s", SELL, 99, 98)
    assert floor.replace("s", "s2", 3, 97) == ["s2 Replaced 3@97 for s"]
    assert floor.cancel("s2", "s3") == ["s3 Canceled for s2"]
    stop(floor, "d", SELL, 99, time_in_force=TimeInForce.DAY)
    assert floor.end_session() == ["d Expired: end of the trading day"]
    assert floor.book([(100, 0)], []) == []
