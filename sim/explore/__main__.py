"""``python -m sim.explore BLOCK [Parameter=4 ...]``: a prompt on a block of the card."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

from fpga.filelist import ROOT
from sim.explore.explorer import Explorer, ExplorerError

HELP = """  port              its value            port = 0x1f       set an input
  step [n]          clock cycles         ports             all of them
  trace file.vcd    waves from now on    help, quit"""


def main(arguments: list[str], lines: Callable[[str], str] = input) -> int:
    if not arguments:
        blocks = sorted(path.stem for path in (ROOT / "fpga/rtl").glob("*.f"))
        sys.stdout.write(f"usage: python -m sim.explore BLOCK [Parameter=4 ...]\nblocks: {' '.join(blocks)}\n")
        return 2
    block, *given = arguments
    try:
        parameters = {name: int(value, 0) for name, _, value in (each.partition("=") for each in given)}
        with Explorer(block, parameters=parameters) as explorer, suppress(EOFError, KeyboardInterrupt):
            sys.stdout.write(f"{block}, after its reset. `help` says what there is.\n")
            while True:
                line = lines(f"{block}> ").strip()
                if line in {"quit", "exit"}:
                    break
                sys.stdout.write(answer(explorer, line))
    except (ExplorerError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def answer(explorer: Explorer, line: str) -> str:
    """What to print. ExplorerError of a model that has ended goes on to the caller; one's own mistakes do not."""
    words = line.replace("=", " = ").split()
    match words:
        case []:
            return ""
        case ["help"]:
            return f"{HELP}\n"
        case ["ports"]:
            values = explorer.values()
            return "".join(_shown(explorer, name, value) for name, value in values.items())
        case ["step"] | ["step", _]:
            explorer.step(int(words[1], 0) if len(words) > 1 else 1)
            return ""
        case ["trace", path]:
            explorer.trace(path)
            return ""
        case [port, "=", value]:
            try:
                explorer[port] = int(value, 0)
            except (ExplorerError, ValueError) as error:
                return f"{error}\n"
            return ""
        case [port] if port in explorer.inputs or port in explorer.outputs:
            return _shown(explorer, port, explorer[port])
        case _:
            return f"no port and no command: {line}. `help` says what there is.\n"


def _shown(explorer: Explorer, name: str, value: int) -> str:
    width = explorer.inputs.get(name) or explorer.outputs[name]
    direction = "in " if name in explorer.inputs else "out"
    return f"  {direction} {name:<28} {width:>5} bits  {value:#x}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
