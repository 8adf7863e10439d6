"""What becomes of an order that would trade with an own one, and what the gate knows of its own orders."""

from random import Random
from typing import Any

import pytest

from meltica.hot import Check, OrderType, Side, TimeInForce
from meltica.hot.layout_gen import Mark, SelfMatch
from tests.conformance.gate_desk import OTHER_ACCOUNT, OTHER_INSTRUMENT, OTHER_PORT, A, Desk, S, Stories, X, made

MARKET = {"order_type": OrderType.MARKET, "price_ticks": 0}
SEED = 20_191_030


class OwnBookStories(Stories):
    def crowd(self, desk: Desk, *prices: int, side: int = Side.SELL, **fields: Any) -> None:
        """Own working orders of five lots each, with the ids 101, 102 ..., sent through the other port."""
        for number, price in enumerate(prices):
            order = {"order_id": 101 + number, "quantity_lots": 5, "price_ticks": price, "port_id": OTHER_PORT}
            desk.passes(side=side, **(order | fields))

    # --- 25 SELF_MATCH ---

    @pytest.mark.parametrize(("side", "worse"), [(Side.BUY, -1), (Side.SELL, 1)])
    def test_an_order_that_would_trade_with_an_own_one(self, desk: Desk, side: int, worse: int) -> None:
        self.crowd(desk, 10_010, side=3 - side)
        desk.refuses(Check.SELF_MATCH, side=side, price_ticks=10_010)
        desk.refuses(Check.SELF_MATCH, side=side, price_ticks=10_010 - worse)
        desk.refuses(Check.SELF_MATCH, side=side, order_type=OrderType.MARKET, price_ticks=0)
        desk.refuses(Check.SELF_MATCH, side=side, price_ticks=10_010, tif=TimeInForce.IOC)
        assert desk.gate.self_matches() == []
        desk.passes(side=side, price_ticks=10_010 + worse)
        desk.passes(side=side, price_ticks=10_010, instrument_id=OTHER_INSTRUMENT)

    def test_a_group_may_hold_several_accounts(self, desk: Desk) -> None:
        self.crowd(desk, 10_010, account_id=OTHER_ACCOUNT)
        desk.passes(price_ticks=10_010)
        desk.account(self_match_group=OTHER_ACCOUNT)
        desk.refuses(Check.SELF_MATCH, price_ticks=10_011)
        desk.passes(price_ticks=10_009)

    def test_takers_never_become_working_orders(self, desk: Desk) -> None:
        for number, taker in enumerate(({"tif": TimeInForce.IOC}, {"tif": TimeInForce.FOK}, MARKET)):
            desk.passes(order_id=101 + number, side=Side.SELL, **taker)
        assert desk.working() == {}
        desk.passes(order_id=104, price_ticks=10_500)
        assert desk.working() == {104: 10}

    def test_cancel_oldest_passes_and_lists_what_it_crosses(self, desk: Desk) -> None:
        desk.account(self_match=SelfMatch.CANCEL_OLDEST)
        self.crowd(desk, 10_020, 10_010, 10_030, 10_010)
        desk.passes(quantity_lots=3, price_ticks=10_020, order_id=1)
        assert desk.gate.allowed_lots == 3
        assert desk.gate.self_matches() == [(102, 0), (104, 0), (101, 0)]  # Best price first, then the older
        assert desk.working() == {1: 3, 101: 5, 102: 5, 103: 5, 104: 5}  # They work until a record says otherwise
        desk.passes(price_ticks=9_000)
        assert desk.gate.self_matches() == []

    def test_cancel_both_refuses_and_lists(self, desk: Desk) -> None:
        desk.account(self_match=SelfMatch.CANCEL_BOTH)
        self.crowd(desk, 9_990, 9_980, side=Side.BUY)
        desk.refuses(Check.SELF_MATCH, side=Side.SELL, price_ticks=9_985)
        assert desk.gate.self_matches() == [(101, 0)]
        desk.refuses(Check.SELF_MATCH, side=Side.SELL, order_type=OrderType.MARKET, price_ticks=0)
        assert desk.gate.self_matches() == [(101, 0), (102, 0)]

    def test_decrement_lessens_both(self, desk: Desk) -> None:
        desk.account(self_match=SelfMatch.DECREMENT)
        self.crowd(desk, 10_020, 10_010)
        desk.passes(quantity_lots=12, price_ticks=10_020, order_id=1)
        assert desk.gate.allowed_lots == 2
        assert desk.gate.self_matches() == [(102, 0), (101, 0)]
        assert desk.position() == (0, 2, 10)
        assert desk.open_values() == ((2 * 10_020 + 5 * 10_020 + 5 * 10_010) * 100,) * 3
        assert desk.working() == {1: 2, 101: 5, 102: 5}
        assert desk.column("instruments", "day_lots", X) == 12

    def test_decrement_leaves_a_part_of_the_last_one(self, desk: Desk) -> None:
        desk.account(self_match=SelfMatch.DECREMENT)
        self.crowd(desk, 10_010, 10_020)
        desk.refuses(Check.SELF_MATCH, quantity_lots=7, price_ticks=10_020)
        assert desk.gate.self_matches() == [(101, 0), (102, 3)]
        desk.refuses(Check.SELF_MATCH, quantity_lots=5, price_ticks=10_020)
        assert desk.gate.self_matches() == [(101, 0)]
        desk.passes(quantity_lots=11, price_ticks=10_020)
        assert desk.gate.allowed_lots == 1

    def test_decrement_of_a_replace(self, desk: Desk) -> None:
        desk.account(self_match=SelfMatch.DECREMENT)
        desk.passes(order_id=1)
        self.crowd(desk, 10_010)
        desk.passes(**desk.replaces(order_id=1, quantity_lots=12, price_ticks=10_010))
        assert desk.gate.allowed_lots == 7
        assert desk.position() == (0, 7, 5)
        assert desk.working() == {1: 7, 101: 5}

    def test_nothing_is_listed_when_another_check_refuses(self, desk: Desk) -> None:
        for mode in (SelfMatch.CANCEL_OLDEST, SelfMatch.CANCEL_BOTH, SelfMatch.DECREMENT):
            desk.account(self_match=mode)
            if mode == SelfMatch.CANCEL_OLDEST:
                self.crowd(desk, 10_010)
            desk.mark(Mark.HALTED, X)
            refused = set() if mode == SelfMatch.CANCEL_OLDEST else {Check.SELF_MATCH}
            desk.refuses(Check.HALTED, *refused, quantity_lots=5, price_ticks=10_010)
            assert desk.gate.self_matches() == []
            desk.mark(Mark.HALTED, X, 0)

    @pytest.mark.parametrize("mode", list(SelfMatch))
    def test_at_most_64_crossing_orders_are_looked_at(self, desk: Desk, mode: SelfMatch) -> None:
        desk.account(self_match=mode)
        self.crowd(desk, *[10_100 - number for number in range(64)])
        if mode == SelfMatch.CANCEL_OLDEST:
            desk.passes(price_ticks=10_100)
            assert desk.gate.self_matches() == [(164 - number, 0) for number in range(64)]
        desk.passes(side=Side.SELL, quantity_lots=5, price_ticks=10_100, port_id=OTHER_PORT, order_id=165)
        desk.refuses(Check.SELF_MATCH, price_ticks=10_100)
        assert desk.gate.self_matches() == []
        desk.passes(price_ticks=10_000)

    # --- what keeps the own working orders ---

    def test_fills_and_releases_lessen_and_remove(self, desk: Desk) -> None:
        price = desk.passes(order_id=1, quantity_lots=10)
        keys = (A, X, Side.BUY)
        desk.gate.fill(*keys, 3, price, closes=False, order_id=1, strategy_id=S)
        assert desk.working() == {1: 7}
        desk.gate.release(*keys, 2, price, closes=False, order_id=1, strategy_id=S)
        assert desk.working() == {1: 5}
        desk.gate.fill(*keys, 1, price, closes=False, order_id=0, strategy_id=S)  # Which one is not said
        assert desk.working() == {1: 5}
        desk.gate.release(*keys, 0, price, closes=True, order_id=1, strategy_id=S)
        assert desk.working() == {}
        desk.refuses(Check.POSITION_LIMIT, side=Side.SELL, price_ticks=9_000, quantity_lots=505)
        desk.passes(side=Side.SELL, price_ticks=9_000)

    def test_the_last_lot_ends_an_order(self, desk: Desk) -> None:
        price = desk.passes(order_id=1, quantity_lots=10)
        desk.gate.fill(A, X, Side.BUY, 10, price, closes=False, order_id=1, strategy_id=S)
        assert desk.working() == {}

    def test_a_record_that_names_anothers_order_is_a_fault(self, desk: Desk) -> None:
        price = desk.passes(order_id=1, quantity_lots=10)
        desk.passes(order_id=2, quantity_lots=10, account_id=OTHER_ACCOUNT)
        desk.gate.release(OTHER_ACCOUNT, X, Side.BUY, 10, price, closes=True, order_id=1, strategy_id=S)
        assert desk.gate.counters()["faults"] == 1
        assert desk.working() == {1: 10, 2: 10}

    def test_a_replace_moves_its_order(self, desk: Desk) -> None:
        desk.passes(order_id=1, side=Side.SELL, price_ticks=10_010)
        old = {"order_id": 1, "side": Side.SELL, "working_price_ticks": 10_010}
        desk.passes(**desk.replaces(quantity_lots=8, price_ticks=10_050, **old))
        assert desk.working() == {1: 8}
        desk.passes(price_ticks=10_040, order_id=2)
        desk.refuses(Check.SELF_MATCH, price_ticks=10_050, order_id=3)
        old |= {"working_lots": 8, "working_price_ticks": 10_050}
        desk.refuses(Check.SELF_MATCH, **desk.replaces(quantity_lots=8, price_ticks=10_040, **old))
        desk.passes(**desk.replaces(quantity_lots=8, price_ticks=10_041, **old))
        desk.refuses(Check.SELF_MATCH, price_ticks=10_041, order_id=3)

    def test_a_replace_that_does_not_rest_leaves_the_table(self, desk: Desk) -> None:
        desk.passes(order_id=1)
        desk.passes(**desk.replaces(order_id=1, quantity_lots=9, tif=TimeInForce.IOC))
        assert desk.working() == {}
        old = {"order_id": 1, "working_lots": 9}
        desk.passes(**desk.replaces(quantity_lots=8, **old))
        assert desk.working() == {1: 8}

    def test_recovery_puts_them_back(self, desk: Desk) -> None:
        desk.gate.reserve(A, X, Side.SELL, 5, 10_010, order_id=101, strategy_id=S)
        assert desk.working() == {101: 5}
        desk.refuses(Check.SELF_MATCH, price_ticks=10_010)
        desk.gate.reserve(A, X, Side.SELL, 2, 10_020, opens=False, order_id=101, strategy_id=S)
        assert desk.working() == {101: 7}
        desk.passes(price_ticks=10_019)
        for keys in ((OTHER_ACCOUNT, X, Side.SELL), (A, OTHER_INSTRUMENT, Side.SELL), (A, X, Side.BUY)):
            digest = desk.gate.state_digest()
            with pytest.raises(ValueError, match="order_id"):
                desk.gate.reserve(*keys, 1, 10_000, order_id=101, strategy_id=S)
            assert desk.gate.state_digest() == digest

    def test_recovery_into_a_full_table(self) -> None:
        with made(self.kind, max_working_orders=1) as gate:
            desk = Desk(self.kind, gate)
            gate.reserve(A, X, Side.SELL, 5, 10_010, order_id=101, strategy_id=S)
            digest = gate.state_digest()
            with pytest.raises(ValueError, match="max_working_orders"):
                gate.reserve(A, X, Side.SELL, 5, 10_010, order_id=102, strategy_id=S)
            assert gate.state_digest() == digest
            gate.reserve(A, X, Side.SELL, 5, 10_010, order_id=0, strategy_id=S)
            assert desk.working() == {101: 5}

    def test_a_busy_table_loses_and_mixes_up_nothing(self) -> None:
        """Orders come and go in a table that stays nearly full; each is found again, and none but those that work."""
        with made(self.kind, max_working_orders=64) as gate:
            desk = Desk(self.kind, gate)
            for setting in (desk.account, desk.strategy, desk.firm, desk.instrument):
                setting(message_burst=10_000)
            desk.port(message_burst=10_000)
            chance, expected = Random(SEED), {}
            for order_id in range(1, 1_500):
                if len(expected) < 60 or chance.random() < 0.5:
                    lots = chance.randint(1, 3)
                    price = chance.randint(9_500, 9_600)
                    desk.check(desk.order(order_id=order_id, quantity_lots=lots, price_ticks=price))
                    expected |= {order_id: lots} if gate.fired_mask == 0 else {}
                while len(expected) > 50:
                    gone = chance.choice(list(expected))
                    gate.release(A, X, Side.BUY, expected.pop(gone), 9_500, closes=True, order_id=gone, strategy_id=S)
            assert len(expected) > 40, f"seed {SEED}"
            assert desk.working() == expected, f"seed {SEED}"
