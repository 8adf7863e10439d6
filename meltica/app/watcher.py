"""Who is told what happens in the gateway, beside its venues and strategies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from meltica.domain.commands import EngageKillSwitch
from meltica.domain.events import Event
from meltica.domain.inputs import Record
from meltica.domain.ports import HotGateStatus


class Watcher(Protocol):
    """Who is told what happens: the hot gates."""

    def engaging(self, command: EngageKillSwitch, /) -> None:
        """The kill switch is being engaged, and exists: act first. Nothing is written down yet."""

    def happened(self, events: Sequence[Event], /) -> None:
        """These are durable."""

    def durable(self, sequence: int, /) -> None:
        """The journal is durable up to here."""

    def status(self) -> Sequence[HotGateStatus]: ...


class Keeper(Protocol):
    """Who keeps books of its own beside the engine's: a fold over the journal's records."""

    def take(self, sequence: int, time_ns: int, record: Record, /) -> None:
        """The next durable record. It raises nothing: trading goes on without these books."""
