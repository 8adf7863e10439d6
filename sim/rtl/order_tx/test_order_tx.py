"""order_tx: frames byte for byte, stalls, kills, windows, and what it reports about itself."""

import pytest

from sim.rtl.runner import simulate

SIZES = {"Ports": 4, "Instruments": 64, "Orders": 16}
FULL = {"Ports": 4, "Instruments": 65_536, "Orders": 4_096}


def env(sizes: dict[str, int]) -> dict[str, str]:
    return {name.upper(): str(size) for name, size in sizes.items()}


@pytest.mark.parametrize("bench", ["bench_order_tx", "bench_streams"])
def test_order_tx(bench: str) -> None:
    simulate("order_tx", bench=f"sim.rtl.order_tx.{bench}", parameters=SIZES, extra_env=env(SIZES), internals=False)


@pytest.mark.slow
def test_at_full_size() -> None:
    """The sweep of 65,536 rows, then the same latency."""
    simulate(
        "order_tx", bench="sim.rtl.order_tx.bench_order_tx", parameters=FULL, extra_env=env(FULL),
        testcase="latency_and_throughput", internals=False,
    )  # fmt: skip
