"""How a parent order is spread over time, or over the market's volume. Quantities in lots, moments in Unix nanoseconds.

``engine/schedules`` says what each kind makes due when; the formulae are in docs/guides/algorithms.md.
"""

from __future__ import annotations

import enum
from decimal import Decimal

import msgspec


class ScheduleKind(enum.IntEnum):
    TWAP = 1
    """Equal slices at equal distances."""
    VWAP = 2
    """Slices that follow a given curve of the day's volume."""
    POV = 3
    """A share of what trades."""
    SHORTFALL = 4
    """Almgren and Chriss: the more risk costs, the earlier it is done."""
    ICEBERG = 5
    """One slice at a time; the next one when it is filled."""


class ChildStyle(enum.IntEnum):
    PASSIVE = 1
    """A LIMIT order at the best price of its own side, no worse than the parent's limit."""
    MARKET = 2
    """At once or not at all: MARKET, or with a limit LIMIT, both IOC."""
    LIMIT = 3
    """A LIMIT order at the parent's price."""


class CatchUp(enum.IntEnum):
    """What becomes of slices that are not filled when the next one is due."""

    KEEP = 1
    """They stay where they are."""
    REPRICE = 2
    """They are cancelled, and what they lack goes out again with the next."""
    CROSS = 3
    """They are cancelled, and what they lack goes out at once as with ``ChildStyle.MARKET``."""


class AtEnd(enum.IntEnum):
    """What becomes of the rest when the end comes."""

    CANCEL = 1
    CROSS = 2
    """It goes out as with ``ChildStyle.MARKET``; what even that leaves is cancelled."""


PPM = 1_000_000
NOTHING = Decimal(0)


class Schedule(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    kind: ScheduleKind
    start_ns: int = 0
    """Nothing is sent before; 0 in a command: at once."""
    end_ns: int = 0
    """0 only for an ICEBERG: it has no end."""
    slices: int = 0
    """TWAP, SHORTFALL: how many. VWAP: how many to each bucket of the curve."""
    curve_ppm: tuple[int, ...] = ()
    """VWAP: the share of each of the equally long buckets, in millionths; together a million."""
    rate_ppm: int = 0
    """POV: our share of all that trades, ours included, in millionths."""
    volume_has_ours: bool = False
    """POV: the venue's public trades show our own ones as well."""
    risk_aversion: Decimal = NOTHING
    """SHORTFALL, lambda: per unit of the quote currency. 0 makes it a TWAP."""
    volatility: Decimal = NOTHING
    """SHORTFALL, sigma: price per square root of a second."""
    temporary_impact: Decimal = NOTHING
    """SHORTFALL, eta: price per (unit per second)."""
    permanent_impact: Decimal = NOTHING
    """SHORTFALL, gamma: price per unit."""
    max_child_lots: int = 0
    """No child is larger; 0: as large as is due. POV: the size of a child. ICEBERG: what shows."""
    randomise_ppm: int = 0
    """By how many millionths sizes and moments may be off the regular ones; at most half a million."""
    style: ChildStyle = ChildStyle.PASSIVE
    catch_up: CatchUp = CatchUp.KEEP
    at_end: AtEnd = AtEnd.CANCEL
