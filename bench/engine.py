"""What an order costs from submit to position: engine, compiled gate and paper venue in a loop, without the journal.

Floor: plain Python objects in dicts that do the least of the same (``floors/plain_orders.py``). Peer: NautilusTrader's
backtest engine, a market order on each quote, or a limit order that is cancelled once accepted. CPU time throughout.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Final, Literal

from bench.floors.plain_orders import PlainTrading
from bench.measure import Row, Series, cpu_microseconds, in_turn, missing, row
from bench.paper_trading import PaperTrading

SIZES: Final = (1_000, 10_000, 100_000)
"""Orders of one session. The peer trades the first size only: its later ones would take minutes."""
PEER: Final = "NautilusTrader 1.221 backtest"
PEER_MODULE: Final = "nautilus_trader"
FLOOR: Final = "plain Python dicts"
UNIT: Final = "µs/order"

Kind = Literal["market", "cancel"]


def rows(runs: int, sizes: tuple[int, ...] = SIZES, *, peer: bool = True) -> list[Row]:
    """Microseconds of CPU an order; then how the largest session's cost compares with the smallest's."""
    peer = peer and find_spec(PEER_MODULE) is not None
    market = in_turn(
        {**_ours("market", sizes), **_floor("market", sizes), **_peer("market", sizes[0], peer=peer)}, runs
    )
    cancel = in_turn(
        {**_ours("cancel", sizes[:1]), **_floor("cancel", sizes[:1]), **_peer("cancel", sizes[0], peer=peer)}, runs
    )
    found = [_row("market order to position", size, market, peer=size == sizes[0]) for size in sizes]
    found.append(_row("limit order and its cancel", sizes[0], cancel, peer=True))
    found.append(_growth(market, sizes[0], sizes[-1]))
    return found


def _growth(taken: dict[str, list[float]], small: int, large: int) -> Row:
    """More objects in memory cost more, whatever is done with them: the floor's growth is part of the answer."""
    ours, floor = (
        [last / first for first, last in zip(taken[f"{who} {small}"], taken[f"{who} {large}"], strict=True)]
        for who in ("ours", "floor")
    )
    name = f"engine: cost of an order at {large:,} to that at {small:,}"
    return row(name, "ratio", ours, floor=Series(FLOOR, floor))


def _ours(kind: Kind, sizes: tuple[int, ...]) -> dict[str, Callable[[], float]]:
    return {f"ours {size}": partial(_session, PaperTrading, kind, size) for size in sizes}


def _floor(kind: Kind, sizes: tuple[int, ...]) -> dict[str, Callable[[], float]]:
    return {f"floor {size}": partial(_session, PlainTrading, kind, size) for size in sizes}


def _peer(kind: Kind, size: int, *, peer: bool) -> dict[str, Callable[[], float]]:
    return {f"peer {size}": partial(_nautilus, kind, size)} if peer else {}


def _session(trading: type[PaperTrading | PlainTrading], kind: Kind, size: int) -> float:
    session = trading()
    work = session.market_orders if kind == "market" else session.limits_and_cancels
    return cpu_microseconds(partial(work, size), size)


def _nautilus(kind: Kind, size: int) -> float:
    command = [sys.executable, "-m", "bench.peers.nautilus", kind, str(size)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _row(title: str, size: int, taken: dict[str, list[float]], *, peer: bool) -> Row:
    name, ours = f"engine: {title}, {size:,}", taken[f"ours {size}"]
    floor, theirs = Series(FLOOR, taken[f"floor {size}"]), taken.get(f"peer {size}")
    found = row(name, UNIT, ours, floor=floor, peer=None if theirs is None else Series(PEER, theirs))
    if peer and theirs is None:
        found["peer"] = missing(PEER)
    return found
