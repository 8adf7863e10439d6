"""Where packets come from: one interface for live sockets, captures and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Packet(NamedTuple):
    """One UDP payload as it came."""

    time_ns: int
    """When it was received: ns since 1970 (of an ITCH file: since midnight, what its messages say)."""
    line: int
    """0 A, 1 B."""
    payload: bytes


class PacketSource(Protocol):
    """Packets in the order of their arrival. A source that is not live ends."""

    @property
    def live(self) -> bool:
        """Its times are this machine's clock now; a file's are whatever they were."""

    def receive(self, timeout_ns: int = 0) -> Sequence[Packet]:
        """What there is now; waits for the first at most so long (negative: for ever). Empty: nothing, or the end."""

    @property
    def ended(self) -> bool:
        """Nothing will come any more: the file is at its end, or the source was closed."""

    def status(self) -> dict[str, object]:
        """Counts and settings for people: drops, refused frames, buffer sizes, who stamped the times."""

    def close(self) -> None: ...
