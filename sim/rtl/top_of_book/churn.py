"""Random order flow that is hard on a book: few prices, much at the touch, levels that empty one after another."""

from __future__ import annotations

from random import Random

from sim.rtl.coverage import Cover
from sim.rtl.top_of_book.judge import Script
from sim.rtl.top_of_book.model import Book, Order, Side
from sim.rtl.top_of_book.stream import Message

CLASSES = {"A": "add", "F": "add", "E": "lessen", "C": "lessen", "X": "lessen", "D": "delete", "U": "replace"}
FAILURES = ("duplicate", "unknown_order", "over_reduction", "too_large")


class Covers:
    """What a stream must have done to the books."""

    def __init__(self) -> None:
        kinds = sorted(set(CLASSES.values()))
        self.pairs = Cover(
            "pairs on one symbol", [(a, b, gap) for a in kinds for b in kinds for gap in ("1", "2", "3", "more")]
        )
        self.orders = Cover(
            "pairs on one order, at most two cycles apart",
            [(a, b) for a in ("add", "lessen", "replace") for b in ("lessen", "delete", "replace")],
        )
        self.adds = Cover("new orders", ["first", "better", "at best", "between", "at second", "second", "deeper"])
        self.removes = Cover(
            "removals",
            [
                *("best to second", "best to none", "best lessened", "second emptied", "deeper emptied"),
                *("behind lessened", "outside"),
            ],
        )
        self.refills = Cover("the next second level", ["same word", "another word", "none"])
        self.places = Cover("windows", ["fits", "placed", "moved", "outside: grain", "outside: worse", "outside: 2^31"])
        self.grains = Cover("grains", ["cent", "half", "unit"])
        self.known = Cover("the best", ["becomes unknown", "becomes known", "stays unknown"])
        self.failures = Cover("failures", [*FAILURES, "empty order", "replace in vain"])
        self.conditions = Cover("conditions", ["locked", "crossed"])

    def require_full(self) -> None:
        for cover in vars(self).values():
            cover.require_full()


class Churn:
    """Messages for the watched symbols of a script, and now and then for others."""

    def __init__(self, script: Script, rng: Random, covers: Covers, *, spread: int = 12) -> None:
        self.script, self.rng, self.covers, self.spread = script, rng, covers, spread
        self.ref = rng.randrange(1 << 40)
        self.center: dict[int, float] = {locate: rng.choice((3, 40, 300)) * 10_000 for locate in script.books}
        self.last: tuple[str, int, int] | None = None  # class, locate, the reference that lives after it
        self.others = [locate for locate in range(1, 64) if locate not in script.books]

    def new_ref(self) -> int:
        self.ref += self.rng.choice((1, 1, 1, 2, 7, 64, 8192, 1 << 20))
        return self.ref

    def step(self, waits: tuple[int, ...] = (2,)) -> None:
        rng = self.rng
        wait = rng.choice(waits)
        if rng.random() < 0.06:
            self.script.take(self._foreign(), wait)
            self.last = None
            return
        locate = self.last[1] if self.last and rng.random() < 0.6 else rng.choice(list(self.script.books))
        self._send(self._choose(locate), wait)

    def _choose(self, locate: int) -> Message:
        rng, book = self.rng, self.script.books[locate]
        full = len(book.orders) > 40
        refs = list(book.orders)
        if not refs or (not full and rng.random() < 0.42):
            return self._new(locate, book)
        if rng.random() < 0.009:
            return self._wrong(locate, rng.choice(refs))
        ref = self._pick(book, refs)
        kind = rng.choice("EECXDDDUU" if not full else "EDDD")
        order = book.orders[ref]
        shares = order.shares if rng.random() < 0.5 else rng.randrange(1, order.shares + 1)
        if kind == "U":
            price = order.price if rng.random() < 0.2 else self._price(locate, order.sell)
            huge = (rng.random() < 0.003) << 20
            lots = 0 if rng.random() < 0.02 else rng.choice((100, 200, huge + rng.randrange(1, 1 << 20)))
            return Message("U", locate, ref, self.new_ref(), shares=lots, price=price)
        if kind == "C":
            price = rng.randrange(1, 10**6)
            return Message("C", locate, ref, shares=shares, price=price, printable=rng.random() < 0.7)
        return Message(kind, locate, ref, shares=shares * (kind != "D"))

    def _pick(self, book: Book, refs: list[int]) -> int:
        """Most often an order at the touch, or the one of the last message."""
        rng = self.rng
        if self.last and self.last[2] in book.orders and rng.random() < 0.4:
            return self.last[2]
        side = rng.choice((book.bid, book.ask))
        ladder = side.ladder()[:2]
        near = [ref for ref, order in book.orders.items() if order.sell == side.sell and order.price in ladder]
        return rng.choice(near) if near and rng.random() < 0.7 else rng.choice(refs)

    def _new(self, locate: int, book: Book) -> Message:
        rng = self.rng
        sell = rng.random() < 0.5
        if rng.random() < 0.01:
            shares, price = rng.choice(((0, 10_000), (100, 0)))
            return Message("A", locate, self.new_ref(), sell=sell, shares=shares, price=price)
        shares = rng.choice((100, 100, 200, rng.randrange(1, 1 << 20)))
        price = self._price(locate, sell)
        return Message(rng.choice("AF"), locate, self.new_ref(), sell=sell, shares=shares, price=price)

    def _price(self, locate: int, sell: bool) -> int:
        rng, center = self.rng, self.center[locate]
        if rng.random() < 0.001:
            self.center[locate] = rng.choice((3, 40, 300, 0.4)) * 10_000
        roll = rng.random()
        away = rng.randrange(-2, self.spread) if roll < 0.9 else rng.randrange(0, 160)
        step = 100 if center >= 10_000 else 1
        if roll > 0.993:
            step = rng.choice((50, 50, 1, 37, 10_000))
        price = int(center + away * step) if sell else int(center - away * step)
        if roll > 0.998:
            price = rng.choice((1, 100, 1_999_999_900, (1 << 31) + 5))
        return max(price, 1)

    def _wrong(self, locate: int, ref: int) -> Message:
        match self.rng.choice(FAILURES):
            case "duplicate":
                return Message("A", locate, ref, sell=True, shares=100, price=10_000)
            case "unknown_order":
                kind = self.rng.choice("EXDU")
                return Message(kind, locate, self.new_ref(), self.new_ref(), shares=1, price=500_000)
            case "over_reduction":
                over = self.script.books[locate].orders[ref].shares + self.rng.choice((1, 1 << 20, (1 << 31) - 1))
                return Message(self.rng.choice("EX"), locate, ref, shares=over)
            case _:
                shares = self.rng.choice((1 << 20, (1 << 32) - 1))
                return Message("A", locate, self.new_ref(), shares=shares, price=9_900)

    def _foreign(self) -> Message:
        """Messages that concern no order of a watched symbol."""
        rng = self.rng
        locate = rng.choice(self.others)
        anyone = rng.choice([*self.others, *self.script.books])
        match rng.choice("AEDUPPHYhh"):
            case "P":
                return Message("P", anyone, shares=rng.choice((0, 100, 300)), price=rng.randrange(1, 10**7))
            case "H":
                return Message("H", anyone, state=rng.choice("HPQT"))
            case "Y":
                return Message("Y", anyone, state=rng.choice("012"))
            case "h":
                return Message("h", anyone, state=rng.choice("HT"), market=rng.choice("QBX"))
            case kind:
                return Message(kind, locate, rng.randrange(1 << 63), rng.randrange(1 << 63), shares=5, price=700)

    # --- what it did ---

    def _send(self, message: Message, wait: int) -> None:
        book = self.script.books[message.locate]
        order = book.orders.get(message.ref)
        ladders, was_known = (book.bid.ladder(), book.ask.ladder()), book.known()
        leaving = order.shares if order and message.kind in "DU" else min(message.shares, order.shares) if order else 0
        copy = Order(order.sell, order.price, order.shares, order.window) if order else None
        self.script.take(message, wait)
        self._cover_pairs(message, wait)
        if copy is not None and message.kind not in "AF":
            self._cover_removal(book, copy, leaving, ladders[copy.sell], message)
        if message.kind in "AF" and not book.failures and book.told:
            self._cover_add(book, message, ladders[message.sell])
        self._cover_failures(message, book)
        after = book.known()
        if not after or not was_known:
            self.covers.known.hit(
                "stays unknown" if after == was_known else "becomes known" if after else "becomes unknown"
            )
        bid, _, ask, _ = self.script.expected[-1][1]
        if bid and ask and bid >= ask:
            self.covers.conditions.hit("locked" if bid == ask else "crossed")
        lives = message.new_ref if message.kind == "U" else message.ref
        self.last = (CLASSES[message.kind], message.locate, lives)

    def _cover_pairs(self, message: Message, wait: int) -> None:
        if self.last and self.last[1] == message.locate:
            kind = CLASSES[message.kind]
            self.covers.pairs.hit((self.last[0], kind, str(wait) if wait < 4 else "more"))
            if self.last[2] == message.ref and wait <= 2 and (self.last[0], kind) in self.covers.orders.bins:
                self.covers.orders.hit((self.last[0], kind))

    def _cover_failures(self, message: Message, book: Book) -> None:
        for failure in book.failures:
            self.covers.failures.hit(failure)
        if message.kind in "AFU" and not (message.price and message.shares):
            self.covers.failures.hit("empty order")
        if message.kind == "U" and "unknown_order" in book.failures:
            self.covers.failures.hit("replace in vain")

    def _cover_add(self, book: Book, message: Message, ladder: list[int]) -> None:
        side = book.ask if message.sell else book.bid
        self.covers.grains.hit({100: "cent", 50: "half", 1: "unit"}[side.grain])
        if book.told == "outside":
            far = "2^31" if message.price >= 1 << 31 else "grain" if message.price % side.grain else "worse"
            self.covers.places.hit(f"outside: {far}")
            return
        self.covers.places.hit(book.told)
        if book.told == "fits":
            self.covers.adds.hit(_standing(side, message.price, ladder))
        else:
            self.covers.adds.hit("first")

    def _cover_removal(self, book: Book, order: Order, leaving: int, ladder: list[int], message: Message) -> None:
        side = book.side(order)
        if order.window != side.window or order.price not in ladder:
            self.covers.removes.hit("outside")
            return
        if message.kind == "U":
            return  # its second half has come already
        gone = order.price not in side.totals
        rank = ladder.index(order.price)
        if rank == 0:
            left = "best to second" if len(ladder) > 1 else "best to none"
            self.covers.removes.hit(left if gone else "best lessened")
        elif rank == 1:
            self.covers.removes.hit("second emptied" if gone else "behind lessened")
        else:
            self.covers.removes.hit("deeper emptied" if gone else "behind lessened")
        if gone and rank < 2 and len(ladder) > 1:
            self._cover_refill(side, ladder)

    def _cover_refill(self, side: Side, ladder: list[int]) -> None:
        ranks = [self._rank(side, price) for price in ladder[1:3]]
        if len(ranks) == 1:
            self.covers.refills.hit("none")
        else:
            self.covers.refills.hit("same word" if ranks[0] // 64 == ranks[1] // 64 else "another word")

    @staticmethod
    def _rank(side: Side, price: int) -> int:
        at = price // side.grain - side.base
        return at if side.sell else side.levels - 1 - at


def _standing(side: Side, price: int, ladder: list[int]) -> str:
    """Where a new order stands among the levels that were there."""
    if side.better(price, ladder[0]):
        return "better"
    if price == ladder[0]:
        return "at best"
    if len(ladder) == 1:
        return "second"
    if side.better(price, ladder[1]):
        return "between"
    return "at second" if price == ladder[1] else "deeper"
