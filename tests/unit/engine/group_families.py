"""Situations of orders that let others out: OTO and brackets. The names are the first column of the guide's."""

from __future__ import annotations

from meltica.domain.commands import GateState
from meltica.domain.groups import Link, Sizing
from meltica.domain.order import Side
from meltica.domain.reports import ExecType
from tests.engines import MARK_TICKS
from tests.unit.engine.group_day import GroupDay, leg, stop_loss, take_profit
from tests.unit.engine.group_steps import (
    FALLS,
    Situation,
    answers,
    both,
    bracket,
    bust,
    ends,
    growing,
    nested,
    oto,
    refuses,
    trades,
)


def _bust_after_the_child(day: GroupDay) -> None:
    day.trades(1, 60)
    name = day.trades(1, 40)
    day.trades(2, 40)
    day.ends(2)
    day.corrected(1, name, 0)


def _child_bust(day: GroupDay) -> None:
    growing()(day)
    name = day.trades(1, 30)
    day.trades(2, 10)
    day.corrected(1, name, 0)


OTO = [
    Situation("the first order trades a part (FULL)", oto(trades(1, 30)), ["works 70", "waits 100"]),
    Situation("the first order is filled (FULL)", oto(trades(1, 30), trades(1, 70)), ["filled", "works 100"]),
    Situation("it ends after a part (FULL)", oto(trades(1, 30), ends(1)), ["canceled", "works 30"]),
    Situation("it expires after a part (FULL)", oto(trades(1, 30), ends(1, ExecType.EXPIRED)), ["expired", "works 30"]),
    Situation("it ends without a fill", oto(ends(1)), ["canceled", "canceled"]),
    Situation("the venue refuses it", oto(ends(1, ExecType.REJECTED)), ["rejected", "canceled"]),
    Situation("a late fill after it ended without one", oto(ends(1), trades(1, 40)), ["canceled", "canceled"]),
    Situation("the first order trades a part (PARTIAL)", growing(trades(1, 30)), ["works 70", "works 30"]),
    Situation("it trades another part", growing(trades(1, 30), trades(1, 30)), ["works 40", "works 60"]),
    Situation(
        "the child has traded a part meanwhile",
        growing(trades(1, 30), trades(2, 10), trades(1, 30)),
        ["works 40", "works 50"],
    ),
    Situation(
        "the child is filled, and the first order trades more",
        growing(trades(1, 30), trades(2, 30), trades(1, 20)),
        ["works 50", "filled", "works 20"],
        extended=1,
    ),
    Situation(
        "the child is filled while it is to grow",
        growing(trades(1, 30), trades(1, 20), trades(2, 30)),
        ["works 50", "works 20"],
    ),
    Situation(
        "then the venue refuses the growth",
        growing(trades(1, 30), trades(1, 20), trades(2, 30), refuses(2)),
        ["works 50", "filled", "works 20"],
        extended=1,
    ),
    Situation(
        "a market child of each fill",
        both(
            lambda d: d.list(Link.OTO, leg(), leg(price=None), sizing=Sizing.PARTIAL),
            trades(1, 30),
            trades(1, 20),
            trades(2, 30),
        ),
        ["works 50", "filled", "works 20"],
        extended=1,
    ),
    Situation("its fill is busted", growing(trades(1, 30), bust(1, 20)), ["works 70", "works 30"]),
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
        growing(trades(1, 30), lambda d: d.halts(), trades(1, 30)),
        ["works 40", "works 30"],
    ),
    Situation(
        "after that the first order trades more",
        growing(trades(1, 30), lambda d: d.halts(), trades(1, 30), lambda d: d.halts(on=False), trades(1, 10)),
        ["works 30", "works 70"],
    ),
    Situation(
        "the gate does not answer when the child is to grow, then it does",
        growing(
            trades(1, 30),
            lambda d: d.gate(GateState.LOST),
            trades(1, 30),
            lambda d: d.gate(GateState.REGAINED),
        ),
        ["works 40", "works 60"],
    ),
    Situation(
        "the gate does not answer when the first order is filled",
        oto(lambda d: d.gate(GateState.LOST), trades(1, 100)),
        ["filled", "ready 100"],
    ),
    Situation("the kill switch before the fill", oto(lambda d: d.kill(), trades(1, 100)), ["filled", "canceled"]),
    Situation("a person cancels the child", oto(lambda d: d.cancel(2)), ["works 100", "canceled"]),
    Situation(
        "children that are OCO, and the first order is filled",
        nested(trades(1, 100)),
        ["filled", "works 100", "stop 100"],
    ),
    Situation(
        "two exits that both rest, and the gate has room for one",
        both(
            lambda d: d.list(Link.OTO, leg(), take_profit(), leg(Side.SELL, price=MARK_TICKS + 2_000), among=Link.OUO),
            trades(1, 100),
        ),
        ["filled", "works 100", "rejected"],
        limits={"max_short_lots": 50},
    ),
    Situation(
        "children that are OCO, and one trades",
        nested(trades(1, 100), trades(2, 1)),
        ["filled", "works 99", "canceled"],
    ),
]


BRACKET = [
    Situation("the entry trades a part", bracket(trades(1, 30)), ["works 70", "works 30", "stop 30"]),
    Situation("the entry is filled", bracket(trades(1, 30), trades(1, 70)), ["filled", "works 100", "stop 100"]),
    Situation(
        "an exit trades while the entry still works",
        bracket(trades(1, 30), trades(2, 10)),
        ["ending", "works 20", "stop 20"],
    ),
    Situation(
        "the entry trades on the wire after an exit has begun",
        bracket(trades(1, 30), trades(2, 10), trades(1, 40)),
        ["ending", "works 60", "stop 60"],
    ),
    Situation(
        "the entry trades on the wire after the stop-loss was filled",
        bracket(trades(1, 30), FALLS, lambda d: d.ends(2), lambda d: d.ends(1), trades(3, 30), trades(1, 40)),
        ["canceled", "canceled", "filled"],
        (0, 40),
    ),
    Situation(
        "the stop-loss fires while the entry still works",
        bracket(trades(1, 30), FALLS),
        ["ending", "ending", "fired, waits 30"],
    ),
    Situation(
        "then entry and take-profit are cancelled",
        bracket(trades(1, 30), FALLS, answers(1), answers(2)),
        ["canceled", "canceled", "works 30"],
    ),
    Situation(
        "the cancel of the entry is refused because it is filled",
        bracket(trades(1, 30), trades(2, 10), refuses(1), trades(1, 70)),
        ["filled", "works 90", "stop 90"],
    ),
    Situation(
        "the gate refuses the take-profit",
        both(
            lambda d: d.list(Link.BRACKET, leg(), leg(Side.SELL, price=2 * MARK_TICKS), stop_loss()),
            trades(1, 100),
        ),
        ["filled", "rejected", "stop 100"],
    ),
    Situation(
        "both exits are cancelled by a person",
        bracket(trades(1, 30), lambda d: d.cancel(3), lambda d: d.cancel(2), answers(2)),
        ["ending", "canceled", "canceled"],
        (0, 30),
    ),
    Situation(
        "the entry is cancelled after a part", bracket(trades(1, 30), ends(1)), ["canceled", "works 30", "stop 30"]
    ),
    Situation(
        "the entry's fill is busted after the exits went out",
        bracket(bust(1, 30)),
        ["works 100", "ending", "waits 100"],
    ),
    Situation(
        "the bracket waits for the whole entry (FULL)",
        both(lambda d: d.bracket(Sizing.FULL), trades(1, 30)),
        ["works 70", "waits 100", "waits 100"],
    ),
    Situation(
        "the kill switch with exits working",
        bracket(trades(1, 30), lambda d: d.kill()),
        ["ending", "ending", "canceled"],
        (0, 30),
    ),
    Situation(
        "the entry is amended to a larger quantity and filled",
        bracket(
            lambda d: d.amend(1, quantity_lots=150),
            answers(1),
            trades(1, 150),
        ),
        ["filled", "works 150", "stop 150"],
    ),
]
