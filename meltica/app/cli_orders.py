"""``meltica orders``: the order lifecycle, printed from the table that runs it."""

from __future__ import annotations

import typer

from meltica.domain.lifecycle import PRECEDENCE, TERMINAL

app = typer.Typer(help="What the engine knows of orders.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``states`` a command of its own while it is the only one."""


@app.command()
def states() -> None:
    """Print how an order's status follows from its facts (FIX Appendix D precedence)."""
    print("An order's status is the first of these that holds:\n")
    for precedence, status, fact, _ in PRECEDENCE:
        print(f"  {precedence:>2}  {status.value:<16} {fact}{'   (terminal)' if status in TERMINAL else ''}")
