"""``meltica feed``: look at market data files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from meltica.app.feed import summary as summarize

app = typer.Typer(help="Look at recorded market data.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``summary`` a command of its own while it is the only one."""


@app.command()
def summary(file: Annotated[Path, typer.Argument(help="A Binance recording or an ITCH 5.0 file.")]) -> None:
    """Print one JSON object: messages by type, times, gaps, and each book as it is at the end."""
    found = summarize(file)
    print(json.dumps(found, indent=2))
    if found["error"]:
        print(f"meltica: {found['error']}", file=sys.stderr)
        raise typer.Exit(1)
