"""A RiskGate whose judge is a card.

As with a gate in another process there are two copies of one truth: the card decides, the books in this process follow
along and keep the state. They count equally wide (``meltica.hot.bounds``), so on a card that was with us from the first
row they must agree on every order; where they do not, something is broken and InvariantError says so.

A card that takes over later is told what the state holds: limits, switches, prices, positions. What no record tells
(how full the token buckets are, the last orders, the lots of the day) only the books have then: an order passes when
both let it pass, and what one alone let pass is given back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from meltica.domain.errors import GateUnreachableError, InvariantError
from meltica.hot import Gate, OrderIntent
from meltica.hot.bounds import card_bounds
from meltica.hot.card import Card
from meltica.hot.card_bus import CardBus, CardError
from meltica.hot.card_rows import open_exposure, rows_of
from meltica.hot.layout_gen import (
    REASON_PASS,
    Action,
    KillRecord,
    KillScope,
    OrderIntentRecord,
    Record,
    ReleaseRecord,
    VerdictRecord,
)
from meltica.hot.ports import Intent, Masks, Reasons
from meltica.hot.rulebook_gen import PASS, Check
from meltica.links.books import Books
from meltica.links.frames import GateShape

WATCHDOG_US: Final = 1_000_000
BEAT_EVERY_S: Final = 0.2
"""Several in each period of the watchdog."""


class CardGate(Books):
    """See meltica.hot.ports.RiskGate. Lost until ``reconnect``. One thread calls it.

    ``check`` raises GateUnreachableError for NEW and REPLACE while the card is lost; cancels are then judged by the
    books, which also take over all that is told meanwhile.
    """

    def __init__(
        self, open_bus: Callable[[], CardBus], *, unit_nanos: int, watchdog_us: int = WATCHDOG_US, leased: bool = False
    ) -> None:
        """:raises CardError: there is no card to be found now; its sizes are needed."""
        self.fired_mask = self.reserved_price_ticks = self.allowed_lots = 0
        self._open_bus, self._unit_nanos, self._watchdog_us, self._leased = open_bus, unit_nanos, watchdog_us, leased
        with Card(open_bus()) as card:
            found = card.shape()
        shape = GateShape(
            max_instruments=found.instruments,
            max_accounts=found.accounts,
            duplicate_depth=found.duplicate_depth,
            max_strategies=found.strategies,
            max_working_orders=found.working_orders,
            leased=leased,
        )
        super().__init__(shape)
        self.books = Gate(**msgspec.structs.asdict(shape), bounds=card_bounds(unit_nanos, ports=found.ports))
        self._card: Card | None = None
        self._why = "not connected yet"
        self._recovering = False
        self._from_the_first_row = False
        self._beaten = 0.0
        self.differed = 0
        """Orders on which a card that took over later and the books did not agree."""

    # The card

    @property
    def card(self) -> Card:
        """:raises GateUnreachableError: it is lost."""
        if self._card is None:
            raise GateUnreachableError(self._why)
        return self._card

    def reconnect(self) -> None:
        """Tells the card all that the books hold, and arms it.

        :raises GateUnreachableError: it did not work, and says why; the gate stays lost and may be tried again.
        """
        self._lose("reconnecting")
        state = self.books.export_state()
        if sides := open_exposure(state):
            self._why = f"orders are open ({sides} values): the card takes over when they are closed"
            raise GateUnreachableError(self._why)
        with self._losing():
            bus = self._open_bus()
            bus.reset()  # What it held is not ours
            self._card = card = Card(bus)
            card.set_up(unit_nanos=self._unit_nanos, leased=self._leased)
            rows = list(rows_of(state, time.time_ns()))
            self._from_the_first_row = len(rows) == 1  # A lease, and nothing else
            for row in rows:
                card.commit(row)
            card.set_watchdog(self._watchdog_us)
            self._arm(card)

    def rearm(self) -> None:
        """After the card stopped by itself. :raises GateUnreachableError: it is lost, or something still stops it."""
        card = self.card
        with self._losing():
            self._arm(card)

    def _arm(self, card: Card) -> None:
        """Lets it go, unless the engine's own kill switch is engaged: that is let go by the engine alone."""
        card.beat()
        self._beaten = time.monotonic()
        if not self.books.killed:
            card.release()

    def alive(self) -> bool:
        """The card answers and is armed (or stopped by us). Also feeds its watchdog. ``why`` tells more."""
        if self._card is None:
            return False
        try:
            with self._losing():
                if time.monotonic() - self._beaten > BEAT_EVERY_S:
                    self._card.beat()
                    self._beaten = time.monotonic()
                return self.books.killed or not self._card.killed
        except GateUnreachableError:
            return False

    def why(self) -> str:
        """Why ``alive`` says no; empty: it says yes."""
        if self._card is None:
            return self._why
        if self.books.killed or not self._card.killed:
            return ""
        return f"the card stopped by itself: {', '.join(self._card.causes()) or 'its gate'}"

    @contextmanager
    def recovering(self) -> Iterator[None]:
        """Start-up, before ``reconnect``: the journal's orders were judged long ago, so the books judge alone."""
        if self._card is not None:
            raise InvariantError("recovery comes before the card is connected")
        self._recovering = True
        try:
            yield
        finally:
            self._recovering = False

    def close(self) -> None:
        """Leaves the card stopped. Idempotent."""
        if self._card is not None:
            try:
                with self._losing():
                    self._card.kill()
            except GateUnreachableError:
                pass
        self._lose("closed")

    # Verdicts

    def check(self, intent: Intent, /) -> int:
        """:raises GateUnreachableError: no word from the card, or it has stopped by itself, and this is no cancel."""
        if self._recovering:
            return self._judged_by_books(intent)
        data = intent.to_bytes()
        try:
            card = self.card
            with self._losing():
                verdict = card.check(data)
                stopped = verdict.fired_mask >> Check.KILL_SWITCH & 1 and not self.books.killed and card.killed
        except GateUnreachableError:
            if data[2] != Action.CANCEL:
                raise
            return self._judged_by_books(intent)
        if stopped:
            # Nothing is reserved, there or here; that the gate is lost is an input, and is replayed as one.
            raise GateUnreachableError(self.why())
        return self._agreed(intent, verdict)

    def _agreed(self, intent: Intent, verdict: VerdictRecord) -> int:
        ours = self._judged_by_books(intent)
        reason = PASS if verdict.reason == REASON_PASS else verdict.reason
        theirs = (reason, verdict.fired_mask, verdict.reserved_price_ticks)
        if theirs == (ours, self.fired_mask, self.reserved_price_ticks):
            return ours
        if self._from_the_first_row:
            ours_too = (ours, self.fired_mask, self.reserved_price_ticks)
            self._lose(
                f"the card and the books disagree (reason, fired, price): the card {theirs}, the books {ours_too}"
            )
            raise InvariantError(self._why)
        self.differed += 1
        return self._stricter(OrderIntentRecord.from_bytes(intent.to_bytes()), verdict, ours)

    def _stricter(self, order: OrderIntentRecord, verdict: VerdictRecord, ours: int) -> int:
        """Refused by either of the two is refused; what the other one reserved is given back."""
        fired = verdict.fired_mask | self.fired_mask
        price = verdict.reserved_price_ticks or self.reserved_price_ticks
        back = ReleaseRecord(
            order.account_id,
            order.instrument_id,
            order.side,
            int(order.action == Action.NEW),
            order.strategy_id,
            order.order_id,
            order.quantity_lots,
            price,
        )
        if verdict.reason == REASON_PASS and order.action == Action.NEW:
            self._tell(back)
        if ours == PASS and order.action == Action.NEW:
            self.books.tell(back)
        self.fired_mask, self.reserved_price_ticks, self.allowed_lots = fired, 0, 0
        return (fired & -fired).bit_length() - 1

    def check_batch(self, records: bytes | npt.NDArray[np.void], /) -> tuple[Reasons, Masks]:
        """One after another. :raises GateUnreachableError: the card was lost on the way; what came before is done."""
        data = bytes(records) if isinstance(records, bytes | bytearray | memoryview) else records.tobytes()
        size = OrderIntentRecord.SIZE
        if len(data) % size:
            raise ValueError(f"{len(data)} bytes are not a whole number of {size}-byte records")
        reasons = np.empty(len(data) // size, np.int8)
        masks = np.empty(len(data) // size, np.uint64)
        for at in range(len(reasons)):
            reasons[at] = self.check(OrderIntent.from_bytes(data[at * size : (at + 1) * size]))
            masks[at] = self.fired_mask
        return reasons, masks

    def _judged_by_books(self, intent: Intent) -> int:
        if type(intent) is not OrderIntent:
            intent = OrderIntent.from_bytes(intent.to_bytes())
        reason = self.books.check(intent)
        self.fired_mask, self.reserved_price_ticks = self.books.fired_mask, self.books.reserved_price_ticks
        self.allowed_lots = self.books.allowed_lots
        return reason

    def import_state(self, state: Mapping[str, Any], /) -> None:
        """The books take it over; the card is lost until ``reconnect`` tells it."""
        self.books.import_state(state)
        self._lose("the state was replaced")

    # Sending

    def _tell(self, record: Record, *, at_once: bool = False) -> None:
        """At once, always: a row is in the card's tables before the next order is sent."""
        del at_once
        if self._card is None:
            return
        try:
            with self._losing():
                self._card.commit(record)
                if isinstance(record, KillRecord) and (record.scope, record.engage) == (KillScope.GLOBAL, 0):
                    self._card.release()  # Its registers have a switch too, which followed that of the gate
        except GateUnreachableError:
            return  # The books have it, and ``_why`` says what happened
        except ValueError as error:
            self._lose(f"the card refuses what the books took: {error}")

    @contextmanager
    def _losing(self) -> Iterator[None]:
        """A card that fails in here is let go."""
        try:
            yield
        except CardError as error:
            self._lose(str(error))
            raise GateUnreachableError(str(error)) from error

    def _lose(self, why: str) -> None:
        self._why = why
        card, self._card = self._card, None
        if card is not None:
            card.close()
