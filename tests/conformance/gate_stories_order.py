"""What each check of the order itself means: words, numbers, size, price, and what a REPLACE adds."""

import pytest

from meltica.hot import LOTS_BOUND, PASS, TICKS_BOUND, Action, Check, Flag, KillScope, OrderType, Side
from meltica.hot.layout_gen import Mark, PriceBandRecord
from tests.conformance.gate_desk import (
    INT64_MAX,
    OTHER_ACCOUNT,
    OTHER_INSTRUMENT,
    OTHER_STRATEGY,
    A,
    Desk,
    S,
    Stories,
    T,
    X,
)


class OrderStories(Stories):
    # --- passing ---

    def test_a_passed_order_is_reserved(self, desk: Desk) -> None:
        assert desk.passes(quantity_lots=10, price_ticks=9_900) == 9_900
        assert desk.position() == (0, 10, 0)
        assert desk.open_value() == 10 * 9_900 * 100
        assert desk.open_orders() == 1

    def test_a_market_order_is_reserved_at_the_adverse_edge_of_the_collar(self, desk: Desk) -> None:
        assert desk.passes(order_type=OrderType.MARKET, price_ticks=0, side=Side.BUY) == 11_000
        assert desk.passes(order_type=OrderType.MARKET, price_ticks=0, side=Side.SELL) == 9_000
        assert desk.open_value() == 10 * (11_000 + 9_000) * 100

    def test_cancels_pass_under_the_kill_switch_and_cost_nothing(self, desk: Desk) -> None:
        desk.account(messages_per_second=0)
        desk.mark(Mark.HALTED, X)
        desk.gate.kill()
        desk.gate.kill(KillScope.ACCOUNT, A)
        digest = desk.gate.state_digest()
        assert desk.passes(action=Action.CANCEL, quantity_lots=0, price_ticks=0) == 0
        assert desk.passes(action=Action.CANCEL, instrument_id=99, account_id=99, side=9, tif=9, flags=0xFF) == 0
        assert desk.gate.state_digest() == digest

    def test_a_batch_is_the_same_as_one_after_another(self, desk: Desk) -> None:
        orders = [desk.order(quantity_lots=lots) for lots in (10, 400, 200, 0, 90)]
        reasons, masks = desk.gate.check_batch(b"".join(order.to_bytes() for order in orders))
        assert reasons.tolist() == [PASS, PASS, Check.POSITION_LIMIT, Check.FIELD_SANITY, PASS]
        assert masks.tolist() == [0, 0, 1 << Check.POSITION_LIMIT, 1 << Check.FIELD_SANITY, 0]
        assert desk.position() == (0, 500, 0)
        assert [part.size for part in desk.gate.check_batch(b"")] == [0, 0]
        with pytest.raises(ValueError, match="whole number"):
            desk.gate.check_batch(b"x" * 65)

    # --- 0 MALFORMED ---

    @pytest.mark.parametrize(
        "fields",
        [
            {"type_id": 2},
            {"action": 0},
            {"action": 4},
            {"side": 0},
            {"side": 3},
            {"order_type": 0},
            {"order_type": 3},
            {"tif": 2},
            {"tif": 5},
            {"tif": 8},
            {"tif": 255},
            {"flags": 32},
            {"flags": 0x81},
            {"flags": Flag.SHORT},
            {"flags": Flag.SHORT | Flag.SHORT_EXEMPT},
            {"flags": Flag.SHORT_EXEMPT, "side": Side.SELL},
            {"action": Action.CANCEL, "type_id": 0},
        ],
        ids=str,
    )
    def test_malformed_stands_alone(self, desk: Desk, fields: dict[str, int]) -> None:
        desk.gate.kill()
        desk.refuses(Check.MALFORMED, **fields)

    @pytest.mark.parametrize(
        "fields",
        [{"tif": tif} for tif in (0, 1, 3, 4)]
        + [{"flags": flag} for flag in (Flag.POST_ONLY, Flag.ISO)]
        + [{"flags": flags, "side": Side.SELL} for flags in (8, 24)],
        ids=str,
    )
    def test_known_words_are_well_formed(self, desk: Desk, fields: dict[str, int]) -> None:
        desk.passes(**fields)

    # --- 8 FIELD_SANITY ---

    @pytest.mark.parametrize(
        "fields",
        [
            {"quantity_lots": 0},
            {"quantity_lots": -1},
            {"quantity_lots": -(2**63)},
            {"quantity_lots": LOTS_BOUND + 1},
            {"quantity_lots": INT64_MAX},
            {"price_ticks": 0},
            {"price_ticks": -10_000},
            {"price_ticks": -(2**63)},
            {"price_ticks": 20_001},
            {"price_ticks": INT64_MAX},
            {"working_lots": 1},
            {"working_price_ticks": 1},
        ],
        ids=str,
    )
    def test_senseless_numbers_are_not_valued(self, desk: Desk, fields: dict[str, int]) -> None:
        desk.refuses(Check.FIELD_SANITY, **fields)

    def test_highest_sensible_price(self, desk: Desk) -> None:
        desk.instrument(max_price_ticks=11_000)
        desk.passes(price_ticks=11_000)
        desk.refuses(Check.FIELD_SANITY, price_ticks=11_001)

    def test_maximum_price_unset_blocks(self, desk: Desk) -> None:
        desk.instrument(max_price_ticks=0)
        desk.refuses(Check.FIELD_SANITY)

    @pytest.mark.parametrize(
        "working",
        [(0, 10_000), (-1, 10_000), (11, 10_000), (10, 0), (10, -1), (10, 10_001), (10, INT64_MAX), (INT64_MAX, 1)],
        ids=str,
    )
    def test_a_replace_cannot_give_back_more_than_is_reserved(self, desk: Desk, working: tuple[int, int]) -> None:
        desk.passes(quantity_lots=10)
        lots, price = working
        desk.refuses(
            Check.FIELD_SANITY, action=Action.REPLACE, working_lots=lots, working_price_ticks=price, quantity_lots=5
        )

    # --- 9, 10: size ---

    def test_maximum_quantity(self, desk: Desk) -> None:
        desk.instrument(max_quantity_lots=50)
        desk.passes(quantity_lots=50)
        desk.refuses(Check.MAX_QUANTITY, quantity_lots=51)

    def test_maximum_quantity_unset_blocks(self, desk: Desk) -> None:
        desk.instrument(max_quantity_lots=0)
        desk.refuses(Check.MAX_QUANTITY, quantity_lots=1)

    def test_maximum_value(self, desk: Desk) -> None:
        desk.instrument(max_value_nanos=10 * 10_000 * 100)
        desk.passes()
        desk.refuses(Check.MAX_VALUE, price_ticks=10_001)
        desk.refuses(Check.MAX_VALUE, quantity_lots=11)

    def test_maximum_value_unset_blocks(self, desk: Desk) -> None:
        desk.instrument(max_value_nanos=0)
        desk.refuses(Check.MAX_VALUE, quantity_lots=1)

    def test_an_instrument_without_a_value_per_tick_is_worth_too_much(self, desk: Desk) -> None:
        desk.instrument(value_per_tick_lot_nanos=0, max_value_nanos=INT64_MAX)
        desk.refuses(Check.MAX_VALUE, Check.OPEN_EXPOSURE, Check.FIRM_CREDIT, Check.STRATEGY_EXPOSURE)

    def test_value_saturates_and_then_no_limit_lets_it_pass(self, desk: Desk) -> None:
        huge = {"max_price_ticks": INT64_MAX, "max_quantity_lots": INT64_MAX, "max_value_nanos": INT64_MAX}
        desk.instrument(**huge, value_per_tick_lot_nanos=INT64_MAX)
        for setting in (desk.account, desk.firm, desk.strategy):
            setting(max_open_value_nanos=INT64_MAX)
        desk.refuses(Check.MAX_VALUE, quantity_lots=2)
        desk.instrument(**huge, value_per_tick_lot_nanos=1)
        desk.gate.set_reference(X, TICKS_BOUND, T)
        desk.limits(A, X, max_long_lots=LOTS_BOUND, max_short_lots=0)
        desk.refuses(Check.MAX_VALUE, quantity_lots=LOTS_BOUND, price_ticks=TICKS_BOUND)
        desk.refuses(Check.MAX_VALUE, quantity_lots=8, price_ticks=TICKS_BOUND)
        desk.passes(quantity_lots=7, price_ticks=TICKS_BOUND)
        assert desk.open_value() == 7 * TICKS_BOUND

    # --- 11 PRICE_COLLAR ---

    @pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
    def test_collar_on_both_sides_of_the_reference(self, desk: Desk, side: Side) -> None:
        desk.passes(side=side, price_ticks=11_000)
        desk.refuses(Check.PRICE_COLLAR, side=side, price_ticks=11_001)
        desk.passes(side=side, price_ticks=9_000)
        desk.refuses(Check.PRICE_COLLAR, side=side, price_ticks=8_999)

    def test_collar_rounds_to_the_reference(self, desk: Desk) -> None:
        desk.instrument(collar_bps=1)
        desk.gate.set_reference(X, 19_999, T)
        desk.passes(price_ticks=20_000)
        desk.refuses(Check.PRICE_COLLAR, price_ticks=19_997)

    def test_the_widest_collar_of_the_highest_reference(self, desk: Desk) -> None:
        """10 times 2^60 does not fit 63 bits; the band must still hold every price."""
        desk.instrument(collar_bps=100_000, max_price_ticks=TICKS_BOUND)
        desk.gate.set_reference(X, TICKS_BOUND, T)
        desk.refuses(
            Check.MAX_VALUE, Check.OPEN_EXPOSURE, Check.FIRM_CREDIT, Check.STRATEGY_EXPOSURE, price_ticks=TICKS_BOUND
        )
        desk.passes(price_ticks=1)

    def test_collar_unset_blocks(self, desk: Desk) -> None:
        desk.instrument(collar_bps=0)
        desk.refuses(Check.PRICE_COLLAR)

    def test_regression_no_reference_never_means_the_orders_own_price(self, desk: Desk) -> None:
        """Meltica-Go measured the band from the order's own price when it had no reference."""
        desk.gate.set_reference(X, 0, T)
        desk.refuses(Check.PRICE_COLLAR, Check.STALE_REFERENCE)
        desk.refuses(
            Check.MAX_VALUE,
            Check.PRICE_COLLAR,
            Check.OPEN_EXPOSURE,
            Check.FIRM_CREDIT,
            Check.STALE_REFERENCE,
            Check.STRATEGY_EXPOSURE,
            order_type=OrderType.MARKET,
            price_ticks=0,
        )

    # --- 12 PRICE_BAND ---

    def test_price_band(self, desk: Desk) -> None:
        desk.tell(PriceBandRecord, instrument_id=X, low_ticks=9_900, high_ticks=10_100)
        desk.passes(price_ticks=10_100)
        desk.refuses(Check.PRICE_BAND, price_ticks=10_101)
        desk.passes(price_ticks=9_000)  # A bid below the band waits, it moves nothing
        desk.passes(side=Side.SELL, price_ticks=11_000, account_id=OTHER_ACCOUNT)
        desk.refuses(Check.PRICE_BAND, side=Side.SELL, price_ticks=9_899, account_id=OTHER_ACCOUNT)
        desk.passes(side=Side.SELL, price_ticks=10_000 - 100, account_id=OTHER_ACCOUNT)
        desk.passes(price_ticks=10_101, instrument_id=OTHER_INSTRUMENT)

    def test_price_band_lifted_and_market_orders(self, desk: Desk) -> None:
        desk.tell(PriceBandRecord, instrument_id=X, low_ticks=10_050, high_ticks=10_100)
        desk.passes(order_type=OrderType.MARKET, price_ticks=0)
        desk.refuses(Check.PRICE_BAND, price_ticks=10_101)
        desk.tell(PriceBandRecord, instrument_id=X)
        desk.passes(price_ticks=10_101)

    # --- 13 MARKET_NOT_ALLOWED ---

    def test_market_orders_not_allowed(self, desk: Desk) -> None:
        desk.account(market_orders_allowed=0)
        desk.refuses(Check.MARKET_NOT_ALLOWED, order_type=OrderType.MARKET, price_ticks=0)
        desk.passes()

    # --- 14 ISO_NOT_ALLOWED ---

    def test_iso_not_allowed(self, desk: Desk) -> None:
        desk.passes(flags=Flag.ISO)
        desk.account(iso_allowed=0)
        desk.refuses(Check.ISO_NOT_ALLOWED, flags=Flag.ISO)
        desk.passes()
        desk.passes(flags=Flag.ISO, account_id=OTHER_ACCOUNT)

    # --- REPLACE ---

    def test_replace_swaps_what_is_reserved(self, desk: Desk) -> None:
        desk.passes(quantity_lots=10)
        assert (
            desk.passes(
                action=Action.REPLACE,
                order_id=1,
                quantity_lots=20,
                price_ticks=10_100,
                working_lots=10,
                working_price_ticks=10_000,
            )
            == 10_100
        )
        assert (desk.position(), desk.open_orders()) == ((0, 20, 0), 1)
        assert desk.open_value() == 20 * 10_100 * 100

    def test_replace_is_judged_by_its_increment(self, desk: Desk) -> None:
        desk.passes(quantity_lots=400)
        old = {"action": Action.REPLACE, "order_id": 1, "working_lots": 400, "working_price_ticks": 10_000}
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=501, **old)
        desk.passes(quantity_lots=500, **old)

    def test_a_replace_that_shrinks_is_not_blocked_by_lowered_limits(self, desk: Desk) -> None:
        desk.passes(quantity_lots=400)
        desk.instrument(max_quantity_lots=1, max_value_nanos=1)
        desk.account(max_open_value_nanos=1, max_open_orders=0)
        desk.limits(A, X, max_long_lots=1, max_short_lots=1)
        old = {"action": Action.REPLACE, "order_id": 1, "working_lots": 400, "working_price_ticks": 10_000}
        desk.passes(quantity_lots=399, **old)
        desk.firm(max_open_value_nanos=1, max_open_orders=0)
        desk.strategy(max_open_value_nanos=1)
        desk.refuses(
            Check.MAX_VALUE,
            Check.OPEN_EXPOSURE,
            Check.FIRM_CREDIT,
            Check.STRATEGY_EXPOSURE,
            action=Action.REPLACE,
            working_lots=399,
            working_price_ticks=10_000,
            order_id=1,
            quantity_lots=398,
            price_ticks=10_500,
        )

    def test_a_replace_of_nothing_reopens_a_filled_order(self, desk: Desk) -> None:
        """FIX C.1.c: a larger quantity is accepted after the last fill; it is reserved and counted like a new order."""
        price = desk.passes(order_id=7, quantity_lots=10)
        desk.gate.fill(A, X, Side.BUY, 10, price, closes=True, order_id=7, strategy_id=S)
        desk.account(max_open_orders=1)
        desk.passes(action=Action.REPLACE, order_id=7, quantity_lots=5, working_lots=0, working_price_ticks=0)
        assert (desk.position(), desk.open_orders()) == ((10, 5, 0), 1)
        assert desk.open_value() == 5 * 10_000 * 100
        desk.refuses(
            Check.OPEN_ORDER_COUNT,
            action=Action.REPLACE,
            order_id=7,
            quantity_lots=5,
            working_lots=0,
            working_price_ticks=0,
        )

    @pytest.mark.parametrize(
        "other", [{"account_id": OTHER_ACCOUNT}, {"instrument_id": OTHER_INSTRUMENT}, {"side": Side.SELL}], ids=str
    )
    def test_a_replace_of_anothers_order_is_senseless(self, desk: Desk, other: dict[str, int]) -> None:
        """Lots and value are reserved there too, under another id."""
        desk.passes(order_id=7, price_ticks=9_990)
        desk.passes(order_id=8, **other)
        desk.refuses(Check.FIELD_SANITY, **desk.replaces(order_id=7, quantity_lots=5, **other))
        desk.passes(**desk.replaces(order_id=8, quantity_lots=5, **other))

    def test_a_replace_cannot_give_back_what_another_strategy_reserved(self, desk: Desk) -> None:
        desk.passes(order_id=7)
        desk.refuses(Check.FIELD_SANITY, **desk.replaces(order_id=7, quantity_lots=5, strategy_id=OTHER_STRATEGY))
