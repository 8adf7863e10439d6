"""The risk gate in a process of its own that can be lost: the real books beside it, and another gate at the far end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from meltica import hot
from meltica.app.gates import GateKeeper
from meltica.domain.errors import GateUnreachableError, InvariantError
from meltica.hot.layout_gen import Record
from meltica.links.books import Books
from meltica.links.frames import GateShape


class FarGate(Books):
    """As ``links.remote_gate.RemoteGate``, without the sockets: the far gate decides, the books follow along and are
    what it gets when it comes back. ``is_there`` says whether it answers."""

    def __init__(self, shape: GateShape, is_there: Callable[[], bool]) -> None:
        super().__init__(shape)
        self._is_there = is_there
        self._far: Any = None
        """None: lost, until it is brought back."""
        self._recovering = False
        self.fired_mask = self.reserved_price_ticks = self.allowed_lots = 0

    def check(self, intent: Any, /) -> int:
        """:raises GateUnreachableError: no word from it, and it is no cancel; nothing has changed."""
        if self._recovering:
            return self._judged_by_books(intent)
        if self._far is None or not self._is_there():
            self._far = None
            if intent.to_bytes()[2] != hot.Action.CANCEL:
                raise GateUnreachableError("the gate does not answer")
            return self._judged_by_books(intent)
        theirs = self._far.check(intent), self._far.fired_mask, self._far.reserved_price_ticks
        ours = self._judged_by_books(intent), self.fired_mask, self.reserved_price_ticks
        if theirs != ours:
            raise InvariantError(f"the gate says {theirs}, the books {ours}")
        return ours[0]

    def import_state(self, state: Mapping[str, Any], /) -> None:
        self.books.import_state(state)
        if self._far is not None:
            self._far.import_state(state)

    @contextlib.contextmanager
    def recovering(self) -> Iterator[None]:
        self._recovering = True
        try:
            yield
        finally:
            self._recovering = False

    def reconnect(self) -> None:
        if not self._is_there():
            raise GateUnreachableError("the gate does not answer")
        self._far = hot.Gate(max_instruments=self.shape.max_instruments, max_accounts=self.shape.max_accounts)
        self._far.import_state(self.books.export_state())
        if self._far.state_digest() != self.books.state_digest():
            raise InvariantError("the gate's state is not that of the books")

    def rearm(self) -> None:
        raise GateUnreachableError("it has to be brought back whole")

    def alive(self) -> bool:
        if not self._is_there():
            self._far = None
        return self._far is not None

    def why(self) -> str:
        return "the gate does not answer"

    def close(self) -> None:
        self._far = None

    def _tell(self, record: Record, *, at_once: bool = False) -> None:  # noqa: ARG002 - the base's form
        if self._far is not None:
            self._far.tell(record)

    def _judged_by_books(self, intent: Any) -> int:
        reason = self.books.check(intent)
        self.fired_mask, self.reserved_price_ticks = self.books.fired_mask, self.books.reserved_price_ticks
        self.allowed_lots = self.books.allowed_lots
        return reason


class FarGateKeeper(GateKeeper):
    """The real watch over it."""

    def __init__(self, gate: FarGate) -> None:
        super().__init__()
        self.gate: Any = gate  # It has what the watch asks for.

    def close(self) -> None:
        self.gate.close()

    async def _bring_back(self) -> None:
        self.gate.reconnect()
