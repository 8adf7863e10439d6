"""The watchdog, cycle by cycle, against a model in Python."""

import pytest

from sim.rtl.runner import simulate


@pytest.mark.parametrize("clock_khz", [156_250, 1_000, 3_333])
def test_watchdog(clock_khz: int) -> None:
    simulate(
        "watchdog",
        bench="sim.rtl.watchdog.bench_watchdog",
        parameters={"ClockKhz": clock_khz},
        extra_env={"CLOCK_KHZ": str(clock_khz)},
    )
