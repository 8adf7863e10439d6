"""The whole card with small tables; sim/device runs it at its full size."""

import pytest

from sim.rtl.runner import simulate

SMALL = {
    "Instruments": 64,
    "Accounts": 2,
    "Strategies": 4,
    "Ports": 2,
    "WorkingOrders": 8,
    "DuplicateDepth": 2,
    "WatchSlots": 4,
    "TrackedOrders": 256,
    "TriggerSlots": 4,
    "AuditDepth": 64,
    "ClockKhz": 1000,
}


@pytest.mark.timeout(1200)  # The build takes two minutes of a core
def test_meltica_top() -> None:
    simulate("meltica_top", bench="sim.rtl.meltica_top.bench_meltica_top", parameters=SMALL, internals=False)
