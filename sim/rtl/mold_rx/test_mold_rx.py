"""mold_rx by itself, against the model of the lane's contract."""

from sim.rtl.runner import simulate


def test_mold_rx() -> None:
    simulate("mold_rx", bench="sim.rtl.mold_rx.bench_mold_rx", internals=False)
