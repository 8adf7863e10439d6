"""Circuit breakers, and the marks that stop orders: words that limits, commands, events and the gate share."""

from __future__ import annotations

import enum

import msgspec


class Breaker(enum.Enum):
    """What latches. The first three belong to an account, the last to a strategy."""

    DAILY_LOSS = "daily loss"
    DRAWDOWN = "drawdown"
    CONSECUTIVE_REJECTS = "consecutive rejects"
    REPEATED_EXECUTION = "repeated execution"


class MarkKind(enum.Enum):
    """Facts that stop orders while they hold. Of an instrument, an account (MISMATCHED), a port (DISCONNECTED)."""

    SHORT_RESTRICTED = "short restricted"
    """Short sales at the bid or below are refused (Reg SHO 201)."""
    GAPPED = "gapped"
    """Market data is missing: no price can be judged by what is there."""
    MISMATCHED = "mismatched"
    """Our books and the venue's do not agree on the position."""
    DISCONNECTED = "disconnected"
    """The order-entry session is down."""


class BreakerState(msgspec.Struct, kw_only=True):
    """A breaker that has tripped once. ``epoch`` grows with every trip and every re-arming."""

    breaker: Breaker
    account: str = ""
    strategy: str = ""
    latched: bool = False
    epoch: int = 0
    text: str = ""
    rearm_ns: int = 0
    """When a latched one lets go by itself; 0: it does not."""
    actor: str = ""
    """Who approved the last re-arming."""
    changed_ns: int = 0


class MarkState(msgspec.Struct, kw_only=True):
    """A fact that was true once. ``epoch`` grows with every change."""

    mark: MarkKind
    name: str
    on: bool = False
    epoch: int = 0
    reason: str = ""
    actor: str = ""
    changed_ns: int = 0


class CreditState(msgspec.Struct, kw_only=True):
    """By how much the limit on open value was moved, all changes together."""

    name: str
    total_nanos: int = 0
    revision: int = 0
    changed_ns: int = 0


class DayProfit(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has earned since the trading day began, at the marks that the engine last saw."""

    account: str
    pnl_nanos: int
    rejects_in_row: int


def breaker_key(breaker: Breaker, account: str, strategy: str) -> str:
    return f"{breaker.name}|{account}|{strategy}"


def mark_key(mark: MarkKind, name: str) -> str:
    return f"{mark.name}|{name}"
