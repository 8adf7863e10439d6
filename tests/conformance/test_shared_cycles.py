"""What holds shared memory may be part of a cycle: the collector takes it apart in any order, at the latest at exit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKERS = {
    "SpscRing": "spsc_ring.SpscRing.create(path, slots=8, role='producer')",
    "MpscRing": "mpsc_ring.MpscRing.create(path, slots=8, role='consumer')",
    "BroadcastWriter": "broadcast_ring.BroadcastWriter.create(path, slots=8)",
    "TopOfBookWriter": "top_of_book.TopOfBookWriter.create(path)",
    "KillWord": "kill_word.KillWord.create(path, gate='edge')",
}
PROGRAM = """
import gc
from cython_ext import broadcast_ring, kill_word, mpsc_ring, spsc_ring, top_of_book
class Holder: pass
gc.disable()
path = {path!r}
part = {maker}  # Older than the rest of the cycle: it is cleared first
one = Holder()
one.part, one.itself = part, one
del one, part
assert gc.collect() > 0
again = {again}
print("alive")
"""


@pytest.mark.parametrize("kind", MAKERS)
def test_the_collector_ends_a_cycle_and_the_place_is_free(kind: str, tmp_path: Path) -> None:
    maker = MAKERS[kind]
    again = maker.replace(")", ", exist_ok=True)") if kind != "KillWord" else maker
    program = PROGRAM.format(path=str(tmp_path / "segment"), maker=maker, again=again)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
