"""Writes docs/order_states.md from the tables that run the orders, and from what the engine answers when it is tried.

python tools/gen_states.py            writes it
python tools/gen_states.py --check    exit code 1 when the page shows something else
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from meltica.app.reports.order_states import SITUATIONS, WORDS, Answer, answers, moves  # noqa: E402 - from this tree
from meltica.domain.lifecycle import BESIDE, PRECEDENCE, TERMINAL  # noqa: E402 - from this tree

PAGE = ROOT / "docs" / "order_states.md"
HEAD = """# Order states

This page is written by `python tools/gen_states.py`; `meltica orders states` prints the same. Nobody edits it.

A status is never stored. It is the first of these facts that holds, in the order of FIX's Appendix D:
"""
BESIDE_HEAD = """
Beside the status stand facts that FIX has no status for:
"""
DIAGRAM_HEAD = """
## How the status moves

Each arrow is what the engine did when it was told so of an order of 100 lots in that state. Trades, busts and
corrections are taken in every state: a late fill is money. What changes no status, and what is refused, has no arrow;
both are in the table below. Where many reports lead from one status to another they share an arrow.
"""
TABLE_HEAD = """
## Every state, everything that can be said

The cell is the status afterwards, `=` the same. In brackets: what stands beside it from then on. In italics: nothing
came of it, and why. `Trade` is 40 lots; `Trade (the rest)` is all that is left, or one lot more than was ordered;
`Replaced` and `Restated` give it 120 lots; `TradeCorrect` and `TradeCancel` are about the first execution, and wait for
it where there was none; requests that were not ours are the venue's own desk's.
"""


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _cell(answer: Answer, before: str) -> str:
    if not answer.accepted:
        return f"*{answer.note.lower().replace('_', ' ')}*"
    status = "=" if answer.status.value == before.partition(",")[0] else answer.status.value
    return f"{status} ({answer.note})" if answer.note else status


def _diagram() -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> PendingNew: SubmitOrder"]
    for (before, after), words in moves().items():
        lines.append(f"    {before.value} --> {after.value}: {', '.join(words)}")
    lines += [f"    {status.value} --> [*]" for status in sorted(TERMINAL, key=lambda one: one.value)]
    return [*lines, "```"]


def page() -> str:
    facts = [
        [str(rank), status.value, words, "yes" if status in TERMINAL else ""] for rank, status, words, _ in PRECEDENCE
    ]
    lines = [HEAD, *_table(["precedence", "status", "fact", "terminal"], facts)]
    lines += [BESIDE_HEAD, *_table(["fact", "in words"], [[name, words] for name, words, _ in BESIDE])]
    lines += [DIAGRAM_HEAD, *_diagram()]
    found = answers()
    rows = [[f"`{word}`", *(_cell(found[name][word], name) for name in SITUATIONS)] for word in WORDS]
    lines += [TABLE_HEAD, *_table(["", *SITUATIONS], rows)]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    fresh = page()
    if arguments == ["--check"]:
        return int(not PAGE.exists() or PAGE.read_text("utf-8") != fresh)
    PAGE.write_text(fresh, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
