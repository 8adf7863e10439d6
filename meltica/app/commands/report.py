"""``meltica report``: what a journal says about the past."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from meltica.app.commands.terminal import JOURNAL, JournalPath, examples
from meltica.app.reports import execution_html, execution_report, pages
from meltica.domain.execution import ExecutionFilter, GroupBy
from meltica.journal.reader import SqliteReader

app = typer.Typer(help="Reports from a journal, also beside a running gateway.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``executions`` a command of its own while it is the only one."""


@app.command(
    epilog=examples(
        "meltica report executions",
        "meltica report executions --by order --strategy momentum --from 2026-11-23",
        "meltica report executions --html page.html",
    )
)
def executions(
    journal: JournalPath = JOURNAL,
    *,
    by: Annotated[GroupBy, typer.Option(help="What orders are put together by.")] = GroupBy.STRATEGY,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots there.")] = None,
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
    strategy: Annotated[str, typer.Option(help="Only of this strategy.")] = "",
    venue: Annotated[str, typer.Option(help="Only at this venue.")] = "",
    instrument: Annotated[str, typer.Option(help="Only in this instrument.")] = "",
    first_day: Annotated[str, typer.Option("--from", help="Trading days from this one, as 2026-11-23.")] = "",
    last_day: Annotated[str, typer.Option("--to", help="Trading days up to this one.")] = "",
) -> None:
    """Print what executions cost, compared with what, and how long they took."""
    chosen = ExecutionFilter(
        account=account,
        strategy=strategy,
        venue=venue,
        instrument=instrument,
        first_day=_day("--from", first_day),
        last_day=_day("--to", last_day),
    )
    with SqliteReader(journal) as source:
        figures = execution_report.fold(source)
    for line in execution_report.table(execution_report.rows_of(figures, by, chosen)):
        print(line)
    for total in figures.summaries(GroupBy.ALL, chosen):
        for line in ("", *execution_report.stage_table(total)):
            print(line)
    if html is not None:
        pages.write(html, execution_html.page(figures, by, chosen, title=journal.name))
        print(f"\nwritten: {html}")


def _day(option: str, text: str) -> str:
    try:
        return dt.date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date such as 2026-11-23", param_hint=option) from None
