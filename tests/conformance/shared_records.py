"""Records, models and dead processes for the tests of shared memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from meltica.hot.shared import load_shared
from meltica.hot.shared_segment_twin import start_of

BACKENDS = ("cython", "python")
PAIRS = [(one, other) for one in BACKENDS for other in BACKENDS]


def shared(backend: str) -> ModuleType:
    return load_shared(backend)


def record(number: int, size: int = 64) -> bytes:
    """A number and words that follow from it: a mixture of two records is neither."""
    words = np.arange(size // 8, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(number)
    return words.tobytes()


def number_of(data: bytes) -> int:
    """The record's number; AssertionError when it is not whole."""
    number = int.from_bytes(data[:8], "little")
    assert data == record(number, len(data)), f"torn: {data.hex()}"
    return number


def numbers(data: bytes) -> list[int]:
    """Of records of 64 bytes, end to end."""
    return [number_of(data[at : at + 64]) for at in range(0, len(data), 64)]


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


@cache
def dead_process() -> int:
    """The word of a process that lived and is dead."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        start = start_of(child.pid)
        assert start is not None
        child.kill()
    return start << 22 | child.pid


def poke(path: Path, offset: int, value: int, size: int = 8) -> None:
    """Writes into a segment behind everyone's back."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(value.to_bytes(size, "little"))


def peek(path: Path, offset: int, size: int = 8) -> int:
    with path.open("rb") as file:
        file.seek(offset)
        return int.from_bytes(file.read(size), "little")


def this_word() -> int:
    start = start_of(os.getpid())
    assert start is not None
    return start << 22 | os.getpid()
