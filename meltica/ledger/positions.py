"""The positions of one account or one strategy in one instrument: one when netting, several with ids when hedging."""

from __future__ import annotations

import msgspec

from meltica.domain.accounting import CostMethod
from meltica.ledger.holding import Holding


class Fill(msgspec.Struct, gc=False, array_like=True, omit_defaults=True):
    """A row of a stream: an execution as it stands now. A bust, or an allocation to others, leaves it empty."""

    execution_id: str
    """Of the execution, or the newest that a correction gave it."""
    order_id: int
    strategy: str
    lots: int
    value: int
    """lots x price, signed, in nanos."""
    fee: int
    time_ns: int
    maker: bool | None = None
    position: int = 0
    """HEDGING: the id of the position that it opens or belongs to."""
    closes: bool = False
    """HEDGING: an order that may only reduce."""
    first_id: str = ""
    """The id under which it came, where a correction gave it another one."""
    allocation: int = 0
    """The allocation that took it away, or that brought it."""


class Netted(msgspec.Struct, kw_only=True, tag=True):
    """All fills in one position."""

    method: CostMethod
    holding: Holding = msgspec.field(default_factory=Holding)

    @property
    def sums(self) -> tuple[int, int, int]:
        """(lots, cost, realised)"""
        return self.holding.lots, self.holding.cost, self.holding.realised

    @property
    def size(self) -> int:
        return len(self.holding.table)

    def take(self, fill: Fill, row: int) -> None:
        self.holding.take(fill.lots, fill.value, row, self.method)

    def split(self, numerator: int, denominator: int) -> int:
        return self.holding.split(numerator, denominator)

    def copy(self) -> Netted:
        return Netted(method=self.method, holding=self.holding.copy())

    def listed(self) -> list[tuple[int, Holding]]:
        return [(0, self.holding)]


class Hedged(msgspec.Struct, kw_only=True, tag=True):
    """A position each for what belongs together. Closed ones leave only what they earned."""

    method: CostMethod
    open: dict[int, Holding] = {}
    """By position id, oldest first."""
    lots: int = 0
    cost: int = 0
    realised: int = 0

    @property
    def sums(self) -> tuple[int, int, int]:
        return self.lots, self.cost, self.realised

    @property
    def size(self) -> int:
        return sum(1 + len(holding.table) for holding in self.open.values())

    def take(self, fill: Fill, row: int) -> None:
        """Its own position first; one that may only reduce then closes the oldest ones of the other side."""
        lots, value = fill.lots, fill.value
        if fill.closes:
            own = [fill.position] if fill.position in self.open else []
            for position in [*own, *(name for name in self.open if name != fill.position)]:
                if lots == 0:
                    break
                holding = self.open[position]
                if (holding.lots > 0) == (lots > 0):
                    continue
                part = lots if abs(lots) <= abs(holding.lots) else -holding.lots
                part_value = value * part // lots
                self._book(position, part, part_value, row)
                lots, value = lots - part, value - part_value
        if lots or value:
            self._book(fill.position, lots, value, row)

    def _book(self, position: int, lots: int, value: int, row: int) -> None:
        holding = self.open.get(position)
        if holding is None:
            holding = self.open[position] = Holding()
        before = holding.lots, holding.cost, holding.realised
        holding.take(lots, value, row, self.method)
        self.lots += holding.lots - before[0]
        self.cost += holding.cost - before[1]
        self.realised += holding.realised - before[2]
        if holding.lots == 0:
            del self.open[position]

    def split(self, numerator: int, denominator: int) -> int:
        gone = 0
        for position, holding in list(self.open.items()):
            before, lost = holding.lots, holding.split(numerator, denominator)
            self.lots += holding.lots - before
            self.cost -= lost
            gone += lost
            if holding.lots == 0:
                del self.open[position]
        return gone

    def copy(self) -> Hedged:
        return Hedged(
            method=self.method,
            open={position: holding.copy() for position, holding in self.open.items()},
            lots=self.lots,
            cost=self.cost,
            realised=self.realised,
        )

    def listed(self) -> list[tuple[int, Holding]]:
        return list(self.open.items())


Positions = Netted | Hedged
