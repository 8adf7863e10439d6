"""Daily statements and equity curves: what the balances say when a day ends, less what they said when it began."""

from __future__ import annotations

from typing import Final

from meltica.domain.accounting_port import EquityPoint, Statement, StatementLine
from meltica.ledger.chart import Book
from meltica.ledger.tables import (
    EQUITY_KEPT,
    STATEMENTS_KEPT,
    Balance,
    DayTable,
    EquityTable,
    LedgerTables,
    fresh_balance,
)
from meltica.ledger.worth import Worth

_NO_TRADES: Final = (0, 0)


class Days:
    def __init__(self, tables: LedgerTables, worth: Worth) -> None:
        self._tables = tables
        self._worth = worth

    def day(self, account: str) -> DayTable:
        """The account's day so far; the first begins with the first thing that is booked."""
        if (day := self._tables.days.get(account)) is None:
            day = self._tables.days[account] = DayTable(number=1, began_ns=self._tables.time_ns, base_opening=None)
            if self._worth.books(account).base_currency:
                day.base_opening = 0
        return day

    def traded(self, account: str, currency: str, nanos: int) -> None:
        trades = self.day(account).trades
        count, value = trades.get(currency, _NO_TRADES)
        trades[currency] = (count + 1, value + nanos)

    def end(self, time_ns: int) -> None:
        """Every account gets its statement, and begins its next day with what that says."""
        for account in sorted(self._tables.balances):
            self.sample(account, time_ns)
            statement = self.statement(account, ended_ns=time_ns)
            kept = self._tables.statements.setdefault(account, [])
            kept.append(statement)
            del kept[:-STATEMENTS_KEPT]
            balances = self._tables.balances[account]
            self._tables.days[account] = DayTable(
                number=statement.number + 1,
                began_ns=time_ns,
                opening={currency: list(balance) for currency, balance in balances.items()},
                unrealised=self._worth.unrealised_of(account),
                base_opening=statement.base_closing,
            )

    def statement(self, account: str, *, ended_ns: int | None) -> Statement:
        """Of the day that goes on, or that ends now."""
        day, unrealised = self.day(account), self._worth.unrealised_of(account)
        lines = tuple(
            _line(currency, day, balance, unrealised.get(currency, 0))
            for currency, balance in sorted(self._tables.balances.get(account, {}).items())
        )
        base = self._worth.books(account).base_currency
        closing = self._worth.in_base(account, {line.currency: line.closing for line in lines})
        movements = self._worth.in_base(account, {line.currency: line.closing - line.opening for line in lines})
        known = closing is not None and movements is not None and day.base_opening is not None
        translation = closing - movements - day.base_opening if known else None  # type: ignore[operator]
        return Statement(
            account=account,
            number=day.number,
            began_ns=day.began_ns,
            ended_ns=ended_ns,
            lines=lines,
            base_currency=base,
            base_opening=day.base_opening,
            base_movements=movements,
            base_translation=translation,
            base_closing=closing,
        )

    def sample(self, account: str, time_ns: int) -> None:
        """One more point of the equity curve, where the account has a base currency and all rates are known."""
        equity = self._worth.in_base(account, self._worth.equity(account))
        if equity is None:
            return
        table = self._tables.equity.get(account)
        if table is None:
            table = self._tables.equity[account] = EquityTable()
        table.skipped += 1
        if table.skipped < table.stride:
            return
        table.skipped = 0
        table.points.append(EquityPoint(time_ns, equity))
        if len(table.points) >= EQUITY_KEPT:
            del table.points[1::2]
            table.skipped = table.stride  # The one that was just dropped is as far from the last as those between.
            table.stride *= 2


def _line(currency: str, day: DayTable, balance: Balance, unrealised: int) -> StatementLine:
    """Opening and closing are cash + position value; what lies between is read from the other books."""
    began = day.opening.get(currency) or fresh_balance()
    began_unrealised = day.unrealised.get(currency, 0)
    moved = [now - before for now, before in zip(balance, began, strict=True)]
    count, value = day.trades.get(currency, _NO_TRADES)
    return StatementLine(
        currency=currency,
        opening=began[Book.CASH] + began[Book.POSITION] + began_unrealised,
        capital=-moved[Book.CAPITAL],
        conversions=-moved[Book.CONVERSION],
        realised=-moved[Book.REALISED],
        unrealised=unrealised - began_unrealised,
        fees=moved[Book.FEES],
        funding=-moved[Book.FUNDING],
        interest=-moved[Book.INTEREST],
        adjustments=-moved[Book.ADJUSTMENT],
        rounding=-moved[Book.ROUNDING],
        closing=balance[Book.CASH] + balance[Book.POSITION] + unrealised,
        trades=count,
        traded=value,
    )
