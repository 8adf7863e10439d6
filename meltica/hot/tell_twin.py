"""What each record that is no order changes in the gate's tables, in Python. A bad value changes nothing."""

import struct
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from meltica.hot import layout_gen as lay
from meltica.hot.bounds import Bounds
from meltica.hot.layout_gen import BURST_BOUND, COLLAR_BPS_BOUND, LOTS_BOUND, Breaker, Mark, Side
from meltica.hot.own_book_twin import OwnBook, WorkingOrder
from meltica.hot.rows_twin import (
    ACCOUNT_BREAKERS,
    INT64_MAX,
    UINT32_MAX,
    AccountRow,
    FirmRow,
    InstrumentRow,
    PortRow,
    PositionRow,
    StrategyRow,
    saturated,
)


def within(name: str, value: int, low: int, high: int) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not low <= value <= high:
        raise ValueError(f"{name} {value} is not within {low}..{high}")
    return int(value)


def normal(record: lay.Record) -> lay.Record:
    """As it would arrive on a wire; ValueError when a value does not fit its field."""
    try:
        return lay.read_record(record.to_bytes())
    except struct.error as error:
        raise ValueError(f"{type(record).__name__}: {error}") from None


class Tables:
    """The rows, and the one door through which they change without an order."""

    def __init__(
        self, max_instruments: int, max_accounts: int, max_strategies: int, max_working_orders: int, bounds: Bounds
    ) -> None:
        self.bounds = bounds
        self.killed = False
        self.lease_until_ns = 0
        self.faults = 0
        self.firms = [FirmRow()]
        self.instruments = [InstrumentRow() for _ in range(max_instruments)]
        self.accounts = [AccountRow() for _ in range(max_accounts)]
        self.strategies = [StrategyRow() for _ in range(max_strategies)]
        self.ports = [PortRow() for _ in range(bounds.ports)]
        self.positions: dict[tuple[int, int], PositionRow] = {}
        self.own_book = OwnBook(max_working_orders)

    def tell(self, record: lay.Record) -> None:
        record = normal(record)
        handler = _HANDLERS.get(record.type_id)
        if handler is None:
            raise ValueError(f"{type(record).__name__} is no record of the gate's")
        handler(self, record)

    # --- rows ---

    @property
    def firm(self) -> FirmRow:
        return self.firms[0]

    def instrument(self, instrument_id: int) -> InstrumentRow:
        return self.instruments[within("instrument_id", instrument_id, 0, len(self.instruments) - 1)]

    def account(self, account_id: int) -> AccountRow:
        return self.accounts[within("account_id", account_id, 0, len(self.accounts) - 1)]

    def strategy(self, strategy_id: int) -> StrategyRow:
        return self.strategies[within("strategy_id", strategy_id, 0, len(self.strategies) - 1)]

    def port(self, port_id: int) -> PortRow:
        return self.ports[within("port_id", port_id, 0, len(self.ports) - 1)]

    def position(self, account_id: int, instrument_id: int) -> PositionRow:
        self.account(account_id)
        self.instrument(instrument_id)
        return self.positions.setdefault((account_id, instrument_id), PositionRow())

    # --- limits ---

    def take_instrument_limits(self, told: lay.InstrumentLimitsRecord) -> None:
        row = self.instrument(told.instrument_id)
        flags(told, "enabled", "restricted")
        within("short_sale", told.short_sale, 0, max(lay.ShortSale))
        within("collar_bps", told.collar_bps, 0, COLLAR_BPS_BOUND)
        within("message_burst", told.message_burst, 0, BURST_BOUND)
        not_negative(told, "value_per_tick_lot_nanos", "max_price_ticks", "max_quantity_lots", "max_value_nanos")
        not_negative(told, "max_day_lots")
        if (unit := self.bounds.value_per_tick_lot_nanos) != 0:
            within("value_per_tick_lot_nanos", told.value_per_tick_lot_nanos, unit, unit)
        if told.value_per_tick_lot_nanos != row.value_per_tick_lot_nanos and self._has_open_lots(told.instrument_id):
            raise ValueError("value_per_tick_lot_nanos cannot change while lots are open in the instrument")
        take_over(row, told)

    def _has_open_lots(self, instrument_id: int) -> bool:
        return any(
            row.open_buy_lots or row.open_sell_lots
            for (_, instrument), row in self.positions.items()
            if instrument == instrument_id
        )

    def take_account_limits(self, told: lay.AccountLimitsRecord) -> None:
        row = self.account(told.account_id)
        flags(told, "enabled", "market_orders_allowed", "iso_allowed", "short_exempt_allowed")
        modes = lay.SelfMatch
        within("self_match", told.self_match, 0, modes.DECREMENT if self.bounds.decrement else modes.CANCEL_BOTH)
        within("message_burst", told.message_burst, 0, BURST_BOUND)
        not_negative(told, "max_open_value_nanos", "max_daily_loss_nanos", "max_drawdown_nanos")
        take_over(row, told)

    def take_position_limits(self, told: lay.PositionLimitsRecord) -> None:
        row = self.position(told.account_id, told.instrument_id)
        for name in ("max_long_lots", "max_short_lots", "located_lots"):
            within(name, getattr(told, name), 0, LOTS_BOUND)
        most = self.bounds.limit_lots
        row.max_long_lots, row.max_short_lots = min(most, told.max_long_lots), min(most, told.max_short_lots)
        row.located_lots = min(most, told.located_lots)

    def take_firm_limits(self, told: lay.FirmLimitsRecord) -> None:
        within("message_burst", told.message_burst, 0, BURST_BOUND)
        not_negative(told, "max_open_value_nanos")
        take_over(self.firm, told)

    def take_strategy_limits(self, told: lay.StrategyLimitsRecord) -> None:
        row = self.strategy(told.strategy_id)
        flags(told, "enabled")
        within("message_burst", told.message_burst, 0, BURST_BOUND)
        not_negative(told, "max_open_value_nanos")
        take_over(row, told)

    def take_port_limits(self, told: lay.PortLimitsRecord) -> None:
        flags(told, "enabled")
        within("message_burst", told.message_burst, 0, BURST_BOUND)
        take_over(self.port(told.port_id), told)

    def take_credit(self, told: lay.CreditRecord) -> None:
        within("scope", told.scope, 1, max(lay.CreditScope))
        if told.scope == lay.CreditScope.FIRM:
            within("id", told.id, 0, 0)
        rows = {lay.CreditScope.ACCOUNT: self.account, lay.CreditScope.STRATEGY: self.strategy}
        row = rows[lay.CreditScope(told.scope)](told.id) if told.scope in rows else self.firm
        row.credit_nanos = saturated(row.credit_nanos + told.delta_nanos)

    # --- the market, switches and the clock ---

    def take_reference_price(self, told: lay.ReferencePriceRecord) -> None:
        row = self.instrument(told.instrument_id)
        within("price_ticks", told.price_ticks, 0, self.bounds.ticks)
        row.reference_price_ticks, row.reference_time_ns = told.price_ticks, told.time_ns

    def take_quote(self, told: lay.QuoteRecord) -> None:
        row = self.instrument(told.instrument_id)
        for side in ("bid", "ask"):
            lots = within(f"{side}_lots", getattr(told, f"{side}_lots"), 0, self.bounds.told_lots)
            within(f"{side}_ticks", getattr(told, f"{side}_ticks"), 1 if lots else 0, self.bounds.ticks)
        row.bid_lots, row.bid_ticks = told.bid_lots, told.bid_ticks if told.bid_lots else 0
        row.ask_lots, row.ask_ticks = told.ask_lots, told.ask_ticks if told.ask_lots else 0

    def take_price_band(self, told: lay.PriceBandRecord) -> None:
        row = self.instrument(told.instrument_id)
        within("high_ticks", told.high_ticks, 0, self.bounds.ticks)
        row.low_ticks, row.high_ticks = within("low_ticks", told.low_ticks, 0, told.high_ticks), told.high_ticks

    def take_mark(self, told: lay.MarkRecord) -> None:
        flags(told, "on")
        mark = Mark(within("mark", told.mark, 1, max(Mark)))
        rows: dict[Mark, Callable[[int], Any]] = {Mark.MISMATCHED: self.account, Mark.CONNECTED: self.port}
        row = rows.get(mark, self.instrument)(told.id)
        setattr(row, mark.name.lower(), told.on)

    def take_kill(self, told: lay.KillRecord) -> None:
        flags(told, "engage")
        if within("scope", told.scope, 1, max(lay.KillScope)) == lay.KillScope.GLOBAL:
            within("id", told.id, 0, 0)
            self.killed = bool(told.engage)
        else:
            self.switchable(told.scope, told.id).killed = told.engage

    def switchable(self, scope: int, number: int) -> Any:
        """The row that a kill switch of this scope belongs to."""
        return {
            lay.KillScope.ACCOUNT: self.account,
            lay.KillScope.STRATEGY: self.strategy,
            lay.KillScope.PORT: self.port,
            lay.KillScope.INSTRUMENT: self.instrument,
        }[lay.KillScope(scope)](number)

    def take_lease(self, told: lay.LeaseRecord) -> None:
        self.lease_until_ns = told.until_ns

    def take_day_reset(self, told: lay.DayResetRecord) -> None:
        del told
        for instrument in self.instruments:
            instrument.day_lots = 0
        for account in self.accounts:
            account.pnl_nanos = account.high_water_nanos = 0
        for port in self.ports:
            port.last_order_id = 0

    # --- breakers ---

    def take_profit_and_loss(self, told: lay.ProfitAndLossRecord) -> None:
        row = self.account(told.account_id)
        row.pnl_nanos = told.pnl_nanos
        row.high_water_nanos = max(row.high_water_nanos, told.pnl_nanos)
        row.trip_if_violated(Breaker.DAILY_LOSS, told.time_ns)
        row.trip_if_violated(Breaker.DRAWDOWN, told.time_ns)

    def take_outcome(self, told: lay.OutcomeRecord) -> None:
        row = self.account(told.account_id)
        flags(told, "rejected")
        row.rejects_in_a_row = min(UINT32_MAX, row.rejects_in_a_row + 1) if told.rejected else 0
        row.trip_if_violated(Breaker.CONSECUTIVE_REJECTS, told.time_ns)

    def take_rearm(self, told: lay.RearmRecord) -> None:
        breaker = Breaker(within("breaker", told.breaker, 1, max(Breaker)))
        if breaker not in ACCOUNT_BREAKERS:
            strategy = self.strategy(told.id)
            strategy.latched = strategy.executions = 0
            return
        row = self.account(told.id)
        row.latched &= ~(1 << breaker)
        if breaker == Breaker.DRAWDOWN:
            row.high_water_nanos = row.pnl_nanos
        if breaker == Breaker.CONSECUTIVE_REJECTS:
            row.rejects_in_a_row = 0
        row.trip_if_violated(breaker, told.time_ns)

    # --- what became of passed orders ---

    def take_fill(self, told: lay.FillRecord) -> None:
        within("quantity_lots", told.quantity_lots, 1, self.bounds.told_lots)
        strategy = self.strategy(told.strategy_id)
        self._check_settlement(told)
        signed = told.quantity_lots if told.side == Side.BUY else -told.quantity_lots
        self.take_adjust(lay.AdjustRecord(told.account_id, told.instrument_id, signed))
        strategy.executions += 1
        if 0 < strategy.max_executions <= strategy.executions:
            strategy.latched = 1
        self._settle(told)

    def take_release(self, told: lay.ReleaseRecord) -> None:
        within("quantity_lots", told.quantity_lots, 0, self.bounds.told_lots)
        self.strategy(told.strategy_id)
        self._check_settlement(told)
        self._settle(told)

    def _check_settlement(self, told: lay.FillRecord | lay.ReleaseRecord) -> None:
        self.position(told.account_id, told.instrument_id)
        within("side", told.side, Side.BUY, Side.SELL)
        within("reserved_price_ticks", told.reserved_price_ticks, 0, self.bounds.ticks)
        flags(told, "closes")

    def _settle(self, told: lay.FillRecord | lay.ReleaseRecord) -> None:
        """Lots are open no longer."""
        position, instrument = self.position(told.account_id, told.instrument_id), self.instrument(told.instrument_id)
        value = min(told.reserved_price_ticks * told.quantity_lots * instrument.value_per_tick_lot_nanos, INT64_MAX)
        held = position.open_lots(told.side)
        position.add_open_lots(told.side, self._take(held, told.quantity_lots) - held)
        rows = (self.account(told.account_id), self.firm)
        for row in (*rows, self.strategy(told.strategy_id)):
            row.open_value_nanos = self._take(row.open_value_nanos, value)
        for counted in rows:
            counted.open_orders = self._take(counted.open_orders, told.closes)
        if (order := self.own_book.get(told.order_id)) is not None:
            if order.keys == (told.account_id, told.instrument_id, told.side):
                self.own_book.lessen(told.order_id, told.quantity_lots, closes=bool(told.closes))
            else:
                self.faults += 1

    def _take(self, stock: int, amount: int) -> int:
        """Never below 0: taking more than is there is a fault of the books, and is counted."""
        if amount > stock:
            self.faults += 1
            return 0
        return stock - amount

    def take_reserve(self, told: lay.ReserveRecord) -> None:
        position, account = self.position(told.account_id, told.instrument_id), self.account(told.account_id)
        lots = within("quantity_lots", told.quantity_lots, 0, self.bounds.told_lots)
        within("side", told.side, Side.BUY, Side.SELL)
        price = within("reserved_price_ticks", told.reserved_price_ticks, 0, self.bounds.ticks)
        flags(told, "opens")
        unit = self.instrument(told.instrument_id).value_per_tick_lot_nanos
        value = within("value", price * lots * unit, 0, INT64_MAX - 1)
        rows = (account, self.firm, self.strategy(told.strategy_id))
        values = [within("open value", row.open_value_nanos + value, 0, INT64_MAX) for row in rows]
        within("open lots", position.open_lots(told.side) + lots, 0, self.bounds.open_lots)
        self._put_back(told)
        position.add_open_lots(told.side, lots)
        for row, open_value in zip(rows, values, strict=True):
            row.open_value_nanos = open_value
        account.open_orders += told.opens
        self.firm.open_orders += told.opens

    def _put_back(self, told: lay.ReserveRecord) -> None:
        """Among the own working orders, if it has an id, a price and lots; ValueError when there is no place for it."""
        if told.order_id == 0 or told.reserved_price_ticks == 0 or told.quantity_lots == 0:
            return
        keys = (told.account_id, told.instrument_id, told.side)
        order = self.own_book.get(told.order_id)
        if order is not None and order.keys != keys:
            raise ValueError(f"order_id {told.order_id} works for another account, instrument or side")
        if order is None and self.own_book.is_full:
            raise ValueError(f"{self.own_book.capacity} orders work already: max_working_orders")
        leaves = told.quantity_lots + (order.leaves_lots if order else 0)
        within("leaves", leaves, 1, self.bounds.told_lots)
        self.own_book.put(WorkingOrder(told.order_id, *keys, told.reserved_price_ticks, leaves))

    def take_adjust(self, told: lay.AdjustRecord) -> None:
        row, bounds = self.position(told.account_id, told.instrument_id), self.bounds
        within("delta_lots", told.delta_lots, -bounds.adjust_lots, bounds.adjust_lots)
        position = row.position_lots + told.delta_lots
        row.position_lots = within("position", position, -bounds.position_lots, bounds.position_lots)


def flags(told: Any, *names: str) -> None:
    for name in names:
        within(name, getattr(told, name), 0, 1)


def not_negative(told: Any, *names: str) -> None:
    for name in names:
        within(name, getattr(told, name), 0, INT64_MAX)


def take_over(row: Any, told: Any) -> None:
    """Every field that the row shares with the record of its limits."""
    row.set_rate(told.messages_per_second, told.message_burst)
    shared = {one.name for one in fields(row)} & {one.name for one in fields(told)}
    for name in shared:
        setattr(row, name, getattr(told, name))


_HANDLERS: dict[int, Callable[[Tables, Any], None]] = {
    lay.InstrumentLimitsRecord.TYPE_ID: Tables.take_instrument_limits,
    lay.AccountLimitsRecord.TYPE_ID: Tables.take_account_limits,
    lay.PositionLimitsRecord.TYPE_ID: Tables.take_position_limits,
    lay.FirmLimitsRecord.TYPE_ID: Tables.take_firm_limits,
    lay.StrategyLimitsRecord.TYPE_ID: Tables.take_strategy_limits,
    lay.PortLimitsRecord.TYPE_ID: Tables.take_port_limits,
    lay.CreditRecord.TYPE_ID: Tables.take_credit,
    lay.ReferencePriceRecord.TYPE_ID: Tables.take_reference_price,
    lay.QuoteRecord.TYPE_ID: Tables.take_quote,
    lay.PriceBandRecord.TYPE_ID: Tables.take_price_band,
    lay.MarkRecord.TYPE_ID: Tables.take_mark,
    lay.KillRecord.TYPE_ID: Tables.take_kill,
    lay.LeaseRecord.TYPE_ID: Tables.take_lease,
    lay.DayResetRecord.TYPE_ID: Tables.take_day_reset,
    lay.ProfitAndLossRecord.TYPE_ID: Tables.take_profit_and_loss,
    lay.OutcomeRecord.TYPE_ID: Tables.take_outcome,
    lay.RearmRecord.TYPE_ID: Tables.take_rearm,
    lay.FillRecord.TYPE_ID: Tables.take_fill,
    lay.ReleaseRecord.TYPE_ID: Tables.take_release,
    lay.ReserveRecord.TYPE_ID: Tables.take_reserve,
    lay.AdjustRecord.TYPE_ID: Tables.take_adjust,
}
