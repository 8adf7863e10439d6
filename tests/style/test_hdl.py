"""Rules of the card's files that no linter knows. Each test says what would be wrong with breaking it."""

from __future__ import annotations

import re
from pathlib import Path

from fpga.filelist import ROOT, RTL, blocks, sources

DOCS = ROOT / "fpga/docs"
GENERATED = RTL / "gen"


def ours() -> list[Path]:
    return [path for path in sorted(RTL.glob("*.sv")) if GENERATED not in path.parents]


def test_a_wire_that_nobody_declared_is_an_error_in_every_file() -> None:
    wrong = []
    for path in [*ours(), *sorted((ROOT / "fpga/formal").glob("*.sv"))]:
        code = [line for line in path.read_text("utf-8").splitlines() if line.strip() and not line.startswith("//")]
        if code[0] != "`default_nettype none" or code[-1] != "`default_nettype wire":
            wrong.append(f"{path.relative_to(ROOT)}: does not begin with none and end with wire")
    assert not wrong, "\n".join(wrong)


def test_every_module_belongs_to_a_block() -> None:
    listed = {path for block in blocks() for path in sources(block)}
    orphans = [path.name for path in ours() if path not in listed]
    assert not orphans, f"in no file list, so neither simulated nor linted: {orphans}"


def test_every_block_has_a_page_and_every_module_is_told_of() -> None:
    without = [block for block in blocks() if not (DOCS / f"{block}.md").exists() and not told(block)]
    assert not without, f"a block without a page in fpga/docs: {without}"
    silent = [path.name for path in ours() if not told(path.stem)]
    assert not silent, f"no page in fpga/docs names {silent}"


def told(module: str) -> bool:
    return any(re.search(rf"\b{module}\b", page.read_text("utf-8")) for page in DOCS.glob("*.md"))


def test_every_block_with_a_list_has_benches_or_is_part_of_one_that_has() -> None:
    benched = {path.parent.name for path in (ROOT / "sim/rtl").glob("*/test_*.py")}
    inside = {path.stem for block in benched if block in blocks() for path in sources(block)}
    without = [block for block in blocks() if block not in benched and block not in inside]
    assert not without, f"no bench in sim/rtl for {without}"


def test_every_bench_requires_full_coverage_and_tells_its_cycles() -> None:
    missing = []
    for folder in sorted({path.parent for path in (ROOT / "sim/rtl").glob("*/test_*.py")}):
        text = "\n".join(path.read_text("utf-8") for path in folder.glob("*.py"))
        missing += [f"{folder.name}: {word}" for word in ("require_full(", "report_cycles(") if word not in text]
    assert not missing, f"a bench without it could pass without having tried anything: {missing}"
