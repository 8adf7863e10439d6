"""Orders, market events and a driver for tests of the paper venue."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from meltica.domain.instrument import Instrument
from meltica.domain.market import BookInvalid, BookUpdate, Level, MarketTrade, TradingStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport, VenueReport
from meltica.venues.paper.latency import Latency
from meltica.venues.paper.session import PaperSession

BTC = Instrument(
    instrument="BTC/USDT@PAPER",
    handle=0,
    venue_symbol="BTCUSDT",
    quote_currency="USDT",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.001"),
    max_price_ticks=1_000_000,
    max_quantity_lots=10_000,
    maker_fee_ppm=20,
    taker_fee_ppm=50,
)
BUY, SELL = Side.BUY, Side.SELL


def submitted(
    client_order_id: str, side: Side, quantity_lots: int, price_ticks: int | None, **changed: Any
) -> OrderSubmitted:
    limit = price_ticks is not None
    facts: dict[str, Any] = {
        "instrument": BTC.instrument,
        "time_in_force": TimeInForce.GTC if limit else TimeInForce.IOC,
        "post_only": False,
        "order_type": OrderType.LIMIT if limit else OrderType.MARKET,
        **changed,
    }
    return OrderSubmitted(
        order_id=1,
        client_order_id=client_order_id,
        account="desk",
        strategy="manual",
        side=side,
        quantity_lots=quantity_lots,
        price_ticks=price_ticks,
        reduce_only=False,
        reserved_price_ticks=0,
        actor="test",
        time_ns=0,
        **facts,
    )


class Floor:
    """A paper session and its clock: every call is a moment later and returns what the venue said, in short words."""

    def __init__(self, *, epoch: int = 7, latency: Latency | None = None) -> None:
        self.session = PaperSession("PAPER", [BTC], epoch=epoch, latency=latency or Latency())
        self.now_ns = 0
        self._requests = itertools.count(1)

    def book(self, bids: list[Level], asks: list[Level], *, snapshot: bool = False) -> list[str]:
        self.now_ns += 1
        update = BookUpdate(BTC.instrument, self.now_ns, tuple(bids), tuple(asks), snapshot)
        return said(self.session.receive(update, self.now_ns))

    def trade(self, price_ticks: int, quantity_lots: int, aggressor: Side | None) -> list[str]:
        self.now_ns += 1
        trade = MarketTrade(BTC.instrument, self.now_ns, price_ticks, quantity_lots, aggressor)
        return said(self.session.receive(trade, self.now_ns))

    def gap(self) -> list[str]:
        self.now_ns += 1
        return said(self.session.receive(BookInvalid(BTC.instrument, self.now_ns, "gap"), self.now_ns))

    def halt(self, halted: bool = True) -> list[str]:
        self.now_ns += 1
        return said(self.session.receive(TradingStatus(BTC.instrument, self.now_ns, halted), self.now_ns))

    def order(
        self, client_order_id: str, side: Side, quantity_lots: int, price_ticks: int | None, **changed: Any
    ) -> list[str]:
        return self._send(submitted(client_order_id, side, quantity_lots, price_ticks, **changed))

    def cancel(self, original: str, request: str = "") -> list[str]:
        return self._send(
            CancelRequested(
                order_id=1,
                client_order_id=request or f"x{next(self._requests)}",
                original_client_order_id=original,
                actor="test",
                time_ns=0,
            )
        )

    def replace(self, original: str, request: str, quantity_lots: int, price_ticks: int | None) -> list[str]:
        return self._send(
            ReplaceRequested(
                order_id=1,
                client_order_id=request,
                original_client_order_id=original,
                quantity_lots=quantity_lots,
                price_ticks=price_ticks,
                gate_lots=0,
                reserved_price_ticks=0,
                actor="test",
                time_ns=0,
            )
        )

    def end_session(self) -> list[str]:
        self.now_ns += 1
        return said(self.session.end_session(self.now_ns))

    def _send(self, command: Any) -> list[str]:
        self.now_ns += 1
        self.session.send(command, self.now_ns)
        return said(self.session.due(self.now_ns))


def said(reports: Any) -> list[str]:
    return [in_words(report) for report in reports]


def in_words(report: VenueReport) -> str:
    """``c1 Trade 5@102 taker``: short enough to compare whole conversations."""
    if not isinstance(report, ExecutionReport):
        return f"{report.client_order_id} refused for {report.original_client_order_id}: {report.text}"
    words = [report.client_order_id, report.exec_type.value]
    if report.exec_type is ExecType.TRADE:
        words += [f"{report.last_quantity_lots}@{report.last_price_ticks}", "maker" if report.maker else "taker"]
    if report.exec_type is ExecType.REPLACED:
        words.append(f"{report.order_quantity_lots}@{report.price_ticks}")
    if report.original_client_order_id:
        words.append(f"for {report.original_client_order_id}")
    return " ".join(words) + (f": {report.text}" if report.text else "")
