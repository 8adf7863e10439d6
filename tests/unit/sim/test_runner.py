"""The runner notices everything that can be wrong with a block or its bench, and keeps the waves of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fpga.filelist import RTL
from sim.rtl import runner
from sim.rtl.__main__ import speeds

HERE = Path(__file__).resolve().parent
Run = Callable[..., None]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sim")


@pytest.fixture
def run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    files = [RTL / "gen/meltica_hot_pkg.sv", RTL / "meltica_card_pkg.sv", HERE / "toy.sv"]
    monkeypatch.setattr(runner, "CACHE", cache)
    monkeypatch.setattr(runner, "sources", lambda _: files)
    monkeypatch.setenv("SEED", "7")
    monkeypatch.delenv("WAVES", raising=False)

    def go(mistake: str = "", **more: object) -> None:
        bench = "tests.unit.sim.toy_bench"
        runner.simulate("toy", bench=bench, extra_env={"MISTAKE": mistake}, **more)  # type: ignore[arg-type]

    return go


@pytest.mark.slow
def test_a_good_block_passes_and_reports(run: Run, cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run()
    said = capfd.readouterr().out
    assert "sim toy: SEED=7" in said
    assert "coverage lengths 19/19" in said
    assert "100 cycles" in said
    line = json.loads((cache / "cycles.jsonl").read_text().splitlines()[-1])
    assert (line["block"], line["cycles"]) == ("toy", 100)
    assert not list((cache / "toy").glob("run-*"))
    run()
    assert "built in" not in capfd.readouterr().out, "nothing changed, so nothing is to be built"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        ("python", "b'wrong'"),
        ("assertion", "Assertion failed"),
        ("cover", r"19 of 20 bins; nothing hit \['never'\]"),
    ],
)
def test_each_kind_of_failure_is_noticed_and_leaves_waves(run: Run, cache: Path, mistake: str, says: str) -> None:
    (cache / "toy/failed.fst").unlink(missing_ok=True)
    with pytest.raises(runner.SimulationError, match=says) as caught:
        run(mistake)
    assert "SEED=7" in str(caught.value)
    assert (cache / "toy/failed.fst").stat().st_size > 500


@pytest.mark.slow
def test_a_word_that_is_taken_back_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAVES", "0")
    with pytest.raises(runner.SimulationError, match="withdrawn or changed"):
        run(parameters={"Withdraws": True})


@pytest.mark.slow
def test_a_run_without_a_test_is_a_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAVES", "0")
    with pytest.raises(runner.SimulationError, match=r"no cocotb test ran|without a report"):
        run(testcase="there_is_no_such_test")


def test_a_block_that_does_not_build_says_why(run: Run, cache: Path) -> None:
    with pytest.raises(runner.SimulationError, match="does not build") as caught:
        run(parameters={"NoSuchParameter": 1})
    assert "NoSuchParameter" in str(caught.value)
    assert not list((cache / "toy").glob("run-*"))


def test_speeds_are_of_the_last_run_of_each_bench(tmp_path: Path) -> None:
    facts = {"block": "toy", "test": "sim.rtl.toy.bench_toy", "parameters": "", "seconds": 2.0}
    path = tmp_path / "cycles.jsonl"
    lines = [facts | {"cycles": 10, "at": 1.0}, facts | {"cycles": 20, "at": 5.0}, facts | {"cycles": 30, "at": 6.0}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (line,) = speeds(path, since=5.0)
    assert "30 cycles" in line
    assert "15 cycles/s" in line
    assert speeds(path, since=7.0) == []
    assert speeds(tmp_path / "none", since=0.0) == []
