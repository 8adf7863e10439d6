"""The other process of bench.rings, echo or gate: ``python -m bench.ring_echo WHAT FOLDER ROUNDS CORE``."""

from __future__ import annotations

import ctypes
import importlib.util
import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Final

import numpy as np

ENGAGED, RELEASED, STAMP, ROUND = 0, 1, 2, 3
"""Words of the file `plain`: what the floor of the kill word uses, when the gate saw it, and its rounds so far."""
PLAIN_BYTES: Final = 4096
BARE_RING_BYTES: Final = 128 * 1024


def mapped(path: Path, size: int = 0) -> mmap.mmap:
    """The file, made of zeros when a size is given."""
    if size:
        path.write_bytes(bytes(size))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def bare_ring(folder: Path, memory: mmap.mmap, number: int, *, producer: bool) -> Any:
    spec = importlib.util.spec_from_file_location("bare_ring", folder / "bare_ring.so")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.BareRing(memory, number * BARE_RING_BYTES, producer)


def echo(pop: Callable[[], bytes | None], push: Callable[[bytes], object], rounds: int) -> None:
    for _ in range(rounds):
        while (record := pop()) is None:
            pass
        push(record)


def echo_ours(folder: Path, rounds: int) -> None:
    from meltica.hot.shared import SpscRing  # Not in the processes of the others

    there, back = SpscRing.attach(folder / "there", role="consumer"), SpscRing.attach(folder / "back", role="producer")
    ready()
    echo(there.pop, back.push, rounds)


def echo_bare(folder: Path, rounds: int) -> None:
    memory = mapped(folder / "bare")
    there = bare_ring(folder, memory, 0, producer=False)
    back = bare_ring(folder, memory, 1, producer=True)
    ready()
    echo(there.pop, back.push, rounds)


def echo_zmq(folder: Path, rounds: int) -> None:
    import zmq

    with zmq.Context() as context, context.socket(zmq.PAIR) as pair:
        pair.connect(f"ipc://{folder}/zmq")
        ready()
        for _ in range(rounds):
            pair.send(pair.recv())


def echo_hop(folder: Path, rounds: int, name: str) -> None:
    library = ctypes.CDLL(str(folder / "ring_hop.so"))
    memory = mapped(folder / "hop")
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    ready()
    getattr(library, name)(ctypes.c_void_p(address), 1, ctypes.c_long(rounds), None)


def gate_ours(folder: Path, rounds: int) -> None:
    """Looks at the word without end, as a gate's loop does, and notes when it saw an engagement."""
    from meltica.hot.shared import KillWord

    stamps = np.frombuffer(mapped(folder / "plain"), np.int64)
    engaged = KillWord.attach(folder / "word.kill", gate="bench").is_engaged
    ready()
    for number in range(rounds):
        while not engaged():
            pass
        stamps[STAMP] = perf_counter_ns()
        while engaged():
            pass
        stamps[ROUND] = number + 1


def gate_plain(folder: Path, rounds: int) -> None:
    memory = mapped(folder / "plain")
    stamps, words = np.frombuffer(memory, np.int64), memoryview(memory).cast("q")
    ready()
    for number in range(rounds):
        while words[ENGAGED] == words[RELEASED]:
            pass
        stamps[STAMP] = perf_counter_ns()
        while words[ENGAGED] != words[RELEASED]:
            pass
        stamps[ROUND] = number + 1


def ready() -> None:
    os.write(1, b"ready\n")


def main(what: str, folder: str, rounds: str, core: str) -> None:
    os.sched_setaffinity(0, {int(core)})
    roles: dict[str, Callable[[Path, int], None]] = {
        "ours": echo_ours,
        "bare": echo_bare,
        "zmq": echo_zmq,
        "hop_ours": lambda where, count: echo_hop(where, count, "hop_ours"),
        "hop_bare": lambda where, count: echo_hop(where, count, "hop_bare"),
        "gate": gate_ours,
        "plain gate": gate_plain,
    }
    roles[what](Path(folder), int(rounds))


if __name__ == "__main__":
    main(*sys.argv[1:])
