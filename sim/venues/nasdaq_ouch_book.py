"""The simulated exchange behind the OUCH port: books in price-time priority, and the words of the specification.

It reads and writes messages with the tables of ``meltica.venues.nasdaq.ouch50``. It can therefore not judge them: that
is what the captured packets and the bytes typed by hand in tests/conformance are for. It judges the sessions.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import Final

from meltica.venues.nasdaq.ouch50 import CODEC, RejectReason, Tag
from meltica.venues.nasdaq.ouch_codec import MARKET_PRICE_ROUND, OuchError, OuchMessage, TagValue
from meltica.venues.nasdaq.soupbintcp import SoupStream
from sim.venues.nasdaq_ouch_orders import Account, Resting, Trade

_REASONS: Final = {
    "Side": RejectReason.INVALID_SIDE,
    "Quantity": RejectReason.INVALID_QUANTITY,
    "Price": RejectReason.INVALID_PRICE,
    "Display": RejectReason.INVALID_DISPLAY,
    "Symbol": RejectReason.INVALID_SYMBOL,
    "CrossType": RejectReason.INVALID_CROSS_ORDER,
    "MinQty": RejectReason.INVALID_MIN_QUANTITY,
}
"""Which reject says that a field is wrong; every other field is a processing error."""
NANOS_A_DAY: Final = 86_400_000_000_000


class Exchange:
    """Takes the messages of accounts; what it answers goes to their streams. The caller owns the clock."""

    def __init__(self, session: str = "SIM0000001", *, symbols: frozenset[str] | None = None, aiq: str = "") -> None:
        """``symbols``: None takes every one. ``aiq``: "", "newest", "oldest" or "both", for an account with itself."""
        self._session = session
        self._symbols = symbols
        self._aiq = aiq
        self.accounts: dict[str, Account] = {}
        self.halted: set[str] = set()
        self.late_cross: set[str] = set()
        """Symbols that are too near to their cross for a cancel."""
        self.now_ns = 0
        self.trades: list[Trade] = []
        self._books: dict[str, tuple[list[Resting], list[Resting]]] = {}
        self._for_crosses: dict[tuple[str, str], list[Resting]] = {}
        self._last_reference = 0
        self._handlers: dict[str, Callable[[Account, OuchMessage], None]] = {
            "O": self._enter,
            "U": self._replace,
            "X": self._cancel,
            "M": self._modify,
            "C": self._mass_cancel,
            "D": self._disable,
            "E": self._enable,
            "Q": self._query,
        }

    def open_account(self, username: str, password: str) -> Account:
        account = self.accounts[username] = Account(username, password, SoupStream(self._session))
        self._say(account, "S", {"Event Code": "S"})
        return account

    def take(self, account: Account, payload: bytes, now_ns: int) -> bool:
        """One message of a client; False: it is no OUCH 5.0 and was left out."""
        self.now_ns = now_ns
        try:
            message = CODEC.decode("inbound", payload)
        except OuchError:
            return False
        self._handlers[message.type](account, message)
        return True

    # What the people of the exchange do

    def bust(self, match: int, why: str = "E") -> None:
        for order in self._sides(match):
            fields: dict[str, int | str] = {
                "UserRefNum": order.urn,
                "Match Number": match,
                "Reason": why,
                "ClOrdID": order.entered["ClOrdID"],
            }
            self._say(order.account, "B", fields)

    def correct(self, match: int, price: int) -> None:
        trade = self.trades[match - 1]
        for order in trade.sides:
            fields: dict[str, int | str] = {
                "UserRefNum": order.urn, "Quantity": trade.shares, "Price": price, "Liquidity Flag": "R",
                "Match Number": match, "Reason": "N", "ClOrdID": order.entered["ClOrdID"],
            }  # fmt: skip
            self._say(order.account, "F", fields)

    def cross(self, symbol: str) -> None:
        """The cross is done: what waited for it is cancelled."""
        self.late_cross.discard(symbol)
        for order in [order for side in self._book(symbol) for order in side if order.cancel_pending]:
            self._take_away(order, order.leaves, "U")

    def run_cross(self, symbol: str, cross: str) -> None:
        """What was entered for this cross trades with what is in the book, then is over. No auction price is made."""
        for order in self._for_crosses.pop((symbol, cross), []):
            if order.urn in order.account.live:
                self._work(order, order.entered, in_cross=True)

    def pass_time(self, second: int) -> None:
        """It is that many seconds since midnight: good-till-time orders end."""
        for account in self.accounts.values():
            for order in list(account.live.values()):
                until = order.entered.tag(Tag.EXPIRE_TIME)
                if isinstance(until, int) and until <= second:
                    self._take_away(order, order.leaves, "T")

    def end_of_day(self) -> None:
        for account in self.accounts.values():
            for order in list(account.live.values()):
                self._take_away(order, order.leaves, "E")
            self._say(account, "S", {"Event Code": "E"})
            account.stream.ended = True

    def depth(self, symbol: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(price, shares) of what is displayed of each order, best first."""
        bids, asks = ([(o.price, o.shown) for o in side if o.shown] for side in self._book(symbol))
        return bids, asks

    # What clients ask

    def _enter(self, account: Account, message: OuchMessage) -> None:
        urn = message.number("UserRefNum")
        if urn <= account.last_urn:
            return  # Sent again
        account.last_urn = urn
        if (reason := self._refusal(account, message)) is not None:
            self._say(account, "J", {"UserRefNum": urn, "Reason": int(reason), "ClOrdID": message["ClOrdID"]})
            return
        order = self._made(account, message, message.number("Quantity"))
        self._acknowledge(order, message, "A", {"UserRefNum": urn})
        self._work(order, message)

    def _refusal(self, account: Account, message: OuchMessage) -> RejectReason | None:
        try:
            CODEC.validate(message)
        except OuchError as error:
            return _REASONS.get(error.field, RejectReason.PROCESSING_ERROR)
        symbol = message.text("Symbol")
        if not account.enabled:
            return RejectReason.FIRM_NOT_AUTHORIZED
        if self._symbols is not None and symbol not in self._symbols:
            return RejectReason.INVALID_SYMBOL
        if message["Price"] == 0:
            return RejectReason.INVALID_PRICE
        if symbol in self.halted:
            return RejectReason.HALTED
        if message["Time In Force"] == "6" and message.tag(Tag.EXPIRE_TIME) is None:
            return RejectReason.PROCESSING_ERROR
        return None

    def _replace(self, account: Account, message: OuchMessage) -> None:
        old, urn = account.live.get(message.number("OrigUserRefNum")), message.number("UserRefNum")
        if old is None or urn <= account.last_urn:
            return  # Silently ignored, as the specification says
        if old.symbol in self.late_cross or old.symbol in self.halted:
            account.last_urn = urn
            reason = RejectReason.CANCEL_NOT_ALLOWED if old.symbol in self.late_cross else RejectReason.HALTED
            self._say(account, "J", {"UserRefNum": urn, "Reason": int(reason), "ClOrdID": message["ClOrdID"]})
            return
        try:
            CODEC.validate(message)
        except OuchError:
            self._take_away(old, old.leaves, "Z")
            return
        account.last_urn = urn
        self._leave(old)
        total = max(message.number("Quantity"), old.executed + old.self_matched)
        order = self._made(account, message, total, old)
        self._acknowledge(order, message, "U", {"OrigUserRefNum": old.urn, "UserRefNum": urn})
        if order.leaves:
            self._work(order, message)

    def _cancel(self, account: Account, message: OuchMessage) -> None:
        order = account.live.get(message.number("UserRefNum"))
        if order is None:
            return
        intended = message.number("Quantity")
        if order.symbol in self.late_cross:
            if intended == 0 and not order.cancel_pending:
                order.cancel_pending = True
                self._say(account, "P", {"UserRefNum": order.urn})
            elif intended:
                self._say(account, "I", {"UserRefNum": order.urn})
            return
        left = max(0, intended - order.executed)
        if left < order.leaves:
            self._take_away(order, order.leaves - left, "U")

    def _modify(self, account: Account, message: OuchMessage) -> None:
        order = account.live.get(message.number("UserRefNum"))
        if order is None or (order.side + message.text("Side")) not in ("SE", "ST", "ET", "SS", "BB", "TT", "EE"):
            return
        left = message.number("Quantity") - order.executed
        if left > order.leaves:
            return  # More is not allowed
        if left <= 0:
            self._take_away(order, order.leaves, "U")
            return
        order.side = message.text("Side")
        order.reduced += order.leaves - left
        self._say(account, "M", {"UserRefNum": order.urn, "Side": order.side, "Quantity": order.leaves})

    def _mass_cancel(self, account: Account, message: OuchMessage) -> None:
        if not self._admitted(account, message, "X"):
            return
        symbol, side = message.text("Symbol"), message.tag(Tag.SIDE)
        for order in list(account.live.values()):
            if symbol in ("", order.symbol) and side in (None, order.side):
                self._take_away(order, order.leaves, "U")

    def _disable(self, account: Account, message: OuchMessage) -> None:
        if self._admitted(account, message, "G"):
            account.enabled = False

    def _enable(self, account: Account, message: OuchMessage) -> None:
        if self._admitted(account, message, "K"):
            account.enabled = True

    def _admitted(self, account: Account, message: OuchMessage, answer: str) -> bool:
        if message.number("UserRefNum") <= account.last_urn:
            return False
        account.last_urn = message.number("UserRefNum")
        self._say(account, answer, message.fields, message.appendage or ())
        return True

    def _query(self, account: Account, _message: OuchMessage) -> None:
        self._say(account, "Q", {"NextUserRefNum": account.last_urn + 1})

    # Matching

    def _made(self, account: Account, message: OuchMessage, shares: int, old: Resting | None = None) -> Resting:
        self._last_reference += 1
        entered = old.entered if old is not None else message
        side, symbol = (old.side, old.symbol) if old is not None else (message.text("Side"), message.text("Symbol"))
        order = Resting(
            account, message.number("UserRefNum"), side, symbol, message.number("Price"), shares, entered,
            self._last_reference,
        )  # fmt: skip
        if old is not None:
            order.executed, order.self_matched = old.executed, old.self_matched
        return order

    def _work(self, order: Resting, message: OuchMessage, *, in_cross: bool = False) -> None:
        """Match it, then rest what is left, or not."""
        order.account.live[order.urn] = order
        cross = order.entered.text("CrossType")
        if cross in ("O", "C") and not in_cross:
            self._for_crosses.setdefault((order.symbol, cross), []).append(order)
            return
        if (kind := order.entered.tag(Tag.PRICE_TYPE)) is not None:
            order.price = self._pegged(order, str(kind))
        others = self._book(order.symbol)[1 if order.buys else 0]
        post_only = (message.tag(Tag.POST_ONLY) or order.entered.tag(Tag.POST_ONLY)) == "P"
        crossing = [other for other in others if _crosses(order, other)]
        if post_only and crossing:
            self._take_away(order, order.leaves, "G")
            return
        least = message.tag(Tag.MIN_QTY) or 0
        if isinstance(least, int) and sum(other.leaves for other in crossing) < least:
            self._take_away(order, order.leaves, "I")
            return
        for other in crossing:
            if order.leaves == 0:
                break
            if self._aiq and other.account is order.account:
                self._prevent(order, other)
            else:
                self._trade(order, other, min(order.leaves, other.leaves))
        if order.leaves == 0:
            order.account.live.pop(order.urn, None)
        elif message["Time In Force"] == "3" or order.price >= MARKET_PRICE_ROUND:
            self._take_away(order, order.leaves, "I")
        else:
            insort(self._book(order.symbol)[0 if order.buys else 1], order, key=Resting.key)

    def _pegged(self, order: Resting, kind: str) -> int:
        """Where a peg is when it comes, never beyond its limit. It stays there: this exchange follows nothing."""
        sides = self._book(order.symbol)
        best = [next((o.price for o in side if o.shown), None) for side in sides]
        own, other = best if order.buys else best[::-1]
        at = {"R": own, "P": other}.get(kind) if kind != "M" else own and other and (own + other) // 2
        worst = min if order.buys else max
        return order.price if at is None else worst(order.price, at)

    def _trade(self, taker: Resting, maker: Resting, shares: int) -> None:
        match = len(self.trades) + 1
        self.trades.append(Trade(match, shares, (maker, taker)))
        for order, flag in ((maker, "A"), (taker, "R")):
            order.executed += shares
            fields: dict[str, int | str] = {
                "UserRefNum": order.urn, "Quantity": shares, "Price": maker.price, "Liquidity Flag": flag,
                "Match Number": match,
            }  # fmt: skip
            self._say(order.account, "E", fields, ())
        if maker.leaves == 0:
            self._leave(maker)

    def _prevent(self, newest: Resting, oldest: Resting) -> None:
        """Anti-internalisation: cancel the newest, the oldest, or as much of both as would have traded."""
        would = min(newest.leaves, oldest.leaves)
        less = {"newest": (newest.leaves, 0), "oldest": (0, oldest.leaves), "both": (would, would)}[self._aiq]
        for order, shares in zip((newest, oldest), less, strict=True):
            if shares:
                order.self_matched += shares
                fields: dict[str, int | str] = {
                    "UserRefNum": order.urn, "Decrement Shares": shares, "Reason": "Q",
                    "Quantity prevented from trading": would, "Execution Price": oldest.price,
                    "Liquidity Flag": "R" if order is newest else "A", "AIQ Strategy": self._aiq[0].upper(),
                }  # fmt: skip
                self._say(order.account, "D", fields)
        if oldest.leaves == 0:
            self._leave(oldest)

    def _take_away(self, order: Resting, shares: int, reason: str) -> None:
        order.reduced += shares
        self._say(order.account, "C", {"UserRefNum": order.urn, "Quantity": shares, "Reason": reason})
        if order.leaves == 0:
            self._leave(order)

    def _leave(self, order: Resting) -> None:
        order.account.live.pop(order.urn, None)
        side = self._book(order.symbol)[0 if order.buys else 1]
        if order in side:
            side.remove(order)

    # Words

    def _acknowledge(self, order: Resting, message: OuchMessage, kind: str, numbers: dict[str, int]) -> None:
        entered = order.entered
        fields: dict[str, int | str] = {
            **numbers, "Side": order.side, "Quantity": order.leaves, "Symbol": order.symbol, "Price": order.price,
            "Order Reference Number": order.reference, "Order State": "L" if order.leaves else "D",
        }  # fmt: skip
        for name in ("Time In Force", "Display", "Capacity", "InterMarket Sweep Eligibility", "CrossType", "ClOrdID"):
            fields[name] = message.fields.get(name, entered[name])
        self._say(order.account, kind, fields, entered.appendage or ())

    def _say(
        self, account: Account, kind: str, fields: dict[str, int | str], appendage: tuple[TagValue, ...] | None = None
    ) -> None:
        stamped = {"Timestamp": self.now_ns % NANOS_A_DAY, **fields}
        account.stream.append(CODEC.encode(CODEC.make("outbound", kind, stamped, appendage), strict=False))

    def _book(self, symbol: str) -> tuple[list[Resting], list[Resting]]:
        return self._books.setdefault(symbol, ([], []))

    def _sides(self, match: int) -> tuple[Resting, Resting]:
        return self.trades[match - 1].sides


def _crosses(order: Resting, other: Resting) -> bool:
    return order.price >= other.price if order.buys else order.price <= other.price or order.price >= MARKET_PRICE_ROUND
