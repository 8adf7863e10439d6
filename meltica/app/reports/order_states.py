"""Every state of an order times everything that can be said of it, as the engine itself answers: by trying it.

Each situation is a short story that a fresh engine lives through; each word is then told to a copy of it. Nothing here
knows the rules: what is printed and drawn is what the engine did.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Final, NamedTuple

import msgspec

from meltica import hot
from meltica.app.bootstrap import common_limits, instrument_limits
from meltica.app.settings import Settings
from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder, CancelOrder, Command, RegisterInstrument, SetLimits, SubmitOrder
from meltica.domain.corrections import CorrectionKept
from meltica.domain.events import CommandRefused, Event
from meltica.domain.inputs import Input
from meltica.domain.instrument import Instrument
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.market import Mark
from meltica.domain.order import Order, OrderType, PendingKind, Side, TimeInForce
from meltica.domain.order_events import ReportIgnored
from meltica.domain.reports import (
    ExecType,
    ExecutionReport,
    OrderCancelReject,
    OrderNotFound,
    OutcomeUnknown,
    VenueReport,
)
from meltica.engine.engine import Engine

VENUE: Final = "VENUE"
NAME: Final = f"A/B@{VENUE}"
LOTS, PRICE = 100, 10_000
ACTOR: Final = "spiffe://meltica.example/person/tara"
ORDER_ID: Final = "m1"
DESK: Final = "desk"
"""A request that did not come from us: the venue's own desk made it."""


class Answer(NamedTuple):
    """What became of an order in one state when one thing was said."""

    status: OrderStatus
    note: str
    """Why nothing came of it, or what stands beside the status from then on; empty: nothing to add."""
    accepted: bool


class World:
    """A fresh engine with one order, and what was asked of it."""

    def __init__(self) -> None:
        backend = hot.load("python")
        gate = backend.Gate(max_instruments=2, max_accounts=2)
        self.engine = Engine(gate, max_instruments=2, max_accounts=2, intent=backend.OrderIntent)
        self._now_ns = 1_700_000_000_000_000_000
        self._requests = 0
        settings = Settings(accounts=("main",))
        traded = Instrument(
            instrument=NAME,
            handle=1,
            venue_symbol="AB",
            quote_currency="B",
            tick_size=Decimal("0.01"),
            lot_size=Decimal(1),
            max_price_ticks=1_000_000,
            max_quantity_lots=1_000_000,
        )
        self.ask(RegisterInstrument(request_id="", actor="system:states", instrument=traded))
        rows = *common_limits(settings), *instrument_limits(traded, ("main",), settings.limits, PRICE)
        for limits in rows:
            self.ask(SetLimits(request_id="", actor="system:states", limits=limits, revision=0))
        self.ask(
            SubmitOrder(
                request_id="",
                actor=ACTOR,
                account="main",
                strategy="",
                instrument=NAME,
                side=Side.BUY,
                order_type=OrderType.LIMIT,
                time_in_force=TimeInForce.GTC,
                quantity_lots=LOTS,
                price_ticks=PRICE,
            )
        )

    @property
    def order(self) -> Order:
        return self.engine.state.tables.orders[1]

    @property
    def request(self) -> str:
        """The newest request that waits for its answer; the desk's, where nothing was asked."""
        return self.order.pending[-1].client_order_id if self.order.pending else DESK

    def ask(self, body: Command | VenueReport) -> tuple[Event, ...]:
        self._now_ns += 1_000_000
        self._requests += 1
        if hasattr(body, "request_id"):
            body = msgspec.structs.replace(body, request_id=f"r{self._requests}")
        return self.engine.step(Input(self._now_ns, body, (Mark(NAME, self._now_ns, PRICE),)))

    def asked(self, kind: PendingKind) -> str:
        """The newest request of this kind that waits; the desk's, where there is none."""
        names = [request.client_order_id for request in self.order.pending if request.kind is kind]
        return names[-1] if names else DESK

    def tell(self, kind: ExecType) -> tuple[Event, ...]:
        """As a venue would: about the order, or about the request that waits."""
        replace = self.asked(PendingKind.REPLACE)
        names = {
            ExecType.PENDING_CANCEL: self.asked(PendingKind.CANCEL),
            ExecType.PENDING_REPLACE: replace,
            ExecType.REPLACED: replace,
        }
        trades = {ExecType.TRADE, ExecType.TRADE_CORRECT}
        restates = kind in {ExecType.REPLACED, ExecType.RESTATED}
        return self.ask(
            ExecutionReport(
                venue=VENUE,
                client_order_id=names.get(kind, self.order.client_order_id),
                original_client_order_id=self.order.client_order_id,
                exec_type=kind,
                execution_id=f"e{len(self.engine.state.tables.executions) + 1}",
                reference_execution_id="e1",
                last_quantity_lots=40 if kind in trades else 0,
                last_price_ticks=PRICE if kind in trades else 0,
                order_quantity_lots=LOTS + 20 if restates else None,
            )
        )


Word = Callable[[World], tuple[Event, ...]]


def _told(kind: ExecType) -> Word:
    return lambda world: world.tell(kind)


def _fill_all(world: World) -> tuple[Event, ...]:
    report = ExecutionReport(
        venue=VENUE,
        client_order_id=world.order.client_order_id,
        exec_type=ExecType.TRADE,
        execution_id=f"e{len(world.engine.state.tables.executions) + 1}",
        last_quantity_lots=max(world.order.quantity_lots - world.order.cumulative_lots, 1),
        last_price_ticks=PRICE,
    )
    return world.ask(report)


def _cancel(world: World) -> tuple[Event, ...]:
    return world.ask(CancelOrder(request_id="", actor=ACTOR, order_id=1))


def _amend(world: World) -> tuple[Event, ...]:
    return world.ask(AmendOrder(request_id="", actor=ACTOR, order_id=1, quantity_lots=LOTS + 50))


def _refuse(world: World) -> tuple[Event, ...]:
    return world.ask(OrderCancelReject(venue=VENUE, client_order_id=world.request, original_client_order_id=ORDER_ID))


def _doubted(world: World) -> str:
    return world.request if world.order.pending else world.order.client_order_id


def _lose(world: World) -> tuple[Event, ...]:
    return world.ask(OutcomeUnknown(venue=VENUE, client_order_id=_doubted(world), original_client_order_id=ORDER_ID))


def _not_found(world: World) -> tuple[Event, ...]:
    return world.ask(OrderNotFound(venue=VENUE, client_order_id=_doubted(world), original_client_order_id=ORDER_ID))


_NEW = _told(ExecType.NEW)
SITUATIONS: Final[dict[str, tuple[Word, ...]]] = {
    "PendingNew": (),
    "New": (_NEW,),
    "PartiallyFilled": (_NEW, _told(ExecType.TRADE)),
    "Filled": (_NEW, _told(ExecType.TRADE), _fill_all),
    "DoneForDay": (_NEW, _told(ExecType.DONE_FOR_DAY)),
    "PendingCancel": (_NEW, _cancel, _told(ExecType.PENDING_CANCEL)),
    "PendingReplace": (_NEW, _amend, _told(ExecType.PENDING_REPLACE)),
    "Stopped": (_NEW, _told(ExecType.STOPPED)),
    "Suspended": (_NEW, _told(ExecType.SUSPENDED)),
    "Canceled": (_NEW, _told(ExecType.CANCELED)),
    "Expired": (_NEW, _told(ExecType.EXPIRED)),
    "Rejected": (_told(ExecType.REJECTED),),
    "Calculated": (_NEW, _told(ExecType.CALCULATED)),
    "PendingNew, uncertain": (_lose,),
    "New, cancel sent": (_NEW, _cancel),
    "New, cancel uncertain": (_NEW, _cancel, _lose),
    "New, replace sent": (_NEW, _amend),
    "New, replace uncertain": (_NEW, _amend, _lose),
}
"""How an order of 100 lots gets there. The names begin with the status that it then has."""

WORDS: Final[dict[str, Word]] = {
    "CancelOrder": _cancel,
    "AmendOrder": _amend,
    **{kind.value: _told(kind) for kind in ExecType},
    "Trade (the rest)": _fill_all,
    "CancelReject": _refuse,
    "OutcomeUnknown": _lose,
    "OrderNotFound": _not_found,
}
"""What may be said of it: two commands, FIX's execution reports, the refusal, and what nobody knows."""


def _lived(story: tuple[Word, ...]) -> World:
    world = World()
    for word in story:
        word(world)
    return world


def _answer(world: World, events: tuple[Event, ...]) -> Answer:
    status = lifecycle.status(world.order)
    for event in events:
        if isinstance(event, ReportIgnored | CommandRefused):
            return Answer(status, event.reason, accepted=False)
    beside = [name for name, _, fact in lifecycle.BESIDE if name not in {"working", "asked"} and fact(world.order)]
    if any(isinstance(event, CorrectionKept) for event in events):
        beside.append("kept for its trade")
    return Answer(status, ", ".join(beside), accepted=True)


@cache
def answers() -> dict[str, dict[str, Answer]]:
    """Situation -> word -> what came of it. About 0.5 s."""
    found: dict[str, dict[str, Answer]] = {}
    for situation, story in SITUATIONS.items():
        found[situation] = {}
        for name, word in WORDS.items():
            world = _lived(story)
            found[situation][name] = _answer(world, word(world))
    return found


def moves() -> dict[tuple[OrderStatus, OrderStatus], list[str]]:
    """(status before, status afterwards) -> the words that lead there; what changes no status is left out."""
    found: dict[tuple[OrderStatus, OrderStatus], list[str]] = {}
    for situation, row in answers().items():
        before = OrderStatus(situation.partition(",")[0])
        for word, answer in row.items():
            words = found.setdefault((before, answer.status), []) if answer.status is not before else []
            if answer.accepted and word not in words:
                words.append(word)
    return {pair: words for pair, words in found.items() if words}
