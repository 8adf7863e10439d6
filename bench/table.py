"""The rows as one table for people."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.measure import Row

WIDTH_PIPED: Final = 170
"""Where there is no terminal to ask."""


def show(rows: Sequence[Row], notes: Iterable[str], where: str) -> None:
    """``where``: the header as it was when the measuring began."""
    console = Console(width=None if Console().is_terminal else WIDTH_PIPED)
    console.print(f"{where}, {load()} after", style="dim", highlight=False)
    console.print(table(rows))
    console.print(
        "A ratio is ours / theirs, the median of the runs' own ratios; where the unit is a time, less is better."
    )
    for note in notes:
        console.print(note, style="yellow", highlight=False)


def table(rows: Sequence[Row]) -> Table:
    """One line a row; what was not measured is "-"."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
    made.add_column("name", ratio=4)
    for title in ("ours", "unit", "peer", "ratio", "floor", "ratio", "runs", "goal"):
        made.add_column(title, justify="left" if title in ("unit", "peer", "floor", "goal") else "right")
    for row in rows:
        goal = row.get("goal")
        mark = "" if goal is None else ("[green]met[/] " if goal["met"] else "[red]MISSED[/] ") + goal["words"]
        made.add_row(
            row["name"],
            number(row.get("ours")),
            row.get("unit", ""),
            other(row.get("peer")),
            number(row.get("ratio")),
            other(row.get("floor")),
            number(row.get("floor_ratio")),
            str(row.get("runs", "-")),
            mark,
        )
    return made


def markdown(rows: Sequence[Row], where: str) -> str:
    """The same for the docs, with where and when it was measured."""
    lines = [
        f"Measured {where}, {load()} after.",
        "",
        "| name | ours | unit | peer | ours / peer | floor | ours / floor | runs | goal |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        goal = row.get("goal")
        cells = (
            row["name"],
            number(row.get("ours")),
            row.get("unit", ""),
            other(row.get("peer")),
            number(row.get("ratio")),
            other(row.get("floor")),
            number(row.get("floor_ratio")),
            str(row.get("runs", "-")),
            "" if goal is None else f"{'met' if goal['met'] else '**missed**'}: {goal['words']}",
        )
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines)


def other(compared: Any) -> str:
    """A peer or a floor: its figure and name, or what to do to have one."""
    if compared is None:
        return "-"
    if compared["value"] is None:
        return f"- {compared['name']}: {compared.get('note', 'not installed')}"
    return f"{number(compared['value'])} {compared['name']}"


def number(value: float | None) -> str:
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def header() -> str:
    """Where and when: without it a figure means nothing."""
    when, python = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", f"Python {platform.python_version()}"
    return f"{when}, {machine()}, {python}, {load()} before"


def machine() -> str:
    cores = Path("/proc/cpuinfo")
    lines = cores.read_text("utf-8").splitlines() if cores.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.processor() or platform.machine()


def load() -> str:
    """How busy the machine was with other things."""
    path = Path("/proc/loadavg")
    return f"load {path.read_text('ascii').split()[0]}" if path.exists() else "load unknown"
