"""Poking a block by hand: PyVerilator 0.7.0 on today's Verilator, in a process of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.explore import Explorer, ExplorerError
from sim.explore.__main__ import answer, main

pytestmark = pytest.mark.slow  # The first one builds the model.


@pytest.fixture(scope="module")
def block() -> Iterator[Explorer]:
    with Explorer("watchdog", parameters={"ClockKhz": 1000}) as explorer:
        yield explorer


def test_a_token_keeps_the_watchdog_quiet_for_its_period(block: Explorer) -> None:
    assert block["tripped_o"] == 1
    block["period_us_i"] = 5
    block["token_i"] = block["last_token_o"] + 1
    block["token_valid_i"] = 1
    block.step()
    block["token_valid_i"] = 0
    assert block["tripped_o"] == 0
    block.step(4)
    assert (block["age_us_o"], block["tripped_o"]) == (4, 0)
    block.step()
    assert block["tripped_o"] == 1


def test_waves(block: Explorer, tmp_path: Path) -> None:
    block.trace(tmp_path / "waves.vcd")
    block.step(3)
    assert "$enddefinitions" in (tmp_path / "waves.vcd").read_text("utf-8")


@pytest.mark.parametrize(
    ("port", "value", "message"),
    [("nonsense", 1, "no input 'nonsense'"), ("tripped_o", 1, "no input"), ("token_i", 2**32, "32 bits")],
)
def test_what_can_not_be_set_is_said(block: Explorer, port: str, value: int, message: str) -> None:
    with pytest.raises(ExplorerError, match=message):
        block[port] = value
    with pytest.raises(ExplorerError, match="no port"):
        _ = block["nonsense"]


def test_the_prompt(block: Explorer) -> None:
    assert "tripped_o" in answer(block, "ports")
    assert answer(block, "period_us_i = 0x10") == ""
    assert answer(block, "period_us_i").split()[-1] == "0x10"
    assert answer(block, "step 2") == ""
    assert "-1 does not fit" in answer(block, "period_us_i=-1")
    assert "no port and no command: hello" in answer(block, "hello")


def test_a_whole_session(capsys: pytest.CaptureFixture[str]) -> None:
    lines = iter(["period_us_i = 7", "period_us_i", "quit"])
    assert main(["watchdog", "ClockKhz=1000"], lambda _: next(lines)) == 0
    assert "0x7" in capsys.readouterr().out
    assert main([]) == 2
    assert main(["nonsense"]) == 1
    assert "nonsense" in capsys.readouterr().err


def test_a_model_that_ends_is_an_error_and_not_our_end(block: Explorer) -> None:
    with Explorer("watchdog", parameters={"ClockKhz": 1000}) as other:
        other._process.kill()  # As a failed assertion does
        with pytest.raises(ExplorerError, match="its model has ended"):
            other.step()
    block.step()
