"""What decoding ITCH 5.0 costs from Python, beside branch-free C and the parsers that Python can call.

All read the same bytes: a made day (bench/data), and for us and C also the real file of the shared data (1,000 messages
at the open, repeated). itchcpp makes an object of each message; itch-book keeps books and makes a table of messages.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from random import Random
from time import process_time_ns
from typing import Final

from bench.data import checked, day
from bench.floors import floor
from bench.measure import Row, Series, in_turn, missing, row
from meltica.hot import ItchDecoder, load

SNIPPET: Final = Path(os.environ.get("MELTICA_DATA", "../shared/data")) / "nasdaq/12302019_SNIPPET.NASDAQ_ITCH50"
REPEATED: Final = 1_000
PART: Final = 300_000
"""Messages that itchcpp reads, from the middle of the day: it takes as long as we for all of it."""
SEED: Final = 12_302_019
MIX: Final = {"A": 367, "U": 225, "F": 193, "D": 167, "E": 28, "X": 6, "I": 4, "P": 4, "Q": 4, "S": 1, "C": 1}
LENGTHS: Final = {"A": 36, "U": 35, "F": 40, "D": 19, "E": 31, "X": 23, "I": 50, "P": 44, "Q": 40, "S": 12, "C": 36}
PEERS: Final = {"itchcpp": "itchcpp parse_stream", "itch_book": "itch-book messages table"}
FLOOR: Final = "branch-free C to the same columns"


def rows(runs: int) -> list[Row]:
    """Nanoseconds of CPU per message."""
    made = checked(day())
    data, messages = made.path.read_bytes(), int(made.facts["messages"])
    contenders: dict[str, Callable[[], float]] = {
        "ours": lambda: decode(data, messages),
        "C": lambda: c_decode(data, messages),
    }
    if SNIPPET.exists():
        real = SNIPPET.read_bytes() * REPEATED
        contenders["ours, real"] = lambda: decode(real, 1_000 * REPEATED)
        contenders["C, real"] = lambda: c_decode(real, 1_000 * REPEATED)
    contenders |= peers(data, messages)
    taken = in_turn(contenders, runs)
    name, unit = "itch: decode to columns", "ns/message"
    found = [row(f"{name}, as in C", unit, taken["ours"], floor=Series(FLOOR, taken["C"]))]
    for module, peer in PEERS.items():
        theirs = Series(peer, taken[peer]) if peer in taken else None
        found.append(row(f"{name}, beside {module.replace('_', '-')}", unit, taken["ours"], peer=theirs))
        if theirs is None:
            found[-1]["peer"] = missing(peer)
    if SNIPPET.exists():
        found.append(
            row(f"{name}, a real file repeated", unit, taken["ours, real"], floor=Series(FLOOR, taken["C, real"]))
        )
    return found


def made() -> bytes:
    """A thousand messages of the real file's mix, with random fields: where a decoder has to be counted, not timed."""
    chance = Random(SEED)
    kinds = chance.sample(list(MIX), counts=list(MIX.values()), k=sum(MIX.values()))
    return b"".join(
        LENGTHS[kind].to_bytes(2, "big") + kind.encode() + chance.randbytes(LENGTHS[kind] - 1) for kind in kinds
    )


def peers(data: bytes, messages: int) -> dict[str, Callable[[], float]]:
    found: dict[str, Callable[[], float]] = {}
    if find_spec("itchcpp"):
        from bench.peers.itchcpp_parse import itchcpp  # The peer is optional

        part = middle(data, messages // 2, PART)
        found[PEERS["itchcpp"]] = lambda: itchcpp(part, PART)
    if find_spec("itch_book"):
        from bench.peers.itch_book_tables import itch_book  # The peer is optional

        found[PEERS["itch_book"]] = lambda: itch_book(data, messages, "messages")
    return found


def middle(data: bytes, first: int, count: int) -> bytes:
    """Whole messages."""
    at, begin = 0, 0
    for number in range(first + count):
        if number == first:
            begin = at
        at += 2 + int.from_bytes(data[at : at + 2], "big")
    return data[begin:at]


def decode(data: bytes, messages: int) -> float:
    decoder: ItchDecoder = load("cython").ItchDecoder()
    offset, count = 0, 0
    begin = process_time_ns()
    while True:
        batch = decoder.decode(data, offset)
        count, offset = count + len(batch), batch.next_offset
        if batch.finished:
            break
    spent = process_time_ns() - begin
    if batch.error or count != messages:
        raise RuntimeError(f"decoded {count} of {messages} messages: {batch.error}")
    return spent / count


def c_decode(data: bytes, messages: int) -> float:
    c = floor("itch")
    c.itch_decode.restype = ctypes.c_long
    c.itch_setup()
    begin = process_time_ns()
    count: int = c.itch_decode(data, ctypes.c_long(len(data)))
    spent = process_time_ns() - begin
    if not messages - 5 <= count <= messages:  # It leaves out what lies in the last 64 bytes
        raise RuntimeError(f"the floor decoded {count} of {messages} messages")
    return spent / count
