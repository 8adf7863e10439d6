"""Binance symbols as instruments."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument

VENUE = "BINANCE"
MAX_PRICE: Final = Decimal(10_000_000)
MAX_QUANTITY: Final = Decimal(9_000_000)
QUOTES: Final = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY")
"""Quote currencies, to find where a symbol's base ends."""


class Fees(NamedTuple):
    """Of an account without discounts, in millionths of the value."""

    maker_ppm: int
    taker_ppm: int


SPOT_FEES: Final = Fees(1000, 1000)
FUTURES_FEES: Final = Fees(200, 500)

KNOWN_STEPS: Final[dict[tuple[str, bool], tuple[Decimal, Decimal]]] = {
    ("BTCUSDT", False): (Decimal("0.01"), Decimal("0.00001")),
    ("ETHUSDT", False): (Decimal("0.01"), Decimal("0.0001")),
    ("BTCUSDT", True): (Decimal("0.1"), Decimal("0.001")),
    ("ETHUSDT", True): (Decimal("0.01"), Decimal("0.001")),
}
"""(tick size, lot size) by (symbol, futures), as exchangeInfo has them."""


def binance_instrument(symbol: str, handle: int, *, futures: bool, tick_size: Decimal, lot_size: Decimal) -> Instrument:
    """The instrument of a symbol; the steps are used where they are not known better.

    :raises FieldError: a symbol whose quote currency is not known.
    """
    quote = next((q for q in QUOTES if symbol.endswith(q) and len(symbol) > len(q)), None)
    if quote is None:
        raise FieldError("symbol", symbol, f"does not end in any of {', '.join(QUOTES)}")
    unified = f"{symbol.removesuffix(quote)}/{quote}" + (f":{quote}" if futures else "")
    tick_size, lot_size = KNOWN_STEPS.get((symbol, futures), (tick_size, lot_size))
    fees = FUTURES_FEES if futures else SPOT_FEES
    return Instrument(
        instrument=f"{unified}@{VENUE}",
        handle=handle,
        venue_symbol=symbol,
        quote_currency=quote,
        tick_size=tick_size,
        lot_size=lot_size,
        max_price_ticks=int(MAX_PRICE / tick_size),
        max_quantity_lots=int(MAX_QUANTITY / lot_size),
        maker_fee_ppm=fees.maker_ppm,
        taker_fee_ppm=fees.taker_ppm,
    )
