"""What each check of control and of the market means: switches, leases, who may, what may be traded, and when."""

import pytest

from meltica.hot import Action, Check, KillScope
from meltica.hot.intent_twin import OrderIntent
from meltica.hot.layout_gen import LeaseRecord, Mark
from tests.conformance.gate_desk import (
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
    fired,
    made,
)


class ControlStories(Stories):
    # --- 1 KILL_SWITCH ---

    def test_kill_switch_refuses_new_and_replace_of_all(self, desk: Desk) -> None:
        desk.passes()
        desk.gate.kill()
        assert desk.gate.killed
        desk.refuses(Check.KILL_SWITCH)
        desk.refuses(Check.KILL_SWITCH, account_id=OTHER_ACCOUNT)
        desk.refuses(
            Check.KILL_SWITCH,
            action=Action.REPLACE,
            order_id=1,
            quantity_lots=5,
            working_lots=10,
            working_price_ticks=10_000,
        )
        desk.gate.unkill()
        assert desk.gate.export_state()["killed"] == 0
        desk.passes()

    def test_kill_switch_of_one_account(self, desk: Desk) -> None:
        desk.gate.kill(KillScope.ACCOUNT, A)
        assert desk.gate.switch_engaged(KillScope.ACCOUNT, A)
        assert not desk.gate.killed
        desk.refuses(Check.KILL_SWITCH)
        desk.passes(account_id=OTHER_ACCOUNT)
        desk.gate.unkill(KillScope.ACCOUNT, A)
        assert not desk.gate.switch_engaged(KillScope.ACCOUNT, A)
        desk.passes()

    def test_regression_kill_switch_never_releases_itself(self, desk: Desk) -> None:
        """Meltica-Go cleared it after a cooldown; A-S0-01 let orders pass while it was not armed."""
        desk.gate.kill()
        desk.gate.kill(KillScope.ACCOUNT, A)
        desk.account()
        desk.instrument()
        desk.gate.unkill(KillScope.ACCOUNT, OTHER_ACCOUNT)
        desk.gate.set_reference(X, 10_000, T + 10**15)
        desk.refuses(Check.KILL_SWITCH, time_ns=T + 10**15)
        desk.gate.unkill()
        desk.refuses(Check.KILL_SWITCH, time_ns=T + 10**15)

    @pytest.mark.parametrize(
        ("scope", "number", "spared"),
        [
            (KillScope.STRATEGY, S, {"strategy_id": OTHER_STRATEGY}),
            (KillScope.PORT, P, {"port_id": OTHER_PORT}),
            (KillScope.INSTRUMENT, X, {"instrument_id": OTHER_INSTRUMENT}),
        ],
        ids=str,
    )
    def test_kill_switch_of_each_scope(self, desk: Desk, scope: KillScope, number: int, spared: dict[str, int]) -> None:
        desk.gate.kill(scope, number)
        assert desk.gate.switch_engaged(scope, number)
        assert not desk.gate.switch_engaged(scope, number + 1)
        assert not desk.gate.killed
        desk.refuses(Check.KILL_SWITCH)
        desk.passes(**spared)
        desk.gate.unkill(scope, number)
        assert not desk.gate.switch_engaged(scope, number)
        desk.passes()

    def test_regression_kill_switch_works_on_a_gate_without_limits(self) -> None:
        """Meltica-Go: engaging did nothing unless it had been enabled by configuration."""
        with made(self.kind) as gate:
            gate.kill()
            order = OrderIntent(
                action=1, side=1, instrument_id=0, account_id=0, order_id=1, quantity_lots=1, price_ticks=1, time_ns=T
            )
            assert gate.check(self.kind.intent(order.to_bytes())) == Check.KILL_SWITCH

    # --- fail closed ---

    def test_a_gate_that_was_told_nothing_lets_nothing_pass(self) -> None:
        with made(self.kind) as gate:
            order = OrderIntent(
                action=1, side=1, instrument_id=0, account_id=0, order_id=1, quantity_lots=1, price_ticks=1, time_ns=T
            )
            assert gate.check(self.kind.intent(order.to_bytes())) == Check.ACCOUNT_DISABLED
            assert fired(gate) == {
                Check.ACCOUNT_DISABLED,
                Check.UNKNOWN_INSTRUMENT,
                Check.PORT_DOWN,
                Check.STRATEGY_DISABLED,
            }

    # --- 2 LEASE_EXPIRED ---

    def test_a_leased_gate_passes_up_to_the_end_of_its_lease(self) -> None:
        with made(self.kind, leased=True) as gate:
            desk = Desk(self.kind, gate)
            desk.refuses(Check.LEASE_EXPIRED)
            desk.tell(LeaseRecord, until_ns=T)
            desk.passes(time_ns=T)
            desk.refuses(Check.LEASE_EXPIRED, time_ns=T + 1)
            desk.passes(action=Action.CANCEL, time_ns=T + 1)
            desk.tell(LeaseRecord, until_ns=T + 1)
            desk.passes(time_ns=T + 1)
            desk.tell(LeaseRecord, until_ns=0)
            desk.refuses(Check.LEASE_EXPIRED)
            desk.refuses(Check.LEASE_EXPIRED, Check.STALE_REFERENCE, time_ns=0)

    def test_a_gate_without_a_lease_needs_none(self, desk: Desk) -> None:
        desk.tell(LeaseRecord, until_ns=T - 1)
        desk.passes()

    # --- 3, 4, 31, 32, 35: who and what ---

    def test_account_disabled(self, desk: Desk) -> None:
        desk.account(enabled=0)
        desk.refuses(Check.ACCOUNT_DISABLED)

    @pytest.mark.parametrize("account_id", [0, 15, 16, 65_535])
    def test_unknown_account_is_judged_by_what_is_known(self, desk: Desk, account_id: int) -> None:
        desk.refuses(Check.ACCOUNT_DISABLED, account_id=account_id)
        desk.instrument(restricted=1)
        desk.refuses(Check.ACCOUNT_DISABLED, Check.RESTRICTED, account_id=account_id)

    def test_instrument_disabled(self, desk: Desk) -> None:
        desk.instrument(enabled=0)
        desk.refuses(Check.UNKNOWN_INSTRUMENT)

    @pytest.mark.parametrize("instrument_id", [0, 1_023, 1_024, 2**32 - 1])
    def test_unknown_instrument_is_judged_by_what_is_known(self, desk: Desk, instrument_id: int) -> None:
        desk.refuses(Check.UNKNOWN_INSTRUMENT, instrument_id=instrument_id)
        desk.account(max_open_orders=0)
        desk.refuses(Check.UNKNOWN_INSTRUMENT, Check.OPEN_ORDER_COUNT, instrument_id=instrument_id)

    def test_nothing_known_at_all(self, desk: Desk) -> None:
        desk.refuses(Check.ACCOUNT_DISABLED, Check.UNKNOWN_INSTRUMENT, account_id=9, instrument_id=9)

    def test_port_disabled_or_unknown(self, desk: Desk) -> None:
        desk.refuses(Check.ACCOUNT_DISABLED, Check.PORT_DOWN, port_id=0)
        desk.refuses(Check.ACCOUNT_DISABLED, Check.PORT_DOWN, port_id=255)
        desk.port(enabled=0)
        desk.refuses(Check.ACCOUNT_DISABLED)
        desk.passes(port_id=OTHER_PORT)

    def test_port_down(self, desk: Desk) -> None:
        desk.mark(Mark.CONNECTED, P, 0)
        desk.refuses(Check.PORT_DOWN)
        desk.passes(port_id=OTHER_PORT)
        desk.mark(Mark.CONNECTED, P)
        desk.passes()

    def test_regression_a_port_that_was_set_is_not_connected_yet(self, desk: Desk) -> None:
        """A heartbeat that reports healthy while disconnected is a defect that operators know."""
        desk.port(9)
        desk.refuses(Check.PORT_DOWN, port_id=9)

    def test_position_mismatch(self, desk: Desk) -> None:
        desk.mark(Mark.MISMATCHED, A)
        desk.refuses(Check.POSITION_MISMATCH)
        desk.passes(account_id=OTHER_ACCOUNT)
        desk.account()
        desk.refuses(Check.POSITION_MISMATCH)
        desk.mark(Mark.MISMATCHED, A, 0)
        desk.passes()

    @pytest.mark.parametrize("strategy_id", [0, 255, 256, 65_535])
    def test_unknown_strategy(self, desk: Desk, strategy_id: int) -> None:
        desk.refuses(Check.STRATEGY_DISABLED, strategy_id=strategy_id)

    def test_strategy_disabled(self, desk: Desk) -> None:
        desk.strategy(enabled=0)
        desk.refuses(Check.STRATEGY_DISABLED)
        desk.passes(strategy_id=OTHER_STRATEGY)

    # --- 5, 6, 7, 27, 28: the instrument and its market ---

    def test_restricted(self, desk: Desk) -> None:
        desk.instrument(restricted=1)
        desk.refuses(Check.RESTRICTED)
        desk.passes(instrument_id=OTHER_INSTRUMENT)

    def test_halted_and_resumed(self, desk: Desk) -> None:
        desk.mark(Mark.HALTED, X)
        desk.refuses(Check.HALTED)
        desk.mark(Mark.HALTED, X, 0)
        desk.passes()

    def test_marks_outlive_new_limits(self, desk: Desk) -> None:
        desk.mark(Mark.HALTED, X)
        desk.instrument()
        desk.refuses(Check.HALTED)

    def test_session_window(self, desk: Desk) -> None:
        desk.instrument(session_open_ns=T, session_close_ns=T + 10)
        desk.refuses(Check.SESSION_WINDOW, time_ns=T - 1)
        desk.passes(time_ns=T)
        desk.passes(time_ns=T + 9)
        desk.refuses(Check.SESSION_WINDOW, time_ns=T + 10)
        desk.passes(time_ns=T + 10, instrument_id=OTHER_INSTRUMENT)

    def test_session_unset_blocks(self, desk: Desk) -> None:
        desk.instrument(session_close_ns=0)
        desk.refuses(Check.SESSION_WINDOW)
        desk.refuses(Check.SESSION_WINDOW, Check.STALE_REFERENCE, time_ns=0)

    def test_regression_stale_reference_is_reachable(self, desk: Desk) -> None:
        """D17: a public gate compared with a time stamp that the order itself had just refreshed."""
        desk.passes(time_ns=T + SECOND)
        desk.refuses(Check.STALE_REFERENCE, time_ns=T + SECOND + 1)
        desk.refuses(Check.STALE_REFERENCE, time_ns=T + SECOND + 1)
        desk.gate.set_reference(X, 10_000, T + SECOND)
        desk.passes(time_ns=T + SECOND + 1)

    def test_a_reference_from_the_future_beyond_the_tolerance(self, desk: Desk) -> None:
        desk.passes(time_ns=T - 1_000_000)
        desk.refuses(Check.STALE_REFERENCE, time_ns=T - 1_000_001)

    def test_maximum_age_unset_blocks(self, desk: Desk) -> None:
        desk.instrument(reference_max_age_ns=0)
        desk.refuses(Check.STALE_REFERENCE)

    def test_gapped_data_is_stale(self, desk: Desk) -> None:
        desk.mark(Mark.GAPPED, X)
        desk.refuses(Check.STALE_REFERENCE)
        desk.passes(instrument_id=OTHER_INSTRUMENT)
        desk.mark(Mark.GAPPED, X, 0)
        desk.passes()

    def test_crossed_or_locked_book(self, desk: Desk) -> None:
        desk.quote((10_000, 5), (10_001, 5))
        desk.passes()
        desk.quote((10_001, 5), (10_001, 5))
        desk.refuses(Check.CROSSED_BOOK)
        desk.quote((10_002, 5), (10_001, 5))
        desk.refuses(Check.CROSSED_BOOK)
        desk.passes(instrument_id=OTHER_INSTRUMENT)
        desk.quote((10_002, 5), (0, 0))
        desk.passes()
        desk.quote((10_002, 0), (10_001, 5))  # No lots: not there, whatever its price
        desk.passes()
