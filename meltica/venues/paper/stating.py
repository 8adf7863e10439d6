"""The paper venue's own truth, and statements of it: what it has matched, whatever became of the reports."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from meltica.domain.instrument import Instrument
from meltica.domain.order import Order
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.position import Position
from meltica.domain.reports import ExecType, ExecutionReport, VenueReport
from meltica.domain.statements import StatedBalance, StatedFill, StatedOrder, StatedPosition, VenueStatement
from meltica.venues.paper.order import PaperOrder
from meltica.venues.paper.session import NO_LATENCY, Latency, PaperSession

PAGE: Final = 200
"""Orders, or fills, in one part of a statement."""
REMEMBERED: Final = 10_000
"""Fills, and orders that ended, that statements still tell of."""
WINDOWS: Final = 2
"""A statement tells of the fills since the last but one: a statement may be lost and no fill with it."""

_ENDED: Final = {
    "filled": ExecType.TRADE,
    "canceled": ExecType.CANCELED,
    "expired": ExecType.EXPIRED,
    "rejected": ExecType.REJECTED,
}


T = TypeVar("T")


def _pages(rows: Sequence[T]) -> list[tuple[T, ...]]:
    return [tuple(rows[at : at + PAGE]) for at in range(0, len(rows), PAGE)]


class _Made(msgspec.Struct):
    """One thing that happened, when, and to whom."""

    at_ns: int
    account: str
    fill: StatedFill | None = None
    order: PaperOrder | None = None


class StatingPaperSession(PaperSession):
    """A ``StatingVenue``."""

    def __init__(
        self, venue: str, instruments: Iterable[Instrument] = (), *, epoch: int = 0, latency: Latency = NO_LATENCY
    ) -> None:
        super().__init__(venue, instruments, epoch=epoch, latency=latency)
        self._account_of: dict[str, str] = {}
        """By the first client order id that an order had."""
        self._lots: dict[tuple[str, str], int] = {}
        self._nanos: dict[tuple[str, str], int] = {}
        """(account, currency) -> what trading brought."""
        self._made: deque[_Made] = deque(maxlen=REMEMBERED)
        self._asked: dict[str, deque[int]] = {}
        self._statements: deque[tuple[int, VenueStatement]] = deque()
        self._taken = 0

    def hold(self, positions: Iterable[Position]) -> None:
        """After a restart: what the accounts have, as the gateway remembers it."""
        for position in positions:
            if (traded := self._instruments.get(position.instrument)) is not None:
                self._lots[position.account, position.instrument] = position.lots
                key = position.account, traded.quote_currency
                brought = position.realised_nanos - position.cost_nanos - position.fees_nanos
                self._nanos[key] = self._nanos.get(key, 0) + brought

    # Statements

    def statement(self, account: str, now_ns: int) -> None:
        self._advance(now_ns)
        self._take_commands()
        windows = self._asked.setdefault(account, deque([0] * WINDOWS, WINDOWS))
        since_ns = windows[0]
        windows.append(self._now_ns)
        self._taken += 1
        recent = [made for made in self._made if made.account == account and made.at_ns >= since_ns]
        orders = [self._stated(order) for order in self._open(account)]
        orders += [self._stated(made.order) for made in recent if made.order is not None]
        fills = [made.fill for made in recent if made.fill is not None]
        parts: list[tuple[tuple[StatedOrder, ...], tuple[StatedFill, ...]]] = [((), ())]
        parts += [(page, ()) for page in _pages(orders)]
        parts += [((), page) for page in _pages(fills)]
        if len(parts) > 1:
            parts.pop(0)
        for number, (some_orders, some_fills) in enumerate(parts, 1):
            part = VenueStatement(
                venue=self._venue,
                account=account,
                statement_id=f"{self._epoch}-{self._taken}",
                part=number,
                parts=len(parts),
                asked_ns=now_ns,
                taken_ns=self._now_ns,
                orders_complete=True,
                fills_since_ns=since_ns,
                positions_complete=True,
                orders=some_orders,
                fills=some_fills,
                positions=self._positions(account) if number == 1 else (),
                balances=self._balances(account) if number == 1 else (),
            )
            self._statements.append((self._now_ns + self._latency.response_ns, part))

    def stated(self, now_ns: int) -> Sequence[VenueStatement]:
        parts = []
        while self._statements and self._statements[0][0] <= now_ns:
            parts.append(self._statements.popleft()[1])
        return parts

    def _open(self, account: str) -> list[PaperOrder]:
        open_orders = {id(order): order for order in self._orders.values() if not order.finished}
        return [order for order in open_orders.values() if self._account_of.get(order.chain[0]) == account]

    def _stated(self, order: PaperOrder) -> StatedOrder:
        return StatedOrder(
            client_order_id=order.client_order_id,
            instrument=order.instrument,
            side=order.side,
            quantity_lots=order.quantity_lots,
            cumulative_lots=order.cumulative_lots,
            price_ticks=order.price_ticks,
            venue_order_id=order.venue_order_id,
            chain=order.chain,
            ended=_ENDED[order.finished] if order.finished else None,
        )

    def _positions(self, account: str) -> tuple[StatedPosition, ...]:
        return tuple(
            StatedPosition(instrument=instrument, lots=lots)
            for (holder, instrument), lots in self._lots.items()
            if holder == account and lots
        )

    def _balances(self, account: str) -> tuple[StatedBalance, ...]:
        return tuple(
            StatedBalance(currency=currency, nanos=nanos)
            for (holder, currency), nanos in self._nanos.items()
            if holder == account
        )

    # What is true

    def _submit(self, command: OrderSubmitted) -> None:
        self._account_of.setdefault(command.client_order_id, command.account)
        super()._submit(command)

    def _restore(self, known: Order) -> None:
        self._account_of[known.client_order_id] = known.account
        super()._restore(known)

    def _report(self, report: VenueReport) -> None:
        super()._report(report)
        if isinstance(report, ExecutionReport) and report.exec_type is ExecType.TRADE:
            self._traded(self._orders[report.client_order_id], report)
        elif isinstance(report, ExecutionReport) and report.client_order_id not in self._orders:
            self._account_of.pop(report.client_order_id, None)  # Refused: it never was.

    def _traded(self, order: PaperOrder, report: ExecutionReport) -> None:
        account, instrument = self._account_of[order.chain[0]], self._instruments[order.instrument]
        signed = order.side.sign * report.last_quantity_lots
        at = account, order.instrument
        self._lots[at] = self._lots.get(at, 0) + signed
        value = signed * report.last_price_ticks * instrument.value_per_tick_lot_nanos
        cash = account, instrument.quote_currency
        self._nanos[cash] = self._nanos.get(cash, 0) - value - report.fee_nanos
        fill = StatedFill(
            client_order_id=order.client_order_id,
            execution_id=report.execution_id,
            instrument=order.instrument,
            side=order.side,
            quantity_lots=report.last_quantity_lots,
            price_ticks=report.last_price_ticks,
            fee_nanos=report.fee_nanos,
            maker=report.maker,
            venue_order_id=order.venue_order_id,
            venue_time_ns=self._at_ns,
        )
        self._made.append(_Made(self._at_ns, account, fill=fill))

    def _finish(self, order: PaperOrder, how: str) -> None:
        super()._finish(order, how)
        account = self._account_of.pop(order.chain[0], "")
        self._made.append(_Made(self._at_ns, account, order=order))
