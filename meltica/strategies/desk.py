"""The context of a running strategy: what it sees, and the commands that it has asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy, deepcopy

from meltica.domain import lifecycle
from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo, SubmitAlgo
from meltica.domain.approvals import KillSwitch
from meltica.domain.commands import AmendOrder, CancelOrder, Command, SubmitOrder, SubmitOrderList
from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.limits import OWN_PORT, port_key, strategy_key
from meltica.domain.market import MarketTrade, MarkPrice, TopOfBook
from meltica.domain.order import Order, OrderType, PendingKind, Side, TimeInForce
from meltica.domain.order_events import OrderFilled, TradeCorrected
from meltica.domain.parent import AlgoView, Parent
from meltica.domain.ports import Book
from meltica.domain.position import Position
from meltica.domain.schedule import Schedule
from meltica.domain.terms import Terms
from meltica.strategies import odd
from meltica.strategies.lists import ListsOfOrders
from meltica.strategies.market_view import MarketView
from meltica.strategies.own_orders import OwnOrders
from meltica.strategies.own_parents import Algo, OwnParents
from meltica.strategies.timers import Timers


class Desk(ListsOfOrders):
    """A ``sdk.Context``; the runner moves its clock and drains its commands."""

    def __init__(
        self, instruments: Mapping[str, Instrument], view: MarketView, *, name: str, account: str, epoch: int
    ) -> None:
        self.name = name
        self.time_ns = 0
        self.own = OwnOrders()
        self.parents = OwnParents()
        self.timers = Timers()
        self.actor = f"strategy:{name}"
        self.account = account
        self._prefix = f"{name}-{epoch}"
        self._instruments = instruments
        self._view = view
        self._positions = {each: Position(account=account, instrument=each) for each in instruments}
        self._kills: set[str] = set()
        """Engaged switches that stop us: of everything (empty), our account, ourselves, the port."""
        self.stopped = False
        """From then on nothing new is asked for; what happens to the last orders is still told, and cancels pass."""
        self._commands: list[Command] = []
        self._requests = 0
        self._unwanted: set[str] = set()
        """Client order ids on their way to the engine that are to be cancelled as soon as it has them."""

    # What the strategy sees

    @property
    def killed(self) -> bool:
        return bool(self._kills)

    def instrument(self, instrument: str) -> Instrument:
        if (found := self._instruments.get(instrument)) is None:
            raise FieldError("instrument", instrument, f"{self.name} was started with {', '.join(self._instruments)}")
        return found

    def top(self, instrument: str) -> TopOfBook | None:
        return self._view.top(instrument)

    def book(self, instrument: str, depth: int) -> Book | None:
        return self._view.book(instrument, depth)

    def last_trade(self, instrument: str) -> MarketTrade | None:
        return self._view.last_trade(instrument)

    def mark_price(self, instrument: str) -> MarkPrice | None:
        return self._view.mark_price(instrument)

    def halted(self, instrument: str) -> bool:
        return self._view.halted(instrument)

    def position(self, instrument: str) -> Position:
        self.instrument(instrument)
        return self._positions[instrument]

    def orders(self, instrument: str) -> Sequence[Order]:
        return [order for order in self.own.working(instrument) if order.parent_id not in self.parents]

    def algo(self, order: Order) -> Algo | None:
        return self.parents.get(order.order_id)

    def busy(self, order: Order) -> bool:
        return order.order_id == 0 or self.own.is_asked(order)

    # What it asks for

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
        self.instrument(instrument)
        odd.refuse_missing(quantity_lots=quantity_lots)
        odd.refuse_numbers(quantity_lots=quantity_lots, price_ticks=price_ticks, decision_ticks=decision_ticks)
        odd.refuse_terms(terms)
        if self.killed or self.stopped:
            return ""
        request_id = self._request_id()
        plain = OrderType.MARKET if price_ticks is None else OrderType.LIMIT
        kind = plain if order_type is None else odd.choice("order_type", OrderType, order_type)
        usual = TimeInForce.IOC if kind is OrderType.MARKET else TimeInForce.GTC
        command = SubmitOrder(
            request_id=request_id,
            actor=self.actor,
            account=self.account,
            strategy=self.name,
            instrument=instrument,
            side=odd.choice("side", Side, side),
            order_type=kind,
            time_in_force=usual if time_in_force is None else odd.choice("time_in_force", TimeInForce, time_in_force),
            quantity_lots=quantity_lots,
            price_ticks=price_ticks,
            post_only=odd.flag("post_only", post_only),
            reduce_only=odd.flag("reduce_only", reduce_only),
            client_order_id=request_id,
            decided_ns=self.time_ns,
            decision_ticks=decision_ticks,
            terms=terms,
        )
        self.own.sent(command, self.time_ns)
        self._commands.append(command)
        return request_id

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
        self.instrument(instrument)
        odd.refuse_missing(quantity_lots=quantity_lots)
        odd.refuse_numbers(quantity_lots=quantity_lots, price_ticks=price_ticks, decision_ticks=decision_ticks)
        odd.refuse_schedule(schedule)
        if self.killed or self.stopped:
            return ""
        request_id = self._request_id()
        command = SubmitAlgo(
            request_id=request_id,
            actor=self.actor,
            account=self.account,
            strategy=self.name,
            instrument=instrument,
            side=odd.choice("side", Side, side),
            quantity_lots=quantity_lots,
            schedule=schedule,
            price_ticks=price_ticks,
            time_in_force=odd.choice("time_in_force", TimeInForce, time_in_force),
            post_only=odd.flag("post_only", post_only),
            reduce_only=odd.flag("reduce_only", reduce_only),
            client_order_id=request_id,
            decided_ns=self.time_ns,
            decision_ticks=decision_ticks,
        )
        self.own.sent(command, self.time_ns)
        self._commands.append(command)
        return request_id

    def amend(
        self,
        order: Order,
        *,
        price_ticks: int | None = None,
        quantity_lots: int | None = None,
        terms: Terms | None = None,
    ) -> bool:
        odd.refuse_numbers(quantity_lots=quantity_lots, price_ticks=price_ticks)
        odd.refuse_terms(terms)
        if self.killed or self.stopped or self.busy(order) or not lifecycle.is_working(order):
            return False
        self.own.asked(order, PendingKind.REPLACE)
        self._commands.append(
            AmendOrder(
                request_id=self._request_id(),
                actor=self.actor,
                order_id=order.order_id,
                quantity_lots=quantity_lots,
                price_ticks=price_ticks,
                terms=terms,
            )
        )
        return True

    def pause_algo(self, order: Order, *, keep_slices: bool = False) -> bool:
        return self._changes_algo(
            order,
            lambda request_id: PauseAlgo(
                request_id=request_id,
                actor=self.actor,
                order_id=order.order_id,
                keep_children=odd.flag("keep_slices", keep_slices),
            ),
        )

    def resume_algo(self, order: Order) -> bool:
        if self.killed:
            return False
        return self._changes_algo(
            order, lambda request_id: ResumeAlgo(request_id=request_id, actor=self.actor, order_id=order.order_id)
        )

    def amend_algo(
        self,
        order: Order,
        *,
        quantity_lots: int | None = None,
        price_ticks: int | None = None,
        end_ns: int | None = None,
    ) -> bool:
        odd.refuse_numbers(quantity_lots=quantity_lots, price_ticks=price_ticks, end_ns=end_ns)
        if self.killed or (quantity_lots, price_ticks, end_ns) == (None, None, None):
            return False
        return self._changes_algo(
            order,
            lambda request_id: AmendAlgo(
                request_id=request_id,
                actor=self.actor,
                order_id=order.order_id,
                quantity_lots=quantity_lots,
                price_ticks=price_ticks,
                end_ns=end_ns,
            ),
        )

    def _changes_algo(self, order: Order, made: Callable[[str], Command]) -> bool:
        """False: it goes out in no slices, is over, or something is on its way already."""
        if self.stopped or order.order_id not in self.parents or self.busy(order) or not lifecycle.is_working(order):
            return False
        self.own.asked(order, PendingKind.REPLACE)
        self._commands.append(made(self._request_id()))
        return True

    def cancel(self, order: Order) -> bool:
        if order.order_id == 0 or self.own.is_asked(order, PendingKind.CANCEL) or not lifecycle.is_working(order):
            return False
        self.own.asked(order, PendingKind.CANCEL)
        self._commands.append(CancelOrder(request_id=self._request_id(), actor=self.actor, order_id=order.order_id))
        return True

    def cancel_all(self) -> None:
        for order in list(self.own.all_working()):
            if order.parent_id not in self.parents:  # The cancel of a parent cancels its slices.
                self.cancel(order)
        self._unwanted.update(order.client_order_id for order in self.own.all_sent())

    def set_timer(self, name: str, at_ns: int) -> None:
        self.timers.set(name, at_ns)

    # What the runner does with it

    def drain(self) -> list[Command]:
        """The commands since the last drain, in the order in which they were asked for."""
        commands, self._commands = self._commands, []
        return commands

    def forget_intents(self) -> None:
        """What was asked for in this callback is not to be sent."""
        for command in self.drain():
            if isinstance(command, SubmitOrder | SubmitAlgo):
                self.own.refused(command.client_order_id)
            elif isinstance(command, SubmitOrderList):
                for order in command.orders:
                    self.own.refused(order.client_order_id)
            elif isinstance(command, AmendOrder | CancelOrder | PauseAlgo | ResumeAlgo | AmendAlgo):
                self.own.answered(command.order_id)

    def adopt(
        self,
        orders: Iterable[Order],
        positions: Iterable[Position],
        kill_switches: Iterable[KillSwitch],
        algos: Iterable[tuple[Parent, AlgoView]] = (),
    ) -> None:
        for order in orders:
            self.own.adopt(deepcopy(order))  # The engine's own goes on without us.
        for parent, view in algos:
            if (own := self.own.get(parent.order_id)) is not None:
                live = (self.own.get(order_id) for order_id in view.live)
                self.parents.adopt(own, parent, view, [each for each in live if each is not None])
        self._positions.update((p.instrument, copy(p)) for p in positions if p.instrument in self._instruments)
        for switch in kill_switches:
            if switch.engaged:
                self.engage_kill(switch.switch)

    def takes_back(self, client_order_id: str) -> bool:
        """Was it to be cancelled while it was still on its way? Asked once."""
        unwanted = client_order_id in self._unwanted
        self._unwanted.discard(client_order_id)
        return unwanted

    def book_fill(self, event: OrderFilled) -> bool:
        """Position and order after an execution; False: it was booked before."""
        known = self.own.get(event.order_id)
        before = None if known is None else _sums(known)
        if known is not None and self.own.move(event) is None:
            return False
        self._grow_parent(known, before)
        self._book(event.instrument, event.quantity_lots * event.side.sign, event.price_ticks, event.fee_nanos)
        return True

    def book_correction(self, event: TradeCorrected) -> None:
        """Take back the execution as it stood, book it as it stands now."""
        order = self.own.get(event.order_id)
        found = None if order is None else lifecycle.find_execution(order, event.reference_execution_id)
        if order is None or found is None:
            return
        _, old = found
        sign = order.side.sign
        self._book(order.instrument, -old.quantity_lots * sign, old.price_ticks, -old.fee_nanos)
        if event.quantity_lots:
            self._book(order.instrument, event.quantity_lots * sign, event.price_ticks, event.fee_nanos)
        before = _sums(order)
        self.own.move(event)
        self._grow_parent(order, before)

    def _grow_parent(self, child: Order | None, before: tuple[int, int, int] | None) -> None:
        if child is not None and before is not None and (parent := self.parents.grown(child, before)) is not None:
            self.own.refresh(parent)

    def engage_kill(self, switch: str) -> bool:
        """True when it concerns us. One of an instrument does not: the gate refuses that one's orders alone."""
        if switch not in ("", self.account, strategy_key(self.name), port_key(OWN_PORT)):
            return False
        self._kills.add(switch)
        return True

    def release_kill(self, switch: str) -> bool:
        """True when nothing holds us back any longer."""
        if switch not in self._kills:
            return False
        self._kills.discard(switch)
        return not self._kills

    def _book(self, instrument: str, signed_lots: int, price_ticks: int, fee_nanos: int) -> None:
        if (facts := self._instruments.get(instrument)) is not None:
            position = self._positions[instrument]
            position.apply(signed_lots, price_ticks, facts.value_per_tick_lot_nanos, fee_nanos)

    def _request_id(self) -> str:
        self._requests += 1
        return f"{self._prefix}-{self._requests}"


def _sums(order: Order) -> tuple[int, int, int]:
    return order.cumulative_lots, order.cumulative_value, order.fees_nanos
