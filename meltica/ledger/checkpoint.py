"""The ledger as bytes and back: a shortcut past the journal's beginning, never the truth.

MessagePack around JSON (which has integers of any size), with a SHA-256 over place and content. Whatever is wrong with
it, the journal gives the same ledger, only later.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from meltica.domain.errors import MelticaError
from meltica.ledger.holding import Holding
from meltica.ledger.ledger import Ledger
from meltica.ledger.positions import Positions
from meltica.ledger.tables import LedgerTables

FORMAT: Final = 1
DOMAIN: Final = b"meltica.ledger.checkpoint.v1\x00"


class CheckpointError(MelticaError):
    """The bytes are no checkpoint that this version reads; the ledger is rebuilt from the beginning."""


class Envelope(msgspec.Struct):
    format: int
    sequence: int
    journal_id: bytes
    """Of the journal that it follows from."""
    digest: bytes
    body: bytes


def encode(ledger: Ledger, journal_id: bytes = b"") -> bytes:
    body = _body(ledger)
    sequence = ledger.tables.sequence
    return msgspec.msgpack.encode(Envelope(FORMAT, sequence, journal_id, _digest(sequence, journal_id, body), body))


def decode(data: bytes, journal_id: bytes = b"") -> Ledger:
    """:raises CheckpointError: not whole, of another format, or of another journal."""
    try:
        found = msgspec.msgpack.decode(data, type=Envelope)
        if found.format != FORMAT:
            raise CheckpointError(f"its format is {found.format}, this program reads {FORMAT}")
        if found.journal_id != journal_id:
            raise CheckpointError("it belongs to another journal")
        if _digest(found.sequence, found.journal_id, found.body) != found.digest:
            raise CheckpointError("its digest does not match")
        tables = msgspec.json.decode(found.body, type=LedgerTables)
        if tables.sequence != found.sequence:
            raise CheckpointError(f"it says {found.sequence} and holds {tables.sequence}")
        return Ledger(tables)
    except CheckpointError:
        raise
    except (MelticaError, msgspec.DecodeError, ValueError, TypeError, LookupError, OverflowError) as error:
        raise CheckpointError(f"unreadable: {error!r}") from error


def digest(ledger: Ledger) -> str:
    """SHA-256 of all that the ledger knows: equal for two exactly when they know the same."""
    return hashlib.sha256(_body(ledger)).hexdigest()


def _body(ledger: Ledger) -> bytes:
    for stream in ledger.tables.streams.values():
        held: list[Positions] = list(stream.strategies.values())
        if stream.net is not None:
            held.append(stream.net)
        for positions in held:
            for _, holding in positions.listed():
                _tidy(holding)
    return msgspec.json.encode(ledger.tables)


def _tidy(holding: Holding) -> None:
    """Closed lots that still lie at the front say how the table was filled, not what it holds."""
    holding.table, holding.skipped = holding.open_lots(), 0


def _digest(sequence: int, journal_id: bytes, body: bytes) -> bytes:
    return hashlib.sha256(DOMAIN + sequence.to_bytes(8, "big") + journal_id + b"\x00" + body).digest()
