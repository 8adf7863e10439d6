"""What else stops orders: kill switches of every scope, marks, credit, sessions, bands, flags."""

from __future__ import annotations

import pytest

from meltica.domain.breakers import MarkKind
from meltica.domain.commands import (
    ApproveProposal,
    BeginDay,
    ChangeCredit,
    EngageKillSwitch,
    ProposeKillSwitchRelease,
    SetMark,
    SetPriceBand,
)
from meltica.domain.events import (
    CreditChanged,
    KillSwitchEngaged,
    KillSwitchReleased,
    MarkChanged,
    PriceBandChanged,
    ProposalMade,
)
from meltica.domain.inputs import Input
from meltica.domain.limits import DAY_NS, ShortSale
from meltica.domain.market import Mark
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested, OrderDenied, OrderSubmitted
from tests.engines import BTC, MARK_TICKS, START_NS, TestBench, instrument
from tests.unit.engine.test_self_match import recovers
from tests.unit.engine.watch import ADA, BOB, only, refused

ETH = "ETH/USDT@BINANCE"
HOUR = DAY_NS // 24


@pytest.fixture(params=["python", "cython"])
def backend(request):
    return request.param


@pytest.fixture
def bench(backend):
    bench = TestBench(backend, strategies=("a", "b"))
    bench.open_up(instrument(ETH, 2, venue_symbol="ETHUSDT"))
    return bench


def approve(bench, made):
    return bench.step(ApproveProposal(request_id=bench.request(), actor=BOB, proposal_id=made.proposal_id))


def why(bench, **kw):
    event = bench.submit(**kw)[-1]
    return event.reason if isinstance(event, OrderDenied) else ""


def engage(bench, target, **kw):
    return EngageKillSwitch(request_id=bench.request(), actor=ADA, reason="smoke", target=target, **kw)


TARGETS = {
    "strategies/a": ({"strategy": "a"}, {"strategy": "b"}),
    "strategies/manual": ({"strategy": ""}, {"strategy": "b"}),
    f"instruments/{ETH}": ({"instrument": ETH}, {"instrument": BTC}),
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_switch_stops_its_target_alone(bench, target):
    hit, spared = TARGETS[target]
    mine, other = bench.submitted(**hit), bench.submitted(**spared)
    engaged, cancel = bench.step(engage(bench, target))
    assert (type(engaged), engaged.target, engaged.account) == (KillSwitchEngaged, target, "")
    assert (type(cancel), cancel.order_id) == (CancelRequested, mine.order_id)
    assert (why(bench, **hit), why(bench, **spared), other.pending) == ("KILL_SWITCH", "", ())
    body = ProposeKillSwitchRelease(request_id="p", actor=ADA, reason="clear", target=target)
    _, released = approve(bench, only(bench.step(body), ProposalMade))
    assert (type(released), released.target, why(bench, **hit)) == (KillSwitchReleased, target, "")


def test_the_port_is_everything_that_leaves_through_it(bench):
    bench.submitted()
    assert len(bench.step(engage(bench, "ports/paper"))) == 2
    assert why(bench) == why(bench, instrument=ETH) == "KILL_SWITCH"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("strategies/nobody", "UNKNOWN_STRATEGY"),
        ("ports/nowhere", "UNKNOWN_PORT"),
        ("instruments/X/Y@Z", "UNKNOWN_INSTRUMENT"),
        ("planets/mars", "INVALID_REQUEST"),
    ],
)
def test_what_is_not_there_can_not_be_stopped(bench, target, reason):
    refused(bench, engage(bench, target), reason)
    refused(bench, engage(bench, "strategies/a", account="main"), "INVALID_REQUEST")


def mark(bench, kind, name, on, actor="system:test"):
    return SetMark(request_id=bench.request(), actor=actor, mark=kind, name=name, on=on, reason="a test")


MARKS = [
    (MarkKind.GAPPED, BTC, "STALE_REFERENCE"),
    (MarkKind.MISMATCHED, "main", "POSITION_MISMATCH"),
    (MarkKind.DISCONNECTED, "paper", "PORT_DOWN"),
]


@pytest.mark.parametrize(("kind", "name", "reason"), MARKS)
def test_a_mark_stops_orders_until_it_is_cleared(bench, kind, name, reason):
    only(bench.step(mark(bench, kind, name, True)), MarkChanged)
    assert bench.step(mark(bench, kind, name, True)) == ()
    denied = only(bench.submit(), OrderDenied)
    assert (denied.reason, "a test" in denied.text) == (reason, True)
    only(bench.step(mark(bench, kind, name, False)), MarkChanged)
    assert why(bench) == ""


@pytest.mark.parametrize(("kind", "name", "reason"), MARKS)
def test_persons_clear_one_only_together(bench, kind, name, reason):
    event = only(bench.step(mark(bench, kind, name, True, ADA)), MarkChanged)
    assert (event.actor, event.approver) == (ADA, "")
    first, second = (only(bench.step(mark(bench, kind, name, False, ADA)), ProposalMade) for _ in range(2))
    assert why(bench) == reason
    _, cleared = approve(bench, first)
    assert (cleared.on, cleared.actor, cleared.approver, why(bench)) == (False, ADA, BOB, "")
    late = ApproveProposal(request_id="late", actor=BOB, proposal_id=second.proposal_id)
    refused(bench, late, "PROPOSAL_OVERTAKEN")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (MarkKind.GAPPED, "UNKNOWN_INSTRUMENT"),
        (MarkKind.SHORT_RESTRICTED, "UNKNOWN_INSTRUMENT"),
        (MarkKind.MISMATCHED, "UNKNOWN_ACCOUNT"),
        (MarkKind.DISCONNECTED, "UNKNOWN_PORT"),
    ],
)
def test_a_mark_is_about_something_that_is_there(bench, kind, reason):
    refused(bench, mark(bench, kind, "nothing", True), reason, "name")


def credit(bench, name, delta):
    return ChangeCredit(request_id=bench.request(), actor=ADA, reason="a test", name=name, delta_nanos=delta)


VALUE = MARK_TICKS * 100 * 100
LIMITED = {
    "firm": ("firm_open_value_nanos", "FIRM_CREDIT"),
    "accounts/main": ("max_open_value_nanos", "OPEN_EXPOSURE"),
    "strategies/manual": ("strategy_open_value_nanos", "STRATEGY_EXPOSURE"),
}


@pytest.mark.parametrize("name", LIMITED)
def test_credit_goes_down_at_once_and_up_by_two(backend, name):
    field, reason = LIMITED[name]
    bench = TestBench(backend, **{field: VALUE})
    down = only(bench.step(credit(bench, name, -1)), CreditChanged)
    assert (down.total_nanos, down.revision, down.approver) == (-1, 1, "")
    denied = only(bench.submit(), OrderDenied)
    assert (denied.reason, "-0.000000001" in denied.text) == (reason, True)
    made, overtaken = (only(bench.step(credit(bench, name, 1)), ProposalMade) for _ in range(2))
    assert why(bench) == reason
    _, up = approve(bench, made)
    assert (up.total_nanos, up.revision, up.actor, up.approver) == (0, 2, ADA, BOB)
    only(bench.submit(), OrderSubmitted)
    late = ApproveProposal(request_id="late", actor=BOB, proposal_id=overtaken.proposal_id)
    refused(bench, late, "PROPOSAL_OVERTAKEN")


@pytest.mark.parametrize(
    ("name", "delta", "reason"),
    [
        ("accounts/nobody", -1, "UNKNOWN_LIMITS"),
        ("strategies/nobody", -1, "UNKNOWN_LIMITS"),
        ("ports/paper", -1, "UNKNOWN_LIMITS"),
        ("", -1, "UNKNOWN_LIMITS"),
        ("firm", 0, "NOTHING_TO_CHANGE"),
        ("firm", -(2**63), "LIMIT_OUT_OF_RANGE"),
        ("firm", 2**64, "LIMIT_OUT_OF_RANGE"),
    ],
)
def test_credit_that_can_not_be(bench, name, delta, reason):
    refused(bench, credit(bench, name, delta), reason)


def test_credit_does_not_add_up_to_more_than_a_register_holds(bench):
    only(bench.step(credit(bench, "firm", -(2**63 - 1))), CreditChanged)
    refused(bench, credit(bench, "firm", -1), "LIMIT_OUT_OF_RANGE", "delta")


@pytest.mark.parametrize("opens", [2, 20])
def test_a_session_opens_and_closes_every_day(backend, opens):
    """20:00 to 02:00 spans midnight, 02:00 to 20:00 does not."""
    closes = 22 - opens
    bench = TestBench(backend, session_open_ns=opens * HOUR, session_close_ns=closes * HOUR)
    midnight = START_NS - START_NS % DAY_NS + DAY_NS
    for hour in (1, 3, 19, 21, 25, 27, 43, 45, 49, 24 * 9 + 3, 24 * 9 + 21):
        bench.now_ns = midnight + hour * HOUR
        within = 2 < hour % 24 < 20 if opens == 2 else not 2 < hour % 24 < 20
        assert why(bench, quantity_lots=hour) == ("" if within else "SESSION_WINDOW"), hour
    bench.now_ns = midnight + 24 * 20 * HOUR + opens * HOUR - 1_001
    denied = bench.submit()[-1]
    assert (denied.reason, f"from {opens:02}:00:00 to {closes:02}:00:00 UTC" in denied.text) == ("SESSION_WINDOW", True)
    assert why(bench) == ""


def test_a_session_that_was_never_set_is_shut(backend):
    bench = TestBench(backend, session_close_ns=0)
    assert "no session" in only(bench.submit(), OrderDenied).text


def test_a_days_quantity_counts_until_the_day_is_over(backend):
    bench = TestBench(backend, max_day_lots=150)
    assert [why(bench), why(bench)] == ["", "DAY_QUANTITY"]
    bench.step(BeginDay(request_id="", actor="system:test"))
    assert why(bench) == ""


def test_a_band_of_the_market_holds_until_it_is_lifted(bench):
    band = {"request_id": "", "actor": "system:market", "instrument": BTC}
    only(bench.step(SetPriceBand(**band, low_ticks=MARK_TICKS - 5, high_ticks=MARK_TICKS + 5)), PriceBandChanged)
    assert why(bench, price_ticks=MARK_TICKS + 6) == "PRICE_BAND"
    assert why(bench, price_ticks=MARK_TICKS + 5) == ""
    only(bench.step(SetPriceBand(**band, low_ticks=0, high_ticks=0)), PriceBandChanged)
    assert why(bench, price_ticks=MARK_TICKS + 6) == ""
    for low, high in ((5, 4), (0, 4), (-1, 4), (4, 2**60 + 1)):
        refused(bench, SetPriceBand(**band, low_ticks=low, high_ticks=high), "PRICE_OUT_OF_RANGE")
    refused(bench, SetPriceBand(**band | {"instrument": "X"}, low_ticks=1, high_ticks=2), "UNKNOWN_INSTRUMENT")


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [
        ((MARK_TICKS - 1, 5_000), (MARK_TICKS + 1, 200), ""),
        ((MARK_TICKS - 1, 5_000), (MARK_TICKS + 1, 199), "MARKET_IMPACT"),
        ((MARK_TICKS - 1, 5_000), None, "MARKET_IMPACT"),
        (None, (MARK_TICKS + 1, 200), ""),
        ((MARK_TICKS, 5_000), (MARK_TICKS, 200), "CROSSED_BOOK"),
        ((-3, 5_000), (MARK_TICKS, 2**70), "MARKET_IMPACT"),
    ],
)
def test_quotes_travel_with_the_order_that_they_decide(backend, bid, ask, reason):
    bench = TestBench(backend, max_impact_percent=50)
    submit = TestBench(backend)
    submit.submit()
    command = submit.history[-1][0].body
    now_ns = bench.now_ns + 1_000
    happened = Input(now_ns, command, (Mark(BTC, now_ns, MARK_TICKS, bid, ask),))
    event = bench.engine.step(happened)[-1]
    assert (event.reason if isinstance(event, OrderDenied) else "") == reason


def test_short_sales_by_the_rule(backend):
    bench = TestBench(backend, short_sale=ShortSale.REG_SHO, located_lots=100)
    sale = {"side": Side.SELL, "price_ticks": MARK_TICKS}
    assert why(bench, **sale) == "SHORT_SALE", "nothing is owned and it is not marked"
    assert why(bench, **sale, short=True, quantity_lots=101) == "SHORT_SALE", "not located"
    assert why(bench, **sale, short=True, quantity_lots=60) == ""
    bench.step(mark(bench, MarkKind.SHORT_RESTRICTED, BTC, True))
    assert why(bench, **sale, short=True, quantity_lots=20) == "SHORT_SALE", "no bid is known"
    assert why(bench, **sale, short=True, short_exempt=True, quantity_lots=20) == ""


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"short": True}, "SHORT_NOT_A_SALE", "short_sale"),
        ({"side": Side.SELL, "short_exempt": True}, "SHORT_EXEMPT_NOT_SHORT", "short_exempt"),
        ({"iso": True, "price_ticks": None}, "ISO_WITHOUT_PRICE", "intermarket_sweep"),
    ],
)
def test_flags_that_contradict_the_order(bench, fields, reason, field):
    event = bench.submit(**fields)[-1]
    assert (event.reason, event.field) == (reason, field)


def test_what_an_account_may_not_flag(backend):
    bench = TestBench(backend, iso_allowed=False, short_exempt_allowed=False)
    assert why(bench, iso=True) == "ISO_NOT_ALLOWED"
    assert why(bench, side=Side.SELL, short=True, short_exempt=True) == "SHORT_SALE"
    order = bench.engine.state.order(1)
    assert (order.iso, order.short) == (True, False)


def test_a_strategy_without_limits_is_refused_by_name(bench):
    denied = only(bench.submit(strategy="stranger"), OrderDenied)
    assert (denied.reason, "strategies/stranger" in denied.text) == ("STRATEGY_DISABLED", True)
    assert why(bench, strategy="") == "", "an order of none is manual's"


def test_all_of_it_is_there_after_a_recovery(bench):
    for body in (
        engage(bench, f"instruments/{ETH}"),
        mark(bench, MarkKind.SHORT_RESTRICTED, BTC, True),
        mark(bench, MarkKind.GAPPED, ETH, True),
        credit(bench, "firm", -5),
        SetPriceBand(request_id="", actor="x", instrument=BTC, low_ticks=1, high_ticks=MARK_TICKS),
        BeginDay(request_id="", actor="x"),
    ):
        bench.step(body)
    bench.submitted()
    recovers(bench)
