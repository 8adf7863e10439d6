"""Gates that count as wide as the card does, before the one judge."""

import pytest

from meltica.hot import load
from meltica.hot.bounds import CARD_BOUNDS, Bounds, card_bounds
from tests.conformance.gate_machine import lockstep
from tests.conformance.gate_stories_bounds import BoundStories, ImportStories
from tests.conformance.gate_suite import GateKind

PYTHON, CYTHON = load("python"), load("cython")
# So narrow that an ordinary day of the generator comes to every edge.
SMALL = Bounds(
    order_lots=5,
    ticks=109,
    told_lots=4,
    adjust_lots=6,
    position_lots=12,
    open_lots=15,
    limit_lots=18,
    value_per_tick_lot_nanos=1,
    decrement=False,
    ports=255,
)


class TestPythonGateBounds(BoundStories, ImportStories):
    kind = GateKind("python", make=PYTHON.Gate, intent=PYTHON.OrderIntent.from_bytes)


class TestCythonGateBounds(BoundStories, ImportStories):
    kind = GateKind("cython", make=CYTHON.Gate, intent=CYTHON.OrderIntent.from_bytes)


TestCythonGateLockstepSmall = lockstep(TestCythonGateBounds.kind, bounds=SMALL)
TestCythonGateLockstepCard = lockstep(TestCythonGateBounds.kind, bounds=card_bounds(1), count=10)


def test_bounds_only_narrow() -> None:
    assert Bounds() == Bounds(order_lots=2**60, ports=256)
    assert card_bounds(100_000) == CARD_BOUNDS
    for values in (
        {"order_lots": 2**60 + 1},
        {"ticks": 0},
        {"ports": 257},
        {"ports": 0},
        {"adjust_lots": 2**61 + 1},
        {"value_per_tick_lot_nanos": -1},
        {"value_per_tick_lot_nanos": 2**63},
    ):
        with pytest.raises(ValueError, match=next(iter(values))):
            Bounds(**values)  # type: ignore[arg-type]
