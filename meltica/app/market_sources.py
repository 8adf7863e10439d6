"""Where market data comes from: the built-in synthetic market, or a recording told apart by its content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.market import MarketEvent
from meltica.venues.paper.builtin import BUILTIN, VENUE
from meltica.venues.paper.market import SyntheticMarket


class MarketSource(msgspec.Struct, frozen=True, kw_only=True):
    """A stream of market events and what they are about.

    The events' ``time_ns`` is the clock: a driver that paces itself waits as long between two events as their times are
    apart; a backtest doesn't wait.
    """

    name: str
    """For people: ``synthetic market, seed 7``."""
    venue: str
    instruments: tuple[Instrument, ...]
    events: Iterator[MarketEvent]
    """Can be walked once. The first event of each instrument's book is a snapshot."""
    endless: bool
    start_ns: int
    """Time of the first event."""


def open_market(
    data: Path | None, *, seed: int = 1, instruments: Sequence[str] = (), start_ns: int = 0
) -> MarketSource:
    """The market that ``data`` names; None: the built-in one.

    ``instruments`` (canonical ids) picks some of those that the source has; empty: all of a small source, the busiest
    of a large one. ``start_ns`` is where the clock of the synthetic market begins.

    :raises FieldError: an instrument that the source does not have.
    :raises RecordingError: the file can't be read as a recording.
    """
    if data is not None:
        raise FieldError("data", str(data), "not a recording that can be read")
    return _synthetic(seed, instruments, start_ns)


def _synthetic(seed: int, wanted: Sequence[str], start_ns: int) -> MarketSource:
    known = {instrument.instrument: (instrument, character) for instrument, character in BUILTIN}
    for name in wanted:
        if name not in known:
            raise FieldError("instrument", name, f"the built-in market has {', '.join(known)}")
    chosen = [known[name] for name in wanted] or list(BUILTIN)
    return MarketSource(
        name=f"synthetic market, seed {seed}",
        venue=VENUE,
        instruments=tuple(instrument for instrument, _ in chosen),
        events=iter(SyntheticMarket(chosen, seed=seed, start_ns=start_ns)),
        endless=True,
        start_ns=start_ns,
    )
