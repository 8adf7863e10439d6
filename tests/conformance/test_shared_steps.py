"""The lock-free steps in C, raced by two threads: no record torn, doubled or out of order, and no data race."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE = HERE / "lock_free_stress.c"
HEADERS = HERE.parents[1] / "cython_ext"
SANITIZED = ("-O2", "-g", "-fsanitize=thread", "-Wno-tsan")
RACE_FOUND = 66


def race(program: Path, records: int, *flags: str) -> subprocess.CompletedProcess[str]:
    build = [
        "gcc",
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Werror",
        f"-I{HEADERS}",
        *flags,
        SOURCE,
        "-o",
        program,
        "-pthread",
    ]
    subprocess.run(build, check=True)
    # ThreadSanitizer of this age knows no addresses as random as today's kernels give
    command = [*(["setarch", "-R"] if shutil.which("setarch") else []), program, str(records)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("optimised", ["-O0", "-O3"])
def test_no_record_is_torn_lost_or_out_of_order(tmp_path: Path, optimised: str) -> None:
    done = race(tmp_path / "stress", 1_000_000, optimised)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_the_steps_have_no_data_race(tmp_path: Path) -> None:
    done = race(tmp_path / "stress", 50_000, *SANITIZED)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


def test_the_same_steps_in_a_weaker_order_have_one(tmp_path: Path) -> None:
    """So the judge above can see: with every order relaxed, nothing says that a record is there before its number."""
    done = race(tmp_path / "stress", 20_000, *SANITIZED, "-DBREAK_ORDER")
    assert done.returncode == RACE_FOUND
    assert "WARNING: ThreadSanitizer: data race" in done.stderr
