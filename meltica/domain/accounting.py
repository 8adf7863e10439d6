"""How an account's books are kept: cost method, currencies and their rates, fee schedules, shares of a fill."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from meltica.domain.instrument import split_id
from meltica.domain.money import divide_half_even

CURRENCY: Final = re.compile(r"[A-Z0-9]{2,12}", re.ASCII)
PPM: Final = 1_000_000
PICOS: Final = 10**12
"""Funding rates are counted in millionths of millionths: venues give up to a dozen decimals."""


class CostMethod(enum.Enum):
    """Which of the open lots a closing fill closes."""

    AVERAGE = "average"
    FIFO = "fifo"
    LIFO = "lifo"


class PositionMode(enum.Enum):
    NETTING = "netting"
    """One position an instrument."""
    HEDGING = "hedging"
    """One for each order, group or parent that opened it; orders that may only reduce close the oldest."""


class AccountBooks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the books of an account are kept. Method and mode stay as they are once something was booked by them."""

    account: str
    base_currency: str = ""
    """What its totals are converted to; empty: to nothing."""
    method: CostMethod = CostMethod.AVERAGE
    mode: PositionMode = PositionMode.NETTING


class Rate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One unit of ``base`` is worth numerator / denominator units of ``quote``, exactly, since ``time_ns``."""

    base: str
    quote: str
    numerator: int
    denominator: int
    time_ns: int


def rate_key(base: str, quote: str) -> str:
    return f"{base}/{quote}"


def convert(nanos: int, base: str, quote: str, rates: Mapping[str, Rate]) -> int | None:
    """Nanos of ``quote``, half to even; None: there is no rate, neither this way round nor the other."""
    if base == quote:
        return nanos
    if (rate := rates.get(rate_key(base, quote))) is not None:
        return divide_half_even(nanos * rate.numerator, rate.denominator)
    if (rate := rates.get(rate_key(quote, base))) is not None:
        return divide_half_even(nanos * rate.denominator, rate.numerator)
    return None


class InstrumentClass(enum.Enum):
    EQUITY = "equity"
    SPOT = "spot"
    PERPETUAL = "perpetual"
    FUTURE = "future"
    OPTION = "option"


_DATED: Final = re.compile(r"-\d{6}(-[0-9.]+)?(-[CP])?")


def class_of(instrument: str) -> InstrumentClass:
    """From the symbol as ccxt unifies it: ``BTC/USDT``, ``BTC/USDT:USDT``, ``…-261225``, ``…-261225-90000-C``."""
    symbol, _ = split_id(instrument)
    _, settled, contract = symbol.partition(":")
    if not settled:
        return InstrumentClass.SPOT if "/" in symbol else InstrumentClass.EQUITY
    if (dated := _DATED.search(contract)) is None:
        return InstrumentClass.PERPETUAL
    return InstrumentClass.OPTION if dated[2] else InstrumentClass.FUTURE


def settled_in(instrument: str) -> str:
    """The currency in which a contract's profit is paid, as its symbol says; empty: it is no contract."""
    symbol, _ = split_id(instrument)
    return symbol.partition(":")[2].partition("-")[0]


class VolumeWindow(enum.Enum):
    """What is counted of the traded value to find the tier, always before the fill itself."""

    THIRTY_DAYS = "thirty days"
    """Today and the 29 days (UTC) before."""
    MONTH = "month"
    """The calendar month (UTC) so far."""


class FeeTier(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    volume_nanos: int
    """From this traded value on."""
    maker_ppm: int
    """Millionths of the traded value; negative is a rebate."""
    taker_ppm: int


class FeeSchedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a venue takes for a class of instruments. The first tier begins at 0, each later one higher."""

    venue: str
    instrument_class: InstrumentClass
    window: VolumeWindow
    currency: str
    """Of the tiers' volumes; what was traded in another one is converted."""
    tiers: tuple[FeeTier, ...]
    account: str = ""
    """Whose; empty: everybody's who has none of their own."""
    instrument: str = ""
    """Of which of the class; empty: of all that have none of their own."""

    @property
    def key(self) -> str:
        return schedule_key(self.venue, self.instrument_class, self.account, self.instrument)

    def tier(self, volume_nanos: int) -> FeeTier:
        return next(tier for tier in reversed(self.tiers) if tier.volume_nanos <= volume_nanos)


def schedule_key(venue: str, instrument_class: InstrumentClass, account: str = "", instrument: str = "") -> str:
    """Neither name has a ``|`` in it."""
    key = f"{venue}/{instrument_class.value}"
    return f"{key}|{account}|{instrument}" if account or instrument else key


class SplitMark(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Each ``denominator`` lots became ``numerator`` before the execution of this sequence was booked."""

    sequence: int
    numerator: int
    denominator: int
    time_ns: int = 0


class Share(msgspec.Struct, frozen=True, gc=False):
    """A sub-account's part of a fill: ``parts`` of all shares' parts together."""

    account: str
    parts: int


def portions(total: int, parts: Sequence[int]) -> list[int]:
    """``total`` in proportion to ``parts``, whole numbers that add up to it exactly.

    Largest remainder; of equal remainders the earlier one gets it. A negative total is split like its positive.
    """
    whole, size = sum(parts), abs(total)
    found = [size * part // whole for part in parts]
    order = sorted(range(len(parts)), key=lambda at: (-(size * parts[at] % whole), at))
    for at in order[: size - sum(found)]:
        found[at] += 1
    return found if total >= 0 else [-portion for portion in found]
