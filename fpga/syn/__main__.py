"""`python -m fpga.syn [BLOCK ...]`: writes fpga/docs/synthesis.md; with names it only prints those rows.

`--kept` writes the page from what has been run before, and runs nothing.
"""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from fpga.filelist import ROOT
from fpga.syn.design import Design, DesignError, Parameters, all_designs
from fpga.syn.flow import CLOCK_MHZ, NotKeptError, cells, route

PAGE = ROOT / "fpga/docs/synthesis.md"
PARALLEL = 2
INTRO = f"""# Synthesis: what each block costs and how fast it runs

Written by `make -C fpga report`; do not edit. Cells: yosys, `synth_xilinx -family xcup`, flattened, at the full table
sizes of the card. yosys maps carries to CARRY4 (UltraScale+ has CARRY8: half as many) and knows no timing of Xilinx
parts, so these are resources and nothing else; abc9 runs its fast script. BRAM36 counts an RAMB18 as a half.

Fmax: place and route with nextpnr on a Lattice ECP5 (LFE5UM5G-85, speed grade 8), with flip-flops before every input
and after every output; the median over seeds, and in brackets the slowest and the fastest. **The ECP5 is a 40 nm part
and a stand-in**: it tells which paths are long and whether a change made them longer, not what a 16 nm UltraScale+
reaches. The card's clock is {CLOCK_MHZ} MHz; a block below that on the ECP5 is not shown to miss it on the Alveo, and
a block above it is not shown to meet it there either. Table depths that the ECP5 cannot hold are cut as the last
column says; widths and logic are not.
"""
HEAD = """
| block | LUT | of them memory | FF | CARRY4 | DSP | BRAM36 | URAM | ECP5 MHz | its longest path | sizes: cells; ECP5 |
|---|---|---|---|---|---|---|---|---|---|---|
"""


class Row(NamedTuple):
    design: Design
    line: str
    problem: str


def main(arguments: list[str]) -> int:
    chosen, run = [name for name in arguments if name != "--kept"], "--kept" not in arguments
    designs = all_designs()
    unknown = set(chosen) - {design.block for design in designs}
    if unknown:
        known = " ".join(design.block for design in designs)
        print(f"no block {', '.join(sorted(unknown))}; there are: {known}", file=sys.stderr)
        return 2
    chosen_designs = [design for design in designs if not chosen or design.block in chosen]
    begin = time.monotonic()
    with ThreadPoolExecutor(PARALLEL) as pool:
        # The largest first, so that the last to end is a small one.
        by_size = sorted(chosen_designs, key=lambda design: -sum(path.stat().st_size for path in design.files()))
        rows = {made.design.block: made for made in pool.map(lambda design: row(design, run=run), by_size)}
    for block in sorted(rows):
        print(rows[block].line)
    problems = [f"{block}: {rows[block].problem}" for block in sorted(rows) if rows[block].problem]
    for problem in problems:
        print(f"FAIL  {problem}", file=sys.stderr)
    if not chosen:
        PAGE.write_text(INTRO + HEAD + "".join(f"{rows[block].line}\n" for block in sorted(rows)))
    print(f"{len(rows)} blocks in {time.monotonic() - begin:.0f} s")
    return 1 if problems else 0


def row(design: Design, *, run: bool) -> Row:
    problems = []
    try:
        used = cells(design, run=run)
        if used["latches"]:
            problems.append(f"{used['latches']} latches")
        counted = [
            *(used["LUT"] + used["LUTRAM"], used["LUTRAM"], used["FF"], used["CARRY"], used["DSP"]),
            f"{used['BRAM'] + used['BRAM18'] / 2:g}",
            used["URAM"],
        ]
    except NotKeptError:
        counted = ["not run yet", *["-"] * 6]
    except DesignError as error:
        counted = ["-"] * 7
        problems.append(str(error))
    speed, path = "-", "-"
    if design.place:
        try:
            speed, path = _speed(design, run=run)
        except NotKeptError:
            speed = "not run yet"
        except DesignError as error:
            problems.append(str(error))
    sizes = f"{_sizes(design.full)}; {_sizes(design.small)}"
    line = f"| `{design.block}` | {' | '.join(map(str, counted))} | {speed} | {path} | {sizes} |"
    return Row(design, line, "; ".join(problems))


def _speed(design: Design, *, run: bool) -> tuple[str, str]:
    routed = []
    for seed in range(1, design.seeds + 1):
        try:
            routed.append(route(design, seed, run=run))
        except NotKeptError:
            if not routed:
                raise
    speeds = sorted(result["mhz"] for result in routed)
    median = statistics.median_low(speeds)
    path = next(result["path"] for result in routed if result["mhz"] == median)
    spread = f"{speeds[0]:.0f} to {speeds[-1]:.0f}" if len(speeds) > 1 else "one seed"
    return f"{median:.0f} ({spread})", path


def _sizes(parameters: Parameters) -> str:
    return ", ".join(f"{name} {value}" for name, value in parameters.items()) or "defaults"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
