"""Price-time priority matching of our orders against one instrument's market: its displayed book and its trades.

What it promises, and why a fill here is no better than one in the market would have been:

- A resting order joins behind all that is displayed at its price. Trades at the price serve those ahead first. Of
  those who leave we assume that they stood behind us, until less is displayed than was ahead (risk-averse queue model).
- A trade gives our orders no more than its quantity, and an opposite level no more than it displays: what we took stays
  taken until the market updates the level.
- Passive fills are at our own price, aggressive ones at the displayed prices, never beyond the limit.
- Of an order that shows a part of itself only that part stands in the queue; the next one joins the end of it.
- Our own orders never trade with each other: the newest is cancelled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from meltica.domain.level_book import LevelBook
from meltica.domain.market import BookUpdate, Level, MarketTrade
from meltica.domain.order import Side, TimeInForce
from meltica.domain.terms import TriggerSource
from meltica.venues.paper.order import PaperOrder
from meltica.venues.paper.own_side import OwnSide

_BUY, _FOK = Side.BUY, TimeInForce.FOK

OnFill = Callable[[PaperOrder, int, int, bool], None]
"""(order, quantity_lots, price_ticks, maker): one execution, already added to the order's cumulative quantity."""
OnCancel = Callable[[PaperOrder, str], None]
"""(order, why): the venue itself took the order off the book."""

SELF_MATCH = "self-match prevention: it would trade with our own resting order"
NO_LIQUIDITY = "no liquidity left within the price"
POST_ONLY_STOP = "post-only: when it fired it would have taken liquidity"
NO_MATCHING = "nothing can match now: the market's book is not valid, or trading is halted"
TOO_LITTLE = "minimum quantity: not as much as that can be filled at once"
FOK_KILLED = "fill or kill: not all of it can be filled at once"


class Matcher:
    """One instrument. Tells fills and its own cancels through the two callbacks, in the order in which they happen."""

    def __init__(self, on_fill: OnFill, on_cancel: OnCancel) -> None:
        self._on_fill = on_fill
        self._on_cancel = on_cancel
        self.book = LevelBook()
        self.book_valid = False
        """False until the first snapshot, and after a gap: nothing matches."""
        self.halted = False
        self._own = {Side.BUY: OwnSide(Side.BUY), Side.SELL: OwnSide(Side.SELL)}
        self._taken: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        """Displayed lots that we took, per side and price, since the market last updated the level."""
        self._waiting: dict[int, PaperOrder] = {}
        """Orders that came while nothing could match; they enter when it can again, oldest first."""
        self._stops: dict[int, PaperOrder] = {}
        """Orders that wait for their trigger, oldest first."""
        self._last: int | None = None
        """The price of the last trade since the book is valid."""

    @property
    def matching(self) -> bool:
        return self.book_valid and not self.halted

    # Our orders

    def enter(self, order: PaperOrder) -> None:
        """A new order, or one that lost its place: match what crosses, rest or cancel what is left."""
        if order.trigger is not None and not (self.matching and self._fires(order)):
            self._stops[order.sequence] = order
            return
        order.trigger = None
        if not self.matching:
            if order.immediate:
                self._on_cancel(order, NO_MATCHING)
            else:
                self._waiting[order.sequence] = order
            return
        if order.price_ticks is None or self.would_cross(order.side, order.price_ticks):
            self._take(order)
            if order.finished or order.leaves_lots == 0:
                return
        if order.immediate:
            self._on_cancel(order, FOK_KILLED if order.time_in_force is TimeInForce.FOK else NO_LIQUIDITY)
        else:
            self.rest(order)

    def rest(self, order: PaperOrder) -> None:
        """Join the end of the queue at the order's price, without taking anything."""
        if self.book_valid and order.price_ticks is not None:
            order.queue_ahead_lots = self.book.side(order.side).lots.get(order.price_ticks, 0)
        else:
            order.queue_ahead_lots = None
        order.show()
        self._own[order.side].add(order)

    def withdraw(self, order: PaperOrder) -> None:
        """Take a working order off the book."""
        if order.resting:
            self._own[order.side].remove(order)
        else:
            self._waiting.pop(order.sequence, None)
            self._stops.pop(order.sequence, None)

    def would_cross(self, side: Side, price_ticks: int) -> bool:
        """Would a limit order of this side and price take liquidity: others' or our own?"""
        opposite = side.opposite
        displayed = self.book.side(opposite).best
        if displayed is not None and _within(side, displayed, price_ticks):
            return True
        own = self._own[opposite].best
        return own is not None and _within(side, own, price_ticks)

    def working(self) -> tuple[PaperOrder, ...]:
        """Our orders that are not finished, oldest first."""
        resting = (*self._own[Side.BUY].orders(), *self._own[Side.SELL].orders())
        every = (*resting, *self._waiting.values(), *self._stops.values())
        return tuple(sorted(every, key=lambda order: order.sequence))

    def _take(self, order: PaperOrder) -> None:
        """Walk the displayed opposite levels, best first."""
        levels, reached, meets_own = self._reachable(order)
        all_or_none = order.time_in_force is _FOK
        if reached < (order.leaves_lots if all_or_none else order.min_lots):
            self._on_cancel(order, SELF_MATCH if meets_own else FOK_KILLED if all_or_none else TOO_LITTLE)
            return
        taken = self._taken[order.side.opposite]
        for price, lots in levels:
            taken[price] = taken.get(price, 0) + lots
            self._fill(order, lots, price, maker=False)
        if meets_own and order.leaves_lots:
            self._on_cancel(order, SELF_MATCH)

    def _reachable(self, order: PaperOrder) -> tuple[list[Level], int, bool]:
        """What the order can take now: (levels, their sum, True when a resting order of ours stops it there)."""
        opposite = order.side.opposite
        book, taken, own_best = self.book.side(opposite), self._taken[opposite], self._own[opposite].best
        asked = wanted = order.leaves_lots
        limit, levels = order.price_ticks, []
        for price in book.prices():
            if not wanted or (limit is not None and not _within(order.side, price, limit)):
                break
            if own_best is not None and _better(opposite, own_best, price):
                break
            displayed = book.lots[price] - taken.get(price, 0)
            lots = displayed if displayed < wanted else wanted  # noqa: FURB136 - three times faster than min
            if own_best == price:
                lots = min(lots, self._own[opposite].first(price).queue_ahead_lots or 0)
            if lots > 0:
                levels.append((price, lots))
                wanted -= lots
            if own_best == price:
                break
        meets_own = own_best is not None and (limit is None or _within(order.side, own_best, limit))
        return levels, asked - wanted, wanted > 0 and meets_own

    def _fill(self, order: PaperOrder, lots: int, price_ticks: int, *, maker: bool) -> None:
        order.cumulative_lots += lots
        if order.resting:
            order.shown_lots -= lots
            if order.leaves_lots == 0 or order.reach_lots == 0:
                self._own[order.side].remove(order)
                if order.leaves_lots:
                    self.rest(order)  # The next part of it shows: at the end of the queue, as if it came now.
        self._on_fill(order, lots, price_ticks, maker)

    # The market

    def update(self, update: BookUpdate) -> None:
        """The displayed book changed: queues ahead shrink, and what now crosses our price fills us there."""
        self.book.apply(update)
        if update.snapshot:
            self._snapshot_taken()
        elif not self.book_valid:
            return
        else:
            self._levels_changed(Side.BUY, update.bids)
            self._levels_changed(Side.SELL, update.asks)
        if not self.halted:
            self._rematch()

    def trade(self, trade: MarketTrade) -> None:
        """Others traded: it serves the queue at its price, and whatever of ours it went through."""
        if not self.matching:
            return
        remaining = self._trade_through(Side.BUY, trade.price_ticks, trade.quantity_lots)
        remaining = self._trade_through(Side.SELL, trade.price_ticks, remaining)
        if remaining and (side := self._side_hit(trade)) is not None:
            self._serve_queue(self._own[side], trade.price_ticks, remaining)
        self._last = trade.price_ticks
        self._fire_stops()

    def invalidate(self) -> None:
        """The book can't be trusted until the next snapshot: nothing matches, places in the queue stay as they were."""
        self.book_valid = False
        self._last = None
        self.book.clear()

    def set_halted(self, halted: bool) -> None:
        self.halted = halted
        if self.matching:
            self._rematch()

    def _rematch(self) -> None:
        self._match_crossed(Side.BUY)
        self._match_crossed(Side.SELL)
        while self._waiting:
            self.enter(self._waiting.pop(next(iter(self._waiting))))
        self._fire_stops()

    def _fire_stops(self) -> None:
        """Oldest first. What one of them takes moves nothing that another waits for: the market's book is others'."""
        for order in [order for order in self._stops.values() if self._fires(order)]:
            del self._stops[order.sequence]
            order.trigger = None
            if order.post_only and order.price_ticks is not None and self.would_cross(order.side, order.price_ticks):
                self._on_cancel(order, POST_ONLY_STOP)
            else:
                self.enter(order)

    def _fires(self, order: PaperOrder) -> bool:
        if (trigger := order.trigger) is None:
            return False
        bid, ask = self.book.bids.best, self.book.asks.best
        if trigger.source is TriggerSource.LAST:
            price = self._last
        else:
            price = None if bid is None or ask is None else ask if order.side is Side.BUY else bid
        return price is not None and _within(order.side.opposite, price, trigger.ticks)

    def _snapshot_taken(self) -> None:
        self.book_valid = True
        for side, own in self._own.items():
            self._taken[side].clear()
            displayed = self.book.side(side).lots
            for order in own.orders():
                ahead = displayed.get(order.price_ticks or 0, 0)
                known = order.queue_ahead_lots
                order.queue_ahead_lots = ahead if known is None else min(known, ahead)

    def _levels_changed(self, side: Side, levels: tuple[Level, ...]) -> None:
        taken, own = self._taken[side], self._own[side]
        for price, lots in levels:
            taken.pop(price, None)
            for order in own.backwards(price):
                if order.queue_ahead_lots is not None and order.queue_ahead_lots <= lots:
                    break  # Whoever came earlier has no more ahead than this one.
                order.queue_ahead_lots = lots

    def _match_crossed(self, side: Side) -> None:
        """Our best orders of ``side`` against opposite levels that cross them, as far as those display."""
        own, opposite = self._own[side], self.book.side(side.opposite)
        if (best := own.best) is None or opposite.best is None or not _within(side, opposite.best, best):
            return
        taken = self._taken[side.opposite]
        for price in opposite.prices():
            available = opposite.lots[price] - taken.get(price, 0)
            while available > 0 and (best := own.best) is not None and _within(side, price, best):
                order = own.first(best)
                lots = min(available, order.reach_lots)
                available -= lots
                taken[price] = taken.get(price, 0) + lots
                self._fill(order, lots, best, maker=True)
            if (best := own.best) is None or not _within(side, price, best):
                return

    def _side_hit(self, trade: MarketTrade) -> Side | None:
        """Which side's queue the trade served; None: the feed does not say and the book does not tell."""
        if trade.aggressor is not None:
            return trade.aggressor.opposite
        bid, ask = self.book.bids.best, self.book.asks.best
        if bid is not None and trade.price_ticks <= bid:
            return Side.BUY
        return Side.SELL if ask is not None and trade.price_ticks >= ask else None

    def _trade_through(self, side: Side, price_ticks: int, remaining: int) -> int:
        """Fill ours at better prices than the trade's: the aggressor would have met us first. What is left of it."""
        own = self._own[side]
        while remaining and (best := own.best) is not None and _better(side, best, price_ticks):
            order = own.first(best)
            lots = min(remaining, order.reach_lots)
            remaining -= lots
            self._fill(order, lots, best, maker=True)
        return remaining

    def _serve_queue(self, own: OwnSide, price_ticks: int, remaining: int) -> None:
        """Serve others and us at one price in the order of the queue, as far as the trade goes."""
        served_others, queue = 0, deque(own.at(price_ticks))
        while queue:
            order = queue.popleft()
            ahead = order.queue_ahead_lots or 0
            others = min(max(ahead - served_others, 0), remaining)
            served_others += others
            remaining -= others
            order.queue_ahead_lots = max(ahead - served_others, 0)
            if remaining and (lots := min(remaining, order.reach_lots)):
                remaining -= lots
                self._fill(order, lots, price_ticks, maker=True)
                if order.resting and order.shown_lots == min(order.display_lots, order.leaves_lots) > 0:
                    queue.append(order)  # Behind all that was displayed when the trade came, and behind our others.


def _within(side: Side, price_ticks: int, limit_ticks: int) -> bool:
    """May an order of ``side`` with this limit trade at the price?"""
    return price_ticks <= limit_ticks if side is _BUY else price_ticks >= limit_ticks


def _better(side: Side, a_ticks: int, b_ticks: int) -> bool:
    """Has a resting order of ``side`` at ``a`` priority over one at ``b``?"""
    return a_ticks > b_ticks if side is _BUY else a_ticks < b_ticks
