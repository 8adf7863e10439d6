"""``meltica demo`` and ``meltica up`` as a newcomer runs them: as processes, without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meltica.app.process import GatewayProcess, StartError

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("MELTICA_DATA", REPOSITORY.parent / "shared" / "data"))
RUN_S = 120


def meltica(*arguments: str, timeout_s: float = RUN_S) -> tuple[int, str]:
    command = [sys.executable, "-W", "error", "-m", "meltica.app.cli", *arguments]
    environment = os.environ | {"TERM": "dumb", "COLUMNS": "80"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    return done.returncode, done.stdout + done.stderr


def assert_went_well(code: int, said: str) -> None:
    assert code == 0, said
    assert "Traceback" not in said
    assert "a new order is refused: FAILED_PRECONDITION KILL_SWITCH" in said
    assert "Kill switch engaged: for everything, by spiffe://meltica.example/person/olivia: end of the demo" in said
    assert "working orders afterwards: 0" in said
    assert "chain holds" in said
    assert "inputs give the same" in said
    assert "Three things to try next" in said


@pytest.mark.slow
def test_the_demo_trades_stops_and_verifies_itself(tmp_path: Path) -> None:
    for _ in range(2):  # The second run finds what the first one left
        code, said = meltica("demo", "--seconds", "3", "--state", str(tmp_path / "state"))
        assert_went_well(code, said)
        assert "orders and amendments passed the gate" in said
    assert GatewayProcess(tmp_path / "state" / "demo").running() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "binance/spot_btcusdt_20240808.gz",
        "binance/usdm_btcusdt_20240808.gz",
        "nasdaq/12302019_SNIPPET.NASDAQ_ITCH50",
    ],
)
def test_the_demo_runs_on_a_recording(tmp_path: Path, name: str) -> None:
    if not (data := DATA / name).exists():
        pytest.skip(f"{data} is not there: MELTICA_DATA names the folder of the recordings")
    code, said = meltica("demo", "--seconds", "4", "--data", str(data), "--state", str(tmp_path))
    assert_went_well(code, said)
    assert data.name in said


def test_the_demo_says_why_it_cannot_run(tmp_path: Path) -> None:
    data = tmp_path / "shopping"
    data.write_text("milk\neggs\n")
    code, said = meltica("demo", "--seconds", "3", "--data", str(data), "--state", str(tmp_path / "state"))
    assert code == 1
    assert said.startswith("meltica: ")
    assert str(data) in said
    assert "Traceback" not in said


def test_up_and_down(tmp_path: Path) -> None:
    settings, state = tmp_path / "gateway.toml", tmp_path / "state"
    settings.write_text(f'state = "{state}"\nlisten = "127.0.0.1:0"\n')
    assert meltica("down", "--settings", str(settings)) == (0, "no gateway was running\n")
    code, said = meltica("up", "--settings", str(settings))
    try:
        assert code == 0, said
        running = GatewayProcess(state).running()
        assert running is not None
        assert f"gateway up on {running[1]}" in said
        assert f"stop it with `meltica down --settings {settings}`" in said, "without them it is another gateway's"
        code, said = meltica("up", "--settings", str(settings))
        assert code == 1
        assert f"a gateway runs already: pid {running[0]} on {running[1]}" in said
        with pytest.raises(StartError, match=str(running[0])):
            GatewayProcess(state).start(settings)
    finally:
        stopped = meltica("down", "--settings", str(settings))
    assert stopped == (0, "gateway stopped\n")
    assert GatewayProcess(state).running() is None
    for command in ("verify", "replay"):
        code, said = meltica("journal", command, str(state / "journal.db"))
        assert code == 0, said


def test_up_says_why_it_did_not_start(tmp_path: Path) -> None:
    settings, state = tmp_path / "gateway.toml", tmp_path / "state"
    settings.write_text(f'state = "{state}"\nlisten = "127.0.0.1:0"\n')
    state.mkdir()
    (state / "journal.db").write_bytes(b"no journal")
    code, said = meltica("up", "--settings", str(settings))
    assert code == 1
    reason, where, *_ = said.splitlines()
    assert reason.startswith("meltica: the gateway ended with code 1. journal ")
    assert "is damaged" in reason
    assert where == f"Its log, {state / 'gateway.log'}, ends with:"
    settings.write_text(f'state = "{state}"\nlisten = "127.0.0.1:0"\n[paper]\ncloses = "25:99"\n')
    code, said = meltica("up", "--settings", str(settings))
    assert "paper.closes: must be a time of day" in said.splitlines()[0]
    assert "is damaged" not in said, "that was the start before"
    assert "Traceback" not in said
