"""NautilusTrader's backtest engine doing the same orders: `python -m bench.peers.nautilus market|cancel COUNT`.

A process of its own, so that neither side pays for the other's objects. Prints microseconds of CPU per order: the run
with orders less the run of the same quotes without.
"""

# mypy: ignore-errors
# The peer is optional and its compiled classes have no types.

from __future__ import annotations

import sys
from decimal import Decimal
from time import process_time_ns

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.events import OrderAccepted, OrderCanceled, OrderFilled
from nautilus_trader.model.identifiers import TraderId, Venue
from nautilus_trader.model.objects import Money
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

INSTRUMENT = TestInstrumentProvider.btcusdt_binance()
START_NS = 1_700_000_000 * 10**9
STEP_NS = 1_000_000_000


class OneOrderAQuote(Strategy):
    """One order at each quote; with ``cancel`` a limit order far away that is cancelled once it is accepted."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.sent, self.ended = kind, 0, 0
        self.quantity = INSTRUMENT.make_qty(Decimal("0.001"))
        self.far = INSTRUMENT.make_price(Decimal(59_000))

    def on_start(self) -> None:
        self.subscribe_quote_ticks(INSTRUMENT.id)

    def on_quote_tick(self, _tick: QuoteTick) -> None:
        if self.kind == "none":
            return
        self.sent += 1
        if self.kind == "market":
            side = OrderSide.BUY if self.sent % 2 else OrderSide.SELL
            order = self.order_factory.market(INSTRUMENT.id, side, self.quantity)
        else:
            order = self.order_factory.limit(INSTRUMENT.id, OrderSide.BUY, self.quantity, self.far)
        self.submit_order(order)

    def on_order_accepted(self, event: OrderAccepted) -> None:
        if self.kind == "cancel":
            self.cancel_order(self.cache.order(event.client_order_id))

    def on_order_filled(self, _event: OrderFilled) -> None:
        self.ended += 1

    def on_order_canceled(self, _event: OrderCanceled) -> None:
        self.ended += 1


def quotes(count: int) -> list[QuoteTick]:
    bid, ask = INSTRUMENT.make_price(Decimal(60_000)), INSTRUMENT.make_price(Decimal("60000.01"))
    size = INSTRUMENT.make_qty(Decimal(100))
    return [
        QuoteTick(INSTRUMENT.id, bid, ask, size, size, START_NS + n * STEP_NS, START_NS + n * STEP_NS)
        for n in range(count)
    ]


def cpu_ns(kind: str, count: int) -> int:
    engine = BacktestEngine(BacktestEngineConfig(trader_id=TraderId("B-1"), logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("BINANCE"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=None,
        starting_balances=[Money(10_000_000, USDT), Money(100, BTC)],
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_data(quotes(count + 2))
    strategy = OneOrderAQuote(kind)
    engine.add_strategy(strategy)
    begin = process_time_ns()
    engine.run()
    spent = process_time_ns() - begin
    if kind != "none" and strategy.ended < count:
        raise AssertionError(f"{strategy.ended} of {count} orders ended")
    engine.dispose()
    return spent


def main() -> None:
    kind, count = sys.argv[1], int(sys.argv[2])
    with_orders, without = cpu_ns(kind, count), cpu_ns("none", count)
    print((with_orders - without) / 1000 / count)


if __name__ == "__main__":
    main()
