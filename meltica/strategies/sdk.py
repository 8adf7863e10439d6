"""All that a strategy author imports.

Write a class with typed parameters, react to what happens, ask for orders through the context. The same class runs in a
backtest, on the paper venue and live, so it must not read a clock, do I/O or draw random numbers: time is
``context.time_ns``, and the same events give the same intents.

    class Buyer(Strategy[Buyer.Parameters]): ...

Prices are in ticks and quantities in lots; ``context.instrument(name)`` converts from and to decimal text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, ClassVar, Generic, Protocol, TypeVar

from msgspec import Meta

from meltica.domain.groups import Sizing
from meltica.domain.instrument import Instrument
from meltica.domain.lifecycle import OrderStatus, is_working, leaves_lots, status
from meltica.domain.market import MarketTrade, MarkPrice, TopOfBook, TradingStatus
from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderDenied, OrderFilled, OrderReported, RequestRejected
from meltica.domain.parent import Phase
from meltica.domain.ports import Book
from meltica.domain.position import Position
from meltica.domain.schedule import AtEnd, CatchUp, ChildStyle, Schedule, ScheduleKind
from meltica.domain.terms import Held, OffsetUnit, Peg, Terms, TriggerSource
from meltica.strategies.own_parents import Algo
from meltica.strategies.parameters import Parameters
from meltica.strategies.schedules import iceberg, pov, shortfall, twap, vwap

__all__ = [
    "Algo",
    "Annotated",
    "AtEnd",
    "Book",
    "CatchUp",
    "ChildStyle",
    "Context",
    "Held",
    "Instrument",
    "MarkPrice",
    "MarketTrade",
    "Meta",
    "OffsetUnit",
    "Order",
    "OrderDenied",
    "OrderFilled",
    "OrderReported",
    "OrderStatus",
    "OrderType",
    "Parameters",
    "Peg",
    "Phase",
    "Position",
    "RequestRejected",
    "Schedule",
    "ScheduleKind",
    "Side",
    "Sizing",
    "Strategy",
    "Terms",
    "TimeInForce",
    "TopOfBook",
    "TradingStatus",
    "TriggerSource",
    "iceberg",
    "is_working",
    "leaves_lots",
    "pov",
    "shortfall",
    "status",
    "twap",
    "vwap",
]

MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000

P = TypeVar("P", bound=Parameters)


class Context(Protocol):
    """What a strategy sees, and how it acts. Valid during a callback; what it returns is to look at, not to change."""

    @property
    def time_ns(self) -> int:
        """Now: the time of what is being handled."""

    @property
    def killed(self) -> bool:
        """The kill switch is engaged: nothing is sent but cancels."""

    def instrument(self, instrument: str) -> Instrument:
        """:raises FieldError: not one of those that this strategy was started with."""

    def top(self, instrument: str) -> TopOfBook | None:
        """Best bid and offer of the market; None while its book is not valid."""

    def book(self, instrument: str, depth: int) -> Book | None: ...
    def last_trade(self, instrument: str) -> MarketTrade | None: ...
    def mark_price(self, instrument: str) -> MarkPrice | None:
        """The price by which the venue values positions, with the time at which it came: it has an age of its own.

        None: the venue publishes none, or none has come since the start or the last gap.
        """

    def halted(self, instrument: str) -> bool: ...
    def position(self, instrument: str) -> Position:
        """What this strategy's own fills add up to."""

    def orders(self, instrument: str) -> Sequence[Order]:
        """Own working orders, oldest first, those included that are on their way (``order_id`` 0 until the engine
        has them)."""

    def busy(self, order: Order) -> bool:
        """Is the order itself, or a change or cancel of it, still on its way? Then wait before asking for more."""

    def submit(
        self,
        instrument: str,
        side: Side,
        quantity_lots: int,
        price_ticks: int | None = None,
        *,
        time_in_force: TimeInForce | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        decision_ticks: int | None = None,
        order_type: OrderType | None = None,
        terms: Terms | None = None,
    ) -> str:
        """Ask for an order: with a price LIMIT (GTC unless said otherwise), without one MARKET (IOC).

        The other types name themselves and their terms, such as ``order_type=OrderType.STOP,
        terms=Terms(trigger_ticks=…)``. They are GTC unless said otherwise.

        ``decision_ticks``: the price that the decision was made at, which its costs are measured from; None: the
        market's when the order gets to the engine.

        Its client order id; empty: not sent, because the kill switch is engaged or ``on_stop`` was already called.
        """

    def submit_algo(
        self,
        instrument: str,
        side: Side,
        quantity_lots: int,
        schedule: Schedule,
        price_ticks: int | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        reduce_only: bool = False,
        decision_ticks: int | None = None,
    ) -> str:
        """An order that goes out in slices: ``twap``, ``vwap``, ``pov``, ``shortfall`` and ``iceberg`` make schedules.

        No slice trades at a worse price than ``price_ticks``. The slices are not among ``orders``: the order stands for
        them, and ``on_algo`` tells how far it is. Its client order id; empty: not sent.
        """

    def algo(self, order: Order) -> Algo | None:
        """How far an order is that goes out in slices; None: it does not, or is not begun yet."""

    def pause_algo(self, order: Order, *, keep_slices: bool = False) -> bool:
        """Nothing more goes out until it is resumed; its end comes all the same. Unless kept, slices are cancelled.

        False, as of the next two: not asked for (it goes out in no slices, is over, something is on its way already).
        """

    def resume_algo(self, order: Order) -> bool:
        """What is behind is due at once. Not under the kill switch."""

    def amend_algo(
        self,
        order: Order,
        *,
        quantity_lots: int | None = None,
        price_ticks: int | None = None,
        end_ns: int | None = None,
    ) -> bool:
        """What is not named stays as it is."""

    def submit_bracket(
        self,
        instrument: str,
        side: Side,
        quantity_lots: int,
        price_ticks: int | None = None,
        *,
        take_profit_ticks: int,
        stop_loss_ticks: int,
        sizing: Sizing = Sizing.PARTIAL,
    ) -> tuple[str, ...]:
        """An entry (LIMIT, or MARKET without a price), and once it trades a take-profit and a stop-loss for that much.

        The client order ids of entry, take-profit and stop-loss; empty: not sent. All of them are refused, or none.
        """

    def submit_oco(
        self, instrument: str, quantity_lots: int, *legs: tuple[Side, OrderType, int | None, Terms | None]
    ) -> tuple[str, ...]:
        """Orders of which the first that trades ends the others: (side, type, price_ticks, terms) of each."""

    def amend(
        self,
        order: Order,
        *,
        price_ticks: int | None = None,
        quantity_lots: int | None = None,
        terms: Terms | None = None,
    ) -> bool:
        """Change price or total quantity (what is filled included), or while it is held all of its terms.

        False: not asked for (busy, finished, killed).
        """

    def cancel(self, order: Order) -> bool:
        """False: not asked for (a cancel is on its way, or the engine does not have the order yet)."""

    def cancel_all(self) -> None:
        """Cancel every working order of this strategy, those on their way included."""

    def set_timer(self, name: str, at_ns: int) -> None:
        """``on_timer`` with this name, once, not before ``at_ns``. A timer of the same name is moved."""


class Strategy(ABC, Generic[P]):
    """Base of every strategy. Override what you need; each callback gets the context."""

    Parameters: ClassVar[type[Parameters]] = Parameters
    """The type of its parameters; ``load_parameters`` makes them."""

    def __init__(self, parameters: P) -> None:
        self.parameters = parameters

    @abstractmethod
    def instruments(self) -> Sequence[str]:
        """Canonical ids of what it wants to see and trade."""

    def on_start(self, context: Context) -> None:
        """Before anything else; no market has been seen yet."""

    def on_stop(self, context: Context) -> None:
        """Before the end. Unless overridden, working orders are cancelled. Fills that come later are told, but what
        is asked for then, cancels apart, goes nowhere."""
        context.cancel_all()

    def on_top_of_book(self, context: Context, top: TopOfBook) -> None:
        """The best bid or offer changed."""

    def on_book_invalid(self, context: Context, instrument: str) -> None:
        """The book can't be trusted until ``on_top_of_book`` is called again."""

    def on_trade(self, context: Context, trade: MarketTrade) -> None:
        """Others traded."""

    def on_mark_price(self, context: Context, mark: MarkPrice) -> None:
        """The venue published its mark price, whether it moved or not."""

    def on_trading_status(self, context: Context, trading_status: TradingStatus) -> None:
        """Trading halted or resumed."""

    def on_accepted(self, context: Context, order: Order) -> None:
        """The venue has the order, or its replacement."""

    def on_held(self, context: Context, order: Order) -> None:
        """The engine holds the order until its moment comes, or has changed what it holds (``order.terms``)."""

    def on_released(self, context: Context, order: Order) -> None:
        """The moment of a held order came: it is on its way to the venue."""

    def on_filled(self, context: Context, fill: OrderFilled) -> None:
        """An execution of ours; position and order are updated already."""

    def on_algo(self, context: Context, algo: Algo) -> None:
        """An order that goes out in slices began, moved to another phase, was amended, or a slice of it was filled
        (``on_filled`` comes first). Of its slices nothing else is told."""

    def on_canceled(self, context: Context, order: Order) -> None:
        """The order ended without being filled: cancelled or expired."""

    def on_rejected(self, context: Context, order: Order, why: str) -> None:
        """The gate or the venue refused the order."""

    def on_request_refused(self, context: Context, order: Order, why: str) -> None:
        """An amend or cancel was refused; the order lives on as it was."""

    def on_timer(self, context: Context, name: str) -> None:
        """A timer that was set is due."""

    def on_kill(self, context: Context, reason: str) -> None:
        """The kill switch was engaged; the engine cancels what works."""

    def on_release(self, context: Context) -> None:
        """The kill switch was released."""
