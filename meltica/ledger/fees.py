"""What a venue should have charged by its schedule, beside what it said: volumes by day, the tier, the difference."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

import msgspec

from meltica.domain.accounting import (
    PPM,
    FeeSchedule,
    Rate,
    VolumeWindow,
    class_of,
    convert,
    schedule_key,
)
from meltica.domain.instrument import Instrument
from meltica.domain.money import divide_half_even

DAY_NS: Final = 86_400 * 1_000_000_000
DAYS: Final = 30
ROUNDED_NANOS: Final = 1
"""By so much another way of rounding may differ; that is no other fee."""
DAYS_KEPT: Final = 31
"""The longest month."""


class Volume(msgspec.Struct, kw_only=True):
    """What one account traded of one class at one venue, in one currency."""

    currency: str
    days: list[tuple[int, int]] = []
    """(day since 1970, nanos), oldest first, DAYS_KEPT at most."""
    today: int = 0
    thirty: int = 0
    month: int = 0
    """Sums over the days, up to now."""

    def add(self, day: int, nanos: int) -> None:
        """What was traded on that day is more, or after a correction less. Days that are forgotten stay so."""
        if day > self.today:
            self.advance(day)
        if day == self.today:
            if self.days and self.days[-1][0] == day:
                self.days[-1] = (day, self.days[-1][1] + nanos)
            else:
                self.days.append((day, nanos))
            self.thirty += nanos
            self.month += nanos
        else:
            self.days = [(each, amount + nanos if each == day else amount) for each, amount in self.days]
            self._sum()

    def advance(self, day: int) -> None:
        self.today = day
        self.days = [row for row in self.days if row[0] > day - DAYS_KEPT]
        self._sum()

    def _sum(self) -> None:
        first = month_began(self.today)
        self.thirty = sum(nanos for day, nanos in self.days if day > self.today - DAYS)
        self.month = sum(nanos for day, nanos in self.days if day >= first)


def month_began(day: int) -> int:
    date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
    return day - date.day + 1


class FeeDifference(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """A fill that the venue charged otherwise than its schedule says. What the venue said is what is booked."""

    number: int
    """Counts differences from 1."""
    sequence: int
    time_ns: int
    account: str
    strategy: str
    instrument: str
    execution_id: str
    currency: str
    maker: bool | None
    """None: the venue did not say; taken as a taker."""
    ppm: int
    """What the schedule says."""
    expected: int
    reported: int


class FeeTables(msgspec.Struct, kw_only=True):
    schedules: dict[str, FeeSchedule] = {}
    volumes: dict[str, dict[str, Volume]] = {}
    """``account|venue/class`` -> currency -> volume."""


class FeeBook:
    def __init__(self, tables: FeeTables, rates: Mapping[str, Rate]) -> None:
        self._tables = tables
        self._rates = rates
        self._keys: dict[tuple[str, str], str] = {}
        """(account, instrument) -> key of its volumes."""
        self._schedules: dict[tuple[str, str], FeeSchedule | None] = {}
        """(account, instrument) -> what holds for it; forgotten when a schedule is set."""

    def set(self, schedule: FeeSchedule) -> None:
        self._tables.schedules[schedule.key] = schedule
        self._schedules.clear()

    def schedule(self, account: str, instrument: Instrument) -> FeeSchedule | None:
        """The most specific: an account's own before everybody's, then an instrument's own before its class's."""
        at = account, instrument.instrument
        if at in self._schedules:
            return self._schedules[at]
        schedules, classed = self._tables.schedules, (instrument.venue, class_of(instrument.instrument))
        keys = (schedule_key(*classed, whose, name) for whose in (account, "") for name in (instrument.instrument, ""))
        found = self._schedules[at] = next((schedules[key] for key in keys if key in schedules), None)
        return found

    def charge(self, account: str, instrument: Instrument, time_ns: int) -> tuple[int, int] | None:
        """What a fill should cost now, in ppm, as maker and as taker.

        By the schedule's tier, else the instrument's own fees; None: neither is known.
        """
        if (schedule := self.schedule(account, instrument)) is None:
            if not instrument.maker_fee_ppm and not instrument.taker_fee_ppm:
                return None
            return instrument.maker_fee_ppm, instrument.taker_fee_ppm
        tier = schedule.tier(self.volume_nanos(account, instrument, schedule, time_ns))
        return tier.maker_ppm, tier.taker_ppm

    def volume_nanos(self, account: str, instrument: Instrument, schedule: FeeSchedule, time_ns: int) -> int:
        """In the schedule's currency. What there is no rate for does not count."""
        found, day = 0, time_ns // DAY_NS
        for volume in self._tables.volumes.get(self._key(account, instrument), {}).values():
            if volume.today < day:
                volume.advance(day)
            nanos = volume.thirty if schedule.window is VolumeWindow.THIRTY_DAYS else volume.month
            found += convert(nanos, volume.currency, schedule.currency, self._rates) or 0
        return found

    def traded(self, account: str, instrument: Instrument, time_ns: int, nanos: int) -> None:
        volumes = self._tables.volumes.setdefault(self._key(account, instrument), {})
        currency = instrument.quote_currency
        if (volume := volumes.get(currency)) is None:
            volume = volumes[currency] = Volume(currency=currency)
        volume.add(time_ns // DAY_NS, nanos)

    def _key(self, account: str, instrument: Instrument) -> str:
        at = account, instrument.instrument
        if (key := self._keys.get(at)) is None:
            classed = schedule_key(instrument.venue, class_of(instrument.instrument))
            key = self._keys[at] = f"{account}|{classed}"
        return key


def expected_fee(value_nanos: int, ppm: int) -> int:
    """Half to even: how the venue rounds is not known."""
    return divide_half_even(abs(value_nanos) * ppm, PPM)
