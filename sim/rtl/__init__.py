"""Benches of the card's blocks: one folder a block, cocotb on Verilator, the Python twins as scoreboards."""

from __future__ import annotations

import json
import os
from pathlib import Path

RUN_FOLDER = "MELTICA_SIM_RUN"  # Set by the runner for the simulation that it starts


def report(what: str, **facts: object) -> None:
    """One line for the runner, which sums up when the simulation has ended. Outside a run it goes nowhere."""
    folder = os.environ.get(RUN_FOLDER)
    if folder:
        with (Path(folder) / f"{what}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")


def report_cycles(block: str, cycles: int) -> None:
    """How many cycles a bench has run; the runner prints cycles a second."""
    report("cycles", block=block, cycles=int(cycles))
