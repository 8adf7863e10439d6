"""What a tripped gate answers: the same as under its kill switch, without its state being touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from meltica.hot.ports import RiskGate


@contextmanager
def tripped(gate: RiskGate) -> Iterator[None]:
    """While it lasts NEW and REPLACE are refused with KILL_SWITCH (and counted so), and cancels pass.

    Both ends of the link judge through this, so their counters agree too.
    """
    held = not gate.killed
    if held:
        gate.kill()
    try:
        yield
    finally:
        if held:
            gate.unkill()
