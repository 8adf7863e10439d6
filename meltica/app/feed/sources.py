"""Where market data comes from: the built-in synthetic market, or a recording told apart by its content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

import msgspec

from meltica.app.feed.binance_probe import probe
from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.market import MarketEvent
from meltica.hot import ItchBook
from meltica.ticks.errors import RecordingError
from meltica.ticks.itch_file import batches
from meltica.ticks.recording import RecordingKind, lines, sniff
from meltica.venues.binance.instruments import VENUE as BINANCE
from meltica.venues.binance.instruments import binance_instrument
from meltica.venues.binance.session import BinanceError, BinanceSession, Symbol
from meltica.venues.nasdaq.session import VENUE as XNAS
from meltica.venues.nasdaq.session import NasdaqError, NasdaqSession, stock_instrument
from meltica.venues.paper.builtin import BUILTIN, VENUE
from meltica.venues.paper.mark_price import with_mark_prices
from meltica.venues.paper.market import SyntheticMarket

T = TypeVar("T")

BUSIEST_STOCKS = 3
"""Of an ITCH file, unless some are named: as many as a person can watch."""
RANKED_MESSAGES = 2_000_000
"""Messages of an ITCH file that are read ahead to find the busiest stocks: its first minutes, in about a second."""


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
    """Can be walked once. The first event of each instrument's book is a snapshot. Damage in a recording raises
    RecordingError, after what was good before it."""
    endless: bool
    mark_prices: tuple[str, ...] = ()
    """Instruments whose mark price it tells; a trigger by the mark of any other is refused."""
    start_ns: int
    """Time of the first event."""


def open_market(
    data: Path | None, *, seed: int = 1, instruments: Sequence[str] = (), start_ns: int = 0
) -> MarketSource:
    """The market that ``data`` names; None: the built-in one.

    ``instruments`` (canonical ids) picks some of those that the source has; empty: all of a small source, the busiest
    of a large one. ``start_ns`` is where the clock of the synthetic market begins; a recording has its own times.

    :raises FieldError: an instrument that the source does not have.
    :raises RecordingError: the file can't be read as a recording.
    """
    if data is None:
        return _synthetic(seed, instruments, start_ns)
    if sniff(data) is RecordingKind.BINANCE:
        return _binance(data, instruments)
    return _itch(data, instruments)


def _synthetic(seed: int, wanted: Sequence[str], start_ns: int) -> MarketSource:
    known = {instrument.instrument: (instrument, character) for instrument, character in BUILTIN}
    chosen = list(_chosen(known, wanted, "the built-in market").values())
    return MarketSource(
        name=f"synthetic market, seed {seed}",
        venue=VENUE,
        instruments=tuple(instrument for instrument, _ in chosen),
        events=with_mark_prices(SyntheticMarket(chosen, seed=seed, start_ns=start_ns)),
        endless=True,
        mark_prices=tuple(instrument.instrument for instrument, _ in chosen),
        start_ns=start_ns,
    )


def _binance(path: Path, wanted: Sequence[str]) -> MarketSource:
    head = probe(path)
    known = {}
    for handle, (symbol, grid) in enumerate(head.grids.items()):
        found = binance_instrument(
            symbol, handle, futures=head.futures, tick_size=grid.tick_size, lot_size=grid.lot_size
        )
        known[found.instrument] = found
    if not known:
        raise RecordingError(path, "its beginning has no book update, trade or quote")
    instruments = tuple(_chosen(known, wanted, path.name).values())
    marked = tuple(each.instrument for each in instruments if each.venue_symbol in head.mark_prices)
    session = BinanceSession(map(Symbol.of, instruments), aggregate_trades=head.aggregate_trades and not head.trades)
    return MarketSource(
        name=f"Binance {'USD-M futures' if head.futures else 'spot'} recording {path.name}",
        venue=BINANCE,
        instruments=instruments,
        events=_binance_events(path, session),
        endless=False,
        mark_prices=marked,
        start_ns=head.first_ns or 0,
    )


def _binance_events(path: Path, session: BinanceSession) -> Iterator[MarketEvent]:
    for line in lines(path):
        try:
            yield from session.receive(line.body, line.local_ns)
        except BinanceError as error:
            raise RecordingError(path, str(error), line=line.number) from error


def _itch(path: Path, wanted: Sequence[str]) -> MarketSource:
    suffix = f"@{XNAS}"
    if foreign := next((name for name in wanted if not name.endswith(suffix)), None):
        raise FieldError("instrument", foreign, f"an ITCH file has stocks of Nasdaq, such as AAPL{suffix}")
    stocks = [name.removesuffix(suffix) for name in wanted]
    ranked = _busiest(path)
    if missing := next((stock for stock in stocks if stock not in ranked), None):
        raise FieldError("instrument", missing + suffix, f"not in the first {RANKED_MESSAGES} messages of {path.name}")
    chosen = stocks or ranked[:BUSIEST_STOCKS]
    if not chosen:
        raise RecordingError(path, "its beginning has no orders")
    instruments = tuple(stock_instrument(stock, handle) for handle, stock in enumerate(chosen))
    events = _itch_events(path, NasdaqSession(instruments))
    first = next(events)
    return MarketSource(
        name=f"Nasdaq ITCH 5.0 file {path.name}",
        venue=XNAS,
        instruments=instruments,
        events=chain((first,), events),
        endless=False,
        start_ns=first.time_ns,
    )


def _busiest(path: Path) -> list[str]:
    """Stocks by activity: those with both sides of a book first, then by messages. Damage ends the look."""
    book, messages, read = ItchBook(), Counter[int](), 0
    try:
        for batch in batches(path):
            book.apply(batch)
            messages.update(batch.locate.tolist())
            read += len(batch)
            if read >= RANKED_MESSAGES:
                break
    except (RecordingError, OverflowError):
        pass
    named = [(all(book.level_counts(code)), count, book.symbol(code)) for code, count in messages.items()]
    return [stock for *_, stock in sorted(named, key=lambda row: (not row[0], -row[1], row[2])) if stock]


def _itch_events(path: Path, session: NasdaqSession) -> Iterator[MarketEvent]:
    for batch in batches(path):
        try:
            yield from session.receive(batch)
        except NasdaqError as error:
            raise RecordingError(path, str(error)) from error


def _chosen(known: Mapping[str, T], wanted: Sequence[str], source: str) -> dict[str, T]:
    for name in wanted:
        if name not in known:
            raise FieldError("instrument", name, f"{source} has {', '.join(known)}")
    return {name: known[name] for name in wanted or known}
