"""The guide's table of what is native, held here or refused is what engine and venues do."""

from __future__ import annotations

from pathlib import Path

from tests.unit.engine.order_type_table import ROWS, VENUES, table

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "order_types.md"
BEGIN, END = "<!-- venues: begin -->", "<!-- venues: end -->"


def test_the_guide_shows_what_engine_and_venues_do() -> None:
    _, _, rest = GUIDE.read_text("utf-8").partition(BEGIN)
    shown, end, _ = rest.partition(END)
    assert end, f"{GUIDE.name} has no {END}"
    again = "python -m tests.unit.engine.order_type_table prints it anew"
    assert shown.strip().splitlines() == table(), again


def test_every_cell_is_one_of_four_answers() -> None:
    cells = [cell.strip() for line in table()[2:] for cell in line.strip("| ").split(" | ")[1:]]
    assert len(cells) == len(ROWS) * len(VENUES)
    assert {cell.partition(":")[0] for cell in cells} == {
        "native", "here", "here, in slices", "refused", "refused by the session",
    }  # fmt: skip
