"""An asyncio event loop whose time is simulated: where others sleep, the rest of the world goes on."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from sim.world.clock import Clock

Idle = Callable[[int | None], None]
"""Called when nobody can run before this moment (None: before something comes from outside). It returns once the moment
is there, or once somebody can run; what it raises comes out of ``run_forever``."""


class VirtualLoop(asyncio.BaseEventLoop):
    """No sockets, no threads, no signals: timers and callbacks in one order, the same each time."""

    def __init__(self, clock: Clock, idle: Idle) -> None:
        super().__init__()
        self._clock, self._idle = clock, idle
        self._selector = self

    def time(self) -> float:
        return (self._clock.now_ns - self._clock.began_ns) / 1e9

    @property
    def is_busy(self) -> bool:
        """Can somebody run now?"""
        return bool(self._ready)  # type: ignore[attr-defined]

    def select(self, timeout: float | None) -> list[Any]:
        """The base class asks its selector; this one looks after the world."""
        if timeout is None:
            self._idle(None)
        elif timeout > 0:
            self._idle(self._clock.now_ns + math.ceil(timeout * 1e9))
        return []

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]  # noqa: ARG002
        """At once: another thread would bring its own time."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - as a thread hands it back
            done.set_exception(error)
        return done

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is no other thread to be woken by."""
