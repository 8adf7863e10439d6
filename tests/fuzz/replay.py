"""Every door over its seeds, kept inputs and what the fuzzer found: python -m tests.fuzz.replay SECONDS [DOOR ...]

At most SECONDS for each door. The input under way is named in .cache/fuzz/replaying-PID, because a
sanitizer ends the process where it stands.
"""

# ruff: noqa: T201 - it is run by people and by tools/, and says what it did

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from time import monotonic

from tests.fuzz.door import FOUND, KEPT, inputs
from tests.fuzz.doors import DOORS


def main(arguments: list[str]) -> int:
    seconds, names = float(arguments[0]), arguments[1:] or list(DOORS)
    FOUND.mkdir(parents=True, exist_ok=True)
    note = FOUND / f"replaying-{os.getpid()}"
    print("modules:", sanitized_or_not())
    with note.open("w+b", buffering=0) as file:
        for name in names:
            end, count, total = monotonic() + seconds, 0, 0
            for label, data in _inputs(name):
                total += 1
                if monotonic() > end and not label.startswith("seed"):
                    continue
                os.pwrite(file.fileno(), f"{name} {label}\n".encode().ljust(120), 0)
                DOORS[name].judge(data)
                count += 1
            print(f"  ok    {name:<16} {count:6d} of {total:6d} inputs", flush=True)
    note.unlink()
    return 0


def _inputs(name: str) -> Iterator[tuple[str, bytes]]:
    for number, data in enumerate(DOORS[name].seeds()):
        yield f"seed {number} {data[:32].hex()}", data
    yield from inputs(KEPT, name)
    yield from inputs(FOUND, name)


def sanitized_or_not() -> str:
    """Where the compiled modules come from; under MELTICA_SANITIZED each must be of that build.

    :raises RuntimeError: one is of another.
    """
    files = [module.__file__ or "" for name, module in sys.modules.items() if name.startswith("cython_ext.")]
    wanted = os.environ.get("MELTICA_SANITIZED", "")
    if strangers := [file for file in files if wanted and not file.startswith(wanted)]:
        raise RuntimeError(f"not of the sanitized build in {wanted}: {', '.join(strangers)}")
    return f"{len(files)} compiled, {'all of ' + wanted if wanted else 'of the ordinary build'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
