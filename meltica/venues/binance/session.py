"""Binance market data, spot and USD-M futures: message bytes in, market events out. No sockets, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from meltica.domain.errors import FieldError, MelticaError
from meltica.domain.instrument import Instrument
from meltica.domain.market import BookInvalid, BookUpdate, Level, MarketEvent, MarketTrade, MarkPrice
from meltica.domain.order import Side
from meltica.venues.binance.book_sync import BookSync, Verdict
from meltica.venues.binance.messages import (
    DECODERS,
    AggregateTrade,
    DepthSnapshot,
    DepthUpdate,
    Levels,
    MarkPriceUpdate,
    Message,
    Trade,
    open_envelope,
)
from meltica.venues.binance.numbers import Steps, whole_steps


class BinanceError(MelticaError):
    """Theirs: a message that is not what Binance documents. The book it was about can't be trusted any more."""


class Symbol:
    """One symbol's grid, book ids and counts."""

    def __init__(self, venue_symbol: str, instrument: str, price: Steps, quantity: Steps) -> None:
        self.venue_symbol = venue_symbol
        self.instrument = instrument
        self.price = price
        self.quantity = quantity
        self.sync = BookSync()
        self.gaps = 0
        """Times that the stream of book updates was broken."""
        self.dropped = 0
        """Book updates that were older than the book."""
        self.level_updates = 0
        """Levels in all book updates that came, whatever became of them."""

    @classmethod
    def of(cls, instrument: Instrument) -> Symbol:
        return cls(
            instrument.venue_symbol,
            instrument.instrument,
            Steps("price", instrument.tick_size),
            Steps("quantity", instrument.lot_size, round_up=True),
        )


class BinanceSession:
    """Any number of symbols of one market. Messages of symbols that nobody asked for are counted, and give nothing."""

    def __init__(
        self,
        symbols: Iterable[Symbol],
        *,
        aggregate_trades: bool = False,
        on_unknown: Callable[[str], Symbol] | None = None,
    ) -> None:
        """``aggregate_trades``: the trades come from ``aggTrade`` instead of ``trade``; never from both. ``on_unknown``
        makes a symbol of one that nobody asked for.
        """
        self.symbols = {symbol.venue_symbol: symbol for symbol in symbols}
        self.messages: Counter[str] = Counter()
        """By type; what Binance sends and nobody here knows is counted under its own name."""
        self._on_unknown = on_unknown
        self._trade_kind: type[Message] = AggregateTrade if aggregate_trades else Trade

    def receive(self, body: bytes, now_ns: int, *, symbol: str = "") -> Sequence[MarketEvent]:
        """One message. ``symbol`` says of which symbol a snapshot is, where there are several.

        :raises BinanceError: not a message that Binance documents.
        """
        try:
            kind, payload = open_envelope(body)
            decoder = DECODERS.get(kind)
            self.messages[kind or "unknown"] += 1
            if decoder is None:
                return ()
            return self._take(decoder.decode(payload), now_ns, symbol)
        except (msgspec.DecodeError, UnicodeDecodeError, FieldError) as error:
            shown = body[:80].decode("ascii", "backslashreplace")
            raise BinanceError(f"{error}: {shown}") from error

    def lost(self, now_ns: int) -> Sequence[MarketEvent]:
        """The connection is gone: every book is invalid until its next snapshot."""
        events = []
        for symbol in self.symbols.values():
            if symbol.sync.last_id is not None:
                events.append(BookInvalid(symbol.instrument, now_ns, "connection lost"))
            symbol.sync.lost()
        return events

    def _take(self, message: Message, now_ns: int, of: str) -> Sequence[MarketEvent]:
        if isinstance(message, DepthSnapshot):
            return self._snapshot(message, now_ns, of)
        if isinstance(message, tuple):
            return [event for update in message for event in self._mark(update, now_ns)]
        if isinstance(message, MarkPriceUpdate):
            return self._mark(message, now_ns)
        symbol = self.symbols.get(message.symbol)
        if symbol is None:
            if self._on_unknown is None:
                return ()
            symbol = self.symbols[message.symbol] = self._on_unknown(message.symbol)
        if isinstance(message, DepthUpdate):
            symbol.level_updates += len(message.bids) + len(message.asks)
            return self._update(symbol, message, now_ns)
        if isinstance(message, Trade | AggregateTrade) and type(message) is self._trade_kind:
            return self._trade(symbol, message, now_ns)
        return ()

    def _snapshot(self, message: DepthSnapshot, now_ns: int, of: str) -> Sequence[MarketEvent]:
        if not of and len(self.symbols) != 1:
            raise BinanceError(f"a snapshot does not say of which symbol it is, and there are {len(self.symbols)}")
        symbol = self.symbols.get(of) if of else next(iter(self.symbols.values()))
        if symbol is None:
            return ()
        bids, asks = _levels(symbol, message.bids), _levels(symbol, message.asks)
        events: list[MarketEvent] = [BookUpdate(symbol.instrument, now_ns, bids, asks, snapshot=True)]
        for update in symbol.sync.snapshot(message.last_id):
            events.extend(self._update(symbol, update, now_ns))
        return events

    def _update(self, symbol: Symbol, update: DepthUpdate, now_ns: int) -> Sequence[MarketEvent]:
        bids, asks = _levels(symbol, update.bids), _levels(symbol, update.asks)  # A bad one must not count as applied.
        before = symbol.sync.last_id
        match symbol.sync.update(update):
            case Verdict.APPLY:
                return (BookUpdate(symbol.instrument, now_ns, bids, asks),)
            case Verdict.OLD:
                symbol.dropped += 1
            case Verdict.GAP:
                symbol.gaps += 1
                follows = update.first_id - 1 if update.previous_id is None else update.previous_id
                why = f"gap: the book is at {before}, the update follows {follows}"
                return (BookInvalid(symbol.instrument, now_ns, why),)
            case Verdict.WAIT:
                pass
        return ()

    def _trade(self, symbol: Symbol, trade: Trade | AggregateTrade, now_ns: int) -> Sequence[MarketEvent]:
        price, quantity = symbol.price(trade.price), symbol.quantity(trade.quantity)
        if price == 0 or quantity == 0:
            return ()  # Futures tell some transfers of the insurance fund so; nobody traded.
        aggressor = Side.SELL if trade.buyer_is_maker else Side.BUY
        return (MarketTrade(symbol.instrument, now_ns, price, quantity, aggressor, str(trade.trade_id)),)

    def _mark(self, update: MarkPriceUpdate, now_ns: int) -> Sequence[MarketEvent]:
        """Of a symbol that nobody asked for: nothing; the stream of all symbols makes no new ones."""
        if (symbol := self.symbols.get(update.symbol)) is None:
            return ()
        price, between = whole_steps("mark price", update.price, symbol.price.step)
        if price == 0:
            return ()  # Before trading in the symbol begins there is none.
        return (MarkPrice(symbol.instrument, now_ns, price, between),)


def _levels(symbol: Symbol, levels: Levels) -> tuple[Level, ...]:
    price, quantity = symbol.price, symbol.quantity
    return tuple([(price(p), quantity(q)) for p, q in levels])
