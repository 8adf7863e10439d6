"""The doors stay whole: seeds, inputs that once failed, and what hypothesis makes of the seeds, through each of them.

The fuzzer itself is ``tools/fuzz.sh``; here is what fits the inner loop.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.door import KEPT, Door, inputs
from tests.fuzz.doors import DOORS

doors = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@doors
def test_seeds_are_no_findings(door: Door) -> None:
    seeds = list(door.seeds())
    assert len(set(seeds)) >= 3
    for seed in seeds:
        door.judge(seed)


@doors
def test_what_once_failed_does_not_fail_again(door: Door) -> None:
    for name, data in inputs(KEPT, door.name):
        try:
            door.judge(data)
        except Exception as error:  # Which of them it was is what one wants to know
            raise AssertionError(f"{KEPT / door.name / name}") from error


def test_every_kept_input_has_its_door() -> None:
    assert {folder.name for folder in KEPT.iterdir() if folder.is_dir()} <= DOORS.keys()


@doors
def test_what_hypothesis_makes_of_the_seeds(door: Door) -> None:
    seeds = list(door.seeds())

    @settings(
        max_examples=60, deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(st.data())
    def judge(data: st.DataObject) -> None:
        door.judge(spoilt(data, seeds))

    judge()


def spoilt(data: st.DataObject, seeds: list[bytes]) -> bytes:
    """A seed with bytes of it changed, a piece cut out, or another seed's piece put in; or bytes without a plan."""
    if data.draw(st.integers(0, 5)) == 0:
        return data.draw(st.binary(max_size=300))
    made = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(made)))
        match data.draw(st.integers(0, 3)):
            case 0:
                made[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
            case 1:
                del made[at : at + data.draw(st.integers(1, 16))]
            case 2:
                made[at:at] = data.draw(st.binary(max_size=8))
            case _:
                other = data.draw(st.sampled_from(seeds))
                begin = data.draw(st.integers(0, len(other)))
                made[at:at] = other[begin : begin + data.draw(st.integers(0, 80))]
    return bytes(made)
