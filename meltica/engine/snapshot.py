"""The whole state as bytes and back: the tables, and what the gate holds that does not follow from them."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from meltica.domain.errors import MelticaError
from meltica.engine.engine import Engine
from meltica.engine.state import EngineState, Tables
from meltica.hot.ports import RiskGate

FORMAT: Final = 1


class SnapshotError(MelticaError):
    """The bytes are no snapshot that this version reads; recovery goes on with an older one, or from the beginning."""


class Snapshot(msgspec.Struct):
    format: int
    tables: Tables
    gate: dict[str, Any]


def encode(engine: Engine) -> bytes:
    """MessagePack; the same state gives the same bytes."""
    snapshot = Snapshot(FORMAT, engine.state.tables, engine.gate.export_state())
    return msgspec.msgpack.encode(snapshot, order="deterministic")


def decode(data: bytes, gate: RiskGate) -> EngineState:
    """The state; the gate's part goes into ``gate``. :raises SnapshotError: not a snapshot of this format."""
    try:
        snapshot = msgspec.msgpack.decode(data, type=Snapshot)
        if snapshot.format != FORMAT:
            raise SnapshotError(f"snapshot format {snapshot.format}, this version reads {FORMAT}")
        gate.import_state(snapshot.gate)
    except (msgspec.DecodeError, ValueError) as error:
        raise SnapshotError(f"unreadable snapshot: {error}") from error
    return EngineState(snapshot.tables)


def digest(engine: Engine) -> str:
    """SHA-256 of the state: equal for two engines exactly when they know the same."""
    tables = msgspec.msgpack.encode(engine.state.tables, order="deterministic")
    return hashlib.sha256(tables + engine.gate.state_digest().encode()).hexdigest()
