"""The judge of every gate: stories that say what each rule means, and a machine that drives it beside the twin.

A new gate joins with a GateKind and two lines:

    class TestMyGate(GateStories):
        kind = GateKind("mine", make=my_factory, intent=my_intent_from_bytes)

    TestMyGateLockstep = lockstep(TestMyGate.kind)  # tests.conformance.gate_machine
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from meltica.hot import LOTS_BOUND, PASS, TICKS_BOUND, Action, Check, Flag, OrderType, Side
from meltica.hot.intent_twin import OrderIntent
from meltica.hot.ports import RiskGate

T = 1_700_000_000_000_000_000  # now, in every story
SECOND = 1_000_000_000
INT64_MAX = 2**63 - 1
A, OTHER_ACCOUNT = 1, 2
X, OTHER_INSTRUMENT = 3, 4
INSTRUMENT: dict[str, Any] = {
    "enabled": True,
    "restricted": False,
    "halted": False,
    "value_per_tick_lot_nanos": 100,
    "max_price_ticks": 20_000,
    "max_quantity_lots": 1_000,
    "max_value_nanos": 10_000_000_000,
    "collar_bps": 1_000,
    "reference_max_age_ns": SECOND,
}
ACCOUNT: dict[str, Any] = {
    "enabled": True,
    "market_orders_allowed": True,
    "max_open_value_nanos": 100_000_000_000,
    "max_open_orders": 100,
    "messages_per_second": 1_000,
    "message_burst": 100,
    "duplicate_window_ns": 0,
}


@dataclass(frozen=True)
class GateKind:
    """How to make one sort of gate. `make` takes the arguments of Gate; a gate with close() is closed after use."""

    name: str
    make: Callable[..., RiskGate]
    intent: Callable[[bytes], Any]


@contextmanager
def made(kind: GateKind, **arguments: Any) -> Iterator[RiskGate]:
    gate = kind.make(**arguments)
    try:
        yield gate
    finally:
        if close := getattr(gate, "close", None):
            close()


class Desk:
    """A gate with roomy limits, and a clerk who numbers the orders."""

    def __init__(self, kind: GateKind, gate: RiskGate) -> None:
        self.kind, self.gate, self.last_order_id = kind, gate, 0
        for account_id in (A, OTHER_ACCOUNT):
            self.account(account_id)
        for instrument_id in (X, OTHER_INSTRUMENT):
            self.instrument(instrument_id)
            gate.set_reference(instrument_id, 10_000, T)
            for account_id in (A, OTHER_ACCOUNT):
                gate.set_position_limit(account_id, instrument_id, max_long_lots=500, max_short_lots=500)

    def instrument(self, instrument_id: int = X, **changes: Any) -> None:
        self.gate.set_instrument(instrument_id, **(INSTRUMENT | changes))

    def account(self, account_id: int = A, **changes: Any) -> None:
        self.gate.set_account(account_id, **(ACCOUNT | changes))

    def order(self, **fields: Any) -> OrderIntent:
        self.last_order_id += 1
        usual: dict[str, Any] = {
            "action": Action.NEW,
            "side": Side.BUY,
            "instrument_id": X,
            "account_id": A,
            "order_id": self.last_order_id,
            "quantity_lots": 10,
            "price_ticks": 10_000,
            "time_ns": T,
        }
        return OrderIntent(**(usual | fields))

    def check(self, order: OrderIntent) -> int:
        return self.gate.check(self.kind.intent(order.to_bytes()))

    def passes(self, **fields: Any) -> int:
        """The reserved price."""
        order = self.order(**fields)
        before = self.gate.counters()
        assert self.check(order) == PASS, f"{order} fired {fired(self.gate)}"
        assert self.gate.fired_mask == 0
        after = self.gate.counters()
        assert after["passed"][order.action] == before["passed"][order.action] + 1
        assert (after["rejected"], after["fired"]) == (before["rejected"], before["fired"])
        return self.gate.reserved_price_ticks

    def refuses(self, *checks: Check, **fields: Any) -> None:
        """Exactly these checks fire, the lowest is the reason, and nothing but the counters moves."""
        digest, before = self.gate.state_digest(), self.gate.counters()
        assert self.check(self.order(**fields)) == min(checks), fired(self.gate)
        assert fired(self.gate) == set(checks)
        assert self.gate.reserved_price_ticks == 0
        assert self.gate.state_digest() == digest, "a refused order left a trace"
        after = self.gate.counters()
        assert after["passed"] == before["passed"]
        for check in Check:
            assert after["rejected"][check] - before["rejected"][check] == (check == min(checks))
            assert after["fired"][check] - before["fired"][check] == (check in checks)

    def position(self, account_id: int = A, instrument_id: int = X) -> tuple[int, int, int]:
        """position, open buys, open sells"""
        for account, instrument, _, _, *lots in self.gate.export_state()["positions"]:
            if (account, instrument) == (account_id, instrument_id):
                return lots[0], lots[1], lots[2]
        return 0, 0, 0

    def account_column(self, column: int, account_id: int = A) -> int:
        rows = {row[0]: row for row in self.gate.export_state()["accounts"]}
        return int(rows[account_id][column])

    def open_value(self, account_id: int = A) -> int:
        return self.account_column(10, account_id)

    def open_orders(self, account_id: int = A) -> int:
        return self.account_column(11, account_id)


def fired(gate: RiskGate) -> set[Check]:
    return {check for check in Check if gate.fired_mask >> check & 1}


class GateStories:
    """What each rule means. Subclass it with a `kind`."""

    kind: ClassVar[GateKind]

    @pytest.fixture
    def desk(self) -> Iterator[Desk]:
        with made(self.kind) as gate:
            yield Desk(self.kind, gate)

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
        desk.instrument(halted=True)
        desk.gate.kill()
        desk.gate.kill(A)
        digest = desk.gate.state_digest()
        assert desk.passes(action=Action.CANCEL, quantity_lots=0, price_ticks=0) == 0
        assert desk.passes(action=Action.CANCEL, instrument_id=99, account_id=99, side=9, tif=9, flags=0xFFFF) == 0
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
            {"flags": 4},
            {"flags": 0x8001},
            {"action": Action.CANCEL, "type_id": 0},
        ],
        ids=str,
    )
    def test_malformed_stands_alone(self, desk: Desk, fields: dict[str, int]) -> None:
        desk.gate.kill()
        desk.refuses(Check.MALFORMED, **fields)

    @pytest.mark.parametrize("fields", [{"tif": tif} for tif in (0, 1, 3, 4)] + [{"flags": Flag.POST_ONLY}], ids=str)
    def test_known_words_are_well_formed(self, desk: Desk, fields: dict[str, int]) -> None:
        desk.passes(**fields)

    # --- 1 KILL_SWITCH ---

    def test_kill_switch_refuses_new_and_replace_of_all(self, desk: Desk) -> None:
        desk.passes()
        desk.gate.kill()
        assert desk.gate.killed
        desk.refuses(Check.KILL_SWITCH)
        desk.refuses(Check.KILL_SWITCH, account_id=OTHER_ACCOUNT)
        desk.refuses(
            Check.KILL_SWITCH, action=Action.REPLACE, quantity_lots=5, working_lots=10, working_price_ticks=10_000
        )
        desk.gate.unkill()
        assert desk.gate.export_state()["killed"] == 0
        desk.passes()

    def test_kill_switch_of_one_account(self, desk: Desk) -> None:
        desk.gate.kill(A)
        assert desk.gate.account_killed(A)
        assert not desk.gate.killed
        desk.refuses(Check.KILL_SWITCH)
        desk.passes(account_id=OTHER_ACCOUNT)
        desk.gate.unkill(A)
        assert not desk.gate.account_killed(A)
        desk.passes()

    def test_regression_kill_switch_never_releases_itself(self, desk: Desk) -> None:
        """Meltica-Go cleared it after a cooldown; A-S0-01 let orders pass while it was not armed."""
        desk.gate.kill()
        desk.gate.kill(A)
        desk.account()
        desk.instrument()
        desk.gate.unkill(OTHER_ACCOUNT)
        desk.gate.set_reference(X, 10_000, T + 10**15)
        desk.refuses(Check.KILL_SWITCH, time_ns=T + 10**15)
        desk.gate.unkill()
        desk.refuses(Check.KILL_SWITCH, time_ns=T + 10**15)

    def test_regression_kill_switch_works_on_a_gate_without_limits(self) -> None:
        """Meltica-Go: engaging did nothing unless it had been enabled by configuration."""
        with made(self.kind) as gate:
            gate.kill()
            order = OrderIntent(
                action=1, side=1, instrument_id=0, account_id=0, order_id=1, quantity_lots=1, price_ticks=1, time_ns=T
            )
            assert gate.check(self.kind.intent(order.to_bytes())) == Check.KILL_SWITCH

    # --- 3, 4: who and what ---

    def test_account_disabled(self, desk: Desk) -> None:
        desk.account(enabled=False)
        desk.refuses(Check.ACCOUNT_DISABLED)

    @pytest.mark.parametrize("account_id", [0, 15, 16, 65_535])
    def test_unknown_account_is_judged_by_what_is_known(self, desk: Desk, account_id: int) -> None:
        desk.refuses(Check.ACCOUNT_DISABLED, account_id=account_id)
        desk.instrument(restricted=True)
        desk.refuses(Check.ACCOUNT_DISABLED, Check.RESTRICTED, account_id=account_id)

    def test_instrument_disabled(self, desk: Desk) -> None:
        desk.instrument(enabled=False)
        desk.refuses(Check.UNKNOWN_INSTRUMENT)

    @pytest.mark.parametrize("instrument_id", [0, 1_023, 1_024, 2**32 - 1])
    def test_unknown_instrument_is_judged_by_what_is_known(self, desk: Desk, instrument_id: int) -> None:
        desk.refuses(Check.UNKNOWN_INSTRUMENT, instrument_id=instrument_id)
        desk.account(max_open_orders=0)
        desk.refuses(Check.UNKNOWN_INSTRUMENT, Check.OPEN_ORDER_COUNT, instrument_id=instrument_id)

    def test_nothing_known_at_all(self, desk: Desk) -> None:
        desk.refuses(Check.ACCOUNT_DISABLED, Check.UNKNOWN_INSTRUMENT, account_id=9, instrument_id=9)

    # --- 5, 6 ---

    def test_restricted(self, desk: Desk) -> None:
        desk.instrument(restricted=True)
        desk.refuses(Check.RESTRICTED)
        desk.passes(instrument_id=OTHER_INSTRUMENT)

    def test_halted_and_resumed(self, desk: Desk) -> None:
        desk.gate.set_halted(X, True)
        desk.refuses(Check.HALTED)
        desk.gate.set_halted(X, False)
        desk.passes()

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
        desk.refuses(Check.MAX_VALUE, Check.OPEN_EXPOSURE)

    def test_value_saturates_and_then_no_limit_lets_it_pass(self, desk: Desk) -> None:
        huge = {"max_price_ticks": INT64_MAX, "max_quantity_lots": INT64_MAX, "max_value_nanos": INT64_MAX}
        desk.instrument(**huge, value_per_tick_lot_nanos=INT64_MAX)
        desk.account(max_open_value_nanos=INT64_MAX)
        desk.refuses(Check.MAX_VALUE, quantity_lots=2)
        desk.instrument(**huge, value_per_tick_lot_nanos=1)
        desk.gate.set_reference(X, TICKS_BOUND, T)
        desk.gate.set_position_limit(A, X, max_long_lots=LOTS_BOUND, max_short_lots=0)
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
        desk.refuses(Check.MAX_VALUE, Check.OPEN_EXPOSURE, price_ticks=TICKS_BOUND)
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
            Check.STALE_REFERENCE,
            order_type=OrderType.MARKET,
            price_ticks=0,
        )

    # --- 13 MARKET_NOT_ALLOWED ---

    def test_market_orders_not_allowed(self, desk: Desk) -> None:
        desk.account(market_orders_allowed=False)
        desk.refuses(Check.MARKET_NOT_ALLOWED, order_type=OrderType.MARKET, price_ticks=0)
        desk.passes()

    # --- 16 POSITION_LIMIT ---

    def test_regression_working_orders_count_in_the_position(self, desk: Desk) -> None:
        """Meltica-Go projected the position without them."""
        desk.gate.adjust_position(A, X, 100)
        desk.passes(quantity_lots=300)
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=101)
        desk.passes(quantity_lots=100)
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=1)
        desk.passes(side=Side.SELL, quantity_lots=600)

    def test_regression_a_buy_while_short_is_judged_against_the_long_limit(self, desk: Desk) -> None:
        """A-S0-03 projected |position| + quantity, so it refused what reduces and let pass what crosses."""
        desk.gate.adjust_position(A, X, -400)
        desk.passes(quantity_lots=900)
        assert desk.position() == (-400, 900, 0)
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=1)
        desk.refuses(Check.POSITION_LIMIT, side=Side.SELL, quantity_lots=101)
        desk.passes(side=Side.SELL, quantity_lots=100)

    def test_position_limit_unset_blocks(self, desk: Desk) -> None:
        desk.gate.set_position_limit(A, X, max_long_lots=0, max_short_lots=500)
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=1)
        desk.passes(side=Side.SELL, quantity_lots=1)

    def test_a_position_beyond_a_lowered_limit_can_still_be_reduced(self, desk: Desk) -> None:
        desk.gate.adjust_position(A, X, 400)
        desk.gate.set_position_limit(A, X, max_long_lots=0, max_short_lots=0)
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

    # --- 17 OPEN_EXPOSURE ---

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
        price = desk.passes(quantity_lots=10)
        desk.refuses(Check.OPEN_EXPOSURE, quantity_lots=1, price_ticks=9_000)
        desk.gate.fill(A, X, Side.BUY, 4, price, closes=False)
        assert desk.position() == (4, 6, 0)
        assert desk.open_value() == 6 * price * 100
        desk.gate.release(A, X, Side.BUY, 6, price, closes=True)
        assert (desk.position(), desk.open_value(), desk.open_orders()) == ((4, 0, 0), 0, 0)
        desk.passes(quantity_lots=10)

    # --- 21 MESSAGE_RATE ---

    def test_message_rate_refuses_and_never_waits(self, desk: Desk) -> None:
        desk.account(messages_per_second=10, message_burst=2)
        desk.passes()
        desk.passes()
        desk.refuses(Check.MESSAGE_RATE)
        desk.refuses(Check.MESSAGE_RATE, time_ns=T + SECOND // 10 - 1)
        desk.passes(time_ns=T + SECOND // 10)
        desk.refuses(Check.MESSAGE_RATE, time_ns=T + SECOND // 10)

    @pytest.mark.parametrize("limits", [{"messages_per_second": 0}, {"message_burst": 0}], ids=str)
    def test_regression_no_rate_is_no_message(self, desk: Desk, limits: dict[str, int]) -> None:
        """A refill period of 0 switched a public limiter off."""
        desk.account(**limits)
        desk.refuses(Check.MESSAGE_RATE)

    def test_regression_refill_and_consume_do_not_overflow(self, desk: Desk) -> None:
        desk.account(messages_per_second=2**32 - 1, message_burst=2**31 - 1)
        desk.instrument(reference_max_age_ns=2**64 - 1)
        desk.gate.set_reference(X, 10_000, 0)
        desk.passes(time_ns=2**64 - 1)
        assert desk.account_column(12) == (2**31 - 2) * SECOND
        desk.passes(time_ns=2**64 - 1)
        assert desk.account_column(12) == (2**31 - 3) * SECOND

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
            {"side": Side.SELL},
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

    # --- 26, 27, 29 ---

    def test_open_order_count(self, desk: Desk) -> None:
        desk.account(max_open_orders=2)
        desk.passes()
        price = desk.passes()
        desk.refuses(Check.OPEN_ORDER_COUNT)
        desk.passes(action=Action.REPLACE, working_lots=10, working_price_ticks=10_000, quantity_lots=11)
        desk.gate.release(A, X, Side.BUY, 10, price, closes=True)
        desk.passes()

    def test_open_order_count_unset_blocks(self, desk: Desk) -> None:
        desk.account(max_open_orders=0)
        desk.refuses(Check.OPEN_ORDER_COUNT)

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

    def test_order_ids_increase(self, desk: Desk) -> None:
        desk.passes(order_id=100)
        desk.refuses(Check.ORDER_ID_NOT_INCREASING, order_id=100)
        desk.refuses(Check.ORDER_ID_NOT_INCREASING, order_id=99)
        desk.passes(order_id=1, account_id=OTHER_ACCOUNT)
        desk.passes(order_id=1_000)

    def test_regression_a_refused_order_does_not_use_up_its_number(self, desk: Desk) -> None:
        """Public RTL moved the sequence on although the order was dropped."""
        desk.refuses(Check.MAX_QUANTITY, Check.POSITION_LIMIT, order_id=50, quantity_lots=1_001)
        desk.passes(order_id=50)

    # --- REPLACE ---

    def test_replace_swaps_what_is_reserved(self, desk: Desk) -> None:
        desk.passes(quantity_lots=10)
        assert (
            desk.passes(
                action=Action.REPLACE,
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
        old = {"action": Action.REPLACE, "working_lots": 400, "working_price_ticks": 10_000}
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=501, **old)
        desk.passes(quantity_lots=500, **old)

    def test_a_replace_that_shrinks_is_not_blocked_by_lowered_limits(self, desk: Desk) -> None:
        desk.passes(quantity_lots=400)
        desk.instrument(max_quantity_lots=1, max_value_nanos=1)
        desk.account(max_open_value_nanos=1, max_open_orders=0)
        desk.gate.set_position_limit(A, X, max_long_lots=1, max_short_lots=1)
        old = {"action": Action.REPLACE, "working_lots": 400, "working_price_ticks": 10_000}
        desk.passes(quantity_lots=399, **old)
        desk.refuses(
            Check.MAX_VALUE,
            Check.OPEN_EXPOSURE,
            action=Action.REPLACE,
            working_lots=399,
            working_price_ticks=10_000,
            quantity_lots=398,
            price_ticks=10_500,
        )

    def test_a_replace_of_nothing_reopens_a_filled_order(self, desk: Desk) -> None:
        """FIX C.1.c: a larger quantity is accepted after the last fill; it is reserved and counted like a new order."""
        price = desk.passes(order_id=7, quantity_lots=10)
        desk.gate.fill(A, X, Side.BUY, 10, price, closes=True)
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

    # --- bookkeeping ---

    def test_recovery_puts_a_working_order_back(self, desk: Desk) -> None:
        price = desk.passes(quantity_lots=10)
        once = desk.position(), desk.open_value(), desk.open_orders()
        desk.gate.release(A, X, Side.BUY, 10, price, closes=True)
        desk.gate.reserve(A, X, Side.BUY, 10, price)
        assert (desk.position(), desk.open_value(), desk.open_orders()) == once
        desk.gate.reserve(A, X, Side.BUY, 1, price, opens=False)
        assert desk.open_orders() == 1

    def test_giving_back_more_than_is_open_is_counted_as_a_fault(self, desk: Desk) -> None:
        price = desk.passes(quantity_lots=10)
        desk.gate.fill(A, X, Side.BUY, 15, price, closes=True)
        assert (desk.position(), desk.open_value(), desk.open_orders()) == ((15, 0, 0), 0, 0)
        assert desk.gate.counters()["faults"] == 2  # lots and value
        desk.gate.release(A, X, Side.SELL, 0, 0, closes=True)
        assert desk.gate.counters()["faults"] == 3

    def test_a_value_per_tick_does_not_change_under_open_orders(self, desk: Desk) -> None:
        price = desk.passes(quantity_lots=10)
        digest = desk.gate.state_digest()
        with pytest.raises(ValueError, match="value_per_tick_lot_nanos"):
            desk.instrument(value_per_tick_lot_nanos=7)
        assert desk.gate.state_digest() == digest
        desk.gate.release(A, X, Side.BUY, 10, price, closes=True)
        desk.instrument(value_per_tick_lot_nanos=7)

    @pytest.mark.parametrize(
        "call",
        [
            lambda gate: gate.set_reference(1_024, 1, T),
            lambda gate: gate.set_reference(X, -1, T),
            lambda gate: gate.set_reference(X, TICKS_BOUND + 1, T),
            lambda gate: gate.set_halted(-1, True),
            lambda gate: gate.kill(16),
            lambda gate: gate.set_instrument(X, **(INSTRUMENT | {"max_quantity_lots": -1})),
            lambda gate: gate.set_instrument(X, **(INSTRUMENT | {"collar_bps": 100_001})),
            lambda gate: gate.set_account(A, **(ACCOUNT | {"message_burst": 2**31})),
            lambda gate: gate.set_position_limit(A, X, max_long_lots=1, max_short_lots=LOTS_BOUND + 1),
            lambda gate: gate.fill(A, X, 3, 1, 1, closes=False),
            lambda gate: gate.fill(A, X, 1, 0, 1, closes=False),
            lambda gate: gate.fill(16, X, 1, 1, 1, closes=False),
            lambda gate: gate.release(A, 1_024, 1, 1, 1, closes=False),
            lambda gate: gate.release(A, X, 1, -1, 1, closes=False),
            lambda gate: gate.reserve(A, X, 1, LOTS_BOUND, TICKS_BOUND),
            lambda gate: gate.adjust_position(A, X, LOTS_BOUND + 1),
        ],
    )
    def test_a_wrong_argument_changes_nothing(self, desk: Desk, call: Callable[[RiskGate], None]) -> None:
        digest = desk.gate.state_digest()
        with pytest.raises((ValueError, OverflowError)):
            call(desk.gate)
        assert desk.gate.state_digest() == digest

    def test_regression_nothing_is_lost_in_a_restart(self, desk: Desk) -> None:
        """Meltica-Go forgot positions, counts and the kill switch."""
        desk.account(duplicate_window_ns=1_000)
        price = desk.passes(quantity_lots=10)
        desk.gate.fill(A, X, Side.BUY, 3, price, closes=False)
        desk.refuses(Check.DUPLICATE_ORDER)
        desk.gate.kill(OTHER_ACCOUNT)
        desk.gate.kill()
        state = desk.gate.export_state()
        with made(self.kind) as fresh:
            fresh.import_state(state)
            assert fresh.export_state() == state
            assert fresh.state_digest() == desk.gate.state_digest()
            assert fresh.killed
            fresh.unkill()
            again = Desk.__new__(Desk)
            again.kind, again.gate, again.last_order_id = self.kind, fresh, 10
            again.refuses(Check.DUPLICATE_ORDER)
            again.refuses(Check.KILL_SWITCH, account_id=OTHER_ACCOUNT)

    def test_a_state_that_does_not_fit_changes_nothing(self, desk: Desk) -> None:
        digest = desk.gate.state_digest()
        state = desk.gate.export_state()
        for wrong in ({"version": 99}, {"accounts": [[16, *[0] * 14]]}, {"positions": [[0, 0, 1]]}):
            with pytest.raises(ValueError, match=r".+"):
                desk.gate.import_state(state | wrong)
            assert desk.gate.state_digest() == digest
