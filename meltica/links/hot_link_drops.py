"""Drop copies on their way from a hot process' store to the gateway: in order, again when they got lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from meltica.links.control_link_messages import DROP_BYTES, MAX_DROPS

ON_THE_WAY: Final = 16 * MAX_DROPS
"""Sent and not yet durable at the gateway; the rest waits in the store."""


class DropStore(Protocol):
    """Where the hot process keeps its drop copies: a ring in shared memory, a file."""

    def first(self) -> int:
        """The sequence number of the oldest that is there; of the next one when none is."""

    def next(self) -> int:
        """The sequence number that the next one will have; from 1."""

    def read(self, first_sequence: int, count: int) -> bytes:
        """At most ``count`` whole records from ``first_sequence`` on; empty when that is no longer there."""


class DropsLostError(Exception):
    """The store no longer has what the gateway lacks."""


class Block(NamedTuple):
    first: int
    copies: int
    records: bytes


class DropSender:
    """``kept``: what comes before it is durable at the gateway. ``sent``: what comes before it is on its way."""

    def __init__(self, store: DropStore) -> None:
        self.store = store
        self.kept = self.sent = 1
        self.sent_again = 0
        self._retry_ns = 0
        self._again_ns = 0

    def begin(self, kept: int, retry_ns: int, now_ns: int) -> None:
        """A session begins: the gateway has all before ``kept``, what was on its way may be lost.

        A welcome that was overtaken may know less than the gateway has said since: what it has kept is not lost.
        """
        self.kept = self.sent = max(kept, min(self.kept, self.store.first()))
        self._retry_ns = retry_ns
        self._again_ns = now_ns + retry_ns

    def keep(self, kept: int, now_ns: int) -> None:
        if self.kept < kept <= self.store.next():
            self.kept = kept
            self.sent = max(self.sent, kept)
            self._again_ns = now_ns + self._retry_ns

    def again_from(self, sequence: int) -> None:
        """The gateway found a gap."""
        if self.kept <= sequence < self.sent:
            self.sent_again += self.sent - sequence
            self.sent = sequence

    def offered(self, first: int, records: bytes, now_ns: int) -> Iterator[Block]:
        """New ones, in the store already: what may be sent now, without reading the store when they are next."""
        if self._room() and first == self.sent and 0 < len(records) <= MAX_DROPS * DROP_BYTES:
            yield self._block(records, now_ns)
        yield from self.waiting(now_ns)

    def waiting(self, now_ns: int) -> Iterator[Block]:
        """What may be sent now. :raises DropsLostError: it is no longer in the store."""
        if self.sent > self.kept and now_ns >= self._again_ns:
            self.again_from(self.kept)
            self._again_ns = now_ns + self._retry_ns
        while self._room() and self.sent < (end := self.store.next()):
            records = self.store.read(self.sent, min(MAX_DROPS, end - self.sent))
            if not records:
                raise DropsLostError(
                    f"drop copy {self.sent} is no longer in the store, which begins with {self.store.first()}"
                )
            yield self._block(records, now_ns)

    def _room(self) -> bool:
        return self.sent - self.kept < ON_THE_WAY

    def _block(self, records: bytes, now_ns: int) -> Block:
        if self.sent == self.kept:
            self._again_ns = now_ns + self._retry_ns
        block = Block(self.sent, len(records) // DROP_BYTES, records)
        self.sent += block.copies
        return block
