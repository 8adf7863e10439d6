"""What came out of a lane, beside what the twins of the hot path read in the same packet."""

from __future__ import annotations

from meltica.hot.itch import END, END_OF_SESSION
from meltica.hot.itch_twin import ItchColumns
from meltica.hot.mold import IN_ORDER
from meltica.hot.mold_twin import MoldGate
from sim.rtl.feed_lane.lane import LaneBench
from sim.rtl.feed_lane.model import ACTING, fields_of


def judge_by_twins(bench: LaneBench, payload: bytes) -> None:
    """The packet is good for the twin of the gate, and its messages are those that came out, field by field."""
    gate = MoldGate()
    gate.open(payload[:10], int.from_bytes(payload[10:18], "big"))
    assert gate.take(payload, 0, 0) == IN_ORDER
    kernel = ItchColumns(1_000)
    count, _, stop = kernel.decode(payload, 20)
    assert stop in (END, END_OF_SESSION)
    assert count == len(bench.outs) == gate.expected - int.from_bytes(payload[10:18], "big")
    for row, out in enumerate(bench.outs):
        found = fields_of(out)
        column = {name: values[row].item() for name, values in kernel.columns.items()}
        assert (found["kind"], found["locate"]) == (column["type"], column["locate"])
        assert found["timestamp_ns"] == column["timestamp_ns"]
        if out.kind in "AFECXDUP":
            assert found["order_ref"] == column["order_ref"]
        if out.kind in "AFECXUPQ":
            assert found["shares"] == min(column["shares"], 2**32 - 1)
        if out.kind in "AFCUPQ":
            assert found["price"] == column["price"]
        if out.kind in "ECPQB":
            assert found["match_number"] == column["second_ref"]
        if out.kind == "U":
            assert found["new_order_ref"] == column["second_ref"]
        if out.kind in "AFP":
            assert found["is_sell"] == (column["side"] == ord("S"))
        if out.kind in "SHYh":
            assert found["state"] == column["code"]
        if out.kind == "h":
            assert found["market"] == column["side"]
        if out.kind == "J":
            assert found["upper_price"] << 32 | found["lower_price"] == column["second_ref"]
        if out.kind in ACTING and out.kind in "AFHYRPQhJ":
            assert found["stock"].to_bytes(8, "little").rstrip(b"\0") == column["stock"]
    bench.outs.clear()
