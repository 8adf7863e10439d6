"""What may happen to orders that belong together, in one word each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from meltica.domain.groups import Link, Sizing
from meltica.domain.order import Side
from meltica.domain.reports import ExecType
from tests.engines import MARK_TICKS
from tests.unit.engine.group_day import GroupDay, leg, stop_loss, take_profit


class Situation(NamedTuple):
    name: str
    play: Callable[[GroupDay], object]
    stands: list[str]
    balance: tuple[int, int] = (0, 0)
    """(overfilled, uncovered)."""
    limits: dict[str, int] = {}  # noqa: RUF012 - nobody changes it
    extended: int = 0
    """Orders that go on for a child."""


def both(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    def play(day: GroupDay) -> None:
        for step in steps:
            step(day)

    return play


def oco(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return both(lambda d: d.oco(), *steps)


def ouo(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return both(lambda d: d.ouo(), *steps)


def two_limits(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return both(lambda d: d.ouo(take_profit(), leg(Side.SELL, price=MARK_TICKS + 2_000)), *steps)


def bracket(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return both(lambda d: d.bracket(), *steps)


def oto(*steps: Callable[[GroupDay], object], sizing: Sizing = Sizing.FULL) -> Callable[[GroupDay], None]:
    return both(lambda d: d.list(Link.OTO, leg(), take_profit(), sizing=sizing), *steps)


def growing(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return oto(*steps, sizing=Sizing.PARTIAL)


def nested(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return both(lambda d: d.list(Link.OTO, leg(), take_profit(), stop_loss(), among=Link.OCO), *steps)


def bust(place: int, first: int, lots: int = 0) -> Callable[[GroupDay], None]:
    return lambda d: d.corrected(place, d.trades(place, first), lots)


def trades(place: int, lots: int) -> Callable[[GroupDay], object]:
    return lambda d: d.trades(place, lots)


def ends(place: int, how: ExecType = ExecType.CANCELED) -> Callable[[GroupDay], None]:
    return lambda d: d.ends(place, how)


def answers(place: int) -> Callable[[GroupDay], None]:
    return lambda d: d.answers_requests(place)


def refuses(place: int) -> Callable[[GroupDay], None]:
    return lambda d: d.refuses_request(place)


FALLS: Callable[[GroupDay], None] = lambda d: d.fall()  # noqa: E731 - a step like the others
TIGHT = {"max_short_lots": 0}
