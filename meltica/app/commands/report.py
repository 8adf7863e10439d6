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
        "meltica report executions --order 17",
    )
)
def executions(
    journal: JournalPath = JOURNAL,
    *,
    by: Annotated[GroupBy, typer.Option(help="What orders are put together by.")] = GroupBy.STRATEGY,
    order: Annotated[
        int | None, typer.Option(min=1, help="One order alone; of a parent with its slices' stages.")
    ] = None,
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
    if order is not None and html is not None:
        raise typer.BadParameter("a page is about many orders, --order about one", param_hint="--html")
    with SqliteReader(journal) as source:
        figures = execution_report.fold(source)
    rows, totals = execution_report.rows_of(figures, by, chosen), figures.summaries(GroupBy.ALL, chosen)
    if order is not None:
        if (found := figures.order(order)) is None:
            raise typer.BadParameter(f"there is no order {order} in {journal}", param_hint="--order")
        rows = totals = [found.summary]
    for line in execution_report.table(rows):
        print(line)
    for total in totals:
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
