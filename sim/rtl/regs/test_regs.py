"""The registers as a host sees them, over AXI4-Lite, with the rest of the card played by the bench."""

import pytest

from sim.rtl.runner import simulate

SIZES = {"AuditDepth": 16, "EventCounters": 20, "StatusWords": 5, "Segments": 3, "ClockKhz": 1_000}


BENCHES = ["bench_regs", "bench_regs_commit", "bench_regs_stop", "bench_regs_counts", "bench_regs_bus"]


@pytest.mark.parametrize("bench", BENCHES)
def test_regs(bench: str) -> None:
    starts = {"CounterStart": "64'hffff_fffd", "ErrorStart": "32'hffff_fff0"}
    simulate(
        "regs",
        bench=f"sim.rtl.regs.{bench}",
        parameters={**SIZES, **starts, "Build": "64'h0123_4567_89ab_cdef"},
        internals=False,
    )
