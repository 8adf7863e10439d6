"""order_tx: frames byte for byte, stalls, kills, windows, and what it reports about itself."""

import pytest

from sim.rtl.runner import simulate

SIZES = {"Ports": 4, "Instruments": 64, "Orders": 16}
ENV = {name.upper(): str(size) for name, size in SIZES.items()}


@pytest.mark.parametrize("bench", ["bench_order_tx", "bench_streams"])
def test_order_tx(bench: str) -> None:
    simulate("order_tx", bench=f"sim.rtl.order_tx.{bench}", parameters=SIZES, extra_env=ENV, internals=False)
