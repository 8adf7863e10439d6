"""NautilusTrader's risk engine judging orders: a cash account with a million dollars, one equity, nothing behind it."""

# mypy: ignore-errors
# The peer is optional and its compiled classes have no types.

from __future__ import annotations

from collections.abc import Callable
from time import process_time_ns

from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import AccountId, StrategyId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.risk.config import RiskEngineConfig
from nautilus_trader.risk.engine import RiskEngine
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.execution import TestExecStubs

PEER_ORDERS = 2_000


def nautilus() -> Callable[[], float]:
    """A round: nanoseconds of CPU per RiskEngine.execute()."""
    clock, trader, strategy = TestClock(), TraderId("B-1"), StrategyId("S-1")
    bus, cache = MessageBus(trader, clock), Cache()
    config = RiskEngineConfig(max_order_submit_rate="1000000000/00:00:01")
    engine = RiskEngine(Portfolio(bus, cache, clock), bus, cache, clock, config)
    passed: list[object] = []
    bus.register("ExecEngine.execute", passed.append)
    instrument = TestInstrumentProvider.equity("AAPL", "XNAS")
    cache.add_instrument(instrument)
    cache.add_account(TestExecStubs.cash_account(AccountId("XNAS-001")))
    engine.start()
    orders = OrderFactory(trader, strategy, clock)

    def run() -> float:
        passed.clear()
        price, quantity = Price.from_str("100.00"), Quantity.from_int(10)
        commands = [
            SubmitOrder(trader, strategy, orders.limit(instrument.id, OrderSide.BUY, quantity, price), UUID4(), 0)
            for _ in range(PEER_ORDERS)
        ]
        begin = process_time_ns()
        for command in commands:
            engine.execute(command)
        spent = process_time_ns() - begin
        if len(passed) != PEER_ORDERS:
            raise RuntimeError(f"NautilusTrader let {len(passed)} of {PEER_ORDERS} orders pass")
        return spent / PEER_ORDERS

    return run
