"""Who is told what happens in the gateway, beside its venues and strategies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from meltica.domain.events import Event
from meltica.domain.ports import HotGateStatus


class Watcher(Protocol):
    """Who is told what happens: the hot gates."""

    def killed(self, events: Sequence[Event], /) -> None:
        """The kill switch was engaged; not durable yet."""

    def happened(self, events: Sequence[Event], /) -> None:
        """These are durable."""

    def durable(self, sequence: int, /) -> None:
        """The journal is durable up to here."""

    def status(self) -> Sequence[HotGateStatus]: ...
