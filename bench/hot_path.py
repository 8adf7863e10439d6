"""The order loop: an intent in the ring to its OUCH bytes in the out buffer, and the kill word to the last order out.

The loop is the real one with all its parts in shared memory: kill word, gate with every check, port, journal, drop
copies; one pinned core, where the system allows it. What is timed begins with the turn that finds the intent (clock,
kill word and control ring are looked at before it) and ends when its bytes are written down and in the buffer; the
system call that sends them is not in it. Timed by the loop's own histogram with two looks at the processor's counter,
whose cost is a row. The floor is a bare ring and a memcpy of a finished message, timed in the same way.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench.floors import floor
from bench.hot_world import HotWorld
from bench.measure import Row, Series, in_turn, row
from meltica.hot.hot_parts import Stage, Word
from meltica.hot.layout_gen import DropKind

ORDERS: Final = 20_000
BATCH: Final = 200
WARM: Final = 2_000
KILLS: Final = 200
FLOOR: Final = "bare ring and memcpy of a finished message"


def rows(runs: int) -> list[Row]:
    """Nanoseconds of a pinned core; the kill in microseconds."""
    found: dict[str, list[float]] = {name: [] for name in ("p50", "p99.9", "floor p50", "floor p99.9", "look")}
    kills: dict[str, list[float]] = {"p50": [], "p99": []}

    def ours() -> float:
        p50, p999 = _ours()
        found["p50"].append(p50)
        found["p99.9"].append(p999)
        return p50

    def bare() -> float:
        p50, p999, look = _floor()
        for name, value in (("floor p50", p50), ("floor p99.9", p999), ("look", look)):
            found[name].append(value)
        return p50

    in_turn({"ours": ours, "floor": bare}, runs)
    for _ in range(runs):
        p50, p99 = _kills()
        kills["p50"].append(p50)
        kills["p99"].append(p99)
    return [
        row("hot path: ring to out buffer, p50", "ns/order", found["p50"], floor=Series(FLOOR, found["floor p50"])),
        row(
            "hot path: ring to out buffer, p99.9", "ns/order", found["p99.9"], floor=Series(FLOOR, found["floor p99.9"])
        ),
        row("hot path: two looks at the counter", "ns", found["look"]),
        row("hot path: kill word stored to last order out, p50", "us", kills["p50"]),
        row("hot path: kill word stored to last order out, p99", "us", kills["p99"]),
    ]


def _ours() -> tuple[float, float]:
    return _pinned(_measure)


def _measure() -> tuple[float, float]:
    with _world() as world:
        for at in range(0, WARM + ORDERS, BATCH):
            if at == WARM:
                world.status.words.add(Word.RESET_WANTED)
                world.loop.turns(2)
            world.send(BATCH)
            world.loop.turns(BATCH)
            world.drain()
        histogram = world.reader.histogram(Stage.TO_OUT)
        if histogram.total < ORDERS - BATCH:
            raise RuntimeError(f"{histogram.total} orders went out, {ORDERS} were sent")
        p50, p999 = histogram.quantiles((0.5, 0.999))
        return float(p50), float(p999)


def _floor() -> tuple[float, float, float]:
    answer = (ctypes.c_double * 3)()
    library = floor("hot_path")
    _pinned(lambda: library.hot_path(ctypes.c_long(ORDERS), answer))
    return answer[0], answer[1], answer[2]


def _kills() -> tuple[float, float]:
    """The loop on one core, full of orders; whoever stores the kill word on another."""
    late: list[int] = []
    with _world() as world:
        thread = threading.Thread(target=_run, args=(world,))
        thread.start()
        for _ in range(KILLS):
            world.send(16)
            epoch = world.kill.engage(2, "bench", "how long")
            killed = None
            while killed is None:
                copies = world.copies()
                killed = next((copy for copy in copies if copy.kind == DropKind.KILLED), None)
            last = max([killed.time_ns, *(copy.time_ns for copy in copies if copy.kind == DropKind.SENT)])
            late.append(max(0, last - epoch))
            world.kill.release(epoch, "bench")
            while world.reader.word(Word.KILL_ENGAGED):
                world.drain()
            world.drain()
        world.loop.stop(at_once=True)
        thread.join()
    late.sort()
    return late[len(late) // 2] / 1_000, late[len(late) * 99 // 100] / 1_000


def _run(world: HotWorld) -> None:
    with suppress(OSError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    world.loop.run()


def _pinned(work: object) -> tuple[float, float]:
    """In a thread of its own on the last core, so that the bench's other threads keep theirs."""
    found: list[tuple[float, float]] = []

    def run() -> None:
        with suppress(OSError):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        found.append(work())  # type: ignore[operator]

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if not found:
        raise RuntimeError("the measuring thread failed; what it said is above")
    return found[0]


def _world() -> HotWorld:
    return HotWorld(Path(tempfile.mkdtemp(prefix="meltica-bench-", dir="/dev/shm")))
