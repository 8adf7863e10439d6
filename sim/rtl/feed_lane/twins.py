"""What came out of a lane, beside what the twins of the hot path read in the same packet."""

from __future__ import annotations

from typing import Any

from meltica.hot.itch import END, END_OF_SESSION
from meltica.hot.itch_twin import ItchColumns
from meltica.hot.mold import IN_ORDER
from meltica.hot.mold_twin import MoldGate
from sim.rtl.feed_lane.lane import LaneBench
from sim.rtl.feed_lane.model import fields_of


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
        column = {name: values[row].item() for name, values in kernel.columns.items()}
        found = fields_of(out)
        for name, told in _as_the_twin_says(out.kind, column).items():
            assert found[name] == told, (out, name)
    bench.outs.clear()


def _as_the_twin_says(kind: str, column: dict[str, Any]) -> dict[str, int]:
    """The fields of market_message_t that the twin's columns have for this type."""
    second = column["second_ref"]
    told = {"kind": column["type"], "locate": column["locate"], "timestamp_ns": column["timestamp_ns"]}
    fields: tuple[tuple[str, str, int], ...] = (
        ("AFECXDUP", "order_ref", column["order_ref"]),
        ("AFECXUPQ", "shares", min(column["shares"], 2**32 - 1)),
        ("AFCUPQ", "price", column["price"]),
        ("ECPQB", "match_number", second),
        ("U", "new_order_ref", second),
        ("AFP", "is_sell", int(column["side"] == ord("S"))),
        ("SHYh", "state", column["code"]),
        ("h", "market", column["side"]),
        ("J", "upper_price", second >> 32),
        ("J", "lower_price", second & 0xFFFFFFFF),
        ("AFHYRPQhJ", "stock", int.from_bytes(column["stock"].ljust(8, b" "), "little")),
    )
    return told | {name: value for kinds, name, value in fields if kind in kinds}
