"""The latency regression check: instructions of each stage (callgrind) against the committed baseline.

python -m bench.instructions            compare; exit 1 when a stage grew by more than 5 %
python -m bench.instructions --update   write the baseline of this compiler anew (a commit that does so says why)

Instructions do not swing with the load of the machine, so this may be a test where a time may not. They say nothing of
cache misses and mispredicted branches: `make bench` has the times. They differ between compilers, so the baseline is
kept by compiler; under a compiler without one there is nothing to compare with, which is said and is no failure.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

from bench.stages import STAGES

HERE: Final = Path(__file__).parent
BASELINE: Final = HERE / "instructions.toml"
ALLOWED_GROWTH: Final = 0.05
HEADER: Final = """\
# Instructions per item of each stage, counted by callgrind: `python -m bench.instructions --update` writes it.
# A table for each compiler; a change here needs a reason in its commit.
"""


class Verdict(NamedTuple):
    stage: str
    counted: float
    baseline: float | None

    @property
    def growth(self) -> float | None:
        return None if self.baseline is None else self.counted / self.baseline - 1

    @property
    def failed(self) -> bool:
        return self.growth is not None and self.growth > ALLOWED_GROWTH

    def line(self) -> str:
        if self.growth is None:
            return f"  new   {self.stage:<44} {self.counted:10.1f}  (no baseline)"
        word = "FAIL" if self.failed else "ok"
        return f"  {word:<5} {self.stage:<44} {self.counted:10.1f}  {self.growth:+7.2%} of {self.baseline:.1f}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the baseline of this compiler")
    update = parser.parse_args(arguments).update
    compiler = compiler_name()
    baselines = tomllib.loads(BASELINE.read_text("utf-8")) if BASELINE.exists() else {}
    counted = count_all()
    if update:
        baselines[compiler] = {stage: round(value, 1) for stage, value in counted.items()}
        BASELINE.write_text(HEADER + "".join(table(name, baselines[name]) for name in sorted(baselines)), "utf-8")
    if compiler not in baselines:
        print(f"no baseline for {compiler}: nothing to compare with (known: {', '.join(baselines) or 'none'})")
    return report(compare(counted, baselines.get(compiler, {})))


def compare(counted: dict[str, float], baseline: dict[str, float]) -> list[Verdict]:
    """A stage of the baseline that was not counted is a failure too: it vanished."""
    gone = [Verdict(stage, float("inf"), value) for stage, value in baseline.items() if stage not in counted]
    return [Verdict(stage, value, baseline.get(stage)) for stage, value in counted.items()] + gone


def report(verdicts: list[Verdict]) -> int:
    for verdict in verdicts:
        print(verdict.line())
    return 1 if any(verdict.failed for verdict in verdicts) else 0


def table(compiler: str, stages: dict[str, float]) -> str:
    return f'\n["{compiler}"]\n' + "".join(f'"{stage}" = {value}\n' for stage, value in stages.items())


def compiler_name() -> str:
    version = subprocess.run(["gcc", "-dumpfullversion"], check=True, capture_output=True, text=True).stdout.strip()
    return f"gcc {version} {os.uname().machine}"


def count_all() -> dict[str, float]:
    """Instructions per item by stage. :raises CalledProcessError: valgrind or the stages failed (stderr says why)."""
    with tempfile.TemporaryDirectory(prefix="meltica-instructions-") as folder:
        marks, out = Path(folder) / "marks.so", Path(folder) / "out"
        source = HERE / "floors" / "callgrind_marks.c"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", marks, source], check=True)
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
        run = subprocess.run(
            [*command, sys.executable, "-m", "bench.stages", str(marks)],
            env={**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"},
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            print(run.stderr, file=sys.stderr)
            run.check_returncode()
        found = dict(dump(path.read_text("utf-8")) for path in Path(folder).glob("out.*"))
    return {stage.name: found[stage.name] / stage.items for stage in STAGES if stage.name in found}


def dump(text: str) -> tuple[str, int]:
    """(name of the stage, instructions) of one of callgrind's files."""
    name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
    total = re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)
    if name is None or total is None:
        return "", 0
    return name.group(1), int(total.group(1))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
