"""What each check of rate and repetition means, and when a breaker trips and lets go."""

from collections.abc import Callable

import pytest

from meltica.hot import Action, Check, Flag, OrderType, Side, TimeInForce
from meltica.hot.layout_gen import Breaker
from tests.conformance.gate_desk import (
    INT64_MAX,
    OTHER_ACCOUNT,
    OTHER_INSTRUMENT,
    OTHER_PORT,
    OTHER_STRATEGY,
    SECOND,
    A,
    Desk,
    P,
    S,
    Stories,
    T,
    X,
    made,
)


class FlowStories(Stories):
    # --- 21, 22: message rates ---

    def test_message_rate_refuses_and_never_waits(self, desk: Desk) -> None:
        desk.account(messages_per_second=10, message_burst=2)
        desk.passes()
        desk.passes()
        desk.refuses(Check.MESSAGE_RATE)
        desk.refuses(Check.MESSAGE_RATE, time_ns=T + SECOND // 10 - 1)
        desk.passes(time_ns=T + SECOND // 10)
        desk.refuses(Check.MESSAGE_RATE, time_ns=T + SECOND // 10)

    def test_regression_refill_and_consume_do_not_overflow(self, desk: Desk) -> None:
        for setting in (desk.account, desk.instrument, desk.strategy, desk.port, desk.firm):
            setting(messages_per_second=2**32 - 1, message_burst=2**31 - 1)
        desk.instrument(reference_max_age_ns=2**64 - 1, messages_per_second=2**32 - 1, message_burst=2**31 - 1)
        desk.gate.set_reference(X, 10_000, 0)
        desk.passes(time_ns=2**64 - 2)
        for table, number in (("accounts", A), ("instruments", X), ("strategies", S), ("ports", P), ("firm", 0)):
            assert desk.column(table, "nano_tokens", number) == (2**31 - 2) * SECOND
        desk.passes(time_ns=2**64 - 2)
        assert desk.column("accounts", "nano_tokens", A) == (2**31 - 3) * SECOND

    def test_time_that_goes_backwards_brings_no_tokens(self, desk: Desk) -> None:
        desk.account(messages_per_second=10, message_burst=2)
        desk.instrument(reference_max_age_ns=2**63)
        desk.gate.set_reference(X, 10_000, T - 10 * SECOND)
        desk.passes()
        desk.passes(time_ns=T - 9 * SECOND)
        desk.refuses(Check.MESSAGE_RATE, time_ns=T - 8 * SECOND)
        desk.refuses(Check.MESSAGE_RATE, time_ns=T)

    def test_a_lowered_burst_takes_tokens_away(self, desk: Desk) -> None:
        desk.account(message_burst=1, messages_per_second=1)
        desk.passes()
        desk.refuses(Check.MESSAGE_RATE)

    @pytest.mark.parametrize("limits", [{"messages_per_second": 0}, {"message_burst": 0}], ids=str)
    @pytest.mark.parametrize("scope", ["firm", "account", "strategy", "port", "instrument"])
    def test_regression_no_rate_is_no_message(self, desk: Desk, scope: str, limits: dict[str, int]) -> None:
        """A refill period of 0 switched a public limiter off."""
        getattr(desk, scope)(**limits)
        desk.refuses(Check.INSTRUMENT_RATE if scope == "instrument" else Check.MESSAGE_RATE)

    @pytest.mark.parametrize(
        ("scope", "spared"),
        [
            ("account", {"account_id": OTHER_ACCOUNT}),
            ("strategy", {"strategy_id": OTHER_STRATEGY}),
            ("port", {"port_id": OTHER_PORT}),
            ("instrument", {"instrument_id": OTHER_INSTRUMENT}),
            ("firm", {}),
        ],
    )
    def test_each_scope_has_a_bucket(self, desk: Desk, scope: str, spared: dict[str, int]) -> None:
        getattr(desk, scope)(messages_per_second=1, message_burst=2)
        check = Check.INSTRUMENT_RATE if scope == "instrument" else Check.MESSAGE_RATE
        desk.passes(order_id=1)
        desk.passes(**desk.replaces(order_id=1, quantity_lots=11))  # A REPLACE takes a token as well
        desk.refuses(check, order_id=2)
        desk.refuses(check, order_id=2, time_ns=T + SECOND - 1)
        desk.passes(action=Action.CANCEL)
        if spared:
            desk.passes(**spared)
        desk.passes(time_ns=T + SECOND)

    # --- 23 DUPLICATE_ORDER ---

    def test_duplicate_within_the_window(self, desk: Desk) -> None:
        desk.account(duplicate_window_ns=1_000)
        desk.passes()
        desk.refuses(Check.DUPLICATE_ORDER)
        desk.refuses(Check.DUPLICATE_ORDER, time_ns=T + 999)
        desk.refuses(Check.DUPLICATE_ORDER, time_ns=T - 5)
        desk.passes(time_ns=T + 1_000)

    @pytest.mark.parametrize(
        "difference",
        [
            {"quantity_lots": 11},
            {"price_ticks": 10_001},
            {"side": Side.SELL, "price_ticks": 10_001},
            {"instrument_id": OTHER_INSTRUMENT},
            {"account_id": OTHER_ACCOUNT},
            {"order_type": OrderType.MARKET},
        ],
        ids=str,
    )
    def test_a_different_order_is_no_duplicate(self, desk: Desk, difference: dict[str, int]) -> None:
        for account_id in (A, OTHER_ACCOUNT):
            desk.account(account_id, duplicate_window_ns=1_000)
        desk.passes()
        desk.passes(**difference)

    def test_market_orders_are_duplicates_whatever_their_price_field(self, desk: Desk) -> None:
        desk.account(duplicate_window_ns=1_000)
        desk.passes(order_type=OrderType.MARKET, price_ticks=0)
        desk.refuses(Check.DUPLICATE_ORDER, order_type=OrderType.MARKET, price_ticks=7)

    def test_a_refused_order_is_not_remembered(self, desk: Desk) -> None:
        desk.account(duplicate_window_ns=1_000)
        desk.gate.kill()
        desk.refuses(Check.KILL_SWITCH)
        desk.gate.unkill()
        desk.passes()

    def test_only_the_last_orders_are_remembered(self) -> None:
        with made(self.kind, duplicate_depth=2) as gate:
            desk = Desk(self.kind, gate)
            desk.account(duplicate_window_ns=1_000)
            for lots in (1, 2):
                desk.passes(quantity_lots=lots)
            desk.refuses(Check.DUPLICATE_ORDER, quantity_lots=1)
            desk.passes(quantity_lots=3)
            desk.passes(quantity_lots=1)
            desk.refuses(Check.DUPLICATE_ORDER, quantity_lots=3)
            desk.passes(quantity_lots=2)

    # --- 24 REPEATED_EXECUTION ---

    def test_repeated_execution_latches_until_a_rearm(self, desk: Desk) -> None:
        desk.strategy(max_executions=2)
        price = desk.passes(order_id=1)
        for _ in range(2):
            desk.passes(price_ticks=9_000)
            desk.gate.fill(A, X, Side.BUY, 1, price, closes=False, order_id=1, strategy_id=S)
        desk.refuses(Check.REPEATED_EXECUTION)
        desk.passes(strategy_id=OTHER_STRATEGY)
        desk.strategy(max_executions=100)
        desk.refuses(Check.REPEATED_EXECUTION)  # Latched: a wider limit does not let go
        desk.rearm(Breaker.REPEATED_EXECUTION, S)
        desk.passes()
        assert desk.column("strategies", "executions", S) == 0

    def test_a_lowered_limit_of_executions(self, desk: Desk) -> None:
        price = desk.passes()
        desk.gate.fill(A, X, Side.BUY, 1, price, closes=False, strategy_id=S)
        desk.strategy(max_executions=1)
        desk.refuses(Check.REPEATED_EXECUTION)
        desk.strategy(max_executions=2)
        desk.passes()

    def test_executions_unset_blocks(self, desk: Desk) -> None:
        desk.strategy(max_executions=0)
        desk.refuses(Check.REPEATED_EXECUTION)

    # --- 26, 29 ---

    def test_open_order_count(self, desk: Desk) -> None:
        desk.account(max_open_orders=2)
        desk.passes()
        price = desk.passes()
        desk.refuses(Check.OPEN_ORDER_COUNT)
        desk.passes(action=Action.REPLACE, order_id=1, working_lots=10, working_price_ticks=10_000, quantity_lots=11)
        desk.gate.release(A, X, Side.BUY, 10, price, closes=True)
        desk.passes()

    def test_open_order_count_unset_blocks(self, desk: Desk) -> None:
        desk.account(max_open_orders=0)
        desk.refuses(Check.OPEN_ORDER_COUNT)

    def test_a_full_table_of_working_orders(self) -> None:
        with made(self.kind, max_working_orders=2) as gate:
            desk = Desk(self.kind, gate)
            price = desk.passes(order_id=1)
            desk.passes(order_id=2)
            desk.refuses(Check.OPEN_ORDER_COUNT, order_id=3)
            desk.passes(order_id=3, tif=TimeInForce.IOC)  # Needs no place
            desk.passes(order_id=4, order_type=OrderType.MARKET, price_ticks=0)
            desk.passes(**desk.replaces(order_id=1, quantity_lots=11))
            desk.refuses(Check.OPEN_ORDER_COUNT, **desk.replaces(order_id=9, quantity_lots=9))
            desk.gate.release(A, X, Side.BUY, 11, price, closes=True, order_id=1, strategy_id=S)
            desk.passes(order_id=5)

    def test_order_ids_increase_on_each_port(self, desk: Desk) -> None:
        desk.passes(order_id=100)
        desk.refuses(Check.ORDER_ID_NOT_INCREASING, order_id=100)
        desk.refuses(Check.ORDER_ID_NOT_INCREASING, order_id=99)
        desk.refuses(Check.ORDER_ID_NOT_INCREASING, order_id=99, account_id=OTHER_ACCOUNT)
        desk.passes(order_id=1, port_id=OTHER_PORT)
        desk.passes(order_id=1_000)

    def test_order_ids_begin_again_with_a_new_day(self, desk: Desk) -> None:
        desk.passes(order_id=100, tif=TimeInForce.IOC)
        desk.new_day()
        desk.refuses(Check.ORDER_ID_NOT_INCREASING, order_id=0)
        desk.passes(order_id=1)

    def test_the_id_of_a_working_order_is_taken(self, desk: Desk) -> None:
        price = desk.passes(order_id=100)
        desk.refuses(Check.ORDER_ID_NOT_INCREASING, order_id=100, port_id=OTHER_PORT)
        desk.gate.release(A, X, Side.BUY, 10, price, closes=True, order_id=100, strategy_id=S)
        desk.passes(order_id=100, port_id=OTHER_PORT)

    def test_regression_a_refused_order_does_not_use_up_its_number(self, desk: Desk) -> None:
        """Public RTL moved the sequence on although the order was dropped."""
        desk.refuses(Check.MAX_QUANTITY, Check.POSITION_LIMIT, order_id=50, quantity_lots=1_001)
        desk.passes(order_id=50)

    # --- 30, 33, 34: breakers of an account ---

    def test_daily_loss_trips_latches_and_is_let_go_by_hand(self, desk: Desk) -> None:
        desk.pnl(-999)
        desk.passes()
        desk.pnl(-1_000)
        desk.refuses(Check.DAILY_LOSS)
        desk.passes(account_id=OTHER_ACCOUNT)
        assert desk.gate.breakers(A) == ["DAILY_LOSS"]
        desk.pnl(0)
        desk.refuses(Check.DAILY_LOSS, time_ns=T + SECOND)  # Latched, although the loss is gone
        desk.account(max_daily_loss_nanos=5_000)
        desk.refuses(Check.DAILY_LOSS)
        desk.rearm(Breaker.DAILY_LOSS)
        assert desk.gate.breakers(A) == []
        desk.passes()

    def test_daily_loss_trips_again_unless_the_loss_is_gone(self, desk: Desk) -> None:
        desk.pnl(-1_000)
        desk.rearm(Breaker.DAILY_LOSS)
        assert desk.gate.breakers(A) == ["DAILY_LOSS"]
        desk.refuses(Check.DAILY_LOSS)
        desk.new_day()
        desk.refuses(Check.DAILY_LOSS)
        desk.rearm(Breaker.DAILY_LOSS)
        desk.passes()

    def test_drawdown_is_measured_from_the_high_water_mark(self, desk: Desk) -> None:
        desk.pnl(1_500)
        desk.pnl(-499)
        desk.passes()
        desk.pnl(-500)
        desk.refuses(Check.DRAWDOWN)
        assert desk.gate.breakers(A) == ["DRAWDOWN"]
        desk.rearm(Breaker.DRAWDOWN)
        assert desk.column("accounts", "high_water_nanos", A) == -500
        desk.passes()
        desk.pnl(-999)
        desk.passes()

    def test_the_high_water_mark_begins_at_0_each_day(self, desk: Desk) -> None:
        desk.pnl(1_900)
        desk.new_day()
        assert desk.column("accounts", "pnl_nanos", A) == 0
        desk.pnl(-900)
        desk.passes()

    def test_the_widest_drawdown(self, desk: Desk) -> None:
        """From the highest to the lowest PnL is more than 63 bits."""
        desk.account(max_daily_loss_nanos=INT64_MAX, max_drawdown_nanos=INT64_MAX)
        desk.pnl(INT64_MAX)
        desk.passes()
        desk.pnl(-INT64_MAX - 1)
        desk.refuses(Check.DAILY_LOSS, Check.DRAWDOWN)

    def test_consecutive_rejects(self, desk: Desk) -> None:
        for rejected in (1, 1, 0, 1, 1):
            desk.outcome(rejected)
            desk.passes()
        desk.outcome(1)
        desk.refuses(Check.CONSECUTIVE_REJECTS)
        desk.passes(account_id=OTHER_ACCOUNT)
        desk.outcome(0)
        desk.refuses(Check.CONSECUTIVE_REJECTS)
        desk.rearm(Breaker.CONSECUTIVE_REJECTS)
        desk.passes()
        desk.outcome(1)
        desk.outcome(1)
        desk.passes()

    def test_a_timed_rearm(self, desk: Desk) -> None:
        desk.account(rearm_after_ns=10)
        desk.pnl(-1_000, time_ns=T)
        desk.refuses(Check.DAILY_LOSS, time_ns=T - 1)
        desk.refuses(Check.DAILY_LOSS, time_ns=T + 9)
        desk.passes(time_ns=T + 10)
        assert desk.gate.breakers(A) == ["DAILY_LOSS"]
        desk.outcome(1, time_ns=T + 10)
        desk.passes(time_ns=T + 10)
        desk.pnl(-1_000, time_ns=T + 10)  # Violates again: trips anew
        desk.refuses(Check.DAILY_LOSS, time_ns=T + 19)
        desk.passes(time_ns=T + 20)

    @pytest.mark.parametrize(
        ("breaker", "check", "violate"),
        [
            (Breaker.DRAWDOWN, Check.DRAWDOWN, lambda desk, then: [desk.pnl(2_500, then), desk.pnl(100, then)]),
            (Breaker.CONSECUTIVE_REJECTS, Check.CONSECUTIVE_REJECTS, lambda desk, then: [desk.outcome(1, then)] * 3),
        ],
    )
    def test_a_timed_rearm_of_the_others(
        self, desk: Desk, breaker: Breaker, check: Check, violate: Callable[[Desk, int], list[None]]
    ) -> None:
        desk.account(rearm_after_ns=10, max_consecutive_rejects=1)
        violate(desk, T + 5)
        desk.refuses(check, time_ns=T + 14)
        desk.passes(time_ns=T + 15)
        desk.rearm(breaker)
        assert desk.gate.breakers(A) == []

    @pytest.mark.parametrize(
        ("limit", "check"),
        [
            ("max_daily_loss_nanos", Check.DAILY_LOSS),
            ("max_drawdown_nanos", Check.DRAWDOWN),
            ("max_consecutive_rejects", Check.CONSECUTIVE_REJECTS),
        ],
    )
    def test_a_breaker_without_a_limit_blocks_and_latches_nothing(self, desk: Desk, limit: str, check: Check) -> None:
        desk.account(rearm_after_ns=1, **{limit: 0})
        desk.pnl(-10)
        desk.outcome(1)
        desk.refuses(check, time_ns=T + SECOND)
        assert desk.gate.breakers(A) == []
        desk.account()
        desk.passes()

    def test_a_limit_lowered_below_the_loss_stops_at_once(self, desk: Desk) -> None:
        desk.pnl(-500)
        desk.account(max_daily_loss_nanos=500, max_drawdown_nanos=500)
        desk.refuses(Check.DAILY_LOSS, Check.DRAWDOWN)
        desk.account()
        desk.passes()

    def test_breakers_on_losses_leave_the_way_out_open(self, desk: Desk) -> None:
        desk.gate.adjust_position(A, X, 10)
        desk.pnl(-5_000)
        out = {"side": Side.SELL, "flags": Flag.REDUCE_ONLY}
        desk.refuses(Check.DAILY_LOSS, Check.DRAWDOWN, side=Side.SELL, quantity_lots=10)
        desk.refuses(Check.POSITION_LIMIT, Check.DAILY_LOSS, Check.DRAWDOWN, quantity_lots=11, **out)
        desk.refuses(Check.FIELD_SANITY, Check.DAILY_LOSS, Check.DRAWDOWN, quantity_lots=0, **out)
        desk.passes(quantity_lots=10, **out)
        for _ in range(3):
            desk.outcome(1)
        desk.gate.adjust_position(A, X, 10)
        desk.refuses(Check.CONSECUTIVE_REJECTS, quantity_lots=1, **out)
