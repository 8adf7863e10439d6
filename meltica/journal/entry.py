"""The journal's two nouns: an entry, and the head that a chain of entries ends in."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One stored payload. A tuple, because tens of thousands of them are made in a second.

    ``seq`` counts from 1 without a gap, ``time_ns`` is what the driver said (Unix time), ``hash`` is 32 bytes
    (chain.py).
    """

    seq: int
    time_ns: int
    payload: bytes
    hash: bytes


class Head(NamedTuple):
    """Where a chain ends: the last seq and its hash. Seq 0 is genesis: nothing is stored yet.

    Keep a copy of it in another trust domain: it is the anchor that ``verify(expected_head=...)`` compares with.
    """

    seq: int
    hash: bytes
