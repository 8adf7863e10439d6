"""Counts of verdicts and of pulses against sums in Python, over the carry out of 32 bits as well."""

import pytest

from sim.rtl.runner import simulate


@pytest.mark.parametrize("start", [0, 2**32 - 40, 2**64 - 1000])
def test_reject_counters(start: int) -> None:
    simulate(
        "reject_counters",
        bench="sim.rtl.reject_counters.bench_reject_counters",
        parameters={"StartValue": f"64'h{start:x}"},
        extra_env={"START": str(start)},
    )


@pytest.mark.parametrize("counters", [4, 250])
def test_event_counters(counters: int) -> None:
    simulate(
        "reject_counters",
        top="event_counters",
        bench="sim.rtl.reject_counters.bench_event_counters",
        parameters={"Counters": counters},
        extra_env={"COUNTERS": str(counters)},
    )
