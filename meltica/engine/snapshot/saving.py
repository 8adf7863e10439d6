"""A snapshot in parts, of one moment, while the engine goes on.

What is small is taken at once (limits, positions, the gate's tables), and it is noted which orders there are. The rest
is encoded a part at a time between steps; an order that is about to change before its turn is encoded first, as it
still was. So all parts are of the sequence at which it began, and no step waits for more than one part.

What has ended rarely changes: those orders, the execution ids and the request ids go into parts that are kept. A later
snapshot names them again and adds what is new, so its cost follows what changed and what is open, not the history. An
order that changes after it was kept (a late fill, a bust) is kept once more; of two versions the later one counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from meltica.domain.order import Order
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from meltica.engine.snapshot.unsaved import Unsaved
from meltica.engine.state import REQUEST_MEMORY, EngineState, Tables
from meltica.hot.ports import RiskGate

FORMAT: Final = 5
ORDERS_A_PART: Final = 2_000
"""3 or 4 ms to encode, half a megabyte to store: what the engine, and then a commit, waits for at the most."""
PAIRS_A_PART: Final = 5_000
GATE_ORDER_BYTES: Final = 48
GATE_ORDERS_A_PART: Final = 5_000

_encode = msgspec.msgpack.Encoder().encode


class Part(msgspec.Struct, omit_defaults=True):
    orders: list[Order] = []
    executions: list[tuple[str, int]] = []
    """Oldest first, as the keys of ``Tables.executions``."""
    requests: list[tuple[str, int]] = []
    gate_orders: bytes = b""
    """Own working orders of the gate, ``RiskGate.working_orders``."""


class _Raw(msgspec.Struct, omit_defaults=True):
    """A ``Part`` whose orders are encoded already."""

    orders: list[msgspec.Raw] = []


class Root(msgspec.Struct):
    state: bytes
    """A ``snapshot.encode`` without what is in the parts."""
    kept: int
    """How many of the parts are kept ones: they come first, the oldest first."""


class EncodedPart(NamedTuple):
    kept: bool
    state: bytes


class Saving:
    """One snapshot that is being made. At most one at a time; ``end`` or ``give_up`` ends it."""

    def __init__(self, engine: Engine) -> None:
        state = engine.state
        if state.unsaved is None:
            state.track()
        assert state.unsaved is not None  # noqa: S101 - says to mypy what ``track`` does
        self._tables = state.tables
        self._unsaved: Unsaved = state.unsaved
        self.sequence = state.tables.sequence
        self.kept_before = self._unsaved.kept
        self._root = snapshot.encode_small(engine)
        self._gate_orders = engine.gate.working_orders()
        self._open = state.reservations.working()
        self._open.update(state.held)
        self.taken = self._unsaved.take(self)
        self._mark = object()
        """What says of an order that this snapshot has it."""
        self._own: list[msgspec.Raw] = []
        self._kept: list[msgspec.Raw] = []

    def preserve(self, order_id: int) -> None:
        """The order is about to change: encode it as it is, unless that was done."""
        changed = self.taken.orders
        if (order := self._open.pop(order_id, None)) is not None:
            self._own.append(msgspec.Raw(_encode(order)))
            if order_id in changed:
                changed[order_id] = self._mark
        elif changed.get(order_id, self._mark) is not self._mark:
            changed[order_id] = self._mark
            self._kept.append(msgspec.Raw(_encode(self._tables.orders[order_id])))

    def parts(self) -> Iterator[EncodedPart]:
        """One after another; between two of them the engine may take any number of steps."""
        while self._open or self._own:
            for order_id in list(islice(self._open, max(ORDERS_A_PART - len(self._own), 0))):
                self.preserve(order_id)
            yield _orders_part(self._own, kept=False)
        changed = iter(self.taken.orders.items())
        left = True
        while left or self._kept:
            left = self._encode_changed(changed)
            if self._kept:
                yield _orders_part(self._kept, kept=True)
        for at in range(0, len(self.taken.executions), PAIRS_A_PART):
            yield EncodedPart(kept=True, state=_encode(Part(executions=self.taken.executions[at : at + PAIRS_A_PART])))
        for at in range(0, len(self.taken.requests), PAIRS_A_PART):
            yield EncodedPart(kept=True, state=_encode(Part(requests=self.taken.requests[at : at + PAIRS_A_PART])))
        size = GATE_ORDER_BYTES * GATE_ORDERS_A_PART
        for at in range(0, len(self._gate_orders), size):
            yield EncodedPart(kept=False, state=_encode(Part(gate_orders=self._gate_orders[at : at + size])))

    def _encode_changed(self, changed: Iterator[tuple[int, object]]) -> bool:
        """Enough of them for a part; is there more? Only values of the dict change meanwhile, never its keys."""
        for order_id, saved_by in changed:
            if saved_by is not self._mark:
                self.preserve(order_id)
                if len(self._kept) >= ORDERS_A_PART:
                    return True
        return False

    def root(self, kept: int) -> bytes:
        """What says how the parts belong together: stored last. ``kept``: kept parts in all, the earlier ones too."""
        return _encode(Root(self._root, kept))

    def end(self, kept: Sequence[Any]) -> None:
        """It is stored, and ``kept`` is what its kept parts are stored as: the next one names them again."""
        self._unsaved.saved(self.sequence, kept)

    def let_go(self) -> Iterator[None]:
        """After ``end``: forget what was to be saved, a piece at a time. A million at once is a stop as well."""
        orders, executions, requests = self.taken
        while orders or executions or requests:
            del executions[-PAIRS_A_PART:], requests[-PAIRS_A_PART:]
            for _ in range(min(len(orders), PAIRS_A_PART)):
                orders.popitem()
            yield

    def give_up(self) -> None:
        """It was not stored: the next one saves what this one should have."""
        self._unsaved.put_back()


def _orders_part(encoded: list[msgspec.Raw], *, kept: bool) -> EncodedPart:
    part = EncodedPart(kept, _encode(_Raw(encoded[:ORDERS_A_PART])))
    del encoded[:ORDERS_A_PART]
    return part


def restore(root: bytes, parts: Sequence[bytes], refs: Sequence[Any], gate: RiskGate) -> EngineState:
    """The state; the gate's part goes into ``gate``. ``refs`` are what the parts are stored as, for the next snapshot.

    :raises SnapshotError: not a snapshot of this format.
    """
    orders: dict[int, Order] = {}
    executions: dict[str, int] = {}
    requests: dict[str, int] = {}
    gate_orders: list[list[int]] = []
    decode = msgspec.msgpack.Decoder(Part).decode
    try:
        top = msgspec.msgpack.decode(root, type=Root)
        if not 0 <= top.kept <= len(parts):
            raise snapshot.SnapshotError(f"{len(parts)} parts, of which {top.kept} are to be kept ones")
        for data in parts:
            part = decode(data)
            orders.update([(order.order_id, order) for order in part.orders])
            executions.update(part.executions)
            requests.update(part.requests)
            gate_orders += snapshot.gate_order_rows(part.gate_orders)
    except (msgspec.DecodeError, ValueError) as error:
        raise snapshot.SnapshotError(f"unreadable snapshot: {error!r}") from error

    def put_in(tables: Tables, exported: dict[str, Any]) -> None:
        tables.orders = {order_id: orders[order_id] for order_id in sorted(orders)}
        tables.executions = executions
        tables.requests = newest_requests(requests)
        exported["orders"] = sorted(gate_orders)

    state = snapshot.decode_small(top.state, gate, put_in)
    state.unsaved = Unsaved(state.tables.sequence, refs[: top.kept])
    return state


def newest_requests(requests: dict[str, int]) -> dict[str, int]:
    """Those that are still remembered, oldest first."""
    return dict(sorted(requests.items(), key=lambda item: item[1])[-REQUEST_MEMORY:])
