"""A page about executions: where the cost came from, how it is spread, how long each stage took."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from html import escape
from typing import Final

from meltica.analytics.executions import Executions
from meltica.app.reports import pages, plots
from meltica.app.reports.execution_report import (
    HEADINGS,
    STAGE_HEADINGS,
    UNKNOWN,
    cells_of,
    duration,
    orders_of,
    percent,
    points,
    rows_of,
    short,
    stage_cells,
)
from meltica.domain.execution import ExecutionFilter, ExecutionSummary, GroupBy, OrderExecution, Stage, StageFigures
from meltica.domain.execution_text import basis_points_text, money_text

BARS_MOST: Final = 30
"""Groups that are drawn: those with the largest traded value. The table has all of them."""
ROWS_MOST: Final = 1_000
WORST_MOST: Final = 15
POINTS_MOST: Final = 600
"""Of a line: more than a screen can show only make the page large."""
BINS: Final = 41
COLOURS: Final = {"delay": "#E69F00", "impact": "#0072B2", "opportunity": "#CC79A7", "fees": "#8d99a6"}


def page(figures: Executions, by: GroupBy, chosen: ExecutionFilter, *, title: str) -> str:
    """The whole document. Groups of one currency are drawn together; currencies are never added up."""
    rows = list(rows_of(figures, by, chosen))
    totals = figures.summaries(GroupBy.ALL, chosen)
    orders = list(orders_of(figures, chosen))
    parts = [f"<p>Journal entries 1 to {figures.sequence}{_filter_words(chosen)}, grouped by {by.value}.</p>"]
    if not totals:
        parts.append("<p>No order matches.</p>")
    for total in totals:
        mine = [row for row in rows if row.currency == total.currency]
        its = [order for order in orders if order.instrument.quote_currency == total.currency]
        parts += [f"<h2>{escape(total.currency)}</h2>"] if len(totals) > 1 else []
        parts += _currency(total, mine, its)
    return pages.document(f"Executions of {title}", parts)


def _filter_words(chosen: ExecutionFilter) -> str:
    said = [
        f"{name.replace('_', ' ')} {value}" for name in chosen.__struct_fields__ if (value := getattr(chosen, name))
    ]
    return f"; {', '.join(said)}" if said else ""


def _currency(total: ExecutionSummary, rows: Sequence[ExecutionSummary], orders: Sequence[OrderExecution]) -> list[str]:
    drawn = sorted(rows, key=lambda row: -row.traded)[:BARS_MOST]
    parts = [_tiles(total)]
    if drawn:
        parts += [pages.section("Implementation shortfall", _SHORTFALL, _shortfall_plot(drawn))]
    if compared := [row for row in drawn if row.arrival.base or row.mid.base or row.touch.base]:
        parts += [pages.section("Slippage", _SLIPPAGE, _slippage_plot(compared))]
    measured = [order for order in orders if order.shortfall is not None and order.shortfall.paper > 0]
    if len(measured) > 1:
        parts += [pages.section("Shortfall as it grew", _GROWTH, _growth_plot(measured, total.currency))]
        parts += [pages.section("Orders by their shortfall", _SPREAD, _spread_plot(measured))]
    if total.stages:
        body = _stages_plot(total) + pages.table(STAGE_HEADINGS, [stage_cells(row) for row in total.stages])
        parts += [pages.section("Latency of each stage", _STAGES, body)]
    if sliced := [order for order in orders if order.children]:
        parts.append(pages.section("Orders in slices", _SLICED, _slices_table(sliced)))
    parts.append(pages.section("Groups", "", pages.table(HEADINGS, [cells_of(row) for row in rows[:ROWS_MOST]])))
    if measured:
        parts.append(pages.section("The most expensive orders", "", _worst(measured)))
    return parts


_SHORTFALL = (
    "Perold's total and its parts, in basis points of what all lots cost at the decision price. Right is a cost."
)
_SLIPPAGE = "Executions against the mid at arrival, the mid at the fill, and the other side's best price at the fill."
_GROWTH = "Cumulative money over orders, in the order in which they began."
_SPREAD = "How many orders cost how much, in basis points; the outermost bars hold all that lies beyond."
_STAGES = (
    "From decision to last fill, slices included. Each stage begins where the one before ends; those up to the first "
    "fill add up to the whole."
)

_SLICED = "How long the slices of each parent took: the median and the longest. The largest parents first."


def _tiles(total: ExecutionSummary) -> str:
    fall = total.shortfall
    shown = [
        (f"{total.orders:,}", f"orders ({total.denied:,} more denied)" if total.denied else "orders"),
        (f"{short(money_text(total.traded))}", f"{total.currency} traded"),
        (f"{points(fall.of(fall.total))} bp", "shortfall"),
        (short(money_text(fall.total)), f"{total.currency} shortfall"),
        (f"{percent(total.done, total.ordered)} %", "filled"),
        (f"{percent(total.maker, total.told)} %", "maker"),
        (f"{percent(total.rejected, total.sent)} %", "rejected"),
        (f"{total.unknown:,}", "without arrival price"),
    ]
    return pages.tiles(shown)


def _bp(text: str) -> float:
    return float(text) if text else math.nan


def _shortfall_plot(rows: Sequence[ExecutionSummary]) -> str:
    series = []
    for name, colour in COLOURS.items():
        values = [_bp(basis_points_text(row.shortfall.of(getattr(row.shortfall, name)))) for row in rows]
        series.append(plots.Series(name, colour, [0.0 if math.isnan(value) else value for value in values]))
    totals = [sum(each.values[place] for each in series) for place in range(len(rows))]
    return plots.stacked([row.key or "all" for row in rows], series, totals, "bp", "implementation shortfall by group")


def _slippage_plot(rows: Sequence[ExecutionSummary]) -> str:
    series = [
        plots.Series("arrival", "#0072B2", [_bp(basis_points_text(row.arrival)) for row in rows]),
        plots.Series("mid at fill", "#009E73", [_bp(basis_points_text(row.mid)) for row in rows]),
        plots.Series("touch at fill", "#D55E00", [_bp(basis_points_text(row.touch)) for row in rows]),
    ]
    return plots.dots([row.key or "all" for row in rows], series, "bp", "slippage by group")


def _growth_plot(orders: Sequence[OrderExecution], currency: str) -> str:
    sums = dict.fromkeys((*COLOURS, "total"), 0)
    points_of: dict[str, list[float]] = {name: [0.0] for name in sums}
    every = math.ceil(len(orders) / POINTS_MOST)
    for place, order in enumerate(orders, 1):
        for name in sums:
            sums[name] += getattr(order.shortfall, name)
            if place % every == 0 or place == len(orders):
                points_of[name].append(float(money_text(sums[name])))
    series = [plots.Series(name, COLOURS.get(name, plots.INK), values) for name, values in points_of.items()]
    times = [_time(orders[0].received_ns), _time(orders[-1].received_ns)]
    return plots.steps(times, series, currency, "cumulative shortfall")


def _time(ns: int) -> str:
    return dt.datetime.fromtimestamp(ns // 10**9, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _spread_plot(orders: Sequence[OrderExecution]) -> str:
    """Bins between the 1st and the 99th percentile."""
    values = sorted(
        float(basis_points_text(order.shortfall.of(order.shortfall.total)))
        for order in orders
        if order.shortfall is not None
    )
    low, high = values[len(values) // 100], values[-1 - len(values) // 100]
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / BINS
    counts = [0] * BINS
    for value in values:
        counts[min(max(int((value - low) / width), 0), BINS - 1)] += 1
    return plots.bars([low + width * place for place in range(BINS + 1)], counts, "bp", "orders by shortfall")


def _stages_plot(total: ExecutionSummary) -> str:
    spans = []
    for row in total.stages:
        note = f"{duration(row.p50[1])} / {duration(row.p99[1])} ({row.count:,})"
        spans.append(plots.Span(row.stage.value, note, row.p50[1], row.p99[1], row.longest[1]))
    return plots.ranges(spans, "latency by stage")


def _slices_table(orders: Sequence[OrderExecution]) -> str:
    headings = ("order", "strategy", "instrument", "side", "slices")
    lines = []
    for order in sorted(orders, key=lambda order: -order.summary.traded)[:BARS_MOST]:
        took = {row.stage: row for row in order.summary.stages}
        who = (str(order.order_id), order.strategy, order.instrument.instrument, order.side.name)
        times = [_median_and_longest(took.get(stage)) for stage in _SLICES_STAGES]
        lines.append((*who, f"{len(order.children):,}", *times))
    return pages.table((*headings, *(stage.value for stage in _SLICES_STAGES)), lines)


_SLICES_STAGES: Final = (Stage.ENGINE, Stage.ACKNOWLEDGED, Stage.FIRST_FILL)


def _median_and_longest(row: StageFigures | None) -> str:
    return UNKNOWN if row is None else f"{duration(row.p50[1])} / {duration(row.longest[1])}"


def _worst(orders: Sequence[OrderExecution]) -> str:
    first = sorted(orders, key=lambda order: -(order.shortfall.total if order.shortfall else 0))[:WORST_MOST]
    headings = ("order", "strategy", "instrument", "side", "outcome", "quantity", "filled", "shortfall", "bp")
    lines = []
    for order in first:
        fall = order.shortfall
        if fall is not None:
            lots = [order.instrument.quantity_text(count) for count in (order.quantity_lots, order.filled_lots)]
            who = (
                str(order.order_id),
                order.strategy,
                order.instrument.instrument,
                order.side.name,
                order.outcome.value,
            )
            lines.append((*who, *lots, short(money_text(fall.total)), points(fall.of(fall.total))))
    return pages.table(headings, lines)
