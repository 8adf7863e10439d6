"""Binance market data as it comes over the wire: spot (web-socket-streams.md) and USD-M futures.

Field names are Binance's letters, renamed here once. Prices and quantities are decimal strings.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct, field

Levels = list[tuple[str, str]]
"""(price, quantity); in an update a quantity of 0 removes the level."""


class DepthUpdate(Struct, frozen=True, gc=False):
    """``<symbol>@depth``: absolute quantities of changed levels."""

    kind: Literal["depthUpdate"] = field(name="e")
    event_ms: int = field(name="E")
    symbol: str = field(name="s")
    first_id: int = field(name="U")
    last_id: int = field(name="u")
    bids: Levels = field(name="b")
    asks: Levels = field(name="a")
    previous_id: int | None = field(name="pu", default=None)
    """USD-M only: ``last_id`` of the update before this one."""


class Trade(Struct, frozen=True, gc=False):
    """``<symbol>@trade``: one trade."""

    kind: Literal["trade"] = field(name="e")
    event_ms: int = field(name="E")
    symbol: str = field(name="s")
    trade_id: int = field(name="t")
    price: str = field(name="p")
    quantity: str = field(name="q")
    buyer_is_maker: bool = field(name="m")


class AggregateTrade(Struct, frozen=True, gc=False):
    """``<symbol>@aggTrade``: trades of one taker order at one price, together."""

    kind: Literal["aggTrade"] = field(name="e")
    event_ms: int = field(name="E")
    symbol: str = field(name="s")
    trade_id: int = field(name="a")
    price: str = field(name="p")
    quantity: str = field(name="q")
    buyer_is_maker: bool = field(name="m")


class BookTicker(Struct, frozen=True, gc=False):
    """``<symbol>@bookTicker``: best bid and offer. On spot it has no ``e``."""

    update_id: int = field(name="u")
    symbol: str = field(name="s")
    bid: str = field(name="b")
    bid_quantity: str = field(name="B")
    ask: str = field(name="a")
    ask_quantity: str = field(name="A")


class MarkPriceUpdate(Struct, frozen=True, gc=False):
    """``<symbol>@markPrice``, USD-M: the mark price, every three seconds or every second. Finer than the tick size."""

    kind: Literal["markPriceUpdate"] = field(name="e")
    event_ms: int = field(name="E")
    symbol: str = field(name="s")
    price: str = field(name="p")
    index_price: str = field(name="i", default="")


class DepthSnapshot(Struct, frozen=True, gc=False):
    """``GET /depth``. It does not say of which symbol it is."""

    last_id: int = field(name="lastUpdateId")
    bids: Levels
    asks: Levels


class Envelope(Struct, frozen=True, gc=False):
    """The outside of any message: combined streams wrap theirs in ``stream`` and ``data``."""

    stream: str = ""
    data: Raw = Raw()
    event: str = field(name="e", default="")
    last_update_id: int | None = field(name="lastUpdateId", default=None)
    best_bid: Raw = field(name="b", default=Raw())
    best_bid_quantity: Raw = field(name="B", default=Raw())


MarkPrices = tuple[MarkPriceUpdate, ...]
"""``!markPrice@arr``: of all symbols."""
Message = DepthUpdate | Trade | AggregateTrade | BookTicker | DepthSnapshot | MarkPriceUpdate | MarkPrices

DEPTH_UPDATE, TRADE, AGGREGATE_TRADE = "depthUpdate", "trade", "aggTrade"
BOOK_TICKER, SNAPSHOT = "bookTicker", "depthSnapshot"
MARK_PRICE, MARK_PRICES = "markPriceUpdate", "markPriceUpdate@arr"

DECODERS: Final[dict[str, msgspec.json.Decoder[Message]]] = {
    DEPTH_UPDATE: msgspec.json.Decoder(DepthUpdate),
    TRADE: msgspec.json.Decoder(Trade),
    AGGREGATE_TRADE: msgspec.json.Decoder(AggregateTrade),
    BOOK_TICKER: msgspec.json.Decoder(BookTicker),
    SNAPSHOT: msgspec.json.Decoder(DepthSnapshot),
    MARK_PRICE: msgspec.json.Decoder(MarkPriceUpdate),
    MARK_PRICES: msgspec.json.Decoder(MarkPrices),
}
"""By the type's name, as ``session`` counts it."""

_STREAMS: Final = {
    "depth": DEPTH_UPDATE,
    "trade": TRADE,
    "aggTrade": AGGREGATE_TRADE,
    "bookTicker": BOOK_TICKER,
    "markPrice": MARK_PRICE,
}
_envelope = msgspec.json.Decoder(Envelope)
_envelopes = msgspec.json.Decoder(list[Envelope])


def open_envelope(body: bytes) -> tuple[str, bytes | Raw]:
    """(type, payload). A type that is not in ``DECODERS`` is one that nobody here knows.

    :raises msgspec.DecodeError: not JSON, or neither an object nor a list of objects.
    """
    if body.lstrip()[:1] == b"[":
        return _of_all(body), body
    outer = _envelope.decode(body)
    if outer.stream:
        if bytes(outer.data).lstrip()[:1] == b"[":
            return _of_all(outer.data), outer.data
        name = outer.stream.partition("@")[2].partition("@")[0]
        return _STREAMS.get(name, name), outer.data
    if outer.event:
        return outer.event, body
    if outer.last_update_id is not None:
        return SNAPSHOT, body
    if outer.best_bid and outer.best_bid_quantity:
        return BOOK_TICKER, body
    return "", body


def _of_all(data: bytes | Raw) -> str:
    """What a list is about: streams of all symbols (``!…@arr``) send one, of one kind."""
    found = _envelopes.decode(data)
    if not found:
        raise msgspec.DecodeError("a list of nothing")
    return f"{found[0].event}@arr"
