"""The one generator: drives the twin and a candidate in lockstep and compares everything after each step."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from meltica.hot import PASS, Action, OrderType
from meltica.hot.gate_twin import Gate as Twin
from meltica.hot.intent_twin import OrderIntent
from tests.conformance.gate_suite import GateKind, T

TABLES = {"max_instruments": 3, "max_accounts": 2, "duplicate_depth": 2, "reference_future_tolerance_ns": 3}
EDGES = [-(2**63), -1, 0, 1, 2**60 - 1, 2**60, 2**60 + 1, 2**63 - 1]
INSTRUMENT_LIMITS = {
    "value_per_tick_lot_nanos": 1,
    "max_price_ticks": 120,
    "max_quantity_lots": 5,
    "max_value_nanos": 480,
    "collar_bps": 1_000,
    "reference_max_age_ns": 60,
}
ACCOUNT_LIMITS = {
    "max_open_value_nanos": 2_000,
    "max_open_orders": 6,
    "messages_per_second": 2 * 10**9,  # two a nanosecond
    "message_burst": 6,
    "duplicate_window_ns": 3,
}

lots = st.one_of(st.integers(1, 6), st.sampled_from(EDGES))
prices = st.one_of(st.integers(85, 115), st.sampled_from(EDGES))
limits = st.one_of(st.integers(0, 30), st.sampled_from([0, 10_000, 2**60, 2**63 - 1]))
times = st.one_of(st.integers(T, T + 99), st.sampled_from([0, T - 10**9, T + 10**9, 2**64 - 1]))

# What a desk sends on an ordinary day, close to every limit.
ORDINARY: dict[str, Sequence[int]] = {
    "side": [1, 1, 2],
    "instrument_id": [0, 0, 1],
    "account_id": [0, 0, 0, 1],
    "quantity_lots": [1, 1, 2, 2, 3, 4, 5, 6],
    "price_ticks": [89, 90, 95, 100, 100, 105, 110, 111],
    "order_type": [OrderType.LIMIT] * 4 + [OrderType.MARKET],
    "tif": [0, 1, 3, 4],
    "flags": [0, 0, 0, 1, 2],
}
# An order of one lot is worth more than any limit can be, and every limit lets it pass.
SATURATING = {"value_per_tick_lot_nanos": 2**60, "max_value_nanos": 2**63 - 1}
BUSY_DAY_ORDERS = 150
ordinary = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in ORDINARY.items()})
# What no desk should send.
spoiling = st.fixed_dictionaries(
    {},
    optional={
        "type_id": st.integers(0, 3),
        "action": st.integers(0, 4),
        "side": st.integers(0, 3),
        "tif": st.integers(0, 6),
        "flags": st.integers(0, 65_535),
        "order_type": st.integers(0, 3),
        "instrument_id": st.sampled_from([2, 3, 2**32 - 1]),
        "account_id": st.sampled_from([2, 65_535]),
        "order_id": st.integers(0, 12),
        "quantity_lots": lots,
        "price_ticks": prices,
        "time_ns": times,
        "working_lots": lots,
        "working_price_ticks": prices,
    },
)


def roomy_instrument() -> dict[str, Any]:
    return {"enabled": True, "restricted": False, "halted": False} | INSTRUMENT_LIMITS


def roomy_account() -> dict[str, Any]:
    return {"enabled": True, "market_orders_allowed": True} | ACCOUNT_LIMITS


def lockstep(kind: GateKind, *, examples: int = 60, steps: int = 30) -> Any:
    """A TestCase class that drives a gate of this kind beside the twin; a failure prints what reproduces it."""

    class Lockstep(GateLockstep):
        candidate_kind = kind

    Lockstep.__name__ = f"GateLockstep{kind.name.title()}"
    case = Lockstep.TestCase
    case.settings = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        # Without shrinking, which takes minutes on a state machine: the report names the order and the day's seed.
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
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
        self.now_ns = T
        self.open_for_business()

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

    def next_order(self, fields: dict[str, int]) -> OrderIntent:
        self.last_order_id += 1
        self.now_ns += self.last_order_id % 5 == 0
        usual = {"action": 1, "order_id": self.last_order_id, "time_ns": self.now_ns}
        return OrderIntent(**(usual | fields))

    def judge(self, order: OrderIntent) -> None:
        reason = self.twin.check(order)
        theirs = self.candidate.check(self.candidate_kind.intent(order.to_bytes()))
        assert reason == theirs, f"{order}: twin {reason} {self.twin.fired_mask:#x}, candidate {theirs}"
        assert self.twin.fired_mask == self.candidate.fired_mask, f"{order}"
        assert self.twin.reserved_price_ticks == self.candidate.reserved_price_ticks, f"{order}"
        if reason == PASS and order.action == Action.NEW:
            self.working.append(replace(order, price_ticks=self.twin.reserved_price_ticks))

    @rule()
    def open_for_business(self) -> None:
        self.both("unkill")
        for number in range(2):
            self.both("unkill", number)
            self.both("set_account", number, **roomy_account())
            self.both("set_instrument", number, **roomy_instrument())
            self.both("set_reference", number, 100, self.now_ns)
            for instrument_id in range(2):
                self.both("set_position_limit", number, instrument_id, max_long_lots=20, max_short_lots=20)

    @rule(day=st.lists(ordinary, min_size=1, max_size=10))
    def send(self, day: list[dict[str, int]]) -> None:
        for fields in day:
            self.judge(self.next_order(fields))

    @rule(seed=st.integers(0, 2**32))
    def busy_day(self, seed: int) -> None:
        """Hypothesis likes short stories; this is a long one, and its seed is in the report."""
        chance = Random(seed)
        self.open_for_business()
        for _ in range(BUSY_DAY_ORDERS):
            fields = {name: chance.choice(values) for name, values in ORDINARY.items()}
            if self.working and chance.random() < 0.35:
                self.settle(chance.randrange(99), chance.randrange(7), trades=chance.random() < 0.5)
            if self.working and chance.random() < 0.3:
                self.amend(chance.randrange(99), fields)
            if chance.random() < 0.05:
                self.change_limits(chance)
            if chance.random() < 0.05:
                fields["order_id"] = max(0, self.last_order_id - chance.randrange(9))
            if chance.random() < 0.1:
                fields["time_ns"] = self.now_ns - chance.randrange(9)
            self.judge(self.next_order(fields))
            self.same_state()

    def change_limits(self, chance: Random) -> None:
        account: dict[str, int] = {"market_orders_allowed": chance.random() < 0.7}
        account |= chance.choice([{}, {}, {"messages_per_second": 0}, {"max_open_value_nanos": 500}])
        instrument = chance.choice([{}, {}, {"max_quantity_lots": 2}, {"max_value_nanos": 200}, SATURATING])
        self.both("set_account", chance.randrange(2), **(roomy_account() | account))
        self.both("set_instrument", chance.randrange(2), **(roomy_instrument() | instrument))
        self.both("set_reference", chance.randrange(2), chance.randint(95, 105), self.now_ns)

    @rule(day=st.lists(ordinary, max_size=12))
    def send_in_a_batch(self, day: list[dict[str, int]]) -> None:
        data = b"".join(self.next_order(fields).to_bytes() for fields in day)
        ours, theirs = self.twin.check_batch(data), self.candidate.check_batch(data)
        assert ours[0].tolist() == theirs[0].tolist()
        assert ours[1].tolist() == theirs[1].tolist()

    @rule(fields=ordinary, spoilt=spoiling)
    def send_nonsense(self, fields: dict[str, int], spoilt: dict[str, int]) -> None:
        self.judge(self.next_order(fields | spoilt))

    @rule(fields=ordinary, half=st.booleans())
    def reopen_a_filled_order(self, fields: dict[str, int], half: bool) -> None:
        """A REPLACE of nothing; with a price but no lots it is senseless."""
        order = self.next_order(fields | {"action": 2, "working_lots": 0, "working_price_ticks": 10_000 * half})
        self.judge(order)
        if self.twin.fired_mask == 0 and order.action == Action.REPLACE:
            self.working.append(replace(order, price_ticks=self.twin.reserved_price_ticks))

    @precondition(lambda self: self.working)
    @rule(fields=ordinary, pick=st.integers(0, 50), spoilt=st.one_of(st.just({}), st.just({}), spoiling))
    def replace_a_working_order(self, fields: dict[str, int], pick: int, spoilt: dict[str, int]) -> None:
        self.amend(pick, fields, spoilt)

    def amend(self, pick: int, fields: dict[str, int], spoilt: dict[str, int] | None = None) -> None:
        at = pick % len(self.working)
        old = self.working[at]
        own = {"action": 2, "side": old.side, "instrument_id": old.instrument_id, "account_id": old.account_id}
        reserved = {"working_lots": old.quantity_lots, "working_price_ticks": old.price_ticks}
        order = self.next_order(fields | own | reserved | (spoilt or {}))
        self.judge(order)
        if self.twin.fired_mask == 0 and order.action == Action.REPLACE:
            self.working[at] = replace(order, price_ticks=self.twin.reserved_price_ticks)

    @precondition(lambda self: self.working)
    @rule(pick=st.integers(0, 50), part=st.integers(0, 6), trades=st.booleans())
    def settle_a_working_order(self, pick: int, part: int, trades: bool) -> None:
        self.settle(pick, part, trades=trades)

    def settle(self, pick: int, part: int, *, trades: bool) -> None:
        old = self.working.pop(pick % len(self.working))
        left = max(0, old.quantity_lots - part)
        keys = (old.account_id, old.instrument_id, old.side)
        self.both("fill" if trades else "release", *keys, old.quantity_lots - left, old.price_ticks, closes=left == 0)
        if left:
            self.working.append(replace(old, quantity_lots=left))

    @rule(
        call=st.sampled_from(["fill", "release", "reserve"]),
        keys=st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3), lots, prices),
        last=st.booleans(),
    )
    def settle_nonsense(self, call: str, keys: tuple[int, int, int, int, int], last: bool) -> None:
        self.both(call, *keys, **({"opens": last} if call == "reserve" else {"closes": last}))

    @rule(account_id=st.integers(0, 2), delta=st.one_of(st.integers(-9, 9), st.sampled_from(EDGES)))
    def adjust(self, account_id: int, delta: int) -> None:
        self.both("adjust_position", account_id, 0, delta)

    @rule(number=st.integers(0, 2), name=st.sampled_from(sorted(roomy_instrument())), value=limits)
    def set_instrument(self, number: int, name: str, value: int) -> None:
        self.both("set_instrument", number, **(roomy_instrument() | {name: value}))

    @rule(number=st.integers(0, 2), name=st.sampled_from(sorted(roomy_account())), value=limits)
    def set_account(self, number: int, name: str, value: int) -> None:
        self.both("set_account", number, **(roomy_account() | {name: value}))

    @rule(number=st.integers(0, 1), long_lots=limits, short_lots=limits)
    def set_position_limit(self, number: int, long_lots: int, short_lots: int) -> None:
        self.both("set_position_limit", number, 0, max_long_lots=long_lots, max_short_lots=short_lots)

    @rule(number=st.integers(0, 2), price=prices, time_ns=times)
    def set_reference(self, number: int, price: int, time_ns: int) -> None:
        self.both("set_reference", number, price, time_ns)

    @rule(number=st.integers(0, 2), halted=st.booleans())
    def set_halted(self, number: int, halted: bool) -> None:
        self.both("set_halted", number, halted)

    @rule(account_id=st.sampled_from([None, 0, 1, 2]), engaged=st.booleans())
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
