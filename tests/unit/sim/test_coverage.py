"""Coverage that is not full fails, and a hit that nobody planned does too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.rtl import RUN_FOLDER, report_cycles
from sim.rtl.coverage import Cover


def test_full_coverage_passes_and_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN_FOLDER, str(tmp_path))
    cover = Cover("reasons", ["price", "size"])
    for name in ("price", "size", "price"):
        cover.hit(name)
    cover.require_full()
    line = json.loads((tmp_path / "coverage.jsonl").read_text())
    assert line == {"name": "reasons", "hit": 2, "bins": 2, "missing": []}
    assert cover.hits["price"] == 2


def test_what_was_not_hit_is_named_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN_FOLDER, str(tmp_path))
    cover = Cover("stalls", [(0, 1), (1, 1)])
    cover.hit((0, 1))
    assert cover.missing() == [(1, 1)]
    with pytest.raises(AssertionError, match=r"stalls: 1 of 2 bins; nothing hit \[\(1, 1\)\]"):
        cover.require_full()
    assert json.loads((tmp_path / "coverage.jsonl").read_text())["missing"] == ["(1, 1)"]


def test_a_hit_outside_the_bins_raises() -> None:
    with pytest.raises(KeyError, match="no bin 'weight'"):
        Cover("reasons", ["price"]).hit("weight")


def test_a_coverage_without_bins_could_never_fail() -> None:
    with pytest.raises(ValueError, match="no bins"):
        Cover("nothing", [])


def test_outside_a_simulation_a_report_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUN_FOLDER, raising=False)
    report_cycles("risk_gate", 10)
