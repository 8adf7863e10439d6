"""The smallest driver there can be: engine, compiled gate and paper venue in a loop, on a clock that counts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from meltica import hot
from meltica.domain.commands import CancelOrder, Command, RegisterInstrument, SetLimits, SubmitOrder
from meltica.domain.events import Event
from meltica.domain.inputs import Input
from meltica.domain.instrument import Instrument
from meltica.domain.limits import (
    DAY_NS,
    OWN_PORT,
    AccountLimits,
    FirmLimits,
    InstrumentLimits,
    Limits,
    PortLimits,
    PositionLimits,
    ShortSale,
    StrategyLimits,
)
from meltica.domain.market import BookUpdate, Mark
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderSubmitted
from meltica.engine.engine import Engine
from meltica.hot.ports import RiskGate
from meltica.venues.paper.session import PaperSession

BTC: Final = Instrument(
    instrument="BTC/USDT@BINANCE",
    handle=1,
    venue_symbol="BTCUSDT",
    quote_currency="USDT",
    tick_size=Decimal("0.01"),
    lot_size=Decimal("0.00001"),
    max_price_ticks=100_000_000,
    max_quantity_lots=10**12,
    maker_fee_ppm=-50,
    taker_fee_ppm=400,
)
ACCOUNT: Final = "main"
ACTOR: Final = "strategy:bench"
SETTINGS: Final = "system:settings"
MARK_TICKS: Final = 6_000_000
FAR_TICKS: Final = 5_900_000
LOTS: Final = 100
START_NS: Final = 1_700_000_000 * 10**9
WIDE: Final = 10**12
QUOTE: Final = ((MARK_TICKS - 1, WIDE), (MARK_TICKS + 1, WIDE))
STRATEGY: Final = "bench"

LIMITS: Final[tuple[Limits, ...]] = (
    InstrumentLimits(
        instrument=BTC.instrument,
        enabled=True,
        max_quantity_lots=WIDE,
        max_value_nanos=2**62,
        collar_bps=500,
        reference_max_age_ns=3_600 * 10**9,
        short_sale=ShortSale.FREE,
        session_close_ns=DAY_NS,
        max_day_lots=2**62,
        messages_per_second=1_000_000,
        message_burst=1_000_000,
        max_impact_percent=100,
    ),
    FirmLimits(
        max_open_value_nanos=2**62, max_open_orders=1_000_000, messages_per_second=1_000_000, message_burst=1_000_000
    ),
    PortLimits(port=OWN_PORT, enabled=True, messages_per_second=1_000_000, message_burst=1_000_000),
    StrategyLimits(
        strategy=STRATEGY,
        enabled=True,
        max_open_value_nanos=2**62,
        max_executions=2**62,
        messages_per_second=1_000_000,
        message_burst=1_000_000,
    ),
    AccountLimits(
        account=ACCOUNT,
        enabled=True,
        max_open_value_nanos=2**62,
        max_open_orders=1_000_000,
        messages_per_second=1_000_000,
        message_burst=1_000_000,
        market_orders_allowed=True,
        max_consecutive_rejects=1_000,
        max_daily_loss_nanos=2**62,
        max_drawdown_nanos=2**62,
    ),
    PositionLimits(account=ACCOUNT, instrument=BTC.instrument, max_long_lots=WIDE, max_short_lots=WIDE),
)
"""Every check is on; none of them fires."""


class PaperTrading:
    """One account, one instrument, a deep book. Each call is one order's whole life, and checks that it was one."""

    def __init__(self, max_working_orders: int = 65_536, make: Callable[[RiskGate], Engine] | None = None) -> None:
        """``make``: an engine of another class."""
        self.gate = hot.Gate(max_instruments=16, max_accounts=4, max_working_orders=max_working_orders)
        self.engine = make(self.gate) if make else Engine(self.gate, max_instruments=16, max_accounts=4)
        self.venue = PaperSession(BTC.venue, [BTC])
        self.now_ns = START_NS
        self._request_ids = request_ids()
        for command in openings(self._request_ids):
            self._step(command)
        self.venue.receive(deep_book(self.now_ns), self.now_ns)

    def market_orders(self, count: int) -> None:
        """Submit, gate, accept, fill, position: buys and sells in turn."""
        for number in range(count):
            self._trade(submission(next(self._request_ids), Side.SELL if number & 1 else Side.BUY, None))
        self._check_filled()

    def market_buys(self, count: int) -> None:
        """The same beside own bids, which a sale would have to trade with."""
        for _ in range(count):
            self._trade(submission(next(self._request_ids), Side.BUY, None))

    def _check_filled(self) -> None:
        position = self.engine.state.position(ACCOUNT, BTC.instrument)
        if position is None or position.traded_value_nanos == 0 or self.venue.working_orders:
            raise AssertionError("the orders were not filled")

    def limits_and_cancels(self, count: int) -> None:
        """Submit far from the market, gate, accept; then cancel, cancelled."""
        for _ in range(count):
            order_id = self._trade(submission(next(self._request_ids), Side.BUY, FAR_TICKS))
            self._trade(CancelOrder(request_id=next(self._request_ids), actor=ACTOR, order_id=order_id))
        if self.engine.state.working_orders() or self.venue.working_orders:
            raise AssertionError("the orders were not cancelled")

    def rest(self, count: int, price_ticks: int) -> None:
        """Submit far from the market, gate, accept; they stay."""
        for number in range(count):
            self._trade(submission(next(self._request_ids), Side.BUY, price_ticks - number % 1_000))

    def _trade(self, command: Command) -> int:
        """The order's id."""
        self.now_ns += 1_000
        (event,) = self._step(command)
        if not isinstance(event, OrderSubmitted | CancelRequested):
            raise AssertionError(event)  # noqa: TRY004 - not a wrong type: a refusal, which must not happen here
        self.venue.send(event, self.now_ns)
        for report in self.venue.due(self.now_ns):
            self.engine.step(Input(self.now_ns, report))
        return event.order_id

    def _step(self, command: Command) -> Sequence[Event]:
        marks = (Mark(BTC.instrument, self.now_ns, MARK_TICKS, *QUOTE),) if isinstance(command, SubmitOrder) else ()
        return self.engine.step(Input(self.now_ns, command, marks))


def submission(request_id: str, side: Side, price_ticks: int | None) -> SubmitOrder:
    """A market order, or with a price a limit order."""
    return SubmitOrder(
        request_id=request_id,
        actor=ACTOR,
        account=ACCOUNT,
        strategy=STRATEGY,
        instrument=BTC.instrument,
        side=side,
        order_type=OrderType.MARKET if price_ticks is None else OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity_lots=LOTS,
        price_ticks=price_ticks,
    )


def deep_book(time_ns: int) -> BookUpdate:
    """One level a side that no session takes up."""
    bids, asks = ((MARK_TICKS - 1, WIDE),), ((MARK_TICKS + 1, WIDE),)
    return BookUpdate(BTC.instrument, time_ns, bids, asks, snapshot=True)


def openings(request_ids: Iterator[str]) -> Iterator[RegisterInstrument | SetLimits]:
    """What makes a fresh engine ready to trade."""
    yield RegisterInstrument(request_id=next(request_ids), actor=SETTINGS, instrument=BTC)
    for limits in LIMITS:
        yield SetLimits(request_id=next(request_ids), actor=SETTINGS, limits=limits, revision=0)


def request_ids() -> Iterator[str]:
    return (f"r{number}" for number in itertools.count(1))
