"""kill -9 at any moment: every acknowledged entry is there afterwards, and the next start goes on from it."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.chaos.journal_disk import Victim, broken_promises

KILLS = 30


@pytest.mark.slow
def test_thirty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    dice = random.Random(seed)
    victim = Victim(tmp_path / "journal", tmp_path / "acks")
    written_by_each = []
    for _ in range(KILLS):
        before = len(victim.promised()[0])
        with victim.start(10**9, dice.choice((1, 16, 64))) as process:
            deadline = time.monotonic() + 30
            while len(victim.promised()[0]) == before and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(dice.random() * 0.15)
            process.kill()
        promised, failures = victim.promised()
        written_by_each.append(len(promised) - before)
        assert failures == 0
        assert broken_promises(victim.journal, promised) == []
    assert min(written_by_each) > 0, written_by_each


def test_a_kill_at_the_very_start_leaves_a_journal_or_none(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    dice = random.Random(seed)
    for n in range(6):
        victim = Victim(tmp_path / f"journal{n}", tmp_path / f"acks{n}")
        with victim.start(10**9, 4) as process:
            time.sleep(0.1 + dice.random() * 0.15)  # Around the interpreter's start and the journal's making
            process.kill()
        code, errors = victim.run(10, 2)
        assert (code, errors) == (0, "")
        assert broken_promises(victim.journal, victim.promised()[0]) == []
