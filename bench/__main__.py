"""`make bench`: every figure of the docs in one table, each beside its peer and its floor.

python -m bench                  all of it, about five minutes
python -m bench --only gate      the rows of one part
python -m bench --json           one JSON array, nothing else, on stdout
python -m bench --markdown       the table of docs/latency_budget.md
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, NamedTuple

from bench.goals import judge
from bench.measure import Row
from bench.table import header, markdown, show

PARTS: Final = (
    "gate",
    "itch",
    "books",
    "ouch",
    "feed",
    "xdp",
    "engine",
    "growth",
    "held",
    "parents",
    "analytics",
    "journal",
    "replay",
    "snapshots",
    "ledger",
    "reconciliation",
    "durable",
    "grpc_submit",
    "links",
    "rings",
    "hot_path",
    "leases",
    "verilated",
)
RUNS: Final = 5

Rows = Callable[[int], list[Row]]


class Taken(NamedTuple):
    rows: list[Row]
    notes: list[str]
    """What could not be measured, and why."""


def main(arguments: list[str], parts: Mapping[str, Rows] | None = None) -> int:
    """0: all that was asked for was measured; 1: something failed; goals don't count, a machine may be slow."""
    found, notes = (dict(parts), []) if parts is not None else load_parts(PARTS)
    asked = _parser(sorted({*found, *PARTS})).parse_args(arguments)
    wanted = {name: rows for name, rows in found.items() if asked.only in ("", name)}
    if asked.only and not wanted:
        print(f"bench: {asked.only} is not there: {'; '.join(notes)}", file=sys.stderr)
        return 1
    where = header()
    taken = measure(wanted, asked.runs)
    if asked.json or asked.markdown:
        print(json.dumps(taken.rows, ensure_ascii=False, indent=1) if asked.json else markdown(taken.rows, where))
        print("\n".join(taken.notes), file=sys.stderr, end="\n" if taken.notes else "")
    else:
        show(taken.rows, [*notes, *taken.notes], where)
    return 1 if taken.notes else 0


def load_parts(names: tuple[str, ...]) -> tuple[dict[str, Rows], list[str]]:
    """``rows`` of each module of this package; one that does not import is named, and stops no other."""
    parts, notes = {}, []
    for name in names:
        try:
            parts[name] = import_module(f"bench.{name}").rows
        except ImportError as error:
            notes.append(f"bench.{name} was left out: {error}")
    return parts, notes


def measure(parts: Mapping[str, Rows], runs: int) -> Taken:
    taken = Taken([], [])
    for name, rows in parts.items():
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            found = rows(runs)
        except Exception as error:  # noqa: BLE001 - one part's failure must not cost the figures of the others
            traceback.print_exc()
            said = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
            taken.notes.append(f"bench.{name} failed: {type(error).__name__}: {error} {said or ''}".rstrip())
            continue
        for row in found:
            row["goal"] = judge(row)
        taken.rows.extend(found)
    return taken


def _parser(names: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description="The figures, each beside a peer and a floor.")
    parser.add_argument("--only", default="", choices=["", *names], metavar="PART", help=", ".join(names))
    parser.add_argument("--runs", type=int, default=RUNS, help=f"rounds of each contender ({RUNS})")
    parser.add_argument("--json", action="store_true", help="one JSON array on stdout")
    parser.add_argument("--markdown", action="store_true", help="the table of docs/latency_budget.md")
    return parser


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
