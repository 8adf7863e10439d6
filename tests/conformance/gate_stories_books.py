"""What the gate writes down: fills, releases, records that it takes or refuses, its state."""

from collections.abc import Callable

import pytest

from meltica.hot import LOTS_BOUND, TICKS_BOUND, Check, KillScope, Side
from meltica.hot import layout_gen as lay
from meltica.hot.layout_gen import Breaker, CreditScope, ShortSale
from meltica.hot.ports import RiskGate
from tests.conformance.gate_desk import (
    ACCOUNT,
    FIRM,
    INSTRUMENT,
    OTHER_ACCOUNT,
    PORT,
    POSITION,
    STRATEGY,
    A,
    Desk,
    S,
    Stories,
    T,
    X,
    made,
)


class BookStories(Stories):
    # --- bookkeeping ---

    def test_recovery_puts_a_working_order_back(self, desk: Desk) -> None:
        price = desk.passes(quantity_lots=10)
        once = desk.position(), desk.open_value(), desk.open_orders()
        desk.gate.release(A, X, Side.BUY, 10, price, closes=True, strategy_id=S)
        desk.gate.reserve(A, X, Side.BUY, 10, price, strategy_id=S)
        assert (desk.position(), desk.open_value(), desk.open_orders()) == once
        desk.gate.reserve(A, X, Side.BUY, 1, price, opens=False, strategy_id=S)
        assert desk.open_orders() == 1

    def test_giving_back_more_than_is_open_is_counted_as_a_fault(self, desk: Desk) -> None:
        price = desk.passes(quantity_lots=10)
        desk.gate.fill(A, X, Side.BUY, 15, price, closes=True, strategy_id=S)
        assert (desk.position(), desk.open_value(), desk.open_orders()) == ((15, 0, 0), 0, 0)
        assert desk.gate.counters()["faults"] == 4  # Lots, and the value of account, firm and strategy
        desk.gate.release(A, X, Side.SELL, 0, 0, closes=True, strategy_id=S)
        assert desk.gate.counters()["faults"] == 6  # The open orders of account and firm

    def test_a_value_per_tick_does_not_change_under_open_orders(self, desk: Desk) -> None:
        price = desk.passes(quantity_lots=10)
        digest = desk.gate.state_digest()
        with pytest.raises(ValueError, match="value_per_tick_lot_nanos"):
            desk.instrument(value_per_tick_lot_nanos=7)
        assert desk.gate.state_digest() == digest
        desk.gate.release(A, X, Side.BUY, 10, price, closes=True, strategy_id=S)
        desk.instrument(value_per_tick_lot_nanos=7)

    @pytest.mark.parametrize(
        "call",
        [
            lambda gate: gate.set_reference(1_024, 1, T),
            lambda gate: gate.set_reference(X, -1, T),
            lambda gate: gate.set_reference(X, TICKS_BOUND + 1, T),
            lambda gate: gate.kill(KillScope.ACCOUNT, 16),
            lambda gate: gate.kill(KillScope.STRATEGY, 256),
            lambda gate: gate.kill(KillScope.PORT, 256),
            lambda gate: gate.kill(KillScope.INSTRUMENT, 1_024),
            lambda gate: gate.kill(KillScope.GLOBAL, 1),
            lambda gate: gate.unkill(0),
            lambda gate: gate.unkill(6),
            lambda gate: gate.fill(A, X, 3, 1, 1, closes=False),
            lambda gate: gate.fill(A, X, 0, 1, 1, closes=False),
            lambda gate: gate.fill(A, X, 1, 0, 1, closes=False),
            lambda gate: gate.fill(16, X, 1, 1, 1, closes=False),
            lambda gate: gate.fill(A, X, 1, 1, 1, closes=False, strategy_id=256),
            lambda gate: gate.fill(A, X, 1, LOTS_BOUND + 1, 1, closes=False),
            lambda gate: gate.release(A, 1_024, 1, 1, 1, closes=False),
            lambda gate: gate.release(A, X, 1, -1, 1, closes=False),
            lambda gate: gate.release(A, X, 1, 1, TICKS_BOUND + 1, closes=False),
            lambda gate: gate.reserve(A, X, 1, LOTS_BOUND, TICKS_BOUND),
            lambda gate: gate.adjust_position(A, X, LOTS_BOUND + 1),
            lambda gate: gate.adjust_position(65_536, X, 1),
        ],
    )
    def test_a_wrong_argument_changes_nothing(self, desk: Desk, call: Callable[[RiskGate], None]) -> None:
        digest = desk.gate.state_digest()
        with pytest.raises((ValueError, OverflowError)):
            call(desk.gate)
        assert desk.gate.state_digest() == digest

    @pytest.mark.parametrize(
        ("record_class", "usual", "wrong"),
        [
            (lay.InstrumentLimitsRecord, INSTRUMENT, wrong)
            for wrong in (
                {"instrument_id": 1_024},
                {"enabled": 2},
                {"restricted": 2},
                {"short_sale": 3},
                {"collar_bps": 100_001},
                {"message_burst": 2**31},
                {"max_quantity_lots": -1},
                {"max_price_ticks": -1},
                {"max_value_nanos": -1},
                {"max_day_lots": -1},
                {"value_per_tick_lot_nanos": -1},
                {"messages_per_second": 2**32},
                {"messages_per_second": -1},
            )
        ]
        + [
            (lay.AccountLimitsRecord, ACCOUNT, wrong)
            for wrong in (
                {"account_id": 16},
                {"enabled": 2},
                {"market_orders_allowed": 2},
                {"iso_allowed": 2},
                {"short_exempt_allowed": 2},
                {"self_match": 4},
                {"message_burst": 2**31},
                {"max_open_value_nanos": -1},
                {"max_daily_loss_nanos": -1},
                {"max_drawdown_nanos": -1},
            )
        ]
        + [
            (lay.PositionLimitsRecord, POSITION, wrong)
            for wrong in (
                {"account_id": 16},
                {"instrument_id": 1_024},
                {"max_long_lots": LOTS_BOUND + 1},
                {"max_short_lots": -1},
                {"located_lots": LOTS_BOUND + 1},
                {"located_lots": -1},
            )
        ]
        + [(lay.FirmLimitsRecord, FIRM, wrong) for wrong in ({"message_burst": 2**31}, {"max_open_value_nanos": -1})]
        + [
            (lay.StrategyLimitsRecord, STRATEGY, wrong)
            for wrong in ({"strategy_id": 256}, {"enabled": 2}, {"message_burst": 2**31}, {"max_open_value_nanos": -1})
        ]
        + [
            (lay.PortLimitsRecord, PORT, wrong)
            for wrong in ({"port_id": 256}, {"enabled": 2}, {"message_burst": 2**31})
        ],
    )
    def test_wrong_limits_change_nothing(
        self, desk: Desk, record_class: type[lay.Record], usual: dict[str, int], wrong: dict[str, int]
    ) -> None:
        digest = desk.gate.state_digest()
        with pytest.raises(ValueError, match=r".+"):
            desk.tell(record_class, **(usual | wrong))
        assert desk.gate.state_digest() == digest

    @pytest.mark.parametrize(
        ("record_class", "values"),
        [
            (lay.MarkRecord, {"mark": 0}),
            (lay.MarkRecord, {"mark": 6}),
            (lay.MarkRecord, {"mark": 1, "on": 2}),
            (lay.MarkRecord, {"mark": 1, "on": 1, "id": 1_024}),
            (lay.MarkRecord, {"mark": 4, "on": 1, "id": 16}),
            (lay.MarkRecord, {"mark": 5, "on": 1, "id": 256}),
            (lay.QuoteRecord, {"instrument_id": 1_024}),
            (lay.QuoteRecord, {"bid_lots": 1}),
            (lay.QuoteRecord, {"ask_lots": -1}),
            (lay.QuoteRecord, {"ask_lots": 1, "ask_ticks": TICKS_BOUND + 1}),
            (lay.PriceBandRecord, {"low_ticks": 2, "high_ticks": 1}),
            (lay.PriceBandRecord, {"low_ticks": -1, "high_ticks": 1}),
            (lay.PriceBandRecord, {"instrument_id": 1_024}),
            (lay.ProfitAndLossRecord, {"account_id": 16}),
            (lay.CreditRecord, {"scope": 0, "delta_nanos": 1}),
            (lay.CreditRecord, {"scope": 4, "delta_nanos": 1}),
            (lay.CreditRecord, {"scope": 1, "id": 1, "delta_nanos": 1}),
            (lay.CreditRecord, {"scope": 2, "id": 16, "delta_nanos": 1}),
            (lay.CreditRecord, {"scope": 3, "id": 256, "delta_nanos": 1}),
            (lay.OutcomeRecord, {"account_id": 16}),
            (lay.OutcomeRecord, {"rejected": 2}),
            (lay.RearmRecord, {"breaker": 0}),
            (lay.RearmRecord, {"breaker": 5}),
            (lay.RearmRecord, {"breaker": 1, "id": 16}),
            (lay.RearmRecord, {"breaker": 4, "id": 256}),
            (lay.KillRecord, {"scope": 1, "engage": 2}),
            (lay.FillRecord, {"side": 1, "quantity_lots": 1, "closes": 2}),
            (lay.HeartbeatRecord, {}),
            (lay.VerdictRecord, {}),
            (lay.QueryRecord, {"subject": 1}),
            (lay.SymbolRecord, {}),
        ],
    )
    def test_a_wrong_record_changes_nothing(
        self, desk: Desk, record_class: type[lay.Record], values: dict[str, int]
    ) -> None:
        digest = desk.gate.state_digest()
        with pytest.raises(ValueError, match=r".+"):
            desk.tell(record_class, **values)
        assert desk.gate.state_digest() == digest

    def test_a_record_with_anothers_type_is_refused(self, desk: Desk) -> None:
        """Read as an InstrumentLimits it would be 104 bytes too short."""
        digest = desk.gate.state_digest()
        with pytest.raises(ValueError, match=r".+"):
            desk.gate.tell(lay.HeartbeatRecord(1, 2, 3, type_id=lay.InstrumentLimitsRecord.TYPE_ID))
        assert desk.gate.state_digest() == digest

    def test_what_does_not_fit_a_switch_is_no_switch(self, desk: Desk) -> None:
        for scope, number in ((0, 0), (6, 0), (KillScope.GLOBAL, 1), (KillScope.ACCOUNT, 16), (KillScope.PORT, 256)):
            with pytest.raises(ValueError, match="is not within"):
                desk.gate.switch_engaged(scope, number)
        with pytest.raises(ValueError, match="account_id"):
            desk.gate.breakers(16)

    # --- state ---

    def test_regression_nothing_is_lost_in_a_restart(self, desk: Desk) -> None:
        """Meltica-Go forgot positions, counts and the kill switch."""
        desk.account(duplicate_window_ns=1_000, max_consecutive_rejects=1)
        desk.instrument(short_sale=ShortSale.REG_SHO, max_day_lots=40, max_impact_percent=1_000)
        desk.quote((9_990, 100), (10_010, 100))
        desk.tell(lay.PriceBandRecord, instrument_id=X, low_ticks=9_500, high_ticks=10_500)
        price = desk.passes(quantity_lots=10, order_id=1)
        desk.gate.fill(A, X, Side.BUY, 3, price, closes=False, order_id=1, strategy_id=S)
        desk.gate.kill(KillScope.ACCOUNT, OTHER_ACCOUNT)
        desk.gate.kill()
        desk.pnl(500)
        desk.outcome(1)
        for scope, number in ((CreditScope.FIRM, 0), (CreditScope.ACCOUNT, A), (CreditScope.STRATEGY, S)):
            desk.credit(scope, number, 7)
        state = desk.gate.export_state()
        with made(self.kind) as fresh:
            fresh.import_state(state)
            assert fresh.export_state() == state
            assert fresh.state_digest() == desk.gate.state_digest()
            assert fresh.killed
            fresh.unkill()
            again = Desk.__new__(Desk)
            again.kind, again.gate, again.last_order_id = self.kind, fresh, 10
            again.refuses(Check.DUPLICATE_ORDER, Check.CONSECUTIVE_REJECTS)
            again.refuses(Check.KILL_SWITCH, account_id=OTHER_ACCOUNT)
            again.rearm(Breaker.CONSECUTIVE_REJECTS)
            again.refuses(Check.SHORT_SALE, Check.SELF_MATCH, side=Side.SELL, quantity_lots=4)
            again.passes(side=Side.SELL, quantity_lots=3, price_ticks=10_001)
            again.refuses(Check.PRICE_BAND, Check.SELF_MATCH, price_ticks=10_501)
            again.refuses(Check.ORDER_ID_NOT_INCREASING, order_id=1, quantity_lots=2)
            again.refuses(Check.DAY_QUANTITY, quantity_lots=28)
            again.passes(quantity_lots=27)

    def test_a_state_that_does_not_fit_changes_nothing(self, desk: Desk) -> None:
        desk.passes()
        digest = desk.gate.state_digest()
        state = desk.gate.export_state()
        (order,) = state["orders"]
        for wrong in (
            {"version": 1},
            {"accounts": [[16, *state["accounts"][0][1:]]]},
            {"positions": [[0, 0, 1]]},
            {"strategies": [[256, *state["strategies"][0][1:]]]},
            {"orders": [order, order]},
            {"orders": [[1, 16, *order[2:]]]},
            {"firm": [[1, *state["firm"][0][1:]]]},
        ):
            with pytest.raises(ValueError, match=r".+"):
                desk.gate.import_state(state | wrong)
            assert desk.gate.state_digest() == digest

    def test_a_state_that_is_too_large_for_the_table(self, desk: Desk) -> None:
        for _ in range(3):
            desk.passes()
        with made(self.kind, max_working_orders=2) as small, pytest.raises(ValueError, match="working order"):
            small.import_state(desk.gate.export_state())
