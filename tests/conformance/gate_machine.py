"""The one generator: drives the twin and a candidate in lockstep and compares everything after each step."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from meltica.hot import PASS, OrderType
from meltica.hot.gate_twin import Gate as Twin
from meltica.hot.intent_twin import OrderIntent
from tests.conformance.gate_suite import GateKind, T

TABLES = {"max_instruments": 3, "max_accounts": 2, "duplicate_depth": 2, "reference_future_tolerance_ns": 3}
EDGES = [-(2**63), -1, 0, 1, 2**60 - 1, 2**60, 2**60 + 1, 2**63 - 1]
instruments = st.sampled_from([0, 0, 0, 1, 2])
accounts = st.sampled_from([0, 0, 0, 1])
sides = st.sampled_from([1, 2])
lots = st.one_of(st.integers(1, 6), st.integers(1, 6), st.sampled_from(EDGES))
prices = st.one_of(st.integers(90, 110), st.integers(90, 110), st.sampled_from(EDGES))
limits = st.one_of(st.integers(0, 30), st.just(2**60), st.sampled_from([0, 10_000, 2**63 - 1]))
times = st.one_of(st.integers(T, T + 30), st.integers(T, T + 30), st.sampled_from([0, T - 10**9, T + 10**9, 2**64 - 1]))
bools = st.booleans()
mostly = st.sampled_from([True, True, True, True, False])
rarely = st.sampled_from([False, False, False, False, True])

INSTRUMENT_LIMITS = {
    "value_per_tick_lot_nanos": 1,
    "max_price_ticks": 2**60,
    "max_quantity_lots": 2**60,
    "max_value_nanos": 2**63 - 1,
    "collar_bps": 1_000,
    "reference_max_age_ns": 25,
}
ACCOUNT_LIMITS = {
    "max_open_value_nanos": 2**63 - 1,
    "max_open_orders": 50,
    "messages_per_second": 2**28,
    "message_burst": 4,
    "duplicate_window_ns": 4,
}

orders = st.fixed_dictionaries(
    {
        "action": st.sampled_from([1, 1, 1, 2, 2, 3]),
        "side": sides,
        "instrument_id": st.sampled_from([0, 0, 0, 0, 1, 2, 3, 2**32 - 1]),
        "account_id": st.sampled_from([0, 0, 0, 0, 1, 2, 65_535]),
        "order_id": st.integers(0, 12),
        "quantity_lots": lots,
        "price_ticks": prices,
        "time_ns": times,
        "order_type": st.sampled_from([OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET]),
        "tif": st.sampled_from([0, 1, 1, 3, 4]),
        "flags": st.sampled_from([0, 0, 1, 2, 3]),
    }
)
noise = st.fixed_dictionaries(
    {},
    optional={
        "type_id": st.integers(0, 3),
        "action": st.integers(0, 255),
        "side": st.integers(0, 255),
        "tif": st.integers(0, 6),
        "flags": st.integers(0, 65_535),
        "order_type": st.integers(0, 3),
        "working_lots": lots,
        "working_price_ticks": prices,
    },
)


def lockstep(kind: GateKind, *, examples: int = 150, steps: int = 40) -> Any:
    """A TestCase class that drives a gate of this kind beside the twin."""

    class Lockstep(GateLockstep):
        candidate_kind = kind

    Lockstep.__name__ = f"GateLockstep{kind.name.title()}"
    case = Lockstep.TestCase
    case.settings = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    return case


class GateLockstep(RuleBasedStateMachine):
    candidate_kind: GateKind

    def __init__(self) -> None:
        super().__init__()
        self.twin = Twin(**TABLES)
        self.candidate = self.candidate_kind.make(**TABLES)
        self.working: list[OrderIntent] = []
        self.last_order_id = 0
        # Something passes from the first order on; the rules below take it from there.
        for account_id in range(2):
            self.both("set_account", account_id, **roomy_account())
            for instrument_id in range(2):
                self.both("set_position_limit", account_id, instrument_id, max_long_lots=20, max_short_lots=20)
        for instrument_id in range(2):
            self.both("set_instrument", instrument_id, **roomy_instrument())
            self.both("set_reference", instrument_id, 100, T)

    def teardown(self) -> None:
        if hasattr(self.candidate, "close"):
            self.candidate.close()

    def both(self, method: str, *arguments: Any, **named: Any) -> None:
        """The same call on both: the same answer or the same kind of refusal."""
        outcomes = []
        for gate in (self.twin, self.candidate):
            try:
                outcomes.append(getattr(gate, method)(*arguments, **named))
            except (ValueError, OverflowError):
                outcomes.append("refused")
        assert outcomes[0] == outcomes[1], f"{method}{arguments}{named}: twin {outcomes[0]}, candidate {outcomes[1]}"

    def judge(self, order: OrderIntent) -> None:
        data = order.to_bytes()
        reason = self.twin.check(order)
        theirs = self.candidate.check(self.candidate_kind.intent(data))
        assert reason == theirs, f"{order}: twin {reason} {self.twin.fired_mask:#x}, candidate {theirs}"
        assert self.twin.fired_mask == self.candidate.fired_mask, f"{order}"
        assert self.twin.reserved_price_ticks == self.candidate.reserved_price_ticks, f"{order}"
        if reason == PASS and order.action == 1:
            self.last_order_id = order.order_id
            self.working.append(order)

    @rule(fields=orders)
    def order(self, fields: dict[str, int]) -> None:
        self.judge(OrderIntent(**fields))

    @rule(fields=orders)
    def new_with_the_next_number(self, fields: dict[str, int]) -> None:
        self.judge(OrderIntent(**(fields | {"action": 1, "order_id": self.last_order_id + 1})))

    @rule(fields=orders, spoilt=noise)
    def noisy_order(self, fields: dict[str, int], spoilt: dict[str, int]) -> None:
        self.judge(OrderIntent(**(fields | spoilt)))

    @rule(fields=orders, pick=st.integers(0, 50))
    def replace_a_working_order(self, fields: dict[str, int], pick: int) -> None:
        if self.working:
            old = self.working[pick % len(self.working)]
            own = {"action": 2, "side": old.side, "instrument_id": old.instrument_id, "account_id": old.account_id}
            reserved = {"working_lots": old.quantity_lots, "working_price_ticks": old.price_ticks}
            self.judge(OrderIntent(**(fields | own | reserved)))

    @rule(batch=st.lists(orders, max_size=12))
    def batch(self, batch: list[dict[str, int]]) -> None:
        data = b"".join(OrderIntent(**fields).to_bytes() for fields in batch)
        ours, theirs = self.twin.check_batch(data), self.candidate.check_batch(data)
        assert ours[0].tolist() == theirs[0].tolist()
        assert ours[1].tolist() == theirs[1].tolist()

    @rule(account_id=accounts, instrument_id=instruments, side=sides, quantity=lots, price=prices, last=bools)
    def fill(self, account_id: int, instrument_id: int, side: int, quantity: int, price: int, last: bool) -> None:
        self.both("fill", account_id, instrument_id, side, quantity, price, closes=last)

    @rule(account_id=accounts, instrument_id=instruments, side=sides, quantity=lots, price=prices, last=bools)
    def release(self, account_id: int, instrument_id: int, side: int, quantity: int, price: int, last: bool) -> None:
        self.both("release", account_id, instrument_id, side, quantity, price, closes=last)

    @rule(account_id=accounts, instrument_id=instruments, side=sides, quantity=lots, price=prices, first=bools)
    def reserve(self, account_id: int, instrument_id: int, side: int, quantity: int, price: int, first: bool) -> None:
        self.both("reserve", account_id, instrument_id, side, quantity, price, opens=first)

    @rule(account_id=accounts, instrument_id=instruments, delta=st.one_of(st.integers(-9, 9), st.sampled_from(EDGES)))
    def adjust(self, account_id: int, instrument_id: int, delta: int) -> None:
        self.both("adjust_position", account_id, instrument_id, delta)

    @rule(instrument_id=instruments, changes=st.dictionaries(st.sampled_from(sorted(INSTRUMENT_LIMITS)), limits))
    def set_instrument(self, instrument_id: int, changes: dict[str, int]) -> None:
        self.both("set_instrument", instrument_id, **(roomy_instrument() | changes))

    @rule(instrument_id=instruments, enabled=mostly, restricted=rarely, halted=rarely)
    def set_instrument_status(self, instrument_id: int, enabled: bool, restricted: bool, halted: bool) -> None:
        status = {"enabled": enabled, "restricted": restricted, "halted": halted}
        self.both("set_instrument", instrument_id, **(roomy_instrument() | status))

    @rule(account_id=accounts, enabled=mostly, changes=st.dictionaries(st.sampled_from(sorted(ACCOUNT_LIMITS)), limits))
    def set_account(self, account_id: int, enabled: bool, changes: dict[str, int]) -> None:
        self.both("set_account", account_id, **(roomy_account() | {"enabled": enabled} | changes))

    @rule(account_id=accounts, instrument_id=instruments, long_lots=limits, short_lots=limits)
    def set_position_limit(self, account_id: int, instrument_id: int, long_lots: int, short_lots: int) -> None:
        named = {"max_long_lots": long_lots, "max_short_lots": short_lots}
        self.both("set_position_limit", account_id, instrument_id, **named)

    @rule(instrument_id=instruments, price=prices, time_ns=times)
    def set_reference(self, instrument_id: int, price: int, time_ns: int) -> None:
        self.both("set_reference", instrument_id, price, time_ns)

    @rule(instrument_id=instruments, halted=rarely)
    def set_halted(self, instrument_id: int, halted: bool) -> None:
        self.both("set_halted", instrument_id, halted)

    @rule(account_id=st.sampled_from([None, 0, 1, 2]), engaged=rarely)
    def switch(self, account_id: int | None, engaged: bool) -> None:
        self.both("kill" if engaged else "unkill", account_id)

    @rule()
    def restart(self) -> None:
        """Each goes on from the other's exported state."""
        ours, theirs = self.twin.export_state(), self.candidate.export_state()
        assert ours == theirs
        self.twin.import_state(theirs)
        self.candidate.import_state(ours)

    @invariant()
    def same_state(self) -> None:
        assert self.twin.state_digest() == self.candidate.state_digest(), (
            f"twin {self.twin.export_state()}, candidate {self.candidate.export_state()}"
        )
        assert self.twin.counters() == self.candidate.counters()
        assert self.twin.killed == self.candidate.killed


def roomy_instrument() -> dict[str, Any]:
    return {"enabled": True, "restricted": False, "halted": False} | INSTRUMENT_LIMITS


def roomy_account() -> dict[str, Any]:
    return {"enabled": True, "market_orders_allowed": True} | ACCOUNT_LIMITS
