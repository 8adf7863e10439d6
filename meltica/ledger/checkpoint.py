"""The ledger as bytes and back: a shortcut past the journal's beginning, never the truth.

MessagePack around pieces of JSON (which has integers of any size), with a SHA-256 over place and content. The place is
the hash of the journal entry up to which it is booked. Whatever is wrong with it, the journal gives the same ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from meltica.domain.errors import MelticaError
from meltica.domain.sealed import CheckpointError, Envelope, Seal
from meltica.ledger.entry import Entry
from meltica.ledger.holding import Holding
from meltica.ledger.ledger import Ledger
from meltica.ledger.positions import Fill, Positions
from meltica.ledger.tables import LedgerTables

_SEAL: Final = Seal(b"meltica.ledger.checkpoint.v1\x00", 3)
PIECE: Final = 4_096
"""Rows in one piece: about a millisecond, after which others may have their turn."""

_Rows = msgspec.json.Decoder(list[Fill])
_Entries = msgspec.json.Decoder(list[Entry])


__all__ = ["CheckpointError", "Envelope", "decode", "digest", "encode", "opened", "pieces", "sealed"]


def encode(ledger: Ledger, place: bytes = b"") -> bytes:
    return sealed(ledger.tables.sequence, list(pieces(ledger)), place)


def pieces(ledger: Ledger) -> Iterator[bytes]:
    """The tables without long lists; then, in the tables' order, the rows of each stream; then the entries.

    The ledger must not change until the last one is taken.
    """
    tables = ledger.tables
    for stream in tables.streams.values():
        held: list[Positions] = list(stream.strategies.values())
        if stream.net is not None:
            held.append(stream.net)
        for positions in held:
            for _, holding in positions.listed():
                _tidy(holding)
    without = {
        name: msgspec.structs.replace(stream, rows=[], stored=len(stream.rows))
        for name, stream in tables.streams.items()
    }
    yield msgspec.json.encode(msgspec.structs.replace(tables, streams=without, entries=[]))
    for stream in tables.streams.values():
        for at in range(0, len(stream.rows), PIECE):
            yield msgspec.json.encode(stream.rows[at : at + PIECE])
    for at in range(0, len(tables.entries), PIECE):
        yield msgspec.json.encode(tables.entries[at : at + PIECE])


def sealed(sequence: int, parts: list[bytes], place: bytes) -> bytes:
    return _SEAL.sealed(sequence, parts, place)


def opened(data: bytes) -> Envelope:
    """:raises CheckpointError: not of this format."""
    return _SEAL.opened(data)


def decode(found: Envelope, place: bytes = b"") -> Ledger:
    """:raises CheckpointError: not whole, or taken at another place."""
    _SEAL.judge(found, place)
    try:
        tables = msgspec.json.decode(found.pieces[0], type=LedgerTables)
        rest = iter(found.pieces[1:])
        for stream in tables.streams.values():
            while len(stream.rows) < stream.stored:
                stream.rows += _Rows.decode(next(rest))
        for piece in rest:
            tables.entries += _Entries.decode(piece)
        return Ledger(tables)
    except (MelticaError, msgspec.DecodeError, ValueError, TypeError, LookupError, StopIteration) as error:
        raise CheckpointError(f"unreadable: {error!r}") from error


def digest(ledger: Ledger) -> str:
    """SHA-256 of all that the ledger knows: equal for two exactly when they know the same."""
    return _SEAL.digest(ledger.tables.sequence, list(pieces(ledger)), b"").hex()


def _tidy(holding: Holding) -> None:
    """Closed lots that still lie at the front say how the table was filled, not what it holds."""
    holding.table, holding.skipped = holding.open_lots(), 0
