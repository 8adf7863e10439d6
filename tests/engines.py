"""Engines that are ready to trade, for tests: one instrument, one account, limits wide open unless a test says less."""

from __future__ import annotations

import itertools
from decimal import Decimal
from types import ModuleType
from typing import Any

from meltica import hot
from meltica.domain.commands import RegisterInstrument, SetLimits, SubmitOrder
from meltica.domain.events import Event
from meltica.domain.inputs import Input
from meltica.domain.instrument import Instrument
from meltica.domain.limits import (
    DAY_NS,
    MANUAL,
    OWN_PORT,
    AccountLimits,
    FirmLimits,
    InstrumentLimits,
    Limits,
    PortLimits,
    PositionLimits,
    SelfMatch,
    ShortSale,
    StrategyLimits,
    key_of,
)
from meltica.domain.market import Mark
from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderSubmitted
from meltica.engine.engine import Engine

BTC = "BTC/USDT@BINANCE"
SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND
MAX_INSTRUMENTS, MAX_ACCOUNTS = 16, 4
WIDE = 10**12
MARK_TICKS = 6_000_000


def instrument(name: str = BTC, handle: int = 1, **facts: Any) -> Instrument:
    defaults: dict[str, Any] = {
        "venue_symbol": "BTCUSDT",
        "quote_currency": "USDT",
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal("0.00001"),
        "max_price_ticks": 100_000_000,
        "max_quantity_lots": 1_000_000_000,
    }
    return Instrument(instrument=name, handle=handle, **{**defaults, **facts})


def wide_limits(name: str = BTC, account: str = "main", **limits: Any) -> tuple[Limits, ...]:
    """Every limit that an order in this instrument is judged by; wide open, but for those that are named."""
    return (
        InstrumentLimits(
            instrument=name,
            enabled=True,
            max_quantity_lots=limits.get("max_quantity_lots", WIDE),
            max_value_nanos=limits.get("max_value_nanos", 2**62),
            collar_bps=limits.get("collar_bps", 5_000),
            reference_max_age_ns=limits.get("reference_max_age_ns", SECOND),
            short_sale=limits.get("short_sale", ShortSale.FREE),
            session_open_ns=limits.get("session_open_ns", 0),
            session_close_ns=limits.get("session_close_ns", DAY_NS),
            max_day_lots=limits.get("max_day_lots", 2**62),
            messages_per_second=1_000_000,
            message_burst=1_000_000,
            max_impact_percent=limits.get("max_impact_percent", 0),
        ),
        FirmLimits(
            max_open_value_nanos=limits.get("firm_open_value_nanos", 2**63 - 1),
            max_open_orders=limits.get("firm_open_orders", 1_000_000),
            messages_per_second=1_000_000,
            message_burst=1_000_000,
        ),
        PortLimits(port=OWN_PORT, enabled=True, messages_per_second=1_000_000, message_burst=1_000_000),
        *(
            StrategyLimits(
                strategy=strategy,
                enabled=True,
                max_open_value_nanos=limits.get("strategy_open_value_nanos", 2**63 - 1),
                max_executions=limits.get("max_executions", 2**62),
                messages_per_second=1_000_000,
                message_burst=1_000_000,
            )
            for strategy in (MANUAL, *limits.get("strategies", ()))
        ),
        AccountLimits(
            account=account,
            enabled=True,
            max_open_value_nanos=limits.get("max_open_value_nanos", 2**62),
            max_open_orders=limits.get("max_open_orders", 1_000_000),
            messages_per_second=limits.get("messages_per_second", 1_000_000),
            message_burst=limits.get("message_burst", 1_000_000),
            duplicate_window_ns=limits.get("duplicate_window_ns", 0),
            market_orders_allowed=limits.get("market_orders_allowed", True),
            iso_allowed=limits.get("iso_allowed", True),
            short_exempt_allowed=limits.get("short_exempt_allowed", True),
            self_match=limits.get("self_match", SelfMatch.CANCEL_NEWEST),
            self_match_group=limits.get("self_match_group", 0),
            max_consecutive_rejects=limits.get("max_consecutive_rejects", 1_000_000),
            max_daily_loss_nanos=limits.get("max_daily_loss_nanos", 2**63 - 1),
            max_drawdown_nanos=limits.get("max_drawdown_nanos", 2**63 - 1),
            rearm_after_ns=limits.get("rearm_after_ns", 0),
        ),
        PositionLimits(
            account=account,
            instrument=name,
            max_long_lots=limits.get("max_long_lots", WIDE),
            max_short_lots=limits.get("max_short_lots", WIDE),
            located_lots=limits.get("located_lots", 0),
        ),
    )


class TestBench:
    """An engine, its clock and its only price; each call is one step."""

    __test__ = False

    def __init__(self, backend: str | ModuleType = "python", **limits: Any) -> None:
        module = hot.load(backend) if isinstance(backend, str) else backend
        self.backend = module
        self.gate = module.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
        self.engine = Engine(
            self.gate, max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS, intent=module.OrderIntent
        )
        self.now_ns = START_NS
        self.mark_ticks = MARK_TICKS
        self.history: list[tuple[Input, tuple[Event, ...]]] = []
        self._requests = itertools.count(1)
        self.open_up(instrument(), **limits)

    def open_up(self, traded: Instrument, account: str = "main", **limits: Any) -> None:
        self.step(RegisterInstrument(request_id=self.request(), actor="system:test", instrument=traded))
        name = traded.instrument
        for row in wide_limits(name, account, **limits):
            if key_of(row) not in self.engine.state.tables.limits:
                self.step(SetLimits(request_id=self.request(), actor="system:test", limits=row, revision=0))

    def request(self) -> str:
        return f"r{next(self._requests)}"

    def step(self, body: Any, *, after_ns: int = 1000) -> tuple[Event, ...]:
        self.now_ns += after_ns
        name = getattr(body, "instrument", BTC)
        name = name if isinstance(name, str) else name.instrument
        happened = Input(self.now_ns, body, (Mark(name, self.now_ns, self.mark_ticks),))
        events = self.engine.step(happened)
        self.history.append((happened, events))
        return events

    def submit(self, side: Side = Side.BUY, quantity_lots: int = 100, price_ticks: int | None = MARK_TICKS, **kw: Any):
        order = {
            "request_id": self.request(),
            "actor": "spiffe://meltica.example/person/tara",
            "account": "main",
            "strategy": "manual",
            "instrument": BTC,
            "order_type": OrderType.MARKET if price_ticks is None else OrderType.LIMIT,
            "time_in_force": TimeInForce.DAY if price_ticks is None else TimeInForce.GTC,
        }
        command = SubmitOrder(side=side, quantity_lots=quantity_lots, price_ticks=price_ticks, **{**order, **kw})
        return self.step(command)

    def submitted(self, *args: Any, **kw: Any) -> Order:
        (event,) = self.submit(*args, **kw)
        assert isinstance(event, OrderSubmitted), event
        return self.engine.state.tables.orders[event.order_id]
