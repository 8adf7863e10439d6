"""The same million orders, fills and limit changes through the Python twin, Cython and RTL: one answer.

Cython and RTL judge all of them, the twin the first of each episode. Most episodes go in one after the other; in some,
orders and records race each other into the card, and software then judges them in the order in which the card did.

MELTICA_OPERATIONS=n   how many instead of a million
SEED=n                 repeats a run
"""

import os
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from random import SystemRandom

import numpy as np
import pytest

from meltica.hot import Check, load
from meltica.hot.gate_twin import Gate as Twin
from meltica.hot.intent_twin import OrderIntent
from meltica.hot.layout_gen import REASON_PASS, Action
from sim.verilated.rtl_gate import RtlGate
from tests.conformance.gate_replay import (
    Outcomes,
    Part,
    by_software,
    differences,
    explained,
    operations_of,
    raced,
    replayed,
    replayed_in_rtl,
)
from tests.conformance.gate_volume import SCALES, Episode, episode

CYTHON = load("cython")
OPERATIONS = int(os.environ.get("MELTICA_OPERATIONS", "1_000_000"))
SEED = int(os.environ.get("SEED") or SystemRandom().randrange(2**31))
EPISODE, PART = 40_000, 4_000
FEWEST, FEWEST_ALONE = 300, 40  # of each check in a million operations


class Tally:
    """What a run has seen."""

    def __init__(self) -> None:
        self.fired: Counter[int] = Counter()
        self.alone: Counter[int] = Counter()
        self.passed: Counter[int] = Counter()
        self.orders = self.told = self.taken = self.side_by_side = 0

    def take(self, outcomes: Outcomes, actions: list[int]) -> None:
        orders = outcomes[outcomes["is_order"]]
        self.orders += len(orders)
        self.told += len(outcomes) - len(orders)
        self.taken += int((outcomes["status"] == 1).sum())
        masks = orders["mask"]
        for check in Check:
            bit = np.uint64(1 << check)
            self.fired[check] += int((masks & bit != 0).sum())
            self.alone[check] += int((masks == bit).sum())
        self.passed.update(
            action for action, reason in zip(actions, orders["reason"], strict=True) if reason == REASON_PASS
        )

    def table(self) -> str:
        passed = ", ".join(f"{Action(action).name} passed {times:,}" for action, times in sorted(self.passed.items()))
        lines = [f"{self.orders:,} orders, {self.told:,} records of which {self.taken:,} were taken", passed]
        lines += [f"  {one.name:<24} fired {self.fired[one]:>7,}  alone {self.alone[one]:>7,}" for one in Check]
        return "\n".join(lines)


def test_python_and_cython_agree() -> None:
    """A sample that needs no Verilator."""
    for seed in range(SEED, SEED + len(SCALES)):
        for number, (ours, theirs) in enumerate(zip(through_twin(seed), through_cython(seed), strict=True)):
            same(f"twin and Cython, SEED={seed}", episode(seed, PART), number * 1_000, ours, theirs)


def through_twin(seed: int) -> Iterator[Part]:
    day = episode(seed, PART)
    return replayed(Twin(**day.arguments), OrderIntent.from_bytes, day, 1_000)


def through_cython(seed: int) -> Iterator[Part]:
    day = episode(seed, PART)
    return replayed(CYTHON.Gate(**day.arguments), CYTHON.OrderIntent.from_bytes, day, 1_000)


def same(what: str, day: Episode, low: int, ours: Part, theirs: Part) -> None:
    wrong = differences(ours.outcomes, theirs.outcomes)
    if wrong:
        at = wrong[0]
        pytest.fail(f"{what}: {explained(low + at, day.record(low + at), ours.outcomes[at], theirs.outcomes[at])}")
    for table, rows in ours.state.items():
        assert rows == theirs.state[table], f"{what}: {table} after operation {low + len(ours.outcomes)}"


def actions_of(day: Episode, low: int, high: int) -> list[int]:
    return day.data[low:high, 2][day.is_order[low:high]].tolist()


def one_after_the_other(seed: int, count: int, tally: Tally) -> None:
    day = episode(seed, count)
    cython = replayed(CYTHON.Gate(**day.arguments), CYTHON.OrderIntent.from_bytes, day, PART)
    rtl = replayed_in_rtl(RtlGate(**day.arguments), day, PART)
    twin = replayed(Twin(**day.arguments), OrderIntent.from_bytes, day, PART)
    for number, (compiled, card) in enumerate(zip(cython, rtl, strict=True)):
        low = number * PART
        same(f"Cython and RTL, SEED={seed}", day, low, compiled, card)
        if number == 0:
            same(f"twin and RTL, SEED={seed}", day, low, next(twin), card)
        tally.take(card.outcomes, actions_of(day, low, low + len(card.outcomes)))


def side_by_side(seed: int, count: int, tally: Tally) -> None:
    day = episode(seed, count)
    chance = np.random.default_rng(seed)
    card, cython = RtlGate(**day.arguments), CYTHON.Gate(**day.arguments)
    for low in range(0, count, PART):
        race = raced(card, day, low, min(count, low + PART), chance)
        outcomes = by_software(cython, CYTHON.OrderIntent.from_bytes, race.operations)
        for at in differences(outcomes, race.outcomes)[:1]:
            words = explained(at, race.operations[at][1], outcomes[at], race.outcomes[at])
            pytest.fail(f"Cython and RTL in the card's order, SEED={seed}, from {low}: {words}")
        state = cython.export_state()
        for table, rows in state.items():
            assert rows == race.state[table], f"SEED={seed}: {table} after {low + PART} operations side by side"
        tally.side_by_side += race.next_to_told
        tally.take(race.outcomes, [data[2] for is_order, data in race.operations if is_order])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_operations_are_judged_alike() -> None:
    tally = Tally()
    lows = [*range(0, OPERATIONS, EPISODE), OPERATIONS]
    for number, (low, high) in enumerate(pairwise(lows)):
        play = side_by_side if number % 4 == 3 else one_after_the_other
        play(SEED + number, high - low, tally)
    print(f"\nSEED={SEED}\n{tally.table()}")  # noqa: T201 - pytest -s shows it
    share = OPERATIONS / 1_000_000
    rare = {check.name: tally.fired[check] for check in Check if tally.fired[check] < FEWEST * share}
    assert not rare, f"SEED={SEED}: these fired too seldom to be judged: {rare}"
    together = {check.name: tally.alone[check] for check in Check if tally.alone[check] < FEWEST_ALONE * share}
    assert not together, f"SEED={SEED}: these fired alone too seldom: {together}"
    for action in Action:
        assert tally.passed[action] > 10_000 * share, f"SEED={SEED}: {action.name} passed {tally.passed[action]} times"
    assert tally.taken > 0.9 * tally.told
    assert tally.side_by_side > 2_000 * share, f"SEED={SEED}: few orders met a record in the next cycle"


def test_the_generator_repeats_itself() -> None:
    one, other = episode(SEED, 2_000), episode(SEED, 2_000)
    assert one.data.tobytes() == other.data.tobytes()
    assert operations_of(one, 0, 2_000) == operations_of(other, 0, 2_000)
    assert operations_of(episode(SEED + len(SCALES), 2_000), 0, 2_000) != operations_of(one, 0, 2_000)
