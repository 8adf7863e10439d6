"""Pieces of a checkpoint in one envelope: a SHA-256 over what it is, where it was taken, and its content.

A checkpoint is a shortcut past the journal's beginning, never the truth. Its place is what only one entry of one
journal has. Whatever is wrong with it, the journal gives the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from meltica.domain.errors import MelticaError
from meltica.domain.money import INT64_MAX


class CheckpointError(MelticaError):
    """The bytes are no checkpoint that this version reads; what it holds is rebuilt from the journal's beginning."""


class Envelope(msgspec.Struct):
    """MessagePack."""

    format: int
    sequence: int
    digest: bytes
    pieces: list[bytes]


class Seal:
    """Of one kind of checkpoint."""

    def __init__(self, domain: bytes, number: int) -> None:
        """``domain``: no other kind has it; ``number``: of the format, the only one that is read."""
        self.domain: Final = domain
        self.number: Final = number

    def sealed(self, sequence: int, pieces: list[bytes], place: bytes) -> bytes:
        return msgspec.msgpack.encode(Envelope(self.number, sequence, self.digest(sequence, pieces, place), pieces))

    def opened(self, data: bytes) -> Envelope:
        """:raises CheckpointError: not of this format."""
        try:
            found = msgspec.msgpack.decode(data, type=Envelope)
        except (msgspec.DecodeError, ValueError) as error:
            raise CheckpointError(f"unreadable: {error!r}") from error
        if found.format != self.number:
            raise CheckpointError(f"its format is {found.format}, this program reads {self.number}")
        if not 0 <= found.sequence <= INT64_MAX:
            raise CheckpointError(f"no journal has an entry {found.sequence}")
        return found

    def judge(self, found: Envelope, place: bytes) -> None:
        """:raises CheckpointError: not whole, or taken at another place."""
        if self.digest(found.sequence, found.pieces, place) != found.digest:
            raise CheckpointError("its digest does not match: damaged, or of another journal")

    def digest(self, sequence: int, pieces: Sequence[bytes], place: bytes) -> bytes:
        hashed = hashlib.sha256(self.domain + sequence.to_bytes(8, "big") + len(place).to_bytes(8, "big") + place)
        for piece in pieces:
            hashed.update(len(piece).to_bytes(8, "big") + piece)
        return hashed.digest()
