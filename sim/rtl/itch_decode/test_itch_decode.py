"""itch_decode by itself, against the venue's codec."""

from sim.rtl.runner import simulate


def test_itch_decode() -> None:
    simulate("itch_decode", bench="sim.rtl.itch_decode.bench_itch_decode", internals=False)
