"""What loosens a limit needs a second person; what tightens does not."""

from __future__ import annotations

import msgspec
import pytest

from meltica.domain.approvals import person_of
from meltica.domain.limits import (
    ACCOUNT_NAME,
    ALWAYS,
    DAY_NS,
    NEVER,
    AccountLimits,
    FirmLimits,
    InstrumentLimits,
    PortLimits,
    PositionLimits,
    SelfMatch,
    ShortSale,
    StrategyLimits,
    key_of,
    loosened,
    session_window,
)
from tests.engines import BTC

HOUR = 3_600 * 1_000_000_000
MORE, LESS = (4, 5), (6, 5)
"""(tighter, looser) values of a limit that lets more through when it grows, and of one when it shrinks."""
YES, NO = (False, True), (True, False)

FIELDS = {
    InstrumentLimits(instrument=BTC): {
        "enabled": [YES],
        "restricted": [NO],
        "max_quantity_lots": [MORE],
        "max_value_nanos": [MORE],
        "collar_bps": [MORE],
        "reference_max_age_ns": [MORE],
        "short_sale": [(ShortSale.FREE, ShortSale.FREE)],
        "session_open_ns": [(6 * HOUR, 5 * HOUR)],
        "session_close_ns": [(7 * HOUR, 8 * HOUR)],
        "max_day_lots": [MORE],
        "messages_per_second": [MORE],
        "message_burst": [MORE],
        "max_impact_percent": [MORE, (5, 0)],
    },
    AccountLimits(account="main"): {
        "enabled": [YES],
        "max_open_value_nanos": [MORE],
        "max_open_orders": [MORE],
        "messages_per_second": [MORE],
        "message_burst": [MORE],
        "duplicate_window_ns": [LESS, (5, 0)],
        "market_orders_allowed": [YES],
        "iso_allowed": [YES],
        "short_exempt_allowed": [YES],
        "self_match": [(SelfMatch.CANCEL_NEWEST, mode) for mode in SelfMatch if mode is not SelfMatch.CANCEL_NEWEST],
        "self_match_group": [],
        "max_consecutive_rejects": [MORE],
        "max_daily_loss_nanos": [MORE],
        "max_drawdown_nanos": [MORE],
        "rearm_after_ns": [LESS, (0, 5)],
    },
    PositionLimits(account="main", instrument=BTC): {
        "max_long_lots": [MORE],
        "max_short_lots": [MORE],
        "located_lots": [MORE],
    },
    FirmLimits(): {
        name: [MORE] for name in ("max_open_value_nanos", "max_open_orders", "messages_per_second", "message_burst")
    },
    StrategyLimits(strategy="momentum"): {
        "enabled": [YES],
        "max_open_value_nanos": [MORE],
        "max_executions": [MORE],
        "messages_per_second": [MORE],
        "message_burst": [MORE],
    },
    PortLimits(port="paper"): {"enabled": [YES], "messages_per_second": [MORE], "message_burst": [MORE]},
}
"""Row -> field -> pairs of which the second lets more through. Fields without a direction have tests of their own."""
CASES = [(row, name, pair) for row, fields in FIELDS.items() for name, pairs in fields.items() for pair in pairs]
OPEN = {"session_open_ns": 6 * HOUR, "session_close_ns": 7 * HOUR}


@pytest.mark.parametrize(("row", "name", "pair"), CASES, ids=[f"{key_of(r)}-{n}-{p}" for r, n, p in CASES])
def test_each_field_loosens_in_one_direction_only(row, name, pair):
    if isinstance(row, InstrumentLimits):
        row = msgspec.structs.replace(row, **OPEN)
    tight, loose = (msgspec.structs.replace(row, **{name: value}) for value in pair)
    assert loosened(tight, loose) == ((name,) if tight != loose else ())
    assert loosened(loose, tight) == ()


def test_every_field_of_every_row_is_in_the_table():
    for row, fields in FIELDS.items():
        assert set(fields) == {n for n in row.__struct_fields__ if not isinstance(getattr(row, n), str)}, row


@pytest.mark.parametrize("row", FIELDS, ids=key_of)
def test_the_same_is_not_looser_and_what_was_never_set_is_shut(row):
    assert loosened(row, row) == loosened(None, row) == ()
    opened = {name: pairs[0][1] for name, pairs in FIELDS[row].items() if pairs and pairs[0] in (MORE, YES)}
    opened.pop("max_impact_percent", None)  # There 0 is the loosest.
    assert set(loosened(None, msgspec.structs.replace(row, **opened))) == set(opened)


@pytest.mark.parametrize("old", SelfMatch)
@pytest.mark.parametrize("new", SelfMatch)
def test_every_other_mode_than_refusing_is_looser(old, new):
    rows = (AccountLimits(account="main", self_match=mode) for mode in (old, new))
    assert loosened(*rows) == (("self_match",) if new not in (old, SelfMatch.CANCEL_NEWEST) else ())


@pytest.mark.parametrize("old", ShortSale)
@pytest.mark.parametrize("new", ShortSale)
def test_only_from_no_rule_to_a_rule_is_not_looser(old, new):
    rows = (InstrumentLimits(instrument=BTC, short_sale=rule) for rule in (old, new))
    assert loosened(*rows) == (("short_sale",) if new is not old and old is not ShortSale.FREE else ())


def test_another_group_may_be_a_smaller_one_so_it_is_looser():
    rows = [AccountLimits(account="main", self_match_group=group) for group in (1, 2)]
    assert loosened(*rows) == loosened(*reversed(rows)) == ("self_match_group",)


def session(opens, closes):
    return InstrumentLimits(instrument=BTC, session_open_ns=opens * HOUR, session_close_ns=closes * HOUR)


@pytest.mark.parametrize(
    ("old", "new", "looser"),
    [
        ((6, 7), (6, 8), True),
        ((6, 8), (6, 7), False),
        ((6, 8), (7, 8), False),
        ((6, 8), (5, 7), True),
        ((6, 8), (9, 10), True),
        ((0, 24), (6, 8), False),
        ((6, 8), (0, 24), True),
        ((0, 0), (6, 8), True),
        ((6, 8), (7, 7), False),
        ((22, 4), (23, 3), False),
        ((22, 4), (23, 5), True),
        ((22, 4), (1, 3), False),
        ((22, 4), (21, 24), True),
        ((0, 24), (22, 4), False),
        ((22, 0), (22, 24), False),
    ],
)
def test_a_session_is_looser_when_it_is_open_at_another_time(old, new, looser):
    assert bool(loosened(session(*old), session(*new))) == looser


@pytest.mark.parametrize(
    ("hours", "at", "window"),
    [
        ((6, 8), 0, (6, 8)),
        ((6, 8), 7, (6, 8)),
        ((6, 8), 8, (30, 32)),
        ((6, 8), 23, (30, 32)),
        ((22, 4), 3, (-2, 4)),
        ((22, 4), 4, (22, 28)),
        ((22, 4), 23, (22, 28)),
        ((22, 24), 23, (22, 24)),
        ((22, 0), 23, (22, 24)),
    ],
)
def test_the_session_under_way_or_else_the_next_one(hours, at, window):
    day = 19_000 * DAY_NS
    found = session_window(session(*hours), day + at * HOUR)
    assert found == tuple(day + hour * HOUR for hour in window)


def test_always_and_never():
    assert session_window(session(0, 24), 5) == ALWAYS
    assert session_window(session(0, 0), 5) == session_window(session(7, 7), 5) == NEVER


def test_several_changes_at_once_name_only_what_loosens():
    row = PositionLimits(account="main", instrument=BTC, max_long_lots=5, max_short_lots=5)
    mixed = msgspec.structs.replace(row, max_long_lots=9, max_short_lots=1)
    assert loosened(row, mixed) == ("max_long_lots",)


def test_keys_tell_rows_apart():
    assert [key_of(row) for row in FIELDS] == [
        f"instruments/{BTC}",
        "accounts/main",
        f"accounts/main/positions/{BTC}",
        "firm",
        "strategies/momentum",
        "ports/paper",
    ]
    assert not ACCOUNT_NAME.fullmatch(f"main/positions/{BTC}"), "or an account would have a position's key"


@pytest.mark.parametrize("name", ["", "/", "a|b", "a b", "-a", "ä", "a" * 65, "a\n", "a/positions/b"], ids=ascii)
def test_names_that_would_break_keys_are_none(name):
    assert not ACCOUNT_NAME.fullmatch(name)


@pytest.mark.parametrize(
    ("actor", "person"),
    [
        ("spiffe://meltica.example/person/ada", "ada"),
        ("spiffe://meltica.example/person/ada/laptop", "ada"),
        ("spiffe://meltica.example/person/ada/laptop/2", "ada"),
        ("spiffe://other.example/person/ada", "ada"),
        ("spiffe://meltica.example/service/ada", "spiffe://meltica.example/service/ada"),
        ("system:settings", "system:settings"),
    ],
)
def test_one_person_with_several_certificates_is_one_person(actor, person):
    assert person_of(actor) == person
