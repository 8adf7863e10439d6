"""Stories of the paper venue: who is filled, when, at what price, and why not."""

from __future__ import annotations

import pytest

from meltica.domain.order import TimeInForce
from meltica.domain.terms import Terms
from tests.unit.venues.orders import BUY, SELL, Floor

IOC, FOK, DAY = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.book([(100, 10), (99, 20)], [(102, 5), (103, 7), (105, 50)], snapshot=True)
    return floor


class TestQueue:
    def test_trades_at_our_price_serve_those_ahead_first(self, floor: Floor):
        assert floor.order("a", BUY, 4, 100) == ["a New"]
        assert floor.trade(100, 6, SELL) == []
        assert floor.trade(100, 5, SELL) == ["a Trade 1@100 maker"]
        assert floor.trade(100, 9, SELL) == ["a Trade 3@100 maker"]
        assert floor.trade(100, 9, SELL) == []

    def test_less_displayed_than_was_ahead_moves_us_forward(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        floor.book([(100, 3)], [])
        assert floor.trade(100, 4, SELL) == ["a Trade 1@100 maker"]

    def test_one_more_displayed_is_one_behind_us(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        floor.book([(100, 11)], [])
        assert floor.trade(100, 11, SELL) == ["a Trade 1@100 maker"]

    def test_more_displayed_comes_behind_us(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        floor.book([(100, 500)], [])
        assert floor.trade(100, 11, SELL) == ["a Trade 1@100 maker"]

    def test_those_between_our_two_orders_are_served_between_them(self, floor: Floor):
        floor.order("a", BUY, 2, 100)  # Behind 10.
        floor.book([(100, 13)], [])
        floor.order("b", BUY, 2, 100)  # Behind 13, of which 3 stand between us.
        assert floor.trade(100, 14, SELL) == ["a Trade 2@100 maker"]  # 10 others, we, then 2 of the 3.
        assert floor.trade(100, 2, SELL) == ["b Trade 1@100 maker"]  # The third of them, then b.

    def test_a_buyer_does_not_serve_bids(self, floor: Floor):
        floor.book([(100, 0)], [])
        floor.order("a", BUY, 4, 100)
        assert floor.trade(100, 50, BUY) == []
        assert floor.trade(100, 1, SELL) == ["a Trade 1@100 maker"]

    def test_without_an_aggressor_the_book_tells_the_side(self, floor: Floor):
        floor.order("a", BUY, 1, 100)
        floor.order("b", SELL, 1, 102)
        assert floor.trade(100, 11, None) == ["a Trade 1@100 maker"]
        assert floor.trade(102, 6, None) == ["b Trade 1@102 maker"]

    def test_a_trade_inside_the_spread_of_unknown_side_is_not_ours(self, floor: Floor):
        floor.order("a", BUY, 1, 101)
        assert floor.trade(101, 5, None) == []

    def test_alone_inside_the_spread_we_are_first(self, floor: Floor):
        floor.order("a", BUY, 5, 101)
        assert floor.trade(101, 2, SELL) == ["a Trade 2@101 maker"]


class TestThroughUs:
    def test_a_trade_through_our_price_fills_us_at_our_price_as_far_as_it_goes(self, floor: Floor):
        floor.order("a", BUY, 8, 100)
        assert floor.trade(99, 3, SELL) == ["a Trade 3@100 maker"]
        assert floor.trade(99, 9, SELL) == ["a Trade 5@100 maker"]

    def test_whoever_was_the_aggressor(self, floor: Floor):
        floor.order("a", BUY, 2, 100)
        assert floor.trade(99, 3, BUY) == ["a Trade 2@100 maker"]

    def test_price_then_time(self, floor: Floor):
        floor.order("late but better", BUY, 2, 101)
        floor.order("first", BUY, 2, 100)
        floor.order("second", BUY, 2, 100)
        assert floor.trade(99, 5, SELL) == [
            "late but better Trade 2@101 maker",
            "first Trade 2@100 maker",
            "second Trade 1@100 maker",
        ]

    def test_an_offer_that_crosses_us_fills_us_at_our_price_as_far_as_it_displays(self, floor: Floor):
        floor.order("a", BUY, 8, 101)
        assert floor.book([], [(101, 3)]) == ["a Trade 3@101 maker"]
        assert floor.book([(98, 1)], []) == []  # The same three lots are not given twice.
        assert floor.book([], [(100, 4)]) == ["a Trade 4@101 maker"]
        assert floor.book([], [(101, 9)]) == ["a Trade 1@101 maker"]

    def test_a_bid_that_crosses_our_offer(self, floor: Floor):
        floor.order("a", SELL, 3, 102)
        assert floor.book([(103, 2)], []) == ["a Trade 2@102 maker"]


class TestTaking:
    def test_level_by_level_then_the_rest_stays(self, floor: Floor):
        assert floor.order("a", BUY, 14, 103) == ["a New", "a Trade 5@102 taker", "a Trade 7@103 taker"]
        assert floor.trade(103, 1, SELL) == ["a Trade 1@103 maker"]

    def test_what_we_took_is_not_given_twice(self, floor: Floor):
        floor.order("a", BUY, 4, 102, time_in_force=IOC)
        assert floor.order("b", BUY, 4, 102, time_in_force=IOC)[1:] == [
            "b Trade 1@102 taker",
            "b Canceled: no liquidity left within the price",
        ]
        floor.book([], [(102, 3)])
        assert floor.order("c", BUY, 4, 102, time_in_force=IOC)[1] == "c Trade 3@102 taker"

    def test_market_order_takes_all_and_its_rest_is_cancelled(self, floor: Floor):
        assert floor.order("a", SELL, 31, None) == [
            "a New",
            "a Trade 10@100 taker",
            "a Trade 20@99 taker",
            "a Canceled: no liquidity left within the price",
        ]

    def test_fill_or_kill_takes_all_or_nothing(self, floor: Floor):
        assert floor.order("a", BUY, 13, 103, time_in_force=FOK) == [
            "a New",
            "a Canceled: fill or kill: not all of it can be filled at once",
        ]
        assert floor.order("b", BUY, 12, 103, time_in_force=FOK) == [
            "b New",
            "b Trade 5@102 taker",
            "b Trade 7@103 taker",
        ]

    def test_a_minimum_quantity_at_once_or_nothing(self, floor: Floor):
        least = {"time_in_force": IOC, "terms": Terms(min_lots=13)}
        assert floor.order("a", BUY, 20, 103, **least) == [
            "a New",
            "a Canceled: minimum quantity: not as much as that can be filled at once",
        ]
        least["terms"] = Terms(min_lots=12)
        assert floor.order("b", BUY, 20, 103, **least) == [
            "b New",
            "b Trade 5@102 taker",
            "b Trade 7@103 taker",
            "b Canceled: no liquidity left within the price",
        ]

    def test_post_only_that_would_cross_is_refused(self, floor: Floor):
        assert floor.order("a", BUY, 1, 102, post_only=True) == ["a Rejected: post-only: it would take liquidity"]
        assert floor.order("b", BUY, 1, 101, post_only=True) == ["b New"]


class TestSelfMatch:
    def test_the_newest_is_cancelled(self, floor: Floor):
        floor.order("mine", SELL, 5, 101)
        assert floor.order("a", BUY, 3, 101) == [
            "a New",
            "a Canceled: self-match prevention: it would trade with our own resting order",
        ]
        assert floor.trade(101, 5, BUY) == ["mine Trade 5@101 maker"]

    def test_what_is_better_than_our_own_is_taken_first(self, floor: Floor):
        floor.order("mine", SELL, 5, 103)
        assert floor.order("a", BUY, 50, 104) == [
            "a New",
            "a Trade 5@102 taker",
            "a Trade 7@103 taker",  # They stood before us at 103.
            "a Canceled: self-match prevention: it would trade with our own resting order",
        ]

    def test_those_who_came_after_our_own_order_are_not_reached(self, floor: Floor):
        floor.order("mine", SELL, 5, 103)
        floor.book([], [(103, 20)])
        assert floor.order("a", BUY, 50, 104)[1:3] == ["a Trade 5@102 taker", "a Trade 7@103 taker"]

    def test_post_only_against_our_own(self, floor: Floor):
        floor.order("mine", SELL, 5, 101)
        assert floor.order("a", BUY, 3, 101, post_only=True) == ["a Rejected: post-only: it would take liquidity"]


class TestReplace:
    def test_less_at_the_same_price_keeps_the_place(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        floor.book([(100, 50)], [])
        assert floor.replace("a", "a2", 3, 100) == ["a2 Replaced 3@100 for a"]
        assert floor.trade(100, 14, SELL) == ["a2 Trade 3@100 maker"]

    def test_the_same_again_keeps_the_place(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        floor.book([(100, 50)], [])
        floor.replace("a", "a2", 4, 100)
        assert floor.trade(100, 14, SELL) == ["a2 Trade 4@100 maker"]

    @pytest.mark.parametrize(("quantity", "price"), [(5, 100), (4, 99)])
    def test_more_or_another_price_goes_to_the_back(self, floor: Floor, quantity: int, price: int):
        floor.order("a", BUY, 4, 100)
        floor.book([(100, 50), (99, 50)], [])
        assert floor.replace("a", "a2", quantity, price) == [f"a2 Replaced {quantity}@{price} for a"]
        assert floor.trade(price, 50, SELL) == []
        assert floor.trade(price, 1, SELL) == [f"a2 Trade 1@{price} maker"]

    def test_a_new_price_may_take(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        assert floor.replace("a", "a2", 4, 102) == ["a2 Replaced 4@102 for a", "a2 Trade 4@102 taker"]

    @pytest.mark.parametrize("quantity", [6, 2])
    def test_at_or_below_what_is_done_the_order_is_done(self, floor: Floor, quantity: int):
        floor.order("a", BUY, 10, 100)
        floor.trade(100, 16, SELL)
        assert floor.replace("a", "a2", quantity, 100) == ["a2 Replaced 6@100 for a"]  # FIX C.3.c
        assert floor.cancel("a2", "x") == ["x refused for a2: too late to cancel: it is filled"]
        assert floor.trade(99, 50, SELL) == []

    def test_post_only_stays_passive(self, floor: Floor):
        floor.order("a", BUY, 4, 100, post_only=True)
        assert floor.replace("a", "a2", 4, 102) == ["a2 refused for a: post-only: it would take liquidity"]
        assert floor.trade(100, 14, SELL) == ["a Trade 4@100 maker"]

    def test_a_chain_of_ids_leads_to_the_order(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        floor.replace("a", "a2", 5, 99)
        floor.replace("a2", "a3", 6, 98)
        assert floor.cancel("a", "x") == ["x Canceled for a3"]

    def test_too_late_and_unknown(self, floor: Floor):
        floor.order("a", BUY, 5, 102)
        assert floor.replace("a", "a2", 9, 102) == ["a2 refused for a: too late to replace: it is filled"]
        assert floor.cancel("nobody", "x") == ["x refused for nobody: unknown order: nothing to cancel"]

    def test_a_used_id_is_refused(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        assert floor.replace("a", "a", 3, 100) == ["a refused for a: duplicate client order id a"]
        assert floor.order("a", BUY, 1, 1) == ["a Rejected: duplicate client order id a"]

    def test_to_nothing_is_refused(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        assert floor.replace("a", "a2", 0, 100) == ["a2 refused for a: a quantity of nothing is a cancel: ask for that"]


class TestNoMarket:
    def test_before_the_first_snapshot(self):
        floor = Floor()
        assert floor.order("m", BUY, 1, None) == [
            "m Rejected: the market's book is not valid: a market order has no price now"
        ]
        assert floor.order("p", BUY, 1, 100, post_only=True)[0].startswith("p Rejected: post-only: the market's book")
        assert floor.order("i", BUY, 1, 100, time_in_force=IOC)[1].startswith("i Canceled: nothing can match now")
        assert floor.order("a", BUY, 9, 102) == ["a New"]
        assert floor.book([(100, 10)], [(102, 5)]) == []  # An update without a snapshot says nothing.
        assert floor.book([(100, 10)], [(102, 5)], snapshot=True) == ["a Trade 5@102 taker"]

    def test_after_a_gap_nothing_matches_until_the_snapshot(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        floor.gap()
        assert floor.trade(99, 50, SELL) == []
        assert floor.book([], [(90, 5)]) == []
        assert floor.book([(100, 2)], [(102, 5)], snapshot=True) == []
        assert floor.trade(100, 3, SELL) == ["a Trade 1@100 maker"]  # Two ahead, whoever they are.

    def test_a_snapshot_never_puts_more_ahead_of_us(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        floor.trade(100, 8, SELL)
        floor.gap()
        floor.book([(100, 50)], [(102, 5)], snapshot=True)
        assert floor.trade(100, 3, SELL) == ["a Trade 1@100 maker"]

    def test_waiting_orders_can_be_cancelled_and_replaced(self):
        floor = Floor()
        floor.order("a", BUY, 9, 102)
        floor.order("b", BUY, 9, 102)
        assert floor.cancel("a", "x") == ["x Canceled for a"]
        assert floor.replace("b", "b2", 3, 103) == ["b2 Replaced 3@103 for b"]
        assert floor.book([(100, 10)], [(102, 5)], snapshot=True) == ["b2 Trade 3@102 taker"]

    def test_halted(self, floor: Floor):
        floor.order("a", BUY, 4, 100)
        floor.halt()
        assert floor.order("b", BUY, 1, 100) == ["b Rejected: trading is halted"]
        assert floor.replace("a", "a2", 9, 100) == ["a2 refused for a: trading is halted"]
        assert floor.trade(99, 50, SELL) == []
        assert floor.book([], [(99, 3)]) == []
        assert floor.replace("a", "a3", 3, 100) == ["a3 Replaced 3@100 for a"]
        assert floor.halt(False) == ["a3 Trade 3@100 maker"]
        assert floor.order("c", BUY, 1, 98) == ["c New"]


def test_day_orders_end_with_the_day(floor: Floor):
    floor.order("d", BUY, 4, 100, time_in_force=DAY)
    floor.order("g", BUY, 4, 99)
    assert floor.end_session() == ["d Expired: end of the trading day"]
    assert floor.trade(98, 9, SELL) == ["g Trade 4@99 maker"]


def test_they_end_in_the_order_in_which_they_took_their_places(floor: Floor):
    floor.order("a", BUY, 4, 100, time_in_force=DAY)
    floor.order("b", BUY, 4, 100, time_in_force=DAY)
    floor.replace("a", "a2", 5, 100)
    assert [line.split()[0] for line in floor.end_session()] == ["b", "a2"]


@pytest.mark.parametrize(
    ("quantity", "price", "why"),
    [
        (0, 100, "quantity 0 lots is below the minimum of 1"),
        (-5, 100, "quantity -5 lots is below the minimum of 1"),
        (10_001, 100, "quantity 10001 lots is above the maximum of 10000"),
        (1, 0, "price 0 ticks is not within 1..1000000"),
        (1, 1_000_001, "price 1000001 ticks is not within 1..1000000"),
    ],
)
def test_malformed_orders_are_refused(floor: Floor, quantity: int, price: int, why: str):
    assert floor.order("a", BUY, quantity, price) == [f"a Rejected: {why}"]
    assert floor.session.working_orders == 0


def test_an_unknown_instrument_is_refused(floor: Floor):
    assert floor.order("a", BUY, 1, 1, instrument="X/Y@PAPER") == ["a Rejected: unknown instrument X/Y@PAPER"]
