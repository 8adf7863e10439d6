"""Which held orders want to hear of a quote: an index over what they wait for.

Follows from the orders alone. For each price of an instrument two sorted lists, of those who wait for it to rise and of
those who wait for it to fall: whether anybody is reached is one comparison with each list's first.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from meltica.domain.breakers import MarkKind, mark_key
from meltica.domain.lifecycle import leaves_lots
from meltica.domain.limits import InstrumentLimits, instrument_key
from meltica.domain.market import Quote
from meltica.domain.order import Order, OrderType, TimeInForce
from meltica.domain.terms import Held
from meltica.engine.held import prices
from meltica.engine.held.prices import Line, Want

if TYPE_CHECKING:
    from meltica.engine.state import Tables

NEVER = -(2**80)
"""Below every level, ``prices.ANYTHING`` included."""
Entry = tuple[int, int]
"""(half ticks, negative for those who wait for a fall; order id): the list's first is reached first."""


class _Market:
    """Who waits for something in one instrument."""

    __slots__ = ("falls", "lists", "pegs", "ready", "rises", "unpegged", "wants")

    def __init__(self) -> None:
        self.falls = [NEVER] * len(Line)
        """By line: at or below which level somebody is reached."""
        self.rises = [-NEVER] * len(Line)
        self.lists: dict[tuple[Line, bool], list[Entry]] = {}
        self.wants: dict[int, tuple[Want, ...]] = {}
        self.ready: dict[int, None] = {}
        """Held.RELEASE: any fresh price lets them go."""
        self.unpegged: dict[int, None] = {}
        """Held.REFERENCE: any book does."""
        self.pegs: dict[int, Order] = {}
        """Those that work at their venue."""

    @property
    def empty(self) -> bool:
        return not (self.wants or self.ready or self.unpegged)

    def add(self, order_id: int, wants: tuple[Want, ...], *, ordered: bool = True) -> None:
        self.wants[order_id] = wants
        for want in wants:
            entries = self.lists.setdefault((want.line, want.rising), [])
            if ordered:
                insort(entries, _entry(want, order_id))
            else:
                entries.append(_entry(want, order_id))
            self.note(want.line, rising=want.rising)

    def drop(self, order_id: int) -> None:
        for want in self.wants.pop(order_id, ()):
            entries = self.lists[want.line, want.rising]
            del entries[bisect_left(entries, _entry(want, order_id))]
            if not entries:
                del self.lists[want.line, want.rising]
            self.note(want.line, rising=want.rising)

    def note(self, line: Line, *, rising: bool) -> None:
        """Keep the first level of the list at hand."""
        entries = self.lists.get((line, rising))
        first = -NEVER if not entries else entries[0][0]
        if rising:
            self.rises[line] = first
        else:
            self.falls[line] = -first

    def is_reached(self, quote: Quote, *, book: bool) -> bool:
        """May somebody be reached? Written out: it is asked for each piece of market data."""
        rises, falls = self.rises, self.falls
        if book and quote.bid is not None and quote.ask is not None:
            bid, ask = 2 * quote.bid[0], 2 * quote.ask[0]
            if bid >= rises[0] or bid <= falls[0] or ask >= rises[1] or ask <= falls[1]:
                return True
            mid = (bid + ask) // 2
            if mid >= rises[3] or mid <= falls[3]:
                return True
        if (last := quote.last_ticks) is not None and (2 * last >= rises[2] or 2 * last <= falls[2]):
            return True
        return (mark := quote.mark_half_ticks) is not None and (mark >= rises[4] or mark <= falls[4])


def _entry(want: Want, order_id: int) -> Entry:
    return (want.half_ticks if want.rising else -want.half_ticks), order_id


class Watch:
    """Asked for each piece of market data while anything is in it."""

    def __init__(self, tables: Tables, orders: Iterable[Order]) -> None:
        self._tables = tables
        self._markets: dict[str, _Market] = {}
        self.unseen: dict[str, None] = {}
        """Instruments where an order came or changed: the driver shows their market once, whether it moves or not."""
        for order in orders:
            self._enter(order, ordered=False)
        for market in self._markets.values():
            for (line, rising), entries in market.lists.items():
                entries.sort()
                market.note(line, rising=rising)

    def __len__(self) -> int:
        return len(self._markets)

    def keep(self, order: Order, *, at_once: bool = True) -> None:
        """The order is another one than before, or new. Not ``at_once``: it waits for the market to move on."""
        market = self._markets.get(order.instrument)
        if market is not None and order.held is Held.TRIGGER and market.wants.get(order.order_id) == _wants(order):
            return
        if market is not None:
            market.drop(order.order_id)
            market.ready.pop(order.order_id, None)
            market.unpegged.pop(order.order_id, None)
            market.pegs.pop(order.order_id, None)
        if self._enter(order, ordered=True) and at_once:
            self.unseen[order.instrument] = None
        if market is not None and market.empty:
            del self._markets[order.instrument]

    def _enter(self, order: Order, *, ordered: bool) -> bool:
        """False: it waits for nothing."""
        if order.ended is not None:
            return False
        if order.held is None and (order.order_type is not OrderType.PEGGED or leaves_lots(order) == 0):
            return False
        wants = _wants(order)
        waits = order.held in (Held.RELEASE, Held.REFERENCE) and not waits_for_clock(order)
        if not wants and not waits:
            return False
        market = self._markets.setdefault(order.instrument, _Market())
        if wants:
            market.add(order.order_id, wants, ordered=ordered)
            if order.held is None:
                market.pegs[order.order_id] = order
        elif order.held is Held.RELEASE:
            market.ready[order.order_id] = None
        else:
            market.unpegged[order.order_id] = None
        return True

    def is_shut(self, instrument: str) -> bool:
        """Nothing fires while the instrument is halted, or its book has a gap."""
        tables = self._tables
        mark = tables.marks.get(mark_key(MarkKind.GAPPED, instrument))
        return instrument in tables.halted or (mark is not None and mark.on)

    def is_fresh(self, quote: Quote, now_ns: int) -> bool:
        """Would the gate still judge by this price? Without limits for the instrument it would not."""
        return self._is_young(quote.instrument, now_ns - quote.time_ns)

    def believed(self, quote: Quote, now_ns: int) -> Quote:
        """Without its mark price, if that is older than any price may be that the gate judges by: a stream of its own
        brings it, which may stop while the book goes on."""
        if quote.mark_ticks is None or self._is_young(quote.instrument, now_ns - quote.mark_ns):
            return quote
        return msgspec.structs.replace(quote, mark_ticks=None, mark_between=False)

    def _is_young(self, instrument: str, age_ns: int) -> bool:
        limits, _ = self._tables.limits.get(instrument_key(instrument), (None, 0))
        if not isinstance(limits, InstrumentLimits) or limits.reference_max_age_ns == 0:
            return False
        return age_ns <= limits.reference_max_age_ns

    def watched(self, quote: Quote, now_ns: int) -> bool:
        """Does anybody want to hear of this quote?"""
        market = self._markets.get(quote.instrument)
        if market is None:
            return False
        bid, ask = quote.bid, quote.ask
        book = bid is not None and ask is not None and bid[0] < ask[0]
        if not market.is_reached(quote, book=book) and not market.ready and not (book and market.unpegged):
            return False
        return next(self.reached(quote, now_ns), None) is not None

    def reached(self, quote: Quote, now_ns: int) -> Iterator[int]:
        """Ids of the orders for which this quote changes something, in no particular order; some of them twice."""
        market = self._markets.get(quote.instrument)
        if market is None or self.is_shut(quote.instrument):
            return
        quote = self.believed(quote, now_ns)
        fresh, lost = self.is_fresh(quote, now_ns), bool(self._tables.gate_lost)
        book = fresh and prices.has_book(quote)
        if fresh and not lost and (book or (quote.bid is None and quote.ask is None)):
            yield from market.ready
        if book and not lost:
            yield from market.unpegged
        for (line, rising), entries in market.lists.items():
            at = prices.on(line, quote, book=book)
            if at is None:
                continue
            level = at if rising else -at
            for half_ticks, order_id in entries:
                if half_ticks > level:
                    break
                peg = market.pegs.get(order_id)
                if peg is None or (not lost and not prices.is_own(peg, line, quote, leaves_lots(peg))):
                    yield order_id

    def look(self, *, again: bool = False) -> tuple[str, ...]:
        """The unseen instruments, once; all of them where the gate may answer again."""
        if not self.unseen and not again:
            return ()
        names = tuple(self._markets if again else self.unseen)
        self.unseen.clear()
        return names


def is_termed(order: Order) -> bool:
    """Is it held, or does it say more and may want something because of it? GTD: a bust reopens it. A parent's own
    events say when it wants to be looked at."""
    if order.held is not None:
        return order.held is not Held.SLICES
    if order.terms is None or order.ended is not None:
        return False
    return leaves_lots(order) > 0 or order.time_in_force is TimeInForce.GTD


def waits_for_clock(order: Order) -> bool:
    """Its moment came, and it is tried again when its alarm rings: not with the next quote, like what waits for one."""
    if order.held is not Held.RELEASE or order.due_ns == 0 or order.time_in_force is TimeInForce.AT_THE_CLOSE:
        return False
    return order.terms is None or order.due_ns != order.terms.expire_ns


def _wants(order: Order) -> tuple[Want, ...]:
    if order.held is None:
        return prices.peg_moves(order)
    if order.held is not Held.TRIGGER:
        return ()
    return tuple(want for want in (prices.fires(order), prices.trails(order)) if want is not None)
