"""One door under atheris: python -m tests.fuzz.run DOOR SECONDS | --list | DOOR --replay FILE...

The corpus grows in .cache/fuzz/DOOR; an input that fails is written to .cache/fuzz/failed/ and named in the output.
Coverage is that of the Python form; the compiled one gets the same bytes and must give the same.
"""

# ruff: noqa: T201 - it is run by people and by tools/, and says what it did

from __future__ import annotations

import os
import re
import sys
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import atheris

from tests.fuzz.door import FOUND, KEPT, ROOT, Door, inputs

ONE_INPUT_S = 20
MEMORY_MB = 4096
HOMES = {
    name: path.stem
    for path in sorted(Path(__file__).parent.glob("doors_*.py"))
    for name in re.findall(r'Door\("(\w+)"', path.read_text("utf-8"))
}
"""Door: the module that has it. Read, not imported: what is imported before the fuzzer looks is not instrumented."""


def main(arguments: list[str]) -> int:
    match arguments:
        case ["--list"]:
            print("\n".join(HOMES))
        case [name, "--replay", *paths] if name in HOMES:
            for path in paths:
                found(name).judge(Path(path).read_bytes())
                print(f"{path}: no finding")
        case [name, seconds] if name in HOMES and seconds.isdigit():
            fuzz(name, int(seconds))
        case _:
            print(f"{__doc__}\ndoors: {' '.join(HOMES)}", file=sys.stderr)
            return 2
    return 0


def found(name: str) -> Door:
    doors: tuple[Door, ...] = import_module(f"tests.fuzz.{HOMES[name]}").DOORS
    return next(door for door in doors if door.name == name)


def fuzz(name: str, seconds: int) -> None:
    """Does not come back: the fuzzer ends the process, with 0 when the time is over."""
    with atheris.instrument_imports(include=["meltica"], enable_loader_override=False):
        door = found(name)
    corpus, failed = FOUND / name, FOUND / "failed"
    for folder in (corpus, failed):
        folder.mkdir(parents=True, exist_ok=True)
    for data in (*door.seeds(), *(data for _, data in inputs(KEPT, name))):
        (corpus / sha256(data).hexdigest()[:40]).write_bytes(data)
    options = {
        "max_total_time": seconds,
        "max_len": door.most,
        "timeout": ONE_INPUT_S,
        "rss_limit_mb": MEMORY_MB,
        "artifact_prefix": f"{failed.relative_to(ROOT)}/{name}-",
        "print_final_stats": 1,
        "verbosity": 1,
    }
    if seed := os.environ.get("FUZZ_SEED"):
        options["seed"] = int(seed)  # The same inputs in the same order; without it libFuzzer draws one and prints it
    flags = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], door.judge)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
