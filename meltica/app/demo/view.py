"""What the demo shows: the gateway as an operator sees it, asked over gRPC and drawn as a table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import grpc
import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from meltica.v1 import (
    market_data_service_pb2,
    market_data_service_pb2_grpc,
    order_pb2,
    order_service_pb2,
    order_service_pb2_grpc,
    portfolio_service_pb2,
    portfolio_service_pb2_grpc,
    risk_service_pb2,
    risk_service_pb2_grpc,
)

ORDERS_SHOWN = 6
FILLS_SHOWN = 6
MARKET: Final = ("bid", "ask")
POSITION: Final = ("position", "average", "realised", "unrealised", "fees")
BESIDE_COLUMNS: Final = 108
"""What market and position take beside each other."""


class Picture(msgspec.Struct):
    """One look at the gateway."""

    books: list[market_data_service_pb2.GetOrderBookResponse] = []
    orders: list[order_pb2.Order] = []
    positions: list[portfolio_service_pb2.Position] = []
    gate: risk_service_pb2.GetGateStatusResponse | None = None

    @property
    def net(self) -> Decimal:
        """Realised + unrealised - fees, over all positions."""
        return sum((_net(position) for position in self.positions), Decimal(0))


def _net(position: portfolio_service_pb2.Position) -> Decimal:
    return Decimal(position.realised) + Decimal(position.unrealised or 0) - Decimal(position.fees)


class Observer:
    """Polls what has a state, streams what happens."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._market = market_data_service_pb2_grpc.MarketDataServiceStub(channel)
        self._orders = order_service_pb2_grpc.OrderServiceStub(channel)
        self._portfolio = portfolio_service_pb2_grpc.PortfolioServiceStub(channel)
        self._risk = risk_service_pb2_grpc.RiskServiceStub(channel)
        self._names: list[str] = []
        self.fills = 0
        self.maker_fills = 0
        self.last_fills: list[order_service_pb2.OrderEvent] = []

    async def look(self) -> Picture:
        if not self._names:
            listed = await self._market.ListInstruments(market_data_service_pb2.ListInstrumentsRequest())
            self._names = [instrument.instrument for instrument in listed.instruments]
        books = await asyncio.gather(*(self._book(name) for name in self._names))
        orders = await self._orders.ListOrders(order_service_pb2.ListOrdersRequest(working_only=True))
        positions = await self._portfolio.ListPositions(portfolio_service_pb2.ListPositionsRequest())
        gate = await self._risk.GetGateStatus(risk_service_pb2.GetGateStatusRequest())
        return Picture(
            books=[book for book in books if book is not None],
            orders=list(orders.orders),
            positions=list(positions.positions),
            gate=gate,
        )

    async def _book(self, name: str) -> market_data_service_pb2.GetOrderBookResponse | None:
        try:
            request = market_data_service_pb2.GetOrderBookRequest(instrument=name, depth=1)
            book: market_data_service_pb2.GetOrderBookResponse = await self._market.GetOrderBook(request)
        except grpc.aio.AioRpcError as error:
            if error.code() in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}:
                return None  # No market data yet.
            raise
        return book

    async def follow_fills(self) -> None:
        """Counts executions until it is cancelled or the gateway drains."""
        stream = self._orders.StreamOrderEvents(order_service_pb2.StreamOrderEventsRequest(after_sequence=0))
        async for batch in stream:
            for event in batch.events:
                if event.WhichOneof("event") == "filled":
                    self.fills += 1
                    self.maker_fills += event.filled.liquidity == order_service_pb2.LIQUIDITY_MAKER
                    self.last_fills = [event, *self.last_fills][:FILLS_SHOWN]


def draw(picture: Picture, observer: Observer, title: str, ends_at: float, *, columns: int) -> RenderableType:
    """``columns``: of the terminal; in a narrow one market and position stand below each other."""
    left = max(ends_at - time.monotonic(), 0)
    head = Text.assemble((title, "bold"), f"   {left:4.1f} s left   net ", _money(picture.net))
    if columns >= BESIDE_COLUMNS:
        tables = [_markets(picture, "market and position", (*MARKET, *POSITION))]
    else:
        tables = [_markets(picture, "market", MARKET), _markets(picture, "position", POSITION)]
    return Group(head, *tables, _orders(picture), _fills(observer), _gate(picture))


def _markets(picture: Picture, title: str, shown: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="dim")
    for name in ("instrument", *shown):
        table.add_column(name, justify="left" if name == "instrument" else "right", min_width=9, no_wrap=True)
    positions = {position.instrument: position for position in picture.positions}
    for book in picture.books:
        cells: dict[str, RenderableType] = {"bid": _level(book.bids), "ask": _level(book.asks)}
        cells |= dict(zip(POSITION, _position(positions.get(book.instrument)), strict=True))
        table.add_row(book.instrument, *(cells[name] for name in shown))
    return table


def _position(held: portfolio_service_pb2.Position | None) -> Sequence[RenderableType]:
    """As ``POSITION``."""
    if held is None:
        return ("0", "-", "0", "0", "0")
    earned = (_money(Decimal(held.realised)), _money_or_dash(held.unrealised), _short(held.fees))
    return (held.quantity, _short(held.average_price), *earned)


def _orders(picture: Picture) -> Table:
    title = f"working orders ({len(picture.orders)})"
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="dim")
    for name in ("id", "instrument", "side", "price", "quantity", "filled", "status"):
        table.add_column(name, min_width=6)
    for order in picture.orders[-ORDERS_SHOWN:]:
        side = order_pb2.Side.Name(order.side).removeprefix("SIDE_")
        status = order_pb2.OrderStatus.Name(order.status).removeprefix("ORDER_STATUS_")
        price, filled = order.price or "market", order.cumulative_quantity
        table.add_row(order.order_id, order.instrument, _side(side), price, order.quantity, filled, status)
    return table


def _fills(observer: Observer) -> Table:
    title = f"fills ({observer.fills}, {observer.maker_fills} as maker), newest first"
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="dim", show_header=False)
    for event in observer.last_fills:
        fill = event.filled
        side = order_pb2.Side.Name(fill.side).removeprefix("SIDE_")
        table.add_row(
            event.order_id, event.instrument, _side(side), f"{fill.quantity} @ {fill.price}", f"fee {fill.fee}"
        )
    return table


def _gate(picture: Picture) -> Text:
    if picture.gate is None:
        return Text("gate: no answer")
    gate = picture.gate
    refused = ", ".join(f"{row.reason} {row.count}" for row in gate.refusals) or "none"
    return Text.assemble(
        ("gate ", "dim"),
        f"{gate.backend}: {gate.passed} passed, refused: {refused}; a check takes "
        f"p50 {gate.latency_p50_ns} ns, p99 {gate.latency_p99_ns} ns",
    )


def one_line(picture: Picture, observer: Observer) -> str:
    """The same for a terminal that can't redraw: a log, a pipe."""
    book = picture.books[0] if picture.books else None
    top = f"{book.instrument} {_level(book.bids)} / {_level(book.asks)}" if book else "no market yet"
    gate = picture.gate
    held = ", ".join(f"{p.quantity} {p.instrument}" for p in picture.positions) or "flat"
    realised = sum((Decimal(p.realised) for p in picture.positions), Decimal(0))
    unrealised = sum((Decimal(p.unrealised or 0) for p in picture.positions), Decimal(0))
    fees = sum((Decimal(p.fees) for p in picture.positions), Decimal(0))
    return (
        f"{top} | working {len(picture.orders)} | fills {observer.fills} | {held} | realised {realised:.4f}"
        f" unrealised {unrealised:.4f} fees {fees:.4f} | gate {gate.passed if gate else 0} passed,"
        f" p50 {gate.latency_p50_ns if gate else 0} ns, p99 {gate.latency_p99_ns if gate else 0} ns"
    )


def _level(levels: Iterable[market_data_service_pb2.PriceLevel]) -> str:
    rows = list(levels)
    return f"{rows[0].price} x {rows[0].quantity}" if rows else "-"


def _side(side: str) -> Text:
    return Text(side, "green" if side == "BUY" else "red")


def _money(amount: Decimal) -> Text:
    return Text(f"{amount:+.4f}", "green" if amount >= 0 else "red")


def _money_or_dash(text: str) -> Text:
    return _money(Decimal(text)) if text else Text("-")


def _short(text: str) -> str:
    return f"{Decimal(text):.4f}" if text else "-"
