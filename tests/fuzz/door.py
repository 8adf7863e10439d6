"""What a door is, and how a judge reads a story out of arbitrary bytes."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
KEPT: Final = Path(__file__).parent / "kept"
"""Inputs that once failed, by door; each stays for good."""
FOUND: Final = ROOT / ".cache" / "fuzz"
"""What the fuzzer found to reach new code, by door; of this machine."""


@dataclass(frozen=True)
class Door:
    """``judge`` takes any bytes; whatever it raises is a finding. Refusals that the decoder promises are not raised."""

    name: str
    judge: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    most: int = 4096
    """Bytes of an input; fewer where each of them is a step of a slow story."""


def inputs(folder: Path, door: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each input that is kept there for a door."""
    if (found := folder / door).is_dir():
        for path in sorted(found.iterdir()):
            if path.is_file():
                yield path.name, path.read_bytes()


class Script:
    """Takes an input apart, front to back; behind its end there are zeros, and ``over`` is true."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def over(self) -> bool:
        return self._at >= len(self._data)

    def byte(self) -> int:
        return self.number(1)

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken.ljust(size, b"\0")

    def short(self, size: int) -> bytes:
        """At most ``size`` bytes: what is there."""
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def rest(self) -> bytes:
        return self.short(len(self._data))


@cache
def scratch() -> Path:
    """A folder in memory, removed at the end; the fuzzer ends without an end, so what the dead left goes first."""
    shared = Path("/dev/shm")
    for left in shared.glob("meltica-fuzz-*"):
        if not Path(f"/proc/{left.name.split('-')[2]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=shared, prefix=f"meltica-fuzz-{os.getpid()}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def tight(data: bytes) -> memoryview:
    """In memory of exactly this size: ``bytes`` have a zero behind them, where a read too far would go unnoticed."""
    return memoryview(array("B", data)[:])


def cuts(data: bytes, seed: int) -> list[bytes]:
    """The same bytes in pieces, as a socket may give them."""
    dice, pieces, at = Random(seed), [], 0
    while at < len(data):
        size = dice.choice((1, 2, 3, 7, 64, 1_000))
        pieces.append(data[at : at + size])
        at += size
    return pieces


def outcome(call: Callable[..., Any], *arguments: Any, refuses: tuple[type[Exception], ...]) -> tuple[str, Any]:
    """("gave", what) or ("refused", why): for comparing two that must agree."""
    try:
        return "gave", call(*arguments)
    except refuses as error:
        return "refused", str(error)


def same(found: Any, expected: Any, what: str = "") -> None:
    if found != expected:
        raise AssertionError(f"{what}: {found!r} is not {expected!r}")
