"""Real bytes of Nasdaq, where they are: itch-book and both of our books must say the same of them."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from struct import unpack_from
from typing import Final

from meltica.hot import load

DATA: Final = Path(os.environ.get("MELTICA_DATA", "../shared/data")) / "nasdaq"
SNIPPET: Final = DATA / "12302019_SNIPPET.NASDAQ_ITCH50"
FRAMES: Final = DATA / "moldudp64_pcap" / "Multiple.Packets.pcap"
SNIPPET_MESSAGES: Final = 1_000
FRAME_MESSAGES: Final = 38
PCAP_HEADER, RECORD_HEADER = 24, 16
UDP_PAYLOAD: Final = 14 + 4 + 20 + 8
"""Behind Ethernet with a VLAN tag, IPv4 and UDP."""


def frame() -> bytes:
    """The messages of the second packet, each behind its length, as files have them."""
    data, at = FRAMES.read_bytes(), PCAP_HEADER
    at += RECORD_HEADER + unpack_from("<I", data, at + 8)[0]
    packet = data[at + RECORD_HEADER :][UDP_PAYLOAD:]
    count, end = unpack_from(">H", packet, 18)[0], 20
    for _ in range(count):
        end += 2 + unpack_from(">H", packet, end)[0]
    return packet[20:end]


def check_recordings() -> int:
    """How many recordings were compared; RuntimeError when two readers disagree."""
    if not find_spec("itch_book"):
        return 0
    readers = [(SNIPPET, SNIPPET.read_bytes, SNIPPET_MESSAGES), (FRAMES, frame, FRAME_MESSAGES)]
    there = [(path, read(), count) for path, read, count in readers if path.exists()]
    for path, data, count in there:
        compare(path.name, data, count)
    return len(there)


def compare(name: str, data: bytes, count: int) -> None:
    """Messages, references that nobody entered, live orders, and the last best bid and offer of each locate code."""
    from bench.peers.itch_book_tables import verify  # The peer is optional

    counters, bests = verify(data)
    theirs = counters["messages"], counters["missing_ref"], counters["dup_ref"], counters["live_orders"], bests
    if counters["messages"] != count:
        raise RuntimeError(f"itch-book reads {counters['messages']} of the {count} messages of {name}")
    for backend in ("cython", "python"):
        book = load(backend).ItchBook(10_000, window_log2=10)
        messages = book.apply_bytes(data)[0]
        said = book.counters()
        found = [(locate, *book.best(locate)) for locate in book.locates()]
        ours = messages, said["unknown_refs"], said["duplicate_refs"], book.live_orders, found
        if ours != theirs:
            raise RuntimeError(f"{name}: our {backend} book says {ours}, itch-book {theirs}")
