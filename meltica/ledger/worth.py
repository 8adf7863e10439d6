"""What is held is worth at the newest journaled marks, by account and currency, and in the account's base currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from meltica.domain.accounting import AccountBooks, convert
from meltica.domain.accounting_port import Profit
from meltica.ledger.chart import Book
from meltica.ledger.stream import Stream
from meltica.ledger.tables import Balance, LedgerTables


class Worth:
    def __init__(self, tables: LedgerTables) -> None:
        self._tables = tables
        self._held: dict[str, dict[str, Stream]] = {}
        """Account -> instrument -> stream."""

    def add(self, stream: Stream) -> None:
        self._held.setdefault(stream.table.account, {})[stream.table.instrument] = stream

    def streams(self, account: str) -> Iterable[Stream]:
        return self._held.get(account, {}).values()

    def holders(self, instruments: Iterable[str]) -> list[str]:
        """Accounts that hold any of these, by name."""
        names = tuple(instruments)
        return sorted(
            account
            for account, streams in self._held.items()
            if any(name in streams and streams[name].sums.lots for name in names)
        )

    def unrealised(self, stream: Stream) -> int | None:
        """None: something is held and there is no mark."""
        lots, cost, _, _ = stream.sums
        if lots == 0:
            return 0
        name = stream.table.instrument
        if (price := self._tables.prices.get(name)) is None:
            return None
        return lots * price * self._tables.instruments[name].value_per_tick_lot_nanos - cost

    def unrealised_of(self, account: str) -> dict[str, int]:
        """By currency; positions without a mark count as what they cost."""
        found: dict[str, int] = {}
        for stream in self.streams(account):
            currency = stream.table.currency
            found[currency] = found.get(currency, 0) + (self.unrealised(stream) or 0)
        return found

    def without_mark(self, account: str) -> tuple[str, ...]:
        return tuple(sorted(s.table.instrument for s in self.streams(account) if self.unrealised(s) is None))

    def equity(self, account: str) -> dict[str, int]:
        """Cash + position value, by currency."""
        unrealised = self.unrealised_of(account)
        balances = self._tables.balances.get(account, {})
        return {
            currency: balance[Book.CASH] + balance[Book.POSITION] + unrealised.get(currency, 0)
            for currency, balance in balances.items()
        }

    def in_base(self, account: str, amounts: Mapping[str, int]) -> int | None:
        """Added up in the account's base currency; None: there is none, or a rate is missing."""
        base = self.books(account).base_currency
        if not base:
            return None
        total = 0
        for currency, nanos in amounts.items():
            if nanos == 0:
                continue
            converted = convert(nanos, currency, base, self._tables.rates)
            if converted is None:
                return None
            total += converted
        return total

    def books(self, account: str) -> AccountBooks:
        return self._tables.books.get(account) or AccountBooks(account=account)


def profit(currency: str, balance: Balance, unrealised: int) -> Profit:
    """What the ledger says was earned."""
    return Profit(
        currency=currency,
        realised=-balance[Book.REALISED],
        unrealised=unrealised,
        fees=balance[Book.FEES],
        funding=-balance[Book.FUNDING],
        other=-balance[Book.INTEREST] - balance[Book.ADJUSTMENT] - balance[Book.ROUNDING],
    )
