"""The kill switch and its keyed release against the plainest description of them."""

from sim.rtl.runner import simulate


def test_kill_switch() -> None:
    simulate("kill_switch", bench="sim.rtl.kill_switch.bench_kill_switch")


def test_kill_release() -> None:
    simulate("kill_switch", top="kill_release", bench="sim.rtl.kill_switch.bench_kill_release")
