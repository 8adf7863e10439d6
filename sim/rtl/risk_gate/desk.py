"""A gate with roomy limits, and orders that pass it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from meltica.hot import layout_gen as lay
from meltica.hot.intent_twin import OrderIntent
from meltica.hot.layout_gen import Action, Mark, SelfMatch, ShortSale, Side
from sim.rtl.risk_gate.harness import Bench

T = 1_700_000_000_000_000_000
RATE = {"messages_per_second": 10**9, "message_burst": 2**31 - 1}
MOST = 2**63 - 1


def record(record_class: type[lay.Record], **values: int) -> Any:
    """With 0 in every field that has no value."""
    names = {one.name for one in fields(record_class)} - {"type_id"}
    return record_class(**(dict.fromkeys(names, 0) | values))


class Desk:
    def __init__(self, bench: Bench) -> None:
        self.bench, self.last_order_id, self.now = bench, 0, T
        shape = bench.shape
        self.accounts = range(min(2, shape["Accounts"]))
        self.instruments = range(min(3, shape["Instruments"]))

    async def open(self) -> None:
        shape = self.bench.shape
        self.firm()
        for number in range(min(2, shape["Ports"])):
            self.tell(lay.PortLimitsRecord, port_id=number, enabled=1, **RATE)
            self.tell(lay.MarkRecord, mark=Mark.CONNECTED, on=1, id=number)
        for number in range(min(2, shape["Strategies"])):
            self.strategy(number)
        for number in self.accounts:
            self.account(number)
        for number in self.instruments:
            self.instrument(number)
            self.tell(lay.ReferencePriceRecord, instrument_id=number, price_ticks=10_000, time_ns=T)
            for account in self.accounts:
                self.position(account, number)
        await self.bench.drain()

    def tell(self, record_class: type[lay.Record], **values: int) -> None:
        self.bench.told.append(record(record_class, **values).to_bytes())

    def firm(self, **changes: int) -> None:
        self.tell(lay.FirmLimitsRecord, **(RATE | {"max_open_orders": 10**6, "max_open_value_nanos": MOST} | changes))

    def strategy(self, number: int = 0, **changes: int) -> None:
        usual = {"strategy_id": number, "enabled": 1, "max_open_value_nanos": MOST, "max_executions": 10**9}
        self.tell(lay.StrategyLimitsRecord, **(RATE | usual | changes))

    def account(self, number: int = 0, **changes: int) -> None:
        usual = {
            "account_id": number,
            "enabled": 1,
            "market_orders_allowed": 1,
            "iso_allowed": 1,
            "short_exempt_allowed": 1,
            "self_match": SelfMatch.CANCEL_OLDEST,
            "self_match_group": number,
            "max_open_orders": 10**6,
            "max_consecutive_rejects": 3,
            "max_open_value_nanos": MOST,
            "max_daily_loss_nanos": 1_000,
            "max_drawdown_nanos": 2_000,
        }
        self.tell(lay.AccountLimitsRecord, **(RATE | usual | changes))

    def instrument(self, number: int = 0, **changes: int) -> None:
        usual = {
            "instrument_id": number,
            "enabled": 1,
            "short_sale": ShortSale.FREE,
            "collar_bps": 1_000,
            "value_per_tick_lot_nanos": self.bench.unit_nanos,
            "max_price_ticks": 20_000,
            "max_quantity_lots": 1_000,
            "max_value_nanos": MOST,
            "reference_max_age_ns": 10**12,
            "session_close_ns": 2**64 - 1,
            "max_day_lots": 2**62,
        }
        self.tell(lay.InstrumentLimitsRecord, **(RATE | usual | changes))

    def position(self, account: int = 0, number: int = 0, **changes: int) -> None:
        usual = {"account_id": account, "instrument_id": number, "max_long_lots": 2**46, "max_short_lots": 2**46}
        self.tell(lay.PositionLimitsRecord, **(usual | changes))

    def order(self, **changes: Any) -> bytes:
        """IOC, so that it doesn't stay among the own working orders."""
        self.last_order_id += 1
        self.now += 1
        usual: dict[str, Any] = {
            "action": Action.NEW,
            "side": Side.BUY,
            "instrument_id": 0,
            "account_id": 0,
            "strategy_id": 0,
            "port_id": 0,
            "order_id": self.last_order_id,
            "quantity_lots": 10,
            "price_ticks": 10_000,
            "time_ns": self.now,
            "tif": lay.TimeInForce.IOC,
        }
        return OrderIntent(**(usual | changes)).to_bytes()
