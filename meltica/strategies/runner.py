"""Binds a strategy to a driver: market events and engine events in, commands out. Pure: no clock, no I/O, no tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

from meltica.domain import lifecycle
from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo, SubmitAlgo
from meltica.domain.approvals import KillSwitch
from meltica.domain.commands import AmendOrder, CancelOrder, Command, SubmitOrder, SubmitOrderList
from meltica.domain.errors import FieldError
from meltica.domain.events import CommandRefused, Event, KillSwitchEngaged, KillSwitchReleased
from meltica.domain.instrument import Instrument
from meltica.domain.market import (
    BookInvalid,
    MarketEvent,
    MarketPriceBand,
    MarketTrade,
    MarkPrice,
    ShortSaleStatus,
    TradingStatus,
)
from meltica.domain.order import Order
from meltica.domain.order_events import (
    AmendDenied,
    CancelRequested,
    HeldAmended,
    OrderDenied,
    OrderFilled,
    OrderHeld,
    OrderReleased,
    OrderReported,
    OrderSubmitted,
    ReplaceRequested,
    RequestRejected,
    TradeCorrected,
)
from meltica.domain.outcomes import DoubtEvent
from meltica.domain.parent import AlgoView, Parent
from meltica.domain.parent_events import AlgoAmended, AlgoMoved, AlgoStarted
from meltica.domain.position import Position
from meltica.domain.reports import ExecType
from meltica.strategies.desk import Desk
from meltica.strategies.market_view import MarketView
from meltica.strategies.own_parents import Moved
from meltica.strategies.sdk import Strategy

ENDED = frozenset({ExecType.CANCELED, ExecType.EXPIRED, ExecType.DONE_FOR_DAY, ExecType.CALCULATED})


class StrategyRunner:
    """One strategy. Every door takes what happened and returns the commands that the strategy asks for, in order.

    The driver executes them and hands each answer to ``on_answer``; everything else that the engine says goes to
    ``on_events``, in the order of the journal. An event that comes through both doors counts once.

    A strategy that raises is stopped: ``failed`` says why, its working orders are cancelled, its positions are still
    kept, and the gateway goes on.
    """

    def __init__(
        self,
        strategy: Strategy[Any],
        instruments: Mapping[str, Instrument],
        *,
        name: str,
        account: str,
        epoch: int,
        view: MarketView | None = None,
    ) -> None:
        """``epoch`` differs in every run of the same name, so that no request id is ever used twice. A shared ``view``
        is fed by the driver before ``on_market``; without one the runner keeps its own.

        :raises FieldError: the strategy wants an instrument that there is not.
        """
        wanted = tuple(strategy.instruments())
        for instrument in wanted:
            if instrument not in instruments:
                raise FieldError("instrument", instrument, f"strategy {name}: known are {', '.join(instruments)}")
        self.strategy = strategy
        self.instruments = wanted
        self.failed = ""
        """Why the strategy was stopped; empty: it runs."""
        self._own_view = MarketView(wanted) if view is None else None
        self._view = view if view is not None else self._own_view or MarketView(wanted)
        self._tops: dict[str, object] = {}
        self._handlers: dict[type, Callable[[int, Any], list[Command]]] = {
            OrderSubmitted: self._opened,
            OrderHeld: self._held,
            HeldAmended: self._held_amended,
            OrderReleased: self._released,
            OrderDenied: self._denied,
            CancelRequested: self._moved,
            ReplaceRequested: self._moved,
            OrderReported: self._reported,
            OrderFilled: self._filled,
            TradeCorrected: self._corrected,
            AlgoStarted: self._algo_moved,
            AlgoMoved: self._algo_moved,
            AlgoAmended: self._algo_moved,
            AmendDenied: self._request_refused,
            RequestRejected: self._request_refused,
            KillSwitchEngaged: self._kill,
            KillSwitchReleased: self._release,
            **dict.fromkeys(get_args(DoubtEvent), self._moved),
        }
        self._desk = Desk({i: instruments[i] for i in wanted}, self._view, name=name, account=account, epoch=epoch)

    @property
    def name(self) -> str:
        return self._desk.name

    @property
    def account(self) -> str:
        return self._desk.account

    @property
    def actor(self) -> str:
        """Who asks, in its commands."""
        return self._desk.actor

    @property
    def killed(self) -> bool:
        return self._desk.killed

    def position(self, instrument: str) -> Position:
        return self._desk.position(instrument)

    # Doors

    def start(
        self,
        time_ns: int,
        *,
        orders: Iterable[Order] = (),
        positions: Iterable[Position] = (),
        kill_switches: Iterable[KillSwitch] = (),
        algos: Iterable[tuple[Parent, AlgoView]] = (),
    ) -> list[Command]:
        """Begin; after a restart with what the strategy had: working orders, which of them go out in slices, positions;
        and the kill switches."""
        self._desk.adopt(orders, positions, kill_switches, algos)
        self._desk.stopped = False
        return self._run(time_ns, self.strategy.on_start, self._desk)

    def stop(self, time_ns: int) -> list[Command]:
        """The strategy's last word. A fill that comes later is told, but it can't quote again."""
        commands = self._run(time_ns, self.strategy.on_stop, self._desk)
        self._desk.stopped = True
        return commands

    def on_market(self, event: MarketEvent) -> list[Command]:
        """The market moved. Timers that are due by then come first."""
        if event.instrument not in self.instruments:
            return []
        commands = self.on_timer(event.time_ns)
        if self._own_view is not None:
            self._own_view.apply(event)
        name = event.instrument
        match event:
            case MarketTrade():
                commands += self._run(event.time_ns, self.strategy.on_trade, self._desk, event)
            case MarkPrice():
                commands += self._run(event.time_ns, self.strategy.on_mark_price, self._desk, event)
            case TradingStatus():
                commands += self._run(event.time_ns, self.strategy.on_trading_status, self._desk, event)
            case BookInvalid():
                self._tops.pop(name, None)
                commands += self._run(event.time_ns, self.strategy.on_book_invalid, self._desk, name)
            case ShortSaleStatus() | MarketPriceBand():
                pass  # Nothing that a strategy sees: the gate judges by them.
            case _:
                top = self._view.top(name)
                if top is not None and top is not self._tops.get(name):
                    self._tops[name] = top
                    commands += self._run(event.time_ns, self.strategy.on_top_of_book, self._desk, top)
        return commands

    def on_events(self, time_ns: int, events: Sequence[Event]) -> list[Command]:
        """The engine said something, about our orders or not."""
        commands: list[Command] = []
        for event in events:
            handler = self._handlers.get(type(event))
            if handler is not None:
                commands += handler(time_ns, event)
        return commands

    def on_answer(self, time_ns: int, command: Command, events: Sequence[Event]) -> list[Command]:
        """The engine's answer to one of our commands."""
        commands: list[Command] = []
        for event in events:
            if isinstance(event, CommandRefused):
                commands += self._refused(time_ns, command, event)
        commands += self.on_events(time_ns, events)
        if isinstance(command, SubmitOrderList):
            commands += self._not_begun(time_ns, command, "another order of its list was refused")
        return commands

    def on_timer(self, time_ns: int) -> list[Command]:
        """Fire what is due by ``time_ns``."""
        commands: list[Command] = []
        while (name := self._desk.timers.pop_due(time_ns)) is not None:
            commands += self._run(time_ns, self.strategy.on_timer, self._desk, name)
        return commands

    def next_timer_ns(self) -> int | None:
        return self._desk.timers.next_ns()

    # One handler per event

    def _run(self, time_ns: int, callback: Callable[..., None], *arguments: object) -> list[Command]:
        self._desk.time_ns = max(self._desk.time_ns, time_ns)
        if self.failed:
            return self._desk.drain()
        try:
            callback(*arguments)
        except Exception as error:  # noqa: BLE001 - the author's code may raise anything; it must not stop the gateway
            self.failed = f"{getattr(callback, '__name__', 'callback')} raised {type(error).__name__}: {error}"
            self._desk.forget_intents()  # What a failed callback asked for is half a thought.
            self._desk.cancel_all()
        return self._desk.drain()

    def _refused(self, time_ns: int, command: Command, event: CommandRefused) -> list[Command]:
        why = f"{event.reason}: {event.text}"
        match command:
            case SubmitOrder() | SubmitAlgo():
                if (order := self._desk.own.refused(command.client_order_id)) is not None:
                    return self._run(time_ns, self.strategy.on_rejected, self._desk, order, why)
            case SubmitOrderList():
                return self._not_begun(time_ns, command, why)
            case AmendOrder() | CancelOrder() | PauseAlgo() | ResumeAlgo() | AmendAlgo():
                self._desk.own.answered(command.order_id)
                if (known := self._desk.own.get(command.order_id)) is not None:
                    return self._run(time_ns, self.strategy.on_request_refused, self._desk, known, why)
        return []

    def _not_begun(self, time_ns: int, command: SubmitOrderList, why: str) -> list[Command]:
        """Those orders of a list that the engine does not have: they are not on their way any more."""
        commands: list[Command] = []
        for asked in command.orders:
            if (order := self._desk.own.refused(asked.client_order_id)) is not None:
                commands += self._run(time_ns, self.strategy.on_rejected, self._desk, order, why)
        return commands

    def _opened(self, time_ns: int, event: OrderSubmitted | OrderHeld) -> list[Command]:
        if event.strategy != self.name or event.instrument not in self.instruments:
            return []
        order = self._desk.own.opened(event)
        self._desk.parents.add(order)
        if self.failed or self._desk.takes_back(order.client_order_id):
            self._desk.time_ns = max(self._desk.time_ns, time_ns)
            self._desk.cancel(order)
        return self._desk.drain()

    def _held(self, time_ns: int, event: OrderHeld) -> list[Command]:
        known = self._desk.own.get(event.order_id)
        commands = self._opened(time_ns, event)
        order = self._desk.own.get(event.order_id)
        if known is not None or order is None:
            return commands
        return commands + self._run(time_ns, self.strategy.on_held, self._desk, order)

    def _held_amended(self, time_ns: int, event: HeldAmended) -> list[Command]:
        order = self._desk.own.move(event)
        return [] if order is None else self._run(time_ns, self.strategy.on_held, self._desk, order)

    def _released(self, time_ns: int, event: OrderReleased) -> list[Command]:
        order = self._desk.own.move(event)
        return [] if order is None else self._run(time_ns, self.strategy.on_released, self._desk, order)

    def _denied(self, time_ns: int, event: OrderDenied) -> list[Command]:
        if event.strategy != self.name or self._desk.own.get(event.order_id) is not None:
            return []
        order = self._desk.own.opened(event)
        if event.parent_id in self._desk.parents:
            return []
        why = f"{event.reason}: {event.text}"
        return self._run(time_ns, self.strategy.on_rejected, self._desk, order, why)

    def _moved(self, _time_ns: int, event: CancelRequested | ReplaceRequested | DoubtEvent) -> list[Command]:
        self._desk.own.move(event)
        return []

    def _reported(self, time_ns: int, event: OrderReported) -> list[Command]:
        order = self._desk.own.move(event)
        if order is None or order.parent_id in self._desk.parents:
            return []
        if event.exec_type in (ExecType.NEW, ExecType.REPLACED):
            return self._run(time_ns, self.strategy.on_accepted, self._desk, order)
        if event.exec_type is ExecType.REJECTED:
            return self._run(time_ns, self.strategy.on_rejected, self._desk, order, event.text)
        if event.exec_type in ENDED and not lifecycle.is_working(order):
            return self._run(time_ns, self.strategy.on_canceled, self._desk, order)
        return []

    def _filled(self, time_ns: int, event: OrderFilled) -> list[Command]:
        if event.strategy != self.name or not self._desk.book_fill(event):
            return []
        commands = self._run(time_ns, self.strategy.on_filled, self._desk, event)
        return commands + self._slice_filled(time_ns, event.order_id)

    def _corrected(self, time_ns: int, event: TradeCorrected) -> list[Command]:
        self._desk.book_correction(event)
        return self._slice_filled(time_ns, event.order_id)

    def _slice_filled(self, time_ns: int, order_id: int) -> list[Command]:
        child = self._desk.own.get(order_id)
        return [] if child is None else self._algo(time_ns, child.parent_id)

    def _algo_moved(self, time_ns: int, event: Moved) -> list[Command]:
        order = self._desk.own.get(event.order_id)
        if order is None or not self._desk.parents.move(order, event):
            return []
        self._desk.own.refresh(order)
        if event.actor == self.actor:
            self._desk.own.answered(order.order_id)
        return self._algo(time_ns, order.order_id)

    def _algo(self, time_ns: int, order_id: int) -> list[Command]:
        algo = self._desk.parents.get(order_id)
        return [] if algo is None else self._run(time_ns, self.strategy.on_algo, self._desk, algo)

    def _request_refused(self, time_ns: int, event: AmendDenied | RequestRejected) -> list[Command]:
        self._desk.own.answered(event.order_id)
        if isinstance(event, RequestRejected):
            order, why = self._desk.own.move(event), event.text
        else:
            order, why = self._desk.own.get(event.order_id), f"{event.reason}: {event.text}"
        if order is not None and order.parent_id in self._desk.parents:
            return []
        return [] if order is None else self._run(time_ns, self.strategy.on_request_refused, self._desk, order, why)

    def _kill(self, time_ns: int, event: KillSwitchEngaged) -> list[Command]:
        if not self._desk.engage_kill(event.switch):
            return []
        return self._run(time_ns, self.strategy.on_kill, self._desk, event.reason)

    def _release(self, time_ns: int, event: KillSwitchReleased) -> list[Command]:
        if not self._desk.release_kill(event.switch):
            return []
        return self._run(time_ns, self.strategy.on_release, self._desk)
