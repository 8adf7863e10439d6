"""``meltica orders``: the order lifecycle, printed from the tables that run it and from what the engine answers."""

from __future__ import annotations

import typer

from meltica.app.commands.terminal import examples
from meltica.app.reports.order_states import answers
from meltica.domain.lifecycle import BESIDE, PRECEDENCE, TERMINAL

app = typer.Typer(help="What the engine knows of orders.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``states`` a command of its own while it is the only one."""


@app.command(epilog=examples("meltica orders states | less"))
def states() -> None:
    """Print how an order's status follows from its facts, and what each report and command does in each state."""
    print("An order's status is the first of these that holds (FIX Appendix D):\n")
    for precedence, status, fact, _ in PRECEDENCE:
        print(f"  {precedence:>2}  {status.value:<16} {fact}{'   (terminal)' if status in TERMINAL else ''}")
    print("\nBeside it stand:\n")
    for name, words, _ in BESIDE:
        print(f"      {name:<16} {words}")
    print("\nWhat comes of everything that can be said of an order of 100 lots, as the engine answers it:")
    for situation, row in answers().items():
        print(f"\n  {situation}")
        for word, answer in row.items():
            if answer.accepted:
                note = f"   ({answer.note})" if answer.note else ""
                print(f"      {word:<16} -> {answer.status.value}{note}")
        refused: dict[str, list[str]] = {}
        for word, answer in row.items():
            if not answer.accepted:
                refused.setdefault(answer.note, []).append(word)
        for reason, names in refused.items():
            print(f"      nothing comes of {', '.join(names)}: {reason}")
