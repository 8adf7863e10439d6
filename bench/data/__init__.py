"""A made Nasdaq day of six million messages: itch_day.cpp says after which published counts, and what is guessed.

It lies in .cache/bench, made once for each version of its source. Where itch-book is installed, that independent parser
reads it first: not one message may be malformed, not one order unknown or entered twice, no book crossed, and the best
bids and offers that it ends with must be the ones that the generator ends with.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

HERE: Final = Path(__file__).parent
CACHE: Final = HERE.parents[1] / ".cache" / "bench"
MESSAGES: Final = 6_000_000
SYMBOLS: Final = 8_900
SEED: Final = 20_191_030
CLEAN: Final = (
    "unknown",
    "malformed",
    "pending_bytes",
    "missing_ref",
    "dup_ref",
    "rejected",
    "clamped",
    "crossed_books",
)
"""Counters of itch-book that must be zero."""

Best = tuple[int, int, int, int, int]
"""locate, bid price, bid shares, ask price, ask shares"""


class Day(NamedTuple):
    path: Path
    facts: dict[str, Any]
    """digest (of all final best bids and offers), messages, most_live, levels_at_open, counts by type, ..."""


def day(messages: int = MESSAGES, symbols: int = SYMBOLS, seed: int = SEED, cache: Path = CACHE) -> Day:
    """The day, made or found; the same arguments give the same bytes."""
    source = HERE / "itch_day.cpp"
    version = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    path = cache / f"itch-{version}-{messages}-{symbols}-{seed}.bin"
    said = path.with_suffix(".json")
    if not said.exists():
        cache.mkdir(parents=True, exist_ok=True)
        program, partial = cache / f"itch_day-{version}", path.with_suffix(".partial")
        subprocess.run(["g++", "-std=c++17", "-O2", "-o", program, source], check=True, capture_output=True, text=True)
        arguments = [str(program), str(partial), *map(str, (messages, seed, symbols))]
        made = subprocess.run(arguments, check=True, capture_output=True, text=True)
        partial.rename(path)
        said.write_text(made.stdout, "utf-8")
    return Day(path, json.loads(said.read_text("utf-8")))


def digest(bests: Iterable[Best]) -> str:
    """FNV-1a over the rows, in the order of their locate codes, little-endian, eight bytes a number."""
    found = 0xCBF29CE484222325
    for row in bests:
        for byte in b"".join(number.to_bytes(8, "little") for number in row):
            found = (found ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return f"{found:016x}"


def checked(made: Day) -> Day:
    """The day, once itch-book has read it; as it is where itch-book is not installed."""
    mark = made.path.with_suffix(".checked")
    if not mark.exists() and find_spec("itch_book"):
        from bench.peers.itch_book_tables import verify  # The peer is optional

        counters, bests = verify(made.path.read_bytes())
        wrong = {name: counters[name] for name in CLEAN if counters[name]}
        if wrong or counters["messages"] != made.facts["messages"] or counters["live_orders"] != made.facts["live"]:
            raise RuntimeError(f"itch-book finds {made.path.name} unclean: {wrong or counters}")
        if (found := digest(bests)) != made.facts["digest"]:
            raise RuntimeError(f"itch-book ends {made.path.name} with other best prices: {found}")
        mark.write_text(json.dumps(counters), "utf-8")
    return made
