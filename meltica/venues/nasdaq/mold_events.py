"""What a MoldUDP64 session tells, and the bounds that it keeps."""

from __future__ import annotations

from typing import Final

import msgspec


class MoldLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds and patience of a session."""

    reorder_packets: int = 4_096
    reorder_bytes: int = 8 << 20
    wait_ns: int = 1_000_000
    """For the other line, or a packet that was overtaken, before anybody is asked."""
    retry_ns: int = 10_000_000
    """For the answer to the first request; doubled for each further one."""
    retry_max_ns: int = 500_000_000
    attempts: int = 6
    request_messages: int = 60_000
    """In one request; its answer is one packet anyway."""
    gap_messages: int = 1_000_000
    """A larger gap is not asked for: declared lost at once, once a second packet confirms it."""
    idle_ns: int = 3_000_000_000
    """A line without even a heartbeat for so long is silent; heartbeats come each second."""


FILE_LIMITS: Final = MoldLimits(wait_ns=10_000_000, gap_messages=1 << 62, idle_ns=1 << 62)
"""For captures: nobody can be asked, lines don't fall silent, and whatever is missing is a gap, however large."""


class Messages(msgspec.Struct, frozen=True):
    """The next messages in order."""

    sequence: int
    count: int
    block: bytes
    """With their lengths, as in an ITCH file."""
    time_ns: int
    """When the packet came, on the line that was first."""
    line: int


class GapOpened(msgspec.Struct, frozen=True):
    sequence: int
    count: int
    time_ns: int


class GapFilled(msgspec.Struct, frozen=True):
    """A gap that was reported open is closed: nothing is lost."""

    sequence: int
    count: int
    time_ns: int


class GapLost(msgspec.Struct, frozen=True):
    """These messages will not come any more; the sequence goes on behind them."""

    sequence: int
    count: int
    time_ns: int
    why: str


class SessionStarted(msgspec.Struct, frozen=True):
    session: str
    sequence: int
    time_ns: int


class SessionEnded(msgspec.Struct, frozen=True):
    session: str
    next_sequence: int
    time_ns: int


class LineSilent(msgspec.Struct, frozen=True):
    line: int
    since_ns: int
    time_ns: int


class LineBack(msgspec.Struct, frozen=True):
    line: int
    time_ns: int


MoldEvent = Messages | GapOpened | GapFilled | GapLost | SessionStarted | SessionEnded | LineSilent | LineBack
