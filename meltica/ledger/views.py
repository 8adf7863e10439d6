"""What the ledger shows: summaries, positions, entries. Read between two records; nothing here changes anything."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

import msgspec

from meltica.domain.accounting import PositionMode, rate_key
from meltica.domain.accounting_port import (
    AccountSummary,
    BookPosition,
    CurrencyBalance,
    EntryView,
    EquityPoint,
    FeeDifferenceView,
    OpenLot,
    Statement,
)
from meltica.ledger.chart import Book
from meltica.ledger.entry import Entry
from meltica.ledger.holding import Holding
from meltica.ledger.ledger import Ledger
from meltica.ledger.stream import Costs, Stream
from meltica.ledger.worth import profit

LOTS_SHOWN: Final = 100
_SECOND_NS: Final = 1_000_000_000


def accounts(ledger: Ledger) -> list[str]:
    return sorted(ledger.tables.balances)


def summary(ledger: Ledger, account: str) -> AccountSummary | None:
    """None: nothing is known of it."""
    tables, worth = ledger.tables, ledger.worth
    if account not in tables.balances:
        return None
    unrealised, books = worth.unrealised_of(account), worth.books(account)
    balances = tuple(
        CurrencyBalance(
            currency=currency,
            cash=balance[Book.CASH],
            position_cost=balance[Book.POSITION],
            position_value=balance[Book.POSITION] + unrealised.get(currency, 0),
            equity=balance[Book.CASH] + balance[Book.POSITION] + unrealised.get(currency, 0),
            capital=-balance[Book.CAPITAL],
            conversions=-balance[Book.CONVERSION],
            profit=profit(currency, balance, unrealised.get(currency, 0)),
            rate_time_ns=_rate_time(ledger, currency, books.base_currency),
        )
        for currency, balance in sorted(tables.balances[account].items())
    )
    base = books.base_currency
    missing = [b.currency for b in balances if base and worth.in_base(account, {b.currency: 1}) is None]
    return AccountSummary(
        books=books,
        sequence=tables.sequence,
        time_ns=tables.time_ns,
        balances=balances,
        base_equity=worth.in_base(account, {b.currency: b.equity for b in balances}),
        base_profit=worth.in_base(account, {b.currency: b.profit.total for b in balances}),
        without_rate=tuple(missing),
        without_mark=worth.without_mark(account),
    )


def _rate_time(ledger: Ledger, currency: str, base: str) -> int | None:
    rates = ledger.tables.rates
    rate = rates.get(rate_key(currency, base)) or rates.get(rate_key(base, currency))
    return None if rate is None else rate.time_ns


def positions(ledger: Ledger, account: str, strategy: str, *, by_strategy: bool) -> list[BookPosition]:
    """Of accounts; of strategies where one is named or ``by_strategy`` asks for all of them."""
    found: list[BookPosition] = []
    for name in (account,) if account else accounts(ledger):
        for stream in ledger.worth.streams(name):
            if by_strategy or strategy:
                found += _of_strategies(ledger, stream, strategy)
            else:
                found += _of_account(ledger, stream)
    return sorted(found, key=lambda p: (p.account, p.strategy, p.instrument, p.position_id))


def _of_account(ledger: Ledger, stream: Stream) -> Iterator[BookPosition]:
    table = stream.table
    costs = Costs()
    for each in table.costs.values():
        costs = Costs(
            *(a + b for a, b in zip(msgspec.structs.astuple(costs), msgspec.structs.astuple(each), strict=True))
        )
    if table.net is not None:
        yield _shown(ledger, stream, "", table.net.holding, costs, by_strategy=False)
        return
    earned = Holding(realised=stream.sums.realised)
    for holdings in table.strategies.values():
        for position_id, holding in holdings.listed():
            earned.realised -= holding.realised
            yield _shown(ledger, stream, "", holding, Costs(), by_strategy=False, position_id=position_id)
    yield _shown(ledger, stream, "", earned, costs, by_strategy=False)  # What closed positions earned, and all costs.


def _of_strategies(ledger: Ledger, stream: Stream, strategy: str) -> Iterator[BookPosition]:
    table = stream.table
    for name in sorted({*table.strategies, *table.costs}):
        if strategy not in ("", name):
            continue
        costs, held = table.costs.get(name, Costs()), table.strategies.get(name)
        if held is None:
            yield _shown(ledger, stream, name, Holding(), costs, by_strategy=True)
        elif table.mode is PositionMode.NETTING:
            yield _shown(ledger, stream, name, held.listed()[0][1], costs, by_strategy=True)
        else:
            earned = Holding(realised=held.sums[2] - sum(holding.realised for _, holding in held.listed()))
            for position_id, holding in held.listed():
                yield _shown(ledger, stream, name, holding, Costs(), by_strategy=True, position_id=position_id)
            yield _shown(ledger, stream, name, earned, costs, by_strategy=True)


def _shown(
    ledger: Ledger,
    stream: Stream,
    strategy: str,
    holding: Holding,
    costs: Costs,
    *,
    by_strategy: bool,
    position_id: int = 0,
) -> BookPosition:
    table = stream.table
    mark = ledger.tables.prices.get(table.instrument)
    unit = ledger.tables.instruments[table.instrument].value_per_tick_lot_nanos
    unrealised = 0 if holding.lots == 0 else None if mark is None else holding.lots * mark * unit - holding.cost
    rows = table.rows
    return BookPosition(
        account=table.account,
        strategy=strategy,
        by_strategy=by_strategy,
        instrument=table.instrument,
        position_id=position_id,
        method=table.method,
        lots=holding.lots,
        cost_nanos=holding.cost,
        realised_nanos=holding.realised,
        fees_nanos=costs.fees,
        funding_nanos=costs.funding,
        other_nanos=costs.other,
        traded_nanos=costs.traded,
        mark_ticks=mark,
        unrealised_nanos=unrealised,
        open_lots=tuple(
            OpenLot(lots=lots, cost_nanos=cost, execution_id=rows[row].execution_id, time_ns=rows[row].time_ns)
            for lots, cost, row in holding.table[holding.skipped : holding.skipped + LOTS_SHOWN]
        ),
    )


def entries(ledger: Ledger, account: str, after: int, limit: int) -> tuple[list[EntryView], int]:
    """(up to ``limit`` of the account's entries, or of all, above ``after``; the number of the oldest that is kept)."""
    kept = ledger.tables.entries
    first = ledger.tables.entries_made - len(kept) + 1
    found: list[EntryView] = []
    for at in range(max(after + 1 - first, 0), len(kept)):
        if account in ("", kept[at].account):
            found.append(_entry(first + at, kept[at]))
            if len(found) == limit:
                break
    return found, first


def _entry(number: int, entry: Entry) -> EntryView:
    return EntryView(
        number=number,
        sequence=entry.sequence,
        time_ns=entry.time_ns,
        what=entry.what.value,
        account=entry.account,
        strategy=entry.strategy,
        instrument=entry.instrument,
        reference=entry.reference,
        postings=tuple((posting.book.name, posting.currency, posting.nanos) for posting in entry.postings),
    )


def statements(ledger: Ledger, account: str, day: str) -> list[Statement]:
    found = all_statements(ledger, account)
    return [each for each in found if _date(each.began_ns) == day] if day else found[-1:]


def all_statements(ledger: Ledger, account: str) -> list[Statement]:
    """Of every day that is kept, oldest first; the last one goes on."""
    if account not in ledger.tables.balances:
        return []
    return [*ledger.tables.statements.get(account, ()), ledger.days.statement(account, ended_ns=None)]


def _date(time_ns: int) -> str:
    return dt.datetime.fromtimestamp(time_ns // _SECOND_NS, dt.UTC).date().isoformat()


def differences(ledger: Ledger, account: str, after: int, limit: int) -> list[FeeDifferenceView]:
    kept = ledger.tables.differences
    start = bisect_right(kept, after, key=lambda found: found.number)
    found = (each for each in kept[start:] if account in ("", each.account))
    return [FeeDifferenceView(**msgspec.structs.asdict(each)) for each, _ in zip(found, range(limit), strict=False)]


def equity_curve(ledger: Ledger, account: str) -> list[EquityPoint]:
    table = ledger.tables.equity.get(account)
    return [] if table is None else list(table.points)
