"""The order intent of the Python backend: a frozen record whose fields fit the layout."""

from dataclasses import dataclass
from typing import Self

from meltica.hot.layout_gen import OrderIntentRecord, OrderType, TimeInForce

_SIGN_AND_BITS = {"B": (0, 8), "H": (0, 16), "I": (0, 32), "Q": (0, 64), "q": (1, 63)}
_RANGE = {
    name: (-(2**bits) if signed else 0, 2**bits - 1)
    for name, (signed, bits) in zip(
        OrderIntentRecord.DTYPE.names or (),
        [_SIGN_AND_BITS[code] for code in OrderIntentRecord.CODEC.format[1:]],
        strict=True,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """64 bytes, see proto/hot/layout.toml. OverflowError when a number does not fit its field."""

    action: int
    side: int
    instrument_id: int
    account_id: int
    order_id: int
    quantity_lots: int
    time_ns: int
    price_ticks: int = 0
    order_type: int = OrderType.LIMIT
    tif: int = TimeInForce.GTC
    flags: int = 0
    strategy_id: int = 0
    port_id: int = 0
    working_lots: int = 0
    working_price_ticks: int = 0
    type_id: int = OrderIntentRecord.TYPE_ID

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGE.items():
            if not low <= getattr(self, name) <= high:
                raise OverflowError(f"{name} {getattr(self, name)} does not fit {low}..{high}")

    def to_bytes(self) -> bytes:
        return OrderIntentRecord.CODEC.pack(*[getattr(self, name) for name in _RANGE])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Any 64 bytes: whether they make sense is for the gate to judge."""
        if len(data) != OrderIntentRecord.SIZE:
            raise ValueError(f"OrderIntent has {OrderIntentRecord.SIZE} bytes, not {len(data)}")
        return cls(**dict(zip(_RANGE, OrderIntentRecord.CODEC.unpack(data), strict=True)))
