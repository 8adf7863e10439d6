"""One row of decoded ITCH, and what is known of one stock besides its orders, in plain Python."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


@dataclass(slots=True)
class Stock:
    """What is known of one locate code besides its levels."""

    symbol: str = ""
    state: str = ""
    market_halts: dict[str, str] = field(default_factory=dict)
    short_sale: str = ""
    collar: list[int] | None = None
    quotation: tuple[int, str, int] | None = None
    condition: str = ""
    messages: int = 0
    last_ns: int = 0
    moves: int = 0
    moved_ns: int = 0
    received_ns: int = 0


class Row(NamedTuple):
    type: int
    locate: int
    timestamp_ns: int
    order_ref: int
    second_ref: int
    side: int
    shares: int
    price: int
    code: int
    stock: bytes


def rows_of(columns: Mapping[str, npt.NDArray[np.generic]], count: int) -> Iterator[Row]:
    return map(Row._make, zip(*(columns[name][:count].tolist() for name in Row._fields), strict=True))


def hear(stock: Stock, row: Row) -> None:
    """What is said about a stock, apart from its orders."""
    letter = chr(row.code).strip("\0")
    match chr(row.type):
        case "H":
            stock.state = letter
        case "h":
            stock.market_halts[chr(row.side)] = letter
        case "Y":
            stock.short_sale = letter
        case "J":
            stock.collar = [row.price, row.second_ref >> 32, row.second_ref & 0xFFFFFFFF, row.shares]
        case "K":
            stock.quotation = (row.shares, letter, row.price)
