"""The testing guide names its judges: each of them is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "testing.md"
MATRICES = ROOT / "tests" / "conformance" / "fix_more.json"
PUBLISHED = {"B.1.a", "B.1.b", "C.1.b", "C.3.a", "C.3.c", "D.1.a", "J.1.a"}
"""Those that come with the data, under FIX's own numbers."""


def test_every_test_that_the_guide_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", GUIDE.read_text("utf-8")))
    written = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        written |= set(re.findall(r"def (test_\w+)\(", path.read_text("utf-8")))
    assert len(named) > 30
    assert named - written == set()


def test_every_matrix_that_the_guide_names_is_there() -> None:
    named = set(re.findall(r"`([A-M]\.\d\.[a-k])`", GUIDE.read_text("utf-8")))
    matrices = set(json.loads(MATRICES.read_text("utf-8"))["matrices"])
    assert len(named) > 25
    assert named - matrices - PUBLISHED == set()
