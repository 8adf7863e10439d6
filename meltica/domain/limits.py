"""Risk limits as the operators set them. Everything fails closed: what is not set, or 0, blocks.

A limit carries a revision; a change names the revision it was made against. A change that loosens anything needs a
second person (see ``loosened``), one that only tightens takes effect at once. "No limit" is the largest value.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

DAY_NS: Final = 86_400 * 1_000_000_000


class ShortSale(enum.IntEnum):
    """Which rule sells in an instrument follow. NOT_ALLOWED: sells marked short are refused."""

    NOT_ALLOWED = 0
    FREE = 1
    REG_SHO = 2


class SelfMatch(enum.IntEnum):
    """What becomes of an order that would trade with a working one of the same group."""

    CANCEL_NEWEST = 0
    CANCEL_OLDEST = 1
    CANCEL_BOTH = 2
    DECREMENT = 3


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
    short_sale: ShortSale = ShortSale.NOT_ALLOWED
    session_open_ns: int = 0
    """Orders pass from this time of day in UTC …"""
    session_close_ns: int = 0
    """… and before this one; earlier than the opening: on the next day. 0 and DAY_NS: always."""
    max_day_lots: int = 0
    """Of all orders that passed since the trading day began."""
    messages_per_second: int = 0
    message_burst: int = 0
    max_impact_percent: int = 0
    """An order may be this much of what is displayed at the other side's best price; 0: no check."""


class AccountLimits(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Limits on all of an account's orders together, and its circuit breakers."""

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
    iso_allowed: bool = False
    short_exempt_allowed: bool = False
    self_match: SelfMatch = SelfMatch.CANCEL_NEWEST
    self_match_group: int = 0
    """Accounts of one group do not trade with each other."""
    max_consecutive_rejects: int = 0
    """Of the venue; as many in a row trip the breaker."""
    max_daily_loss_nanos: int = 0
    max_drawdown_nanos: int = 0
    """Below the highest profit of the day."""
    rearm_after_ns: int = 0
    """A tripped breaker lets go after this time; 0: two persons must re-arm it."""


class PositionLimits(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """How long and how short one account may be in one instrument, working orders included."""

    account: str
    instrument: str
    max_long_lots: int = 0
    max_short_lots: int = 0
    located_lots: int = 0
    """Lots that were located to be sold short (Reg SHO 203)."""


class FirmLimits(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Limits on everything together."""

    max_open_value_nanos: int = 0
    max_open_orders: int = 0
    messages_per_second: int = 0
    message_burst: int = 0


class StrategyLimits(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Limits on all orders of a strategy. Orders of none are those of MANUAL."""

    strategy: str
    enabled: bool = False
    max_open_value_nanos: int = 0
    max_executions: int = 0
    """As many since the strategy was last re-armed trip its breaker: a strategy gone wild trades and trades."""
    messages_per_second: int = 0
    message_burst: int = 0


class PortLimits(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Limits on an order-entry session."""

    port: str
    enabled: bool = False
    messages_per_second: int = 0
    message_burst: int = 0


ACCOUNT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
"""Names are parts of keys and of resource names (``accounts/<name>/positions/…``): neither ``/`` nor ``|`` is in them,
and the empty one means all accounts. Strategies and ports are named alike."""

MANUAL: Final = "manual"
"""The strategy whose limits orders without a strategy have."""
EXTERNAL: Final = "external"
"""The strategy of orders that did not come from us."""
OWN_PORT: Final = "paper"
"""The port of this process's own venue session: row 0 of the gate."""

FIRM: Final = "firm"

Limits = InstrumentLimits | AccountLimits | PositionLimits | FirmLimits | StrategyLimits | PortLimits


def instrument_key(instrument: str) -> str:
    return f"instruments/{instrument}"


def account_key(account: str) -> str:
    return f"accounts/{account}"


def strategy_key(strategy: str) -> str:
    return f"strategies/{strategy or MANUAL}"


def port_key(port: str) -> str:
    return f"ports/{port}"


def key_of(limits: Limits) -> str:
    """The resource name: ``firm``, ``instruments/BTC/USDT@BINANCE``, ``accounts/main``, ``accounts/main/positions/…``,
    ``strategies/momentum``, ``ports/paper``."""
    match limits:
        case InstrumentLimits():
            return instrument_key(limits.instrument)
        case AccountLimits():
            return account_key(limits.account)
        case PositionLimits():
            return f"{account_key(limits.account)}/positions/{limits.instrument}"
        case FirmLimits():
            return FIRM
        case StrategyLimits():
            return strategy_key(limits.strategy)
        case PortLimits():
            return port_key(limits.port)


def _more(old: int, new: int) -> bool:
    return new > old


def _less(old: int, new: int) -> bool:
    return new < old


def _more_or_off(old: int, new: int) -> bool:
    """0 switches the check off, which is the loosest."""
    return old != 0 and (new == 0 or new > old)


def _sooner(old: int, new: int) -> bool:
    """0 is never (only persons re-arm), which is the tightest."""
    return new != 0 and (old == 0 or new < old)


def _other_than_refusing(_old: int, new: int) -> bool:
    return new != SelfMatch.CANCEL_NEWEST


def _other_short_rule(old: int, _new: int) -> bool:
    """NOT_ALLOWED refuses marked sells and REG_SHO unmarked ones: neither is the tighter. FREE refuses none."""
    return old != ShortSale.FREE


def _other(_old: int, _new: int) -> bool:
    return True


LOOSER: Final[dict[str, Callable[[int, int], bool]]] = {
    "restricted": _less,
    "duplicate_window_ns": _less,
    "max_impact_percent": _more_or_off,
    "rearm_after_ns": _sooner,
    "self_match": _other_than_refusing,
    "self_match_group": _other,
    "short_sale": _other_short_rule,
}
"""Field -> does the change from the first value to another let more through? All other fields: when it grows. The two
ends of the session are judged together (``_session_loosened``)."""

_SESSION: Final = ("session_open_ns", "session_close_ns")


def loosened(old: Limits | None, new: Limits) -> tuple[str, ...]:
    """Names of the fields in which ``new`` lets more through than ``old``; with no ``old``, everything is shut."""
    if old is None:
        old = _shut(new)
    names = []
    for field in new.__struct_fields__:
        before, after = getattr(old, field), getattr(new, field)
        if isinstance(after, str) or before == after:
            continue
        looser = _session_loosened(old, new) if field in _SESSION else LOOSER.get(field, _more)(before, after)
        if looser:
            names.append(field)
    return tuple(names)


def _shut(new: Limits) -> Limits:
    names: dict[str, Any] = {
        field: value for field in new.__struct_fields__ if isinstance(value := getattr(new, field), str)
    }
    return type(new)(**names)


def _session_loosened(old: Limits, new: Limits) -> bool:
    """Is there a time of day at which the new session is open and the old one was not?"""
    if not isinstance(old, InstrumentLimits) or not isinstance(new, InstrumentLimits):
        return False
    before = _open_times(old)
    return any(not any(start <= begin and end <= stop for start, stop in before) for begin, end in _open_times(new))


def _open_times(limits: InstrumentLimits) -> list[tuple[int, int]]:
    begin, end = limits.session_open_ns, limits.session_close_ns
    if begin == end:
        return []
    if begin < end:
        return [(begin, end)]
    return [(0, end), (begin, DAY_NS)] if end else [(begin, DAY_NS)]


ALWAYS: Final = (0, 2**64 - 1)
NEVER: Final = (0, 0)


def session_window(limits: InstrumentLimits, now_ns: int) -> tuple[int, int]:
    """(open, close) in Unix time of the session that is under way, or else of the next one."""
    begin, end = limits.session_open_ns, limits.session_close_ns
    if begin == end:
        return NEVER
    if (begin, end) == (0, DAY_NS):
        return ALWAYS
    length = (end - begin) % DAY_NS or DAY_NS
    # The first session whose end lies in the future; one that began yesterday may be under way still.
    midnight = now_ns - now_ns % DAY_NS - DAY_NS
    while midnight + begin + length <= now_ns:
        midnight += DAY_NS
    return max(midnight + begin, 0), midnight + begin + length
