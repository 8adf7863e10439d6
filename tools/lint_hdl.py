"""Lint of the card's SystemVerilog: Verilator -Wall, verible and slang; a warning of any of them is an error.

tools/lint_hdl.py [BLOCK ...]      without a name: every file list of fpga/rtl, harnesses and wrappers too
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from fpga.filelist import RTL, blocks, sources  # noqa: E402 - the line above makes it found

TOOLS = Path(sys.prefix) / "bin"
LINT = ROOT / "fpga/lint"
# What slang warns of beyond its defaults. A `unique case` keeps its default (verible asks for one), and $clog2 is
# signed by its definition. A cast that says a width once more, a case over an enum and a local name of a function
# that the module has too, are the house style.
SLANG = (
    *("-Wextra", "-Wconversion", "-Werror"),
    *(
        "-Wno-sign-conversion",
        "-Wno-case-redundant-default",
        "-Wno-useless-cast",
        "-Wno-case-type",
        "-Wno-shadow-value",
    ),
)
PARALLEL = 2
T = TypeVar("T")


def run(*command: str | Path) -> str:
    """What a tool had to say, if it was not content."""
    words = [str(part) for part in command]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"{words[0]} failed"


def verilator(block: str) -> str:
    flags = ("--lint-only", "--timing", "-Wall", "--assert", "--top-module", block)
    return run(TOOLS / "verilator", *flags, LINT / "verilator.vlt", *sources(block))


def slang(block: str) -> str:
    return run(sys.executable, "-m", "fpga.slang", *SLANG, "--top", block, *sources(block))


def verible(path: Path) -> str:
    return run(TOOLS / "verible-verilog-lint", "--rules_config", LINT / "verible.rules", path)


def ours(chosen: list[str]) -> list[Path]:
    """Hand-written files: of the blocks, of their proofs, of synthesis and of their benches."""
    if chosen:
        found = {path for block in chosen for path in sources(block)}
    else:
        found = {path for folder in ("fpga", "sim/rtl") for path in (ROOT / folder).rglob("*.sv")}
    return sorted(path for path in found if (RTL / "gen") not in path.parents)


def judge(name: str, check: Callable[[T], str], things: list[T]) -> bool:
    begin = time.monotonic()
    with ThreadPoolExecutor(PARALLEL) as pool:
        complaints = [text for text in pool.map(check, things) if text]
    state = "FAIL" if complaints else "ok  "
    print(f"  {state}  {name:<18} {len(things):>3} judged, {time.monotonic() - begin:.1f} s")
    for text in complaints:
        print("\n".join(f"        {line}" for line in text.splitlines()))
    return not complaints


def main(chosen: list[str]) -> int:
    known = blocks()
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(f"no block {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    tops = chosen or known
    good = [
        judge("verilator -Wall", verilator, tops),
        judge("slang -Wextra", slang, tops),
        judge("verible", verible, ours(chosen)),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
