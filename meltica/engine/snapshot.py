"""The whole state as bytes and back: the tables, and what the gate holds that does not follow from them."""

from __future__ import annotations

import hashlib
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


def encode(engine: Engine) -> bytes:
    """MessagePack; tables that were filled by the same events, in the same order, give the same bytes."""
    return _pack(engine.state.tables, engine.gate.export_state())


def _pack(tables: Tables, gate: dict[str, Any]) -> bytes:
    positions = {key: {k: str(v) for k, v in msgspec.structs.asdict(p).items()} for key, p in tables.positions.items()}
    day_start = {account: str(nanos) for account, nanos in tables.day_start.items()}
    without = msgspec.structs.replace(tables, positions={}, day_start={})
    return msgspec.msgpack.encode(Snapshot(FORMAT, without, positions, day_start, gate))


def decode(data: bytes, gate: RiskGate) -> EngineState:
    """The state; the gate's part goes into ``gate``. :raises SnapshotError: not a snapshot of this format."""
    try:
        snapshot = msgspec.msgpack.decode(data, type=Snapshot)
        if snapshot.format != FORMAT:
            raise SnapshotError(f"snapshot format {snapshot.format}, this version reads {FORMAT}")
        for key, fields in snapshot.positions.items():
            snapshot.tables.positions[key] = msgspec.convert(fields, Position, strict=False)
        snapshot.tables.day_start.update({account: int(nanos) for account, nanos in snapshot.day_start.items()})
        state = EngineState(snapshot.tables)
        gate.import_state(snapshot.gate)
    except (msgspec.DecodeError, ValueError, TypeError, LookupError, OverflowError) as error:
        raise SnapshotError(f"unreadable snapshot: {error!r}") from error
    return state


def digest(engine: Engine) -> str:
    """SHA-256 of the state: equal for two engines exactly when they know the same."""
    tables = _pack(engine.state.tables, {})
    return hashlib.sha256(tables + engine.gate.state_digest().encode()).hexdigest()
