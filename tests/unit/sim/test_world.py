"""Worlds with a seed: whatever the link, the disk and the clock do, the books end as the venue's."""

from __future__ import annotations

import secrets

import pytest

from sim.world.world import BrokenInvariantError, World

WORLDS, STEPS = 12, 120


def test_the_books_end_as_the_venues_in_every_world() -> None:
    first = secrets.randbelow(2**32)
    for seed in range(first, first + WORLDS):
        print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
        World(seed).run(STEPS)


def test_the_same_seed_is_the_same_world() -> None:
    one, other = World(5), World(5)
    one.run(60)
    other.run(60)
    assert (one.journal, one.told, one.faults) == (other.journal, other.told, other.faults)


def test_worlds_have_every_fault_in_them() -> None:
    seen = set()
    for seed in range(8):
        world = World(seed)
        world.run(STEPS)
        seen |= world.faults.keys()
        assert world.now_ns - world.began_ns > STEPS * 10**6
    assert seen >= {"lost", "twice", "deaths", "resends", "clock jumps"}


class DeafWorld(World):
    """Its link never says again what was lost."""

    def _tell_again(self) -> None:
        return


class HastyWorld(World):
    """It acts before it writes: what was sent may be forgotten with the process."""

    def _flush(self) -> None:
        durable = self.durable
        super()._flush()
        if self.dice.random() < 0.5:
            self.durable = durable


def _run_worlds(planted: type[World]) -> None:
    for seed in range(WORLDS):
        planted(seed).run(STEPS)


@pytest.mark.parametrize("planted", [DeafWorld, HastyWorld])
def test_a_gateway_that_is_wrong_is_found(planted: type[World]) -> None:
    with pytest.raises(BrokenInvariantError, match=r"seed [0-9]+, step"):
        _run_worlds(planted)
