"""Risk limits as the operators set them. Everything fails closed: what is not set, or 0, blocks.

A limit carries a revision; a change names the revision it was made against. A change that loosens anything needs a
second person (see ``loosened``), one that only tightens takes effect at once.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec


class InstrumentLimits(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Limits on one order in one instrument, whoever sends it."""

    instrument: str
    enabled: bool = False
    restricted: bool = False
    max_quantity_lots: int = 0
    max_value_nanos: int = 0
    collar_bps: int = 0
    """How far a price may be from the reference, in 1/10,000."""
    reference_max_age_ns: int = 0


class AccountLimits(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Limits on all of an account's orders together."""

    account: str
    enabled: bool = False
    max_open_value_nanos: int = 0
    """Value of all working orders."""
    max_open_orders: int = 0
    messages_per_second: int = 0
    message_burst: int = 0
    duplicate_window_ns: int = 0
    """An order with the same instrument, side, price and quantity within this time is a duplicate; 0: no check."""
    market_orders_allowed: bool = False


class PositionLimits(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """How long and how short one account may be in one instrument, working orders included."""

    account: str
    instrument: str
    max_long_lots: int = 0
    max_short_lots: int = 0


ACCOUNT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
"""Names are parts of keys and of resource names (``accounts/<name>/positions/…``): neither ``/`` nor ``|`` is in them,
and the empty one means all accounts."""

Limits = InstrumentLimits | AccountLimits | PositionLimits

_LOOSER_WHEN_SMALLER: Final = frozenset({"duplicate_window_ns"})
_LOOSER_WHEN_FALSE: Final = frozenset({"restricted"})


def key_of(limits: Limits) -> str:
    """The resource name: ``instruments/BTC/USDT@BINANCE``, ``accounts/main``, ``accounts/main/positions/…``."""
    match limits:
        case InstrumentLimits():
            return f"instruments/{limits.instrument}"
        case AccountLimits():
            return f"accounts/{limits.account}"
        case PositionLimits():
            return f"accounts/{limits.account}/positions/{limits.instrument}"


def loosened(old: Limits | None, new: Limits) -> tuple[str, ...]:
    """Names of the fields in which ``new`` lets more through than ``old``; with no ``old``, everything is shut."""
    if old is None:
        old = _shut(new)
    names = []
    for field in new.__struct_fields__:
        before, after = getattr(old, field), getattr(new, field)
        if isinstance(after, str) or before == after:
            continue
        tighter_when_bigger = field in _LOOSER_WHEN_SMALLER or field in _LOOSER_WHEN_FALSE
        if (after < before) if tighter_when_bigger else (after > before):
            names.append(field)
    return tuple(names)


def _shut(new: Limits) -> Limits:
    match new:
        case InstrumentLimits():
            return InstrumentLimits(instrument=new.instrument)
        case AccountLimits():
            return AccountLimits(account=new.account)
        case PositionLimits():
            return PositionLimits(account=new.account, instrument=new.instrument)
