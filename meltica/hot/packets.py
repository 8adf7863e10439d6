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


class Receiver(Protocol):
    """What a socket's receiver has; the packets are those of the last ``receive``, by number."""

    @property
    def received(self) -> int: ...

    @property
    def lines(self) -> int:
        """How many it receives."""

    def receive(self, timeout_ns: int = 0, spin: bool = False) -> int:
        """How many packets there are now; waits for the first at most so long, for ever if negative."""

    def packet(self, number: int) -> bytes: ...
    def time_ns(self, number: int) -> int: ...
    def is_cut(self, number: int) -> bool: ...

    def line(self, number: int) -> int:
        """Which of the receiver's lines it came on, from 0 on."""

    def counters(self) -> dict[str, int]: ...
