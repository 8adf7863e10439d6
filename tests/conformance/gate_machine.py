"""The one generator: drives the twin and a candidate in lockstep and compares everything after each step."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from meltica.hot import PASS, Action
from meltica.hot import layout_gen as lay
from meltica.hot.bounds import Bounds
from meltica.hot.gate_twin import Gate as Twin
from meltica.hot.intent_twin import OrderIntent
from meltica.hot.layout_gen import Mark, Record
from tests.conformance.examples import examples
from tests.conformance.gate_desk import GateKind, T, record
from tests.conformance.gate_draws import (
    BUSY_DAY_ORDERS,
    EDGES,
    KEY,
    LIMITS,
    ODD_VALUES,
    ORDINARY,
    SATURATING,
    TABLES,
    lots,
    odd_record,
    ordinary,
    prices,
    spoiling,
    times,
)


def lockstep(kind: GateKind, *, count: int = 30, steps: int = 30, bounds: Bounds | None = None) -> Any:
    """A TestCase class that drives a gate of this kind beside the twin; a failure prints what reproduces it."""

    class Lockstep(GateLockstep):
        candidate_kind = kind
        gate_bounds = bounds

    Lockstep.__name__ = f"GateLockstep{kind.name.title()}"
    case = Lockstep.TestCase
    case.settings = settings(
        max_examples=examples(count),
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
    gate_bounds: Bounds | None

    def __init__(self) -> None:
        super().__init__()
        self.twin = Twin(**TABLES, bounds=self.gate_bounds)
        bounded = {} if self.gate_bounds is None else {"bounds": self.gate_bounds}
        self.candidate = self.candidate_kind.make(**TABLES, **bounded)
        self.working: list[OrderIntent] = []
        self.last_order_id = 0
        self.now_ns = T
        self.open_for_business()

    def teardown(self) -> None:
        if hasattr(self.candidate, "close"):
            self.candidate.close()

    def both(self, method: str, *arguments: Any, **named: Any) -> Any:
        """The same call on both: the same answer or the same kind of refusal."""
        outcomes = []
        for gate in (self.twin, self.candidate):
            try:
                outcomes.append(getattr(gate, method)(*arguments, **named))
            except (ValueError, OverflowError):
                outcomes.append("refused")
        assert outcomes[0] == outcomes[1], f"{method}{arguments}{named}: twin {outcomes[0]}, candidate {outcomes[1]}"
        return outcomes[0]

    def tell(self, record_class: type[Record], **values: int) -> None:
        self.both("tell", record(record_class, **values))

    def next_order(self, fields: dict[str, int]) -> OrderIntent:
        self.last_order_id += 1
        self.now_ns += self.last_order_id % 5 == 0
        usual = {"action": 1, "order_id": self.last_order_id, "time_ns": self.now_ns}
        return OrderIntent(**(usual | fields))

    def judge(self, order: OrderIntent) -> bool:
        """Whether it passed."""
        reason = self.twin.check(order)
        theirs = self.candidate.check(self.candidate_kind.intent(order.to_bytes()))
        masks = f"twin {reason} {self.twin.fired_mask:#x}, candidate {theirs} {self.candidate.fired_mask:#x}"
        assert (reason, self.twin.fired_mask) == (theirs, self.candidate.fired_mask), f"{order}: {masks}"
        assert self.twin.reserved_price_ticks == self.candidate.reserved_price_ticks, f"{order}"
        assert self.twin.allowed_lots == self.candidate.allowed_lots, f"{order}"
        assert self.twin.self_matches() == self.candidate.self_matches(), f"{order}"
        passed = reason == PASS
        if passed and order.action == Action.NEW:
            self.working.append(self.reserved(order))
        return passed

    def reserved(self, order: OrderIntent) -> OrderIntent:
        price, lots = self.twin.reserved_price_ticks, self.twin.allowed_lots
        return replace(order, price_ticks=price, quantity_lots=lots)

    @rule()
    def open_for_business(self) -> None:
        for scope in lay.KillScope:
            self.both("unkill", scope, 0)
        self.tell(lay.LeaseRecord, until_ns=self.now_ns + 500)
        self.tell(lay.FirmLimitsRecord, **LIMITS[lay.FirmLimitsRecord])
        for port_id in (0, 255):
            self.tell(lay.PortLimitsRecord, port_id=port_id, **LIMITS[lay.PortLimitsRecord])
            self.tell(lay.MarkRecord, mark=Mark.CONNECTED, on=1, id=port_id)
        for number in range(2):
            for record_class, key in list(KEY.items())[:3]:
                self.tell(record_class, **{key: number}, **LIMITS[record_class])
            self.both("set_reference", number, 100, self.now_ns)
            self.both("set_quote", number, 99, 19, 101, 20, 0)
            for instrument_id in range(2):
                keys = {"account_id": number, "instrument_id": instrument_id}
                self.tell(lay.PositionLimitsRecord, **keys, **LIMITS[lay.PositionLimitsRecord])
            for breaker in lay.Breaker:
                self.tell(lay.RearmRecord, breaker=breaker, id=number, time_ns=self.now_ns)

    @rule(day=st.lists(ordinary, min_size=1, max_size=10))
    def send(self, day: list[dict[str, int]]) -> None:
        for order in day:
            self.judge(self.next_order(order))

    @rule(seed=st.integers(0, 2**32))
    def busy_day(self, seed: int) -> None:
        """Hypothesis likes short stories; this is a long one, and its seed is in the report."""
        chance = Random(seed)
        self.tell(lay.DayResetRecord, time_ns=self.now_ns)
        self.open_for_business()
        for _ in range(BUSY_DAY_ORDERS):
            order = {name: chance.choice(values) for name, values in ORDINARY.items()}
            if self.working and chance.random() < 0.5:
                self.settle(chance.randrange(99), chance.randrange(7), trades=chance.random() < 0.5)
            if self.working and chance.random() < 0.3:
                self.amend(chance.randrange(99), order)
            if chance.random() < 0.06:
                self.change_limits(chance)
            if chance.random() < 0.06:
                self.shake(chance)
            if chance.random() < 0.04:
                self.open_for_business()
            if chance.random() < 0.05:
                order["order_id"] = max(0, self.last_order_id - chance.randrange(9))
            if chance.random() < 0.1:
                order["time_ns"] = self.now_ns - chance.randrange(9)
            if order["side"] == lay.Side.SELL and chance.random() < 0.3:
                order["flags"] |= chance.choice([8, 24])
            self.judge(self.next_order(order))
            self.same_state()

    def change_limits(self, chance: Random) -> None:
        """One row of limits with something changed, and the market moves."""
        record_class = chance.choice(list(LIMITS))
        values = dict(LIMITS[record_class])
        if chance.random() < 0.7:
            name = chance.choice(list(values))
            fits = [value for value in ODD_VALUES if value < 2**31 or name.endswith(("_nanos", "_ns"))]
            values[name] = chance.choice(fits)
        if record_class is lay.InstrumentLimitsRecord:
            values |= chance.choice([{}, {}, {"short_sale": 2}, {"restricted": 1}, SATURATING])
        if record_class is lay.AccountLimitsRecord:
            values |= {"self_match": chance.randrange(4), "rearm_after_ns": chance.choice([0, 0, 5])}
            values |= {"self_match_group": chance.choice([0, 0, 0, 1]), "short_exempt_allowed": chance.randrange(2)}
        if record_class in KEY:
            values[KEY[record_class]] = chance.choice([0, 0, 1])
        self.tell(record_class, **values)
        instrument_id = chance.randrange(2)
        self.both("set_reference", instrument_id, chance.randint(95, 105), self.now_ns)
        bid = chance.randint(97, 101)
        sides = {
            "bid_ticks": bid,
            "bid_lots": chance.randrange(40),
            "ask_ticks": bid + chance.choice([0, 1, 1, 2, 2, 2]),
        }
        self.tell(lay.QuoteRecord, instrument_id=instrument_id, ask_lots=chance.randrange(40), **sides)

    def shake(self, chance: Random) -> None:
        """Something that a breaker, a switch or a mark has to do with."""
        number, on, time_ns = chance.choice([0, 0, 1]), chance.randrange(2), self.now_ns
        pnl = {"pnl_nanos": chance.randrange(-40, 40), "time_ns": time_ns}
        delta = chance.choice([-(2**63), -2_000, -500, 500, 2**63 - 1])
        happenings: list[Callable[[], None]] = [
            lambda: self.tell(lay.ProfitAndLossRecord, account_id=number, **pnl),
            lambda: self.tell(lay.OutcomeRecord, account_id=number, rejected=1, time_ns=time_ns),
            lambda: self.tell(lay.RearmRecord, breaker=chance.randrange(1, 5), id=number, time_ns=time_ns),
            lambda: self.tell(lay.MarkRecord, mark=chance.randrange(1, 6), on=on, id=number, time_ns=time_ns),
            lambda: self.tell(lay.KillRecord, scope=chance.randrange(2, 6), engage=on, id=number, time_ns=time_ns),
            lambda: self.tell(lay.CreditRecord, scope=chance.randrange(1, 4), id=number, delta_nanos=delta),
            lambda: self.tell(lay.PriceBandRecord, instrument_id=number, low_ticks=95 * on, high_ticks=105 * on),
            lambda: self.both("tell", odd_record(chance, time_ns)),
        ]
        for _ in range(3):
            chance.choice(happenings)()

    @rule(day=st.lists(ordinary, max_size=40))
    def send_in_a_batch(self, day: list[dict[str, int]]) -> None:
        data = b"".join(self.next_order(order).to_bytes() for order in day)
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
        if self.judge(order):
            self.working.append(self.reserved(order))

    @precondition(lambda self: self.working)
    @rule(fields=ordinary, pick=st.integers(0, 50), spoilt=st.one_of(st.just({}), st.just({}), spoiling))
    def replace_a_working_order(self, fields: dict[str, int], pick: int, spoilt: dict[str, int]) -> None:
        self.amend(pick, fields, spoilt)

    def amend(self, pick: int, fields: dict[str, int], spoilt: dict[str, int] | None = None) -> None:
        at = pick % len(self.working)
        old = self.working[at]
        own = {name: getattr(old, name) for name in ("side", "instrument_id", "account_id", "strategy_id", "order_id")}
        reserved = {"action": 2, "working_lots": old.quantity_lots, "working_price_ticks": old.price_ticks}
        order = self.next_order(fields | own | reserved | (spoilt or {}))
        if self.judge(order) and order.action == Action.REPLACE:
            self.working[at] = self.reserved(order)

    @precondition(lambda self: self.working)
    @rule(pick=st.integers(0, 50), part=st.integers(0, 6), trades=st.booleans())
    def settle_a_working_order(self, pick: int, part: int, trades: bool) -> None:
        self.settle(pick, part, trades=trades)

    def settle(self, pick: int, part: int, *, trades: bool) -> None:
        old = self.working.pop(pick % len(self.working))
        left = max(0, old.quantity_lots - part)
        keys = (old.account_id, old.instrument_id, old.side, old.quantity_lots - left, old.price_ticks)
        named = {"order_id": old.order_id, "strategy_id": old.strategy_id}
        self.both("fill" if trades else "release", *keys, closes=left == 0, **named)
        if left:
            self.working.append(replace(old, quantity_lots=left))

    @rule(
        call=st.sampled_from(["fill", "release", "reserve"]),
        keys=st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3), lots, prices),
        last=st.booleans(),
        named=st.fixed_dictionaries({"order_id": st.integers(0, 20), "strategy_id": st.integers(0, 2)}),
    )
    def settle_nonsense(
        self, call: str, keys: tuple[int, int, int, int, int], last: bool, named: dict[str, int]
    ) -> None:
        self.both(call, *keys, **({"opens": last} if call == "reserve" else {"closes": last}), **named)

    @rule(account_id=st.integers(0, 2), delta=st.one_of(st.integers(-9, 9), st.sampled_from(EDGES)))
    def adjust(self, account_id: int, delta: int) -> None:
        self.both("adjust_position", account_id, 0, delta)

    @rule(seed=st.integers(0, 2**32))
    def odd_records(self, seed: int) -> None:
        chance = Random(seed)
        for _ in range(5):
            self.both("tell", odd_record(chance, self.now_ns))

    @rule(seed=st.integers(0, 2**32))
    def other_limits(self, seed: int) -> None:
        self.change_limits(Random(seed))

    @rule(number=st.integers(0, 3), price=prices, time_ns=times)
    def set_reference(self, number: int, price: int, time_ns: int) -> None:
        self.both("set_reference", number, price, time_ns)

    @rule(number=st.integers(0, 3), price=prices, time_ns=times)
    def set_quote(self, number: int, price: int, time_ns: int) -> None:
        self.both("set_quote", number, price, price & 31, price + 1, 20, time_ns)

    @rule(number=st.integers(0, 3), pnl_nanos=st.integers(-(2**63), 2**63 - 1), time_ns=times)
    def set_profit(self, number: int, pnl_nanos: int, time_ns: int) -> None:
        self.both("set_profit", number, pnl_nanos, time_ns)

    @rule(scope=st.integers(0, 6), number=st.sampled_from([0, 0, 1, 2, 3, 255, 256]), engaged=st.booleans())
    def switch(self, scope: int, number: int, engaged: bool) -> None:
        self.both("kill" if engaged else "unkill", scope, number)
        self.both("switch_engaged", scope, number)

    @rule()
    def restart(self) -> None:
        """Each goes on from the other's exported state."""
        ours, theirs = self.twin.export_state(), self.candidate.export_state()
        assert ours == theirs
        if not self.candidate_kind.restores:
            return
        self.twin.import_state(theirs)
        self.candidate.import_state(ours)

    @invariant()
    def same_state(self) -> None:
        assert self.twin.state_digest() == self.candidate.state_digest(), (
            f"twin {self.twin.export_state()}, candidate {self.candidate.export_state()}"
        )
        assert self.twin.counters() == self.candidate.counters()
        assert self.twin.killed == self.candidate.killed
        assert [self.twin.breakers(number) for number in range(2)] == [
            self.candidate.breakers(number) for number in range(2)
        ]
