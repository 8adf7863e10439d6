"""What the latency regression check calls a failure; counting itself takes valgrind and is `make instructions`."""

from __future__ import annotations

import tomllib

import pytest

from bench import instructions, stages
from bench.instructions import Verdict, compare, dump, report, table

BASELINE = {"one": 100.0, "other": 50.0}


@pytest.mark.parametrize(
    ("counted", "failed"),
    [
        ({"one": 104.0, "other": 50.0}, []),
        ({"one": 104.9, "other": 50.0}, []),
        ({"one": 105.2, "other": 50.0}, ["one"]),
        ({"one": 106.0, "other": 53.0}, ["one", "other"]),
        ({"one": 50.0, "other": 49.0}, []),
        ({"one": 100.0}, ["other"]),
        ({"one": 100.0, "other": 50.0, "new": 9.0}, []),
    ],
)
def test_five_percent_more_fail_and_so_does_a_stage_that_vanished(
    counted: dict[str, float], failed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = compare(counted, BASELINE)
    assert [verdict.stage for verdict in verdicts if verdict.failed] == failed
    assert report(verdicts) == (1 if failed else 0)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(verdicts) == len(counted.keys() | BASELINE.keys())
    assert sum("FAIL" in line for line in lines) == len(failed)


def test_a_stage_without_a_baseline_says_so() -> None:
    assert "no baseline" in Verdict("new", 9.0, None).line()
    assert "+6.00% of 100.0" in Verdict("one", 106.0, 100.0).line()


def test_what_is_written_is_read_again() -> None:
    assert tomllib.loads(table("gcc 12.2.0 x86_64", BASELINE)) == {"gcc 12.2.0 x86_64": BASELINE}


def test_a_dump_of_callgrind() -> None:
    text = "version: 1\ndesc: Trigger: Client Request: gate: batch\nevents: Ir\n\nfn=(1)\n1 2\n\ntotals: 12345\n"
    assert dump(text) == ("gate: batch", 12_345)
    assert dump("desc: Trigger: Program termination\ntotals: 5\n") == ("", 0)


def test_stages_have_names_of_their_own_and_a_baseline() -> None:
    names = [stage.name for stage in stages.STAGES]
    assert len(set(names)) == len(names)
    baselines = tomllib.loads(instructions.BASELINE.read_text("utf-8"))
    assert baselines
    for compiler, counted in baselines.items():
        assert counted.keys() == set(names), f"the baseline of {compiler} is not of these stages"
    assert all(0 < value < 10_000 for counted in baselines.values() for value in counted.values())


@pytest.mark.parametrize("stage", stages.STAGES, ids=[stage.name for stage in stages.STAGES])
@pytest.mark.slow
def test_a_stage_does_its_work(stage: stages.Stage) -> None:
    """Without callgrind: a stage that breaks is noticed before it is measured."""
    try:
        stage.prepare()()
    finally:
        while stages.KEPT:
            stages.KEPT.pop().__exit__()
