"""The bench renders, and judges as it says. No figure is asserted: a slow machine is not a wrong program."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from rich.console import Console

from bench import durable, engine
from bench.__main__ import PARTS, load_parts, main
from bench.durable import NO_LATENCY, SILENT
from bench.goals import GOALS, judge
from bench.measure import Series, in_turn, missing, row
from bench.table import number, table

FIELDS = {"name", "unit", "ours", "peer", "floor", "ratio", "floor_ratio", "runs", "goal"}


def some_rows(runs: int) -> list[dict]:
    with_peer = row(
        "gate: one C call of a test",
        "ns/order",
        [100.0] * runs,
        floor=Series("C", [50.0] * runs),
        peer=Series("P", [400.0]),
    )
    without = row("durable: orders of a test", "orders/s", [7_000.0] * runs, floor=Series("disk", [9_000.0] * runs))
    return [with_peer, {**without, "peer": missing("Other", "make other")}]


def failing(_runs: int) -> list[dict]:
    raise OSError("no such disk")


def text_of(rows: list[dict]) -> str:
    shown = io.StringIO()
    Console(width=250, file=shown).print(table(rows))
    return shown.getvalue()


def test_json_is_one_array_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--runs", "1"], {"one": some_rows, "two": some_rows}) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 4
    assert all(set(found) == FIELDS for found in rows)
    assert rows[0]["ratio"] == 0.25
    assert rows[0]["floor_ratio"] == 2
    assert rows[1]["ratio"] is None


def test_the_table_shows_figures_goals_and_what_is_not_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--runs", "1"], {"one": some_rows}) == 0
    shown = capsys.readouterr().out
    for words in ("Python 3.", "load ", "gate: one C call of a test", "400.0 P", "not installed: make other", "MISSED"):
        assert words in " ".join(shown.split()), words


def test_markdown_is_a_table_with_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--markdown", "--runs", "1"], {"one": some_rows}) == 0
    measured, _, *lines = capsys.readouterr().out.splitlines()
    assert measured.startswith("Measured 20")
    assert len(lines) == 2 + 2
    assert {line.count("|") for line in lines} == {10}
    assert "| **missed**: at least 8,000 a second |" in lines[-1]


def test_only_measures_one_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--only", "one", "--runs", "1"], {"one": some_rows, "two": failing}) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_a_part_that_fails_is_named_and_costs_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--runs", "1"], {"two": failing, "one": some_rows}) == 1
    said = capsys.readouterr()
    assert len(json.loads(said.out)) == 2
    assert "bench.two failed: OSError: no such disk" in said.err


def test_goals_are_judged_by_the_figure_that_they_name() -> None:
    fast, slow = some_rows(1)
    words = "at most 1.5 x the floor"
    assert judge(fast) == {"words": words, "met": False}
    assert judge(slow) == {"words": "at least 8,000 a second", "met": False}
    assert judge({**slow, "ours": 8_000}) == {"words": "at least 8,000 a second", "met": True}
    assert judge({**fast, "floor_ratio": 1.5}) == {"words": words, "met": True}
    assert judge({**fast, "floor_ratio": 1.51}) == {"words": words, "met": False}
    assert judge({**fast, "name": "gate: something else"}) is None


def test_contenders_take_turns_and_the_order_turns_too() -> None:
    asked: list[str] = []

    def contender(name: str):
        def measure() -> float:
            asked.append(name)
            return len(asked)

        return measure

    taken = in_turn({name: contender(name) for name in "abc"}, 2)
    assert asked == list("abccba")
    assert taken == {"a": [1, 6], "b": [2, 5], "c": [3, 4]}


def test_every_part_of_the_bench_is_there() -> None:
    parts, notes = load_parts(PARTS)
    assert notes == []
    assert list(parts) == list(PARTS)


def test_engine_rows_of_a_tiny_session_carry_the_names_that_goals_look_for() -> None:
    rows = engine.rows(1, sizes=(20, 40), peer=False)
    assert [found["name"] for found in rows] == [
        "engine: market order to position, 20",
        "engine: market order to position, 40",
        "engine: limit order and its cancel, 20",
        "engine: cost of an order at 40 to that at 20",
    ]
    assert all(judge(found) is not None for found in rows)
    assert all(found["ours"] > 0 and found["floor"]["value"] > 0 for found in rows)
    assert "not installed" in text_of(rows)


@pytest.mark.parametrize(("latency", "entries"), [(SILENT, 1), (NO_LATENCY, 3)])
def test_durable_orders_leave_the_entries_that_the_row_speaks_of(tmp_path, latency, entries) -> None:
    written = asyncio.run(durable._trade(tmp_path, latency, 100))
    assert len(written.payloads) == 100 * entries
    assert sum(written.groups) == 100 * entries
    assert written.seconds > 0


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.04321, "0.0432"), (5.5, "5.5"), (62.04, "62.0"), (8123.4, "8,123")]
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert number(value) == text


def test_no_two_goals_speak_of_the_same_row() -> None:
    starts = [goal.row for goal in GOALS]
    assert not [(a, b) for a in starts for b in starts if a is not b and b.startswith(a)]
