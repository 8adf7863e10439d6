"""Draws the state diagrams of docs/guides/leases.md from the tables that the code moves by.

python tools/draw_states.py            writes them
python tools/draw_states.py --check    exit code 1 when the page shows something else
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from meltica.links import control_link_session, hot_link_phase  # noqa: E402 - from this tree, wherever it is run

PAGE = ROOT / "docs" / "guides" / "leases.md"
TABLES: dict[str, Mapping[Any, Enum]] = {
    "gateway": control_link_session.MOVES,
    "gate": hot_link_phase.MOVES,
}


def drawn(moves: Mapping[Any, Enum]) -> str:
    """Mermaid. The first state of the table is where it begins."""
    first = next(iter(moves))[0]
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first.name}"]
    lines += [f"    {before.name} --> {after.name}: {what.value}" for (before, what), after in moves.items()]
    return "\n".join([*lines, "```"])


def page(text: str) -> str:
    for name, moves in TABLES.items():
        begin, end = f"<!-- states: {name} -->\n", "\n<!-- end -->"
        before, found, rest = text.partition(begin)
        if not found:
            raise SystemExit(f"{PAGE} has no {begin.strip()}")
        text = before + begin + drawn(moves) + end + rest.partition(end)[2]
    return text


def main(arguments: list[str]) -> int:
    text = PAGE.read_text("utf-8")
    fresh = page(text)
    if arguments == ["--check"]:
        return int(fresh != text)
    PAGE.write_text(fresh, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
