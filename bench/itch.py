"""What decoding ITCH 5.0 costs from Python, beside branch-free C and itchcpp, the fastest parser that Python can call.

The data is the real file of the shared data (1,000 messages at the open), repeated; without it, messages made after
its mix. All three read the same buffer; itchcpp makes an object of each message, the others fill columns.
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

from bench.floors import floor
from bench.measure import Row, Series, in_turn, missing, row
from meltica.hot import ItchDecoder, load

DATA: Final = Path(os.environ.get("MELTICA_DATA", "../shared/data")) / "nasdaq/12302019_SNIPPET.NASDAQ_ITCH50"
MESSAGES: Final = 1_000_000
PEER_SHARE: Final = 20  # The peer reads one twentieth: it takes as long as we for all of it
SEED: Final = 12_302_019
MIX: Final = {"A": 367, "U": 225, "F": 193, "D": 167, "E": 28, "X": 6, "I": 4, "P": 4, "Q": 4, "S": 1, "C": 1}
LENGTHS: Final = {"A": 36, "U": 35, "F": 40, "D": 19, "E": 31, "X": 23, "I": 50, "P": 44, "Q": 40, "S": 12, "C": 36}
PEER: Final = "itchcpp parse_stream"


def rows(runs: int) -> list[Row]:
    """Nanoseconds of CPU per message."""
    one = DATA.read_bytes() if DATA.exists() else made()
    data, part = one * (MESSAGES // 1_000), one * (MESSAGES // 1_000 // PEER_SHARE)
    backend = load("cython")
    contenders: dict[str, Callable[[], float]] = {
        "ours": lambda: decode(backend.ItchDecoder(), data),
        "C": lambda: c_decode(data),
        "book": lambda: decode(backend.ItchDecoder(), data, backend.ItchBook()),
    }
    if find_spec("itchcpp"):
        from bench.peers.itchcpp_parse import itchcpp  # The peer is optional

        contenders[PEER] = lambda: itchcpp(part, MESSAGES // PEER_SHARE)
    taken = in_turn(contenders, runs)
    peer = Series(PEER, taken[PEER]) if PEER in taken else None
    floored = Series("branch-free C to the same columns", taken["C"])
    found = row("itch: decode to columns", "ns/message", taken["ours"], floor=floored, peer=peer)
    if peer is None:
        found["peer"] = missing(PEER, "tools/bootstrap.sh bench")
    return [found, row("itch: decode and keep the books", "ns/message", taken["book"], floor=floored, peer=peer)]


def made() -> bytes:
    chance = Random(SEED)
    kinds = chance.sample(list(MIX), counts=list(MIX.values()), k=sum(MIX.values()))
    return b"".join(
        LENGTHS[kind].to_bytes(2, "big") + kind.encode() + chance.randbytes(LENGTHS[kind] - 1) for kind in kinds
    )


def decode(decoder: ItchDecoder, data: bytes, book: object | None = None) -> float:
    offset, count = 0, 0
    apply = getattr(book, "apply", len)
    begin = process_time_ns()
    while True:
        batch = decoder.decode(data, offset)
        apply(batch)
        count, offset = count + len(batch), batch.next_offset
        if batch.finished:
            break
    spent = process_time_ns() - begin
    if batch.error or count != MESSAGES:
        raise RuntimeError(f"decoded {count} of {MESSAGES} messages: {batch.error}")
    return spent / count


def c_decode(data: bytes) -> float:
    c = floor("itch")
    c.itch_decode.restype = ctypes.c_long
    c.itch_setup()
    begin = process_time_ns()
    count: int = c.itch_decode(data, ctypes.c_long(len(data)))
    spent = process_time_ns() - begin
    if not MESSAGES - 3 <= count <= MESSAGES:  # It leaves out what lies in the last 64 bytes
        raise RuntimeError(f"the floor decoded {count} of {MESSAGES} messages")
    return spent / count
