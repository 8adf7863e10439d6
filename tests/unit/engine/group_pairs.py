"""Situations of legs that end or reduce each other: OCO and OUO. The names are the first column of the guide's."""

from __future__ import annotations

from meltica.domain.order import Side
from meltica.domain.reports import ExecType
from tests.engines import MARK_TICKS
from tests.unit.engine.group_day import GroupDay, stop
from tests.unit.engine.group_steps import (
    FALLS,
    Situation,
    answers,
    both,
    bust,
    ends,
    oco,
    ouo,
    refuses,
    trades,
    two_limits,
)


def _first_fill(day: GroupDay, answers: int) -> str:
    name = day.trades(1, 30)
    day.answers_requests(answers)
    return name


OCO = [
    Situation("a leg trades a part", oco(trades(1, 30)), ["works 70", "ending"]),
    Situation(
        "the other leg trades before its cancel arrives", oco(trades(1, 30), trades(2, 20)), ["works 50", "ending"]
    ),
    Situation("both legs trade beyond the quantity", oco(trades(1, 30), trades(2, 100)), ["ending", "filled"], (30, 0)),
    Situation("both legs are filled on the wire", oco(trades(1, 100), trades(2, 100)), ["filled", "filled"], (100, 0)),
    Situation(
        "the cancel is refused, then the fill comes",
        oco(trades(1, 30), refuses(2), trades(2, 50)),
        ["works 20", "ending"],
    ),
    Situation(
        "the cancel is refused twice and nothing else comes",
        oco(trades(1, 30), refuses(2), refuses(2)),
        ["works 70", "works 100"],
    ),
    Situation(
        "nobody knows whether the cancel arrived",
        oco(trades(1, 30), lambda d: d.loses_request(2)),
        ["works 70", "ending"],
    ),
    Situation(
        "a late fill of the cancelled leg",
        oco(trades(1, 30), answers(2), trades(2, 20)),
        ["works 50", "canceled"],
    ),
    Situation("the fill that ended the other is busted", oco(bust(1, 30), answers(2)), ["works 100", "canceled"]),
    Situation("a fill is corrected upwards", oco(bust(1, 30, 60)), ["works 40", "ending"]),
    Situation("a person cancels a leg", oco(lambda d: d.cancel(1), answers(1)), ["canceled", "ending"]),
    Situation("a leg expires", oco(ends(1, ExecType.EXPIRED)), ["expired", "works 100"]),
    Situation("the venue refuses a leg", oco(ends(1, ExecType.REJECTED)), ["rejected", "works 100"]),
    Situation(
        "a leg's price is being amended when the other trades",
        oco(lambda d: d.amend(1, price_ticks=MARK_TICKS - 50), trades(2, 30)),
        ["ending", "works 70"],
    ),
    Situation(
        "the amendment is done after the cancel was sent, and trades",
        oco(
            lambda d: d.amend(1, price_ticks=MARK_TICKS - 50),
            trades(2, 30),
            lambda d: d.tell(1, ExecType.REPLACED, name=d.order(1).pending[0].client_order_id),
            trades(1, 30),
        ),
        ["ending", "works 40"],
    ),
    Situation("the kill switch", oco(lambda d: d.kill()), ["ending", "ending"]),
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
    Situation("the take-profit trades a part", ouo(trades(1, 30)), ["works 70", "stop 70"]),
    Situation("the take-profit is filled", ouo(trades(1, 100)), ["filled", "canceled"]),
    Situation("the stop-loss fires", ouo(FALLS), ["ending", "works 100"]),
    Situation("the stop-loss fires after a part was taken", ouo(trades(1, 40), FALLS), ["ending", "works 60"]),
    Situation(
        "the take-profit trades on the wire while the stop-loss goes out",
        ouo(FALLS, trades(1, 30)),
        ["ending", "works 70"],
    ),
    Situation(
        "both are filled on the wire", ouo(FALLS, trades(1, 100), trades(2, 100)), ["filled", "filled"], (100, 0)
    ),
    Situation(
        "the stop-loss fires, and the gate has no room beside the take-profit",
        ouo(FALLS),
        ["ending", "fired, waits 100"],
        limits={"max_short_lots": 100},
    ),
    Situation(
        "then the take-profit is cancelled",
        ouo(FALLS, answers(1)),
        ["canceled", "works 100"],
        limits={"max_short_lots": 100},
    ),
    Situation(
        "then the take-profit trades a part, and is cancelled",
        ouo(FALLS, trades(1, 40), answers(1)),
        ["canceled", "works 60"],
        limits={"max_short_lots": 100},
    ),
    Situation(
        "then the take-profit is filled",
        ouo(FALLS, trades(1, 100)),
        ["filled", "canceled"],
        limits={"max_short_lots": 100},
    ),
    Situation("the fill of the take-profit is busted", ouo(bust(1, 30)), ["works 100", "stop 100"]),
    Situation("two working legs, one trades a part", two_limits(trades(1, 30)), ["works 70", "works 70"]),
    Situation(
        "the other trades before it is reduced",
        two_limits(trades(1, 30), trades(2, 50)),
        ["works 20", "works 20"],
    ),
    Situation("the reduction is refused", two_limits(trades(1, 30), refuses(2)), ["works 70", "ending"]),
    Situation(
        "the reduction and the cancel are refused",
        two_limits(trades(1, 30), refuses(2), refuses(2)),
        ["works 70", "works 100"],
    ),
    Situation(
        "the venue restates the leg in between",
        two_limits(
            trades(1, 30),
            refuses(2),
            lambda d: d.tell(2, ExecType.RESTATED, order_quantity_lots=70),
            refuses(2),
            trades(1, 10),
        ),
        ["works 60", "ending"],
    ),
    Situation(
        "an amendment of a leg's price is refused, then the other trades",
        two_limits(lambda d: d.amend(2, price_ticks=MARK_TICKS + 1_900), refuses(2), trades(1, 30)),
        ["works 70", "works 70"],
    ),
    Situation(
        "a working leg was reduced, and the fill is busted",
        two_limits(lambda d: d.corrected(1, _first_fill(d, 2), 0)),
        ["works 100", "works 100"],
    ),
    Situation("a person cancels one leg", ouo(lambda d: d.cancel(2)), ["works 100", "canceled"]),
    Situation("one leg expires", ouo(trades(1, 30), ends(1, ExecType.EXPIRED)), ["expired", "stop 70"]),
    Situation(
        "the venue restates a leg larger",
        two_limits(trades(1, 30), lambda d: d.tell(2, ExecType.RESTATED, order_quantity_lots=150)),
        ["works 70", "works 70"],
    ),
]
