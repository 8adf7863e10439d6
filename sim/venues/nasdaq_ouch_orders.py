"""What the simulated exchange keeps: who may log in, live orders, trades."""

from __future__ import annotations

from dataclasses import dataclass, field

from meltica.venues.nasdaq.ouch50 import Tag
from meltica.venues.nasdaq.ouch_codec import OuchMessage
from meltica.venues.nasdaq.soupbintcp import SoupStream


@dataclass(slots=True, eq=False)
class Resting:
    """A live order."""

    account: Account
    urn: int
    side: str
    symbol: str
    price: int
    shares: int
    """Liable on the whole chain."""
    entered: OuchMessage
    reference: int
    executed: int = 0
    self_matched: int = 0
    reduced: int = 0
    cancel_pending: bool = False

    @property
    def leaves(self) -> int:
        return self.shares - self.executed - self.self_matched - self.reduced

    @property
    def shown(self) -> int:
        floor = self.entered.tag(Tag.MAX_FLOOR)
        if self.entered["Display"] == "N":
            return 0
        return min(floor, self.leaves) if isinstance(floor, int) and floor else self.leaves

    @property
    def buys(self) -> bool:
        return self.side == "B"

    def key(self) -> tuple[int, int]:
        return (-self.price if self.buys else self.price, self.reference)


@dataclass(eq=False)
class Account:
    """One OUCH account: who may log in, its stream of answers, its orders."""

    username: str
    password: str
    stream: SoupStream
    last_urn: int = 0
    enabled: bool = True
    live: dict[int, Resting] = field(default_factory=dict)


@dataclass(slots=True)
class Trade:
    match: int
    shares: int
    sides: tuple[Resting, Resting]
