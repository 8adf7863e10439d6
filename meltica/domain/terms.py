"""What an order says beyond side, quantity, price and time in force: when it fires, what it follows, what it shows."""

from __future__ import annotations

import enum

import msgspec


class TriggerSource(enum.IntEnum):
    """Which price of the market a trigger looks at (FIX tag 1107, TriggerPriceType)."""

    BID_ASK = 1
    """What the order would trade with: the ask for a BUY, the bid for a SELL."""
    LAST = 2
    MID = 3
    MARK = 4
    """The venue's mark price where it publishes one."""


class OffsetUnit(enum.IntEnum):
    """Of a trailing offset (FIX tag 836, PegOffsetType). A price offset is one in ticks by the time it gets here."""

    TICKS = 1
    BASIS_POINTS = 2


class Peg(enum.IntEnum):
    """What a pegged order follows (FIX tag 1094, PegPriceType)."""

    PRIMARY = 5
    """The best price of its own side."""
    MARKET = 4
    """The best price of the other side."""
    MID = 2


class Held(enum.IntEnum):
    """Why the engine keeps an order instead of its venue."""

    TRIGGER = 1
    """Until its trigger price is reached."""
    PARENT = 2
    """Until the order that it belongs to is filled."""
    SESSION = 3
    """Until the market opens, or is about to close."""
    SLICES = 4
    """It never goes out itself: its child orders do."""
    RELEASE = 5
    """Its moment came, and the gate or a fresh price was missing: it goes out as soon as there are both."""
    REFERENCE = 6
    """Pegged: until what it follows is known."""
    SIBLING = 7
    """It fired, and the gate has no room for it beside the orders that it ends: until they are out of the way."""
    SELF_MATCH = 8
    """It fired, and would trade with own working orders: until they are cancelled."""


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Prices in ticks, quantities in lots, moments in Unix nanoseconds. 0 and None: not asked for."""

    trigger_ticks: int | None = None
    """STOP and TRAILING_STOP fire when the market gets worse than this, …_IF_TOUCHED when it gets better (FIX 99)."""
    trigger_source: TriggerSource = TriggerSource.BID_ASK
    trail_offset: int = 0
    """How far a trailing stop stays behind the best price that there has been, in ``trail_unit``."""
    trail_unit: OffsetUnit = OffsetUnit.TICKS
    activation_ticks: int | None = None
    """A trailing stop begins to trail once this is reached; None: at once."""
    limit_offset_ticks: int = 0
    """TRAILING_STOP_LIMIT: the limit is this much worse than the trigger."""
    peg: Peg | None = None
    peg_offset_ticks: int = 0
    """Added to what the peg follows; negative is lower."""
    peg_limit_ticks: int | None = None
    """A pegged BUY never goes above this, a SELL never below."""
    display_lots: int = 0
    """Iceberg: how much shows at a time (FIX MaxFloor, DisplayQty)."""
    display_spread_ppm: int = 0
    """Iceberg: each slice is up to this many millionths smaller or larger than ``display_lots``."""
    expire_ns: int = 0
    """GTD: when it expires (FIX ExpireTime)."""
    min_lots: int = 0
    """Minimum quantity of the first execution (FIX MinQty); only with IOC where the venue has no such thing."""


NO_TERMS = Terms()
