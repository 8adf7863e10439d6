"""A page about the books of accounts: equity over time, what each day earned, what is held."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from meltica.app.reports import pages, plots
from meltica.app.reports.curve import SECOND_NS, curve
from meltica.domain.accounting_port import AccountSummary, BookPosition, EquityPoint, Statement, StatementLine
from meltica.domain.money import NANOS, nanos_text
from meltica.ledger import views
from meltica.ledger.ledger import Ledger

DAYS_DRAWN: Final = 30
"""The newest. The table has all that the ledger keeps."""
POSITIONS_MOST: Final = 1_000
EARNED: Final[dict[str, tuple[str, Callable[[StatementLine], int]]]] = {
    "realised": ("#0072B2", lambda line: line.realised),
    "unrealised": ("#56B4E9", lambda line: line.unrealised),
    "fees": ("#8d99a6", lambda line: -line.fees),
    "funding": ("#E69F00", lambda line: line.funding),
    "other": ("#CC79A7", lambda line: line.interest + line.adjustments + line.rounding),
}
"""What a day's profit is made of: name -> (colour, nanos of a line)."""
_CURVE: Final = "Cash and positions at the newest marks, deposits and withdrawals with it. Dotted lines: a day ended."
_EARNED: Final = "Without what was paid in, taken out or converted: right is earned, left is lost, the mark is the sum."
_NO_BASE: Final = "The account has no base currency, so its equity has no curve: SetAccountBooks gives it one."
_NO_CURVE: Final = "Nothing was valued yet, or a conversion rate was missing whenever something was."
_DAYS: Final = (
    "began (UTC)", "opening", "paid in", "realised", "unrealised", "fees", "funding", "other", "closing",
    "trades", "traded",
)  # fmt: skip
_HELD: Final = ("instrument", "position", "quantity", "cost", "mark", "unrealised", "realised", "fees")


def page(ledger: Ledger, accounts: Sequence[str], *, title: str) -> str:
    """The whole document. Currencies are never added up but in an account's own base currency."""
    parts = [f"<p>Journal entries 1 to {ledger.tables.sequence:,}.</p>"]
    for account in accounts:
        if (summary := views.summary(ledger, account)) is not None:
            parts += _account(ledger, summary, one_of=len(accounts))
    if len(parts) == 1:
        parts.append("<p>Nothing was ever booked.</p>")
    return pages.document(f"Accounts of {title}", parts)


def _account(ledger: Ledger, summary: AccountSummary, *, one_of: int) -> Iterator[str]:
    account, base = summary.books.account, summary.books.base_currency
    points, days = views.equity_curve(ledger, account), views.all_statements(ledger, account)
    of = f" of {account}" if one_of > 1 else ""
    yield pages.section(f"Equity{of}", _CURVE if points else _no_curve(base), _equity(summary, points, days))
    for currency in sorted({line.currency for day in days for line in day.lines}):
        lines = [(day, line) for day in days for line in day.lines if line.currency == currency]
        yield pages.section(f"What each day earned{of}, {currency}", _EARNED, _earned_plot(lines[-DAYS_DRAWN:]))
        yield pages.section(f"Days{of}, {currency}", "", pages.table(_DAYS, [_day(*each) for each in lines[::-1]]))
    held = [row for row in views.positions(ledger, account, "", by_strategy=False) if row.lots]
    if held:
        rows = [_held(ledger, row) for row in held[:POSITIONS_MOST]]
        yield pages.section(f"Positions{of}", "", pages.table(_HELD, rows))


def _no_curve(base: str) -> str:
    return _NO_CURVE if base else _NO_BASE


def _equity(summary: AccountSummary, points: Sequence[EquityPoint], days: Sequence[Statement]) -> str:
    base = summary.books.base_currency
    shown = [(money(balance.equity), f"{balance.currency} equity") for balance in summary.balances]
    shown += [(money(balance.profit.total), f"{balance.currency} profit") for balance in summary.balances]
    if summary.base_equity is not None and len(summary.balances) > 1:
        shown = [(money(summary.base_equity), f"all in {base}"), *shown]
    if not points:
        return pages.tiles(shown)
    values = [point.equity for point in points]
    shown += [(money(max(values)), f"{base} at the highest"), (money(min(values)), f"{base} at the lowest")]
    ends = [day.ended_ns for day in days if day.ended_ns is not None]
    line = [(point.time_ns, float(Decimal(point.equity) / NANOS)) for point in points]
    return pages.tiles(shown) + curve(line, ends, base, f"equity of {summary.books.account}")


def _earned_plot(lines: Sequence[tuple[Statement, StatementLine]]) -> str:
    series = []
    for name, (colour, nanos_of) in EARNED.items():
        values = [float(Decimal(nanos_of(line)) / NANOS) for _, line in lines]
        if any(values):
            series.append(plots.Series(name, colour, values))
    totals = [sum(each.values[row] for each in series) for row in range(len(lines))]
    names = [_began(day) for day, _ in lines]
    return plots.stacked(names, series, totals, lines[0][1].currency, "what each day earned")


def _began(day: Statement) -> str:
    return dt.datetime.fromtimestamp(day.began_ns // SECOND_NS, dt.UTC).strftime("%Y-%m-%d %H:%M")


def _day(day: Statement, line: StatementLine) -> tuple[str, ...]:
    other = line.interest + line.adjustments + line.rounding
    paid = line.capital + line.conversions
    moved = (line.opening, paid, line.realised, line.unrealised, -line.fees, line.funding, other, line.closing)
    began = _began(day) if day.ended_ns is not None else f"{_began(day)}, goes on"
    return began, *map(nanos_text, moved), f"{line.trades:,}", nanos_text(line.traded)


def _held(ledger: Ledger, row: BookPosition) -> tuple[str, ...]:
    instrument = ledger.tables.instruments[row.instrument]
    mark = "" if row.mark_ticks is None else instrument.price_text(row.mark_ticks)
    unrealised = "" if row.unrealised_nanos is None else nanos_text(row.unrealised_nanos)
    number = str(row.position_id) if row.position_id else ""
    money_of = (unrealised, nanos_text(row.realised_nanos), nanos_text(row.fees_nanos))
    what = row.instrument, number, instrument.quantity_text(row.lots), nanos_text(row.cost_nanos)
    return *what, mark, *money_of


def money(nanos: int) -> str:
    """To the cent, with commas: for a tile."""
    return f"{Decimal(nanos) / NANOS:,.2f}"
