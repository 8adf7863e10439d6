"""Orders at the paper venue of which a part shows: what stands in the queue, and what has to join its end."""

from __future__ import annotations

import random

import pytest

from meltica.domain.order import Order, OrderType, TimeInForce
from meltica.domain.terms import Terms
from tests.unit.venues.orders import BTC, BUY, SELL, Floor


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.book([(100, 10), (99, 20)], [(102, 5), (103, 7), (105, 50)], snapshot=True)
    return floor


def iceberg(floor: Floor, name: str, lots: int, price: int, shows: int) -> list[str]:
    return floor.order(name, BUY, lots, price, terms=Terms(display_lots=shows))


def test_only_what_shows_is_served_and_the_next_part_joins_the_end(floor: Floor) -> None:
    iceberg(floor, "a", 25, 100, 10)
    assert floor.trade(100, 12, SELL) == ["a Trade 2@100 maker"]
    floor.book([(100, 6)], [])
    floor.order("b", BUY, 3, 100)  # Behind the 6; what is left of the 8 stands before them.
    assert floor.trade(100, 8, SELL) == ["a Trade 8@100 maker"]
    assert floor.trade(100, 6, SELL) == [], "the next ten are behind those six, as they were displayed then"
    assert floor.trade(100, 3, SELL) == ["b Trade 3@100 maker"]
    assert floor.trade(100, 1, SELL) == ["a Trade 1@100 maker"]


def test_a_large_trade_goes_on_through_the_parts_behind_everybody_else(floor: Floor) -> None:
    iceberg(floor, "a", 25, 100, 10)
    floor.order("b", BUY, 4, 100)
    # Ten others, then the first ten, then our other order, then the parts that came to the end.
    assert floor.trade(100, 33, SELL) == [
        "a Trade 10@100 maker",
        "b Trade 4@100 maker",
        "a Trade 9@100 maker",
    ]
    assert floor.trade(100, 10, SELL) == ["a Trade 1@100 maker"], (
        "its last five stand behind the ten that are displayed"
    )


def test_what_crosses_takes_all_of_it_part_by_part(floor: Floor) -> None:
    iceberg(floor, "a", 25, 100, 10)
    assert floor.book([(100, 0)], [(100, 22)]) == [
        "a Trade 10@100 maker",
        "a Trade 10@100 maker",
        "a Trade 2@100 maker",
    ]
    assert floor.trade(99, 9, SELL) == ["a Trade 3@100 maker"], "a trade through our price takes the rest"


def test_it_takes_with_all_of_its_quantity(floor: Floor) -> None:
    assert iceberg(floor, "a", 25, 103, 10) == ["a New", "a Trade 5@102 taker", "a Trade 7@103 taker"]
    assert floor.trade(103, 99, SELL) == ["a Trade 10@103 maker", "a Trade 3@103 maker"]


def test_cancelled_and_replaced_like_any_other(floor: Floor) -> None:
    iceberg(floor, "a", 25, 100, 10)
    floor.trade(100, 20, SELL)
    assert floor.replace("a", "b", 12, 100) == ["b Replaced 12@100 for a"]
    assert floor.trade(99, 50, SELL) == ["b Trade 2@100 maker"]
    iceberg(floor, "c", 25, 100, 10)
    assert floor.cancel("c", "d") == ["d Canceled for c"]
    assert floor.trade(99, 50, SELL) == []


def test_after_a_restart_a_part_of_it_shows_again(floor: Floor) -> None:
    known = Order(
        order_id=1, client_order_id="a", account="desk", strategy="s", instrument=BTC.instrument, side=BUY,
        order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, quantity_lots=25, price_ticks=100,
        acknowledged=True, venue_order_id="7-1", cumulative_lots=3, terms=Terms(display_lots=10),
    )  # fmt: skip
    floor.session.restore([known], floor.now_ns)
    assert floor.trade(100, 21, SELL) == ["a Trade 10@100 maker", "a Trade 1@100 maker"]


def test_against_somebody_who_keeps_the_queue_on_paper() -> None:
    """One level, no cancels of others: a list of who stands where, in parts of one lot."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    draw = random.Random(seed)
    for _ in range(60):
        _compare(draw, seed)


def _compare(draw: random.Random, seed: int) -> None:
    floor, displayed = Floor(), draw.randint(0, 12)
    floor.book([(100, displayed)] if displayed else [(98, 1)], [(120, 5)], snapshot=True)
    queue = ["-"] * displayed
    hidden: dict[str, tuple[int, int]] = {}
    for number in range(draw.randint(1, 4)):
        name, lots, shows = f"o{number}", draw.randint(1, 30), draw.randint(0, 9)
        floor.order(name, BUY, lots, 100, terms=Terms(display_lots=min(shows, lots)) if shows else None)
        first = min(shows, lots) or lots
        queue += [name] * first
        hidden[name] = (lots - first, min(shows, lots))
    for _ in range(3):
        trade = draw.randint(1, 40)
        expected: dict[str, int] = {}
        for _ in range(trade):
            if not queue:
                break
            name = queue.pop(0)
            if name == "-":
                continue
            expected[name] = expected.get(name, 0) + 1
            left, shows = hidden[name]
            if name not in queue and left:
                queue += [name] * min(shows, left)
                hidden[name] = (left - min(shows, left), shows)
        found: dict[str, int] = {}
        for word in floor.trade(100, trade, SELL):
            name, _, what, *_ = word.split()
            found[name] = found.get(name, 0) + int(what.partition("@")[0])
        assert found == expected, f"seed {seed}"
        displayed = queue.count("-")
        floor.book([(100, displayed)], [])
