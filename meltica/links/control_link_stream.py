"""What one gate must hold: rows of which the last value counts, events that count once, and their numbers.

``Stream`` is the gateway's end, ``Held`` is the gate's. Both give the same digest when they hold the same.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from meltica.hot.layout_gen import RECORDS
from meltica.links.control_link_messages import (
    MAX_ENTRIES,
    Entry,
    Kind,
    MessageError,
    State,
    pack,
    pack_entries,
    pack_state,
)

ROWS: Final = {
    "KillRecord": ("scope", "id"),
    "FirmLimitsRecord": (),
    "AccountLimitsRecord": ("account_id",),
    "StrategyLimitsRecord": ("strategy_id",),
    "PortLimitsRecord": ("port_id",),
    "InstrumentLimitsRecord": ("instrument_id",),
    "PositionLimitsRecord": ("account_id", "instrument_id"),
    "SymbolRecord": ("instrument_id",),
    "MarkRecord": ("mark", "id"),
    "ReferencePriceRecord": ("instrument_id",),
    "QuoteRecord": ("instrument_id",),
    "PriceBandRecord": ("instrument_id",),
    "ProfitAndLossRecord": ("account_id",),
}
"""What makes two rows the same row. In the order of a state: the kill switch first."""
EVENTS: Final = frozenset(
    {"CreditRecord", "RearmRecord", "DayResetRecord", "AdjustRecord", "FillRecord", "ReleaseRecord", "ReserveRecord"}
)
"""Told twice they would count twice."""
_ORDER: Final = {name: place for place, name in enumerate(ROWS)}

KEPT_ENTRIES: Final = 16_384
"""That can be sent again one by one; a gate that misses more gets the whole state."""
KEPT_EVENTS: Final = 4_096
"""That a state carries for a gate that had earlier ones; one that misses more must start anew."""

RowKey = tuple[int | str, ...]


def row_key(record: bytes) -> RowKey | None:
    """None: an event. :raises ValueError: neither, so that it has no place in a stream."""
    kind = RECORDS.get(int.from_bytes(record[:2], "little"))
    name = "" if kind is None else kind.__name__
    if kind is None or not (name in ROWS or name in EVENTS):
        raise ValueError(f"a {name or record[:8].hex()} is not told to a gate")
    row = kind.from_bytes(record)
    if name in EVENTS:
        return None
    return (name, *(getattr(row, field) for field in ROWS[name]))


class _Rows:
    def __init__(self) -> None:
        self._rows: dict[RowKey, bytes] = {}
        self._digest: bytes | None = None
        self._digest_origin = -1

    def put(self, key: RowKey, record: bytes) -> None:
        self._rows[key] = record
        self._digest = None

    def holds(self, key: RowKey, record: bytes) -> bool:
        return self._rows.get(key) == record

    def __iter__(self) -> Iterator[RowKey]:
        return iter(self._rows)

    def sorted(self) -> tuple[bytes, ...]:
        return tuple(self._rows[key] for key in sorted(self._rows, key=_place))

    def digest(self, origin: int) -> bytes:
        """SHA-256 over the rows in the order of a state, and the last event."""
        if self._digest is None or self._digest_origin != origin:
            hashed = hashlib.sha256(origin.to_bytes(8, "little"))
            for record in self.sorted():
                hashed.update(record)
            self._digest, self._digest_origin = hashed.digest(), origin
        return self._digest


def _place(key: RowKey) -> tuple[int | str, ...]:
    return (_ORDER[str(key[0])], *key[1:])


class Stream:
    """The gateway's end of one gate's stream."""

    def __init__(self, epoch: int, *, origin: int = 0) -> None:
        """``origin``: of the newest event before this epoch began; earlier ones cannot be told again."""
        self.epoch = epoch
        self.number = 0
        self.origin = origin
        self.base: tuple[bytes, ...] = ()
        self._rows = _Rows()
        self._entries: deque[Entry] = deque(maxlen=KEPT_ENTRIES)
        self._events: deque[Entry] = deque()
        self._events_from = origin

    def add(self, record: bytes, origin: int) -> Entry | None:
        """The new entry; None: the row was there already, with this value.

        :raises ValueError: no record for a gate, or an event whose origin is not greater than the last one's.
        """
        key = row_key(record)
        if key is None:
            if origin <= self.origin:
                raise ValueError(f"event {origin} comes after {self.origin}")
            self.origin = origin
            entry = Entry(origin, record)
            self._events.append(entry)
            if len(self._events) > KEPT_EVENTS:
                self._events_from = self._events.popleft().origin
        else:
            if self._rows.holds(key, record):
                return None
            self._rows.put(key, record)
            entry = Entry(0, record)
        self._entries.append(entry)
        self.number += 1
        return entry

    def digest(self) -> bytes:
        return self._rows.digest(self.origin)

    def state(self, gate_epoch: int) -> bytes:
        state = State(self.number, self.origin, self._events_from, self._rows.sorted(), self.base, tuple(self._events))
        return pack_state(state, gate_epoch=gate_epoch, stream_epoch=self.epoch)

    def since(self, number: int, gate_epoch: int) -> list[bytes]:
        """Messages that tell entry ``number`` and all after it: the entries, or the state when one is too old."""
        first = self.number - len(self._entries) + 1
        if not first <= number <= self.number + 1:
            return [self.state(gate_epoch)]
        entries = list(self._entries)[number - first :]
        return [
            records_message(entries[at : at + MAX_ENTRIES], number + at, gate_epoch, self.epoch)
            for at in range(0, len(entries), MAX_ENTRIES)
        ]


def records_message(entries: Sequence[Entry], number: int, gate_epoch: int, stream_epoch: int) -> bytes:
    body = pack_entries(tuple(entries))
    return pack(Kind.RECORDS, body, extra=len(entries), gate_epoch=gate_epoch, stream_epoch=stream_epoch, number=number)


class Held:
    """The gate's end: which records are new, in order, each once."""

    def __init__(self) -> None:
        self.epoch = 0
        self.number = 0
        """The last entry held."""
        self.origin = 0
        self.fresh = True
        """It has never held a state."""
        self._rows = _Rows()

    def digest(self) -> bytes:
        return self._rows.digest(self.origin)

    def take_state(self, state: State, epoch: int) -> list[bytes]:
        """What the gate must be told. :raises MessageError: it can't be brought to this state; it must start anew."""
        keys = [self._key_of(record) for record in state.rows]
        if missing := [key for key in self._rows if key not in set(keys)]:
            raise MessageError(f"the state lacks {len(missing)} rows that the gate holds, such as {missing[0]}")
        if not self.fresh and self.origin < state.events_from:
            raise MessageError(f"events after {self.origin} are missing: the state has those after {state.events_from}")
        events = [] if self.fresh else [entry.record for entry in state.events if entry.origin > self.origin]
        told = [record for key, record in zip(keys, state.rows, strict=True) if not self._rows.holds(key, record)]
        for key, record in zip(keys, state.rows, strict=True):
            self._rows.put(key, record)
        told += state.base if self.fresh else events
        self.epoch, self.number, self.fresh = epoch, state.number, False
        self.origin = max(self.origin, state.origin)
        return told

    def take_entries(self, entries: Sequence[Entry], number: int) -> list[bytes]:
        """Those that are next; ones that are held already are left out. The caller has seen that there is no gap.

        :raises MessageError: one that has no place in a stream; none was taken.
        """
        new = list(entries)[self.number + 1 - number :]
        keys = [(row_key(entry.record) if entry.origin else self._key_of(entry.record)) for entry in new]
        told = []
        for key, entry in zip(keys, new, strict=True):
            self.number += 1
            if key is not None:
                self._rows.put(key, entry.record)
            elif entry.origin <= self.origin:
                continue
            else:
                self.origin = entry.origin
            told.append(entry.record)
        return told

    @staticmethod
    def _key_of(record: bytes) -> RowKey:
        try:
            key = row_key(record)
        except ValueError as error:
            raise MessageError(str(error)) from error
        if key is None:
            raise MessageError(f"an event without an origin: {record[:8].hex()}")
        return key
