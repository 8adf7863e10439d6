"""``meltica accounts``: the books of a journal, also beside a running gateway."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from meltica.domain.accounting_port import EntryView, Statement
from meltica.domain.errors import FieldError
from meltica.domain.inputs import decode_record
from meltica.domain.money import nanos_text
from meltica.journal.reader import SqliteReader, entries
from meltica.ledger import views
from meltica.ledger.chart import CHART, RULES
from meltica.ledger.ledger import Ledger

app = typer.Typer(help="The books of a journal, also beside a running gateway.", no_args_is_help=True)

JournalPath = Annotated[Path, typer.Argument(help="The journal file.")]
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


@app.command()
def statement(
    journal: JournalPath,
    account: Annotated[str, typer.Argument(help="Whose.")],
    day: Annotated[str, typer.Option(help="UTC date on which the day began; without: the day that goes on.")] = "",
) -> None:
    """Print what a trading day began with, what moved, and what it ended with."""
    if day:
        try:
            day = dt.date.fromisoformat(day).isoformat()
        except ValueError:
            raise FieldError("--day", day, "must be a date such as 2026-11-23") from None
    found = views.statements(_ledger(journal), account, day)
    if not found:
        raise FieldError("account", account, f"has no day that began on {day}" if day else "has no books")
    for each in found:
        print("\n".join(statement_lines(each)))


@app.command()
def ledger(
    journal: JournalPath,
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
) -> None:
    """Print every double entry, from the first one on."""
    for entry in _entries(journal):
        if account in ("", entry.account):
            print(entry_line(entry))


@app.command()
def chart() -> None:
    """Print the chart of accounts, and which event books what."""
    print("\n".join(chart_lines()))


def statement_lines(of: Statement) -> Iterator[str]:
    ended = "goes on" if of.ended_ns is None else f"ended {_time(of.ended_ns)}"
    yield f"{of.account}, day {of.number}: began {_time(of.began_ns)}, {ended}"
    for line in of.lines:
        yield f"\n  {line.currency}"
        yield _row("opening", line.opening)
        for title, field in MOVEMENTS:
            if nanos := getattr(line, field):
                yield _row(title, nanos)
        if line.fees:
            yield _row("fees", -line.fees)
        yield _row("closing", line.closing)
        yield f"    {line.trades} trades, {nanos_text(line.traded)} {line.currency}"
    if of.base_currency and None not in (of.base_opening, of.base_translation, of.base_closing):
        yield f"\n  all in {of.base_currency}"
        yield _row("opening", of.base_opening or 0)
        yield _row("movements", of.base_movements or 0)
        yield _row("translation", of.base_translation or 0)
        yield _row("closing", of.base_closing or 0)


def entry_line(entry: EntryView) -> str:
    about = " ".join(word for word in (entry.account, entry.strategy, entry.instrument, entry.reference) if word)
    sides = ", ".join(f"{book} {nanos_text(nanos)} {currency}" for book, currency, nanos in entry.postings)
    return f"{entry.sequence} {_time(entry.time_ns)} {entry.what}: {about}: {sides or 'nothing moves'}"


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
    return f"    {title:<12} {nanos_text(nanos):>28}"


def _time(time_ns: int) -> str:
    return dt.datetime.fromtimestamp(time_ns // 1_000_000_000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


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
