"""What a Binance recording is about, from its beginning: which market, which symbols, how fine their prices are."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from pathlib import Path

import msgspec

from meltica.domain.errors import FieldError
from meltica.domain.money import parse_decimal
from meltica.ticks.errors import RecordingError
from meltica.ticks.recording import lines
from meltica.venues.binance.messages import (
    DECODERS,
    AggregateTrade,
    BookTicker,
    DepthSnapshot,
    DepthUpdate,
    MarkPriceUpdate,
    Message,
    Trade,
    open_envelope,
)

PROBE_LINES = 5_000
"""Lines that are read ahead: some seconds of a busy symbol, with its snapshot."""


class Grid(msgspec.Struct):
    """The decimals that a symbol's prices and quantities were seen to need."""

    price_decimals: int = 0
    quantity_decimals: int = 0

    def see(self, price: str, quantity: str) -> None:
        self.price_decimals = max(self.price_decimals, _decimals("price", price))
        self.quantity_decimals = max(self.quantity_decimals, _decimals("quantity", quantity))

    @property
    def tick_size(self) -> Decimal:
        return Decimal(1).scaleb(-self.price_decimals)

    @property
    def lot_size(self) -> Decimal:
        return Decimal(1).scaleb(-self.quantity_decimals)


class Probe(msgspec.Struct, kw_only=True):
    first_ns: int | None = None
    futures: bool = False
    """USD-M: its book updates name the one before (``pu``)."""
    trades: bool = False
    aggregate_trades: bool = False
    mark_prices: set[str] = set()
    """Symbols whose mark price is told."""
    grids: dict[str, Grid] = {}
    """By venue symbol, in the order in which they were seen."""

    def take(self, message: Message) -> None:
        match message:
            case DepthSnapshot():
                if len(self.grids) == 1:
                    self._levels(next(iter(self.grids.values())), message.bids, message.asks)
            case DepthUpdate():
                self.futures |= message.previous_id is not None
                self._levels(self._grid(message.symbol), message.bids, message.asks)
            case Trade() | AggregateTrade():
                self.trades |= isinstance(message, Trade)
                self.aggregate_trades |= isinstance(message, AggregateTrade)
                self._grid(message.symbol).see(message.price, message.quantity)
            case BookTicker():
                self._grid(message.symbol).see(message.bid, message.bid_quantity)
            case MarkPriceUpdate():
                self.mark_prices.add(message.symbol)
            case tuple():
                self.mark_prices.update(update.symbol for update in message)

    def _grid(self, symbol: str) -> Grid:
        return self.grids.setdefault(symbol, Grid())

    def _levels(self, grid: Grid, *sides: Iterable[tuple[str, str]]) -> None:
        for side in sides:
            for price, quantity in side:
                grid.see(price, quantity)


def probe(path: Path) -> Probe:
    """Look at the first ``PROBE_LINES`` lines. Damage ends the look without an error: the reader will tell it."""
    found = Probe()
    try:
        for line in islice(lines(path), PROBE_LINES):
            if found.first_ns is None:
                found.first_ns = line.local_ns
            kind, payload = open_envelope(line.body)
            if (decoder := DECODERS.get(kind)) is not None:
                found.take(decoder.decode(payload))
    except (RecordingError, msgspec.DecodeError, FieldError):
        pass
    return found


def _decimals(field: str, text: str) -> int:
    exponent = parse_decimal(field, text).normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0
