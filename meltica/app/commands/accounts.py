"""``meltica accounts``: the books of a journal, also beside a running gateway."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer

from meltica.app.commands.terminal import JOURNAL, JournalPath, counted, examples, utc
from meltica.app.reports import account_html, pages
from meltica.domain.accounting import CostMethod
from meltica.domain.accounting_port import BookPosition, EntryView, FeeDifferenceView, Statement
from meltica.domain.errors import FieldError
from meltica.domain.inputs import decode_record
from meltica.domain.instrument import Instrument
from meltica.domain.money import NANOS, nanos_text, plain
from meltica.journal.reader import SqliteReader, entries
from meltica.ledger import views
from meltica.ledger.chart import CHART, RULES
from meltica.ledger.ledger import Ledger

app = typer.Typer(help="The books of a journal, also beside a running gateway.", no_args_is_help=True)

FEES_SHOWN = 20_000
"""All that the ledger keeps."""
AVERAGE: Final = Decimal("1e-9")
METHODS: Final = {CostMethod.AVERAGE: "average cost", CostMethod.FIFO: "FIFO", CostMethod.LIFO: "LIFO"}
HEDGED: Final = "what is closed; fees and turnover of all its positions"
MOVEMENTS = (
    ("paid in", "capital"),
    ("converted", "conversions"),
    ("realised", "realised"),
    ("unrealised", "unrealised"),
    ("funding", "funding"),
    ("interest", "interest"),
    ("adjustments", "adjustments"),
    ("rounding", "rounding"),
)


@app.command(
    epilog=examples(
        "meltica accounts statement",
        "meltica accounts statement .meltica/journal.db main --day 2026-11-23",
    )
)
def statement(
    journal: JournalPath = JOURNAL,
    account: Annotated[str, typer.Argument(help="Whose; without: everybody's.", show_default=False)] = "",
    day: Annotated[str, typer.Option(help="UTC date on which the day began; without: the day that goes on.")] = "",
) -> None:
    """Print what a trading day began with, what moved, and what it ended with."""
    if day:
        try:
            day = dt.date.fromisoformat(day).isoformat()
        except ValueError:
            raise FieldError("--day", day, "must be a date such as 2026-11-23") from None
    books = _ledger(journal)
    known = views.accounts(books)
    if account and account not in known:
        raise FieldError("account", account, f"has no books; there are those of {', '.join(known) or 'nobody'}")
    found = [each for name in ([account] if account else known) for each in views.statements(books, name, day)]
    if day and not found:
        raise FieldError("--day", day, "no day of these books began on that date (UTC)")
    print("\n\n".join("\n".join(statement_lines(each)) for each in found) or "nothing was ever booked")


@app.command(epilog=examples("meltica accounts positions --by-strategy --account main"))
def positions(
    journal: JournalPath = JOURNAL,
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
    *,
    by_strategy: Annotated[bool, typer.Option("--by-strategy", help="Each strategy's own.")] = False,
) -> None:
    """Print what is held, at which cost, and what it earned; what is closed too."""
    books = _ledger(journal)
    rows = views.positions(books, account, "", by_strategy=by_strategy)
    hedged = {(row.account, row.instrument) for row in rows if row.position_id}
    for row in sorted(rows, key=lambda each: (each.account, each.instrument, each.strategy, each.position_id)):
        flat = HEDGED if (row.account, row.instrument) in hedged else "flat"
        print("\n".join(position_lines(row, books.tables.instruments[row.instrument], flat)))
    if not rows:
        print("nothing was ever traded" + (f" for {account}" if account else ""))


@app.command(epilog=examples("meltica accounts fees --account main"))
def fees(
    journal: JournalPath = JOURNAL,
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
) -> None:
    """Print the newest fills whose fee is not what the venue's schedule says."""
    books = _ledger(journal)
    found = views.differences(books, account, 0, FEES_SHOWN)
    for row in found:
        print(fee_line(row))
    print(
        f"{counted(len(found), 'fill')} with another fee than the schedule's" + (f" for {account}" if account else "")
    )


@app.command(epilog=examples("meltica accounts ledger --account main | tail -n 20"))
def ledger(
    journal: JournalPath = JOURNAL,
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
) -> None:
    """Print every double entry, from the first one on."""
    shown = 0
    for entry in _entries(journal):
        if account in ("", entry.account):
            print(entry_line(entry))
            shown += 1
    if not shown:
        print("nothing was ever booked" + (f" for {account}" if account else ""))


@app.command(epilog=examples("meltica accounts equity", "meltica accounts equity --account main --html page.html"))
def equity(
    journal: JournalPath = JOURNAL,
    *,
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write a page with plots there.")] = None,
) -> None:
    """Print what accounts were worth at each day's end and are now; with --html as a page with the curve."""
    books = _ledger(journal)
    known = views.accounts(books)
    if account and account not in known:
        raise FieldError("--account", account, f"has no books; there are those of {', '.join(known) or 'nobody'}")
    names = [account] if account else known
    print("\n\n".join("\n".join(equity_lines(books, name)) for name in names) or "nothing was ever booked")
    if html is not None:
        pages.write(html, account_html.page(books, names, title=journal.name))
        print(f"\nwritten: {html}")


@app.command(epilog=examples("meltica accounts chart"))
def chart() -> None:
    """Print the chart of accounts, and which event books what."""
    print("\n".join(chart_lines()))


def equity_lines(books: Ledger, account: str) -> Iterator[str]:
    """A line a day and currency."""
    points = views.equity_curve(books, account)
    base = books.worth.books(account).base_currency
    curve = f"{counted(len(points), 'point')} in {base}" if base else "no base currency, so no curve"
    yield f"{account}: {curve}"
    for day in views.all_statements(books, account):
        ended = "now" if day.ended_ns is None else utc(day.ended_ns)
        for line in day.lines:
            yield f"  {ended:<23} {nanos_text(line.closing):>24} {line.currency}"


def statement_lines(of: Statement) -> Iterator[str]:
    ended = "goes on" if of.ended_ns is None else f"ended {utc(of.ended_ns)}"
    yield f"{of.account}, day {of.number}: began {utc(of.began_ns)}, {ended}"
    for line in of.lines:
        yield f"\n  {line.currency}"
        yield _row("opening", line.opening)
        for title, field in MOVEMENTS:
            if nanos := getattr(line, field):
                yield _row(title, nanos)
        if line.fees:
            yield _row("fees", -line.fees)
        yield _row("closing", line.closing)
        yield f"    {counted(line.trades, 'trade')}, {nanos_text(line.traded)} {line.currency}"
    if of.base_currency and None not in (of.base_opening, of.base_translation, of.base_closing):
        yield f"\n  all in {of.base_currency}"
        yield _row("opening", of.base_opening or 0)
        yield _row("movements", of.base_movements or 0)
        yield _row("translation", of.base_translation or 0)
        yield _row("closing", of.base_closing or 0)


def position_lines(of: BookPosition, instrument: Instrument, flat: str = "flat") -> Iterator[str]:
    whose = " ".join(word for word in (of.account, of.strategy, of.instrument) if word)
    number = f" position {of.position_id}" if of.position_id else ""
    if of.lots:
        side, size = "long" if of.lots > 0 else "short", instrument.quantity_text(abs(of.lots))
        average = plain((Decimal(of.cost_nanos) / NANOS / (of.lots * instrument.lot_size)).quantize(AVERAGE))
        yield f"{whose}{number}: {side} {size} at {average} ({METHODS[of.method]})"
        mark = "no mark yet" if of.mark_ticks is None else f"mark {instrument.price_text(of.mark_ticks)}"
        unrealised = "" if of.unrealised_nanos is None else f", unrealised {nanos_text(of.unrealised_nanos)}"
        yield f"    cost {nanos_text(of.cost_nanos)}, {mark}{unrealised}"
    else:
        yield f"{whose}{number}: {flat}"
    earned = (("realised", of.realised_nanos), ("fees", -of.fees_nanos), ("funding", of.funding_nanos))
    told = ", ".join(f"{name} {nanos_text(nanos)}" for name, nanos in (*earned, ("other", of.other_nanos)))
    yield f"    {told}; traded {nanos_text(of.traded_nanos)} {instrument.quote_currency}"


def fee_line(of: FeeDifferenceView) -> str:
    side = {True: "maker", False: "taker", None: "maker or taker is not known"}[of.maker]
    gap = nanos_text(of.reported - of.expected)
    return (
        f"{of.sequence} {utc(of.time_ns)} {of.account} {of.instrument} {of.execution_id} ({side}, {of.ppm} ppm): "
        f"charged {nanos_text(of.reported)}, expected {nanos_text(of.expected)} {of.currency}, {gap} more"
    )


def entry_line(entry: EntryView) -> str:
    about = " ".join(word for word in (entry.account, entry.strategy, entry.instrument, entry.reference) if word)
    sides = ", ".join(f"{book} {nanos_text(nanos)} {currency}" for book, currency, nanos in entry.postings)
    return f"{entry.sequence} {utc(entry.time_ns)} {entry.what}: {about}: {sides or 'nothing moves'}"


def chart_lines() -> Iterator[str]:
    """As docs/guides/accounting.md has them."""
    yield "| book | kind | meaning |"
    yield "| --- | --- | --- |"
    for line in CHART:
        yield f"| {line.book.name} | {line.kind} | {line.meaning} |"
    yield ""
    yield "| entry | event | books |"
    yield "| --- | --- | --- |"
    for rule in RULES:
        yield f"| {rule.what.value} | {rule.event} | {', '.join(book.name for book in rule.books)} |"


def _row(title: str, nanos: int) -> str:
    """Decimal points under each other."""
    whole, point, rest = nanos_text(nanos).partition(".")
    return f"    {title:<12} {whole:>18}{point}{rest}"


def _ledger(journal: Path) -> Ledger:
    ledger = Ledger()
    for _ in _booked(journal, ledger):
        pass
    return ledger


def _entries(journal: Path) -> Iterator[EntryView]:
    """Each as it is made: the ledger itself keeps only the newest."""
    ledger, shown = Ledger(), 0
    for _ in _booked(journal, ledger):
        if ledger.tables.entries_made > shown:
            fresh, _ = views.entries(ledger, "", shown, ledger.tables.entries_made - shown)
            yield from fresh
            shown = ledger.tables.entries_made


def _booked(journal: Path, ledger: Ledger) -> Iterator[int]:
    with SqliteReader(journal) as source:
        for entry in entries(source):
            ledger.apply(entry.seq, entry.time_ns, decode_record(entry.payload))
            yield entry.seq
