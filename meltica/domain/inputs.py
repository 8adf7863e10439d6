"""The engine's inputs and the journal's record: the form in which the world reaches the engine, and is remembered.

``gc=False`` here and on what inputs carry, on events and on orders: none of them can be part of a cycle, and a million
of them would make each pass of the garbage collector a pause.
"""

from __future__ import annotations

import msgspec

from meltica.domain.commands import Command
from meltica.domain.events import Event
from meltica.domain.market import Mark, TradingStatus
from meltica.domain.reports import VenueReport
from meltica.domain.sight import Dispatch, Sight
from meltica.domain.statements import VenueStatement


class Input(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One thing that happened, when, and the reference prices that the engine may use to judge it."""

    time_ns: int
    body: Command | VenueReport | VenueStatement | TradingStatus
    marks: tuple[Mark, ...] = ()


class Record(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the journal keeps: an input, the events that it caused, and what was seen beside."""

    input: Input
    events: tuple[Event, ...]
    sights: tuple[Sight, ...] = ()
    dispatches: tuple[Dispatch, ...] = ()


_encode = msgspec.json.Encoder().encode
_decode_record = msgspec.json.Decoder(Record).decode


def encode_record(record: Record) -> bytes:
    """JSON, one line, fields in the order of their definition: the same record gives the same bytes."""
    return _encode(record)


def decode_record(payload: bytes) -> Record:
    """:raises msgspec.ValidationError: the payload is not a record (its message says which field)."""
    return _decode_record(payload)
