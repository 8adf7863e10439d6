"""MoldUDP64 at the door: what both backends of ``MoldGate`` share.

A gate judges one packet of one line: is it the next one, have we had it, or must somebody think about it? On a quiet
day all packets are one of the first two, and the session in ``meltica.venues.nasdaq.moldudp64`` sees none of them.
"""

from typing import Any, Final, Protocol

HEADER_BYTES: Final = 20
"""Session 10, sequence number 8, message count 2; big-endian."""
SESSION_BYTES: Final = 10
HEARTBEAT: Final = 0
END_OF_SESSION: Final = 0xFFFF
LINES: Final = 4
"""A, B, what was asked for again, and one to spare."""
LEAD_SLOTS: Final = 4096
"""First copies that are remembered to time the second ones; by sequence number, so about a hundred full packets."""
LEAD_BUCKETS: Final = 40
"""Bucket n of a lead histogram: below 2**n ns; the last one takes the rest (above nine minutes)."""
LAST_SEQUENCE: Final = 2**63
"""Beyond it nothing is a sequence number but a broken packet: sums stay within 64 bits."""

# Verdicts
IN_ORDER: Final = 0  # The next one, well formed: pass it on
DUPLICATE: Final = 1  # All of it was passed on before
SLOW: Final = 2  # A gap, another session, a heartbeat, an end, or not well formed: the session decides


class MoldGate(Protocol):
    """One session's sequence; counts per line are lists of ``LINES`` ints."""

    expected: int
    """The next sequence number; 0: not open, everything is SLOW."""
    pending: bool
    """Packets wait for a gap to close: nothing is IN_ORDER until the session has settled it."""
    last_line: int
    """Of the packet that was passed on last."""

    @property
    def session(self) -> bytes: ...

    def open(self, session: bytes, expected: int) -> None:
        """Take this session, from this number on. ValueError: not ten bytes, or a number out of range."""

    def take(self, payload: bytes, line: int, time_ns: int) -> int:
        """The verdict; IN_ORDER moves ``expected`` behind the packet."""

    def credit(self, sequence: int, count: int, line: int, time_ns: int) -> None:
        """The session accepted this packet, out of order: its line came first with it."""

    def gather(self, receiver: Any, first: int, line: int) -> tuple[int, bytes, int, int]:
        """The messages of the received packets from ``first`` on, as long as they are the next ones, in one block.
        ``line``: the number of the receiver's first line.

        (the packet that stopped it, or how many there are; the block; messages; the last packet's time)
        """

    def counters(self) -> dict[str, list[int]]:
        """packets, wins, messages, duplicates, last_ns, leads, lead_sum_ns, lead_max_ns; each by line."""

    def last_ns(self, line: int) -> int:
        """When the line's last packet came; 0 before the first."""

    def lead_histogram(self, line: int) -> list[int]:
        """How far the line was ahead when it was first: see LEAD_BUCKETS."""
