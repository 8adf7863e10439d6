"""Power cuts at every write of a gateway's day: nothing acknowledged is lost, and the engine that comes back is the one
that was.

The ordinary run takes ``SAMPLE`` crash points; ``make crash-points`` takes 10,000 (MELTICA_CRASH_POINTS says how many).
The same judge must object to a gateway that acts before its journal is flushed, and to a disk that is never flushed.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.crash_images import Run, crash, recorded
from tests.chaos.journal_disk import build_shim

SAMPLE = 500
ORDERS, LONG_DAY = 250, 600
PLANTED = 80


@pytest.fixture(scope="module")
def seed() -> int:
    seed = int(os.environ.get("SEED", "")) if os.environ.get("SEED") else secrets.randbelow(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    return seed


@pytest.fixture(scope="module")
def points() -> int:
    return int(os.environ.get("MELTICA_CRASH_POINTS", SAMPLE))


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, shim: Path, seed: int, points: int) -> Run:
    orders = ORDERS if points <= SAMPLE else LONG_DAY
    return recorded(tmp_path_factory.mktemp("day") / "run", shim, orders, seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_the_disk_kept_the_engine_comes_back_as_it_was(day: Run, seed: int, points: int) -> None:
    judge = crash(day, points, seed)
    kept = f"{judge.counts['exact']} journals ended with what was acknowledged, {judge.counts['longer']} later"
    unlike = f"{judge.counts['journals']} unlike each other, {judge.counts['recoveries']} engines recovered"
    print(f"seed {seed}: {judge.points} crash points: {kept}; {unlike}")  # noqa: T201 - what was tried
    assert judge.faults == []
    assert judge.points == points
    assert judge.counts["longer"] > points // 50, "no image kept more than was acknowledged"
    assert judge.counts["recoveries"] > 20


@pytest.mark.slow
def test_a_disk_that_is_never_flushed_is_noticed(day: Run, seed: int) -> None:
    unflushed = replace(day, events=[event for event in day.events if event.kind != "s"])
    judge = crash(unflushed, PLANTED, seed)
    assert len(judge.faults) > PLANTED // 4


@pytest.mark.slow
def test_a_gateway_that_acts_before_the_flush_is_noticed(shim: Path, tmp_path: Path, seed: int) -> None:
    careless = recorded(tmp_path / "run", shim, ORDERS, seed, "careless")
    judge = crash(careless, PLANTED, seed)
    assert len(judge.faults) > PLANTED // 4
    assert all("lost" in fault for fault in judge.faults)
