"""The paper venue's own truth, and statements of it: what it has matched, whatever became of the reports."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from meltica.domain.accounting import PICOS, PPM
from meltica.domain.instrument import Instrument
from meltica.domain.money import divide_half_even
from meltica.domain.order import Order
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.outcomes import QueryRequested, Sent
from meltica.domain.position import Position
from meltica.domain.reports import ExecType, ExecutionReport, OrderNotFound, VenueReport
from meltica.domain.statements import (
    Difference,
    DifferenceKind,
    StatedBalance,
    StatedFill,
    StatedOrder,
    StatedPosition,
    VenueStatement,
)
from meltica.venues.paper.latency import NO_LATENCY, Latency
from meltica.venues.paper.order import PaperOrder
from meltica.venues.paper.session import PaperSession

PAGE: Final = 200
"""Orders, or fills, in one part of a statement."""
REMEMBERED: Final = 10_000
"""Fills, and orders that ended, that statements still tell of."""
HORIZON_NS: Final = 1_000_000_000
"""Beyond the way there, nothing arrives later than this."""
WINDOWS: Final = 2
"""A statement tells of the fills since the last but one: a statement may be lost and no fill with it."""

_ENDED: Final = {
    "filled": ExecType.TRADE,
    "canceled": ExecType.CANCELED,
    "expired": ExecType.EXPIRED,
    "rejected": ExecType.REJECTED,
}


class _Made(msgspec.Struct):
    """One thing that happened, when, and to whom."""

    at_ns: int
    account: str
    fill: StatedFill | None = None
    order: PaperOrder | None = None


class _Pages(msgspec.Struct):
    """A statement that is being told: orders as they are when their page is, which is no earlier than it was asked."""

    ready_ns: int
    blank: VenueStatement
    orders: list[PaperOrder]
    fills: list[StatedFill]
    positions: tuple[StatedPosition, ...]
    balances: tuple[StatedBalance, ...]
    told: int = 0

    @property
    def orders_end(self) -> int:
        """Where the pages of orders end, in rows."""
        return len(range(0, len(self.orders), PAGE)) * PAGE


class StatingPaperSession(PaperSession):
    """A ``StatingVenue``."""

    def __init__(
        self,
        venue: str,
        instruments: Iterable[Instrument] = (),
        *,
        epoch: int = 0,
        latency: Latency = NO_LATENCY,
        unreported_fee_ppm: int = 0,
    ) -> None:
        """``unreported_fee_ppm``: what it charges of the traded value beside the fees that its reports tell of."""
        super().__init__(venue, instruments, epoch=epoch, latency=latency)
        self._unreported_fee_ppm = unreported_fee_ppm
        self._account_of: dict[str, str] = {}
        """By the first client order id that an order had."""
        self._working_of: dict[str, dict[str, PaperOrder]] = {}
        """Account -> its orders that are not finished, by the first client order id: nobody looks at all of them."""
        self._lots: dict[tuple[str, str], int] = {}
        self._nanos: dict[tuple[str, str], int] = {}
        """(account, currency) -> what the account has here."""
        self._made: deque[_Made] = deque(maxlen=REMEMBERED)
        self._asked: dict[str, deque[int]] = {}
        self._statements: deque[_Pages] = deque()
        self._taken = 0

    def hold(
        self,
        positions: Iterable[Position],
        balances: Mapping[tuple[str, str], int],
        differences: Iterable[Difference] = (),
    ) -> None:
        """After a restart: what the accounts have, as the gateway remembers it, (account, currency) -> nanos; and what
        of it is otherwise here, as statements have told and nobody has settled."""
        for position in positions:
            if position.instrument in self._instruments:
                self._lots[position.account, position.instrument] = position.lots
        self._nanos |= balances
        for told in differences:
            if told.venue != self._venue or told.difference_id == 0:
                continue
            gap = told.theirs - told.ours
            if told.kind is DifferenceKind.BALANCE:
                self._move(told.account, told.subject, gap)
            elif told.kind is DifferenceKind.POSITION and told.subject in self._instruments:
                at = told.account, told.subject
                self._lots[at] = self._lots.get(at, 0) + gap

    # What the venue books beside trades

    def trades(self, instrument: str) -> bool:
        return instrument in self._instruments

    def transfer(self, account: str, currency: str, nanos: int) -> None:
        """Money comes in; with a minus it goes."""
        self._move(account, currency, nanos)

    def settle_funding(self, instrument: str, rate_picos: int, mark_ticks: int) -> None:
        """Who is long pays rate x position x mark, who is short receives it; half to even."""
        traded = self._instruments[instrument]
        per_lot = rate_picos * mark_ticks * traded.value_per_tick_lot_nanos
        for (account, name), lots in self._lots.items():
            if name == instrument and lots:
                self._move(account, traded.quote_currency, -divide_half_even(lots * per_lot, PICOS))

    def split(self, instrument: str, numerator: int, denominator: int) -> None:
        """Whole lots towards 0. Orders that work are as they were: their account replaces or cancels them."""
        for (account, name), lots in self._lots.items():
            if name == instrument:
                whole = abs(lots) * numerator // denominator
                self._lots[account, name] = whole if lots > 0 else -whole

    def _move(self, account: str, currency: str, nanos: int) -> None:
        key = account, currency
        self._nanos[key] = self._nanos.get(key, 0) + nanos

    # Statements

    def statement(self, account: str, now_ns: int) -> None:
        self._advance(now_ns)
        self._take_commands()
        windows = self._asked.setdefault(account, deque([0] * WINDOWS, WINDOWS))
        since_ns = windows[0]
        windows.append(self._now_ns)
        self._taken += 1
        recent = [made for made in self._made if made.account == account and made.at_ns >= since_ns]
        orders = self._open(account) + [made.order for made in recent if made.order is not None]
        fills = [made.fill for made in recent if made.fill is not None]
        blank = VenueStatement(
            venue=self._venue,
            account=account,
            statement_id=f"{self._epoch}-{self._taken}",
            parts=max(len(range(0, len(orders), PAGE)) + len(range(0, len(fills), PAGE)), 1),
            asked_ns=now_ns,
            taken_ns=self._now_ns,
            orders_complete=True,
            fills_since_ns=since_ns,
            positions_complete=True,
        )
        money = self._positions(account), self._balances(account)
        self._statements.append(_Pages(self._now_ns + self._latency.response_ns, blank, orders, fills, *money))

    def stated(self, now_ns: int) -> Sequence[VenueStatement]:
        """One part a call, so that no caller waits for thousands of orders to be told."""
        if not self._statements or self._statements[0].ready_ns > now_ns:
            return ()
        pages = self._statements[0]
        pages.told += 1
        at, number = (pages.told - 1) * PAGE, pages.told
        first = number == 1
        part = msgspec.structs.replace(
            pages.blank,
            part=number,
            orders=tuple([self._stated(order) for order in pages.orders[at : at + PAGE]]),
            fills=tuple(pages.fills[max(at - pages.orders_end, 0) : max(at - pages.orders_end + PAGE, 0)]),
            positions=pages.positions if first else (),
            balances=pages.balances if first else (),
        )
        if number == pages.blank.parts:
            self._statements.popleft()
        return (part,)

    def _open(self, account: str) -> list[PaperOrder]:
        return list(self._working_of.get(account, {}).values())

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

    # Queries

    def query(self, asked: QueryRequested, now_ns: int) -> None:
        """What became of a command: told again as its answer was, or that there is no such thing."""
        self._advance(now_ns)
        self._take_commands()
        self._at_ns = self._now_ns
        order = self._orders.get(asked.client_order_id)
        if order is None:
            horizon_ns = self._latency.entry_ns + HORIZON_NS
            name = asked.client_order_id
            self._report(OrderNotFound(venue=self._venue, client_order_id=name, horizon_ns=horizon_ns))
            return
        kind = ExecType.REPLACED if asked.sent is Sent.REPLACE else ExecType.ORDER_STATUS
        if order.finished and asked.sent is not Sent.REPLACE:
            kind = _ENDED[order.finished]
        self._report(
            ExecutionReport(
                venue=self._venue,
                client_order_id=asked.client_order_id,
                exec_type=ExecType.ORDER_STATUS if kind is ExecType.TRADE else kind,
                venue_order_id=order.venue_order_id,
                order_quantity_lots=order.quantity_lots if kind is ExecType.REPLACED else None,
                price_ticks=order.price_ticks if kind is ExecType.REPLACED else None,
                text="in answer to a query",
            )
        )

    def _end(self, order: PaperOrder, how: ExecType, why: str, *, request_id: str = "") -> None:
        if request_id:  # A query may ask about the cancel.
            order.chain = (*order.chain, request_id)
            self._orders[request_id] = order
        super()._end(order, how, why, request_id=request_id)

    # What is true

    def _submit(self, command: OrderSubmitted) -> None:
        self._account_of.setdefault(command.client_order_id, command.account)
        super()._submit(command)

    def _restore(self, known: Order) -> None:
        self._account_of[known.client_order_id] = known.account
        super()._restore(known)

    def _admit(self, order: PaperOrder, *, acknowledge: bool) -> None:
        name = order.chain[0]
        self._working_of.setdefault(self._account_of[name], {})[name] = order
        super()._admit(order, acknowledge=acknowledge)

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
        unreported = abs(value) * self._unreported_fee_ppm // PPM
        self._move(account, instrument.quote_currency, -value - report.fee_nanos - unreported)
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
        self._working_of.get(account, {}).pop(order.chain[0], None)
        self._made.append(_Made(self._at_ns, account, order=order))
