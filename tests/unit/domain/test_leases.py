"""Slices of limits: what the book grants, what it counts, and that no order of things makes them exceed a limit."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from meltica.domain.errors import InvariantError
from meltica.domain.leases import (
    MAX_UNCONFIRMED,
    GateEntered,
    GateFacts,
    GateRegistered,
    GateReturned,
    Grant,
    LeaseBook,
    LeaseGranted,
    Report,
    Share,
)
from tests.unit.domain.lease_machine import DAY, LINES, ORDERS, RATE, SHARES, VALUE, World

gates = st.sampled_from(sorted(SHARES))
lines = st.sampled_from(LINES)


class Interleavings(RuleBasedStateMachine):
    """Any interleaving that hypothesis can think of."""

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.claimed = dict(self.world.limits)

    @rule(gate=gates)
    def enter(self, gate: str) -> None:
        self.world.enter(gate)

    @rule(gate=gates)
    def die(self, gate: str) -> None:
        self.world.die(gate)

    @rule(gate=gates)
    def come_back(self, gate: str) -> None:
        self.world.come_back(gate)

    @rule(gate=gates)
    def retire(self, gate: str) -> None:
        self.world.retire(gate)

    @rule(gate=gates, line=lines, percent=st.integers(1, 100))
    def spend(self, gate: str, line: str, percent: int) -> None:
        if (life := self.world.lives.get(gate)) is not None:
            life.spend(line, max(1, life.believes[line] * percent // 100))

    @rule(gate=gates, line=lines, percent=st.integers(1, 100))
    def free(self, gate: str, line: str, percent: int) -> None:
        if (life := self.world.lives.get(gate)) is not None and line != DAY:
            life.in_use[line] -= life.in_use[line] * percent // 100

    @rule(line=lines, percent=st.integers(0, 100))
    def house(self, line: str, percent: int) -> None:
        self.world.spend_house(line, self.world.book.house(line) * percent // 100)

    @rule(line=lines)
    def house_frees(self, line: str) -> None:
        if line != DAY:
            self.world.house_use[line] //= 2

    @rule(gate=gates)
    def report(self, gate: str) -> None:
        self.world.report(gate)

    @rule(gate=gates)
    def resend(self, gate: str) -> None:
        self.world.resend(gate)

    @rule(place=st.integers(0, 2**16), doubled=st.booleans())
    def deliver(self, place: int, doubled: bool) -> None:
        if self.world.letters:
            self.world.deliver(place, doubled=doubled)

    @rule(seed=st.integers(0, 2**16))
    def lose(self, seed: int) -> None:
        self.world.lose(random.Random(seed))

    @rule(line=lines, amount=st.sampled_from([0, 1, 7, 100, 1_000, 5_000]))
    def set_limit(self, line: str, amount: int) -> None:
        self.world.set_limit(line, amount)

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @invariant()
    def nobody_exceeds(self) -> None:
        if hasattr(self, "world"):
            self.claimed = self.world.judge(self.claimed)


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def random_step(world: World, draw: random.Random) -> None:
    gate, line = draw.choice(sorted(SHARES)), draw.choice(LINES)
    if (life := world.lives.get(gate)) is None:
        world.enter(gate)
        return
    rare = {
        0: lambda: world.enter(gate),
        1: lambda: world.die(gate),
        2: lambda: world.come_back(gate),
        3: lambda: world.set_limit(line, draw.choice([10, 100, 1_000, 3_000])),
        4: world.restart,
        5: lambda: world.lose(draw),
        6: lambda: world.resend(gate),
    }
    step = draw.randrange(20)
    if step in rare:
        rare[step]()
    elif step < 10:
        world.report(gate)
    elif step < 15:
        if world.letters:
            world.deliver(draw.randrange(1_000), doubled=draw.random() < 0.2)
    elif step < 18:
        life.spend(line, draw.randrange(1, 200))
    elif line != DAY:
        life.in_use[line] //= 2


@pytest.mark.parametrize("seed", range(40))
def test_long_days_end_with_everything_given_back(seed: int) -> None:
    """Hundreds of random steps; then the line is quiet, and the book must come to rest within the limits."""
    draw = random.Random(seed)
    world = World()
    claimed = dict(world.limits)
    for _ in range(400):
        random_step(world, draw)
        claimed = world.judge(claimed)
    for _ in range(12):
        for gate, life in world.lives.items():
            life.in_use = dict.fromkeys(LINES, 0)
            world.spent.clear()
            world.book.forget_spent("/max_day_lots")
            world.come_back(gate)
            world.letters.clear()
            world.resend(gate)
            while world.letters:
                world.deliver(0, doubled=False)
            world.report(gate)
            while world.letters:
                world.deliver(0, doubled=False)
            claimed = world.judge(claimed)
    assert world.book.revoking() == [], f"seed {seed}"
    for gate, life in world.lives.items():
        for line in LINES:
            assert life.believes[line] == world.limits[line] * SHARES[gate].first_bps // 10_000, f"seed {seed}"


# One thing at a time


def entered() -> tuple[World, LeaseBook]:
    world = World()
    world.enter("a")
    settle(world, "a")
    return world, world.book


def settle(world: World, gate: str) -> None:
    """All that is on its way arrives, and the gate reports."""
    world.resend(gate)
    while world.letters:
        world.deliver(0, doubled=False)
    world.report(gate)
    while world.letters:
        world.deliver(0, doubled=False)


def test_a_gate_that_enters_gets_its_first_share_and_the_house_keeps_the_rest() -> None:
    world, book = entered()
    assert world.lives["a"].believes == {VALUE: 300, ORDERS: 12, RATE: 60, DAY: 1_500}
    assert (book.claimed(VALUE), book.house(VALUE)) == (300, 700)


def test_what_the_house_has_in_use_is_not_granted() -> None:
    world = World()
    world.house_use[VALUE] = 900
    world.enter("a")
    assert world.book.slices("a")[VALUE] == 100


def test_a_slice_that_is_nearly_used_grows_up_to_the_gates_most() -> None:
    world, book = entered()
    for expected in (450, 600, 600):
        world.lives["a"].spend(VALUE, world.lives["a"].believes[VALUE] - world.lives["a"].in_use[VALUE])
        settle(world, "a")
        world.resend("a")
        world.deliver(0, doubled=False)
        assert world.lives["a"].believes[VALUE] == expected
    assert book.slices("a")[VALUE] == 600


def test_an_idle_slice_shrinks_and_counts_until_that_is_confirmed() -> None:
    world, book = entered()
    life = world.lives["a"]
    life.spend(VALUE, 300)
    settle(world, "a")
    settle(world, "a")
    assert life.believes[VALUE] == 450
    life.in_use[VALUE] = 10
    world.report("a")
    world.deliver(0, doubled=False)
    assert book.slices("a")[VALUE] == 300
    assert book.claimed(VALUE) == 450
    life.spend(VALUE, 200)  # It does not know yet
    settle(world, "a")
    assert life.believes[VALUE] == 300
    assert book.claimed(VALUE) == 300


def test_what_is_in_use_when_a_smaller_slice_is_confirmed_stays_reserved() -> None:
    world, book = entered()
    life = world.lives["a"]
    life.spend(VALUE, 250)
    world.set_limit(VALUE, 200)
    settle(world, "a")
    assert life.believes[VALUE] == book.slices("a")[VALUE] == 60  # Nothing is granted while more than the limit is out
    assert book.claimed(VALUE) == 250
    assert book.revoking() == [VALUE]
    life.spend(VALUE, 1)
    assert life.in_use[VALUE] == 250
    life.in_use[VALUE] = 100
    settle(world, "a")
    assert book.claimed(VALUE) == 100
    assert (book.revoking(), book.house(VALUE)) == ([], 100)


def test_a_limit_below_what_is_granted_shrinks_every_gate_and_grants_nothing_meanwhile() -> None:
    world, book = entered()
    world.enter("b")
    settle(world, "b")
    world.set_limit(VALUE, 100)
    assert book.revoking() == [VALUE]
    assert book.house(VALUE) == 0
    assert (book.slices("a")[VALUE], book.slices("b")[VALUE]) == (30, 30)
    assert book.claimed(VALUE) == 600
    world.enter("c")
    assert book.slices("c")[VALUE] == 0
    settle(world, "a")
    settle(world, "b")
    assert book.revoking() == []
    assert (book.claimed(VALUE), book.house(VALUE)) == (60, 40)


def test_a_dead_gate_keeps_its_slice_until_its_orders_are_accounted_for() -> None:
    world, book = entered()
    world.lives["a"].spend(VALUE, 200)
    world.die("a")
    assert book.claimed(VALUE) == 300
    world.enter("a")
    assert book.tables.gates["a"].claims[VALUE].in_use == 200
    assert book.claimed(VALUE) == 300


def test_a_retired_life_never_comes_back() -> None:
    world, book = entered()
    world.lives["a"].spend(VALUE, 50)
    world.die("a")
    world.retire("a")
    assert book.claimed(VALUE) == 50
    with pytest.raises(InvariantError, match="retired"):
        book.apply(GateReturned(gate="a", gate_epoch=world.lives["a"].epoch, time_ns=0))


def test_old_and_doubled_reports_are_no_news() -> None:
    world, book = entered()
    life = world.lives["a"]
    assert not book.is_news(Report("a", life.epoch, life.reports, 99, {VALUE: 300}), {})
    assert not book.is_news(Report("a", life.epoch - 1, life.reports + 1, 99, {VALUE: 300}), {})
    assert not book.is_news(Report("a", life.epoch, life.reports + 1, life.version, {VALUE: 150}), {})
    assert book.is_news(Report("a", life.epoch, life.reports + 1, life.version, {VALUE: 299}), {})
    assert not book.is_news(Report("nobody", 1, 1, 1, {}), {})


def test_nothing_to_give_is_no_news() -> None:
    """A gate that asks for more each time must not fill the journal when there is nothing."""
    world, book = entered()
    life = world.lives["a"]
    assert not book.is_news(Report("a", life.epoch, life.reports + 1, life.version, {VALUE: 299}), {VALUE: 700})


def test_rates_are_never_topped_up() -> None:
    world, book = entered()
    life = world.lives["a"]
    assert not book.is_news(
        Report("a", life.epoch, life.reports + 1, life.version, {RATE: 60, VALUE: 200, ORDERS: 6}), {}
    )
    world.set_limit(RATE, 400)
    settle(world, "a")
    assert book.slices("a")[RATE] == 120


def test_a_gate_that_confirms_nothing_gets_nothing_more() -> None:
    world, book = entered()
    for n in range(100):
        world.set_limit(VALUE, 2_000 - n * 20)
        world.grant(book.answers("a", world.house_use))
        world.grant(book.corrections([VALUE]))
    assert len(book.tables.gates["a"].claims[VALUE].granted) <= MAX_UNCONFIRMED + 1


@pytest.mark.parametrize("share", [Share(6_000, 6_000), Share(-1, 5), Share(5, 4), Share(1, 10_001)])
def test_shares_that_make_no_sense_are_refused(share: Share) -> None:
    with pytest.raises(InvariantError):
        World().book.apply(GateRegistered(gate="d", facts=GateFacts(share), time_ns=0))


def test_what_earlier_lives_used_up_of_the_day_is_added_to_what_a_new_one_may_use() -> None:
    world, book = entered()
    world.lives["a"].spend(DAY, 1_000)
    world.die("a")
    world.enter("a")
    settle(world, "a")
    assert world.lives["a"].believes[DAY] == 1_500
    assert book.claimed(DAY) == 2_500
    book.forget_spent("/max_day_lots")
    assert book.claimed(DAY) == 1_500


def test_a_life_that_is_not_later_and_a_grant_that_is_not_newer_are_no_events_of_ours() -> None:
    world, book = entered()
    epoch = world.lives["a"].epoch
    with pytest.raises(InvariantError, match="life"):
        book.apply(GateEntered(gate="a", gate_epoch=epoch, in_use={}, time_ns=0))
    with pytest.raises(InvariantError, match="grant"):
        book.apply(LeaseGranted(gate="a", gate_epoch=epoch, line=VALUE, amount=1, version=1, time_ns=0))
    with pytest.raises(InvariantError, match="not the one"):
        book.apply(LeaseGranted(gate="a", gate_epoch=epoch + 1, line=VALUE, amount=1, version=99, time_ns=0))


def test_grants_name_gate_line_and_amount() -> None:
    world = World()
    world.enter("a")
    grants = LeaseBook(world.limits, world.book.tables).first_grants("a", [VALUE], {})
    assert grants == [Grant("a", VALUE, 300)]
