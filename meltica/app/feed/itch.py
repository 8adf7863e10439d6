"""Sums up an ITCH 5.0 file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from meltica.app.feed.book import TOP_LEVELS, book_fields
from meltica.domain.order import Side
from meltica.hot import ItchBook, ItchDecoder
from meltica.hot.itch import ItchBatch
from meltica.ticks.errors import RecordingError
from meltica.ticks.itch_file import batches
from meltica.venues.nasdaq.session import LOT_SIZE, TICK_SIZE

_BOOK_TYPES = np.frombuffer(b"AFECXDU", dtype=np.uint8)
_TRADE_TYPES = np.frombuffer(b"EPQ", dtype=np.uint8)
_EXECUTED_AT_PRICE = ord("C")
_PRINTED = ord("Y")


class Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.decoder = ItchDecoder()
        self.orders = ItchBook()
        self.traded = np.zeros(1 << 16, dtype=np.uint64)
        """Shares by locate code, of trades that were printed."""
        self.seen = np.zeros(1 << 16, dtype=np.bool_)
        """Locate codes with messages about their book."""
        self.first_ns: int | None = None
        self.last_ns = 0
        self.clock_steps_back = 0
        self.error = ""

    def read(self) -> None:
        try:
            for batch in batches(self._path, self.decoder):
                self._take(batch)
        except RecordingError as error:
            self.error = str(error)
        except OverflowError as error:
            self.error = str(RecordingError(self._path, str(error)))

    def _take(self, batch: ItchBatch) -> None:
        self.orders.apply(batch)
        printed = np.isin(batch.type, _TRADE_TYPES)
        printed |= (batch.type == _EXECUTED_AT_PRICE) & (batch.code == _PRINTED)
        np.add.at(self.traded, batch.locate[printed], batch.shares[printed])
        self.seen[batch.locate[np.isin(batch.type, _BOOK_TYPES)]] = True
        times = batch.timestamp_ns.astype(np.int64)
        if self.first_ns is None:
            self.first_ns = self.last_ns = int(times[0])
        self.clock_steps_back += int(np.count_nonzero(np.diff(times, prepend=self.last_ns) < 0))
        self.last_ns = int(times[-1])

    def book(self, locate: int) -> dict[str, Any]:
        bids, asks = (
            [(price, shares) for price, shares, _ in self.orders.depth(locate, side, TOP_LEVELS)]
            for side in (Side.BUY, Side.SELL)
        )
        return {
            "locate": locate,
            "trading_state": self.orders.trading_state(locate),
            **book_fields(bids, asks, self.orders.level_counts(locate), tick_size=TICK_SIZE, lot_size=LOT_SIZE),
            "trade_qty": str(self.traded[locate]),
        }


def summarise(path: Path) -> dict[str, Any]:
    reader = Reader(path)
    reader.read()
    counters = reader.orders.counters()
    locates = np.flatnonzero(reader.seen | (reader.traded > 0)).tolist()
    return {
        "messages": dict(sorted(reader.decoder.counts().items())),
        "first_time_ns": reader.first_ns,
        "last_time_ns": reader.last_ns,
        "clock_steps_back": reader.clock_steps_back,
        "gaps": 0,  # Messages in a file have no sequence numbers: what is lost shows as unknown references.
        "dropped": 0,
        "unknown_references": counters["unknown_refs"],
        "duplicate_references": counters["duplicate_refs"],
        "over_reductions": counters["over_reductions"],
        "bad_sides": counters["bad_sides"],
        "live_orders": reader.orders.live_orders,
        "books": {reader.orders.symbol(locate) or str(locate): reader.book(locate) for locate in locates},
        "error": reader.error,
    }
