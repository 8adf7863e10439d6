"""A position at average cost, and what was earned on it. Exact: what is realised and what is left always add up."""

from __future__ import annotations

import msgspec

from meltica.domain.money import divide_half_even


class Position(msgspec.Struct, kw_only=True):
    """Signed lots of one account in one instrument. Money in nanos of the quote currency."""

    account: str
    instrument: str
    lots: int = 0
    """Positive is long."""
    cost_nanos: int = 0
    """What the open lots cost: signed like ``lots``. Average price = cost / lots."""
    realised_nanos: int = 0
    """Closed profit and loss before fees."""
    fees_nanos: int = 0
    traded_value_nanos: int = 0

    def apply(self, signed_lots: int, price_ticks: int, unit_nanos: int, fee_nanos: int) -> None:
        """Book one execution. ``unit_nanos``: value of one lot at one tick.

        Closing takes its share of the cost, rounded half to even; the remainder stays with what is still open, so
        realised + open cost is exact at all times.
        """
        value = signed_lots * price_ticks * unit_nanos
        self.fees_nanos += fee_nanos
        self.traded_value_nanos += abs(value)
        if self.lots == 0 or (self.lots > 0) == (signed_lots > 0):
            self.lots += signed_lots
            self.cost_nanos += value
            return
        closing = signed_lots if abs(signed_lots) <= abs(self.lots) else -self.lots
        closed_cost = divide_half_even(self.cost_nanos * abs(closing), abs(self.lots))
        self.realised_nanos += -closing * price_ticks * unit_nanos - closed_cost
        self.cost_nanos -= closed_cost
        self.lots += closing
        if (opening := signed_lots - closing) != 0:
            self.lots = opening
            self.cost_nanos = opening * price_ticks * unit_nanos

    def split(self, numerator: int, denominator: int) -> None:
        """Restate the lots, whole ones towards 0; the cost stays. What nothing is left of is a loss of what it cost."""
        size = abs(self.lots) * numerator // denominator
        self.lots = size if self.lots > 0 else -size
        if self.lots == 0:
            self.realised_nanos -= self.cost_nanos
            self.cost_nanos = 0

    def unrealised_nanos(self, mark_ticks: int, unit_nanos: int) -> int:
        """What closing everything at the mark would add, before fees."""
        return self.lots * mark_ticks * unit_nanos - self.cost_nanos
