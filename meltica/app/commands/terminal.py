"""What commands share at a terminal: where the journal is, times with their zone, counts with their noun, examples."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Final

import typer

JOURNAL: Final = Path(".meltica/journal.db")
"""Of a gateway with the settings' own state folder, seen from where it was started."""
JournalPath = Annotated[Path, typer.Argument(help="The journal file.")]


def utc(time_ns: int) -> str:
    """To the second, with the zone: nobody at three in the morning should have to guess it."""
    return clock(dt.datetime.fromtimestamp(time_ns // 1_000_000_000, dt.UTC))


def clock(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def counted(count: int, noun: str) -> str:
    """``1 fill``, ``2 fills``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def examples(*lines: str) -> str:
    """The end of a help page. At most 78 characters a line: a terminal of 80 must not break what is to be copied."""
    return "\n".join((f"Example{'s' if len(lines) > 1 else ''}:", *(f"  {line}" for line in lines)))
