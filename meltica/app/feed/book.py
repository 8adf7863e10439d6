"""How a book is written in a summary."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from meltica.domain.market import Level
from meltica.domain.money import plain

TOP_LEVELS = 20


def book_fields(
    bids: Sequence[Level], asks: Sequence[Level], levels: tuple[int, int], *, tick_size: Decimal, lot_size: Decimal
) -> dict[str, Any]:
    """Best bid and offer (None: no such side), level counts, and ``top20sha``.

    ``bids`` and ``asks`` are the best 20 levels, best first. ``top20sha`` is the beginning of the SHA-256 over
    ``price:quantity`` of the bids, then the asks, joined by ``|``, in decimals without trailing zeros.
    """

    def price(ticks: int) -> str:
        return plain(ticks * tick_size)

    shown = [f"{price(p)}:{plain(q * lot_size)}" for p, q in (*bids[:TOP_LEVELS], *asks[:TOP_LEVELS])]
    return {
        "final_bbo": [price(side[0][0]) if side else None for side in (bids, asks)],
        "levels": list(levels),
        "top20sha": hashlib.sha256("|".join(shown).encode("ascii")).hexdigest()[:16],
    }
