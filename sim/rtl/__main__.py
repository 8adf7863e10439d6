"""`python -m sim.rtl [BLOCK ...]`: the benches of all blocks, or of some; then how fast each of them ran."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from fpga.filelist import ROOT

HERE = Path(__file__).resolve().parent
CYCLES = ROOT / ".cache/sim/cycles.jsonl"
BUILD_AND_RUN_SECONDS = 900  # One test, with a cold compiler cache on a busy machine


def main(chosen: list[str]) -> int:
    known = sorted(path.parent.name for path in HERE.glob("*/test_*.py"))
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(f"no benches for {', '.join(unknown)}; there are: {', '.join(known) or 'none'}", file=sys.stderr)
        return 2
    begin = time.time()
    folders = [str(HERE / name) for name in chosen or known]
    command = [sys.executable, "-m", "pytest", "-q", "-s", f"--timeout={BUILD_AND_RUN_SECONDS}", *folders]
    result = subprocess.run(command, cwd=ROOT, check=False).returncode
    for line in speeds(CYCLES, since=begin):
        print(line)
    print(f"{time.time() - begin:.0f} s in all")
    return result


def speeds(path: Path, *, since: float) -> list[str]:
    """One line a bench, the last run of each since then."""
    facts = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    last = {(fact["block"], fact["test"], fact["parameters"]): fact for fact in facts if fact["at"] >= since}
    return [
        f"{f['block']:<16} {f['test'].split('.')[-1]:<28} {f['cycles']:>11,} cycles {f['seconds']:>7.1f} s"
        f" {f['cycles'] / f['seconds']:>9,.0f} cycles/s  {f['parameters']}".rstrip()
        for f in last.values()
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
