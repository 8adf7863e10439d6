"""What an order and a position must be, by the rules and in other words than the engine's: slow, small, no gate."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from meltica.domain.order import Side


@dataclass
class Request:
    client_order_id: str
    cancels: bool
    quantity: int = 0
    price: int | None = None
    acknowledged: bool = False


@dataclass
class Trade:
    names: list[str]
    """The execution's id, then those of its corrections; the newest stands."""
    quantity: int
    price: int
    fee: int
    booked: int = field(default_factory=itertools.count().__next__)
    """Trades are booked in the order of these; a correction keeps the place."""


@dataclass
class Kept:
    """A correction, or with quantity 0 a bust, whose trade has not come."""

    name: str
    reference: str
    quantity: int
    price: int
    fee: int
    listed: bool = False
    """It waits for nothing: nobody can book it, a person must look."""


@dataclass
class ModelDoubt:
    kind: str
    since_ns: int
    not_found: int = 0


@dataclass
class ModelOrder:
    account: str
    instrument: str
    side: Side
    quantity: int
    price: int | None
    good_till_cancel: bool
    names: list[str]
    """Every client order id that it ever had."""
    newest: str
    trades: list[Trade] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    acknowledged: bool = False
    ended: str = ""
    done_for_day: bool = False
    gone_tomorrow: bool = False
    stopped: bool = False
    suspended: bool = False
    kept: list[Kept] = field(default_factory=list)
    doubts: dict[str, ModelDoubt] = field(default_factory=dict)
    """By client order id."""
    priced: int = 0
    """At which price the gate took it: what an order without one is worth."""

    @property
    def kept_names(self) -> set[str]:
        return {kept.name for kept in self.kept}

    def unanswered(self, name: str) -> str:
        """What was sent under the id and has no answer: New, Cancel, Replace, or nothing."""
        if (request := self.request(name)) is not None:
            return "" if request.acknowledged else "Cancel" if request.cancels else "Replace"
        told = self.acknowledged or self.stopped or self.suspended or self.done_for_day
        return "New" if name == self.newest and not told and not self.ended else ""

    @property
    def filled(self) -> int:
        return sum(trade.quantity for trade in self.trades)

    @property
    def leaves(self) -> int:
        if self.ended or (self.done_for_day and self.gone_tomorrow):
            return 0
        return max(0, self.quantity - self.filled)

    @property
    def may_fill(self) -> int:
        """The most that may still be filled, should the venue say yes to everything that is on its way."""
        if self.ended:
            return 0
        return max([self.leaves] + [r.quantity - self.filled for r in self.requests if not r.cancels])

    @property
    def worth_ticks(self) -> int:
        """The highest price at which it may trade, should the venue say yes to everything that is on its way."""
        own = self.priced if self.price is None else self.price
        asked = [r.price or own for r in self.requests if not r.cancels and r.quantity]
        if self.price is None and self.may_fill:
            self.priced = max(own, *asked, own)  # Nobody takes back what it was once worth.
        return max([own, *asked])

    @property
    def status(self) -> str:
        waiting = [request.cancels for request in self.requests if request.acknowledged]
        facts = [
            ("PendingCancel", True in waiting),
            ("PendingReplace", False in waiting),
            ("DoneForDay", self.done_for_day),
            ("Calculated", self.ended == "Calculated"),
            ("Filled", self.filled >= self.quantity),
            ("Stopped", self.stopped),
            ("Suspended", self.suspended),
            (self.ended, self.ended in {"Canceled", "Expired"}),
            ("PartiallyFilled", self.filled > 0),
            ("Rejected", self.ended == "Rejected"),
            ("New", self.acknowledged),
        ]
        return next((name for name, holds in facts if holds), "PendingNew")

    def request(self, client_order_id: str) -> Request | None:
        return next((r for r in self.requests if r.client_order_id == client_order_id), None)

    def drop(self, client_order_id: str) -> None:
        self.requests = [r for r in self.requests if r.client_order_id != client_order_id]

    def end(self, how: str) -> None:
        if not self.ended:
            self.ended, self.requests, self.stopped, self.suspended = how, [], False, False

    def terms(self, quantity: int | None, price: int | None) -> None:
        self.done_for_day = self.suspended = False
        if quantity is not None:
            self.quantity = max(quantity, self.filled)
        self.price = self.price if price is None else price

    def standing(self, name: str) -> Trade | None:
        """A correction may name the execution by its first id or by its newest."""
        return next((t for t in self.trades if name in (t.names[0], t.names[-1])), None)


def average_cost(trades: Iterable[tuple[int, Trade]]) -> tuple[int, Fraction, Fraction]:
    """(lots, what they cost, what closing others has earned) in price x lots, of (side's sign, trade) in any order."""
    lots, cost, earned = 0, Fraction(0), Fraction(0)
    for sign, trade in sorted(trades, key=lambda each: each[1].booked):
        left = sign * trade.quantity
        if lots * left < 0:
            closed = min(abs(lots), abs(left)) * (1 if left > 0 else -1)
            share = cost * Fraction(-closed, lots)
            earned += -closed * trade.price - share
            lots, cost, left = lots + closed, cost - share, left - closed
        lots, cost = lots + left, cost + left * trade.price
    return lots, cost, earned
