"""Which files make a block: fpga/rtl/<block>.f, one path a line relative to fpga/rtl, packages first.

Simulation, lint, proofs and synthesis all ask here, so that they judge the same files.
A line `-f other.f` takes in another list; a file that is named twice counts once, at its first place.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RTL = ROOT / "fpga/rtl"


class FileListError(ValueError):
    """A list names what is not there."""


def blocks() -> list[str]:
    return sorted(path.stem for path in RTL.glob("*.f"))


def code(text: str) -> str:
    """Without comments and layout: what a tool's judgement of a file depends on."""
    return " ".join(re.sub(r"//.*", "", text).split())


def sources(block: str, rtl: Path = RTL) -> list[Path]:
    """All files of a block in the order in which tools must read them."""
    found: dict[Path, None] = {}
    _read(rtl / f"{block}.f", rtl, found, ())
    return list(found)


def _read(listed: Path, rtl: Path, found: dict[Path, None], above: tuple[Path, ...]) -> None:
    if listed in above:
        raise FileListError(f"{listed.name} includes itself")
    if not listed.is_file():
        raise FileListError(f"no file list {listed.name} in {rtl}")
    for number, raw in enumerate(listed.read_text("utf-8").splitlines(), 1):
        line = raw.split("#")[0].split("//")[0].strip()
        if not line:
            continue
        if line.startswith("-f "):
            _read(rtl / line[3:].strip(), rtl, found, (*above, listed))
            continue
        path = rtl / line
        if not path.is_file():
            raise FileListError(f"{listed.name}:{number}: no file {line} in {rtl}")
        found.setdefault(path, None)
