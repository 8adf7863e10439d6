"""What can be traded: ``BTC/USDT@BINANCE``, ``AAPL@XNAS``.

The canonical id is ``<symbol>@<VENUE>``: the symbol as ccxt unifies it, the venue as its ISO 10383 MIC where one
exists, else our registry code. ``venue_symbol`` is kept exactly as the venue spells it.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import cached_property

import msgspec

from meltica.domain.errors import FieldError
from meltica.domain.money import INT64_MAX, NANOS, scaled, steps

MAX_INSTRUMENTS = 65_536
"""Handles fit 16 bits, as ITCH locate codes do."""

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""No product of two finite decimals is rounded."""
_ID = re.compile(r"(?P<symbol>[^\s@]{1,64})@(?P<venue>[A-Z0-9]{2,12})")


class Instrument(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An instrument's fixed facts. Prices in ticks of ``tick_size``, quantities in lots of ``lot_size``."""

    instrument: str
    """Canonical id."""
    handle: int
    """Dense number of the instrument in the tables of the hot path: 0..65535."""
    venue_symbol: str
    quote_currency: str
    tick_size: Decimal
    lot_size: Decimal
    max_price_ticks: int
    max_quantity_lots: int
    min_quantity_lots: int = 1
    min_value_nanos: int = 0
    maker_fee_ppm: int = 0
    """Millionths of the traded value; negative is a rebate."""
    taker_fee_ppm: int = 0

    def __post_init__(self) -> None:
        split_id(self.instrument)
        for field in ("tick_size", "lot_size"):
            if not (value := getattr(self, field)).is_finite() or value <= 0:
                raise FieldError(field, str(value), "must be a positive decimal")
        unit = self._unit()
        if unit != unit.to_integral_value() or unit > INT64_MAX:
            raise FieldError("tick_size", str(self.tick_size), "tick_size x lot_size must be a whole number of nanos")
        if not 0 <= self.handle < MAX_INSTRUMENTS:
            raise FieldError("handle", self.handle, "must fit 16 bits")
        for field in ("max_price_ticks", "max_quantity_lots", "min_quantity_lots"):
            if not 0 < getattr(self, field) <= INT64_MAX:
                raise FieldError(field, getattr(self, field), "must be positive and fit 63 bits")

    # Asked for several times an order, and the fields are frozen: computed once (``dict`` is where it is kept).

    @cached_property
    def value_per_tick_lot_nanos(self) -> int:
        """Money of one lot moving one tick, in nanos of the quote currency."""
        return int(self._unit())

    def _unit(self) -> Decimal:
        return _EXACT.multiply(_EXACT.multiply(self.tick_size, self.lot_size), NANOS)

    @cached_property
    def venue(self) -> str:
        return split_id(self.instrument)[1]

    def value_nanos(self, price_ticks: int, quantity_lots: int) -> int:
        return price_ticks * quantity_lots * self.value_per_tick_lot_nanos

    def price_ticks(self, text: str, field: str = "price") -> int:
        """:raises FieldError: not a decimal, or not on the tick grid."""
        return steps(field, text, self.tick_size)

    def quantity_lots(self, text: str, field: str = "quantity") -> int:
        """:raises FieldError: not a decimal, or not a whole number of lots."""
        return steps(field, text, self.lot_size)

    def price_text(self, price_ticks: int) -> str:
        return scaled(price_ticks, self.tick_size)

    def quantity_text(self, quantity_lots: int) -> str:
        return scaled(quantity_lots, self.lot_size)


def split_id(instrument: str) -> tuple[str, str]:
    """``BTC/USDT@BINANCE`` -> (``BTC/USDT``, ``BINANCE``). :raises FieldError: not of that form."""
    if not (match := _ID.fullmatch(instrument)):
        raise FieldError("instrument", instrument, 'not of the form "BTC/USDT@BINANCE"')
    return match["symbol"], match["venue"]
