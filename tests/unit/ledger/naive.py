"""The same books without a thought for speed: fractions, one list of all that stands, everything anew each time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class Trade:
    """One execution that stands. ``account`` changes when it is allocated."""

    account: str
    strategy: str
    instrument: str
    currency: str
    lots: int
    value_per_lot: Fraction
    fee: Fraction


def by_units(trades: list[tuple[int, Fraction]], method: str) -> tuple[int, Fraction, Fraction]:
    """(lots, cost, realised): FIFO and LIFO unit by unit, average by fractions."""
    if method == "average":
        return _average(trades)
    units: list[Fraction] = []
    sign, realised = 1, Fraction(0)
    for lots, value in trades:
        for _ in range(abs(lots)):
            way = 1 if lots > 0 else -1
            if not units or sign == way:
                sign = way
                units.append(value)
            else:
                realised += sign * (value - units.pop(0 if method == "fifo" else -1))
    return sign * len(units), sign * sum(units, Fraction(0)), realised


def _average(trades: list[tuple[int, Fraction]]) -> tuple[int, Fraction, Fraction]:
    held, cost, realised = 0, Fraction(0), Fraction(0)
    for lots, value in trades:
        if held * lots >= 0:
            held, cost = held + lots, cost + lots * value
            continue
        closing = lots if abs(lots) <= abs(held) else -held
        part = cost * Fraction(abs(closing), abs(held))
        realised += -closing * value - part
        held, cost = held + closing, cost - part
        if lots != closing:
            held, cost = lots - closing, (lots - closing) * value
    return held, cost, realised


@dataclass
class NaiveBooks:
    trades: list[Trade] = field(default_factory=list)
    money: dict[tuple[str, str], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    """(account, currency) -> what came and went beside trades."""

    def cash(self, account: str, currency: str) -> Fraction:
        mine = [t for t in self.trades if (t.account, t.currency) == (account, currency)]
        return self.money[account, currency] - sum((t.lots * t.value_per_lot + t.fee for t in mine), Fraction(0))

    def fees(self, account: str, currency: str) -> Fraction:
        mine = [t for t in self.trades if (t.account, t.currency) == (account, currency)]
        return sum((t.fee for t in mine), Fraction(0))

    def position(self, account: str, instrument: str, method: str) -> tuple[int, Fraction, Fraction]:
        mine = [t for t in self.trades if (t.account, t.instrument) == (account, instrument)]
        return by_units([(t.lots, t.value_per_lot) for t in mine], method)
