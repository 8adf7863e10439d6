"""TCP segments of a capture put back in order, each direction of a connection on its own. Pure.

What came twice is dropped; what overtook waits, in bounded memory; what never came is a hole that is said, and the
stream goes on behind it. A capture may begin in the middle of a connection: the first segment seen is the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from meltica.venues.nasdaq.frames import FIN, RST, SYN, Address, Segment

MAX_WAITING_BYTES: Final = 1 << 20
"""Of one direction; more cannot be in flight through any window that an order session has."""
MAX_FLOWS: Final = 10_000
_SEQUENCES: Final = 1 << 32


class StreamBytes(msgspec.Struct, frozen=True):
    """The next bytes of one direction, ``missing`` of them lost in front."""

    flow: tuple[Address, Address]
    """(from, to)."""
    offset: int
    """Of the first byte in the direction's stream, counted with the missing ones."""
    missing: int
    data: bytes
    segment: Segment
    """That brought them."""


class _Direction(msgspec.Struct):
    next: int
    """Sequence number, modulo 2**32."""
    offset: int = 0
    waiting: dict[int, Segment] = {}
    waiting_bytes: int = 0


class TcpFlows:
    def __init__(self) -> None:
        self.retransmitted_bytes = 0
        self.missing_bytes = 0
        self.refused_flows = 0
        self._flows: dict[tuple[Address, Address], _Direction] = {}

    def take(self, segment: Segment) -> Iterator[StreamBytes]:
        """What this segment brings in order, and what it lets follow."""
        flow = (segment.source, segment.target)
        begin = (segment.sequence + bool(segment.flags & SYN)) % _SEQUENCES
        direction = self._flows.get(flow)
        if direction is None or segment.flags & SYN:
            if direction is None and len(self._flows) >= MAX_FLOWS:
                self.refused_flows += 1
                return
            if direction is not None:
                yield from self._drain(flow, direction)
            direction = self._flows[flow] = _Direction(begin, waiting={})
        if segment.payload:
            yield from self._place(flow, direction, begin, segment)
        if segment.flags & (FIN | RST):
            yield from self._drain(flow, direction)

    def finish(self) -> Iterator[StreamBytes]:
        """The capture is over: what still waits behind holes."""
        for flow, direction in self._flows.items():
            yield from self._drain(flow, direction)

    def _place(
        self, flow: tuple[Address, Address], direction: _Direction, begin: int, segment: Segment
    ) -> Iterator[StreamBytes]:
        if _ahead(begin, direction.next) > 0:
            kept = direction.waiting.get(begin)
            if kept is None or len(kept.payload) < len(segment.payload):
                direction.waiting[begin] = segment
                direction.waiting_bytes += len(segment.payload) - (len(kept.payload) if kept else 0)
                self.retransmitted_bytes += len(kept.payload) if kept else 0
            else:
                self.retransmitted_bytes += len(segment.payload)
            if direction.waiting_bytes > MAX_WAITING_BYTES:
                yield from self._drain(flow, direction)
            return
        yield from self._pass(flow, direction, begin, segment, 0)
        yield from self._follow(flow, direction)

    def _follow(self, flow: tuple[Address, Address], direction: _Direction) -> Iterator[StreamBytes]:
        """What waited and is next now."""
        while direction.waiting:
            begin = min(direction.waiting, key=lambda number: _ahead(number, direction.next))
            if _ahead(begin, direction.next) > 0:
                return
            segment = direction.waiting.pop(begin)
            direction.waiting_bytes -= len(segment.payload)
            yield from self._pass(flow, direction, begin, segment, 0)

    def _drain(self, flow: tuple[Address, Address], direction: _Direction) -> Iterator[StreamBytes]:
        """Give the holes up: everything that waits, each behind what is missing in front of it."""
        while direction.waiting:
            begin = min(direction.waiting, key=lambda number: _ahead(number, direction.next))
            segment = direction.waiting.pop(begin)
            direction.waiting_bytes -= len(segment.payload)
            missing = max(_ahead(begin, direction.next), 0)
            self.missing_bytes += missing
            direction.offset += missing
            direction.next = (direction.next + missing) % _SEQUENCES
            yield from self._pass(flow, direction, begin, segment, missing)

    def _pass(
        self, flow: tuple[Address, Address], direction: _Direction, begin: int, segment: Segment, missing: int
    ) -> Iterator[StreamBytes]:
        known = -_ahead(begin, direction.next)
        data = segment.payload[known:]
        self.retransmitted_bytes += len(segment.payload) - len(data)
        if data:
            yield StreamBytes(flow, direction.offset, missing, data, segment)
            direction.offset += len(data)
            direction.next = (direction.next + len(data)) % _SEQUENCES


def _ahead(number: int, expected: int) -> int:
    """How far a sequence number lies ahead (positive) or behind (negative), in the circle of 2**32."""
    return (number - expected + _SEQUENCES // 2) % _SEQUENCES - _SEQUENCES // 2
