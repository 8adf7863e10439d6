"""The part of a strategy's desk about orders that belong together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import structs

from meltica.domain.commands import Command, SubmitOrder, SubmitOrderList
from meltica.domain.errors import FieldError
from meltica.domain.groups import Link, Sizing
from meltica.domain.order import OrderType, Side
from meltica.domain.terms import Terms
from meltica.strategies import odd


class ListsOfOrders(ABC):
    actor: str
    _commands: list[Command]

    @abstractmethod
    def submit(
        self,
        instrument: str,
        side: Side,
        quantity_lots: int,
        price_ticks: int | None = None,
        *,
        order_type: OrderType | None = None,
        terms: Terms | None = None,
    ) -> str: ...

    @abstractmethod
    def forget_intents(self) -> None: ...

    @abstractmethod
    def _request_id(self) -> str: ...

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
        odd.refuse_numbers(take_profit_ticks=take_profit_ticks, stop_loss_ticks=stop_loss_ticks)
        away, stop = odd.choice("side", Side, side).opposite, Terms(trigger_ticks=stop_loss_ticks)
        with self._together(Link.BRACKET, odd.choice("sizing", Sizing, sizing)):
            ids = (
                self.submit(instrument, side, quantity_lots, price_ticks),
                self.submit(instrument, away, quantity_lots, take_profit_ticks),
                self.submit(instrument, away, quantity_lots, order_type=OrderType.STOP, terms=stop),
            )
        return ids if all(ids) else ()

    def submit_oco(
        self, instrument: str, quantity_lots: int, *legs: tuple[Side, OrderType, int | None, Terms | None]
    ) -> tuple[str, ...]:
        with self._together(Link.OCO, Sizing.FULL):
            ids = tuple(
                self.submit(instrument, side, quantity_lots, price, order_type=kind, terms=terms)
                for side, kind, price, terms in legs
            )
        return ids if all(ids) else ()

    @contextmanager
    def _together(self, link: Link, sizing: Sizing) -> Iterator[None]:
        """The orders that are asked for meanwhile become one list; if one of them is odd, none is asked for."""
        before, self._commands = self._commands, []
        try:
            yield
        except FieldError:
            self.forget_intents()
            self._commands = before
            raise
        asked = (command for command in self._commands if isinstance(command, SubmitOrder))
        orders = tuple(structs.replace(order, request_id="", actor="") for order in asked)
        self._commands = before
        if orders:
            command = SubmitOrderList(
                request_id=self._request_id(), actor=self.actor, link=link, orders=orders, sizing=sizing
            )
            self._commands.append(command)
