"""How wide a gate counts. Software counts as wide as its records; a card has fewer wires and refuses what does not fit.

An order beyond a bound fires FIELD_SANITY; a told record beyond one is a ValueError and changes nothing. Positions and
open lots may then reach, but never pass, what the bounds leave room for.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

from meltica.hot.layout_gen import LOTS_BOUND, TICKS_BOUND

MAX_PORTS: Final = 256  # port_id has eight bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    order_lots: int = LOTS_BOUND  # of an order's quantity and of its working lots
    ticks: int = TICKS_BOUND  # of every price, of orders as well as told; a collar ends here too
    told_lots: int = LOTS_BOUND  # of a Fill, Release, Reserve or Quote; of what Reserve makes of an own working order
    adjust_lots: int = 2 * LOTS_BOUND  # of an Adjust, either way
    position_lots: int = LOTS_BOUND  # of a position, either way
    open_lots: int = 2 * LOTS_BOUND  # of one side of a position, beyond which nothing is reserved
    limit_lots: int = LOTS_BOUND  # max_long_lots, max_short_lots, located_lots: more is kept as this
    value_per_tick_lot_nanos: int = 0  # the only one that a gate takes; 0: it takes any
    decrement: bool = True  # whether SelfMatch.DECREMENT is offered
    ports: int = MAX_PORTS

    def __post_init__(self) -> None:
        for one in fields(self):
            value = int(getattr(self, one.name))
            most: Any = one.default
            low = 0 if one.name in {"value_per_tick_lot_nanos", "decrement"} else 1
            high = 2**63 - 1 if one.name == "value_per_tick_lot_nanos" else most
            if not low <= value <= high:
                raise ValueError(f"{one.name} {value} is not within {low}..{high}")


def card_bounds(value_per_tick_lot_nanos: int, ports: int = MAX_PORTS) -> Bounds:
    """Those of the card in fpga/rtl: meltica_card_pkg.sv has the widths. Each card has one unit of value."""
    return Bounds(
        order_lots=2**20 - 1,
        ticks=2**31 - 1,
        told_lots=2**32 - 1,
        adjust_lots=2**32 - 1,
        position_lots=2**46 - 1,
        open_lots=2**46 - 1,
        limit_lots=2**46,
        value_per_tick_lot_nanos=value_per_tick_lot_nanos,
        decrement=False,
        ports=ports,
    )


# A tick of 1/10,000 dollar, a lot of one share.
CARD_BOUNDS: Final = card_bounds(value_per_tick_lot_nanos=100_000)
