"""Captures and ITCH files as packet sources: the same interface as live sockets have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from meltica.hot.packets import Packet
from meltica.venues.nasdaq.frames import Address, Datagram, FrameTally
from meltica.venues.nasdaq.itch_messages import LENGTH_BYTES, ItchMessageError
from meltica.venues.nasdaq.moldudp64 import MoldPublisher
from meltica.venues.nasdaq.pcap import frames

AT_ONCE: Final = 64
"""Packets that one call gives, as a live receiver does."""
TIMESTAMP_AT: Final = slice(5, 11)
MESSAGES_A_PACKET: Final = 40
"""About what Nasdaq's full packets hold."""


class _Iterated:
    """A source over packets that are made one by one."""

    live = False

    def __init__(self) -> None:
        self.ended = False
        self._packets: Iterator[Packet] = iter(())

    def receive(self, timeout_ns: int = 0) -> list[Packet]:  # noqa: ARG002 - a file never makes anybody wait
        packets = list(islice(self._packets, AT_ONCE))
        self.ended = not packets
        return packets

    def close(self) -> None:
        self._packets, self.ended = iter(()), True


class PcapSource(_Iterated):
    """UDP payloads of a capture. The lines are the targets: A the first one seen (or given), B the second."""

    def __init__(self, pieces: Iterable[bytes], targets: Iterable[Address] = ()) -> None:
        """``pieces``: the capture's bytes. ``targets``: take these alone.

        Reading raises PcapError where the capture is damaged.
        """
        super().__init__()
        self.tally = FrameTally()
        self.other_targets = 0
        self._lines = {target: line for line, target in enumerate(targets)}
        self._fixed = bool(self._lines)
        self._packets = self._read(pieces)

    def _read(self, pieces: Iterable[bytes]) -> Iterator[Packet]:
        for frame in frames(pieces):
            found = self.tally.open(frame)
            if isinstance(found, Datagram):
                line = self._line(found.target)
                if line is not None:
                    yield Packet(frame.time_ns, line, found.payload)

    def _line(self, target: Address) -> int | None:
        if target not in self._lines:
            if self._fixed or len(self._lines) > 1:
                self.other_targets += 1
                return None
            self._lines[target] = len(self._lines)
        return self._lines[target]

    def status(self) -> dict[str, object]:
        return {
            "frames": self.tally.frames,
            "refused": dict(self.tally.refused),
            "examples": dict(self.tally.examples),
            "other_targets": self.other_targets,
            "targets": {str(target): line for target, line in self._lines.items()},
        }


class ItchFileSource(_Iterated):
    """The messages of an ITCH file, wrapped in MoldUDP64 packets of a session of their own, on line A."""

    def __init__(self, pieces: Iterable[bytes], session: str = "FILE") -> None:
        """``pieces``: the file's bytes, decompressed. Reading raises ItchMessageError where it is cut off."""
        super().__init__()
        self._publisher = MoldPublisher(session, store_messages=1)
        self._packets = self._read(pieces)

    def _read(self, pieces: Iterable[bytes]) -> Iterator[Packet]:
        chosen: list[bytes] = []
        last_ns = 0
        for message in file_messages(pieces):
            chosen.append(message)
            if len(chosen) == MESSAGES_A_PACKET:
                last_ns = message_time_ns(message, last_ns)
                yield from self._wrapped(chosen, last_ns)
                chosen = []
        if chosen:
            last_ns = message_time_ns(chosen[-1], last_ns)
            yield from self._wrapped(chosen, last_ns)
        yield Packet(last_ns, 0, self._publisher.end(last_ns))

    def _wrapped(self, messages: list[bytes], time_ns: int) -> Iterator[Packet]:
        for payload in self._publisher.publish(messages, time_ns):
            yield Packet(time_ns, 0, payload)

    def status(self) -> dict[str, object]:
        return {"messages": self._publisher.next_sequence - 1}


def file_messages(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The messages of an ITCH file's bytes, without their lengths; a length of 0 ends the session.

    :raises ItchMessageError: after the last whole message, when the file ends within one.
    """
    rest, begin = b"", 0
    for piece in pieces:
        buffer, at = rest + piece, 0
        while at + LENGTH_BYTES <= len(buffer):
            length = int.from_bytes(buffer[at : at + LENGTH_BYTES], "big")
            end = at + LENGTH_BYTES + length
            if not length:
                return
            if end > len(buffer):
                break
            yield buffer[at + LENGTH_BYTES : end]
            at = end
        rest, begin = buffer[at:], begin + at
    if rest:
        raise ItchMessageError(f"the last message is cut off, at byte {begin}")


def message_time_ns(message: bytes, otherwise: int = 0) -> int:
    """Nanoseconds since midnight, as the message says; ``otherwise`` if it is too short to say."""
    stamp = message[TIMESTAMP_AT]
    return int.from_bytes(stamp, "big") if len(stamp) == TIMESTAMP_AT.stop - TIMESTAMP_AT.start else otherwise
