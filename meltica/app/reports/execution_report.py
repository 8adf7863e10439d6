"""``meltica report executions``: a journal's execution figures as a table, without the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from meltica.analytics.executions import Executions
from meltica.domain.errors import MelticaError
from meltica.domain.execution import (
    Cost,
    ExecutionFilter,
    ExecutionSummary,
    GroupBy,
    OrderExecution,
    Stage,
    StageFigures,
)
from meltica.domain.execution_text import basis_points_text, money_text, ratio_text
from meltica.domain.inputs import decode_record
from meltica.journal.port import JournalSource
from meltica.journal.reader import entries

ORDERS_A_PAGE: Final = 1_000
UNKNOWN: Final = "-"
SECOND_NS: Final = 1_000_000_000
_UNITS: Final = ((1, "ns"), (1_000, "us"), (1_000_000, "ms"), (SECOND_NS, "s"), (60 * SECOND_NS, "min"))


class UnreadableEntryError(MelticaError):
    """An entry of the journal is no record that this version can take in."""


def fold(source: JournalSource) -> Executions:
    """:raises JournalDamagedError: the chain does not hold. :raises UnreadableEntryError: see there."""
    executions = Executions()
    for entry in entries(source):
        try:
            executions.apply(entry.seq, entry.time_ns, decode_record(entry.payload))
        except (msgspec.MsgspecError, LookupError) as error:
            raise UnreadableEntryError(f"{source.name}: entry {entry.seq} can't be taken in: {error!r}") from error
    return executions


def orders_of(executions: Executions, chosen: ExecutionFilter) -> Iterator[OrderExecution]:
    """All of them, oldest first."""
    after = 0
    while page := executions.orders(chosen, after, ORDERS_A_PAGE):
        yield from page
        after = page[-1].order_id


def rows_of(executions: Executions, by: GroupBy, chosen: ExecutionFilter) -> Iterable[ExecutionSummary]:
    """Each with a name to show: orders without a strategy are a group as well."""
    if by is GroupBy.ORDER:
        return (order.summary for order in orders_of(executions, chosen))
    nameless = ALL if by is GroupBy.ALL else NONE
    return (row if row.key else msgspec.structs.replace(row, key=nameless) for row in executions.summaries(by, chosen))


ALL: Final = "all"
NONE: Final = "(none)"

LOTS: Final = ("orders", "filled", "cancelled", "rejected", "denied", "unpriced", "fill %", "maker %", "traded", "fees")
COSTS: Final = (
    "shortfall", "delay", "impact", "opportunity", "fees bp", "arrival", "mid", "touch", "fill p50", "fill p99",
)  # fmt: skip
HEADINGS: Final = ("", "ccy", *LOTS, *COSTS)
COST_TITLE: Final = (
    "shortfall and its parts, slippage against arrival, mid and touch, in basis points: more is worse;\n"
    "from the command to the first fill: the median, and what 99 % do not exceed"
)


def cells_of(row: ExecutionSummary) -> tuple[str, ...]:
    """As ``HEADINGS``; the shortfall's parts and the slippages in basis points."""
    fall = row.shortfall
    parts = (fall.total, fall.delay, fall.impact, fall.opportunity, fall.fees)
    fills = next((stage for stage in row.stages if stage.stage is Stage.TIME_TO_FILL), None)
    return (
        row.key or ALL,
        row.currency,
        str(row.orders),
        str(row.filled),
        str(row.canceled),
        str(row.rejected),
        str(row.denied),
        str(row.unknown),
        percent(row.done, row.ordered),
        percent(row.maker, row.told),
        short(money_text(row.traded)),
        short(money_text(row.fees)),
        *(points(fall.of(part)) for part in parts),
        *(points(cost) for cost in (row.arrival, row.mid, row.touch)),
        UNKNOWN if fills is None else duration(fills.p50[1]),
        UNKNOWN if fills is None else duration(fills.p99[1]),
    )


def points(cost: Cost) -> str:
    """Basis points with two decimals."""
    text = basis_points_text(cost)
    return f"{float(text):.2f}" if text else UNKNOWN


def percent(part: int, whole: int) -> str:
    text = ratio_text(part, whole)
    return f"{float(text) * 100:.1f}" if text else UNKNOWN


def short(money: str) -> str:
    """Two decimals, for people."""
    return f"{float(money):,.2f}"


def duration(ns: int) -> str:
    """The largest unit that leaves a number of at least 1."""
    size, unit = next((pair for pair in reversed(_UNITS) if ns >= pair[0]), _UNITS[0])
    return f"{ns / size:.3g} {unit}"


STAGE_HEADINGS: Final = ("stage", "orders", "median", "90 %", "99 %", "longest")


def stage_cells(row: StageFigures) -> tuple[str, ...]:
    """As ``STAGE_HEADINGS``; the upper end of each bucket."""
    times = (row.p50, row.p90, row.p99, row.longest)
    return (row.stage.value, f"{row.count:,}", *(duration(bounds[1]) for bounds in times))


def table(rows: Iterable[ExecutionSummary]) -> Iterator[str]:
    """What was done, and below it what it cost: side by side they are wider than a terminal."""
    cells = [cells_of(row) for row in rows]
    if not cells:
        yield "no order matches"
        return
    named, done = 2, 2 + len(LOTS)
    yield from _lines([HEADINGS[:done], *(row[:done] for row in cells)])
    yield from ("", *COST_TITLE.splitlines())
    yield from _lines([(*line[:named], *line[done:]) for line in (HEADINGS, *cells)])


def stage_table(total: ExecutionSummary) -> Iterator[str]:
    """How long each stage took; nothing where no stage was timed."""
    if total.stages:
        yield f"latency of {total.currency} orders"
        yield from _lines([STAGE_HEADINGS, *(stage_cells(row) for row in total.stages)])


def _lines(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as what is in them."""
    widths = [max(len(line[place]) for line in cells) for place in range(len(cells[0]))]
    for line in cells:
        key, *others = (text.rjust(width) for text, width in zip(line, widths, strict=True))
        yield "  ".join([key.strip().ljust(widths[0]), *others])
