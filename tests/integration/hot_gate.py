"""A hot gate in this process: a real leased gate, a drop store in memory, and the link on a thread of its own."""

from __future__ import annotations

import itertools
import threading
import time
from types import ModuleType
from typing import Any

from meltica.hot import PASS, Action, Check, OrderType, Side
from meltica.hot.layout_gen import DropCopyRecord, DropKind, Mark, MarkRecord, ReferencePriceRecord, read_record
from meltica.links.control_link_messages import DROP_BYTES
from meltica.links.hot_link import HotLink
from meltica.links.keys import KeyRing

PORT = 0
BLANK = dict.fromkeys(DropCopyRecord.__slots__, 0) | {"type_id": DropCopyRecord.TYPE_ID}


class MemoryStore:
    def __init__(self) -> None:
        self.records: list[bytes] = []

    def first(self) -> int:
        return 1

    def next(self) -> int:
        return 1 + len(self.records)

    def read(self, first_sequence: int, count: int) -> bytes:
        return b"".join(self.records[first_sequence - 1 : first_sequence - 1 + count])


class HotGate:
    """``order``, ``fill``, ``cancel`` are what a hot loop does with an intent and the venue's answers."""

    def __init__(self, backend: ModuleType, ring: KeyRing, endpoints: tuple[str, str], store: MemoryStore) -> None:
        self.backend = backend
        self.gate = backend.Gate(max_instruments=16, max_accounts=4, leased=True)
        self.store = store
        self.told: list[Any] = []
        self.refused: list[str] = []
        self._ids = itertools.count(time.time_ns())
        self._lock = threading.Lock()
        self.link = HotLink(
            "edge",
            gate_epoch=time.time_ns(),
            keys=ring.client(),
            gateway_public=ring.control_public(),
            commands=endpoints[0],
            state=endpoints[1],
            drops=store,
        )
        self.paused = threading.Event()
        self._ending = False
        self.gate.tell(MarkRecord(Mark.CONNECTED, 1, PORT, 0))
        self._thread = threading.Thread(target=self._side, daemon=True)
        self._thread.start()

    def _side(self) -> None:
        self.link.connect()
        while not self._ending:
            if self.paused.is_set():
                time.sleep(0.001)
                continue
            records = self.link.poll(timeout_ms=2)
            with self._lock:
                for data in records:
                    record = read_record(data)
                    self.told.append(record)
                    try:
                        self.gate.tell(record)
                    except ValueError as error:
                        if type(record).__name__ != "SymbolRecord":
                            self.refused.append(str(error))
                if records:
                    self.link.report()
            self.link.send_drop_copies(self.store.next(), b"")
        self.link.close()

    def close(self) -> None:
        self._ending = True
        self.paused.clear()
        self._thread.join()

    def price(self, instrument_id: int, ticks: int) -> None:
        with self._lock:
            self.gate.tell(ReferencePriceRecord(instrument_id, ticks, self.link.now_ns()))

    def order(self, instrument_id: int, lots: int, ticks: int, side: Side = Side.BUY) -> tuple[Check | None, int]:
        """(Why it was refused or None, its id)."""
        self.price(instrument_id, ticks)
        order_id = next(self._ids)
        fields = {
            "action": Action.NEW,
            "side": side,
            "order_type": OrderType.LIMIT,
            "instrument_id": instrument_id,
            "account_id": 0,
            "strategy_id": 0,
            "order_id": order_id,
            "price_ticks": ticks,
            "quantity_lots": lots,
            "time_ns": self.link.now_ns(),
        }
        with self._lock:
            reason = self.gate.check(self.backend.OrderIntent(**fields))
            if reason == PASS:
                self._drop(DropKind.SENT, leaves_lots=lots, **fields)
        return (None if reason == PASS else Check(reason)), order_id

    def fill(self, order_id: int, instrument_id: int, lots: int, ticks: int, *, left: int) -> None:
        with self._lock:
            self.gate.fill(0, instrument_id, Side.BUY, lots, ticks, closes=left == 0, order_id=order_id, strategy_id=0)
            self._drop(
                DropKind.EXECUTED,
                order_id=order_id,
                instrument_id=instrument_id,
                side=Side.BUY,
                last_lots=lots,
                last_price_ticks=ticks,
                leaves_lots=left,
                execution_id=self.store.next(),
            )

    def _drop(self, kind: DropKind, **fields: int) -> None:
        known = {name: value for name, value in fields.items() if name in BLANK}
        facts = BLANK | known | {"kind": kind, "sequence_number": self.store.next(), "time_ns": self.link.now_ns()}
        record = DropCopyRecord(**facts).to_bytes()
        assert len(record) == DROP_BYTES
        self.store.records.append(record)
