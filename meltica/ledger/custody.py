"""What each venue should say that an account has: as it traded there, whatever was allocated to whom afterwards.

Beside the double entries, for they know no venue, and sub-accounts are nobody's but ours. Where nothing was allocated,
an account's money at all venues together is its CASH, less what was booked at no venue.
"""

from __future__ import annotations

import msgspec

from meltica.domain.accounting import PICOS
from meltica.domain.cash import CashBooked, CashKind, FundingSettled, InstrumentSplit
from meltica.domain.instrument import Instrument
from meltica.domain.money import divide_half_even
from meltica.ledger.chart import AGAINST
from meltica.ledger.holding import scaled_down


class CustodyTable(msgspec.Struct, kw_only=True):
    lots: dict[str, dict[str, int]] = {}
    """Instrument -> account -> signed lots."""
    nanos: dict[str, int] = {}
    """``venue|account|currency``"""


class Custody:
    def __init__(self, table: CustodyTable) -> None:
        self._table = table

    def nanos(self, venue: str, account: str, currency: str) -> int:
        return self._table.nanos.get(f"{venue}|{account}|{currency}", 0)

    def at(self, venue: str) -> dict[tuple[str, str], int]:
        """(account, currency) -> nanos."""
        found = {}
        for key, nanos in self._table.nanos.items():
            place, account, currency = key.split("|")
            if place == venue:
                found[account, currency] = nanos
        return found

    def traded(self, account: str, at: Instrument, lots: int, nanos: int) -> None:
        """Signed lots for these nanos, fees included: of a fill, or of what a correction made different."""
        name = at.instrument
        held = self._table.lots.get(name)
        if held is None:
            held = self._table.lots[name] = {}
        held[account] = held.get(account, 0) + lots
        self._move(at.venue, account, at.quote_currency, nanos)

    def restate(self, account: str, at: Instrument, lots: int) -> None:
        """A trade of before a split was corrected, in its old lots: this is what the account has now."""
        self._table.lots[at.instrument][account] = lots

    def booked(self, event: CashBooked) -> None:
        if not event.venue:
            return
        sign = AGAINST[event.kind][2]
        self._move(event.venue, event.account, event.currency, sign * event.nanos)
        if event.kind is CashKind.CONVERSION:
            self._move(event.venue, event.account, event.to_currency, event.to_nanos)

    def funded(self, event: FundingSettled, at: Instrument) -> None:
        """The venue settles whole positions."""
        per_lot = event.mark_ticks * at.value_per_tick_lot_nanos * event.rate_picos
        for account, lots in self._table.lots.get(event.instrument, {}).items():
            if lots:
                self._move(at.venue, account, at.quote_currency, -divide_half_even(lots * per_lot, PICOS))

    def split(self, event: InstrumentSplit) -> None:
        held = self._table.lots.get(event.instrument, {})
        for account, lots in held.items():
            held[account] = scaled_down(lots, event.numerator, event.denominator)

    def _move(self, venue: str, account: str, currency: str, nanos: int) -> None:
        key = f"{venue}|{account}|{currency}"
        self._table.nanos[key] = self._table.nanos.get(key, 0) + nanos
