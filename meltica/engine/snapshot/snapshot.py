"""The whole state as bytes and back: the tables, and what the gate holds that does not follow from them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Any, Final

import msgspec

from meltica.domain.errors import MelticaError
from meltica.domain.position import Position
from meltica.engine.engine import Engine
from meltica.engine.state import EngineState, Tables
from meltica.hot.ports import RiskGate

FORMAT: Final = 3


class SnapshotError(MelticaError):
    """The bytes are no snapshot that this version reads; recovery goes on with an older one, or from the beginning."""


class Snapshot(msgspec.Struct):
    format: int
    tables: Tables
    positions: dict[str, dict[str, str]]
    """Beside the tables, as text: a year's turnover in nanos does not fit 64 bits."""
    day_start: dict[str, str]
    """As text, like the positions."""
    gate: dict[str, Any]


ORDER_COLUMNS: Final = 6


def encode(engine: Engine) -> bytes:
    """MessagePack; tables that were filled by the same events, in the same order, give the same bytes."""
    return _pack(engine.state.tables, engine.gate.export_state())


def encode_small(engine: Engine) -> bytes:
    """Without what grows with the day: orders, execution ids, request ids, the gate's own working orders."""
    tables = msgspec.structs.replace(engine.state.tables, orders={}, executions={}, requests={})
    return _pack(tables, engine.gate.export_tables())


def gate_order_rows(packed: bytes) -> list[list[int]]:
    """What ``RiskGate.working_orders`` packed, as rows of the gate's exported state. :raises ValueError: it is not."""
    try:
        return [list(row) for row in struct.iter_unpack(f"<{ORDER_COLUMNS}q", packed)]
    except struct.error as error:
        raise ValueError(f"working orders of the gate: {error}") from error


def _pack(tables: Tables, gate: dict[str, Any]) -> bytes:
    positions = {key: {k: str(v) for k, v in msgspec.structs.asdict(p).items()} for key, p in tables.positions.items()}
    day_start = {account: str(nanos) for account, nanos in tables.day_start.items()}
    without = msgspec.structs.replace(tables, positions={}, day_start={})
    return msgspec.msgpack.encode(Snapshot(FORMAT, without, positions, day_start, gate))


def decode(data: bytes, gate: RiskGate) -> EngineState:
    """The state; the gate's part goes into ``gate``. :raises SnapshotError: not a snapshot of this format."""
    return decode_small(data, gate, lambda _tables, _exported: None)


def decode_small(data: bytes, gate: RiskGate, complete: Callable[[Tables, dict[str, Any]], None]) -> EngineState:
    """As ``decode``; ``complete`` puts in what ``encode_small`` left out, into the tables and the gate's export."""
    try:
        snapshot = msgspec.msgpack.decode(data, type=Snapshot)
        if snapshot.format != FORMAT:
            raise SnapshotError(f"snapshot format {snapshot.format}, this version reads {FORMAT}")
        for key, fields in snapshot.positions.items():
            snapshot.tables.positions[key] = msgspec.convert(fields, Position, strict=False)
        snapshot.tables.day_start.update({account: int(nanos) for account, nanos in snapshot.day_start.items()})
        complete(snapshot.tables, snapshot.gate)
        state = EngineState(snapshot.tables)
        gate.import_state(snapshot.gate)
    except (msgspec.DecodeError, ValueError, TypeError, LookupError, OverflowError) as error:
        raise SnapshotError(f"unreadable snapshot: {error!r}") from error
    return state


def digest(engine: Engine) -> str:
    """SHA-256 of the state: equal for two engines exactly when they know the same."""
    tables = _pack(engine.state.tables, {})
    return hashlib.sha256(tables + engine.gate.state_digest().encode()).hexdigest()
