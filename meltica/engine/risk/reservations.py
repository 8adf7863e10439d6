"""What the gate holds for working orders, kept in sums as well: no question about it looks at every order."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import filterfalse

from meltica.domain.instrument import Instrument
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order, Side
from meltica.hot import LOTS_BOUND


class Reservations:
    """The working orders (those for which the gate holds something), and sums over them."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = instruments
        self._orders: dict[int, Order] = {}
        self._lots: dict[tuple[str, str, Side], int] = {}
        self._value_nanos: dict[str, int] = {}
        self.reducing: dict[tuple[str, str, Side], dict[int, Order]] = {}
        """By account, instrument and side, where there are any: those that are reduce-only."""

    def hold(self, order: Order, lots: int, price_ticks: int) -> None:
        """From now on this much is held for the order; 0 lots end it."""
        held, account = order.reserved_lots, order.account
        if lots != held:
            key = account, order.instrument, order.side
            self._lots[key] = self._lots.get(key, 0) + lots - held
        if value := lots * price_ticks - held * order.reserved_price_ticks:
            value *= self._instruments[order.instrument].value_per_tick_lot_nanos
            self._value_nanos[account] = self._value_nanos.get(account, 0) + value
        order.reserved_lots, order.reserved_price_ticks = lots, price_ticks
        if lots > 0:
            self._orders[order.order_id] = order
        elif held > 0:
            self._orders.pop(order.order_id, None)
        if order.reduce_only:
            self._reduces(order)

    def restore(self, order: Order) -> None:
        """An order of a snapshot, which already says what is held."""
        if order.reserved_lots > 0:
            self._add(order, 1)
            self._orders[order.order_id] = order
            if order.reduce_only:
                self._reduces(order)

    def _reduces(self, order: Order) -> None:
        key = order.account, order.instrument, order.side
        if order.reserved_lots > 0:
            self.reducing.setdefault(key, {})[order.order_id] = order
        elif (found := self.reducing.get(key)) is not None:
            found.pop(order.order_id, None)
            if not found:
                del self.reducing[key]

    def _add(self, order: Order, sign: int) -> None:
        if order.reserved_lots == 0:
            return
        key = order.account, order.instrument, order.side
        self._lots[key] = self._lots.get(key, 0) + sign * order.reserved_lots
        value = sign * self._value(order.instrument, order.reserved_lots, order.reserved_price_ticks)
        self._value_nanos[order.account] = self._value_nanos.get(order.account, 0) + value

    def _value(self, instrument: str, lots: int, price_ticks: int) -> int:
        return lots * price_ticks * self._instruments[instrument].value_per_tick_lot_nanos

    def __len__(self) -> int:
        return len(self._orders)

    def working(self) -> dict[int, Order]:
        """A copy, by id; in no order."""
        return self._orders.copy()

    def orders(self) -> list[Order]:
        """Oldest first, whatever happened to them since: the same after a recovery."""
        return [self._orders[order_id] for order_id in sorted(self._orders)]

    def of(self, account: str, but: AbstractSet[int]) -> list[Order]:
        """Those of an account that have none of these ids, oldest first. A few milliseconds for 100,000."""
        left = (self._orders[name] for name in filterfalse(but.__contains__, self._orders))
        return sorted((order for order in left if order.account == account), key=lambda order: order.order_id)

    def lots(self, account: str, instrument: str, side: Side) -> int:
        """Lots held for the account's orders on one side of an instrument."""
        return self._lots.get((account, instrument, side), 0)

    def fits(self, order: Order, lots: int, price_ticks: int) -> bool:
        """Could the gate's registers hold this much for the order, beside all that they hold for its account?"""
        others_lots = self.lots(order.account, order.instrument, order.side) - order.reserved_lots
        own_value = self._value(order.instrument, order.reserved_lots, order.reserved_price_ticks)
        others_value = self._value_nanos.get(order.account, 0) - own_value
        value = self._value(order.instrument, lots, price_ticks)
        return others_lots + lots <= LOTS_BOUND and others_value + value <= INT64_MAX
