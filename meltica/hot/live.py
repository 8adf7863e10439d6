"""Live lines, whoever receives them: what sockets of the kernel and AF_XDP have in common as a packet source."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import ClassVar, Protocol

from meltica.hot.packets import Packet, Receiver


class LiveLines(Protocol):
    """One socket with its receiver, of one line, or of several that share a queue of the card."""

    @property
    def receiver(self) -> Receiver: ...

    @property
    def targets(self) -> Sequence[tuple[str, int]]:
        """Address and port of each line, in the receiver's order."""

    def fileno(self) -> int: ...
    def status(self) -> dict[str, object]: ...
    def close(self) -> None: ...


class LiveSource:
    """Packets of up to a few lines as they come; line numbers by their order. See ``PacketSource``."""

    live = True
    kind: ClassVar[str]
    """As settings and options name it."""

    def __init__(self, lines: Sequence[LiveLines], *, spin: bool = False) -> None:
        """``spin``: never sleep while waiting; for a pinned core."""
        self.sockets = list(lines)
        self.spin = spin
        self.ended = False
        self.firsts: list[int] = []
        """By socket: the number of its first line."""
        self.targets: list[tuple[str, int]] = []
        """By line."""
        self._poll = select.poll()
        for one in self.sockets:
            self.firsts.append(len(self.targets))
            self.targets += one.targets
            self._poll.register(one.fileno(), select.POLLIN)

    def wait(self, timeout_ns: int) -> None:
        """Sleep until a packet is there, or so long (negative: for ever)."""
        self._poll.poll(None if timeout_ns < 0 else timeout_ns / 1e6)

    def receive(self, timeout_ns: int = 0) -> list[Packet]:
        end = time.monotonic_ns() + timeout_ns
        while not self.ended:
            packets: list[Packet] = []
            for first, one in zip(self.firsts, self.sockets, strict=True):
                packets += _taken(first, one.receiver)
            left = end - time.monotonic_ns()
            if packets or timeout_ns == 0 or (timeout_ns > 0 and left <= 0):
                return packets
            if not self.spin:
                self.wait(-1 if timeout_ns < 0 else left)
        return []

    def status(self) -> dict[str, object]:
        found: dict[str, object] = {"receive": self.kind}
        for first, one in zip(self.firsts, self.sockets, strict=True):
            last = first + len(one.targets) - 1
            found[f"line_{first}" if first == last else f"lines_{first}_to_{last}"] = one.status()
        return found

    def close(self) -> None:
        self.ended = True
        for one in self.sockets:
            one.close()


def _taken(first: int, receiver: Receiver) -> list[Packet]:
    count = receiver.receive(0)
    return [Packet(receiver.time_ns(one), first + receiver.line(one), receiver.packet(one)) for one in range(count)]
