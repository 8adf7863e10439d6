"""Every situation of docs/guides/contingent_orders.md: how it comes about, and how the orders stand then.

The names are the first column of the tables in the guide; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from meltica.domain.commands import GateState
from meltica.domain.groups import Link, Sizing
from meltica.domain.order import Side
from meltica.domain.reports import ExecType
from tests.engines import MARK_TICKS
from tests.unit.engine.group_day import GroupDay, leg, stop, stop_loss, take_profit


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


def _oco(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return both(lambda d: d.oco(), *steps)


def _ouo(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return both(lambda d: d.ouo(), *steps)


def _two_limits(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return both(lambda d: d.ouo(take_profit(), leg(Side.SELL, price=MARK_TICKS + 2_000)), *steps)


def _bracket(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return both(lambda d: d.bracket(), *steps)


def _oto(*steps: Callable[[GroupDay], object], sizing: Sizing = Sizing.FULL) -> Callable[[GroupDay], None]:
    return both(lambda d: d.list(Link.OTO, leg(), take_profit(), sizing=sizing), *steps)


def _growing(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return _oto(*steps, sizing=Sizing.PARTIAL)


def _nested(*steps: Callable[[GroupDay], object]) -> Callable[[GroupDay], None]:
    return both(lambda d: d.list(Link.OTO, leg(), take_profit(), stop_loss(), among=Link.OCO), *steps)


def _bust(place: int, first: int, lots: int = 0) -> Callable[[GroupDay], None]:
    return lambda d: d.corrected(place, d.trades(place, first), lots)


def _trades(place: int, lots: int) -> Callable[[GroupDay], object]:
    return lambda d: d.trades(place, lots)


def _ends(place: int, how: ExecType = ExecType.CANCELED) -> Callable[[GroupDay], None]:
    return lambda d: d.ends(place, how)


def _answers(place: int) -> Callable[[GroupDay], None]:
    return lambda d: d.answers_requests(place)


def _refuses(place: int) -> Callable[[GroupDay], None]:
    return lambda d: d.refuses_request(place)


FALLS: Callable[[GroupDay], None] = lambda d: d.fall()  # noqa: E731 - a step like the others
TIGHT = {"max_short_lots": 0}

OCO = [
    Situation("a leg trades a part", _oco(_trades(1, 30)), ["works 70", "ending"]),
    Situation(
        "the other leg trades before its cancel arrives", _oco(_trades(1, 30), _trades(2, 20)), ["works 50", "ending"]
    ),
    Situation(
        "both legs trade beyond the quantity", _oco(_trades(1, 30), _trades(2, 100)), ["ending", "filled"], (30, 0)
    ),
    Situation(
        "both legs are filled on the wire", _oco(_trades(1, 100), _trades(2, 100)), ["filled", "filled"], (100, 0)
    ),
    Situation(
        "the cancel is refused, then the fill comes",
        _oco(_trades(1, 30), _refuses(2), _trades(2, 50)),
        ["works 20", "ending"],
    ),
    Situation(
        "the cancel is refused twice and nothing else comes",
        _oco(_trades(1, 30), _refuses(2), _refuses(2)),
        ["works 70", "works 100"],
    ),
    Situation(
        "nobody knows whether the cancel arrived",
        _oco(_trades(1, 30), lambda d: d.loses_request(2)),
        ["works 70", "ending"],
    ),
    Situation(
        "a late fill of the cancelled leg",
        _oco(_trades(1, 30), _answers(2), _trades(2, 20)),
        ["works 50", "canceled"],
    ),
    Situation("the fill that ended the other is busted", _oco(_bust(1, 30), _answers(2)), ["works 100", "canceled"]),
    Situation("a fill is corrected upwards", _oco(_bust(1, 30, 60)), ["works 40", "ending"]),
    Situation("a person cancels a leg", _oco(lambda d: d.cancel(1), _answers(1)), ["canceled", "ending"]),
    Situation("a leg expires", _oco(_ends(1, ExecType.EXPIRED)), ["expired", "works 100"]),
    Situation("the venue refuses a leg", _oco(_ends(1, ExecType.REJECTED)), ["rejected", "works 100"]),
    Situation(
        "a leg's price is being amended when the other trades",
        _oco(lambda d: d.amend(1, price_ticks=MARK_TICKS - 50), _trades(2, 30)),
        ["ending", "works 70"],
    ),
    Situation(
        "the amendment is done after the cancel was sent, and trades",
        _oco(
            lambda d: d.amend(1, price_ticks=MARK_TICKS - 50),
            _trades(2, 30),
            lambda d: d.tell(1, ExecType.REPLACED, name=d.order(1).pending[0].client_order_id),
            _trades(1, 30),
        ),
        ["ending", "works 40"],
    ),
    Situation("the kill switch", _oco(lambda d: d.kill()), ["ending", "ending"]),
    Situation(
        "two directions, and one fires",
        both(
            lambda d: d.oco(stop(Side.BUY, MARK_TICKS + 1_000), stop(Side.SELL, MARK_TICKS - 1_000)),
            FALLS,
        ),
        ["canceled", "works 100"],
    ),
]

OUO = [
    Situation("the take-profit trades a part", _ouo(_trades(1, 30)), ["works 70", "stop 70"]),
    Situation("the take-profit is filled", _ouo(_trades(1, 100)), ["filled", "canceled"]),
    Situation("the stop-loss fires", _ouo(FALLS), ["ending", "works 100"]),
    Situation("the stop-loss fires after a part was taken", _ouo(_trades(1, 40), FALLS), ["ending", "works 60"]),
    Situation(
        "the take-profit trades on the wire while the stop-loss goes out",
        _ouo(FALLS, _trades(1, 30)),
        ["ending", "works 70"],
    ),
    Situation(
        "both are filled on the wire", _ouo(FALLS, _trades(1, 100), _trades(2, 100)), ["filled", "filled"], (100, 0)
    ),
    Situation(
        "the stop-loss fires, and the gate has no room beside the take-profit",
        _ouo(FALLS),
        ["ending", "fired, waits 100"],
        limits={"max_short_lots": 100},
    ),
    Situation(
        "then the take-profit is cancelled",
        _ouo(FALLS, _answers(1)),
        ["canceled", "works 100"],
        limits={"max_short_lots": 100},
    ),
    Situation(
        "then the take-profit trades a part, and is cancelled",
        _ouo(FALLS, _trades(1, 40), _answers(1)),
        ["canceled", "works 60"],
        limits={"max_short_lots": 100},
    ),
    Situation(
        "then the take-profit is filled",
        _ouo(FALLS, _trades(1, 100)),
        ["filled", "canceled"],
        limits={"max_short_lots": 100},
    ),
    Situation("the fill of the take-profit is busted", _ouo(_bust(1, 30)), ["works 100", "stop 100"]),
    Situation("two working legs, one trades a part", _two_limits(_trades(1, 30)), ["works 70", "works 70"]),
    Situation(
        "the other trades before it is reduced",
        _two_limits(_trades(1, 30), _trades(2, 50)),
        ["works 20", "works 20"],
    ),
    Situation("the reduction is refused", _two_limits(_trades(1, 30), _refuses(2)), ["works 70", "ending"]),
    Situation(
        "the reduction and the cancel are refused",
        _two_limits(_trades(1, 30), _refuses(2), _refuses(2)),
        ["works 70", "works 100"],
    ),
    Situation(
        "the venue restates the leg in between",
        _two_limits(
            _trades(1, 30),
            _refuses(2),
            lambda d: d.tell(2, ExecType.RESTATED, order_quantity_lots=70),
            _refuses(2),
            _trades(1, 10),
        ),
        ["works 60", "ending"],
    ),
    Situation(
        "an amendment of a leg's price is refused, then the other trades",
        _two_limits(lambda d: d.amend(2, price_ticks=MARK_TICKS + 1_900), _refuses(2), _trades(1, 30)),
        ["works 70", "works 70"],
    ),
    Situation(
        "a working leg was reduced, and the fill is busted",
        _two_limits(lambda d: d.corrected(1, _first_fill(d, 2), 0)),
        ["works 100", "works 100"],
    ),
    Situation("a person cancels one leg", _ouo(lambda d: d.cancel(2)), ["works 100", "canceled"]),
    Situation("one leg expires", _ouo(_trades(1, 30), _ends(1, ExecType.EXPIRED)), ["expired", "stop 70"]),
    Situation(
        "the venue restates a leg larger",
        _two_limits(_trades(1, 30), lambda d: d.tell(2, ExecType.RESTATED, order_quantity_lots=150)),
        ["works 70", "works 70"],
    ),
]


def _first_fill(day: GroupDay, answers: int) -> str:
    name = day.trades(1, 30)
    day.answers_requests(answers)
    return name


def _bust_after_the_child(day: GroupDay) -> None:
    day.trades(1, 60)
    name = day.trades(1, 40)
    day.trades(2, 40)
    day.ends(2)
    day.corrected(1, name, 0)


def _child_bust(day: GroupDay) -> None:
    _growing()(day)
    name = day.trades(1, 30)
    day.trades(2, 10)
    day.corrected(1, name, 0)


OTO = [
    Situation("the first order trades a part (FULL)", _oto(_trades(1, 30)), ["works 70", "waits 100"]),
    Situation("the first order is filled (FULL)", _oto(_trades(1, 30), _trades(1, 70)), ["filled", "works 100"]),
    Situation("it ends after a part (FULL)", _oto(_trades(1, 30), _ends(1)), ["canceled", "works 30"]),
    Situation(
        "it expires after a part (FULL)", _oto(_trades(1, 30), _ends(1, ExecType.EXPIRED)), ["expired", "works 30"]
    ),
    Situation("it ends without a fill", _oto(_ends(1)), ["canceled", "canceled"]),
    Situation("the venue refuses it", _oto(_ends(1, ExecType.REJECTED)), ["rejected", "canceled"]),
    Situation("a late fill after it ended without one", _oto(_ends(1), _trades(1, 40)), ["canceled", "canceled"]),
    Situation("the first order trades a part (PARTIAL)", _growing(_trades(1, 30)), ["works 70", "works 30"]),
    Situation("it trades another part", _growing(_trades(1, 30), _trades(1, 30)), ["works 40", "works 60"]),
    Situation(
        "the child has traded a part meanwhile",
        _growing(_trades(1, 30), _trades(2, 10), _trades(1, 30)),
        ["works 40", "works 50"],
    ),
    Situation(
        "the child is filled, and the first order trades more",
        _growing(_trades(1, 30), _trades(2, 30), _trades(1, 20)),
        ["works 50", "filled", "works 20"],
        extended=1,
    ),
    Situation(
        "the child is filled while it is to grow",
        _growing(_trades(1, 30), _trades(1, 20), _trades(2, 30)),
        ["works 50", "works 20"],
    ),
    Situation(
        "then the venue refuses the growth",
        _growing(_trades(1, 30), _trades(1, 20), _trades(2, 30), _refuses(2)),
        ["works 50", "filled", "works 20"],
        extended=1,
    ),
    Situation(
        "a market child of each fill",
        both(
            lambda d: d.list(Link.OTO, leg(), leg(price=None), sizing=Sizing.PARTIAL),
            _trades(1, 30),
            _trades(1, 20),
            _trades(2, 30),
        ),
        ["works 50", "filled", "works 20"],
        extended=1,
    ),
    Situation("its fill is busted", _growing(_trades(1, 30), _bust(1, 20)), ["works 70", "works 30"]),
    Situation(
        "its fill is busted after the child traded",
        _child_bust,
        ["works 100", "ending"],
        (10, 0),
    ),
    Situation(
        "its fill is busted after the child ended with a part",
        both(lambda d: d.list(Link.OTO, leg(), take_profit()), _bust_after_the_child),
        ["works 40", "canceled"],
    ),
    Situation(
        "the gate refuses the child's growth",
        _growing(_trades(1, 30), lambda d: d.halts(), _trades(1, 30)),
        ["works 40", "works 30"],
    ),
    Situation(
        "after that the first order trades more",
        _growing(_trades(1, 30), lambda d: d.halts(), _trades(1, 30), lambda d: d.halts(on=False), _trades(1, 10)),
        ["works 30", "works 70"],
    ),
    Situation(
        "the gate does not answer when the child is to grow, then it does",
        _growing(
            _trades(1, 30),
            lambda d: d.gate(GateState.LOST),
            _trades(1, 30),
            lambda d: d.gate(GateState.REGAINED),
        ),
        ["works 40", "works 60"],
    ),
    Situation(
        "the gate does not answer when the first order is filled",
        _oto(lambda d: d.gate(GateState.LOST), _trades(1, 100)),
        ["filled", "ready 100"],
    ),
    Situation("the kill switch before the fill", _oto(lambda d: d.kill(), _trades(1, 100)), ["filled", "canceled"]),
    Situation("a person cancels the child", _oto(lambda d: d.cancel(2)), ["works 100", "canceled"]),
    Situation(
        "children that are OCO, and the first order is filled",
        _nested(_trades(1, 100)),
        ["filled", "works 100", "stop 100"],
    ),
    Situation(
        "two exits that both rest, and the gate has room for one",
        both(
            lambda d: d.list(Link.OTO, leg(), take_profit(), leg(Side.SELL, price=MARK_TICKS + 2_000), among=Link.OUO),
            _trades(1, 100),
        ),
        ["filled", "works 100", "rejected"],
        limits={"max_short_lots": 50},
    ),
    Situation(
        "children that are OCO, and one trades",
        _nested(_trades(1, 100), _trades(2, 1)),
        ["filled", "works 99", "canceled"],
    ),
]


BRACKET = [
    Situation("the entry trades a part", _bracket(_trades(1, 30)), ["works 70", "works 30", "stop 30"]),
    Situation("the entry is filled", _bracket(_trades(1, 30), _trades(1, 70)), ["filled", "works 100", "stop 100"]),
    Situation(
        "an exit trades while the entry still works",
        _bracket(_trades(1, 30), _trades(2, 10)),
        ["ending", "works 20", "stop 20"],
    ),
    Situation(
        "the entry trades on the wire after an exit has begun",
        _bracket(_trades(1, 30), _trades(2, 10), _trades(1, 40)),
        ["ending", "works 60", "stop 60"],
    ),
    Situation(
        "the entry trades on the wire after the stop-loss was filled",
        _bracket(_trades(1, 30), FALLS, lambda d: d.ends(2), lambda d: d.ends(1), _trades(3, 30), _trades(1, 40)),
        ["canceled", "canceled", "filled"],
        (0, 40),
    ),
    Situation(
        "the stop-loss fires while the entry still works",
        _bracket(_trades(1, 30), FALLS),
        ["ending", "ending", "fired, waits 30"],
    ),
    Situation(
        "then entry and take-profit are cancelled",
        _bracket(_trades(1, 30), FALLS, _answers(1), _answers(2)),
        ["canceled", "canceled", "works 30"],
    ),
    Situation(
        "the cancel of the entry is refused because it is filled",
        _bracket(_trades(1, 30), _trades(2, 10), _refuses(1), _trades(1, 70)),
        ["filled", "works 90", "stop 90"],
    ),
    Situation(
        "the gate refuses the take-profit",
        both(
            lambda d: d.list(Link.BRACKET, leg(), leg(Side.SELL, price=2 * MARK_TICKS), stop_loss()),
            _trades(1, 100),
        ),
        ["filled", "rejected", "stop 100"],
    ),
    Situation(
        "both exits are cancelled by a person",
        _bracket(_trades(1, 30), lambda d: d.cancel(3), lambda d: d.cancel(2), _answers(2)),
        ["ending", "canceled", "canceled"],
        (0, 30),
    ),
    Situation(
        "the entry is cancelled after a part", _bracket(_trades(1, 30), _ends(1)), ["canceled", "works 30", "stop 30"]
    ),
    Situation(
        "the entry's fill is busted after the exits went out",
        _bracket(_bust(1, 30)),
        ["works 100", "ending", "canceled"],
    ),
    Situation(
        "the bracket waits for the whole entry (FULL)",
        both(lambda d: d.bracket(Sizing.FULL), _trades(1, 30)),
        ["works 70", "waits 100", "waits 100"],
    ),
    Situation(
        "the kill switch with exits working",
        _bracket(_trades(1, 30), lambda d: d.kill()),
        ["ending", "ending", "canceled"],
        (0, 30),
    ),
    Situation(
        "the entry is amended to a larger quantity and filled",
        _bracket(
            lambda d: d.amend(1, quantity_lots=150),
            _answers(1),
            _trades(1, 150),
        ),
        ["filled", "works 150", "stop 150"],
    ),
]

SITUATIONS = {"OCO": OCO, "OUO": OUO, "OTO": OTO, "BRACKET": BRACKET}
