"""What each check of exposure means: short sales, positions, open value, credit, the day, the market."""

import pytest

from meltica.hot import Check, Flag, OrderType, Side
from meltica.hot.layout_gen import CreditScope, Mark, ShortSale
from tests.conformance.gate_desk import (
    INT64_MAX,
    OTHER_ACCOUNT,
    OTHER_INSTRUMENT,
    OTHER_STRATEGY,
    A,
    Desk,
    S,
    Stories,
    X,
)


class ExposureStories(Stories):
    # --- 15 SHORT_SALE ---

    def test_shorts_where_they_are_not_allowed(self, desk: Desk) -> None:
        desk.passes(side=Side.SELL, flags=Flag.SHORT)
        desk.instrument(short_sale=ShortSale.NOT_ALLOWED)
        desk.refuses(Check.SHORT_SALE, side=Side.SELL, flags=Flag.SHORT)
        desk.passes(side=Side.SELL)

    def test_an_unmarked_sell_never_goes_short_in_the_worst_case(self, desk: Desk) -> None:
        desk.instrument(short_sale=ShortSale.REG_SHO)
        desk.refuses(Check.SHORT_SALE, side=Side.SELL, quantity_lots=1)
        desk.gate.adjust_position(A, X, 20)
        desk.passes(side=Side.SELL, quantity_lots=15)
        desk.refuses(Check.SHORT_SALE, side=Side.SELL, quantity_lots=6)
        desk.passes(side=Side.SELL, quantity_lots=5)
        desk.refuses(Check.SHORT_SALE, **desk.replaces(order_id=1, side=Side.SELL, quantity_lots=16, working_lots=15))
        desk.passes(**desk.replaces(order_id=1, side=Side.SELL, quantity_lots=14, working_lots=15))
        desk.passes(side=Side.SELL, quantity_lots=20, instrument_id=OTHER_INSTRUMENT)

    def test_open_buys_do_not_count_for_a_long_sale(self, desk: Desk) -> None:
        desk.instrument(short_sale=ShortSale.REG_SHO)
        desk.passes(price_ticks=9_990)
        desk.refuses(Check.SHORT_SALE, side=Side.SELL, quantity_lots=1)

    def test_a_short_sale_needs_located_lots(self, desk: Desk) -> None:
        desk.instrument(short_sale=ShortSale.REG_SHO)
        short = {"side": Side.SELL, "flags": Flag.SHORT}
        desk.refuses(Check.SHORT_SALE, quantity_lots=1, **short)
        desk.limits(located_lots=30)
        desk.passes(quantity_lots=20, **short)
        desk.refuses(Check.SHORT_SALE, quantity_lots=11, **short)
        desk.passes(quantity_lots=10, **short)
        desk.refuses(Check.SHORT_SALE, quantity_lots=1, account_id=OTHER_ACCOUNT, **short)

    def test_short_restricted_sells_only_above_the_best_bid(self, desk: Desk) -> None:
        desk.instrument(short_sale=ShortSale.REG_SHO)
        desk.limits(located_lots=500)
        desk.mark(Mark.SHORT_RESTRICTED, X)
        short = {"side": Side.SELL, "flags": Flag.SHORT}
        desk.refuses(Check.SHORT_SALE, price_ticks=10_500, **short)  # No bid is known
        desk.quote((10_000, 5), (10_010, 5))
        desk.passes(price_ticks=10_001, **short)
        desk.refuses(Check.SHORT_SALE, price_ticks=10_000, **short)
        desk.refuses(Check.SHORT_SALE, order_type=OrderType.MARKET, price_ticks=0, **short)
        desk.passes(side=Side.SELL, flags=Flag.SHORT | Flag.SHORT_EXEMPT, price_ticks=10_000)
        desk.mark(Mark.SHORT_RESTRICTED, X, 0)
        desk.passes(price_ticks=10_000, **short)

    def test_short_exempt_where_the_account_may_not(self, desk: Desk) -> None:
        exempt = {"side": Side.SELL, "flags": Flag.SHORT | Flag.SHORT_EXEMPT}
        desk.passes(**exempt)
        desk.account(short_exempt_allowed=0)
        desk.refuses(Check.SHORT_SALE, **exempt)
        desk.passes(account_id=OTHER_ACCOUNT, **exempt)

    # --- 16 POSITION_LIMIT ---

    def test_regression_working_orders_count_in_the_position(self, desk: Desk) -> None:
        """Meltica-Go projected the position without them."""
        desk.gate.adjust_position(A, X, 100)
        desk.passes(quantity_lots=300)
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=101)
        desk.passes(quantity_lots=100)
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=1)
        desk.passes(side=Side.SELL, quantity_lots=600, price_ticks=10_001)

    def test_regression_a_buy_while_short_is_judged_against_the_long_limit(self, desk: Desk) -> None:
        """A-S0-03 projected |position| + quantity, so it refused what reduces and let pass what crosses."""
        desk.gate.adjust_position(A, X, -400)
        desk.passes(quantity_lots=900)
        assert desk.position() == (-400, 900, 0)
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=1)
        desk.refuses(Check.POSITION_LIMIT, side=Side.SELL, quantity_lots=101, price_ticks=10_001)
        desk.passes(side=Side.SELL, quantity_lots=100, price_ticks=10_001)

    def test_position_limit_unset_blocks(self, desk: Desk) -> None:
        desk.limits(A, X, max_long_lots=0, max_short_lots=500)
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=1)
        desk.passes(side=Side.SELL, quantity_lots=1)

    def test_a_position_beyond_a_lowered_limit_can_still_be_reduced(self, desk: Desk) -> None:
        desk.gate.adjust_position(A, X, 400)
        desk.limits(A, X, max_long_lots=0, max_short_lots=0)
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=1)
        desk.passes(side=Side.SELL, quantity_lots=400)
        desk.refuses(Check.POSITION_LIMIT, side=Side.SELL, quantity_lots=1)

    def test_regression_positions_belong_to_an_account_and_an_instrument(self, desk: Desk) -> None:
        """Meltica-Go keyed them by symbol alone."""
        desk.passes(quantity_lots=500)
        desk.passes(quantity_lots=500, account_id=OTHER_ACCOUNT)
        desk.passes(quantity_lots=500, instrument_id=OTHER_INSTRUMENT)

    def test_reduce_only_goes_to_flat_and_never_through(self, desk: Desk) -> None:
        desk.refuses(Check.POSITION_LIMIT, flags=Flag.REDUCE_ONLY, quantity_lots=1)
        desk.gate.adjust_position(A, X, 10)
        desk.refuses(Check.POSITION_LIMIT, flags=Flag.REDUCE_ONLY, quantity_lots=1)
        desk.refuses(Check.POSITION_LIMIT, flags=Flag.REDUCE_ONLY, side=Side.SELL, quantity_lots=11)
        desk.passes(flags=Flag.REDUCE_ONLY, side=Side.SELL, quantity_lots=6)
        desk.refuses(Check.POSITION_LIMIT, flags=Flag.REDUCE_ONLY, side=Side.SELL, quantity_lots=5)
        desk.passes(flags=Flag.REDUCE_ONLY, side=Side.SELL, quantity_lots=4)

    def test_regression_positions_are_signed(self, desk: Desk) -> None:
        """A public design kept size and sign apart and lost the sign at zero."""
        for delta in (5, -9, 4, -1, 1):
            desk.gate.adjust_position(A, X, delta)
        assert desk.position() == (0, 0, 0)

    # --- 17, 18, 36: open value of the account, the firm and the strategy ---

    def test_open_exposure(self, desk: Desk) -> None:
        desk.account(max_open_value_nanos=30 * 10_000 * 100)
        desk.passes(quantity_lots=20)
        desk.refuses(Check.OPEN_EXPOSURE, quantity_lots=11)
        desk.passes(quantity_lots=10, side=Side.SELL, instrument_id=OTHER_INSTRUMENT)
        desk.refuses(Check.OPEN_EXPOSURE, quantity_lots=1, price_ticks=9_000)

    def test_open_exposure_unset_blocks(self, desk: Desk) -> None:
        desk.account(max_open_value_nanos=0)
        desk.refuses(Check.OPEN_EXPOSURE, quantity_lots=1)

    def test_regression_exposure_comes_back(self, desk: Desk) -> None:
        """A-S0-02: gross notional only ever went up."""
        desk.account(max_open_value_nanos=10 * 10_000 * 100)
        price = desk.passes(quantity_lots=10, order_id=1)
        desk.refuses(Check.OPEN_EXPOSURE, quantity_lots=1, price_ticks=9_000)
        desk.gate.fill(A, X, Side.BUY, 4, price, closes=False, order_id=1, strategy_id=S)
        assert desk.position() == (4, 6, 0)
        assert desk.open_values() == (6 * price * 100,) * 3
        desk.gate.release(A, X, Side.BUY, 6, price, closes=True, order_id=1, strategy_id=S)
        assert (desk.position(), desk.open_values(), desk.open_orders()) == ((4, 0, 0), (0, 0, 0), 0)
        assert desk.column("firm", "open_orders", 0) == 0
        desk.passes(quantity_lots=10)

    def test_strategy_exposure(self, desk: Desk) -> None:
        desk.strategy(max_open_value_nanos=30 * 10_000 * 100)
        desk.passes(quantity_lots=20)
        desk.refuses(Check.STRATEGY_EXPOSURE, quantity_lots=11)
        desk.refuses(Check.STRATEGY_EXPOSURE, quantity_lots=11, account_id=OTHER_ACCOUNT)
        desk.passes(quantity_lots=11, strategy_id=OTHER_STRATEGY)
        desk.passes(quantity_lots=10, instrument_id=OTHER_INSTRUMENT)
        desk.refuses(Check.STRATEGY_EXPOSURE, quantity_lots=1, price_ticks=9_000)

    def test_strategy_exposure_unset_blocks(self, desk: Desk) -> None:
        desk.strategy(max_open_value_nanos=0)
        desk.refuses(Check.STRATEGY_EXPOSURE, quantity_lots=1)

    def test_firm_credit_sums_over_everyone(self, desk: Desk) -> None:
        desk.firm(max_open_value_nanos=30 * 10_000 * 100)
        desk.passes(quantity_lots=20)
        others = {"account_id": OTHER_ACCOUNT, "strategy_id": OTHER_STRATEGY, "instrument_id": OTHER_INSTRUMENT}
        desk.refuses(Check.FIRM_CREDIT, quantity_lots=11, **others)
        desk.passes(quantity_lots=10, **others)
        desk.refuses(Check.FIRM_CREDIT, quantity_lots=1, price_ticks=9_000)

    def test_firm_credit_counts_open_orders(self, desk: Desk) -> None:
        desk.firm(max_open_orders=2)
        price = desk.passes(order_id=1)
        desk.passes(account_id=OTHER_ACCOUNT)
        desk.refuses(Check.FIRM_CREDIT)
        desk.passes(**desk.replaces(order_id=1, quantity_lots=11))
        desk.gate.release(A, X, Side.BUY, 11, price, closes=True, order_id=1, strategy_id=S)
        desk.passes()

    @pytest.mark.parametrize("limit", ["max_open_value_nanos", "max_open_orders"])
    def test_firm_credit_unset_blocks(self, desk: Desk, limit: str) -> None:
        desk.firm(**{limit: 0})
        desk.refuses(Check.FIRM_CREDIT)

    def test_a_firm_that_was_never_set_blocks(self, desk: Desk) -> None:
        state = desk.gate.export_state() | {"firm": []}
        desk.gate.import_state(state)
        desk.refuses(Check.FIRM_CREDIT)

    @pytest.mark.parametrize(
        ("scope", "number", "check"),
        [
            (CreditScope.FIRM, 0, Check.FIRM_CREDIT),
            (CreditScope.ACCOUNT, A, Check.OPEN_EXPOSURE),
            (CreditScope.STRATEGY, S, Check.STRATEGY_EXPOSURE),
        ],
    )
    def test_credit_moves_a_limit_both_ways(self, desk: Desk, scope: CreditScope, number: int, check: Check) -> None:
        setting = {CreditScope.FIRM: desk.firm, CreditScope.ACCOUNT: desk.account, CreditScope.STRATEGY: desk.strategy}
        setting[scope](max_open_value_nanos=10 * 10_000 * 100)
        desk.refuses(check, quantity_lots=11)
        desk.credit(scope, number, 10_000 * 100)
        desk.passes(quantity_lots=11)
        desk.refuses(check, quantity_lots=1, price_ticks=9_000)
        desk.credit(scope, number, -20 * 10_000 * 100)  # Limit + credit is below 0 now, and counts as 0
        desk.refuses(check, quantity_lots=1, price_ticks=9_000)
        desk.credit(scope, number, 10 * 10_000 * 100)
        desk.refuses(check, quantity_lots=1, price_ticks=9_000)
        desk.credit(scope, number, 19 * 10_000 * 100)
        desk.passes(quantity_lots=9)

    def test_credit_saturates(self, desk: Desk) -> None:
        for delta in (INT64_MAX, INT64_MAX):
            desk.credit(CreditScope.ACCOUNT, A, delta)
        assert desk.column("accounts", "credit_nanos", A) == INT64_MAX
        desk.passes()
        for delta in (-INT64_MAX, -INT64_MAX, -INT64_MAX, -INT64_MAX):
            desk.credit(CreditScope.ACCOUNT, A, delta)
        assert desk.column("accounts", "credit_nanos", A) == -INT64_MAX - 1
        desk.refuses(Check.OPEN_EXPOSURE)
        desk.passes(account_id=OTHER_ACCOUNT)

    # --- 19 DAY_QUANTITY ---

    def test_day_quantity(self, desk: Desk) -> None:
        desk.instrument(max_day_lots=25)
        price = desk.passes(quantity_lots=20, order_id=1)
        desk.refuses(Check.DAY_QUANTITY, quantity_lots=6)
        desk.refuses(Check.DAY_QUANTITY, quantity_lots=6, account_id=OTHER_ACCOUNT)
        desk.gate.release(A, X, Side.BUY, 20, price, closes=True, order_id=1, strategy_id=S)
        desk.refuses(Check.DAY_QUANTITY, quantity_lots=6)  # What was cancelled has passed all the same
        desk.passes(quantity_lots=5, order_id=10)
        desk.passes(quantity_lots=6, instrument_id=OTHER_INSTRUMENT, order_id=11)
        desk.new_day()
        desk.passes(**desk.replaces(order_id=10, quantity_lots=30, working_lots=5))
        desk.refuses(Check.DAY_QUANTITY, quantity_lots=1, order_id=12)
        desk.passes(**desk.replaces(order_id=10, quantity_lots=20, working_lots=30))
        desk.refuses(Check.DAY_QUANTITY, quantity_lots=1, order_id=12)  # Lots do not come back

    def test_day_quantity_of_a_changed_limit(self, desk: Desk) -> None:
        desk.passes(quantity_lots=20)
        desk.instrument(max_day_lots=10)
        desk.refuses(Check.DAY_QUANTITY, quantity_lots=1)
        desk.instrument(max_day_lots=21)
        desk.passes(quantity_lots=1)
        assert desk.column("instruments", "day_lots", X) == 21

    def test_day_quantity_unset_blocks(self, desk: Desk) -> None:
        desk.instrument(max_day_lots=0)
        desk.refuses(Check.DAY_QUANTITY, quantity_lots=1)

    # --- 20 MARKET_IMPACT ---

    def test_market_impact_looks_at_the_other_side(self, desk: Desk) -> None:
        desk.instrument(max_impact_percent=50)
        desk.refuses(Check.MARKET_IMPACT, quantity_lots=1)  # Nothing is displayed
        desk.quote((10_000, 9), (10_001, 21))
        desk.passes(quantity_lots=10)
        desk.refuses(Check.MARKET_IMPACT, quantity_lots=11)
        sell = {"side": Side.SELL, "price_ticks": 10_001}
        desk.passes(quantity_lots=4, **sell)
        desk.refuses(Check.MARKET_IMPACT, quantity_lots=5, **sell)
        desk.instrument(max_impact_percent=0)
        desk.passes(quantity_lots=11)

    def test_market_impact_of_a_replace(self, desk: Desk) -> None:
        desk.passes(quantity_lots=10, order_id=1)
        desk.instrument(max_impact_percent=100)
        desk.quote((9_999, 5), (10_001, 5))
        desk.passes(**desk.replaces(order_id=1, quantity_lots=9))
        old = {"order_id": 1, "working_lots": 9}
        desk.refuses(Check.MARKET_IMPACT, **desk.replaces(quantity_lots=9, price_ticks=10_001, **old))
        desk.refuses(Check.MARKET_IMPACT, **desk.replaces(quantity_lots=10, **old))
        desk.passes(**desk.replaces(quantity_lots=5, price_ticks=10_001, **old))
