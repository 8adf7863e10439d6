"""The stages of the hot path whose instructions are counted: each one does ``count`` items of the same work each time.

Run under callgrind by ``bench.instructions``: ``python -m bench.stages marks.so``. Time is not looked at, so a stage may
be slow here; what it must not be is random: seeds are fixed, tables are made before the count begins.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.gate import ORDERS, GateBench
from bench.itch import made
from meltica.hot import load


class Stage(NamedTuple):
    """``prepare`` makes fresh tables and gives the work that is counted."""

    name: str
    count: int
    prepare: Callable[[], Callable[[], object]]


def itch_decode() -> Callable[[], object]:
    decoder = load("cython").ItchDecoder()
    data = made() * 20

    def work() -> None:
        offset = 0
        while True:
            batch = decoder.decode(data, offset)
            offset = batch.next_offset
            if batch.finished:
                return

    return work


def gate_batch() -> Callable[[], object]:
    bench = GateBench()
    bench.gate.import_state(bench.fresh)
    return lambda: bench.gate.check_batch(bench.records)


STAGES: Final = (
    Stage("itch: decode to columns", 20_000, itch_decode),
    Stage("gate: batch", ORDERS, gate_batch),
)


def main(library: str) -> int:
    marks = ctypes.CDLL(library)
    if not marks.marks_present():
        print("this process does not run under callgrind", file=sys.stderr)
        return 2
    for stage in STAGES:
        stage.prepare()()  # What the first call alone does is not counted
        work = stage.prepare()
        marks.marks_begin()
        work()
        marks.marks_end(stage.name.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
