"""What each account has earned since the trading day began, kept in sums: a fill or a price touches only what it moves.

Realised and unrealised, fees included, in nanos; instruments of several currencies are added up as they are, like the
limit on open value that they share.
"""

from __future__ import annotations

from collections.abc import Mapping

from meltica.domain.instrument import Instrument
from meltica.domain.position import Position


class Worth:
    """``update`` after a position has changed, ``reprice`` after a price has."""

    def __init__(
        self, instruments: Mapping[str, Instrument], prices: Mapping[str, int], day_start: Mapping[str, int]
    ) -> None:
        self._instruments = instruments
        self._prices = prices
        self._day_start = day_start
        self._holders: dict[str, dict[str, Position]] = {}
        """Instrument -> account -> position."""
        self._worth: dict[tuple[str, str], int] = {}
        self._total: dict[str, int] = {}

    def update(self, position: Position) -> bool:
        """Does the account's profit differ now?"""
        if (holders := self._holders.get(position.instrument)) is None:
            holders = self._holders[position.instrument] = {}
        holders[position.account] = position
        return self._revalue(position)

    def reprice(self, instrument: str) -> list[str]:
        """Accounts whose profit differs now."""
        holders = self._holders.get(instrument)
        if holders is None:
            return []
        return [position.account for position in holders.values() if self._revalue(position)]

    def held(self) -> list[str]:
        """Instruments in which anybody holds anything."""
        return [name for name, holders in self._holders.items() if any(p.lots for p in holders.values())]

    def total_nanos(self, account: str) -> int:
        """Since the first entry of the journal."""
        return self._total.get(account, 0)

    def day_nanos(self, account: str) -> int:
        return self._total.get(account, 0) - self._day_start.get(account, 0)

    def _revalue(self, position: Position) -> bool:
        key = position.account, position.instrument
        worth = position.realised_nanos - position.fees_nanos
        if position.lots != 0 and (price := self._prices.get(position.instrument)) is not None:
            unit = self._instruments[position.instrument].value_per_tick_lot_nanos
            worth += position.lots * price * unit - position.cost_nanos
        if (difference := worth - self._worth.get(key, 0)) == 0:
            return False
        self._worth[key] = worth
        self._total[position.account] = self._total.get(position.account, 0) + difference
        return True
